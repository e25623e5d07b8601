//! Which preconditioner a solve uses.

/// A preconditioner of conjugate gradients; one that was computed before is kept by the caller between solves.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub enum Preconditioner {
    /// The inverses of the diagonal blocks of the present `JᵀJ + λ I`: for bundle adjustment.
    #[default]
    BlockJacobi,
}
