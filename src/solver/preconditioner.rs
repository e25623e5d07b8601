//! Which preconditioner a solve uses.

use super::cgnr::ApplyPreconditioner;
use crate::precision::Scalar;
use crate::sparse::{IncompleteCholesky, TriangularScratch};

/// A preconditioner of conjugate gradients; one that was computed before is kept by the caller between solves.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub enum Preconditioner {
    /// The inverses of the diagonal blocks of the present `JᵀJ + λ I`: for bundle adjustment.
    #[default]
    BlockJacobi,
    /// A static factor of the normal matrix, for pose graphs: it stays as it is from step to step and solve to solve.
    /// The damping is not in it.
    IncompleteCholesky(IncompleteCholesky),
}

/// A static factor with what it needs for the present Jacobian's column scales.
pub(crate) struct BoundFactor<'a, V> {
    pub(crate) factor: &'a IncompleteCholesky,
    pub(crate) scratch: &'a mut TriangularScratch<V>,
}

impl<V: Scalar> ApplyPreconditioner<V> for BoundFactor<'_, V> {
    fn apply(&mut self, r: &[V], z: &mut [V]) {
        self.factor.solve(r, z, self.scratch);
    }
}
