//! What an experiment is given.

use super::ReproduceError;
use super::growing_map::MapHistory;
use std::path::PathBuf;
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
    /// A few short runs of each experiment.
    pub quick: bool,
    /// The share of an experiment's runs that is done (0 to 1); those that are not quick keep their length and size.
    pub share: f64,
    /// What all random numbers depend on.
    pub seed: u64,
    /// How many runs go on at the same time.
    pub threads: usize,
    /// Where real graphs and recordings are, in folders `pose_graphs`, `sequences` and `trajectories`; what needs them is
    /// skipped where they are missing.
    pub data: Option<PathBuf>,
    /// Who is told.
    pub progress: &'a dyn Progress,
    /// The growing map of which two experiments tell.
    pub(super) map_history: OnceLock<MapHistory>,
}

impl<'a> Setup<'a> {
    /// All runs of each experiment, or a few short ones of each.
    pub fn new(quick: bool, seed: u64, threads: usize, progress: &'a dyn Progress) -> Self {
        Self { quick, share: 1.0, seed, threads: threads.max(1), data: None, progress, map_history: OnceLock::new() }
    }

    /// How many runs: the share of all, at least as many as are quick.
    pub(super) fn count(&self, full: usize, quick: usize) -> usize {
        let share = (full as f64 * self.share).ceil() as usize;
        if self.quick { quick } else { share.clamp(quick.min(full), full) }
    }

    /// How large one run is: that of a full or that of a quick one.
    pub(super) fn size(&self, full: usize, quick: usize) -> usize {
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
