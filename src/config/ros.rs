//! Frames, topics and queues of the ROS 2 nodes: plain values, which need no ROS.

crate::options! {
    /// How the nodes connect to ROS 2.
    pub struct RosOptions {
        /// Which cameras vo_node listens to: `stereo` takes left/image_rect and right/image_rect, `rgbd` takes
        /// color/image_rect and depth/image_rect, `mono` takes left/image_rect and needs wheel_odometry for the scale.
        camera: String = "stereo", "", &["stereo", "rgbd", "mono"], startup;
        /// Whether images are rectified when they come; if not, the nodes rectify them as camera_info says (`plumb_bob`,
        /// `rational_polynomial` or `equidistant`).
        rectified: bool = true, "", .., startup;
        /// Whether images come as sensor_msgs/CompressedImage (JPEG, PNG, compressedDepth) on the same topics.
        compressed: bool = false, "", .., startup;
        /// Whether depth images are aligned with colour; if not, depth/camera_info and /tf_static say how to align them.
        depth_aligned: bool = true, "", .., startup;
        /// Added to the stamps of right or depth images before they are paired with left or colour ones.
        second_offset_secs: f64 = 0.0, "s", -1.0..=1.0, startup;
        /// What loop_closure_node makes its map from: `keyframes` of vo_node, or `images` of its own with the poses
        /// of any nav_msgs/Odometry on the topic odometry.
        input: String = "keyframes", "", &["keyframes", "images"], startup;
        /// Frame of the corrected map.
        map_frame: String = "map", "", .., startup;
        /// Frame in which the odometry is smooth but drifts.
        odom_frame: String = "odom", "", .., startup;
        /// The robot's base frame: x forward, y left, z up.
        base_frame: String = "base_link", "", .., startup;
        /// Optical frame of the (left) camera; that of the images' headers if empty.
        camera_frame: String = "", "", .., startup;
        /// Pose of the (left) camera's optical frame in the base frame as `x y z qx qy qz qw` (m, unit quaternion);
        /// looked up in /tf_static if empty.
        camera_pose: String = "", "", .., startup;
        /// Publish tf: odom to base_link by vo_node, map to odom by loop_closure_node.
        publish_tf: bool = true, "", .., startup;
        /// How often map to odom is sent.
        tf_rate_hz: f64 = 20.0, "Hz", 0.1..=1000.0, startup;
        /// How often, at most, the corrected path, cloud and graph are sent while the map grows.
        map_period_secs: f64 = 1.0, "s", 0.05..=3600.0, startup;
        /// Quality of service of images, wheel odometry and imu; `best_effort` also hears reliable publishers.
        image_reliability: String = "best_effort", "", &["best_effort", "reliable"], startup;
        /// Images of each topic that the middleware keeps for the node.
        image_queue: usize = 10usize, "images", 1..=1000, startup;
        /// Frames that wait while the estimator is busy; when there are more, the oldest is dropped and counted.
        frame_queue: usize = 4usize, "frames", 1..=1000, startup;
        /// Stamps of left and right, or of colour and depth, differ at most by this.
        sync_tolerance_secs: f64 = 0.005, "s", 0.0..=1.0, startup;
        /// A topic that has said nothing for this long is reported in the diagnostics.
        topic_timeout_secs: f64 = 3.0, "s", 0.1..=3600.0, startup;
    }
}
