//! The window with the features that run through it: which frames become keyframes, and what is made of them.

use super::marginal_prior::marginalize_oldest;
use super::motion::Motion;
use super::window::{LandmarkId, Track, Window, WindowKeyframe};
use super::{KeyframeId, OdometryOptions, WindowOptions, adjustment, offset};
use crate::frontend::{FrontendOptions, Tracker};
use crate::geometry::Se3;
use crate::precision::Policy;
use crate::sensors::{Frame, Rig};
use crate::solver::SolveStatistics;
use nalgebra::{Matrix6, Vector2};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A new anchor is taken when features have moved farther than this on average (px): less than a patch, so that what
/// a feature shows has hardly been warped.
const MAX_FLOW_PX: f64 = 8.0;

/// A new anchor is taken when fewer of its features than this share are reached.
const MIN_REACHED_SHARE: f64 = 0.8;

/// The window and the tracks of the anchor, which features are followed from.
pub(super) struct LocalMap {
    pub window: Window,
    pub tracks: Vec<Track>,
    /// Features that are followed.
    pub feature_count: usize,
    /// Tracks with depth when the last keyframe was made.
    tracks_at_keyframe: usize,
    keyframe_count: u64,
    landmark_count: u64,
}

impl LocalMap {
    /// A map of nothing.
    pub(super) fn new(rig: &Rig, options: &OdometryOptions) -> Self {
        let window = Window::new(rig, &options.frontend, &options.calibration);
        let (tracks, feature_count) = (Vec::new(), options.frontend.feature_count);
        Self { window, tracks, feature_count, tracks_at_keyframe: 0, keyframe_count: 0, landmark_count: 0 }
    }

    /// Starts anew, numbers aside; gives the window and the tracks that were.
    pub(super) fn clear(&mut self) -> (Window, Vec<Track>) {
        let empty = self.window.emptied();
        (std::mem::replace(&mut self.window, empty), std::mem::take(&mut self.tracks))
    }

    /// The base at the newest keyframe, in the odometry's world.
    pub(super) fn newest_base(&self) -> Option<Se3> {
        let newest = self.window.keyframes.back()?;
        Some(newest.t_odom_camera * self.window.t_base_camera.inverse())
    }

    /// Whether the frame that features are followed from still serves: each change of it adds to what a feature has
    /// slipped since it was found, none is needed while features have hardly moved, and at rest there is no drift.
    pub(super) fn anchor_serves(&self, reached: &[Track]) -> bool {
        let mut moved_px = 0.0;
        let mut at_anchor = self.tracks.iter();
        for track in reached {
            // Reached tracks are some of those at the anchor, in the same order.
            let Some(start) = at_anchor.find(|start| start.id == track.id) else { return false };
            moved_px += (track.px - start.px).norm();
        }
        let most_px = MAX_FLOW_PX * reached.len() as f64;
        moved_px <= most_px && reached.len() as f64 >= MIN_REACHED_SHARE * self.tracks.len() as f64
    }

    /// Whether the tracks have moved or thinned out enough since the last keyframe; where there are none, whether so little of
    /// the frame as `shared` says shows what the keyframe showed.
    pub(super) fn deserves_keyframe(
        &self,
        stamp_nanos: i64,
        t_odom_camera: &Se3,
        shared: Option<f64>,
        options: &WindowOptions,
    ) -> bool {
        let Some(last) = self.window.keyframes.back() else { return true };
        if let Some(shared) = shared.filter(|_| self.tracks.is_empty()) {
            return shared < options.min_surviving_share;
        }
        let parallax_px = self.window.parallax_px(&self.tracks, t_odom_camera).unwrap_or(f64::INFINITY);
        let elapsed_secs = (stamp_nanos - last.stamp_nanos) as f64 * 1e-9;
        let moves = parallax_px > 0.1 * options.min_parallax_px;
        let survivors = self.tracks_with_depth() as f64 / self.tracks_at_keyframe.max(1) as f64;
        parallax_px > options.min_parallax_px
            || survivors < options.min_surviving_share
            || (moves && elapsed_secs > options.max_interval_secs)
    }

    fn tracks_with_depth(&self) -> usize {
        self.tracks.iter().filter(|track| self.window.position(track.id).is_some()).count()
    }

    /// Seeks new features where too few are left (or anew in any case), and right columns where the depth is not known.
    pub(super) fn refill(&mut self, tracker: &mut dyn Tracker, options: &FrontendOptions, anew: bool) {
        let count = self.tracks.len();
        if count > self.feature_count {
            // Of features in every part of the image, where there are more than are to be followed by now.
            let kept = self.feature_count;
            let mut index = 0..count;
            self.tracks.retain(|_| index.next().is_some_and(|i| i * kept / count != (i + 1) * kept / count));
        }
        if anew || (self.tracks.len() as f64) < options.refill_share * self.feature_count as f64 {
            let taken: Vec<Vector2<f64>> = self.tracks.iter().map(|track| track.px).collect();
            match tracker.new_features(&taken) {
                Ok(found) => {
                    for px in found {
                        self.tracks.push(Track { id: LandmarkId(self.landmark_count), px, px_right_x: None });
                        self.landmark_count += 1;
                    }
                }
                Err(error) => tracing::warn!("no new features: {error}"),
            }
        }
        let unknown: Vec<usize> =
            (0..self.tracks.len()).filter(|&index| self.window.position(self.tracks[index].id).is_none()).collect();
        let px: Vec<Vector2<f64>> = unknown.iter().map(|&index| self.tracks[index].px).collect();
        let span = self.window.camera.fx * self.window.baseline_m;
        let disparity_unseen = self.window.inverse_depth_unseen().map(|inverse_depth| span * inverse_depth);
        for (&index, column) in unknown.iter().zip(tracker.right_columns(&px, &vec![None; px.len()])) {
            let column = column.map(|column| self.window.offset.corrected(column));
            let track = &mut self.tracks[index];
            track.px_right_x = column.or_else(|| Some(track.px.x - disparity_unseen?));
        }
    }

    /// Appends a frame to the window, with the tracks as what it sees. How uncertain that motion is remains to be said.
    pub(super) fn push(&mut self, frame: &Arc<Frame>, t_odom_camera: &Se3, measured: Option<Motion>) -> KeyframeId {
        let id = KeyframeId(self.keyframe_count);
        self.keyframe_count += 1;
        let (stamp_nanos, t_odom_camera) = (frame.stamp_nanos, *t_odom_camera);
        let (by_chance, frame) = (Matrix6::zeros(), frame.clone());
        let keyframe = WindowKeyframe { id, stamp_nanos, t_odom_camera, measured, by_chance, frame };
        self.window.push(keyframe, &self.tracks);
        self.tracks_at_keyframe = self.tracks_with_depth();
        id
    }

    /// Makes room in the window for one more keyframe.
    pub(super) fn slide(&mut self, policy: &Policy, options: &OdometryOptions) {
        let followed: BTreeSet<LandmarkId> = self.tracks.iter().map(|track| track.id).collect();
        let fixed_count = self.fixed_count(&options.window);
        while self.window.keyframes.len() > options.window.keyframes.saturating_sub(1).max(1) {
            let window = &mut self.window;
            let marginalize = || marginalize_oldest(window, &followed, fixed_count, policy, &options.bundle);
            match options.window.marginalize.then(marginalize) {
                Some(Ok(())) => continue,
                Some(Err(error)) => tracing::warn!("what the oldest keyframe told of the others is lost: {error}"),
                None => {}
            }
            self.window.marginal_priors.clear();
            self.window.drop_oldest();
        }
    }

    /// How many of the oldest keyframes stay as they are when the window is adjusted: one holds it in the world where it is
    /// known what those before it told, else they stand for that.
    fn fixed_count(&self, options: &WindowOptions) -> usize {
        if self.window.marginal_priors.is_empty() { options.fixed_keyframes } else { 1 }
    }

    /// Adjusts the window; if that fails the poses stay as they were estimated frame by frame.
    pub(super) fn adjust(&mut self, policy: &Policy, options: &OdometryOptions) -> Option<SolveStatistics> {
        let fixed_count = self.fixed_count(&options.window);
        let solve = adjustment::adjust(&mut self.window, fixed_count, policy, &options.bundle, &options.planar);
        let gone = adjustment::reject_outliers(&mut self.window);
        self.tracks.retain(|track| gone.binary_search(&track.id).is_err());
        adjustment::learn_noise(&mut self.window);
        offset::learn(&mut self.window, &mut self.tracks);
        adjustment::triangulate_unknown(&mut self.window);
        solve.unwrap_or_else(|error| {
            tracing::warn!("the window stays as it is: {error}");
            None
        })
    }
}
