//! What is done with a frame that becomes a keyframe, beside the frames that follow.

use super::frame_budget::FrameBudget;
use super::gravity::Up;
use super::local_map::LocalMap;
use super::marginals::{self, Marginals};
use super::motion::Motion;
use super::uncertainty::Uncertainty;
use super::uncertainty_growth::share_left;
use super::{Keyframe, KeyframeId, OdometryOptions, planar};
use crate::frontend::Tracker;
use crate::geometry::{Se3, se3};
use crate::precision::Policy;
use crate::sensors::{Frame, Rig};
use crate::solver::SolveStatistics;
use nalgebra::{Matrix6, Vector2};
use std::sync::Arc;

/// The window and the tracker whose features run through it.
pub(super) struct LocalMapping {
    options: OdometryOptions,
    rig: Rig,
    policy: Policy,
    pub tracker: Box<dyn Tracker>,
    pub map: LocalMap,
    /// Of the newest keyframe's pose in the odometry's world, in its base's own frame.
    pub keyframe_uncertainty: Uncertainty,
}

/// A frame that is to become a keyframe. The map's tracks are those in it, and the tracker stands at it.
pub(super) struct NewKeyframe {
    pub frame: Arc<Frame>,
    /// As the landmarks told it.
    pub t_odom_camera: Se3,
    /// The motion since the keyframe before by other sensors.
    pub measured: Option<Motion>,
    /// The uncertainty since the keyframe before, if the window does not tell it.
    pub carried: Uncertainty,
    /// Which way is up, by the accelerometer.
    pub up: Option<Up>,
}

/// What came of a keyframe.
pub(super) struct Mapped {
    pub keyframe: Keyframe,
    /// By what the odometry's world was turned for it to be upright: coordinates before into those since.
    pub t_new_old: Se3,
    pub solve: Option<SolveStatistics>,
}

impl LocalMapping {
    /// A map of nothing.
    pub(super) fn new(options: &OdometryOptions, rig: &Rig, policy: &Policy, tracker: Box<dyn Tracker>) -> Self {
        Self {
            options: options.clone(),
            rig: *rig,
            policy: policy.clone(),
            tracker,
            map: LocalMap::new(rig, options),
            keyframe_uncertainty: Uncertainty::zero(),
        }
    }

    /// From now on follows as many features as the time for a frame allows, but never so few that a start could not find
    /// enough of them with depth.
    pub(super) fn limit(&mut self, budget: &FrameBudget) {
        let OdometryOptions { frontend, min_inliers, .. } = &self.options;
        let enough = (4 * min_inliers).min(frontend.feature_count);
        self.map.feature_count = budget.feature_count(frontend.feature_count).max(enough);
        self.tracker.limit(self.map.feature_count, budget.pyramid_levels(frontend.pyramid_levels));
    }

    /// Makes the frame a keyframe: new features, the window's adjustment, and what it says of the newest pose.
    pub(super) fn add(&mut self, new: NewKeyframe) -> Mapped {
        self.map.slide(&self.policy, &self.options);
        self.map.refill(self.tracker.as_mut(), &self.options.frontend, false);
        self.tracker.set_anchor();
        let id = self.map.push(&new.frame, &new.t_odom_camera, new.measured);
        let solve = self.map.adjust(&self.policy, &self.options);
        let marginals = marginals::settle(&mut self.map.window);
        let t_base_camera = self.rig.t_base_camera;
        let mut newest = self.map.window.keyframes.iter().rev().map(|keyframe| keyframe.t_odom_camera);
        let t_odom_camera = newest.next().unwrap_or(new.t_odom_camera);
        let t_previous_base =
            newest.next().map(|previous| t_base_camera * previous.inverse() * t_odom_camera * t_base_camera.inverse());
        drop(newest);
        let mut t_odom_base = t_odom_camera * t_base_camera.inverse();
        let since = match (&t_previous_base, &marginals) {
            (Some(t_previous_base), Some(told)) => self.uncertainty_seen(t_previous_base, &told.since_previous),
            _ => new.carried,
        };
        if let Some(t_previous_base) = &t_previous_base {
            let grows_by = self.growth(&since, marginals.as_ref());
            let uncertainty = self.keyframe_uncertainty.then(t_previous_base, &grows_by);
            self.keyframe_uncertainty = planar::bounded(uncertainty, &t_odom_base, &self.options.planar);
        }
        let t_new_old = new.up.map_or_else(Se3::identity, |up| self.stand_upright(&t_odom_base, &up));
        t_odom_base = t_new_old * t_odom_base;
        let keyframe = Keyframe {
            id,
            t_odom_base,
            t_previous_base,
            covariance: since.covariance(),
            frame: new.frame,
            rig: self.rig,
            depths: self.depths_of(id),
        };
        Mapped { keyframe, t_new_old, solve }
    }

    /// Turns the window, which has no say in that, so far towards upright as the newest pose's tilt is less certain than
    /// gravity. Gives what it was moved by.
    fn stand_upright(&mut self, t_odom_base: &Se3, up: &Up) -> Se3 {
        let mut upright = *t_odom_base;
        for axis in 0..2 {
            let (lean, by_base) = planar::lean(&upright, &up.direction, up.sigma_rad);
            let row = by_base.row(axis).into_owned();
            let (uncertainty, step) = self.keyframe_uncertainty.told(&row, lean[axis]);
            self.keyframe_uncertainty = uncertainty;
            upright *= se3::exp(&step);
        }
        let t_new_old = upright * t_odom_base.inverse();
        self.map.window.carry(&t_new_old);
        t_new_old
    }

    /// Starts (again) at a pose of the base, of some uncertainty, from what a frame shows that the tracker stands at. Gives the
    /// keyframe and its features, or nothing if too few have depth.
    pub(super) fn start(
        &mut self,
        frame: &Arc<Frame>,
        t_odom_base: &Se3,
        uncertainty: &Uncertainty,
        from_keyframe: &Uncertainty,
    ) -> Option<(Mapped, usize)> {
        let (old_window, old_tracks) = self.map.clear();
        self.map.refill(self.tracker.as_mut(), &self.options.frontend, true);
        let with_depth = self.map.tracks.iter().filter(|track| track.px_right_x.is_some()).count();
        if with_depth < 2 * self.options.min_inliers {
            (self.map.window, self.map.tracks) = (old_window, old_tracks);
            return None;
        }
        let previous = old_window.keyframes.back().map(|last| last.t_odom_camera * self.rig.t_base_camera.inverse());
        if previous.is_some() {
            tracing::info!("lost until {} ns; starting again at the pose carried on", frame.stamp_nanos);
        }
        self.keyframe_uncertainty = uncertainty.clone();
        self.tracker.set_anchor();
        let id = self.map.push(frame, &(t_odom_base * self.rig.t_base_camera), None);
        let keyframe = Keyframe {
            id,
            t_odom_base: *t_odom_base,
            t_previous_base: previous.map(|previous| previous.inverse() * t_odom_base),
            covariance: from_keyframe.covariance(),
            frame: frame.clone(),
            rig: self.rig,
            depths: Vec::new(),
        };
        Some((Mapped { keyframe, t_new_old: Se3::identity(), solve: None }, with_depth))
    }

    /// What the newest motion adds to the uncertainty of the poses from here on: the share of it that is left over the window
    /// as a whole, and all of what lasts.
    fn growth(&mut self, since: &Uncertainty, marginals: Option<&Marginals>) -> Uncertainty {
        let window = &mut self.map.window;
        if let Some(newest) = window.keyframes.back_mut() {
            newest.by_chance = *since.by_chance();
        }
        let share = marginals.and_then(|told| Some((share_left(window, &told.since_oldest)?, told.common_part)));
        let lasting = self.options.calibration.common_lasting_share;
        share.map_or_else(|| since.clone(), |(share, common)| since.kept(&share, lasting * common))
    }

    /// Depths that only the motion has told, of what a keyframe sees.
    fn depths_of(&self, id: KeyframeId) -> Vec<(Vector2<f64>, f64)> {
        if self.map.window.sees_depth { Vec::new() } else { self.map.window.depths_of(id) }
    }

    /// The uncertainty of a motion of the base that the images told, from its covariance in the camera's frame.
    pub(super) fn uncertainty_seen(&self, t_before_base: &Se3, covariance_camera: &Matrix6<f64>) -> Uncertainty {
        let (rig, calibration) = (&self.rig, &self.options.calibration);
        let t_before_camera = rig.t_base_camera.inverse() * t_before_base * rig.t_base_camera;
        let window = &self.map.window;
        Uncertainty::seen(&t_before_camera, covariance_camera, window, rig.depth, calibration)
            .carried(&rig.t_base_camera)
    }
}
