//! The odometry's pipeline, from a frame to its pose.

use super::covariance::{carried, sqrt_information};
use super::local_map::LocalMap;
use super::localization::{Expected, View, localize};
use super::motion::{Motion, MotionModel};
use super::planar;
use super::recovery::{Carried, LastSeen};
use super::relocalization::relocalize;
use super::uncertainty::Uncertainty;
use super::{Estimate, Keyframe, KeyframeId, OdometryError, OdometryOptions, TrackingState, marginals};
use crate::frontend::{FrontendError, ImageTracker, Tracker};
use crate::geometry::{Se3, se3};
use crate::precision::Policy;
use crate::sensors::{Depth, Frame, ImuSample, Rig, WheelSample};
use crate::solver::SolveStatistics;
use nalgebra::{Matrix6, Vector2};
use std::sync::Arc;

/// Wheels that disagree with the images by more than this squared (99.9% of χ² with 6 degrees of freedom) have slipped.
const SLIP_GATE: f64 = 22.5;

/// Frames that are older than the last one by less than this (ns) are late; by more, the clock may have been set back.
const JUMP_NANOS: i64 = 1_000_000_000;

/// A view that fewer of the features than this share agree on is doubted: the last keyframes are sought in the frame.
const WEAK_SHARE: f64 = 0.33;

/// Visual odometry of a stereo or RGB-D rig, or of a single camera on wheels, which tell the scale.
pub struct Odometry {
    options: OdometryOptions,
    rig: Rig,
    policy: Policy,
    t_odom_start: Se3,
    tracker: Box<dyn Tracker>,
    motion: MotionModel,
    map: LocalMap,
    last_seen: Option<LastSeen>,
    last_estimate: Option<Estimate>,
    /// Stamp of the last frame (ns), if it was long before the one before it.
    stamp_after_jump: Option<i64>,
    /// Of the newest keyframe's pose in the odometry's world, in its base's own frame.
    keyframe_uncertainty: Uncertainty,
    /// Whether it was said that the scale is missing.
    scale_missed: bool,
}

impl Odometry {
    /// An odometry at rest at the origin.
    ///
    /// # Errors
    /// [`OdometryError`] if the rig or the mask does not serve.
    pub fn new(options: &OdometryOptions, rig: &Rig, policy: &Policy) -> Result<Self, OdometryError> {
        let tracker = ImageTracker::new(&options.frontend, rig)?;
        Self::with_tracker(options, rig, policy, Box::new(tracker))
    }

    /// The same with another tracker, which may know the world (tests) or see it in other ways.
    ///
    /// # Errors
    /// [`OdometryError`] if the rig does not serve.
    pub fn with_tracker(
        options: &OdometryOptions,
        rig: &Rig,
        policy: &Policy,
        tracker: Box<dyn Tracker>,
    ) -> Result<Self, OdometryError> {
        check(rig)?;
        Ok(Self {
            options: options.clone(),
            rig: *rig,
            policy: policy.clone(),
            t_odom_start: Se3::identity(),
            tracker,
            motion: MotionModel::new(&options.motion),
            map: LocalMap::new(rig, options),
            last_seen: None,
            last_estimate: None,
            stamp_after_jump: None,
            keyframe_uncertainty: Uncertainty::zero(),
            scale_missed: false,
        })
    }

    /// The same with its first frame at another pose than the origin.
    pub fn starting_at(self, t_odom_base: &Se3) -> Self {
        Self { t_odom_start: *t_odom_base, ..self }
    }

    /// Takes a sample of wheel odometry; samples older than the last one are ignored.
    pub fn add_wheel(&mut self, sample: &WheelSample) {
        self.motion.add_wheel(sample);
    }

    /// Takes a sample of the inertial unit; samples older than the last one are ignored.
    pub fn add_imu(&mut self, sample: &ImuSample) {
        self.motion.add_imu(sample);
    }

    /// Follows the robot into the next frame. Frames that are not newer than the last one change nothing, but when the
    /// clock itself was set back (two frames in order, long before the last one) it goes on from there.
    pub fn track(&mut self, frame: &Arc<Frame>) -> Estimate {
        if self.clock_was_set_back(frame.stamp_nanos) {
            self.forget_times(frame.stamp_nanos);
        }
        if let Some(last) = self.not_newer(frame) {
            return last;
        }
        let carried = self.carry_on(frame);
        let estimate = match self.look(frame, &carried) {
            Ok(Some(view)) => self.accept(frame, view, &carried),
            Ok(None) if self.may_start(frame) => self.start(frame, &carried),
            Ok(None) => self.coast(frame, &carried),
            Err(error) => {
                tracing::warn!("frame at {} ns: {error}", frame.stamp_nanos);
                self.coast(frame, &carried)
            }
        };
        self.remember(estimate)
    }

    /// Whether this is the second frame in order after a jump back in time.
    fn clock_was_set_back(&mut self, stamp_nanos: i64) -> bool {
        let Some(last) = &self.last_estimate else { return false };
        let jumped = last.stamp_nanos.saturating_sub(stamp_nanos) > JUMP_NANOS;
        let goes_on = self.stamp_after_jump.is_some_and(|before| before < stamp_nanos);
        self.stamp_after_jump = jumped.then_some(stamp_nanos);
        jumped && goes_on
    }

    /// Keeps the pose, and forgets everything that has a time.
    fn forget_times(&mut self, stamp_nanos: i64) {
        tracing::warn!("the clock was set back to {stamp_nanos} ns; starting again at the last pose");
        self.motion = MotionModel::new(&self.options.motion);
        self.map.clear();
        (self.last_estimate, self.stamp_after_jump) = (None, None);
        if let Some(seen) = &mut self.last_seen {
            seen.stamp_nanos = stamp_nanos;
        }
    }

    /// The last estimate again, if a frame is not after its own.
    fn not_newer(&self, frame: &Frame) -> Option<Estimate> {
        let last = self.last_estimate.as_ref().filter(|last| frame.stamp_nanos <= last.stamp_nanos)?;
        let (stamp, newest) = (frame.stamp_nanos, last.stamp_nanos);
        tracing::warn!("frame at {stamp} ns is not newer than the last one at {newest} ns; ignored");
        Some(last.clone())
    }

    /// Where the robot should be by now.
    fn carry_on(&self, frame: &Frame) -> Carried {
        let start = LastSeen {
            stamp_nanos: frame.stamp_nanos,
            t_odom_base: self.t_odom_start,
            uncertainty: Uncertainty::zero(),
            from_keyframe: Uncertainty::zero(),
        };
        self.last_seen.as_ref().unwrap_or(&start).carry(&self.motion, frame.stamp_nanos)
    }

    /// Looks for the tracks in the frame, and for its pose; `None` if they do not tell it.
    fn look(&mut self, frame: &Arc<Frame>, carried_on: &Carried) -> Result<Option<View>, FrontendError> {
        self.tracker.take_up(frame)?;
        if self.map.window.keyframes.is_empty() {
            return Ok(None);
        }
        let expected = Expected {
            t_odom_camera: carried_on.t_odom_base * self.rig.t_base_camera,
            covariance: carried(&carried_on.covariance_of_motion, &self.rig.t_base_camera.inverse()),
            turn_measured: carried_on.turn_measured,
        };
        let expected = planar::onto_floor(expected, &self.rig.t_base_camera, &self.options.planar);
        let (tracker, window) = (self.tracker.as_mut(), &self.map.window);
        let view = localize(tracker, window, &self.map.tracks, &expected, &self.options, &self.policy)?;
        let inlier_count = view.as_ref().map_or(0, |view| view.inlier_count);
        if inlier_count as f64 >= WEAK_SHARE * self.map.tracks.len() as f64 && view.is_some() {
            return Ok(view);
        }
        // What is left may agree by chance on a motion that was not foreseen.
        match relocalize(tracker, window, &expected, inlier_count, &self.options, &self.policy)? {
            Some((at_anchor, found)) => {
                self.map.tracks = at_anchor;
                Ok(Some(found))
            }
            None => Ok(view),
        }
    }

    /// Takes the pose that the images told, and makes the frame a keyframe if it is worth it.
    fn accept(&mut self, frame: &Arc<Frame>, view: View, carried_on: &Carried) -> Estimate {
        let stays = self.map.anchor_serves(&view.tracks);
        let at_anchor = std::mem::replace(&mut self.map.tracks, view.tracks);
        let deserving = self.map.deserves_keyframe(frame.stamp_nanos, &view.t_odom_camera, &self.options.window);
        let (keyframe, solve, t_odom_camera) = if deserving {
            self.add_keyframe(frame, &view.t_odom_camera, carried_on)
        } else {
            (None, None, view.t_odom_camera)
        };
        if keyframe.is_none() && stays {
            self.map.tracks = at_anchor;
        } else {
            self.tracker.set_anchor();
        }
        let t_odom_base = t_odom_camera * self.rig.t_base_camera.inverse();
        let (uncertainty, from_keyframe) = match (&keyframe, self.map.newest_base()) {
            (None, Some(newest)) => {
                let t_keyframe_base = newest.inverse() * t_odom_base;
                let since = self.uncertainty_seen(&t_keyframe_base, &view.covariance);
                let uncertainty = self.keyframe_uncertainty.then(&t_keyframe_base, &since);
                (planar::bounded(uncertainty, &t_odom_base, &self.options.planar), since)
            }
            _ => (self.keyframe_uncertainty.clone(), Uncertainty::zero()),
        };
        let covariance = uncertainty.covariance();
        self.see(LastSeen { stamp_nanos: frame.stamp_nanos, t_odom_base, uncertainty, from_keyframe });
        Estimate {
            stamp_nanos: frame.stamp_nanos,
            t_odom_base,
            covariance,
            state: TrackingState::Tracking,
            keyframe,
            solve,
            inlier_count: view.inlier_count,
        }
    }

    /// Makes the frame a keyframe: new features, the window's adjustment, and what it says of the newest pose.
    fn add_keyframe(
        &mut self,
        frame: &Arc<Frame>,
        t_odom_camera: &Se3,
        carried_on: &Carried,
    ) -> (Option<Keyframe>, Option<SolveStatistics>, Se3) {
        let measured = self.measured_since_keyframe(frame.stamp_nanos, t_odom_camera);
        self.map.window.slide(self.options.window.keyframes.saturating_sub(1));
        self.map.refill(self.tracker.as_mut(), &self.options.frontend, false);
        let id = self.map.push(frame, t_odom_camera, measured);
        self.motion.forget_before(frame.stamp_nanos);
        let solve = self.map.adjust(&self.policy, &self.options);
        let window = &mut self.map.window;
        let relative = marginals::settle(window);
        let count = window.keyframes.len();
        let newest = window.keyframes[count - 1].t_odom_camera;
        let t_base_camera = self.rig.t_base_camera;
        let previous = count.checked_sub(2).map(|index| window.keyframes[index].t_odom_camera);
        let t_previous_base =
            previous.map(|previous| t_base_camera * previous.inverse() * newest * t_base_camera.inverse());
        let t_odom_base = newest * t_base_camera.inverse();
        let since = match (&t_previous_base, relative) {
            (Some(t_previous_base), Some(covariance)) => self.uncertainty_seen(t_previous_base, &covariance),
            _ => carried_on.from_keyframe.clone(),
        };
        if let Some(t_previous_base) = &t_previous_base {
            let uncertainty = self.keyframe_uncertainty.then(t_previous_base, &since);
            self.keyframe_uncertainty = planar::bounded(uncertainty, &t_odom_base, &self.options.planar);
        }
        let keyframe = Keyframe {
            id,
            t_odom_base,
            t_previous_base,
            covariance: since.covariance(),
            frame: frame.clone(),
            rig: self.rig,
            depths: self.depths_of(id),
        };
        (Some(keyframe), solve, newest)
    }

    /// Depths that only the motion has told, of what a keyframe sees.
    fn depths_of(&self, id: KeyframeId) -> Vec<(Vector2<f64>, f64)> {
        if self.map.window.sees_depth { Vec::new() } else { self.map.window.depths_of(id) }
    }

    /// The uncertainty of a motion of the base that the images told, from its covariance in the camera's frame.
    fn uncertainty_seen(&self, t_before_base: &Se3, covariance_camera: &Matrix6<f64>) -> Uncertainty {
        let (rig, calibration) = (&self.rig, &self.options.calibration);
        let t_before_camera = rig.t_base_camera.inverse() * t_before_base * rig.t_base_camera;
        let window = &self.map.window;
        Uncertainty::seen(&t_before_camera, covariance_camera, window, rig.depth, calibration)
            .carried(&rig.t_base_camera)
    }

    /// The motion since the last keyframe by wheels and gyroscope, unless they slipped or contradict the images.
    fn measured_since_keyframe(&self, stamp_nanos: i64, t_odom_camera: &Se3) -> Option<Motion> {
        let last = self.map.window.keyframes.back()?;
        let t_last_base = self.map.newest_base()?.inverse() * t_odom_camera * self.rig.t_base_camera.inverse();
        let squared = |motion: &Motion| {
            let deviation = se3::log(&(motion.t_before_base.inverse() * t_last_base));
            sqrt_information(&motion.covariance).map_or(f64::INFINITY, |root| (root * deviation).norm_squared())
        };
        if self.map.window.sees_depth {
            return self.motion.measured(last.stamp_nanos, stamp_nanos, |motion| squared(motion) <= SLIP_GATE);
        }
        // A single camera has its scale from the wheels: where they contradict it they count less, but never nothing, else a
        // scale that went astray would stay so.
        let motion = self.motion.measured(last.stamp_nanos, stamp_nanos, |motion| squared(motion).is_finite())?;
        let excess = (squared(&motion) / SLIP_GATE).max(1.0);
        Some(Motion { covariance: motion.covariance * excess, ..motion })
    }

    /// Whether to start (again) from what is seen now.
    fn may_start(&self, frame: &Frame) -> bool {
        self.map.window.keyframes.is_empty()
            || self.last_seen.as_ref().is_none_or(|last| {
                (frame.stamp_nanos - last.stamp_nanos) as f64 * 1e-9 >= self.options.restart_after_secs
            })
    }

    /// Whether anything tells how long a way is: depths, or for a single camera the wheels.
    fn scale_is_told(&mut self, stamp_nanos: i64) -> bool {
        let told = self.map.window.sees_depth || self.motion.by_wheels(stamp_nanos, stamp_nanos).is_some();
        if !told && !std::mem::replace(&mut self.scale_missed, true) {
            tracing::warn!("one camera alone tells no scale: waiting for wheel odometry, of which nothing has come");
        }
        told
    }

    /// Starts (again) at the pose that was carried on, if the frame has features with depth enough.
    fn start(&mut self, frame: &Arc<Frame>, carried_on: &Carried) -> Estimate {
        let (old_window, old_tracks) = self.map.clear();
        if self.scale_is_told(frame.stamp_nanos) {
            self.map.refill(self.tracker.as_mut(), &self.options.frontend, true);
        }
        let with_depth = self.map.tracks.iter().filter(|track| track.px_right_x.is_some()).count();
        if with_depth < 2 * self.options.min_inliers {
            (self.map.window, self.map.tracks) = (old_window, old_tracks);
            return self.coast(frame, carried_on);
        }
        let t_odom_base = carried_on.t_odom_base;
        let previous = old_window.keyframes.back().map(|last| last.t_odom_camera * self.rig.t_base_camera.inverse());
        if previous.is_some() {
            tracing::info!("lost until {} ns; starting again at the pose carried on", frame.stamp_nanos);
        }
        self.keyframe_uncertainty = carried_on.uncertainty.clone();
        self.tracker.set_anchor();
        let id = self.map.push(frame, &(t_odom_base * self.rig.t_base_camera), None);
        self.motion.forget_before(frame.stamp_nanos);
        self.see(LastSeen {
            stamp_nanos: frame.stamp_nanos,
            t_odom_base,
            uncertainty: carried_on.uncertainty.clone(),
            from_keyframe: Uncertainty::zero(),
        });
        let keyframe = Keyframe {
            id,
            t_odom_base,
            t_previous_base: previous.map(|previous| previous.inverse() * t_odom_base),
            covariance: carried_on.from_keyframe.covariance(),
            frame: frame.clone(),
            rig: self.rig,
            depths: Vec::new(),
        };
        let state = TrackingState::Tracking;
        Estimate { state, keyframe: Some(keyframe), inlier_count: with_depth, ..self.coast(frame, carried_on) }
    }

    /// The pose carried on, for a frame that does not tell.
    fn coast(&self, frame: &Frame, carried_on: &Carried) -> Estimate {
        let state = if self.last_seen.is_some() { TrackingState::Lost } else { TrackingState::Initializing };
        Estimate {
            stamp_nanos: frame.stamp_nanos,
            t_odom_base: carried_on.t_odom_base,
            covariance: carried_on.uncertainty.covariance(),
            state,
            keyframe: None,
            solve: None,
            inlier_count: 0,
        }
    }

    /// Takes a pose from the images as the one to carry on from, and the velocity from the last such pose.
    fn see(&mut self, seen: LastSeen) {
        if let Some(last) = &self.last_seen {
            let t_last_base = last.t_odom_base.inverse() * seen.t_odom_base;
            self.motion.observe(&t_last_base, last.stamp_nanos, seen.stamp_nanos);
        }
        self.last_seen = Some(seen);
    }

    /// Keeps what is said again for a frame that comes twice.
    fn remember(&mut self, estimate: Estimate) -> Estimate {
        tracing::trace!("{} ns: {:?}, {} features", estimate.stamp_nanos, estimate.state, estimate.inlier_count);
        self.last_estimate = Some(Estimate { keyframe: None, solve: None, ..estimate.clone() });
        estimate
    }
}

fn check(rig: &Rig) -> Result<(), OdometryError> {
    let camera = &rig.camera;
    let numbers = [camera.fx, camera.fy, camera.cx, camera.cy];
    let usable = camera.fx > 0.0 && camera.fy > 0.0 && numbers.iter().all(|value| value.is_finite());
    if !usable || camera.width == 0 || camera.height == 0 {
        return Err(OdometryError::Rig {
            expected: "a camera with a focal length and pixels",
            found: format!("{camera:?}"),
        });
    }
    match rig.depth {
        Depth::Stereo { baseline_m } if !(baseline_m.is_finite() && baseline_m > 0.0) => {
            Err(OdometryError::Rig { expected: "a baseline above 0 m", found: format!("{baseline_m} m") })
        }
        _ => Ok(()),
    }
}
