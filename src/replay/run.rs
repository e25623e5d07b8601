//! The loop: samples in order of time, odometry, keyframes, loops.

use super::ReplayError;
use crate::config::Config;
use crate::geometry::{StampedPose, Trajectory};
use crate::io::sources::Recording;
use crate::map::LoopCloser;
use crate::odometry::{Keyframe, Odometry, TrackingState};
use crate::place::Describer;
use crate::precision::Policy;
use crate::sensors::{Depth, Frame, SensorEvent};
use crate::solver::SolveStatistics;
use std::sync::Arc;
use std::time::Instant;

/// What happened to one frame.
#[derive(Debug, Clone)]
pub struct FrameRecord {
    /// The frame's stamp (ns).
    pub stamp_nanos: i64,
    /// Whether it was tracked.
    pub state: TrackingState,
    /// Time that the odometry took for it, its window's solve included (ms).
    pub frame_ms: f64,
    /// Time that describing it and closing loops took (ms), if it became a keyframe.
    pub map_ms: Option<f64>,
}

/// What came of a replay.
pub struct Outcome {
    /// Name of the precision policy.
    pub policy: String,
    /// Every frame, in order.
    pub frames: Vec<FrameRecord>,
    /// The odometry's poses of the base, one per frame.
    pub odometry: Trajectory,
    /// The map with its graph.
    pub map: LoopCloser,
    /// Every solve, in order.
    pub solves: Vec<SolveStatistics>,
    /// Loops that were found but whose correction failed, and why.
    pub failed_corrections: Vec<String>,
    /// The base's true poses, where known.
    pub truth: Option<Trajectory>,
}

/// Runs a recording through odometry and loop closure; `progress` is called after each frame.
///
/// # Errors
/// [`ReplayError`] if the configuration does not serve or the recording breaks.
pub fn run(
    recording: Recording,
    config: &Config,
    progress: &mut dyn FnMut(&FrameRecord),
) -> Result<Outcome, ReplayError> {
    let policy = Policy::resolve(&config.precision)?;
    if recording.rig.depth == Depth::None && !recording.has_wheels {
        return Err(ReplayError::NoScale { kind: recording.kind });
    }
    let mut pipeline = Pipeline {
        odometry: Odometry::new(&config.odometry, &recording.rig, &policy)?,
        describer: Describer::new(&config.map.place),
        outcome: Outcome {
            policy: policy.name.clone(),
            frames: Vec::new(),
            odometry: Trajectory::default(),
            map: LoopCloser::new(&config.map, &policy),
            solves: Vec::new(),
            failed_corrections: Vec::new(),
            truth: recording.truth,
        },
    };
    for event in recording.events {
        match event? {
            SensorEvent::Frame(frame) => progress(pipeline.take(Arc::new(*frame))),
            SensorEvent::Wheel(sample) => pipeline.odometry.add_wheel(&sample),
            SensorEvent::Imu(sample) => pipeline.odometry.add_imu(&sample),
        }
    }
    pipeline.finish();
    if pipeline.outcome.frames.is_empty() {
        return Err(ReplayError::Empty { kind: recording.kind });
    }
    Ok(pipeline.outcome)
}

struct Pipeline {
    odometry: Odometry,
    describer: Describer,
    outcome: Outcome,
}

impl Pipeline {
    fn take(&mut self, frame: Arc<Frame>) -> &FrameRecord {
        let start = Instant::now();
        let estimate = self.odometry.track(&frame);
        let tracked = Instant::now();
        self.close_loops(estimate.keyframe.as_ref());
        let done = Instant::now();

        self.outcome
            .odometry
            .push(StampedPose { stamp_nanos: estimate.stamp_nanos, t_world_body: estimate.t_odom_base });
        let record = FrameRecord {
            stamp_nanos: estimate.stamp_nanos,
            state: estimate.state,
            frame_ms: (tracked - start).as_secs_f64() * 1e3,
            map_ms: estimate.keyframe.is_some().then(|| (done - tracked).as_secs_f64() * 1e3),
        };
        self.outcome.solves.extend(estimate.solve);
        self.outcome.frames.push(record);
        &self.outcome.frames[self.outcome.frames.len() - 1]
    }

    /// Takes the last keyframe, which no estimate has brought.
    fn finish(&mut self) {
        if let Some((keyframe, solve)) = self.odometry.finish() {
            self.close_loops(Some(&keyframe));
            self.outcome.solves.extend(solve);
        }
    }

    fn close_loops(&mut self, keyframe: Option<&Keyframe>) {
        let Some(keyframe) = keyframe else { return };
        match self.outcome.map.add(self.describer.describe(keyframe)) {
            Ok(Some(correction)) => self.outcome.solves.push(correction.solve),
            Ok(None) => {}
            Err(error) => self.outcome.failed_corrections.push(error.to_string()),
        }
    }
}
