//! ROS parameters: every option of [`Config`], from its one table.

use super::RosError;
use crate::config::Config;
use crate::options::{Change, Options, ParameterError, ParameterInfo, ParameterValue};
use r2r::indexmap::IndexMap;
use r2r::{Parameter, RosParams};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

/// The table of options and each one's description, which r2r wants to live for ever.
static TABLE: LazyLock<Vec<(ParameterInfo, &'static str)>> =
    LazyLock::new(|| Config::table().into_iter().map(|row| (row.clone(), &*description(&row).leak())).collect());

/// Says whether time comes from `/clock`; every ROS node has it.
pub(super) const USE_SIM_TIME: &str = "use_sim_time";

/// Text, unit, range and default of an option in one line, since r2r's descriptors carry text alone.
pub fn description(row: &ParameterInfo) -> String {
    let unit = if row.unit.is_empty() { String::new() } else { format!(" {}", row.unit) };
    let when = if row.change == Change::Live { "while running" } else { "at start" };
    format!("{} Allowed: {}{unit}. Default: {}. Set {when}.", row.text, row.allowed, row.default)
}

/// The configuration of a running node, as its parameters stand.
#[derive(Debug, Clone)]
pub struct Live(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    config: Config,
    generation: u64,
}

impl Live {
    /// The configuration that these overrides make of the default.
    ///
    /// # Errors
    /// [`ParameterError`] names the override that is unknown, of the wrong type or not allowed.
    pub fn from_overrides<'a>(
        overrides: impl IntoIterator<Item = (&'a str, &'a r2r::ParameterValue)>,
    ) -> Result<Self, ParameterError> {
        let mut config = Config::default();
        for (name, value) in overrides {
            if !belongs_to_ros(name) {
                assign(&mut config, name, value)?;
            }
        }
        Ok(Self(Arc::new(Mutex::new(State { config, generation: 0 }))))
    }

    /// The configuration now.
    pub fn config(&self) -> Config {
        self.with(|state| state.config.clone())
    }

    /// The configuration, if it was changed since the one of this generation, which is brought up to date; 0 is that
    /// of the start.
    pub fn newer_than(&self, generation: &mut u64) -> Option<Config> {
        self.with(|state| {
            let newer = state.generation != std::mem::replace(generation, state.generation);
            newer.then(|| state.config.clone())
        })
    }

    fn with<T>(&self, action: impl FnOnce(&mut State) -> T) -> T {
        action(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Answers parameter services from now on; the future must run while the node spins.
    pub(super) fn serve(&self, node: &mut r2r::Node) -> Result<impl Future<Output = ()> + Send + use<>, RosError> {
        let params: Arc<Mutex<dyn RosParams + Send>> = Arc::new(Mutex::new(self.clone()));
        let overrides = node.params.clone();
        let values = || overrides.lock().unwrap_or_else(PoisonError::into_inner);
        // r2r would subscribe to /clock once more, for timers that are not used here.
        let simulated = values().shift_remove(USE_SIM_TIME);
        let handler = node.make_derived_parameter_handler(params);
        values().extend(simulated.map(|parameter| (USE_SIM_TIME.to_owned(), parameter)));
        let (serving, _events) =
            handler.map_err(|error| RosError::Call { doing: "parameter services".into(), error })?;
        Ok(serving)
    }
}

/// Parameters that every ROS node has.
fn belongs_to_ros(name: &str) -> bool {
    name == USE_SIM_TIME || name == "start_type_description_service" || name.starts_with("qos_overrides.")
}

fn assign(config: &mut Config, name: &str, value: &r2r::ParameterValue) -> Result<(), ParameterError> {
    if !TABLE.iter().any(|(row, _)| row.name == name) {
        return Err(ParameterError::Unknown { name: name.into(), nearest: nearest(name) });
    }
    let Some(value) = value_from_ros(value) else {
        let found = ParameterValue::Text(value.type_name().into());
        return Err(ParameterError::Type {
            name: name.into(),
            expected: "a number, text, or a list of numbers",
            found,
        });
    };
    config.set("", name, &value)
}

/// The known name that is most like this one; `None` if none is at all.
fn nearest(name: &str) -> Option<String> {
    let likeness = |row: &ParameterInfo| {
        // Who leaves out the groups means the option of that name.
        let last = row.name.rsplit('.').next().unwrap_or(&row.name);
        strsim::jaro_winkler(&row.name, name).max(strsim::jaro_winkler(last, name))
    };
    let best = TABLE.iter().map(|(row, _)| (likeness(row), &row.name)).max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.0 > 0.75).then(|| best.1.clone())
}

fn value_from_ros(value: &r2r::ParameterValue) -> Option<ParameterValue> {
    Some(match value {
        r2r::ParameterValue::Bool(value) => ParameterValue::Boolean(*value),
        r2r::ParameterValue::Integer(value) => ParameterValue::Integer(*value),
        r2r::ParameterValue::Double(value) => ParameterValue::Real(*value),
        r2r::ParameterValue::String(value) => ParameterValue::Text(value.clone()),
        r2r::ParameterValue::DoubleArray(values) => ParameterValue::Reals(values.clone()),
        r2r::ParameterValue::IntegerArray(values) => {
            ParameterValue::Reals(values.iter().map(|value| *value as f64).collect())
        }
        _ => return None,
    })
}

fn value_to_ros(value: ParameterValue) -> r2r::ParameterValue {
    match value {
        ParameterValue::Boolean(value) => r2r::ParameterValue::Bool(value),
        ParameterValue::Integer(value) => r2r::ParameterValue::Integer(value),
        ParameterValue::Real(value) => r2r::ParameterValue::Double(value),
        ParameterValue::Text(value) => r2r::ParameterValue::String(value),
        ParameterValue::Reals(values) => r2r::ParameterValue::DoubleArray(values),
    }
}

/// A refusal as r2r can carry it to whoever asked.
fn refusal(name: &str, reason: impl ToString) -> r2r::Error {
    r2r::Error::ParameterValueConv { name: name.into(), msg: reason.to_string() }
}

impl RosParams for Live {
    fn register_parameters(
        &mut self,
        _prefix: &str,
        _param: Option<Parameter>,
        params: &mut IndexMap<String, Parameter>,
    ) -> r2r::Result<()> {
        let config = self.config();
        for (row, description) in TABLE.iter() {
            if let Some(value) = config.get(&row.name) {
                params.insert(row.name.clone(), Parameter { value: value_to_ros(value), description });
            }
        }
        Ok(())
    }

    fn get_parameter(&mut self, name: &str) -> r2r::Result<r2r::ParameterValue> {
        let value = self.config().get(name).map(value_to_ros);
        value.ok_or_else(|| r2r::Error::InvalidParameterName { name: name.into() })
    }

    fn set_parameter(&mut self, name: &str, value: &r2r::ParameterValue) -> r2r::Result<()> {
        self.check_parameter(name, value)?;
        self.with(|state| {
            assign(&mut state.config, name, value).map_err(|error| refusal(name, error))?;
            state.generation += 1;
            Ok(())
        })
    }

    fn check_parameter(&self, name: &str, value: &r2r::ParameterValue) -> r2r::Result<()> {
        assign(&mut self.config(), name, value).map_err(|error| refusal(name, error))?;
        match TABLE.iter().find(|(row, _)| row.name == name) {
            Some((row, _)) if row.change == Change::Startup => {
                Err(refusal(name, "takes effect at start only: set it in the parameter file and start again"))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use r2r::ParameterValue as Value;

    fn refused(name: &str, value: Value) -> String {
        Live::from_overrides([(name, &value)]).unwrap_err().to_string()
    }

    #[test]
    fn overrides_are_taken() {
        let live = Live::from_overrides([
            ("precision", &Value::String("double".into())),
            ("ros.tf_rate_hz", &Value::Integer(7)),
            ("use_sim_time", &Value::Bool(true)),
        ])
        .unwrap();
        assert_eq!((live.config().precision.as_str(), live.config().ros.tf_rate_hz), ("double", 7.0));
    }

    #[test]
    fn a_misspelt_name_is_refused_with_the_right_one() {
        assert!(
            refused("ros.odom_fram", Value::String("x".into()))
                .contains("'ros.odom_fram'; did you mean 'ros.odom_frame'?")
        );
        assert!(refused("odom_frame", Value::String("x".into())).contains("did you mean 'ros.odom_frame'?"));
        assert!(!refused("zzz", Value::Bool(true)).contains("did you mean"));
    }

    #[test]
    fn wrong_types_and_ranges_are_refused() {
        assert!(
            refused("ros.publish_tf", Value::String("yes".into())).contains("expected true or false, found \"yes\"")
        );
        assert!(refused("ros.camera", Value::String("sonar".into())).contains("stereo | rgbd"));
        assert!(refused("ros.frame_queue", Value::StringArray(vec![])).contains("found \"string array\""));
    }

    #[test]
    fn changes_while_running_are_checked_and_noticed() {
        let mut live = Live::from_overrides([]).unwrap();
        for (name, value) in
            [("ros.map_frame", Value::String("m".into())), ("odometry.bundle.huber_sigmas", Value::Double(3.0))]
        {
            let refusal = live.set_parameter(name, &value).unwrap_err().to_string();
            assert!(refusal.contains("at start only"), "{refusal}");
        }
        let mut generation = 0;
        assert_eq!(live.newer_than(&mut generation), None);
        live.set_parameter("map.cloud_voxel_m", &Value::Double(0.5)).unwrap();
        assert_eq!(live.newer_than(&mut generation).unwrap().map.cloud_voxel_m, 0.5);
        assert_eq!(live.newer_than(&mut generation), None);
        assert_eq!(live.get_parameter("map.cloud_voxel_m").unwrap(), Value::Double(0.5));
    }

    #[test]
    fn every_option_is_a_parameter_with_a_description() {
        let mut params = IndexMap::new();
        Live::from_overrides([]).unwrap().register_parameters("", None, &mut params).unwrap();
        assert_eq!(params.len(), Config::table().len());
        assert!(params["ros.tf_rate_hz"].description.contains("Allowed: 0.1 to 1000 Hz. Default: 20.0."));
    }
}
