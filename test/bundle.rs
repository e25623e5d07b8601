//! Bundle adjustment: the truth is found under every policy that claims to, and broken input is named.

#[path = "support/files.rs"]
mod files;
#[path = "support/points.rs"]
mod points;
#[path = "bundle/priors.rs"]
mod priors;
#[path = "bundle/reconstructions.rs"]
mod reconstructions;
#[path = "bundle/keyframes.rs"]
mod keyframes;
#[path = "support/windows.rs"]
mod windows;

use halfslam::bundle::{Bundle, BundleOptions};
use halfslam::precision::Policy;
use halfslam::solver::SolveStatistics;
use windows::{ARTICLE, WindowShape};

fn solve(bundle: &mut Bundle, policy: &str) -> SolveStatistics {
    bundle.optimize(&Policy::resolve(policy).unwrap(), &BundleOptions::default()).unwrap()
}

const SMALL: WindowShape = WindowShape { keyframes: 10, landmarks: 200, track_length: 5, ..ARTICLE };
