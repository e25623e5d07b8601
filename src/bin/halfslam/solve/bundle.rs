//! Reconstructions.

use super::{Arguments, Solved, options, picture};
use halfslam::bundle::PointBundleOptions;
use halfslam::io::bal;
use halfslam::precision::Policy;
use std::error::Error;

/// Reads, optimizes, writes and draws a reconstruction.
pub fn solve(arguments: &Arguments, policy: &Policy) -> Result<Solved, Box<dyn Error>> {
    if let Some(loss) = &arguments.robust {
        return Err(format!("--robust {loss}: only graphs have edges that may be wrong").into());
    }
    let options: PointBundleOptions = options(arguments)?;
    let name = arguments.file.display();
    let mut bundle = bal::read(&arguments.file).map_err(|error| match error {
        bal::BalError::File { .. } => error.to_string(),
        _ => format!("{name}: {error}"),
    })?;
    let before = arguments.plot.is_some().then(|| picture::Drawing::of_bundle(&bundle));
    let statistics = bundle.optimize(policy, &options)?;
    if let Some(path) = &arguments.out {
        bal::write(path, &bundle).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    if let (Some(path), Some(before)) = (&arguments.plot, &before) {
        picture::draw(path, before, &picture::Drawing::of_bundle(&bundle), &name.to_string())?;
    }
    let (cameras, points, observations) = (bundle.cameras.len(), bundle.points.len(), bundle.observations.len());
    Ok(Solved {
        title: format!("{name}: {cameras} cameras, {points} points, {observations} observations"),
        notes: Vec::new(),
        details: serde_json::json!({ "cameras": cameras, "points": points, "observations": observations }),
        statistics,
    })
}
