//! Options are declared once, by [`crate::options!`]: the struct, its defaults, its documentation, its checks, and the
//! table from which the YAML file, the ROS parameters and the reference page are made.

mod table;
mod value;

pub use table::{Allowed, Change, ParameterError, ParameterInfo};
pub use value::{ParameterType, ParameterValue};

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
/// other defaults than their own, `window: WindowOptions, startup;` where no change takes effect while running.
#[macro_export]
macro_rules! options {
    (
        $(#[doc = $doc:literal])*
        $visibility:vis struct $name:ident {
            $( $(#[doc = $text:literal])* $field:ident : $type:ty = $default:expr, $unit:literal, $allowed:expr, $change:ident; )*
        }
        $( groups { $( $(#[doc = $group_text:literal])* $group:ident : $group_type:ty $(, $group_change:ident)? $(= $group_default:expr)?; )* } )?
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
                    $( table[first..].iter_mut().for_each(|row| row.change = $crate::options!(@change $group_change)); )?
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
            /// The same for something that is made once.
            once: Inner, startup;
        }
    }

    #[test]
    fn the_table_has_every_row_with_its_default() {
        let table = Outer::table();
        let names: Vec<&str> = table.iter().map(|row| row.name.as_str()).collect();
        assert_eq!(names, ["length_m", "mode", "offsets", "inner.count", "once.count"]);
        for row in &table {
            assert_eq!(Outer::default().get(&row.name), Some(row.default.clone()), "{}", row.name);
        }
        assert_eq!((table[3].text, table[3].unit, table[3].change), ("A count.", "things", Change::Live));
        assert_eq!((table[0].change, table[4].change), (Change::Startup, Change::Startup));
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
}
