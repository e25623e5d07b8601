//! Publishes a recording of any format as the topics of a robot, at its rate.

use super::camera_topics::Topics;
use super::convert::{camera, image, pose};
use super::{Node, RosError, qos};
use crate::config::RosOptions;
use crate::geometry::Trajectory;
use crate::io::sources::{Recording, SourceError};
use crate::sensors::{Depth, Frame, Images, ImuSample, Rig, SensorEvent, WheelSample};
use r2r::QosProfile;
use r2r::geometry_msgs::msg::{PoseWithCovariance, Vector3};
use r2r::nav_msgs::msg::Odometry;
use r2r::sensor_msgs::msg::{CameraInfo, Image, Imu};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Frame of the (left) camera in messages.
const CAMERA_FRAME: &str = "camera_optical_frame";
/// How often, at least, `/clock` ticks.
const CLOCK_PERIOD: Duration = Duration::from_millis(10);
/// Between the first listener's discovery and the first image: other topics are discovered, calibrations taken.
const SETTLING: Duration = Duration::from_secs(1);

/// How a recording is played.
#[derive(Debug, Clone, Copy)]
pub struct PlayOptions {
    /// Times as fast as recorded; infinite plays as fast as possible.
    pub rate: f64,
    /// Publish `/clock`.
    pub clock: bool,
    /// Wait this long for somebody to listen to the images before starting.
    pub wait: Duration,
}

/// The topics of a robot, advertised.
pub struct Player {
    rig: Rig,
    options: PlayOptions,
    frames: RosOptions,
    reference: r2r::Publisher<Image>,
    reference_info: r2r::Publisher<CameraInfo>,
    second: Option<r2r::Publisher<Image>>,
    right_info: Option<r2r::Publisher<CameraInfo>>,
    wheel: r2r::Publisher<Odometry>,
    imu: r2r::Publisher<Imu>,
    truth: Option<r2r::Publisher<Odometry>>,
    clock: Option<r2r::Publisher<r2r::rosgraph_msgs::msg::Clock>>,
    transforms: r2r::Publisher<r2r::tf2_msgs::msg::TFMessage>,
}

/// Why playing ended early.
#[derive(Debug, thiserror::Error)]
pub enum PlayError {
    /// The recording is broken.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// ROS refuses.
    #[error(transparent)]
    Ros(#[from] RosError),
}

impl Player {
    /// Advertises the topics of a recording's rig, with the names that vo_node listens to: images and infos,
    /// `wheel_odometry`, `imu`, `ground_truth` where it is known, `/clock`, and `/tf_static`.
    ///
    /// # Errors
    /// [`RosError::Call`] names the topic.
    pub fn advertise(
        node: &mut Node,
        recording: &Recording,
        frames: &RosOptions,
        options: PlayOptions,
    ) -> Result<Self, RosError> {
        let rig = recording.rig;
        let topics = match rig.depth {
            Depth::Image => &Topics::RGBD,
            Depth::Stereo { .. } => &Topics::STEREO,
            Depth::None => &Topics::MONO,
        };
        // Reliable publishers serve subscribers of both kinds.
        let sensor = QosProfile::default().keep_last(10);
        let second = topics.second.map(|topic| node.publisher(topic, sensor.clone())).transpose()?;
        Ok(Self {
            rig,
            options,
            frames: frames.clone(),
            reference: node.publisher(topics.reference, sensor.clone())?,
            reference_info: node.publisher(topics.info, sensor.clone())?,
            second,
            right_info: topics.second_info.map(|topic| node.publisher(topic, sensor)).transpose()?,
            wheel: node.publisher("wheel_odometry", qos::results())?,
            imu: node.publisher("imu", qos::results())?,
            truth: recording.truth.is_some().then(|| node.publisher("ground_truth", qos::results())).transpose()?,
            clock: options.clock.then(|| node.publisher("/clock", qos::results())).transpose()?,
            transforms: node.publisher("/tf_static", qos::tf_static())?,
        })
    }

    /// Plays the recording; `progress` is called with each frame's stamp (ns) as it goes out. Ends early, without an
    /// error, when `stop` is set.
    ///
    /// # Errors
    /// [`PlayError`] if the recording breaks or a topic cannot be published.
    pub fn play(
        &self,
        recording: Recording,
        stop: &AtomicBool,
        progress: &mut dyn FnMut(i64),
    ) -> Result<(), PlayError> {
        self.send_transforms()?;
        if !self.options.wait.is_zero() {
            self.wait_for_listeners(stop);
            std::thread::sleep(SETTLING / 2);
            self.send_infos(0)?;
            std::thread::sleep(SETTLING / 2);
        }
        let mut pace: Option<Pace> = None;
        for event in recording.events {
            let event = event?;
            let stamp_nanos = event.stamp_nanos();
            let pace = pace.get_or_insert_with(|| Pace::new(stamp_nanos, self.options.rate));
            if !self.wait_until(pace, stamp_nanos, stop)? {
                return Ok(());
            }
            match event {
                SensorEvent::Frame(frame) => {
                    self.send_frame(&frame)?;
                    self.send_truth(recording.truth.as_ref(), stamp_nanos)?;
                    progress(stamp_nanos);
                }
                SensorEvent::Wheel(sample) => self.send_wheel(&sample)?,
                SensorEvent::Imu(sample) => self.send_imu(&sample)?,
            }
        }
        Ok(())
    }

    /// Waits for an event's turn while time runs on `/clock`; false if it was stopped.
    fn wait_until(&self, pace: &Pace, stamp_nanos: i64, stop: &AtomicBool) -> Result<bool, RosError> {
        loop {
            if stop.load(Ordering::Relaxed) {
                return Ok(false);
            }
            let wait = pace.until(stamp_nanos);
            if wait.is_zero() {
                self.send_clock(stamp_nanos)?;
                return Ok(true);
            }
            std::thread::sleep(wait.min(CLOCK_PERIOD));
            if wait > CLOCK_PERIOD {
                self.send_clock(pace.now_nanos().min(stamp_nanos))?;
            }
        }
    }

    fn wait_for_listeners(&self, stop: &AtomicBool) {
        let deadline = Instant::now() + self.options.wait;
        let heard = || {
            let both = [Some(&self.reference), self.second.as_ref()];
            both.into_iter().flatten().all(|topic| topic.get_inter_process_subscription_count().is_ok_and(|n| n > 0))
        };
        while !heard() && Instant::now() < deadline && !stop.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(50));
        }
        if !heard() {
            tracing::warn!("nobody listens to the images; playing all the same");
        }
    }

    fn send_frame(&self, frame: &Frame) -> Result<(), RosError> {
        let stamp_nanos = frame.stamp_nanos;
        // Depth cameras are expected to have colour; grey serves where there is none.
        let reference = match &frame.color {
            Some(color) => image::image_msg_from_rgb(color, stamp_nanos, CAMERA_FRAME),
            None => image::image_msg_from_gray(frame.reference(), stamp_nanos, CAMERA_FRAME),
        };
        let second = match &frame.images {
            Images::Stereo { right, .. } => Some(image::image_msg_from_gray(right, stamp_nanos, CAMERA_FRAME)),
            Images::Rgbd { depth, .. } => Some(image::image_msg_from_depth(depth, stamp_nanos, CAMERA_FRAME)),
            Images::Mono { .. } => None,
        };
        self.send_infos(stamp_nanos)?;
        send(&self.reference, &reference, "images")?;
        if let (Some(topic), Some(message)) = (&self.second, second) {
            send(topic, &message, "images")?;
        }
        Ok(())
    }

    fn send_infos(&self, stamp_nanos: i64) -> Result<(), RosError> {
        let info = |baseline_m| CameraInfo {
            header: pose::header_msg(stamp_nanos, CAMERA_FRAME),
            ..camera::info_msg_from_camera(&self.rig.camera, baseline_m)
        };
        send(&self.reference_info, &info(0.0), "camera_info")?;
        if let (Some(topic), Depth::Stereo { baseline_m }) = (&self.right_info, self.rig.depth) {
            send(topic, &info(baseline_m), "camera_info")?;
        }
        Ok(())
    }

    fn send_wheel(&self, sample: &WheelSample) -> Result<(), RosError> {
        let pose = PoseWithCovariance {
            pose: pose::pose_msg_from_se3(&sample.t_wheel_base),
            covariance: pose::covariance_msg_from_tangent(&sample.covariance, &sample.t_wheel_base.rotation),
        };
        send(&self.wheel, &self.odometry_msg(sample.stamp_nanos, "wheel_odom", pose), "wheel_odometry")
    }

    fn send_truth(&self, truth: Option<&Trajectory>, stamp_nanos: i64) -> Result<(), RosError> {
        let (Some(topic), Some(t_world_base)) = (&self.truth, truth.and_then(|truth| truth.at(stamp_nanos))) else {
            return Ok(());
        };
        let pose = PoseWithCovariance { pose: pose::pose_msg_from_se3(&t_world_base), covariance: vec![0.0; 36] };
        send(topic, &self.odometry_msg(stamp_nanos, "world", pose), "ground_truth")
    }

    fn odometry_msg(&self, stamp_nanos: i64, frame: &str, pose: PoseWithCovariance) -> Odometry {
        Odometry {
            header: pose::header_msg(stamp_nanos, frame),
            child_frame_id: self.frames.base_frame.clone(),
            pose,
            twist: r2r::geometry_msgs::msg::TwistWithCovariance { covariance: vec![0.0; 36], ..Default::default() },
        }
    }

    fn send_imu(&self, sample: &ImuSample) -> Result<(), RosError> {
        let vector = |v: &nalgebra::Vector3<f64>| Vector3 { x: v.x, y: v.y, z: v.z };
        // The first element of an unknown quantity's covariance is -1.
        let mut unknown = vec![0.0; 9];
        unknown[0] = -1.0;
        let message = Imu {
            header: pose::header_msg(sample.stamp_nanos, &self.frames.base_frame),
            orientation_covariance: unknown,
            angular_velocity: vector(&sample.angular_velocity),
            angular_velocity_covariance: vec![0.0; 9],
            linear_acceleration: vector(&sample.linear_acceleration),
            linear_acceleration_covariance: vec![0.0; 9],
            ..Imu::default()
        };
        send(&self.imu, &message, "imu")
    }

    fn send_clock(&self, stamp_nanos: i64) -> Result<(), RosError> {
        let Some(topic) = &self.clock else { return Ok(()) };
        send(topic, &r2r::rosgraph_msgs::msg::Clock { clock: pose::time_msg_from_nanos(stamp_nanos) }, "/clock")
    }

    fn send_transforms(&self) -> Result<(), RosError> {
        let base = &self.frames.base_frame;
        let transforms = vec![pose::transform_stamped_msg(0, base, CAMERA_FRAME, &self.rig.t_base_camera)];
        send(&self.transforms, &r2r::tf2_msgs::msg::TFMessage { transforms }, "/tf_static")
    }
}

fn send<T: r2r::WrappedTypesupport + 'static>(
    topic: &r2r::Publisher<T>,
    message: &T,
    name: &str,
) -> Result<(), RosError> {
    topic.publish(message).map_err(|error| RosError::Call { doing: name.into(), error })
}

/// Recorded time against that of the wall.
struct Pace {
    first_nanos: i64,
    started: Instant,
    rate: f64,
}

impl Pace {
    fn new(first_nanos: i64, rate: f64) -> Self {
        Self { first_nanos, started: Instant::now(), rate }
    }

    /// How long until this stamp's turn; nothing if it is over.
    fn until(&self, stamp_nanos: i64) -> Duration {
        let due_secs = (stamp_nanos - self.first_nanos).max(0) as f64 * 1e-9 / self.rate;
        Duration::try_from_secs_f64(due_secs).unwrap_or_default().saturating_sub(self.started.elapsed())
    }

    fn now_nanos(&self) -> i64 {
        self.first_nanos + (self.started.elapsed().as_secs_f64() * self.rate * 1e9) as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_is_that_of_the_recording_times_the_rate() {
        let pace = Pace { first_nanos: 1_000, started: Instant::now(), rate: 2.0 };
        let wait = pace.until(10_000_001_000).as_secs_f64();
        assert!((4.9..=5.0).contains(&wait), "{wait}");
        assert_eq!(pace.until(0), Duration::ZERO);
        assert_eq!(Pace { rate: f64::INFINITY, ..pace }.until(i64::MAX), Duration::ZERO);
    }
}
