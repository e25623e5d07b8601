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
        /// Calibration of the cameras where the recording has none, or another one is wanted: a file, or the name of
        /// a preset (see docs/camera_file.md).
        camera_file: String = "", "", .., startup;
    }
}
