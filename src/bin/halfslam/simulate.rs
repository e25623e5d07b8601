//! `halfslam simulate`: a robot's tour through a furnished flat, recorded to a rosbag2 folder.

use clap::{ArgMatches, Command, FromArgMatches};
use halfslam::io::bag::BagError;
use halfslam::options::{Allowed, Options, ParameterError, ParameterValue};
use halfslam::simulation::{Preset, Simulation, SimulationOptions, record};
use indicatif::{ProgressBar, ProgressStyle};
use std::path::PathBuf;
use std::sync::LazyLock;

/// Renders a robot's tour through a furnished flat to a rosbag2 folder (MCAP), the same for the same seed.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Folder of the bag; it must not exist yet, or be empty.
    #[arg(long)]
    out: PathBuf,
    /// Seed of the flat, the tour and all noise.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Cameras of the robot.
    #[arg(long, value_enum, default_value_t = Cameras::Stereo)]
    preset: Cameras,
    #[command(flatten)]
    options: Flags,
}

/// Cameras of the robot.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Cameras {
    /// A rectified grey pair, 752x480.
    Stereo,
    /// Colour with aligned depth, 640x480.
    Rgbd,
    /// One grey camera, 752x480.
    Mono,
}

impl From<Cameras> for Preset {
    fn from(cameras: Cameras) -> Self {
        match cameras {
            Cameras::Stereo => Self::Stereo,
            Cameras::Rgbd => Self::Rgbd,
            Cameras::Mono => Self::Mono,
        }
    }
}

/// Why nothing was recorded.
#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    /// The folder holds something already.
    #[error("{path}: exists already and is not empty; name a new folder")]
    Exists {
        /// The folder.
        path: PathBuf,
    },
    /// The file system says no.
    #[error("{path}: {error}")]
    Io {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// The bag cannot be written.
    #[error(transparent)]
    Bag(#[from] BagError),
}

/// Records what the arguments ask for.
///
/// # Errors
/// [`SimulateError`]; nothing is left behind then.
pub fn run(arguments: &Arguments) -> Result<(), SimulateError> {
    let path = &arguments.out;
    let io = |error| SimulateError::Io { path: path.clone(), error };
    if path.exists() {
        if !path.is_dir() || std::fs::read_dir(path).map_err(io)?.next().is_some() {
            return Err(SimulateError::Exists { path: path.clone() });
        }
        std::fs::remove_dir(path).map_err(io)?;
    }
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        std::fs::create_dir_all(parent).map_err(io)?;
    }
    let options = &arguments.options.0;
    let simulation = Simulation::new(options, arguments.seed, arguments.preset.into());
    let bar = ProgressBar::new((options.duration_secs * 1000.0) as u64);
    if let Ok(style) = ProgressStyle::with_template("{msg} [{bar:40}] {percent} %, {eta} left") {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.set_message("simulating");
    let result = record(&simulation, path, |done| bar.set_position((done * options.duration_secs * 1000.0) as u64));
    bar.finish_and_clear();
    result?;
    println!(
        "{}: {} frames, {:.1} s, {:.1} m of path",
        path.display(),
        simulation.frame_count(),
        options.duration_secs,
        simulation.truth().path_length_m()
    );
    Ok(())
}

/// One flag per option of the simulation, made from their table: `camera_noise` is `--camera-noise`, and units at the
/// end of a name are left out (`duration_secs` is `--duration`).
#[derive(Debug, Clone)]
struct Flags(SimulationOptions);

/// Name and flag of each option, for as long as the program runs: clap keeps references.
static NAMES: LazyLock<Vec<(String, String)>> =
    LazyLock::new(|| SimulationOptions::table().into_iter().map(|row| (row.name.clone(), flag(&row.name))).collect());

fn flag(name: &str) -> String {
    let units = ["_secs", "_mps", "_hz", "_ms", "_m"];
    let short = units.iter().find_map(|unit| name.strip_suffix(unit)).unwrap_or(name);
    short.replace('_', "-")
}

impl clap::Args for Flags {
    fn augment_args(mut command: Command) -> Command {
        for (row, (name, long)) in SimulationOptions::table().iter().zip(NAMES.iter()) {
            let unit = if row.unit.is_empty() { String::new() } else { format!(" {}", row.unit) };
            let allowed = if row.allowed == Allowed::Any { String::new() } else { format!(", {}", row.allowed) };
            let help = format!("{} [default: {}{unit}{allowed}]", row.text, row.default);
            let argument = clap::Arg::new(name.as_str())
                .long(long.as_str())
                .value_name("NUMBER")
                .allow_negative_numbers(true)
                .value_parser(|text: &str| text.parse::<f64>().map_err(|_| "expected a number"))
                .help(help);
            command = command.arg(argument);
        }
        command
    }
    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Flags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut flags = Self(SimulationOptions::default());
        flags.update_from_arg_matches(matches)?;
        Ok(flags)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        for row in SimulationOptions::table() {
            let Some(&number) = matches.get_one::<f64>(&row.name) else { continue };
            let is_count = matches!(row.default, ParameterValue::Integer(_)) && number.fract() == 0.0;
            let value = if is_count { ParameterValue::Integer(number as i64) } else { ParameterValue::Real(number) };
            self.0.set("", &row.name, &value).map_err(|error| refusal(&row.name, &error))?;
        }
        Ok(())
    }
}

fn refusal(name: &str, error: &ParameterError) -> clap::Error {
    clap::Error::raw(clap::error::ErrorKind::ValueValidation, format!("--{}: {error}\n", flag(name)))
}
