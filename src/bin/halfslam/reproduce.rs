//! `halfslam reproduce`: the article's experiments again.

use super::Failure;
use halfslam::reproduce::{self, Progress, Setup};
use indicatif::{ProgressBar, ProgressStyle};
use std::path::PathBuf;
use std::time::Instant;

/// Arguments of `halfslam reproduce`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Runs this experiment alone; can be repeated. All of them if not given.
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Where pictures (SVG), data (CSV) and verdicts go.
    #[arg(long, default_value = "out/reproduce")]
    out: PathBuf,
    /// A few short runs of each experiment: a minute instead of half an hour.
    #[arg(long)]
    quick: bool,
    /// The share of each experiment's runs that is done, 0 to 1.
    #[arg(long, default_value_t = 1.0)]
    share: f64,
    /// What all random numbers depend on.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Runs at the same time; as many as there are processors if not given. Changes no figure but times.
    #[arg(long)]
    threads: Option<usize>,
    /// Real graphs and recordings, in folders `pose_graphs`, `sequences` and `trajectories`. The environment's
    /// HALFSLAM_DATA if not given, else ../shared/data; what is missing is skipped.
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// Lists the experiments and runs none.
    #[arg(long)]
    list: bool,
}

/// Runs the experiments, writes what comes of them and prints their verdicts.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    if arguments.list {
        for experiment in reproduce::experiments() {
            println!("{:<17}{}", experiment.name, experiment.title);
        }
        return Ok(());
    }
    let names: Vec<&str> = if arguments.only.is_empty() {
        reproduce::experiments().iter().map(|experiment| experiment.name).collect()
    } else {
        arguments.only.iter().map(String::as_str).collect()
    };
    names.iter().try_for_each(|name| reproduce::find(name).map(|_| ()))?;
    let threads = arguments.threads.or_else(|| std::thread::available_parallelism().ok().map(usize::from)).unwrap_or(1);
    let bar = Bar::new();
    let mut setup = Setup::new(arguments.quick, arguments.seed, threads, &bar);
    setup.share = arguments.share;
    setup.data = arguments.data.clone().or_else(data_folder);
    for name in names {
        let started = Instant::now();
        let outcome = reproduce::run(name, &setup)?;
        let files = outcome.write(name, &arguments.out)?;
        bar.0.finish_and_clear();
        println!("{name}: {}", outcome.verdict);
        for file in files {
            println!("  {}", file.display());
        }
        println!("  {:.1} s", started.elapsed().as_secs_f64());
    }
    Ok(())
}

/// Where real data is, unless the command line says so.
fn data_folder() -> Option<PathBuf> {
    let named = std::env::var_os("HALFSLAM_DATA").map(PathBuf::from);
    named.or_else(|| Some(PathBuf::from("../shared/data")).filter(|folder| folder.is_dir()))
}

struct Bar(ProgressBar);

impl Bar {
    fn new() -> Self {
        let style = ProgressStyle::with_template("{msg:16} {wide_bar} {pos}/{len}, {eta} left");
        Self(ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())))
    }
}

impl Progress for Bar {
    fn begin(&self, part: &str, steps: usize) {
        self.0.reset();
        self.0.set_length(steps as u64);
        self.0.set_message(part.to_owned());
    }
    fn step(&self) {
        self.0.inc(1);
    }
}
