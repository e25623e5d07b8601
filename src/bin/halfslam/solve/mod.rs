//! `halfslam solve`: optimizes a pose graph or a reconstruction from a file.

mod bundle;
mod graph;
mod picture;
mod report;

use halfslam::io::g2o;
use halfslam::options::{Options, ParameterValue};
use halfslam::precision::Policy;
use halfslam::solver::SolveStatistics;
use std::error::Error;
use std::path::{Path, PathBuf};

/// Optimizes a pose graph (g2o or TORO) or a reconstruction (BAL or libmv) and says what happened.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The graph, of g2o or TORO; or a reconstruction, `.txt` of "Bundle Adjustment in the Large" or `.bin` of libmv, whose
    /// lens stays as it is.
    file: PathBuf,
    /// Precision policy: double, single, mixed, half, or a YAML file.
    #[arg(long, default_value = "mixed")]
    precision: String,
    /// Writes what was optimized here, in the format that it was read in (a graph as g2o).
    #[arg(long)]
    out: Option<PathBuf>,
    /// Writes what happened here (JSON); `-` prints it in place of the table.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Draws it before and after here (SVG).
    #[arg(long)]
    plot: Option<PathBuf>,
    /// Graphs: takes edges between nodes that do not follow each other as possibly wrong, with this loss: huber, cauchy,
    /// geman_mcclure, or gnc (graduated).
    #[arg(long, value_name = "LOSS")]
    robust: Option<String>,
    /// Sets an option of the problem, e.g. `solver.max_iterations=100`. May be repeated.
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<String>,
}

/// What was solved, for the report.
struct Solved {
    /// One line on what it is.
    title: String,
    /// Worth knowing about the file.
    notes: Vec<String>,
    /// What only this kind of problem has to report (JSON).
    details: serde_json::Value,
    statistics: SolveStatistics,
}

/// Runs the command.
///
/// # Errors
/// A file that cannot be read or written, an unknown policy or option, a problem that is broken.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let policy = Policy::resolve(&arguments.precision)?;
    let solved = match arguments.file.extension().and_then(|extension| extension.to_str()) {
        Some("txt") if !g2o::is_one(&arguments.file) => bundle::solve_bal(arguments, &policy),
        Some("bin") => bundle::solve_libmv(arguments, &policy),
        _ => graph::solve(arguments, &policy),
    }?;
    let json = serde_json::to_string_pretty(&report::json(&solved))? + "\n";
    match &arguments.json {
        Some(path) if path == Path::new("-") => print!("{json}"),
        Some(path) => {
            std::fs::write(path, json).map_err(|error| format!("{}: {error}", path.display()))?;
            report::print_table(&solved);
        }
        None => report::print_table(&solved),
    }
    Ok(())
}

/// The options of a problem, with what the command line sets.
fn options<O: Options + Default>(arguments: &Arguments) -> Result<O, Box<dyn Error>> {
    let mut options = O::default();
    for assignment in &arguments.set {
        let Some((name, text)) = assignment.split_once('=') else {
            return Err(format!("--set {assignment}: expected NAME=VALUE").into());
        };
        let value = if let Ok(number) = text.parse() {
            ParameterValue::Integer(number)
        } else if let Ok(number) = text.parse() {
            ParameterValue::Real(number)
        } else if let Ok(truth) = text.parse() {
            ParameterValue::Boolean(truth)
        } else {
            ParameterValue::Text(text.into())
        };
        options.set("", name, &value)?;
    }
    Ok(options)
}
