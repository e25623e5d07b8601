//! Every kernel against its portable twin and against the bounds of theory; and that `half` means half.

#[path = "precision/error_bounds.rs"]
mod error_bounds;
#[path = "precision/half.rs"]
mod half;
#[path = "precision/policies.rs"]
mod policies;
#[path = "precision/samples.rs"]
mod samples;
