//! Options are declared once, by [`crate::options!`]: the struct, its defaults, its documentation, its checks, and the
//! table from which the YAML file, the ROS parameters and the reference page are made.

use std::ops::{RangeFull, RangeInclusive};

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
    fn admits(&self, value: &ParameterValue) -> bool {
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

/// A group of options that [`crate::options!`] declared.
pub trait Options: Default + Clone {
    /// Appends this group's rows to the table, their names behind `prefix` (empty, or ending in a dot).
    fn describe(prefix: &str, table: &mut Vec<ParameterInfo>);
    /// The value of the option of this name; `None` if there is none.
    fn get(&self, name: &str) -> Option<ParameterValue>;
    /// Sets one option by its name within this group; errors carry `prefix` before the name.
    ///
    /// # Errors
    /// [`ParameterError`] says what is wrong and what would be right; nothing is changed then.
    fn set(&mut self, prefix: &str, name: &str, value: &ParameterValue) -> Result<(), ParameterError>;

    /// The whole table, in order of declaration.
    fn table() -> Vec<ParameterInfo> {
        let mut table = Vec::new();
        Self::describe("", &mut table);
        table
    }
}

/// Sets one option after checking type and range; for [`crate::options!`] only.
///
/// # Errors
/// [`ParameterError::Type`], [`ParameterError::Range`].
#[doc(hidden)]
pub fn assign<T: ParameterType>(
    target: &mut T,
    name: String,
    allowed: Allowed,
    unit: &'static str,
    value: &ParameterValue,
) -> Result<(), ParameterError> {
    let Some(new) = T::from_value(value) else {
        return Err(ParameterError::Type { name, expected: T::EXPECTED, found: value.clone() });
    };
    if !allowed.admits(&new.to_value()) {
        return Err(ParameterError::Range { name, allowed, unit, found: value.clone() });
    }
    *target = new;
    Ok(())
}

/// Puts the values of a group as defaults into its rows of the table; for [`crate::options!`] only.
#[doc(hidden)]
pub fn with_defaults_of<G: Options>(group: &G, prefix: &str, rows: &mut [ParameterInfo]) {
    for row in rows {
        if let Some(value) = row.name.strip_prefix(prefix).and_then(|name| group.get(name)) {
            row.default = value;
        }
    }
}

/// Declares a group of options: a struct with `Default` and [`Options`].
///
/// ```
/// halfslam::options! {
///     /// Which frames become keyframes.
///     pub struct WindowOptions {
///         /// Keyframes in the sliding window.
///         keyframes: usize = 50usize, "frames", 2..=500, startup;
///         /// Mean parallax since the last keyframe that makes a frame one.
///         min_parallax_px: f64 = 20.0, "px", 0.0..=200.0, live;
///     }
/// }
/// assert_eq!(WindowOptions::default().keyframes, 50);
/// ```
/// A block after the struct, `groups { window: WindowOptions; }`, nests other groups; `window: WindowOptions = …;` with
/// other defaults than their own.
#[macro_export]
macro_rules! options {
    (
        $(#[doc = $doc:literal])*
        $visibility:vis struct $name:ident {
            $( $(#[doc = $text:literal])* $field:ident : $type:ty = $default:expr, $unit:literal, $allowed:expr, $change:ident; )*
        }
        $( groups { $( $(#[doc = $group_text:literal])* $group:ident : $group_type:ty $(= $group_default:expr)?; )* } )?
    ) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, PartialEq)]
        $visibility struct $name {
            $( $(#[doc = $text])* #[doc = concat!("\n\nDefault `", stringify!($default), "` ", $unit, "; allowed `", stringify!($allowed), "`; ", stringify!($change), ".")] pub $field: $type, )*
            $( $( $(#[doc = $group_text])* pub $group: $group_type, )* )?
        }
        impl Default for $name {
            fn default() -> Self {
                Self { $( $field: <$type>::from($default), )* $( $( $group: $crate::options!(@group $group_type $(, $group_default)?), )* )? }
            }
        }
        impl $crate::options::Options for $name {
            #[allow(unused_variables)]
            fn describe(prefix: &str, table: &mut Vec<$crate::options::ParameterInfo>) {
                $( table.push($crate::options::ParameterInfo {
                    name: format!("{prefix}{}", stringify!($field)),
                    text: concat!($($text),*).trim(),
                    unit: $unit,
                    allowed: $crate::options::Allowed::from($allowed),
                    default: $crate::options::ParameterType::to_value(&<$type>::from($default)),
                    change: $crate::options!(@change $change),
                }); )*
                $( $(
                    let (inner, first) = (format!("{prefix}{}.", stringify!($group)), table.len());
                    <$group_type as $crate::options::Options>::describe(&inner, table);
                    $( $crate::options::with_defaults_of::<$group_type>(&$group_default, &inner, &mut table[first..]); )?
                )* )?
            }
            fn get(&self, name: &str) -> Option<$crate::options::ParameterValue> {
                $( if name == stringify!($field) { return Some($crate::options::ParameterType::to_value(&self.$field)); } )*
                $( $( if let Some(rest) = name.strip_prefix(concat!(stringify!($group), ".")) {
                    return $crate::options::Options::get(&self.$group, rest);
                } )* )?
                None
            }
            fn set(
                &mut self,
                prefix: &str,
                name: &str,
                value: &$crate::options::ParameterValue,
            ) -> Result<(), $crate::options::ParameterError> {
                $( if name == stringify!($field) {
                    let full = format!("{prefix}{name}");
                    return $crate::options::assign(
                        &mut self.$field, full, $crate::options::Allowed::from($allowed), $unit, value,
                    );
                } )*
                $( $( if let Some(rest) = name.strip_prefix(concat!(stringify!($group), ".")) {
                    let inner = format!("{prefix}{}.", stringify!($group));
                    return $crate::options::Options::set(&mut self.$group, &inner, rest, value);
                } )* )?
                Err($crate::options::ParameterError::Unknown { name: format!("{prefix}{name}"), nearest: None })
            }
        }
    };
    (@group $group_type:ty) => { <$group_type>::default() };
    (@group $group_type:ty, $group_default:expr) => { $group_default };
    (@change live) => { $crate::options::Change::Live };
    (@change startup) => { $crate::options::Change::Startup };
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::options! {
        /// For these tests.
        struct Inner {
            /// A count.
            count: usize = 3usize, "things", 1..=10, live;
        }
    }
    crate::options! {
        /// For these tests.
        struct Outer {
            /// A length.
            length_m: f64 = 0.5, "m", 0.0..=2.0, startup;
            /// A word.
            mode: String = "a", "", &["a", "b"], live;
            /// Numbers.
            offsets: Vec<f64> = [1.0, 2.0], "", .., live;
        }
        groups {
            /// The rest.
            inner: Inner;
        }
    }

    #[test]
    fn the_table_has_every_row_with_its_default() {
        let table = Outer::table();
        let names: Vec<&str> = table.iter().map(|row| row.name.as_str()).collect();
        assert_eq!(names, ["length_m", "mode", "offsets", "inner.count"]);
        for row in &table {
            assert_eq!(Outer::default().get(&row.name), Some(row.default.clone()), "{}", row.name);
        }
        assert_eq!((table[3].text, table[3].unit, table[0].change), ("A count.", "things", Change::Startup));
    }

    #[test]
    fn values_are_set_by_dotted_name() {
        let mut options = Outer::default();
        options.set("", "inner.count", &ParameterValue::Integer(7)).expect("in range");
        options.set("", "length_m", &ParameterValue::Integer(1)).expect("whole numbers are numbers");
        assert_eq!((options.inner.count, options.length_m), (7, 1.0));
    }

    #[test]
    fn what_is_not_allowed_changes_nothing() {
        let mut options = Outer::default();
        for (name, value) in [
            ("inner.count", ParameterValue::Integer(11)),
            ("inner.count", ParameterValue::Integer(-1)),
            ("inner.count", ParameterValue::Real(2.5)),
            ("length_m", ParameterValue::Real(f64::NAN)),
            ("mode", ParameterValue::Text("c".into())),
            ("offsets", ParameterValue::Reals(vec![f64::INFINITY])),
            ("nothing", ParameterValue::Boolean(true)),
        ] {
            assert!(options.set("", name, &value).is_err(), "{name} = {value}");
        }
        assert_eq!(options, Outer::default());
    }

    #[test]
    fn errors_carry_the_whole_name() {
        let error = Outer::default().set("", "inner.count", &ParameterValue::Integer(99)).expect_err("too many");
        assert_eq!(error.to_string(), "parameter 'inner.count': 99 is not allowed; expected 1 to 10 things");
    }

    #[test]
    fn words_of_a_command_line_become_values() {
        assert_eq!(ParameterValue::from_text("true"), ParameterValue::Boolean(true));
        assert_eq!(ParameterValue::from_text("3"), ParameterValue::Integer(3));
        assert_eq!(ParameterValue::from_text("0.5"), ParameterValue::Real(0.5));
        assert_eq!(ParameterValue::from_text("[1, 2]"), ParameterValue::Reals(vec![1.0, 2.0]));
        assert_eq!(ParameterValue::from_text("mixed"), ParameterValue::Text("mixed".into()));
    }
}
