//! The quality of service that a topic was, or is to be, offered with.

/// Whether messages may get lost on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reliability {
    /// Sent again until received.
    Reliable,
    /// Sent once.
    BestEffort,
}

/// Whether those who subscribe late get what was published before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// They do, as many messages as the history holds.
    TransientLocal,
    /// They do not.
    Volatile,
}

/// A topic's quality of service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Qos {
    /// Whether messages may get lost.
    pub reliability: Reliability,
    /// Whether late subscribers get earlier messages.
    pub durability: Durability,
    /// Messages that are kept for subscribers.
    pub depth: u32,
}

impl Qos {
    /// Reliable, for those who are there: ROS's default.
    pub const DEFAULT: Self = Self { reliability: Reliability::Reliable, durability: Durability::Volatile, depth: 10 };
    /// For streams of sensor data: better lost than late.
    pub const SENSOR: Self = Self { reliability: Reliability::BestEffort, durability: Durability::Volatile, depth: 5 };
    /// For what is said once and holds from then on, as on `/tf_static`.
    pub const LATCHED: Self =
        Self { reliability: Reliability::Reliable, durability: Durability::TransientLocal, depth: 1 };

    /// The list of one profile in the form that rosbag2 keeps (numbers as in rmw; a duration of i64's maximum of
    /// nanoseconds is infinite).
    pub(super) fn to_yaml(self) -> String {
        let infinite = "\n    sec: 9223372036\n    nsec: 854775807";
        format!(
            "- history: 1\n  depth: {}\n  reliability: {}\n  durability: {}\n  deadline:{infinite}\n  \
             lifespan:{infinite}\n  liveliness: 1\n  liveliness_lease_duration:{infinite}\n  \
             avoid_ros_namespace_conventions: false",
            self.depth,
            match self.reliability {
                Reliability::Reliable => 1,
                Reliability::BestEffort => 2,
            },
            match self.durability {
                Durability::TransientLocal => 1,
                Durability::Volatile => 2,
            },
        )
    }
}
