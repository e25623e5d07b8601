//! `halfslam`: the command line.

mod simulate;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Visual SLAM whose solvers do most of their arithmetic in half precision.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Simulate(simulate::Arguments),
}

fn main() -> ExitCode {
    let result = match &Cli::parse().command {
        Verb::Simulate(arguments) => simulate::run(arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("halfslam: {error}");
            ExitCode::FAILURE
        }
    }
}
