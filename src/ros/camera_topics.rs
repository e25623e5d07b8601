//! Frames from the topics of a camera: images paired by stamp, the rig from camera_info and the camera's place on the
//! robot.

use super::cadence::Cadence;
use super::convert::image::ImageMessage;
use super::convert::{camera, pose};
use super::diagnostics::Diagnostics;
use super::raw_frame::RawFrame;
use super::synchronizer::Synchronizer;
use super::tf::StaticTransforms;
use super::{BadMessage, Node, RosError, qos};
use crate::config::RosOptions;
use crate::geometry::Se3;
use crate::sensors::{self, CameraInfos, Rectification, SecondImage};
use futures::stream::{BoxStream, SelectAll, StreamExt};
use r2r::sensor_msgs::msg::CameraInfo;
use r2r::tf2_msgs::msg::TFMessage;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Stamps that go back further than this mean that time itself jumped: a bag that started again.
pub const TIME_JUMP_NANOS: i64 = 1_000_000_000;

/// A message of one of the camera's topics.
pub enum CameraMessage {
    /// Left (or only) image, or colour.
    Reference(ImageMessage),
    /// Right image, or depth.
    Second(ImageMessage),
    /// Info of the left camera, or of colour.
    ReferenceInfo(CameraInfo),
    /// Info of the right camera, or of a depth camera of its own.
    SecondInfo(CameraInfo),
    /// `/tf_static`.
    Transforms(TFMessage),
}

/// The names of a camera's topics.
pub struct Topics {
    /// Left (or only) image, or colour.
    pub reference: &'static str,
    /// Its info.
    pub info: &'static str,
    /// Right image, or depth.
    pub second: Option<&'static str>,
    /// Its info.
    pub second_info: Option<&'static str>,
    kind: SecondImage,
}

impl Topics {
    /// The topics of a pair.
    pub const STEREO: Self = Self {
        reference: "left/image_rect",
        info: "left/camera_info",
        second: Some("right/image_rect"),
        second_info: Some("right/camera_info"),
        kind: SecondImage::Right,
    };
    /// The topics of a single camera.
    pub const MONO: Self = Self { second: None, second_info: None, kind: SecondImage::None, ..Self::STEREO };
    /// The topics of a colour camera with aligned depth.
    pub const RGBD: Self = Self {
        reference: "color/image_rect",
        info: "color/camera_info",
        second: Some("depth/image_rect"),
        second_info: None,
        kind: SecondImage::Depth,
    };
    /// The topics of a colour camera and a depth camera beside it.
    pub const RGBD_APART: Self = Self { second_info: Some("depth/camera_info"), ..Self::RGBD };

    /// Those that the options ask for.
    pub fn of(options: &RosOptions) -> &'static Self {
        match options.camera.as_str() {
            "rgbd" if options.depth_aligned => &Self::RGBD,
            "rgbd" => &Self::RGBD_APART,
            "mono" => &Self::MONO,
            _ => &Self::STEREO,
        }
    }
}

/// Pairs images and knows the rig.
pub struct CameraTopics {
    options: RosOptions,
    topics: &'static Topics,
    diagnostics: Arc<Diagnostics>,
    pairs: Synchronizer<ImageMessage, ImageMessage>,
    info: Option<CameraInfo>,
    second_info: Option<CameraInfo>,
    transforms: StaticTransforms,
    given_pose: Option<Se3>,
    /// What frames are made with, and what it was made from.
    rectification: Option<(RigSource, Arc<Rectification>)>,
    cadence: Cadence,
    unpaired_reported: u64,
}

/// What a rig is made from.
#[derive(Debug, Clone, PartialEq)]
struct RigSource {
    info: sensors::CameraInfo,
    second_info: Option<sensors::CameraInfo>,
    t_base_camera: Se3,
    t_camera_second: Option<Se3>,
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
        streams.push(subscribe_images(node, topics.reference, options)?.map(CameraMessage::Reference).boxed());
        if let Some(topic) = topics.second {
            streams.push(subscribe_images(node, topic, options)?.map(CameraMessage::Second).boxed());
        }
        streams.push(node.subscribe(topics.info, sensor.clone())?.map(CameraMessage::ReferenceInfo).boxed());
        if let Some(topic) = topics.second_info {
            streams.push(node.subscribe(topic, sensor)?.map(CameraMessage::SecondInfo).boxed());
        }
        streams.push(node.subscribe("/tf_static", qos::tf_static())?.map(CameraMessage::Transforms).boxed());
        for topic in [Some(topics.reference), topics.second, Some(topics.info), topics.second_info] {
            topic.iter().for_each(|topic| diagnostics.expect_topic(topic, timeout));
        }
        let this = Self {
            pairs: Synchronizer::new((options.sync_tolerance_secs * 1e9) as i64, options.image_queue.max(2)),
            options: options.clone(),
            topics,
            diagnostics,
            info: None,
            second_info: None,
            transforms: StaticTransforms::default(),
            given_pose,
            rectification: None,
            cadence: Cadence::default(),
            unpaired_reported: 0,
        };
        Ok((this, streams))
    }

    /// Takes a message; gives the images of a moment when it completes them and the rig is known.
    pub fn take(&mut self, message: CameraMessage) -> Option<RawFrame> {
        let images = match message {
            CameraMessage::Reference(image) => {
                self.diagnostics.heard(self.topics.reference);
                let stamp_nanos = self.stamp(&image, 0);
                match self.topics.second {
                    Some(_) => self.pairs.add_first(stamp_nanos, image).map(|(first, second)| (first, Some(second))),
                    None => Some((image, None)),
                }
            }
            CameraMessage::Second(image) => {
                self.topics.second.iter().for_each(|topic| self.diagnostics.heard(topic));
                let stamp_nanos = self.stamp(&image, (self.options.second_offset_secs * 1e9) as i64);
                self.pairs.add_second(stamp_nanos, image).map(|(first, second)| (first, Some(second)))
            }
            CameraMessage::ReferenceInfo(info) => {
                self.diagnostics.heard(self.topics.info);
                self.info = Some(info);
                None
            }
            CameraMessage::SecondInfo(info) => {
                self.topics.second_info.iter().for_each(|topic| self.diagnostics.heard(topic));
                self.second_info = Some(info);
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
        let (reference, second) = images?;
        let stamp_nanos = pose::nanos_from_time_msg(&reference.header().stamp);
        self.diagnostics.count("frames", 1);
        match self.cadence.missing_before(stamp_nanos) {
            0 => {}
            missing => self.diagnostics.lose("missing frames", missing),
        }
        let Some(rectification) = self.rectification(&reference, second.as_ref()) else {
            self.diagnostics.lose("frames before the camera was known", 1);
            return None;
        };
        Some(RawFrame {
            stamp_nanos,
            came: Instant::now(),
            rectification,
            reference: (self.topics.reference, reference),
            second: self.topics.second.zip(second),
        })
    }

    /// The stamp of an image; forgets what waits when time has jumped back.
    fn stamp(&mut self, image: &ImageMessage, offset_nanos: i64) -> i64 {
        let stamp_nanos = pose::nanos_from_time_msg(&image.header().stamp).saturating_add(offset_nanos);
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

    /// What makes frames, as soon as infos and the camera's pose are known; what is missing stands in the diagnostics.
    fn rectification(&mut self, image: &ImageMessage, second: Option<&ImageMessage>) -> Option<Arc<Rectification>> {
        let source = self.rig_source(image, second)?;
        match &self.rectification {
            Some((made_from, rectification)) if *made_from == source => return Some(rectification.clone()),
            _ => {}
        }
        let infos = CameraInfos {
            raw: !self.options.rectified,
            reference: &source.info,
            second: source.second_info.as_ref(),
            t_base_reference: source.t_base_camera,
            t_reference_second: source.t_camera_second,
        };
        match infos.rectification(self.topics.kind) {
            Ok(made) => {
                let made = Arc::new(made);
                self.rectification = Some((source, made.clone()));
                Some(made)
            }
            Err(error) => {
                let topic = self.topics.second_info.unwrap_or(self.topics.info);
                self.diagnostics.reject(topic, &BadMessage::new(error.to_string()));
                None
            }
        }
    }

    fn rig_source(&self, image: &ImageMessage, second: Option<&ImageMessage>) -> Option<RigSource> {
        let frame = |image: &ImageMessage| image.header().frame_id.clone();
        let given = &self.options.camera_frame;
        let camera_frame = if given.is_empty() { frame(image) } else { given.clone() };
        let base_frame = &self.options.base_frame;
        let t_base_camera = self.given_pose.or_else(|| self.t_base_frame(&camera_frame));
        let missing = t_base_camera.is_none().then(|| {
            format!(
                "no transform from {camera_frame} to {base_frame} on /tf_static; publish one or set ros.camera_pose"
            )
        });
        self.diagnostics.trouble("camera pose", missing);
        let t_camera_second = second.and_then(|second| self.transforms.lookup(&camera_frame, &frame(second)));
        let apart = self.topics.kind == SecondImage::Depth && self.topics.second_info.is_some();
        let missing = second.filter(|_| apart && t_camera_second.is_none()).map(|second| {
            format!("no transform from {} to {camera_frame} on /tf_static: depth cannot be aligned", frame(second))
        });
        let unaligned = missing.is_some();
        self.diagnostics.trouble("depth pose", missing);
        let read = |topic: &str, info: &CameraInfo| {
            camera::info_from_msg(info).map_err(|bad| self.diagnostics.reject(topic, &bad)).ok()
        };
        let info = read(self.topics.info, self.info.as_ref()?)?;
        let second_info = match self.topics.second_info {
            Some(topic) => Some(read(topic, self.second_info.as_ref()?)?),
            None => None,
        };
        let t_base_camera = t_base_camera.filter(|_| !unaligned)?;
        Some(RigSource { info, second_info, t_base_camera, t_camera_second })
    }
}

/// An image topic in the message that the options say.
fn subscribe_images(
    node: &mut Node,
    topic: &str,
    options: &RosOptions,
) -> Result<BoxStream<'static, ImageMessage>, RosError> {
    let sensor = qos::sensor(options);
    Ok(if options.compressed {
        node.subscribe(topic, sensor)?.map(ImageMessage::Compressed).boxed()
    } else {
        node.subscribe(topic, sensor)?.map(ImageMessage::Raw).boxed()
    })
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
