//! `halfslam evaluate`: how far a trajectory is from the truth.

use super::Failure;
use halfslam::evaluation::{Alignment, absolute_error, relative_error};
use halfslam::io::trajectory;
use std::path::PathBuf;

/// Which alignment a user can ask for.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Align {
    /// Rotation and translation.
    Se3,
    /// Rotation, translation and scale.
    Sim3,
    /// As it is.
    None,
}

/// Compares a trajectory with the truth: ATE and RPE, as evo defines them.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The estimate: TUM, KITTI or EuRoC format.
    estimate: PathBuf,
    /// The truth: TUM, KITTI or EuRoC format.
    truth: PathBuf,
    /// How the estimate is brought into the truth's world.
    #[arg(long, value_enum, default_value = "se3")]
    align: Align,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// Files that cannot be read, trajectories that cannot be compared.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let alignment = match arguments.align {
        Align::Se3 => Alignment::Se3,
        Align::Sim3 => Alignment::Sim3,
        Align::None => Alignment::None,
    };
    let (estimate, estimate_format) = trajectory::read_poses(&arguments.estimate)?;
    let (truth, truth_format) = trajectory::read_poses(&arguments.truth)?;
    let timed = |format| format != trajectory::TrajectoryFormat::Kitti;
    if timed(estimate_format) != timed(truth_format) {
        let (untimed, other) = if timed(truth_format) {
            (&arguments.estimate, &arguments.truth)
        } else {
            (&arguments.truth, &arguments.estimate)
        };
        return Err(format!(
            "{}: KITTI's format has no times; expected another KITTI file to compare with, found {}",
            untimed.display(),
            other.display()
        )
        .into());
    }
    if !timed(truth_format) && estimate.len() != truth.len() {
        return Err(format!(
            "{}: expected {} poses, as in {}, found {}",
            arguments.estimate.display(),
            truth.len(),
            arguments.truth.display(),
            estimate.len()
        )
        .into());
    }
    let absolute = absolute_error(&estimate, &truth, alignment)?;
    let relative = relative_error(&estimate, &truth, alignment)?;
    if arguments.json {
        let report = serde_json::json!({
            "pairs": absolute.translation_m.count,
            "align": alignment,
            "scale": absolute.alignment.scale,
            "ate_translation_m": absolute.translation_m,
            "ate_rotation_deg": absolute.rotation_deg,
            "rpe_frame_translation_m": relative.frame_translation_m,
            "rpe_frame_rotation_deg": relative.frame_rotation_deg,
            "drift": relative.segments,
        });
        println!("{report:#}");
        return Ok(());
    }
    let count = absolute.translation_m.count;
    println!("{count} poses paired; {} in the estimate, {} in the truth", estimate.len(), truth.len());
    if let Alignment::Sim3 = alignment {
        println!("scale {:.6}", absolute.alignment.scale);
    }
    println!("{:<24}{:>12}{:>12}{:>12}{:>12}", "", "rmse", "mean", "median", "max");
    for (name, figures) in [
        ("ATE translation (m)", absolute.translation_m),
        ("ATE rotation (deg)", absolute.rotation_deg),
        ("RPE frame (m)", relative.frame_translation_m),
        ("RPE frame (deg)", relative.frame_rotation_deg),
    ] {
        let (rmse, mean, median, max) = (figures.rmse, figures.mean, figures.median, figures.max);
        println!("{name:<24}{rmse:>12.6}{mean:>12.6}{median:>12.6}{max:>12.6}");
    }
    if let Some(drift) = relative.segments {
        println!(
            "drift over segments of {:?} m: {:.4} % of the path, {:.6} deg/m",
            drift.lengths_m, drift.translation_percent, drift.rotation_deg_per_m
        );
    }
    Ok(())
}
