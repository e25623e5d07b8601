//! A recording through the whole pipeline, in one process.
