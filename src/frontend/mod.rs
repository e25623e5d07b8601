//! Images to tracks: corners, tracking, stereo matching, the first guess of a pose.

crate::options! {
    /// How features are found and followed.
    pub struct FrontendOptions {
        /// Features that are followed.
        feature_count: usize = 200usize, "features", 20..=5000, live;
    }
}
