//! What keyframes told of the others stays when they leave the window: as a square-root prior.

use super::KeyframeId;
use super::adjustment::bundle_of;
use super::window::{Landmark, LandmarkId, Window};
use crate::bundle::{BundleOptions, SquareRootPrior};
use crate::geometry::Se3;
use crate::precision::Policy;
use crate::solver::SolverError;
use std::collections::BTreeSet;

/// What keyframes that have left told of some that are there.
#[derive(Debug, Clone)]
pub(super) struct MarginalPrior {
    keyframes: Vec<KeyframeId>,
    /// With its poses in the odometry's world.
    prior: SquareRootPrior,
}

impl MarginalPrior {
    /// Moves the poses that it ties, as a whole.
    pub(super) fn carry(&mut self, t_new_old: &Se3) {
        self.prior.t_world_camera.iter_mut().for_each(|t| *t = t_new_old * *t);
    }

    /// As a prior of the window's bundle, whose world is another; `None` if a keyframe that it ties is not there.
    pub(super) fn in_bundle(&self, window: &Window, t_world_odom: &Se3) -> Option<SquareRootPrior> {
        Some(SquareRootPrior {
            keyframes: self.keyframes.iter().map(|id| window.index(*id)).collect::<Option<_>>()?,
            t_world_camera: self.prior.t_world_camera.iter().map(|t| t_world_odom * t).collect(),
            ..self.prior.clone()
        })
    }
}

/// Takes the oldest keyframe out of a window, with the landmarks that it hosts and that are not followed any more: what all
/// of these told of the other keyframes stays. Landmarks that are still followed move to the next keyframe that sees them,
/// with their sights from there on. The oldest `fixed_count` are held as they are: what is told is told relative to them.
///
/// # Errors
/// [`SolverError`]; the window is unchanged.
pub(super) fn marginalize_oldest(
    window: &mut Window,
    followed: &BTreeSet<LandmarkId>,
    fixed_count: usize,
    policy: &Policy,
    options: &BundleOptions,
) -> Result<(), SolverError> {
    let Some(oldest) = window.keyframes.front() else { return Ok(()) };
    let (oldest, t_odom_first) = (oldest.id, oldest.t_odom_camera);
    let leaves = |id: LandmarkId, landmark: &Landmark| landmark.host().keyframe == oldest && !followed.contains(&id);
    let (bundle, _) = bundle_of(window, fixed_count, leaves);
    let left = bundle.marginalize(&[0], policy, options)?;
    let priors = left.map(|prior| MarginalPrior {
        keyframes: prior.keyframes.iter().map(|&index| window.keyframes[index].id).collect(),
        prior: SquareRootPrior {
            t_world_camera: prior.t_world_camera.iter().map(|t| t_odom_first * t).collect(),
            ..prior
        },
    });
    window.marginal_priors.retain(|prior| !prior.keyframes.contains(&oldest));
    window.marginal_priors.extend(priors);
    window.landmarks.retain(|id, landmark| !leaves(*id, landmark));
    window.drop_oldest();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frontend::FrontendOptions;
    use crate::geometry::{PinholeCamera, se3};
    use crate::odometry::adjustment::adjust;
    use crate::odometry::window::{Track, WindowKeyframe};
    use crate::odometry::{CalibrationOptions, PlanarOptions};
    use crate::sensors::{Depth, Frame, Images, Rig};
    use nalgebra::{Matrix6, Point3, Vector2, Vector6};
    use std::sync::Arc;

    const KEYFRAMES: u64 = 6;

    /// Six keyframes on a curve, adjusted; of 120 points, whose pixels err, a third is lost after the third and a
    /// third comes with it.
    fn window() -> (Window, BTreeSet<LandmarkId>) {
        let camera = PinholeCamera { fx: 400.0, fy: 400.0, cx: 320.0, cy: 240.0, width: 640, height: 480 };
        let rig = Rig { camera, depth: Depth::Stereo { baseline_m: 0.1 }, t_base_camera: Se3::identity() };
        let mut window = Window::new(&rig, &FrontendOptions::default(), &CalibrationOptions::default());
        let wave = |value: u64| (value as f64 * 2.399).sin();
        for id in 0..KEYFRAMES {
            let t_odom_camera = se3::exp(&(Vector6::new(0.2, 0.02, 0.1, 0.01, 0.03, 0.0) * id as f64));
            let tracks: Vec<Track> = (0..120)
                .filter(|landmark| [true, id < 3, id >= 2][*landmark as usize % 3])
                .map(|landmark| {
                    let depth_m = 4.0 + 2.0 * wave(3 * landmark + 2);
                    let p = Point3::new(
                        depth_m * 0.6 * wave(3 * landmark),
                        depth_m * 0.5 * wave(3 * landmark + 1),
                        depth_m,
                    );
                    let p_camera = t_odom_camera.inverse() * p;
                    let error = |axis: u64| 0.5 * wave(1000 + 7 * landmark + 977 * id + 31 * axis);
                    let px = camera.project(&p_camera) + Vector2::new(error(0), error(1));
                    let px_right_x = Some(px.x - 40.0 / p_camera.z + error(2));
                    Track { id: LandmarkId(landmark), px, px_right_x }
                })
                .collect();
            let images = Images::Mono { gray: Default::default() };
            let frame = Arc::new(Frame { stamp_nanos: id as i64, images, color: None });
            let by_chance = Matrix6::zeros();
            let id = KeyframeId(id);
            let keyframe = WindowKeyframe { id, stamp_nanos: 0, t_odom_camera, measured: None, by_chance, frame };
            window.push(keyframe, &tracks);
        }
        settle(&mut window);
        (window, (0..120).filter(|landmark| landmark % 3 != 1).map(LandmarkId).collect())
    }

    fn settle(window: &mut Window) {
        let mut options = BundleOptions::default();
        (options.solver.cost_tolerance, options.solver.max_iterations) = (1e-12, 50);
        adjust(window, 1, &Policy::resolve("double").unwrap(), &options, &PlanarOptions::default()).unwrap();
    }

    fn marginalize(window: &mut Window, followed: &BTreeSet<LandmarkId>, policy: &str) {
        let (policy, options) = (Policy::resolve(policy).unwrap(), BundleOptions::default());
        marginalize_oldest(window, followed, 1, &policy, &options).unwrap();
    }

    /// How far (m) the newest keyframe moves when the window is adjusted once more.
    fn moves(window: &mut Window) -> f64 {
        let before = window.keyframes.back().unwrap().t_odom_camera;
        settle(window);
        (before.inverse() * window.keyframes.back().unwrap().t_odom_camera).translation.vector.norm()
    }

    #[test]
    fn what_left_still_counts() {
        for policy in ["double", "single", "mixed", "half"] {
            let (mut with, _) = window();
            // Nothing is followed any more: all that the oldest one hosts goes with it.
            marginalize(&mut with, &BTreeSet::new(), policy);
            assert_eq!((with.keyframes.len(), with.marginal_priors.len(), with.landmarks.len()), (5, 1, 40));
            assert!(moves(&mut with) < 2e-4, "{policy}");
        }
    }

    #[test]
    fn landmarks_that_are_followed_stay() {
        let (mut with, followed) = window();
        marginalize(&mut with, &followed, "mixed");
        assert_eq!(with.landmarks.keys().copied().collect::<BTreeSet<_>>(), followed);
        // Pixels that err by 0.5 px, of landmarks 4 m away, of which each keyframe sees eighty.
        let moved_m = moves(&mut with);
        assert!(moved_m < 1e-3, "{moved_m} m");
        // And again, until none is left of those that it tied.
        for left in (1..5).rev() {
            marginalize(&mut with, &followed, "mixed");
            assert_eq!((with.keyframes.len(), with.marginal_priors.len() <= 1), (left, true));
        }
    }

    #[test]
    fn the_window_is_carried_as_a_whole() {
        let (mut window, followed) = window();
        marginalize(&mut window, &followed, "double");
        settle(&mut window);
        window.carry(&se3::exp(&Vector6::new(3.0, -2.0, 0.5, 0.1, 0.2, 0.3)));
        assert!(moves(&mut window) < 1e-5);
    }
}
