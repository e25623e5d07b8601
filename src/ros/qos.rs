//! Qualities of service: which topics may lose samples, and which are remembered for those who come later.

use crate::config::RosOptions;
use r2r::QosProfile;

/// Images and infos: as the options say, best effort unless they ask for more.
pub fn sensor(options: &RosOptions) -> QosProfile {
    let profile = QosProfile::sensor_data().keep_last(options.image_queue);
    if options.image_reliability == "reliable" { profile.reliable() } else { profile }
}

/// Wheel odometry and inertial units, small messages at high rates: as the options say, too.
pub fn samples(options: &RosOptions) -> QosProfile {
    let profile = QosProfile::sensor_data().keep_last(100);
    if options.image_reliability == "reliable" { profile.reliable() } else { profile }
}

/// Results: reliable, a few are kept.
pub fn results() -> QosProfile {
    QosProfile::default().keep_last(50)
}

/// Keyframes: reliable, and many are kept, since each one lost is a hole in the map.
pub fn keyframes() -> QosProfile {
    QosProfile::default().keep_last(1000)
}

/// What is true until something newer is said: the last one is given to whoever comes later.
pub fn latched() -> QosProfile {
    QosProfile::default().keep_last(1).transient_local()
}

/// `/tf`, as tf2 sends and reads it.
pub fn tf() -> QosProfile {
    QosProfile::default().keep_last(100)
}

/// `/tf_static`, as tf2 sends and reads it.
pub fn tf_static() -> QosProfile {
    QosProfile::default().keep_last(100).transient_local()
}
