//! How the uncertainty grows along the way: by what the motions of a window leave together, which is less than their sum.

use super::covariance::compose;
use super::window::Window;
use crate::geometry::Se3;
use crate::geometry::se3::carried;
use nalgebra::{Matrix6, SymmetricEigen};

/// The share of its errors by chance that the newest motion leaves along the way, a factor of perturbations `[ρ; φ]` (m, rad) of
/// the newest base. `None` if the motions of the window do not tell.
///
/// A keyframe's own noise is in the motion to it and, with the other sign, in the motion from it: added up as if they were
/// independent, these count it twice for each keyframe. `whole` is the covariance of the newest camera relative to the
/// oldest, in its own frame, which counts it once for each of the two. So the share is that of the sum which makes it the
/// whole: over each length of a window the uncertainty grows by what the window says of itself.
pub(super) fn share_left(window: &Window, whole: &Matrix6<f64>) -> Option<Matrix6<f64>> {
    let t_camera_base = window.t_base_camera.inverse();
    let poses: Vec<Se3> = window.keyframes.iter().map(|keyframe| keyframe.t_odom_camera * t_camera_base).collect();
    let motions = poses.windows(2).zip(window.keyframes.iter().skip(1));
    let sum = motions.fold(Matrix6::zeros(), |sum, (pair, keyframe)| {
        compose(&sum, &(pair[0].inverse() * pair[1]), &keyframe.by_chance)
    });
    share(&carried(whole, &window.t_base_camera), &sum)
}

/// The share of errors that is left as a whole of the sum of their covariances: `K` with `K Σ Kᵀ = V`, the square root of
/// `V Σ⁻¹`, which is the same whatever frame both are perturbed in. In no direction is more than all left. `None` if the
/// sum has no inverse.
fn share(whole: &Matrix6<f64>, sum: &Matrix6<f64>) -> Option<Matrix6<f64>> {
    let root = ((sum + sum.transpose()) * 0.5).cholesky()?.l();
    let inverse = root.solve_lower_triangular(&Matrix6::identity())?;
    let left = inverse * whole * inverse.transpose();
    let SymmetricEigen { eigenvectors, eigenvalues } =
        SymmetricEigen::try_new((left + left.transpose()) * 0.5, f64::EPSILON, 1000)?;
    let scale = Matrix6::from_diagonal(&eigenvalues.map(|value| value.clamp(0.0, 1.0).sqrt()));
    Some(root * eigenvectors * scale * eigenvectors.transpose() * inverse)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frontend::FrontendOptions;
    use crate::geometry::{PinholeCamera, se3};
    use crate::odometry::covariance::diagonal;
    use crate::odometry::uncertainty::Uncertainty;
    use crate::odometry::window::WindowKeyframe;
    use crate::odometry::{CalibrationOptions, KeyframeId};
    use crate::sensors::{Depth, Frame, Images, Rig};
    use nalgebra::Vector6;
    use std::sync::Arc;

    fn step() -> Se3 {
        se3::exp(&Vector6::new(0.2, 0.02, 0.1, 0.01, 0.03, 0.05))
    }

    fn empty() -> Window {
        let camera = PinholeCamera { fx: 400.0, fy: 400.0, cx: 320.0, cy: 240.0, width: 640, height: 480 };
        let t_base_camera = se3::exp(&Vector6::new(0.1, 0.0, 0.4, -1.2, 1.2, -1.2));
        let rig = Rig { camera, depth: Depth::Stereo { baseline_m: 0.1 }, t_base_camera };
        Window::new(&rig, &FrontendOptions::default(), &CalibrationOptions::default())
    }

    /// Appends a keyframe, one step further, whose motion is so uncertain.
    fn push(window: &mut Window, by_chance: &Matrix6<f64>) {
        let last = window.keyframes.back().map(|last| (last.id.0 + 1, last.t_odom_camera));
        let t_base_camera = window.t_base_camera;
        let next = |t: Se3| t * t_base_camera.inverse() * step() * t_base_camera;
        let (id, t_odom_camera) = last.map_or((0, t_base_camera), |(id, t)| (id, next(t)));
        let images = Images::Mono { gray: Default::default() };
        let frame = Arc::new(Frame { stamp_nanos: 0, images, color: None });
        let (id, by_chance) = (KeyframeId(id), *by_chance);
        window.push(WindowKeyframe { id, stamp_nanos: 0, t_odom_camera, measured: None, by_chance, frame }, &[]);
    }

    fn share_of(window: &Window, whole_base: &Matrix6<f64>) -> Matrix6<f64> {
        share_left(window, &carried(whole_base, &window.t_base_camera.inverse())).unwrap()
    }

    /// The covariance of so many steps, each as uncertain, one after the other.
    fn added(count: usize, of_motion: &Matrix6<f64>) -> Matrix6<f64> {
        (0..count).fold(Matrix6::zeros(), |sum, _| compose(&sum, &step(), of_motion))
    }

    #[test]
    fn of_independent_motions_all_is_left() {
        let (of_motion, mut window) = (diagonal(0.01, 0.002), empty());
        (0..8).for_each(|_| push(&mut window, &of_motion));
        // Nor is more than all, whatever the window says.
        for whole in [added(7, &of_motion), added(7, &of_motion) * 3.0] {
            assert!((share_of(&window, &whole) - Matrix6::identity()).norm() < 1e-8);
        }
    }

    #[test]
    fn of_the_sum_the_whole_is_left() {
        let (of_motion, mut window) = (diagonal(0.01, 0.002), empty());
        (0..8).for_each(|_| push(&mut window, &of_motion));
        // Less of translation than of rotation, as seen from somewhere in between.
        let aside = se3::adjoint(&se3::exp(&Vector6::new(0.4, -0.3, 0.2, 0.3, 0.2, 0.1)));
        let shrink = aside * diagonal(0.5, 0.8) * aside.try_inverse().unwrap();
        let sum = added(7, &of_motion);
        let whole = shrink * sum * shrink.transpose();
        let share = share_of(&window, &whole);
        assert!((share * sum * share.transpose() - whole).norm() < 1e-9 * whole.norm(), "{share}");
    }

    /// Each pose errs by noise of its own and by a walk: then the covariance after any way is known.
    #[test]
    fn a_long_way_is_hardly_more_uncertain_than_it_should_be() {
        let (own, walk) = (diagonal(0.01, 0.002), diagonal(0.002, 0.0004));
        let of_motion = compose(&own, &step(), &(own + walk));
        // Of so many motions: the walk of each, and both ends' own.
        let truth = |count: usize| {
            let way = (0..count).fold(Se3::identity(), |way, _| way * step());
            added(count, &walk) + compose(&own, &way, &own)
        };
        let times_too_large = |lasting: f64| {
            let (mut window, mut pose) = (empty(), Uncertainty::zero());
            push(&mut window, &Matrix6::zeros());
            for count in 1..200 {
                push(&mut window, &of_motion);
                if window.keyframes.len() > 10 {
                    window.keyframes.pop_front();
                }
                let share = share_of(&window, &truth(window.keyframes.len() - 1));
                pose = pose.then(&step(), &Uncertainty::random(of_motion).kept(&share, lasting));
                let covariance = pose.covariance();
                let least = (covariance - truth(count) * 0.99).symmetric_eigenvalues().min();
                assert!(least > 0.0, "after {count}: {covariance}");
            }
            pose.covariance().component_div(&truth(199)).diagonal()
        };
        // As if independent, half as wrong, and as told.
        let [all, half, none] = [1.0, 0.5, 0.0].map(times_too_large);
        assert!(all.min() > 25.0 && none.max() < 10.0, "{all} {none}");
        assert!(((all + none) / 2.0 - half).norm() < 1e-6 * all.norm(), "{half}");
    }

    #[test]
    fn what_does_not_err_makes_no_share() {
        assert!(share(&Matrix6::identity(), &Matrix6::zeros()).is_none());
        assert!(share(&Matrix6::zeros(), &Matrix6::identity()).unwrap().norm() < 1e-12);
        assert!(share_left(&empty(), &Matrix6::identity()).is_none());
    }
}
