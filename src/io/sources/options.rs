//! Options of recordings.

crate::options! {
    /// Topics of bags, and what a recording does not say itself.
    pub struct SourceOptions {
        /// Left (or only) image; the first image topic that fits if empty.
        left_topic: String = "", "", .., startup;
        /// Right image.
        right_topic: String = "", "", .., startup;
        /// Depth image aligned with the left one.
        depth_topic: String = "", "", .., startup;
        /// Wheel odometry.
        wheel_topic: String = "", "", .., startup;
        /// Ground truth.
        truth_topic: String = "", "", .., startup;
        /// Inertial unit.
        imu_topic: String = "", "", .., startup;
        /// The frame whose poses are estimated and compared with the truth.
        base_frame: String = "base_link", "", .., startup;
        /// How far apart the stamps of images may be that belong together.
        pair_tolerance_ms: f64 = 20.0, "ms", 0.0..=1000.0, startup;
        /// Added to the stamps of right or depth images before they are paired with left or colour ones.
        second_offset_ms: f64 = 0.0, "ms", -1000.0..=1000.0, startup;
        /// Calibration of the cameras where the recording has none, or another one is wanted: a file, or the name of
        /// a preset (see docs/camera_file.md).
        camera_file: String = "", "", .., startup;
    }
}

impl SourceOptions {
    /// How far apart stamps of images that belong together may be (ns).
    pub(super) fn tolerance_nanos(&self) -> i64 {
        (self.pair_tolerance_ms * 1e6) as i64
    }

    /// The stamps (ns) of second images as those of the first camera's clock.
    pub(super) fn shifted(&self, stamps: &[Option<i64>]) -> Vec<Option<i64>> {
        let offset_nanos = (self.second_offset_ms * 1e6) as i64;
        stamps.iter().map(|stamp| stamp.map(|stamp| stamp.saturating_add(offset_nanos))).collect()
    }
}
