//! Sparse block matrices: the Jacobian, orderings, incomplete Cholesky factors and triangular solves.
