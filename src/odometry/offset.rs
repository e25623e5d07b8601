//! What all disparities err in common, learnt from depths that the motion tells.
//!
//! A pair whose cameras are turned against each other by a hundredth of a degree more than its calibration says has all its
//! disparities wrong by a tenth of a pixel, and so all ways too long or too short, the more the farther things are. But near
//! things and far ones then disagree about the motion, by which the offset can be told. A depth camera is a stereo pair, too.

use super::adjustment::bundle_of;
use super::normal_matrix::{add_blocks, add_relative_poses, by_landmark, linearize, uninformed};
use super::window::{Track, Window};
use crate::bundle::{Bundle, BundleLandmark, BundleObservation};
use nalgebra::{DMatrix, DVector, RowVector6, SMatrix, Vector3};

/// By how much disparities are too large, and how well that is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct DisparityOffset {
    px: f64,
    variance: f64,
}

impl DisparityOffset {
    /// Nothing is known but how large it usually is.
    pub(super) fn new(sigma_px: f64) -> Self {
        Self { px: 0.0, variance: sigma_px * sigma_px }
    }

    /// Standard deviation (px).
    pub(super) fn sigma_px(&self) -> f64 {
        self.variance.sqrt()
    }

    /// A right column as it should have been.
    pub(super) fn corrected(&self, px_right_x: f64) -> f64 {
        px_right_x + self.px
    }

    /// A right column as it will be seen.
    pub(super) fn as_seen(&self, px_right_x: f64) -> f64 {
        px_right_x - self.px
    }

    /// Takes a measurement (px) of what is missing, with its information (1/px²); gives what was added.
    fn update(&mut self, missing_px: f64, information: f64) -> f64 {
        self.variance = 1.0 / (1.0 / self.variance + information);
        let added_px = self.variance * information * missing_px;
        self.px += added_px;
        added_px
    }
}

/// Learns from the adjusted window, and corrects the right columns and depths that it and the tracks hold.
pub(super) fn learn(window: &mut Window, tracks: &mut [Track]) {
    let Some(remaining) = window.sees_depth.then(|| remaining(window)).flatten() else { return };
    let added_px = window.offset.update(remaining.missing_px, remaining.information);
    let inverse_depth = added_px / (window.camera.fx * window.baseline_m);
    for landmark in window.landmarks.values_mut() {
        let seen = landmark.observations.iter_mut().filter_map(|seen| seen.px_right_x.as_mut());
        seen.for_each(|column| *column += added_px);
        if let Some(depth) = &mut landmark.inverse_depth {
            depth.value = (depth.value - inverse_depth).max(1e-4);
        }
    }
    tracks.iter_mut().filter_map(|track| track.px_right_x.as_mut()).for_each(|column| *column += added_px);
}

/// What the window tells of the offset that is left.
struct Remaining {
    missing_px: f64,
    information: f64,
}

/// One step of Gauss and Newton for the offset, poses and depths marginalized, from where the window was adjusted to. A
/// keyframe stays for as many windows as one holds: each tells its part.
fn remaining(window: &Window) -> Option<Remaining> {
    let pose_count = window.keyframes.len();
    if pose_count < 2 {
        return None;
    }
    let (bundle, _) = bundle_of(window, 0, |_, _| true);
    let mut sums = Sums::new(pose_count);
    for (landmark, seen) in by_landmark(&bundle) {
        sums.add_landmark(&bundle, landmark, &seen);
    }
    add_relative_poses(&mut sums.normal, &bundle, slot);
    let solved = sums.normal.cholesky()?.solve(&sums.cross);
    let of_window = sums.own - sums.cross.dot(&solved);
    let effect = window.noise.design_effect(bundle.observations.len() / pose_count);
    (of_window > 0.0).then(|| Remaining {
        missing_px: -sums.gradient / of_window,
        information: of_window / (effect * pose_count as f64),
    })
}

/// Unknowns of a pose; the oldest one is the gauge.
fn slot(pose: usize) -> Option<usize> {
    pose.checked_sub(1)
}

/// Normal equations of poses and offset. The gradient with respect to poses is zero, where they were adjusted to.
struct Sums {
    normal: DMatrix<f64>,
    /// Between poses and offset.
    cross: DVector<f64>,
    /// Of the offset with itself.
    own: f64,
    gradient: f64,
}

impl Sums {
    fn new(pose_count: usize) -> Self {
        let normal = uninformed(pose_count - 1);
        Self { cross: DVector::zeros(normal.nrows()), normal, own: 0.0, gradient: 0.0 }
    }

    /// Adds what a landmark tells, its depth marginalized.
    fn add_landmark(&mut self, bundle: &Bundle, landmark: &BundleLandmark, seen: &[&BundleObservation]) {
        // Poses, and products of their rows with those of the depth.
        let mut coupling: Vec<(Option<usize>, RowVector6<f64>)> = Vec::new();
        let (mut depths, mut depth_offset, mut depth_residual) = (0.0, 0.0, 0.0);
        for observation in seen {
            let Some(rows) = linearize(bundle, landmark, observation) else { continue };
            let by_offset = if observation.px_right_x.is_some() { -1.0 / observation.sigma_px } else { 0.0 };
            let by_offset = Vector3::new(0.0, 0.0, by_offset);
            depths += rows.depth.norm_squared();
            depth_offset += rows.depth.dot(&by_offset);
            depth_residual += rows.depth.dot(&rows.residual);
            self.own += by_offset.norm_squared();
            self.gradient += by_offset.dot(&rows.residual);
            if observation.keyframe == landmark.host {
                continue;
            }
            let blocks: [(Option<usize>, SMatrix<f64, 3, 6>); 2] =
                [(slot(observation.keyframe), rows.pose), (slot(landmark.host), rows.host)];
            add_blocks(&mut self.normal, &blocks, |a, b| a.transpose() * b);
            for (pose, by_pose) in blocks {
                self.add_cross(pose, &(by_offset.transpose() * by_pose), 1.0);
                coupling.push((pose, rows.depth.transpose() * by_pose));
            }
        }
        if depths > 0.0 {
            add_blocks(&mut self.normal, &coupling, |a, b| -a.transpose() * b / depths);
            for (pose, row) in &coupling {
                self.add_cross(*pose, row, -depth_offset / depths);
            }
            self.own -= depth_offset * depth_offset / depths;
            self.gradient -= depth_offset * depth_residual / depths;
        }
    }

    fn add_cross(&mut self, pose: Option<usize>, row: &RowVector6<f64>, factor: f64) {
        let Some(pose) = pose else { return };
        let mut target = self.cross.fixed_rows_mut::<6>(6 * pose);
        target += row.transpose() * factor;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measurements_are_weighed_against_what_was_known() {
        let mut offset = DisparityOffset::new(0.5);
        let added = offset.update(0.8, 4.0);
        assert!((added - 0.4).abs() < 1e-12 && (offset.corrected(100.0) - 100.4).abs() < 1e-12);
        assert!((offset.as_seen(offset.corrected(7.0)) - 7.0).abs() < 1e-12);
        assert!((offset.sigma_px() - 0.125f64.sqrt()).abs() < 1e-12);
    }
}
