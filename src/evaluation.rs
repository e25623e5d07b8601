//! Absolute and relative trajectory errors.
