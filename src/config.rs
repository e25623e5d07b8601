//! All options in one place: what a YAML file, a launch file or a ROS parameter can set.

mod reference;
mod ros;
mod yaml;

pub use ros::RosOptions;

use crate::io::sources::SourceOptions;
use crate::map::MapOptions;
use crate::odometry::OdometryOptions;
use crate::options::{Options, ParameterError, ParameterValue};
use std::path::{Path, PathBuf};

crate::options! {
    /// Everything that can be configured.
    pub struct Config {
        /// Precision policy: double, single, mixed, half, or the path of a YAML file.
        precision: String = "mixed", "", .., startup;
    }
    groups {
        /// Visual odometry, whose window is made for its options.
        odometry: OdometryOptions, startup;
        /// Loop closure and the map.
        map: MapOptions;
        /// Recordings.
        source: SourceOptions;
        /// The ROS 2 nodes.
        ros: RosOptions;
    }
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// The file is not YAML, or not shaped like a parameter file.
    #[error("{path}: {reason}")]
    Format {
        /// The file.
        path: PathBuf,
        /// What was expected and what was found.
        reason: String,
    },
    /// A parameter is unknown, of the wrong type, or out of range.
    #[error("{}{error}", .path.as_ref().map(|path| format!("{}: ", path.display())).unwrap_or_default())]
    Parameter {
        /// The file, if it came from one.
        path: Option<PathBuf>,
        /// What is wrong.
        error: ParameterError,
    },
}

impl Config {
    /// Reads a YAML file over the defaults: nested groups or dotted names, with or without the
    /// `node: ros__parameters:` that ROS 2 puts above them.
    ///
    /// # Errors
    /// [`ConfigError`] names the file, the parameter, what was expected and what was found.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|error| ConfigError::Io { path: path.into(), error })?;
        let values = yaml::parse(&text).map_err(|reason| ConfigError::Format { path: path.into(), reason })?;
        let mut config = Self::default();
        for (name, value) in values {
            config.change(&name, &value).map_err(|error| ConfigError::Parameter { path: Some(path.into()), error })?;
        }
        Ok(config)
    }

    /// Sets one parameter by its dotted name; an unknown name is answered with the nearest known one.
    ///
    /// # Errors
    /// [`ParameterError`]; nothing is changed then.
    pub fn change(&mut self, name: &str, value: &ParameterValue) -> Result<(), ParameterError> {
        self.set("", name, value).map_err(|error| match error {
            ParameterError::Unknown { name, .. } => ParameterError::Unknown { nearest: nearest_name(&name), name },
            other => other,
        })
    }

    /// The configuration as a YAML file that [`Self::load`] and `ros2 launch` read, each parameter with its text.
    pub fn to_yaml(&self) -> String {
        yaml::write(self)
    }

    /// The reference page of all parameters, as Markdown.
    pub fn reference_page() -> String {
        reference::page()
    }
}

/// The known parameter that is most like `name`, if any is alike at all.
fn nearest_name(name: &str) -> Option<String> {
    let last = |dotted: &str| dotted.rsplit('.').next().unwrap_or(dotted).to_owned();
    Config::table()
        .into_iter()
        .map(|row| {
            let whole = strsim::jaro_winkler(&row.name, name);
            let tail = strsim::jaro_winkler(&last(&row.name), &last(name));
            (whole.max(tail), row.name)
        })
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Config, ConfigError> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("test.yaml");
        std::fs::write(&path, text).expect("writing into it");
        Config::load(&path)
    }

    #[test]
    fn an_empty_file_is_the_default() {
        assert_eq!(load("").expect("empty is fine"), Config::default());
    }

    #[test]
    fn what_is_written_is_read_back() {
        let mut config = Config::default();
        config.change("odometry.window.keyframes", &ParameterValue::Integer(17)).expect("in range");
        config.change("precision", &ParameterValue::Text("half".into())).expect("any text");
        assert_eq!(load(&config.to_yaml()).expect("own file"), config);
    }

    #[test]
    fn nested_dotted_and_ros_forms_say_the_same() {
        let nested = load("odometry:\n  window:\n    keyframes: 12\n").expect("nested");
        assert_eq!(nested.odometry.window.keyframes, 12);
        assert_eq!(load("odometry.window.keyframes: 12\n").expect("dotted"), nested);
        let ros = "/**:\n  ros__parameters:\n    odometry.window:\n      keyframes: 12\n";
        assert_eq!(load(ros).expect("ROS"), nested);
    }

    #[test]
    fn a_misspelt_name_is_answered_with_the_right_one() {
        let message = load("odometry:\n  window:\n    keyframe: 12\n").expect_err("misspelt").to_string();
        assert!(
            message.contains("odometry.window.keyframe'") && message.contains("odometry.window.keyframes'"),
            "{message}"
        );
        assert!(message.contains("test.yaml"), "{message}");
    }

    #[test]
    fn wrong_types_and_ranges_are_named() {
        let message = load("odometry.window.keyframes: many\n").expect_err("type").to_string();
        assert!(message.contains("whole number") && message.contains("\"many\""), "{message}");
        let message = load("odometry.window.keyframes: 1\n").expect_err("range").to_string();
        assert!(message.contains("2 to 500"), "{message}");
        let message = load("odometry.window: 3\n").expect_err("group").to_string();
        assert!(message.contains("odometry.window"), "{message}");
        assert!(load("- a\n- b\n").is_err());
        assert!(load("a: [b: {").is_err());
    }
}
