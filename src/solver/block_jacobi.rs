//! The block-Jacobi preconditioner: the inverse of each variable's own block.

use super::cgnr::ApplyPreconditioner;
use crate::precision::{Precision, Scalar, bf16, f16};
use crate::sparse::BlockJacobian;
use nalgebra::DMatrix;

/// Inverses of the diagonal blocks of `JᵀJ + λ I`.
#[derive(Debug, Clone)]
pub(crate) struct BlockJacobi {
    sizes: Vec<usize>,
    /// Diagonal blocks of `JᵀJ`.
    blocks: Vec<f64>,
    /// Their damped inverses.
    inverses: Stored,
    /// Damping of the inverses; NaN before the first.
    damping: f64,
}

#[derive(Debug, Clone)]
enum Stored {
    BF16(Vec<bf16>),
    F16(Vec<f16>),
    F32(Vec<f32>),
    F64(Vec<f64>),
}

impl BlockJacobi {
    pub(crate) fn of<P: Scalar>(jacobian: &BlockJacobian<P>, precision: Precision) -> Self {
        let sizes = jacobian.sizes().to_vec();
        let length = sizes.iter().map(|size| size * size).sum();
        let mut blocks = vec![0.0; length];
        jacobian.diagonal_blocks(&mut blocks);
        let inverses = match precision {
            Precision::BF16 => Stored::BF16(vec![bf16::ZERO; length]),
            Precision::F16 => Stored::F16(vec![f16::ZERO; length]),
            Precision::F32 => Stored::F32(vec![0.0; length]),
            Precision::F64 => Stored::F64(vec![0.0; length]),
        };
        Self { sizes, blocks, inverses, damping: f64::NAN }
    }

    /// Inverts the blocks at a damping; a block that is singular in double counts as the identity.
    pub(crate) fn invert(&mut self, damping: f64) {
        if self.damping == damping {
            return;
        }
        self.damping = damping;
        match &mut self.inverses {
            Stored::BF16(inverses) => invert_blocks(&self.sizes, &self.blocks, damping, inverses),
            Stored::F16(inverses) => invert_blocks(&self.sizes, &self.blocks, damping, inverses),
            Stored::F32(inverses) => invert_blocks(&self.sizes, &self.blocks, damping, inverses),
            Stored::F64(inverses) => invert_blocks(&self.sizes, &self.blocks, damping, inverses),
        }
    }
}

/// The smallest eigenvalue that an inverse may have of a block with unit diagonal: its inverse still fits half.
const SMALLEST: f64 = 1e-4;

fn invert_blocks<C: Scalar>(sizes: &[usize], blocks: &[f64], damping: f64, inverses: &mut [C]) {
    let mut start = 0;
    for &size in sizes {
        let range = start..start + size * size;
        start = range.end;
        if size == 1 {
            let value = blocks[range.start] + damping;
            inverses[range.start] = C::from_f64(1.0 / if value > SMALLEST { value } else { 1.0 });
            continue;
        }
        let block = DMatrix::from_row_slice(size, size, &blocks[range.clone()]);
        // A block is as good as singular in half precision long before double finds it so.
        let shifted = |shift: f64| &block + DMatrix::identity(size, size) * (damping + shift);
        let inverse = (shifted(SMALLEST).cholesky()).map_or_else(|| DMatrix::identity(size, size), |f| f.inverse());
        for (stored, value) in inverses[range].iter_mut().zip(inverse.iter()) {
            *stored = C::from_f64(*value);
        }
    }
}

impl<V: Scalar> ApplyPreconditioner<V> for BlockJacobi {
    fn apply(&mut self, r: &[V], z: &mut [V]) {
        match &self.inverses {
            Stored::BF16(inverses) => multiply_blocks(&self.sizes, inverses, r, z),
            Stored::F16(inverses) => multiply_blocks(&self.sizes, inverses, r, z),
            Stored::F32(inverses) => multiply_blocks(&self.sizes, inverses, r, z),
            Stored::F64(inverses) => multiply_blocks(&self.sizes, inverses, r, z),
        }
    }
}

fn multiply_blocks<C: Scalar, V: Scalar>(sizes: &[usize], inverses: &[C], r: &[V], z: &mut [V]) {
    let (mut start, mut column) = (0, 0);
    for &size in sizes {
        let r = &r[column..column + size];
        for (row, z) in inverses[start..start + size * size].chunks_exact(size).zip(&mut z[column..column + size]) {
            *z = row.iter().zip(r).fold(V::ZERO, |sum, (a, b)| a.cast::<V>().multiply_add(*b, sum));
        }
        start += size * size;
        column += size;
    }
}
