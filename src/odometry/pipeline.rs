//! The odometry's pipeline, from a frame to its pose.

use super::frame_budget::FrameBudget;
use super::frame_clock::FrameClock;
use super::local_mapping::{LocalMapping, Mapped, NewKeyframe};
use super::localization::{Expected, View, localize};
use super::mapping_thread::{MappingThread, Task};
use super::motion::{Motion, MotionModel};
use super::planar;
use super::recovery::{Carried, LastSeen};
use super::relocalization::relocalize;
use super::slip;
use super::surface_view::view_by_surfaces;
use super::uncertainty::Uncertainty;
use super::validate::validate;
use super::{Estimate, Keyframe, OdometryError, OdometryOptions, TrackingState};
use crate::frontend::{FrontendError, ImageTracker, Tracker};
use crate::geometry::Se3;
use crate::geometry::se3::carried;
use crate::precision::Policy;
use crate::sensors::{Frame, ImuSample, Rig, WheelSample};
use crate::solver::SolveStatistics;
use std::sync::Arc;

/// A view that fewer of the features than this share agree on is doubted: the last keyframes are sought in the frame.
const WEAK_SHARE: f64 = 0.33;

/// Visual odometry of a stereo or RGB-D rig, or of a single camera on wheels, which tell the scale.
pub struct Odometry {
    options: OdometryOptions,
    rig: Rig,
    policy: Policy,
    t_odom_start: Se3,
    motion: MotionModel,
    mapping: MappingThread,
    budget: FrameBudget,
    last_seen: Option<LastSeen>,
    last_estimate: Option<Estimate>,
    clock: FrameClock,
    /// Whether a start has to wait for something that tells the scale.
    scale_missing: bool,
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
        validate(rig)?;
        Ok(Self {
            options: options.clone(),
            rig: *rig,
            policy: policy.clone(),
            t_odom_start: Se3::identity(),
            motion: MotionModel::new(&options.motion),
            mapping: MappingThread::new(LocalMapping::new(options, rig, policy, tracker), options.window.second_thread),
            budget: FrameBudget::new(),
            last_seen: None,
            last_estimate: None,
            clock: FrameClock::default(),
            scale_missing: false,
        })
    }

    /// The same with its first frame at another pose than the origin; an accelerometer still turns it upright.
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
        let last_nanos = self.last_estimate.as_ref().map(|last| last.stamp_nanos);
        if self.clock.was_set_back(last_nanos, frame.stamp_nanos) {
            self.forget_times(frame.stamp_nanos);
        }
        if let Some(last) = self.not_newer(frame) {
            return last;
        }
        self.budget.begin(self.options.frame_budget_ms);
        let (mut mapping, mapped) = self.mapping.take();
        mapping.limit(&self.budget);
        self.take_over(mapped.as_ref(), &mapping);
        let carried = self.carry_on(frame);
        let (estimate, task) = match self.look(&mut mapping, frame, &carried) {
            Ok(Some(view)) => self.accept(&mut mapping, frame, view, &carried),
            Ok(None) if self.may_start(&mapping, frame) => self.start(&mut mapping, frame, &carried),
            Ok(None) => (self.coast(frame, &carried), Task::Done(None)),
            Err(error) => {
                tracing::warn!("frame at {} ns: {error}", frame.stamp_nanos);
                (self.coast(frame, &carried), Task::Done(None))
            }
        };
        self.mapping.give(mapping, task);
        self.budget.end(self.options.frame_budget_ms);
        tracing::trace!("{} ns: {:?}, {} features", estimate.stamp_nanos, estimate.state, estimate.inlier_count);
        self.last_estimate = Some(estimate.clone());
        let (keyframe, solve) = mapped.map_or((None, None), |mapped| (Some(mapped.keyframe), mapped.solve));
        Estimate { keyframe, solve, ..estimate }
    }

    /// Waits for the keyframe that is being made and gives it with its window's solve, if an estimate has not brought them yet:
    /// at a recording's end, or in a pause.
    pub fn finish(&mut self) -> Option<(Keyframe, Option<SolveStatistics>)> {
        let (mapping, mapped) = self.mapping.take();
        self.take_over(mapped.as_ref(), &mapping);
        self.mapping.give(mapping, Task::Done(None));
        mapped.map(|mapped| (mapped.keyframe, mapped.solve))
    }

    /// Whether it has not started because one camera alone tells no scale, and no wheels tell it.
    pub fn waits_for_scale(&self) -> bool {
        self.scale_missing
    }

    /// Goes on from what became of the last frame, if that became a keyframe.
    fn take_over(&mut self, mapped: Option<&Mapped>, mapping: &LocalMapping) {
        let (Some(Mapped { keyframe, t_new_old, .. }), Some(seen)) = (mapped, &mut self.last_seen) else { return };
        if seen.stamp_nanos == keyframe.frame.stamp_nanos {
            seen.t_odom_base = keyframe.t_odom_base;
            seen.uncertainty = mapping.keyframe_uncertainty.clone();
            seen.from_keyframe = Uncertainty::zero();
            self.motion.correct(&keyframe.t_odom_base, t_new_old);
        }
    }

    /// Keeps the pose, and forgets everything that has a time.
    fn forget_times(&mut self, stamp_nanos: i64) {
        tracing::warn!("the clock was set back to {stamp_nanos} ns; starting again at the last pose");
        let (mut mapping, mapped) = self.mapping.take();
        self.take_over(mapped.as_ref(), &mapping);
        self.motion = MotionModel::new(&self.options.motion);
        mapping.map.clear();
        self.mapping.give(mapping, Task::Done(mapped));
        self.last_estimate = None;
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
        let start = || self.motion.standing(&self.t_odom_start, frame.stamp_nanos);
        self.last_seen.clone().unwrap_or_else(start).carry(&self.motion, frame.stamp_nanos)
    }

    /// Looks for the tracks in the frame, and for its pose; `None` if they do not tell it.
    fn look(
        &self,
        mapping: &mut LocalMapping,
        frame: &Arc<Frame>,
        carried_on: &Carried,
    ) -> Result<Option<View>, FrontendError> {
        let (tracker, map) = (mapping.tracker.as_mut(), &mut mapping.map);
        tracker.take_up(frame)?;
        if map.window.keyframes.is_empty() {
            return Ok(None);
        }
        let expected = Expected {
            t_odom_camera: carried_on.t_odom_base * self.rig.t_base_camera,
            covariance: carried(&carried_on.covariance_of_motion, &self.rig.t_base_camera.inverse()),
            turn_is_sure: carried_on.turn_measured,
        };
        let expected = planar::onto_floor(expected, &self.rig.t_base_camera, &self.options.planar);
        let view = localize(tracker, &map.window, &map.tracks, &expected, &self.options, &self.policy)?;
        let inlier_count = view.as_ref().map_or(0, |view| view.inlier_count);
        if inlier_count as f64 >= WEAK_SHARE * map.tracks.len() as f64 && view.is_some() {
            return Ok(view);
        }
        // What is left may agree by chance on a motion that was not foreseen.
        let found = match relocalize(tracker, &map.window, &expected, inlier_count, &self.options, &self.policy)? {
            Some(found) => Some(found),
            None => view_by_surfaces(tracker, &map.window, &expected, &self.options, &self.policy)?,
        };
        let Some((at_anchor, found)) = found else { return Ok(view) };
        map.tracks = at_anchor;
        Ok(Some(found))
    }

    /// Takes the pose that the images told, and has the frame made a keyframe if it is worth it.
    fn accept(
        &mut self,
        mapping: &mut LocalMapping,
        frame: &Arc<Frame>,
        view: View,
        carried_on: &Carried,
    ) -> (Estimate, Task) {
        let stamp_nanos = frame.stamp_nanos;
        let t_odom_base = view.t_odom_camera * self.rig.t_base_camera.inverse();
        let (uncertainty, from_keyframe) = match mapping.map.newest_base() {
            Some(newest) => {
                let t_keyframe_base = newest.inverse() * t_odom_base;
                let since = mapping.uncertainty_seen(&t_keyframe_base, &view.covariance);
                let uncertainty = mapping.keyframe_uncertainty.then(&t_keyframe_base, &since);
                (planar::bounded(uncertainty, &t_odom_base, &self.options.planar), since)
            }
            None => (mapping.keyframe_uncertainty.clone(), Uncertainty::zero()),
        };
        let covariance = uncertainty.covariance();
        let sigma_m = (from_keyframe.covariance().fixed_view::<3, 3>(0, 0).trace() / 3.0).sqrt();
        self.see(LastSeen { stamp_nanos, t_odom_base, uncertainty, from_keyframe });
        let stays = view.tracks.is_empty() || mapping.map.anchor_serves(&view.tracks);
        let at_anchor = std::mem::replace(&mut mapping.map.tracks, view.tracks);
        let shared = view.surfaces.as_ref().map(|surfaces| surfaces.shared);
        let task = if mapping.map.deserves_keyframe(stamp_nanos, &view.t_odom_camera, shared, &self.options.window) {
            let by_others = || self.measured_since_keyframe(mapping, stamp_nanos, &view.t_odom_camera);
            let measured = view.surfaces.map(|surfaces| surfaces.motion).or_else(by_others);
            let up = self.motion.up(sigma_m);
            self.motion.forget_before(stamp_nanos);
            Task::Map(NewKeyframe {
                frame: frame.clone(),
                t_odom_camera: view.t_odom_camera,
                measured,
                carried: carried_on.from_keyframe.clone(),
                up,
            })
        } else if stays {
            mapping.map.tracks = at_anchor;
            Task::Done(None)
        } else {
            mapping.tracker.set_anchor();
            Task::Done(None)
        };
        let estimate = Estimate {
            stamp_nanos,
            t_odom_base,
            covariance,
            state: TrackingState::Tracking,
            keyframe: None,
            solve: None,
            inlier_count: view.inlier_count,
            surface_share: shared,
            feature_share: self.budget.share(),
        };
        (estimate, task)
    }

    /// The motion since the last keyframe by wheels and gyroscope, unless they slipped or contradict the images.
    fn measured_since_keyframe(&self, mapping: &LocalMapping, stamp_nanos: i64, t_odom_camera: &Se3) -> Option<Motion> {
        let last = mapping.map.window.keyframes.back()?;
        let t_last_base = mapping.map.newest_base()?.inverse() * t_odom_camera * self.rig.t_base_camera.inverse();
        let sees_depth = mapping.map.window.sees_depth;
        slip::believed(&self.motion, last.stamp_nanos, stamp_nanos, &t_last_base, sees_depth)
    }

    /// Whether to start (again) from what is seen now.
    fn may_start(&self, mapping: &LocalMapping, frame: &Frame) -> bool {
        mapping.map.window.keyframes.is_empty()
            || self.last_seen.as_ref().is_none_or(|last| {
                (frame.stamp_nanos - last.stamp_nanos) as f64 * 1e-9 >= self.options.restart_after_secs
            })
    }

    /// Whether anything tells how long a way is: depths, or for a single camera the wheels.
    fn scale_is_told(&mut self, mapping: &LocalMapping, stamp_nanos: i64) -> bool {
        let told = mapping.map.window.sees_depth || self.motion.by_wheels(stamp_nanos, stamp_nanos).is_some();
        if !told && !self.scale_missing {
            tracing::warn!("one camera alone tells no scale: waiting for wheel odometry, of which nothing has come");
        }
        self.scale_missing = !told;
        told
    }

    /// Starts (again) at the pose that was carried on, if the frame has features with depth enough.
    fn start(&mut self, mapping: &mut LocalMapping, frame: &Arc<Frame>, carried_on: &Carried) -> (Estimate, Task) {
        let coasting = self.coast(frame, carried_on);
        if !self.scale_is_told(mapping, frame.stamp_nanos) {
            return (coasting, Task::Done(None));
        }
        let Carried { t_odom_base, uncertainty, from_keyframe, .. } = carried_on;
        self.motion.forget_poses();
        let Some((mapped, inlier_count)) = mapping.start(frame, t_odom_base, uncertainty, from_keyframe) else {
            return (coasting, Task::Done(None));
        };
        self.motion.forget_before(frame.stamp_nanos);
        // The images tell of the world from here on, but not of the way that was carried on to here.
        let state = if self.last_seen.is_some() { TrackingState::Lost } else { TrackingState::Tracking };
        self.see(LastSeen {
            stamp_nanos: frame.stamp_nanos,
            t_odom_base: *t_odom_base,
            uncertainty: uncertainty.clone(),
            from_keyframe: Uncertainty::zero(),
        });
        (Estimate { state, inlier_count, ..coasting }, Task::Done(Some(mapped)))
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
            surface_share: None,
            feature_share: self.budget.share(),
        }
    }

    /// Takes a pose from the images as the one to carry on from, and the velocity from the last such pose.
    fn see(&mut self, seen: LastSeen) {
        if let Some(last) = &self.last_seen {
            let t_last_base = last.t_odom_base.inverse() * seen.t_odom_base;
            self.motion.observe(&t_last_base, last.stamp_nanos, seen.stamp_nanos);
        }
        self.motion.see(seen.stamp_nanos, &seen.t_odom_base);
        self.last_seen = Some(seen);
    }
}
