//! `halfslam`: the command line. Each subcommand is a file beside this one.

#[cfg(feature = "ros")]
mod demo;
mod evaluate;
mod parameters;
#[cfg(feature = "ros")]
mod play;
mod replay;
mod reproduce;
mod simulate;
mod solve;

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
    /// Render a robot's tour through a furnished flat to a rosbag2 folder.
    Simulate(simulate::Arguments),
    /// Run a recording through the whole pipeline, in one process.
    Replay(replay::Arguments),
    /// Run the experiments of the article that this project follows, with pictures, data and verdicts.
    Reproduce(reproduce::Arguments),
    /// Compare a trajectory with the truth: ATE, RPE and drift.
    Evaluate(evaluate::Arguments),
    /// Optimize a pose graph or a reconstruction.
    Solve(solve::Arguments),
    /// Print every parameter: the configuration file, or the reference page.
    Parameters(parameters::Arguments),
    /// Publish a recording as ROS 2 topics, at its rate.
    #[cfg(feature = "ros")]
    Play(play::Arguments),
    /// Run both ROS 2 nodes on a recording, and judge what they publish.
    #[cfg(feature = "ros")]
    Demo(demo::Arguments),
}

/// What every subcommand may fail with: its message is all that the user sees.
type Failure = Box<dyn std::error::Error>;

/// The arguments before `--ros-args`: ROS 2 reads the others itself.
fn own_arguments() -> impl Iterator<Item = std::ffi::OsString> {
    std::env::args_os().take_while(|argument| argument != "--ros-args")
}

fn main() -> ExitCode {
    // `halfslam … | head` ends like any other program, without a word of its own.
    sigpipe::reset();
    let command = Cli::parse_from(own_arguments()).command;
    // Experiments show what fails: a warning at each failure would drown their verdicts.
    let level = if matches!(command, Command::Reproduce(_)) { "error" } else { "warn" };
    let filter = tracing_subscriber::EnvFilter::try_from_env("HALFSLAM_LOG").unwrap_or_else(|_| level.into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let outcome: Result<(), Failure> = match command {
        Command::Simulate(arguments) => simulate::run(&arguments).map_err(Into::into),
        Command::Replay(arguments) => replay::run(&arguments),
        Command::Reproduce(arguments) => reproduce::run(&arguments),
        Command::Evaluate(arguments) => evaluate::run(&arguments),
        Command::Solve(arguments) => solve::run(&arguments),
        Command::Parameters(arguments) => parameters::run(&arguments),
        #[cfg(feature = "ros")]
        Command::Play(arguments) => play::run(&arguments),
        #[cfg(feature = "ros")]
        Command::Demo(arguments) => demo::run(&arguments),
    };
    if let Err(failure) = &outcome {
        eprintln!("halfslam: {failure}");
    }
    #[cfg(feature = "ros")]
    halfslam::ros::spinning::leave_if_held(outcome.is_ok());
    outcome.map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS)
}
