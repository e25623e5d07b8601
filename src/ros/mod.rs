//! The only place that names r2r.
