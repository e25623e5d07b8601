//! What an experiment is given.

use super::ReproduceError;
use super::growing_map::MapHistory;
use std::sync::OnceLock;

/// Who wants to know how far an experiment is.
pub trait Progress: Sync {
    /// An experiment begins another part of so many steps.
    fn begin(&self, part: &str, steps: usize);
    /// A step of it is done.
    fn step(&self);
}

/// How much is run, and from which seed.
pub struct Setup<'a> {
    /// A few runs of each experiment instead of all.
    pub quick: bool,
    /// What all random numbers depend on.
    pub seed: u64,
    /// How many runs go on at the same time.
    pub threads: usize,
    /// Who is told.
    pub progress: &'a dyn Progress,
    /// The growing map of which two experiments tell.
    pub(super) map_history: OnceLock<MapHistory>,
}

impl<'a> Setup<'a> {
    /// All runs of each experiment, or a few of each.
    pub fn new(quick: bool, seed: u64, threads: usize, progress: &'a dyn Progress) -> Self {
        Self { quick, seed, threads: threads.max(1), progress, map_history: OnceLock::new() }
    }

    /// One of two numbers: that of a full and that of a quick run.
    pub(super) fn count(&self, full: usize, quick: usize) -> usize {
        if self.quick { quick } else { full }
    }

    /// The growing map, grown at the first call.
    pub(super) fn map_history(&self) -> Result<&MapHistory, ReproduceError> {
        if let Some(history) = self.map_history.get() {
            return Ok(history);
        }
        let history = MapHistory::grow(self)?;
        Ok(self.map_history.get_or_init(|| history))
    }
}
