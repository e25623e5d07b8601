//! `halfslam`: the command line. Each subcommand is a file beside this one.

mod evaluate;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Visual SLAM with mixed-precision solvers.
#[derive(Parser)]
#[command(name = "halfslam", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Compare a trajectory with the truth: ATE, RPE and drift.
    Evaluate(evaluate::Arguments),
}

/// What every subcommand may fail with: its message is all that the user sees.
type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let filter = tracing_subscriber::EnvFilter::try_from_env("HALFSLAM_LOG").unwrap_or_else(|_| "warn".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let outcome = match Cli::parse().command {
        Command::Evaluate(arguments) => evaluate::run(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("halfslam: {failure}");
            ExitCode::FAILURE
        }
    }
}
