//! The values of options, on their way between files, ROS parameters and Rust's types.

/// A value on its way between a YAML file or a ROS parameter and an option.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[serde(untagged)]
pub enum ParameterValue {
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A real number.
    Real(f64),
    /// Text.
    Text(String),
    /// A list of real numbers.
    Reals(Vec<f64>),
}

impl ParameterValue {
    /// The value that a word on a command line says: `true`, `3`, `0.5`, `[1, 2]`, or else text.
    pub fn from_text(text: &str) -> Self {
        if let Ok(value) = text.parse() {
            return Self::Boolean(value);
        }
        if let Ok(value) = text.parse() {
            return Self::Integer(value);
        }
        if let Ok(value) = text.parse() {
            return Self::Real(value);
        }
        serde_json::from_str(text).map_or_else(|_| Self::Text(text.into()), Self::Reals)
    }
}

impl std::fmt::Display for ParameterValue {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Boolean(value) => write!(out, "{value}"),
            Self::Integer(value) => write!(out, "{value}"),
            Self::Real(value) => write!(out, "{value:?}"),
            Self::Text(value) => write!(out, "{value:?}"),
            Self::Reals(values) => write!(out, "{values:?}"),
        }
    }
}

/// A type that an option can have.
pub trait ParameterType: Sized {
    /// The type's name in messages.
    const EXPECTED: &'static str;
    /// The option's value, to be shown or written.
    fn to_value(&self) -> ParameterValue;
    /// The option from a value; `None` if it is of another type.
    fn from_value(value: &ParameterValue) -> Option<Self>;
}

impl ParameterType for bool {
    const EXPECTED: &'static str = "true or false";
    fn to_value(&self) -> ParameterValue {
        ParameterValue::Boolean(*self)
    }
    fn from_value(value: &ParameterValue) -> Option<Self> {
        if let ParameterValue::Boolean(value) = value { Some(*value) } else { None }
    }
}
impl ParameterType for usize {
    const EXPECTED: &'static str = "a whole number, not negative";
    fn to_value(&self) -> ParameterValue {
        ParameterValue::Integer(*self as i64)
    }
    fn from_value(value: &ParameterValue) -> Option<Self> {
        if let ParameterValue::Integer(value) = value { usize::try_from(*value).ok() } else { None }
    }
}
impl ParameterType for f64 {
    const EXPECTED: &'static str = "a number";
    fn to_value(&self) -> ParameterValue {
        ParameterValue::Real(*self)
    }
    fn from_value(value: &ParameterValue) -> Option<Self> {
        match value {
            ParameterValue::Real(value) => Some(*value),
            ParameterValue::Integer(value) => Some(*value as f64),
            _ => None,
        }
    }
}
impl ParameterType for String {
    const EXPECTED: &'static str = "text";
    fn to_value(&self) -> ParameterValue {
        ParameterValue::Text(self.clone())
    }
    fn from_value(value: &ParameterValue) -> Option<Self> {
        if let ParameterValue::Text(value) = value { Some(value.clone()) } else { None }
    }
}
impl ParameterType for Vec<f64> {
    const EXPECTED: &'static str = "a list of numbers";
    fn to_value(&self) -> ParameterValue {
        ParameterValue::Reals(self.clone())
    }
    fn from_value(value: &ParameterValue) -> Option<Self> {
        if let ParameterValue::Reals(value) = value { Some(value.clone()) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_command_line_become_values() {
        assert_eq!(ParameterValue::from_text("true"), ParameterValue::Boolean(true));
        assert_eq!(ParameterValue::from_text("3"), ParameterValue::Integer(3));
        assert_eq!(ParameterValue::from_text("0.5"), ParameterValue::Real(0.5));
        assert_eq!(ParameterValue::from_text("[1, 2]"), ParameterValue::Reals(vec![1.0, 2.0]));
        assert_eq!(ParameterValue::from_text("mixed"), ParameterValue::Text("mixed".into()));
    }
}
