//! The table of options: a row for each, what it allows, and the errors of what it does not.

use super::ParameterValue;
use std::ops::{RangeFull, RangeInclusive};

/// Which values an option takes.
#[derive(Debug, Clone, PartialEq)]
pub enum Allowed {
    /// Whatever its type can say (real numbers must be finite).
    Any,
    /// A number from the first to the second, both included.
    Between(f64, f64),
    /// One of these words.
    OneOf(&'static [&'static str]),
}

impl From<RangeFull> for Allowed {
    fn from(_: RangeFull) -> Self {
        Self::Any
    }
}
impl From<RangeInclusive<f64>> for Allowed {
    fn from(range: RangeInclusive<f64>) -> Self {
        Self::Between(*range.start(), *range.end())
    }
}
impl From<RangeInclusive<i32>> for Allowed {
    fn from(range: RangeInclusive<i32>) -> Self {
        Self::Between(f64::from(*range.start()), f64::from(*range.end()))
    }
}
impl From<&'static [&'static str]> for Allowed {
    fn from(words: &'static [&'static str]) -> Self {
        Self::OneOf(words)
    }
}
impl<const N: usize> From<&'static [&'static str; N]> for Allowed {
    fn from(words: &'static [&'static str; N]) -> Self {
        Self::OneOf(words)
    }
}

impl std::fmt::Display for Allowed {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Any => write!(out, "any"),
            Self::Between(low, high) => write!(out, "{low} to {high}"),
            Self::OneOf(words) => write!(out, "{}", words.join(" | ")),
        }
    }
}

impl Allowed {
    pub(super) fn admits(&self, value: &ParameterValue) -> bool {
        let within = |number: f64| match *self {
            Self::Between(low, high) => (low..=high).contains(&number),
            _ => number.is_finite(),
        };
        match value {
            ParameterValue::Boolean(_) => true,
            ParameterValue::Integer(number) => within(*number as f64),
            ParameterValue::Real(number) => within(*number),
            ParameterValue::Reals(numbers) => numbers.iter().copied().all(within),
            ParameterValue::Text(word) => match self {
                Self::OneOf(words) => words.contains(&word.as_str()),
                _ => true,
            },
        }
    }
}

/// When a change of an option takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// While running.
    Live,
    /// At the next start only.
    Startup,
}

/// One row of the table of options.
#[derive(Debug, Clone)]
pub struct ParameterInfo {
    /// Dotted name, e.g. `odometry.window.keyframes`.
    pub name: String,
    /// What it is for.
    pub text: &'static str,
    /// Unit, empty where there is none.
    pub unit: &'static str,
    /// Which values it takes.
    pub allowed: Allowed,
    /// Its value when nothing is said.
    pub default: ParameterValue,
    /// When a change takes effect.
    pub change: Change,
}

/// Why a value was refused; the options are as they were before.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ParameterError {
    /// No option has this name.
    #[error("unknown parameter '{name}'{}", .nearest.as_ref().map(|n| format!("; did you mean '{n}'?")).unwrap_or_default())]
    Unknown {
        /// The name that was given.
        name: String,
        /// The known name that is most like it.
        nearest: Option<String>,
    },
    /// The value is of another type.
    #[error("parameter '{name}': expected {expected}, found {found}")]
    Type {
        /// Dotted name.
        name: String,
        /// The type that it takes.
        expected: &'static str,
        /// The value that was given.
        found: ParameterValue,
    },
    /// The value is outside what is allowed.
    #[error("parameter '{name}': {found} is not allowed; expected {allowed}{}", if .unit.is_empty() { String::new() } else { format!(" {}", .unit) })]
    Range {
        /// Dotted name.
        name: String,
        /// What is allowed.
        allowed: Allowed,
        /// Unit of the value.
        unit: &'static str,
        /// The value that was given.
        found: ParameterValue,
    },
}
