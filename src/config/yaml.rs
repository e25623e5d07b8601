//! Parameter files: YAML to dotted names and back.

use super::Config;
use crate::options::{Options, ParameterValue};
use serde_yaml::Value;

/// The dotted names and values of a parameter file, in order.
///
/// # Errors
/// What is wrong with the file's shape.
pub(super) fn parse(text: &str) -> Result<Vec<(String, ParameterValue)>, String> {
    let root: Value = serde_yaml::from_str(text).map_err(|error| format!("not valid YAML: {error}"))?;
    let mut values = Vec::new();
    match &root {
        Value::Null => {}
        Value::Mapping(_) => flatten("", &root, &mut values)?,
        other => return Err(format!("expected parameters as `name: value`, found {}", kind(other))),
    }
    Ok(values)
}

fn flatten(prefix: &str, value: &Value, values: &mut Vec<(String, ParameterValue)>) -> Result<(), String> {
    let leaf = match value {
        Value::Mapping(entries) => {
            for (key, inner) in entries {
                let key =
                    key.as_str().ok_or_else(|| format!("under '{prefix}': expected a name, found {}", kind(key)))?;
                match inner.get("ros__parameters") {
                    // `node_name:` or `/**:` above `ros__parameters:` says for which nodes, not which parameter.
                    Some(parameters) => flatten(prefix, parameters, values)?,
                    None if prefix.is_empty() => flatten(key, inner, values)?,
                    None => flatten(&format!("{prefix}.{key}"), inner, values)?,
                }
            }
            return Ok(());
        }
        Value::Bool(value) => ParameterValue::Boolean(*value),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => ParameterValue::Integer(whole),
            None => ParameterValue::Real(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => ParameterValue::Text(text.clone()),
        Value::Sequence(items) => ParameterValue::Reals(
            items
                .iter()
                .map(Value::as_f64)
                .collect::<Option<_>>()
                .ok_or_else(|| format!("'{prefix}': expected a list of numbers"))?,
        ),
        Value::Null | Value::Tagged(_) => return Err(format!("'{prefix}': expected a value, found {}", kind(value))),
    };
    values.push((prefix.to_owned(), leaf));
    Ok(())
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Sequence(_) => "a list",
        Value::Mapping(_) => "a group",
        Value::Tagged(_) => "a tag",
    }
}

/// The configuration as a file, each parameter below its text.
pub(super) fn write(config: &Config) -> String {
    let mut out = String::from("/**:\n  ros__parameters:\n");
    let mut open: Vec<String> = Vec::new();
    for row in Config::table() {
        let mut path: Vec<String> = row.name.split('.').map(str::to_owned).collect();
        let field = path.pop().unwrap_or_default();
        let common = open.iter().zip(&path).take_while(|(a, b)| a == b).count();
        for (depth, group) in path.iter().enumerate().skip(common) {
            out.push_str(&format!("{}{group}:\n", indent(depth)));
        }
        let margin = indent(path.len());
        let unit = if row.unit.is_empty() { String::new() } else { format!(", in {}", row.unit) };
        out.push_str(&format!("{margin}# {} ({}{unit})\n", row.text, row.allowed));
        let value = config.get(&row.name).unwrap_or(row.default);
        out.push_str(&format!("{margin}{field}: {value}\n"));
        open = path;
    }
    out
}

fn indent(depth: usize) -> String {
    "  ".repeat(depth + 2)
}
