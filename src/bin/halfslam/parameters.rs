//! `halfslam parameters`: the table of all parameters.

use super::Failure;
use halfslam::config::Config;

/// Arguments of `halfslam parameters`.
#[derive(clap::Args)]
pub struct Arguments {
    /// What to print: the configuration file with every parameter at its default, or the reference page.
    #[arg(long, value_enum, default_value_t = Format::Yaml)]
    format: Format,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Format {
    Yaml,
    Markdown,
}

/// Prints the table.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    match arguments.format {
        Format::Yaml => print!("{}", Config::default().to_yaml()),
        Format::Markdown => print!("{}", Config::reference_page()),
    }
    Ok(())
}
