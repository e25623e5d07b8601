//! Reconstructions.

use super::picture::{self, Drawing};
use super::{Arguments, Solved, options};
use halfslam::bundle::{PointBundle, PointBundleOptions, PointCamera};
use halfslam::io::{bal, libmv};
use halfslam::precision::Policy;
use halfslam::solver::SolveStatistics;
use std::error::Error;

/// Reads, optimizes, writes and draws a reconstruction of "Bundle Adjustment in the Large".
pub fn solve_bal(arguments: &Arguments, policy: &Policy) -> Result<Solved, Box<dyn Error>> {
    let options = bundle_options(arguments)?;
    let mut bundle = bal::read(&arguments.file)?;
    let before = Drawing::of_bundle(&bundle);
    let statistics = bundle.optimize(policy, &options)?;
    if let Some(path) = &arguments.out {
        bal::write(path, &bundle).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    finish(arguments, &before, &bundle, Vec::new(), statistics)
}

/// The same for one that libmv wrote.
pub fn solve_libmv(arguments: &Arguments, policy: &Policy) -> Result<Solved, Box<dyn Error>> {
    let options = bundle_options(arguments)?;
    let mut file = libmv::read(&arguments.file)?;
    let before = Drawing::of_bundle(&file.bundle);
    let statistics = file.bundle.optimize(policy, &options)?;
    if let Some(path) = &arguments.out {
        libmv::write(path, &file).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    let left_out = file.unplaced_markers;
    let notes = (left_out > 0).then(|| format!("{left_out} markers without a camera or a point are left out"));
    finish(arguments, &before, &file.bundle, notes.into_iter().collect(), statistics)
}

fn bundle_options(arguments: &Arguments) -> Result<PointBundleOptions, Box<dyn Error>> {
    match &arguments.robust {
        Some(loss) => Err(format!("--robust {loss}: only graphs have edges that may be wrong").into()),
        None => options(arguments),
    }
}

/// Draws what was solved and sums it up.
fn finish<C: PointCamera<R, D>, const R: usize, const D: usize>(
    arguments: &Arguments,
    before: &Drawing,
    bundle: &PointBundle<C, R>,
    notes: Vec<String>,
    statistics: SolveStatistics,
) -> Result<Solved, Box<dyn Error>> {
    let name = arguments.file.display();
    if let Some(path) = &arguments.plot {
        picture::draw(path, before, &Drawing::of_bundle(bundle), &name.to_string())?;
    }
    let (cameras, points, observations) = (bundle.cameras.len(), bundle.points.len(), bundle.observations.len());
    Ok(Solved {
        title: format!("{name}: {cameras} cameras, {points} points, {observations} observations"),
        notes,
        details: serde_json::json!({ "cameras": cameras, "points": points, "observations": observations }),
        statistics,
    })
}
