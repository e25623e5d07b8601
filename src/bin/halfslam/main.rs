//! `halfslam`: the command line. Each subcommand is a file beside this one.

mod parameters;
mod replay;

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
    /// Run a recording through the whole pipeline, in one process.
    Replay(replay::Arguments),
    /// Show every parameter, or write the configuration file.
    Parameters(parameters::Arguments),
}

/// What every subcommand may fail with: its message is all that the user sees.
type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let filter = tracing_subscriber::EnvFilter::try_from_env("HALFSLAM_LOG").unwrap_or_else(|_| "warn".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let outcome = match Cli::parse().command {
        Command::Replay(arguments) => replay::run(&arguments),
        Command::Parameters(arguments) => parameters::run(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("halfslam: {failure}");
            ExitCode::FAILURE
        }
    }
}
