//! What can be chosen about simulated features.

crate::options! {
    /// Simulated features: how many there are, and how well they are seen.
    pub struct FeatureOptions {
        /// Landmarks on each square metre of surface.
        landmarks_per_m2: f64 = 20.0, "1/m^2", 0.1..=1000.0, startup;
        /// Landmarks further away than this are too small to be seen.
        max_depth_m: f64 = 12.0, "m", 0.5..=100.0, startup;
        /// Standard deviation of each pixel coordinate, anew in each frame.
        noise_px: f64 = 0.3, "px", 0.0..=10.0, startup;
        /// Standard deviation by which a followed feature slips off its landmark from one frame to the next; it adds up.
        slip_px: f64 = 0.05, "px", 0.0..=10.0, startup;
        /// Calibration: standard deviation of the focal length's error, as a share of it.
        focal_error: f64 = 0.001, "", 0.0..=0.1, startup;
        /// Calibration: standard deviation of the right camera's direction, as a shift of its columns.
        column_error_px: f64 = 0.1, "px", 0.0..=10.0, startup;
        /// Calibration: standard deviation of the scale's error, that of the target.
        scale_error: f64 = 0.0, "", 0.0..=0.1, startup;
        /// Calibration: standard deviation of the distortion that each camera's model leaves, anywhere in the image.
        distortion_error_px: f64 = 0.0, "px", 0.0..=10.0, startup;
        /// Share of the followed features that is lost from one frame to the next.
        lost_share: f64 = 0.01, "", 0.0..=1.0, startup;
        /// Share of the followed features, and of the right columns, that are found in a wrong place.
        mismatch_share: f64 = 0.01, "", 0.0..=1.0, startup;
        /// How far away a wrong place is, at most.
        mismatch_px: f64 = 20.0, "px", 0.0..=500.0, startup;
        /// Bits by which the descriptors of a landmark differ from view to view, on average.
        descriptor_noise_bits: usize = 14usize, "bits", 0..=128, startup;
    }
}
