//! builtin_interfaces and std_msgs.

use serde::{Deserialize, Serialize};

/// A time since the epoch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Time {
    /// Whole seconds (s), negative before 1970.
    pub sec: i32,
    /// The rest (ns), below 10⁹.
    pub nanosec: u32,
}

pub(super) const TIME: &str = "int32 sec\nuint32 nanosec\n";

impl Time {
    /// The time of a stamp (ns). ROS holds seconds in 32 bits: stamps beyond are set to the nearest that fits.
    pub fn from_nanos(stamp_nanos: i64) -> Self {
        let sec = stamp_nanos.div_euclid(1_000_000_000).clamp(i64::from(i32::MIN), i64::from(i32::MAX));
        Self { sec: sec as i32, nanosec: stamp_nanos.rem_euclid(1_000_000_000) as u32 }
    }

    /// The stamp (ns).
    pub fn nanos(self) -> i64 {
        i64::from(self.sec) * 1_000_000_000 + i64::from(self.nanosec)
    }
}

/// When a sample was taken, and in which coordinates.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// When it was taken.
    pub stamp: Time,
    /// The coordinate frame's name.
    pub frame_id: String,
}

pub(super) const HEADER: &str = "builtin_interfaces/Time stamp\nstring frame_id\n";

impl Header {
    /// A header of a stamp (ns) and a frame.
    pub fn new(stamp_nanos: i64, frame_id: impl Into<String>) -> Self {
        Self { stamp: Time::from_nanos(stamp_nanos), frame_id: frame_id.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::Time;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn stamps_survive(nanos in -2_000_000_000_000_000_000i64..2_000_000_000_000_000_000) {
            prop_assert_eq!(Time::from_nanos(nanos).nanos(), nanos);
        }
    }
}
