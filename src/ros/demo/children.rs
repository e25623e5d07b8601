//! The nodes as child processes, which never outlive their parent's interest in them.

use super::DemoError;
use crate::config::Config;
use crate::options::Options;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(10);

/// Running nodes; dropped, they are killed.
pub struct Children(Vec<(&'static str, Child)>);

impl Children {
    /// Starts both nodes, which lie beside this program, with the configuration as their parameters.
    ///
    /// # Errors
    /// [`DemoError::Program`] names the program that cannot be started.
    pub fn start(config: &Config) -> Result<Self, DemoError> {
        let mut children = Self(Vec::new());
        let arguments = parameter_arguments(config);
        for name in ["vo_node", "loop_closure_node"] {
            let program = std::env::current_exe().map(|this| this.with_file_name(name));
            let started = program.and_then(|program| {
                Command::new(program).arg("--ros-args").args(&arguments).stdin(Stdio::null()).spawn()
            });
            let child = started.map_err(|error| DemoError::Program { name, reason: error.to_string() })?;
            children.0.push((name, child));
        }
        Ok(children)
    }

    /// Whether all still run.
    ///
    /// # Errors
    /// [`DemoError::Program`] names the one that has ended.
    pub fn check(&mut self) -> Result<(), DemoError> {
        for (name, child) in &mut self.0 {
            if let Ok(Some(status)) = child.try_wait() {
                return Err(DemoError::Program { name, reason: format!("ended early: {status}") });
            }
        }
        Ok(())
    }

    /// Ends all with SIGINT, as a user would.
    ///
    /// # Errors
    /// [`DemoError::Program`] names one that did not end with exit code 0 in time.
    pub fn stop(mut self) -> Result<(), DemoError> {
        self.interrupt();
        let deadline = Instant::now() + PATIENCE;
        for (name, child) in &mut self.0 {
            let name = *name;
            let failed = |reason: String| DemoError::Program { name, reason };
            loop {
                match child.try_wait() {
                    Ok(Some(status)) if status.success() => break,
                    Ok(Some(status)) => return Err(failed(format!("ended with {status}; expected exit code 0"))),
                    Ok(None) if Instant::now() > deadline => {
                        return Err(failed(format!("still runs {} s after SIGINT", PATIENCE.as_secs())));
                    }
                    Ok(None) => std::thread::sleep(Duration::from_millis(20)),
                    Err(error) => return Err(failed(error.to_string())),
                }
            }
        }
        Ok(())
    }

    fn interrupt(&self) {
        for (name, child) in &self.0 {
            let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
            if let Err(error) = sent {
                tracing::warn!("{name}: {error}");
            }
        }
    }
}

impl Drop for Children {
    fn drop(&mut self) {
        for (_, child) in &mut self.0 {
            if !matches!(child.try_wait(), Ok(Some(_))) {
                let _ = child.kill();
                let _ = child.wait();
            }
        }
    }
}

/// What differs from the defaults, as `-p name:=value`.
fn parameter_arguments(config: &Config) -> Vec<String> {
    let mut arguments = vec!["-p".to_owned(), "use_sim_time:=true".to_owned()];
    for row in Config::table() {
        if let Some(value) = config.get(&row.name).filter(|value| *value != row.default) {
            arguments.extend(["-p".to_owned(), format!("{}:={value}", row.name)]);
        }
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_changes_are_passed_on() {
        let mut config = Config { precision: "half".into(), ..Config::default() };
        config.ros.tf_rate_hz = 5.0;
        let arguments = parameter_arguments(&config);
        assert_eq!(arguments[2..], ["-p", "precision:=\"half\"", "-p", "ros.tf_rate_hz:=5.0"]);
    }
}
