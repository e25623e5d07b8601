//! Keyframes from images and anybody's odometry, on a thread of its own.

use super::RosError;
use super::camera_topics::TIME_JUMP_NANOS;
use super::diagnostics::Diagnostics;
use super::mailbox::Mailbox;
use super::map_worker::MapWorker;
use super::parameters::Live;
use super::raw_frame::RawFrame;
use super::threads::{check_alive, spawn};
use crate::geometry::se3;
use crate::map::KeyframeMaker;
use crate::place::Describer;
use crate::sensors::{Rig, WheelSample};
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long a frame waits for an odometry sample that is as new as it.
const PATIENCE: Duration = Duration::from_millis(300);
const SAMPLES_KEPT: usize = 5_000;

/// The last poses of the odometry, for the thread that asks where the robot was when an image was taken.
#[derive(Default)]
pub struct PoseHistory {
    samples: Mutex<VecDeque<WheelSample>>,
    changed: Condvar,
}

impl PoseHistory {
    /// Takes a sample; one that is older than the last by a jump of time empties the history.
    pub fn add(&self, sample: WheelSample) {
        let mut samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        if samples.back().is_some_and(|last| sample.stamp_nanos < last.stamp_nanos - TIME_JUMP_NANOS) {
            samples.clear();
        }
        if samples.back().is_none_or(|last| sample.stamp_nanos > last.stamp_nanos) {
            samples.push_back(sample);
        }
        if samples.len() > SAMPLES_KEPT {
            samples.pop_front();
        }
        self.changed.notify_all();
    }

    /// The sample at a stamp, between its neighbours; waits for the later one at most `patience`.
    pub fn at(&self, stamp_nanos: i64, patience: Duration) -> Option<WheelSample> {
        let deadline = Instant::now() + patience;
        let mut samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if samples.back().is_some_and(|last| last.stamp_nanos >= stamp_nanos) {
                return between(&samples, stamp_nanos);
            }
            let left = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
            samples = self.changed.wait_timeout(samples, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

fn between(samples: &VecDeque<WheelSample>, stamp_nanos: i64) -> Option<WheelSample> {
    let after = samples.partition_point(|sample| sample.stamp_nanos < stamp_nanos);
    let next = samples.get(after)?;
    if next.stamp_nanos == stamp_nanos {
        return Some(next.clone());
    }
    let before = samples.get(after.checked_sub(1)?)?;
    let fraction = (stamp_nanos - before.stamp_nanos) as f64 / (next.stamp_nanos - before.stamp_nanos) as f64;
    let step = se3::log(&(before.t_wheel_base.inverse() * next.t_wheel_base));
    Some(WheelSample {
        stamp_nanos,
        t_wheel_base: before.t_wheel_base * se3::exp(&(step * fraction)),
        covariance: before.covariance * (1.0 - fraction) + next.covariance * fraction,
    })
}

/// The thread; dropping it ends it after the frame at hand.
pub struct KeyframeWorker {
    frames: Arc<Mailbox<RawFrame>>,
    diagnostics: Arc<Diagnostics>,
    thread: Option<JoinHandle<()>>,
}

impl KeyframeWorker {
    /// Starts the thread, which hands its keyframes to the map.
    ///
    /// # Errors
    /// [`RosError`] if the system gives no thread.
    pub fn start(
        parameters: &Live,
        history: Arc<PoseHistory>,
        map: Arc<MapWorker>,
        diagnostics: Arc<Diagnostics>,
    ) -> Result<Self, RosError> {
        let frames = Arc::new(Mailbox::new(parameters.config().ros.frame_queue));
        let thread = {
            let (frames, diagnostics, parameters) = (frames.clone(), diagnostics.clone(), parameters.clone());
            spawn("keyframes", move || work(&frames, &parameters, &history, &map, &diagnostics))?
        };
        Ok(Self { frames, diagnostics, thread: Some(thread) })
    }

    /// Hands over a frame; never waits.
    ///
    /// # Errors
    /// [`RosError::Other`] if the thread has ended: a bug in it, which has printed its own message.
    pub fn add_frame(&self, frame: RawFrame) -> Result<(), RosError> {
        if self.frames.put(frame).is_some() {
            self.diagnostics.lose("dropped frames", 1);
        }
        check_alive(&self.thread)
    }
}

impl Drop for KeyframeWorker {
    fn drop(&mut self) {
        self.frames.close();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn work(
    frames: &Mailbox<RawFrame>,
    parameters: &Live,
    history: &PoseHistory,
    map: &MapWorker,
    diagnostics: &Diagnostics,
) {
    let (mut config, mut generation) = (parameters.config(), 0);
    let mut describer = Describer::new(&config.map.place);
    let mut making: Option<(Rig, KeyframeMaker)> = None;
    let mut newest_nanos = i64::MIN;
    while let Some(raw) = frames.take() {
        if let Some(changed) = parameters.newer_than(&mut generation) {
            describer.set_options(&changed.map.place);
            making.iter_mut().for_each(|(_, maker)| maker.set_options(&changed.map.keyframes));
            config = changed;
        }
        let Some(sample) = history.at(raw.stamp_nanos, PATIENCE) else {
            diagnostics.lose("frames without odometry", 1);
            continue;
        };
        let frame = match raw.decode() {
            Ok(frame) => Arc::new(frame),
            Err((topic, bad)) => {
                diagnostics.reject(topic, &bad);
                continue;
            }
        };
        let jumped = raw.stamp_nanos < newest_nanos.saturating_sub(TIME_JUMP_NANOS);
        newest_nanos = raw.stamp_nanos;
        let maker = match &mut making {
            Some((rig, maker)) if rig == raw.rig() && !jumped => maker,
            _ => &mut making.insert((*raw.rig(), KeyframeMaker::new(&config.map.keyframes, raw.rig()))).1,
        };
        if let Some(keyframe) = maker.offer(frame, &sample.t_wheel_base, &sample.covariance)
            && let Err(error) = map.add(describer.describe(&keyframe))
        {
            tracing::error!("{error}");
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Se3;
    use nalgebra::Matrix6;

    fn sample(stamp_nanos: i64, x: f64) -> WheelSample {
        WheelSample { stamp_nanos, t_wheel_base: Se3::translation(x, 0.0, 0.0), covariance: Matrix6::identity() * x }
    }

    #[test]
    fn poses_are_interpolated_and_waited_for() {
        let history = Arc::new(PoseHistory::default());
        history.add(sample(100, 1.0));
        assert_eq!(history.at(150, Duration::ZERO), None);
        assert_eq!(history.at(50, Duration::ZERO), None);
        let later = std::thread::spawn({
            let history = history.clone();
            move || history.at(150, Duration::from_secs(10))
        });
        history.add(sample(200, 3.0));
        let found = later.join().unwrap().unwrap();
        assert!((found.t_wheel_base.translation.x - 2.0).abs() < 1e-12);
        assert!((found.covariance[(0, 0)] - 2.0).abs() < 1e-12);
    }

    #[test]
    fn a_jump_of_time_empties_the_history() {
        let history = PoseHistory::default();
        history.add(sample(5 * TIME_JUMP_NANOS, 1.0));
        history.add(sample(0, 2.0));
        assert_eq!(history.at(5 * TIME_JUMP_NANOS, Duration::ZERO), None);
        assert!(history.at(0, Duration::ZERO).is_some());
    }
}
