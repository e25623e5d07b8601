//! Frames from the topics of a camera: images paired by stamp, the rig from camera_info and the camera's place on the
//! robot.

use super::convert::{camera, image, pose};
use super::diagnostics::Diagnostics;
use super::synchronizer::Synchronizer;
use super::tf::StaticTransforms;
use super::{BadMessage, Node, RosError, qos};
use crate::config::RosOptions;
use crate::geometry::Se3;
use crate::sensors::{Frame, Rectification, Rig, Second};
use futures::stream::{BoxStream, SelectAll, StreamExt};
use r2r::sensor_msgs::msg::{CameraInfo, Image};
use r2r::tf2_msgs::msg::TFMessage;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// Stamps that go back further than this mean that time itself jumped: a bag that started again.
pub const TIME_JUMP_NANOS: i64 = 1_000_000_000;
const INTERVALS_KEPT: usize = 31;

/// A message of one of the camera's topics.
pub enum CameraMessage {
    /// Left image, or colour.
    Reference(Image),
    /// Right image, or depth.
    Second(Image),
    /// Info of the left camera, or of colour.
    ReferenceInfo(CameraInfo),
    /// Info of the right camera.
    RightInfo(CameraInfo),
    /// `/tf_static`.
    Transforms(TFMessage),
}

/// The names of a camera's topics: reference image and info, second image and info.
pub struct Topics {
    /// Left image, or colour.
    pub reference: &'static str,
    /// Right image, or depth.
    pub second: &'static str,
    /// Info of the left camera, or of colour.
    pub info: &'static str,
    /// Info of the right camera.
    pub right_info: Option<&'static str>,
}

impl Topics {
    /// The topics of a pair.
    pub const STEREO: Self = Self {
        reference: "left/image_rect",
        second: "right/image_rect",
        info: "left/camera_info",
        right_info: Some("right/camera_info"),
    };
    /// The topics of a colour camera with aligned depth.
    pub const RGBD: Self =
        Self { reference: "color/image_rect", second: "depth/image_rect", info: "color/camera_info", right_info: None };

    /// Those that the options ask for.
    pub fn of(options: &RosOptions) -> &'static Self {
        if options.camera == "rgbd" { &Self::RGBD } else { &Self::STEREO }
    }
}

/// Pairs images and knows the rig.
pub struct CameraTopics {
    options: RosOptions,
    topics: &'static Topics,
    diagnostics: Arc<Diagnostics>,
    pairs: Synchronizer<Image, Image>,
    info: Option<CameraInfo>,
    right_info: Option<CameraInfo>,
    transforms: StaticTransforms,
    given_pose: Option<Se3>,
    cadence: Cadence,
    unpaired_reported: u64,
}

/// Images of one moment and the rig, not yet decoded.
pub struct RawFrame {
    /// When they were taken (ns).
    pub stamp_nanos: i64,
    /// The cameras.
    pub rig: Rig,
    topics: &'static Topics,
    reference: Image,
    second: Image,
}

impl CameraTopics {
    /// Subscribes to what the options name.
    ///
    /// # Errors
    /// [`RosError`] if a topic cannot be subscribed to, or `ros.camera_pose` is no pose.
    pub fn subscribe(
        node: &mut Node,
        options: &RosOptions,
        diagnostics: Arc<Diagnostics>,
    ) -> Result<(Self, SelectAll<BoxStream<'static, CameraMessage>>), RosError> {
        let topics = Topics::of(options);
        let given_pose = parse_pose(&options.camera_pose)?;
        let sensor = qos::sensor(options);
        let timeout = Duration::from_secs_f64(options.topic_timeout_secs);
        let mut streams = SelectAll::<BoxStream<'static, CameraMessage>>::new();
        streams.push(node.subscribe(topics.reference, sensor.clone())?.map(CameraMessage::Reference).boxed());
        streams.push(node.subscribe(topics.second, sensor.clone())?.map(CameraMessage::Second).boxed());
        streams.push(node.subscribe(topics.info, sensor.clone())?.map(CameraMessage::ReferenceInfo).boxed());
        if let Some(topic) = topics.right_info {
            streams.push(node.subscribe(topic, sensor)?.map(CameraMessage::RightInfo).boxed());
        }
        streams.push(node.subscribe("/tf_static", qos::tf_static())?.map(CameraMessage::Transforms).boxed());
        for topic in [Some(topics.reference), Some(topics.second), Some(topics.info), topics.right_info] {
            topic.iter().for_each(|topic| diagnostics.expect_topic(topic, timeout));
        }
        let this = Self {
            pairs: Synchronizer::new((options.sync_tolerance_secs * 1e9) as i64, options.image_queue.max(2)),
            options: options.clone(),
            topics,
            diagnostics,
            info: None,
            right_info: None,
            transforms: StaticTransforms::default(),
            given_pose,
            cadence: Cadence::default(),
            unpaired_reported: 0,
        };
        Ok((this, streams))
    }

    /// Takes a message; gives the images of a moment when it completes them and the rig is known.
    pub fn take(&mut self, message: CameraMessage) -> Option<RawFrame> {
        let pair = match message {
            CameraMessage::Reference(image) => {
                self.diagnostics.heard(self.topics.reference);
                let stamp_nanos = self.stamp(&image);
                self.pairs.add_first(stamp_nanos, image)
            }
            CameraMessage::Second(image) => {
                self.diagnostics.heard(self.topics.second);
                let stamp_nanos = self.stamp(&image);
                self.pairs.add_second(stamp_nanos, image)
            }
            CameraMessage::ReferenceInfo(info) => {
                self.diagnostics.heard(self.topics.info);
                self.info = Some(info);
                None
            }
            CameraMessage::RightInfo(info) => {
                self.topics.right_info.iter().for_each(|topic| self.diagnostics.heard(topic));
                self.right_info = Some(info);
                None
            }
            CameraMessage::Transforms(message) => {
                if let Err(bad) = self.transforms.add(&message) {
                    self.diagnostics.reject("/tf_static", &bad);
                }
                None
            }
        };
        let unpaired = self.pairs.unpaired_count();
        if unpaired > self.unpaired_reported {
            self.diagnostics.lose("unpaired images", unpaired - self.unpaired_reported);
            self.unpaired_reported = unpaired;
        }
        let (reference, second) = pair?;
        let stamp_nanos = pose::nanos_from_time_msg(&reference.header.stamp);
        self.diagnostics.count("frames", 1);
        match self.cadence.missing_before(stamp_nanos) {
            0 => {}
            missing => self.diagnostics.lose("missing frames", missing),
        }
        let Some(rig) = self.rig(&reference.header.frame_id) else {
            self.diagnostics.lose("frames before the camera was known", 1);
            return None;
        };
        Some(RawFrame { stamp_nanos, rig, topics: self.topics, reference, second })
    }

    /// The stamp of an image; forgets what waits when time has jumped back.
    fn stamp(&mut self, image: &Image) -> i64 {
        let stamp_nanos = pose::nanos_from_time_msg(&image.header.stamp);
        if self.cadence.newest.is_some_and(|newest| stamp_nanos < newest - TIME_JUMP_NANOS) {
            self.pairs.clear();
            self.cadence = Cadence::default();
        }
        stamp_nanos
    }

    /// The name of the robot's base.
    pub fn base_frame(&self) -> &str {
        &self.options.base_frame
    }

    /// Coordinates of a frame of the robot into those of its base; `None` while `/tf_static` does not tell.
    pub fn t_base_frame(&self, frame: &str) -> Option<Se3> {
        self.transforms.lookup(&self.options.base_frame, frame)
    }

    /// The rig, as soon as infos and the camera's pose are known; what is missing stands in the diagnostics.
    fn rig(&mut self, image_frame: &str) -> Option<Rig> {
        let camera_frame = if self.options.camera_frame.is_empty() { image_frame } else { &self.options.camera_frame };
        let base_frame = &self.options.base_frame;
        let t_base_camera = self.given_pose.or_else(|| self.t_base_frame(camera_frame));
        let missing = t_base_camera.is_none().then(|| {
            format!(
                "no transform from {camera_frame} to {base_frame} on /tf_static; publish one or set ros.camera_pose"
            )
        });
        self.diagnostics.trouble("camera pose", missing);
        let (t_base_camera, info) = (t_base_camera?, self.info.as_ref()?);
        let (topic, rig) = match self.topics.right_info {
            Some(topic) => (topic, camera::stereo_rig_from_infos(info, self.right_info.as_ref()?, &t_base_camera)),
            None => (self.topics.info, camera::depth_rig_from_info(info, &t_base_camera)),
        };
        rig.map_err(|bad| self.diagnostics.reject(topic, &bad)).ok()
    }
}

impl RawFrame {
    /// Decodes the images and holds them against the rig.
    ///
    /// # Errors
    /// The topic and the [`BadMessage`] that says what is wrong with its image.
    pub fn decode(&self) -> Result<Frame, (&'static str, BadMessage)> {
        let Topics { reference, second, right_info, .. } = self.topics;
        let picture = image::picture_from_msg(&self.reference).map_err(|bad| (*reference, bad))?;
        let other = match right_info {
            Some(_) => image::picture_from_msg(&self.second).map(Second::Right),
            None => image::depth_from_msg(&self.second).map(Second::Depth),
        };
        let other = other.map_err(|bad| (*second, bad))?;
        let frame = Rectification::none(self.rig).and_then(|images| images.frame(self.stamp_nanos, picture, other));
        frame.map_err(|error| (*reference, BadMessage::new(error.to_string())))
    }
}

/// Finds frames that never came by the gaps between stamps.
#[derive(Default)]
struct Cadence {
    newest: Option<i64>,
    intervals: VecDeque<i64>,
}

impl Cadence {
    fn missing_before(&mut self, stamp_nanos: i64) -> u64 {
        let Some(newest) = self.newest else {
            self.newest = Some(stamp_nanos);
            return 0;
        };
        let interval = stamp_nanos - newest;
        if interval <= 0 {
            return 0;
        }
        self.newest = Some(stamp_nanos);
        let mut sorted: Vec<i64> = self.intervals.iter().copied().collect();
        sorted.sort_unstable();
        self.intervals.push_back(interval);
        if self.intervals.len() > INTERVALS_KEPT {
            self.intervals.pop_front();
        }
        // Less than a handful of intervals says nothing of the rate.
        let Some(usual) = sorted.get(sorted.len() / 2).filter(|_| sorted.len() >= 4) else { return 0 };
        ((interval as f64 / *usual as f64).round() as u64).saturating_sub(1)
    }
}

/// A pose from `x y z qx qy qz qw`; none from nothing.
fn parse_pose(text: &str) -> Result<Option<Se3>, RosError> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let refuse = |reason: &str| {
        RosError::Other(format!(
            "parameter 'ros.camera_pose': {reason}; expected x y z qx qy qz qw (m), found '{text}'"
        ))
    };
    let numbers = text.split_whitespace().map(str::parse::<f64>).collect::<Result<Vec<_>, _>>();
    let [x, y, z, qx, qy, qz, qw] = numbers.ok().and_then(|numbers| numbers.try_into().ok()).unwrap_or([f64::NAN; 7]);
    let message = r2r::geometry_msgs::msg::Pose {
        position: r2r::geometry_msgs::msg::Point { x, y, z },
        orientation: r2r::geometry_msgs::msg::Quaternion { x: qx, y: qy, z: qz, w: qw },
    };
    pose::se3_from_pose_msg(&message).map(Some).map_err(|bad| refuse(&bad.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_counted_in_frames() {
        let mut cadence = Cadence::default();
        let stamps = [0, 50, 101, 149, 200, 250, 400, 450, 650];
        let missing: Vec<u64> = stamps.iter().map(|stamp| cadence.missing_before(*stamp)).collect();
        assert_eq!(missing, [0, 0, 0, 0, 0, 0, 2, 0, 3]);
    }

    #[test]
    fn a_pose_is_seven_numbers() {
        assert_eq!(parse_pose("").unwrap(), None);
        let pose = parse_pose("1 2 3  0 0 0 1").unwrap().unwrap();
        assert_eq!(pose.translation.vector.as_slice(), [1.0, 2.0, 3.0]);
        for wrong in ["1 2 3", "1 2 3 0 0 0 x", "1 2 3 0 0 0 0"] {
            let error = parse_pose(wrong).unwrap_err().to_string();
            assert!(error.contains("ros.camera_pose") && error.contains(wrong), "{error}");
        }
    }
}
