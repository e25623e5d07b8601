//! The relative pose that most correspondences agree with.

use super::refinement::refine;
use super::reprojection::{Correspondence, Motion, TwoViews};
use crate::geometry::Se3;
use nalgebra::{Rotation3, Translation3, UnitQuaternion, Vector3};
use opencv::calib3d::{SOLVEPNP_AP3P, solve_p3p};
use opencv::core::{Mat, Point2d, Point3d, Vector};
use opencv::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// Probability of a sample without outliers at which the search ends.
const CONFIDENCE: f64 = 0.999;

/// A pose and the correspondences that agree with it.
#[derive(Debug, Clone)]
pub(crate) struct Consensus {
    /// First camera's coordinates into the second's.
    pub t_b_a: Se3,
    /// Indices, ascending.
    pub inliers: Vec<usize>,
}

/// The correspondences that agree with a pose.
pub(crate) fn inliers_of(views: &TwoViews, t_b_a: &Se3, pairs: &[Correspondence]) -> Vec<usize> {
    let motion = Motion::new(t_b_a);
    let agrees = |pair| views.residual(&motion, pair).is_some_and(|residual| residual.is_inlier());
    (0..pairs.len()).filter(|&index| agrees(&pairs[index])).collect()
}

/// Finds the pose that most pairs agree with: three-point samples (PnP from the side that knows more points), each
/// better pose refined on its inliers. The same input gives the same output. `None` without any sample that fits.
///
/// # Source
/// Fischler and Bolles (1981); local optimization: Chum, Matas and Kittler (2003); the three-point solver is OpenCV's
/// AP3P: Ke and Roumeliotis (2017).
pub(crate) fn consensus(views: &TwoViews, pairs: &[Correspondence], max_samples: usize) -> Option<Consensus> {
    let known_a: Vec<usize> = (0..pairs.len()).filter(|&i| pairs[i].p_a.is_some()).collect();
    let known_b: Vec<usize> = (0..pairs.len()).filter(|&i| pairs[i].p_b.is_some()).collect();
    let forward = known_a.len() >= known_b.len();
    let known = if forward { known_a } else { known_b };
    if known.len() < 4 {
        return None;
    }
    let mut random = Pcg64Mcg::seed_from_u64(pairs.len() as u64);
    let mut best: Option<Consensus> = None;
    let mut needed = max_samples;
    let mut drawn = 0;
    while drawn < needed {
        drawn += 1;
        let sample = draw_three(&known, &mut random);
        for t_b_a in poses(views, pairs, &sample, forward) {
            // Points known on both sides have to agree both ways: that leaves few of the wrong poses.
            if inliers_of(views, &t_b_a, &sample.map(|i| pairs[i])).len() < 3 {
                continue;
            }
            let inliers = inliers_of(views, &t_b_a, pairs);
            let best_count = best.as_ref().map_or(3, |b| b.inliers.len());
            if inliers.len() <= best_count {
                continue;
            }
            let found = polish(views, pairs, Consensus { t_b_a, inliers });
            let ratio = found.inliers.len() as f64 / pairs.len() as f64;
            needed = samples_needed(ratio).min(max_samples);
            best = Some(found);
        }
    }
    best
}

fn samples_needed(inlier_ratio: f64) -> usize {
    let miss = 1.0 - inlier_ratio.powi(3);
    if miss <= 0.0 { 1 } else { ((1.0 - CONFIDENCE).ln() / miss.ln()).ceil().max(1.0) as usize }
}

fn polish(views: &TwoViews, pairs: &[Correspondence], found: Consensus) -> Consensus {
    let Some(refined) = refine(views, &found.t_b_a, pairs, &found.inliers) else { return found };
    let inliers = inliers_of(views, &refined.t_b_a, pairs);
    if inliers.len() >= found.inliers.len() { Consensus { t_b_a: refined.t_b_a, inliers } } else { found }
}

fn draw_three(known: &[usize], random: &mut Pcg64Mcg) -> [usize; 3] {
    let mut picked = [0; 3];
    let mut count = 0;
    while count < 3 {
        let index = random.random_range(0..known.len());
        if !picked[..count].contains(&index) {
            picked[count] = index;
            count += 1;
        }
    }
    picked.map(|index| known[index])
}

/// All poses `t_b_a` that explain three pairs; none if the solver finds none.
fn poses(views: &TwoViews, pairs: &[Correspondence], sample: &[usize; 3], forward: bool) -> Vec<Se3> {
    let mut points = Vector::<Point3d>::new();
    let mut rays = Vector::<Point2d>::new();
    for &index in sample {
        let pair = &pairs[index];
        let (p, ray) = if forward {
            (pair.p_a, views.camera_b.ray(&pair.px_b))
        } else {
            (pair.p_b, views.camera_a.ray(&pair.px_a))
        };
        let Some(p) = p else { return Vec::new() };
        points.push(Point3d::new(p.x, p.y, p.z));
        rays.push(Point2d::new(ray.x, ray.y));
    }
    let solved = solve(&points, &rays).unwrap_or_default();
    if forward { solved } else { solved.iter().map(Se3::inverse).collect() }
}

fn solve(points: &Vector<Point3d>, rays: &Vector<Point2d>) -> opencv::Result<Vec<Se3>> {
    let camera = Mat::eye(3, 3, opencv::core::CV_64F)?.to_mat()?;
    let (mut rotations, mut translations) = (Vector::<Mat>::new(), Vector::<Mat>::new());
    solve_p3p(points, rays, &camera, &Mat::default(), &mut rotations, &mut translations, SOLVEPNP_AP3P)?;
    let mut poses = Vec::with_capacity(rotations.len());
    for (rotation, translation) in rotations.iter().zip(&translations) {
        let vector = |mat: &Mat| -> opencv::Result<Vector3<f64>> {
            Ok(Vector3::new(*mat.at::<f64>(0)?, *mat.at::<f64>(1)?, *mat.at::<f64>(2)?))
        };
        let (phi, t) = (vector(&rotation)?, vector(&translation)?);
        if phi.iter().chain(t.iter()).all(|v| v.is_finite()) {
            let rotation = UnitQuaternion::from_rotation_matrix(&Rotation3::new(phi));
            poses.push(Se3::from_parts(Translation3::from(t), rotation));
        }
    }
    Ok(poses)
}
