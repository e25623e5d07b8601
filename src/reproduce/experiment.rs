//! The list of experiments.

use super::{
    Outcome, ReproduceError, Setup, linear_solve, loop_closure, map_accuracy, map_time, needs, real_graphs,
    real_recordings, trajectories, trajectory,
};

/// One of the article's experiments.
#[derive(Debug, Clone, Copy)]
pub struct Experiment {
    /// Its name on the command line and of its files.
    pub name: &'static str,
    /// What it shows.
    pub title: &'static str,
    run: fn(&Setup) -> Result<Outcome, ReproduceError>,
}

/// All experiments, in the order in which they are told.
pub fn experiments() -> &'static [Experiment] {
    const ALL: &[Experiment] = &[
        Experiment {
            name: "trajectory",
            title: "one trajectory: naive half and mixed against the truth",
            run: trajectory::run,
        },
        Experiment {
            name: "trajectories",
            title: "1,703 trajectories: errors of odometry in double, mixed and naive half",
            run: trajectories::run,
        },
        Experiment {
            name: "linear_solve",
            title: "the linear solve of bundle adjustment: sparsity, operations, time, and a model of it",
            run: linear_solve::run,
        },
        Experiment {
            name: "loop_closure",
            title: "errors of trajectories without and with loop closure",
            run: loop_closure::run,
        },
        Experiment {
            name: "map_time",
            title: "time of pose graph optimization while a map grows to 10,000 keyframes",
            run: map_time::run,
        },
        Experiment {
            name: "map_accuracy",
            title: "errors of the 800 pose graphs of a growing map in mixed and single",
            run: map_accuracy::run,
        },
        Experiment { name: "needs", title: "what may be half precision and what may not", run: needs::run },
        Experiment {
            name: "real_graphs",
            title: "real pose graphs: where each policy ends, and the drift that loops take away",
            run: real_graphs::run,
        },
        Experiment {
            name: "real_recordings",
            title: "real recordings: odometry and map in double, mixed and naive half",
            run: real_recordings::run,
        },
    ];
    ALL
}

/// The experiment of this name.
///
/// # Errors
/// [`ReproduceError::Unknown`] lists the names.
pub fn find(name: &str) -> Result<&'static Experiment, ReproduceError> {
    experiments().iter().find(|experiment| experiment.name == name).ok_or_else(|| {
        let expected = experiments().iter().map(|experiment| experiment.name).collect::<Vec<_>>().join(", ");
        ReproduceError::Unknown { name: name.into(), expected }
    })
}

/// Runs the experiment of this name.
///
/// # Errors
/// [`ReproduceError`]: there is no such experiment, or something went wrong in it.
pub fn run(name: &str, setup: &Setup) -> Result<Outcome, ReproduceError> {
    (find(name)?.run)(setup)
}
