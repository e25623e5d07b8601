//! The complete Cholesky factor by supernodes.

use super::appended::Appended;
use super::multifrontal::Frontal;
use super::normal_matrix::neighbourhood;
use super::value_layout::{Target, ValueLayout, targets};
use super::{BlockJacobian, SparseError, Structure, Supernodes, minimum_degree};
use crate::precision::kernels::panels::{self, LANES, SmallPivot};
use crate::precision::{Precision, Scalar, bf16, f16};
use std::sync::Arc;

/// What making a factor took, and what it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, serde::Serialize)]
pub struct FactorStatistics {
    /// Numerical factorizations so far.
    pub factorizations: usize,
    /// Numbers in the factor.
    pub entries: usize,
    /// Multiplications (each with an addition) of one factorization.
    pub operations: f64,
    /// Pivots that the last factorization raised, because rounding had left nothing of them.
    pub raised_pivots: usize,
}

/// A complete Cholesky factor `L Lᵀ = S Jᵀ W J S + λ I` of variables of one size (3 or 6), computed in single precision,
/// or in double if it is stored so, or if single leaves nothing of some pivots: then it is stored in single.
///
/// Computing `L` with unit roundoff `u` changes the matrix `A` by `u ‖A‖`, which is far from it where its condition is beyond
/// `1/u`: its softest motions are lost. Rounding an exact `L` changes it by factors `1 + u |L⁻¹| |L|`, so only the root of
/// the condition counts (Higham, *Accuracy and Stability of Numerical Algorithms* (2002), 10.1).
///
/// The pattern is found once and refilled from one Jacobian after another. `S` are the Jacobian's own column scales, so
/// the diagonal is near one and the factor fits half precision.
///
/// # Source
/// Duff, Reid, *The multifrontal solution of indefinite sparse symmetric linear equations* (1983).
#[derive(Debug, Clone)]
pub struct Cholesky {
    size: usize,
    nodes: Arc<Supernodes>,
    layout: ValueLayout,
    /// Rows of the longest panel, with what fills it up.
    longest: usize,
    targets: Vec<Target>,
    values: Values,
    /// By position: first column of the variable in the Jacobian.
    columns: Vec<u32>,
    /// By column of the Jacobian: its scale in `S`.
    scales: Vec<f64>,
    /// Variables that have joined since it was made.
    appended: Appended,
    /// Residual blocks of the structure, and how many of them it was made for.
    block_count: usize,
    own_block_count: usize,
    statistics: FactorStatistics,
}

/// The panels in the precision of their computation, and rounded to their storage if that is another.
#[derive(Debug, Clone)]
enum Values {
    BF16 {
        computed: Frontal<f32>,
        stored: Vec<bf16>,
    },
    F16 {
        computed: Frontal<f32>,
        stored: Vec<f16>,
    },
    F32(Frontal<f32>),
    /// Where computing in single leaves nothing of some pivots, while rounding the result does little.
    F32OfF64 {
        computed: Frontal<f64>,
        stored: Vec<f32>,
    },
    F64(Frontal<f64>),
}

impl Values {
    fn new(nodes: &Supernodes, size: usize, entries: usize, precision: Precision) -> Self {
        match precision {
            Precision::BF16 => Self::BF16 { computed: Frontal::new(nodes, size, entries), stored: Vec::new() },
            Precision::F16 => Self::F16 { computed: Frontal::new(nodes, size, entries), stored: Vec::new() },
            Precision::F32 => Self::F32(Frontal::new(nodes, size, entries)),
            Precision::F64 => Self::F64(Frontal::new(nodes, size, entries)),
        }
    }
}

/// A factor serves on until one of so many variables has joined since: they are eliminated one by one, which is slow.
const MOST_APPENDED: usize = 8;

/// What is done about a pivot of which rounding has left nothing: one below `floor`, a few units of the diagonal's last
/// place, becomes `raised`. Were it raised to the floor alone, what rounding has left beside it, divided by it, would
/// grow from pivot to pivot.
fn small_pivot(unit: f64) -> SmallPivot {
    SmallPivot { floor: 16.0 * unit, raised: unit.sqrt() }
}

fn round<W: Scalar, C: Scalar>(computed: &[W], stored: &mut Vec<C>) {
    stored.clear();
    stored.extend(computed.iter().map(|value| value.cast::<C>()));
}

impl Cholesky {
    /// Prepares the factor of the normal matrix of a Jacobian of this structure. `nodes` count its free variables in
    /// order of columns. There is no factor yet: see [`Self::factor`].
    ///
    /// # Errors
    /// [`SparseError::BlockSize`] if free variables are not all of one size 3 or 6.
    pub fn new(structure: &Structure, nodes: Arc<Supernodes>, precision: Precision) -> Result<Self, SparseError> {
        let mut free = structure.variables.iter().filter(|variable| !variable.fixed);
        let size = free.next().map_or(3, |variable| variable.size);
        let expected = if size == 6 { 6 } else { 3 };
        if let Some(other) = structure.variables.iter().find(|v| !v.fixed && v.size != expected) {
            return Err(SparseError::BlockSize { expected, found: other.size });
        }
        let layout = ValueLayout::new(&nodes, size);
        let entries = layout.len();
        let values = Values::new(&nodes, size, entries, precision);
        Ok(Self {
            size,
            targets: targets(structure, &nodes, &layout),
            columns: nodes.order.iter().map(|&block| block * size as u32).collect(),
            scales: vec![1.0; structure.column_count()],
            statistics: FactorStatistics { entries, operations: nodes.operations(size), ..FactorStatistics::default() },
            longest: (0..nodes.count()).map(|node| nodes.shape(node, size).stride()).max().unwrap_or(0),
            appended: Appended::default(),
            block_count: structure.residual_block_count(),
            own_block_count: structure.residual_block_count(),
            nodes,
            layout,
            values,
        })
    }

    /// Factors the normal matrix of a Jacobian with this damping; `scales` are those of its columns.
    ///
    /// # Errors
    /// [`SparseError::NotFinite`] if the Jacobian is not finite; there is no usable factor then.
    pub fn factor<P: Scalar>(
        &mut self,
        jacobian: &BlockJacobian<P>,
        scales: &[f64],
        damping: f64,
    ) -> Result<(), SparseError> {
        self.statistics.factorizations += 1;
        self.scales.copy_from_slice(scales);
        let mut factored = self.compute(jacobian, damping);
        let in_single = !matches!(self.values, Values::F32OfF64 { .. } | Values::F64(_));
        if in_single && !matches!(factored, Ok(0)) {
            self.compute_in_double();
            factored = self.compute(jacobian, damping);
        }
        self.statistics.raised_pivots =
            factored.map_err(|position| SparseError::NotFinite { column: self.columns[position] as usize })?;
        Ok(())
    }

    fn compute_in_double(&mut self) {
        let computed = Frontal::new(&self.nodes, self.size, self.statistics.entries);
        self.values = Values::F32OfF64 { computed, stored: Vec::new() };
    }

    /// Computes the panels; returns how many pivots were raised, or the position of one that is not finite.
    fn compute<P: Scalar>(&mut self, jacobian: &BlockJacobian<P>, damping: f64) -> Result<usize, usize> {
        let (size, nodes, layout, targets) = (self.size, &*self.nodes, &self.layout, &self.targets);
        let (single, double) = (small_pivot(f64::from(f32::EPSILON)), small_pivot(f64::EPSILON));
        match &mut self.values {
            Values::BF16 { computed, stored } => {
                let factored = computed.factor(nodes, layout, targets, size, jacobian, damping, single);
                round(computed.values(), stored);
                factored
            }
            Values::F16 { computed, stored } => {
                let factored = computed.factor(nodes, layout, targets, size, jacobian, damping, single);
                stored.resize(computed.values().len(), f16::ZERO);
                panels::round_to_half(computed.values(), stored);
                factored
            }
            Values::F32(computed) => computed.factor(nodes, layout, targets, size, jacobian, damping, single),
            Values::F32OfF64 { computed, stored } => {
                let factored = computed.factor(nodes, layout, targets, size, jacobian, damping, double);
                round(computed.values(), stored);
                factored
            }
            Values::F64(computed) => computed.factor(nodes, layout, targets, size, jacobian, damping, double),
        }
    }

    /// Takes a structure that goes on where its own ends. The factor that there is serves on: it is completed by the new
    /// variables, each with one residual block that joins it to an older one; further residual blocks are not in it.
    /// `false`, and it is of no use any more, if a new variable hangs on nothing.
    pub fn append(&mut self, structure: &Structure) -> bool {
        let (known, first_block) = (self.column_count(), self.block_count);
        self.scales.resize(structure.column_count(), 1.0);
        self.block_count = structure.residual_block_count();
        self.appended.extend(structure, known, self.size, first_block)
            && self.appended.count() <= self.nodes.block_count() / MOST_APPENDED
    }

    /// Rows of residual blocks that are not in it.
    pub fn lacking_rows(&self) -> usize {
        (self.block_count - self.own_block_count - self.appended.count()) * self.size
    }

    /// Whether it lacks residual blocks that have joined since it was made: it cannot be computed anew then.
    pub fn is_appended(&self) -> bool {
        self.block_count > self.own_block_count
    }

    /// Has the present Jacobian's part of the variables that joined since it was made.
    pub(crate) fn factor_appended<P: Scalar>(&mut self, jacobian: &BlockJacobian<P>, damping: f64) {
        self.appended.factor(jacobian, self.size, damping);
    }

    /// A factor, not computed yet, of the whole structure that this one was made for and has been appended to.
    ///
    /// # Errors
    /// As of [`Self::new`].
    pub fn renewed(&self, structure: &Structure) -> Result<Self, SparseError> {
        let (graph, _) = neighbourhood(structure);
        let nodes = Supernodes::new(&graph, &minimum_degree(&graph), self.size);
        let mut renewed = Self::new(structure, Arc::new(nodes), self.precision())?;
        renewed.statistics.factorizations = self.statistics.factorizations;
        if matches!(self.values, Values::F32OfF64 { .. }) {
            renewed.compute_in_double();
        }
        Ok(renewed)
    }

    /// Stores it in another precision, from the next [`Self::factor`] on unless the one there is was computed in it; says
    /// whether it has to be computed anew.
    pub fn set_precision(&mut self, precision: Precision) -> bool {
        if self.precision() == precision {
            return false;
        }
        match &mut self.values {
            Values::BF16 { computed, .. } | Values::F16 { computed, .. } if precision == Precision::F32 => {
                self.values = Values::F32(std::mem::take(computed));
                false
            }
            _ => {
                self.values = Values::new(&self.nodes, self.size, self.statistics.entries, precision);
                true
            }
        }
    }

    /// How many iterations of conjugate gradients on a Jacobian of so many entries cost as much as one factorization,
    /// about: nanoseconds for each operation and number, of which only the proportions matter.
    pub fn iterations_of_its_price(&self, jacobian_entries: usize) -> usize {
        let (entries, operations) = (self.statistics.entries as f64, self.statistics.operations);
        // One that has been appended to needs another order and pattern first.
        let pattern = if self.is_appended() { 700.0 * self.nodes.block_count() as f64 } else { 0.0 };
        let factorization = 0.03 * operations + 1.8 * entries + pattern;
        let each = if self.precision() < Precision::F32 { 0.25 } else { 0.33 };
        let iteration = each * entries + 0.5 * jacobian_entries as f64 + 6.0 * self.column_count() as f64;
        (factorization / iteration.max(1.0)).ceil() as usize
    }

    /// What it is, and what making it took.
    pub fn statistics(&self) -> FactorStatistics {
        self.statistics
    }

    /// The precision in which it is stored.
    pub fn precision(&self) -> Precision {
        match self.values {
            Values::BF16 { .. } => Precision::BF16,
            Values::F16 { .. } => Precision::F16,
            Values::F32(_) | Values::F32OfF64 { .. } => Precision::F32,
            Values::F64(_) => Precision::F64,
        }
    }

    /// Number of unknowns.
    pub fn column_count(&self) -> usize {
        self.scales.len()
    }

    pub(crate) fn size(&self) -> usize {
        self.size
    }

    pub(crate) fn columns(&self) -> &[u32] {
        &self.columns
    }

    pub(super) fn appended(&self) -> &Appended {
        &self.appended
    }

    pub(crate) fn scales(&self) -> &[f64] {
        &self.scales
    }

    /// `x ← (L Lᵀ)⁻¹ x` in order of elimination, computed in `V`. Of thin columns there are so few numbers that they are read as
    /// they were computed where the others are rounded to half.
    pub(crate) fn solve_in_order<V: Scalar>(&self, x: &mut [V]) {
        match &self.values {
            Values::BF16 { computed, stored } => self.solve_stored(computed.values(), stored, x),
            Values::F16 { computed, stored } => self.solve_stored(computed.values(), stored, x),
            Values::F32(computed) => self.solve_stored(computed.values(), computed.values(), x),
            Values::F32OfF64 { stored, .. } => self.solve_stored(stored, stored, x),
            Values::F64(computed) => self.solve_stored(computed.values(), computed.values(), x),
        }
    }

    fn solve_stored<T: Scalar, C: Scalar, V: Scalar>(&self, thin: &[T], gathered: &[C], x: &mut [V]) {
        self.layout.thin.forward(thin, x);
        self.solve_supernodes(gathered, x);
        self.layout.thin.backward(thin, x);
    }

    fn solve_supernodes<C: Scalar, V: Scalar>(&self, values: &[C], x: &mut [V]) {
        let (nodes, starts, size) = (&*self.nodes, &self.layout.starts, self.size);
        let mut front = vec![V::ZERO; self.longest];
        for node in 0..nodes.count() {
            let shape = nodes.shape(node, size);
            let own = nodes.firsts[node] as usize * size..nodes.firsts[node] as usize * size + shape.columns;
            front[..shape.columns].copy_from_slice(&x[own.clone()]);
            front[shape.columns..shape.stride()].fill(V::ZERO);
            panels::forward(&values[starts[node]..starts[node + 1] + LANES], shape, &mut front);
            x[own].copy_from_slice(&front[..shape.columns]);
            for (row, change) in nodes.rows[nodes.rows_of(node)].iter().zip(front[shape.columns..].chunks_exact(size)) {
                for (value, change) in x[*row as usize * size..][..size].iter_mut().zip(change) {
                    *value += *change;
                }
            }
        }
        for node in (0..nodes.count()).rev() {
            let shape = nodes.shape(node, size);
            let own = nodes.firsts[node] as usize * size..nodes.firsts[node] as usize * size + shape.columns;
            front[..shape.columns].copy_from_slice(&x[own.clone()]);
            let rows = &nodes.rows[nodes.rows_of(node)];
            for (row, known) in rows.iter().zip(front[shape.columns..].chunks_exact_mut(size)) {
                known.copy_from_slice(&x[*row as usize * size..][..size]);
            }
            front[shape.rows..shape.stride()].fill(V::ZERO);
            panels::backward(&values[starts[node]..starts[node + 1] + LANES], shape, &mut front);
            x[own].copy_from_slice(&front[..shape.columns]);
        }
    }
}

#[cfg(test)]
mod tests;
