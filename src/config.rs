//! All options in one place: what a YAML file, a launch file or a ROS parameter can set.

mod ros;

pub use ros::RosOptions;

use crate::io::sources::SourceOptions;
use crate::map::MapOptions;
use crate::odometry::OdometryOptions;

crate::options! {
    /// Everything that can be configured.
    pub struct Config {
        /// Precision policy: double, single, mixed, half, or the path of a YAML file.
        precision: String = "mixed", "", .., startup;
    }
    groups {
        /// Visual odometry.
        odometry: OdometryOptions;
        /// Loop closure and the map.
        map: MapOptions;
        /// Recordings.
        source: SourceOptions;
        /// The ROS 2 nodes.
        ros: RosOptions;
    }
}
