//! What can be chosen about a simulated tour.

crate::options! {
    /// A simulated tour: how long, how fast, and how kind it is to cameras and wheels.
    pub struct SimulationOptions {
        /// Length of the recording; the robot rests during its first second.
        duration_secs: f64 = 60.0, "s", 1.0..=36000.0, startup;
        /// Speed on straight stretches; turns are slower.
        speed_mps: f64 = 0.5, "m/s", 0.1..=1.0, startup;
        /// Height of the cameras above the floor.
        camera_height_m: f64 = 0.6, "m", 0.3..=1.0, startup;
        /// Distance of the stereo cameras.
        baseline_m: f64 = 0.11, "m", 0.04..=0.3, startup;
        /// Frames per second.
        frame_rate_hz: f64 = 20.0, "Hz", 1.0..=60.0, startup;
        /// Samples of the inertial unit per second.
        imu_rate_hz: f64 = 200.0, "Hz", 50.0..=400.0, startup;
        /// Samples of the wheel odometry per second.
        wheel_rate_hz: f64 = 50.0, "Hz", 5.0..=200.0, startup;
        /// Standard deviation of the cameras' noise.
        camera_noise: f64 = 1.5, "gray levels", 0.0..=30.0, startup;
        /// Noise of the depth image as a multiple of that of a usual depth camera (1.5 mm at 1 m, growing with the square).
        depth_noise: f64 = 1.0, "", 0.0..=10.0, startup;
        /// Exposure change: by how much the brightness swings around its mean, over some seconds.
        exposure_change: f64 = 0.0, "fraction", 0.0..=0.8, startup;
        /// Motion blur: how long the shutter is open.
        motion_blur_ms: f64 = 0.0, "ms", 0.0..=50.0, startup;
        /// Texture-poor stretches: this share of walls, floors and furniture is bare.
        texture_poor: f64 = 0.0, "fraction", 0.0..=1.0, startup;
        /// People who walk about in the rooms.
        moving_objects: usize = 0usize, "people", 0..=6, startup;
        /// Dropped frames: this share of frames is missing.
        dropped_frames: f64 = 0.0, "fraction", 0.0..=0.9, startup;
        /// Systematic errors of the wheels (radii, track width) as a multiple of a usual robot's.
        wheel_drift: f64 = 1.0, "", 0.0..=10.0, startup;
        /// Slip of the wheels (noise and short skids) as a multiple of a usual robot's.
        wheel_slip: f64 = 1.0, "", 0.0..=10.0, startup;
        /// Noise and bias of the inertial unit as a multiple of a usual MEMS unit's.
        imu_noise: f64 = 1.0, "", 0.0..=10.0, startup;
    }
}
