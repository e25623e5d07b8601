//! The first walk through a bag: everything but pixels.

use super::topics::Selection;
use super::transforms::Transforms;
use crate::geometry::Se3;
use crate::io::bag::messages::{CameraInfo, Header, Imu, Message, Odometry, PoseStamped, TfMessage, TransformStamped};
use crate::io::bag::{BagError, BagReader, RawMessage};
use crate::sensors::ImuSample;
use nalgebra::Matrix6;

/// The beginning of every message with a header.
#[derive(serde::Serialize, serde::Deserialize)]
struct Headed {
    header: Header,
}
impl Message for Headed {
    const TYPE: &'static str = "message with a header";
}

/// Stamps of an image topic, and its first message.
#[derive(Debug, Default)]
pub(super) struct ImageIndex {
    /// Stamp of each message (ns) in the order of the bag; `None` for one that is broken.
    pub stamps: Vec<Option<i64>>,
    pub first: Option<RawMessage>,
    pub frame_id: String,
}

/// A pose with the frame that it is of.
#[derive(Debug, Clone)]
pub(super) struct FramedPose {
    pub stamp_nanos: i64,
    pub t_world_child: Se3,
    /// Empty where nothing is said.
    pub child: String,
    /// The message's covariance, about the axes of the world; zero where there is none.
    pub covariance: Matrix6<f64>,
}

/// What the first walk finds.
#[derive(Debug, Default)]
pub(super) struct Index {
    pub left: ImageIndex,
    pub second: ImageIndex,
    pub left_info: Option<CameraInfo>,
    pub second_info: Option<CameraInfo>,
    pub wheel: Vec<FramedPose>,
    pub truth: Vec<FramedPose>,
    /// In the axes of their own frame, whose name is empty until the first.
    pub imu: Vec<ImuSample>,
    pub imu_frame: String,
    pub transforms: Transforms,
    pub has_transforms: bool,
}

impl Index {
    pub(super) fn read(bag: &BagReader, selection: &Selection) -> Result<Self, BagError> {
        let mut index = Self::default();
        let mut wanted = vec![false; bag.topics().len()];
        let chosen = [
            Some(selection.left),
            selection.second,
            selection.left_info,
            selection.second_info,
            selection.wheel,
            selection.truth,
            selection.imu,
            selection.tf_static,
        ];
        for topic in chosen.into_iter().flatten() {
            wanted[topic] = true;
        }
        let mut broken = vec![0usize; wanted.len()];
        for message in bag.messages(&wanted) {
            let message = message?;
            let topic = message.topic;
            if let Err(error) = index.take(bag, selection, message) {
                if broken[topic] == 0 {
                    tracing::warn!("{}: {error}; it is skipped", bag.path().display());
                }
                broken[topic] += 1;
            }
        }
        for (topic, count) in bag.topics().iter().zip(broken).filter(|(_, count)| *count > 0) {
            tracing::warn!("{}: {}: {count} broken messages were skipped", bag.path().display(), topic.name);
        }
        Ok(index)
    }

    fn take(&mut self, bag: &BagReader, selection: &Selection, message: RawMessage) -> Result<(), BagError> {
        let topic = message.topic;
        let is = |chosen: Option<usize>| chosen == Some(topic);
        if topic == selection.left {
            self.left.take(bag, message)?;
        } else if is(selection.second) {
            self.second.take(bag, message)?;
        } else if is(selection.left_info) {
            self.left_info.get_or_insert(bag.decode(&message)?);
        } else if is(selection.second_info) {
            self.second_info.get_or_insert(bag.decode(&message)?);
        } else if is(selection.tf_static) {
            for transform in bag.decode::<TfMessage>(&message)?.transforms {
                self.has_transforms |= self.transforms.add(&transform);
            }
        } else if is(selection.imu) {
            let imu: Imu = bag.decode(&message)?;
            self.imu_frame.clone_from(&imu.header.frame_id);
            self.imu.push(ImuSample {
                stamp_nanos: imu.header.stamp.nanos(),
                angular_velocity: imu.angular_velocity.into(),
                linear_acceleration: imu.linear_acceleration.into(),
            });
        } else {
            let pose = pose(bag, &message)?;
            // One topic may serve as both.
            if is(selection.wheel) {
                self.wheel.push(pose.clone());
            }
            if is(selection.truth) {
                self.truth.push(pose);
            }
        }
        Ok(())
    }
}

impl ImageIndex {
    fn take(&mut self, bag: &BagReader, message: RawMessage) -> Result<(), BagError> {
        match bag.decode::<Headed>(&message) {
            Ok(Headed { header }) => {
                self.stamps.push(Some(header.stamp.nanos()));
                if self.first.is_none() {
                    self.frame_id = header.frame_id;
                    self.first = Some(message);
                }
                Ok(())
            }
            Err(error) => {
                self.stamps.push(None);
                Err(error)
            }
        }
    }
}

fn pose(bag: &BagReader, message: &RawMessage) -> Result<FramedPose, BagError> {
    let topic = &bag.topics()[message.topic];
    let (header, pose, child, covariance) = match topic.message_type.as_str() {
        Odometry::TYPE => {
            let odometry: Odometry = bag.decode(message)?;
            let covariance = Matrix6::from_row_slice(&odometry.pose.covariance);
            (odometry.header, odometry.pose.pose.se3(), odometry.child_frame_id, covariance)
        }
        TransformStamped::TYPE => {
            let transform: TransformStamped = bag.decode(message)?;
            (transform.header, transform.transform.se3(), transform.child_frame_id, Matrix6::zeros())
        }
        _ => {
            let pose: PoseStamped = bag.decode(message)?;
            (pose.header, pose.pose.se3(), String::new(), Matrix6::zeros())
        }
    };
    let Some(t_world_child) = pose else {
        return Err(BagError::Message {
            topic: topic.name.clone(),
            expected: "pose",
            reason: "expected finite numbers and a unit quaternion, found others".into(),
        });
    };
    Ok(FramedPose { stamp_nanos: header.stamp.nanos(), t_world_child, child, covariance })
}
