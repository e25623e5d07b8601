//! Opens a bag as a recording.

use super::calibration::from_infos;
use super::frames::{Frames, Plan, State};
use super::index::{FramedPose, Index};
use super::pixels::ImageTopic;
use super::topics::{Selection, select};
use crate::geometry::{Se3, StampedPose, Trajectory};
use crate::io::bag::messages::CameraInfo;
use crate::io::bag::{BagError, BagReader};
use crate::io::sources::calibration::Calibration;
use crate::io::sources::folder::{merged, until_error};
use crate::io::sources::prefetch::Prefetch;
use crate::io::sources::{CameraFile, Recording, SourceError, SourceOptions};
use crate::sensors::{ImuSample, Second, SecondImage, SensorEvent, WheelSample};
use std::collections::BTreeMap;
use std::path::Path;

pub(in crate::io::sources) fn open(path: &Path, options: &SourceOptions) -> Result<Recording, SourceError> {
    let refuse = |reason: String| SourceError::Format { path: path.into(), reason };
    let bag = BagReader::open(path)?;
    let selection = select(bag.topics(), options).map_err(refuse)?;
    let index = Index::read(&bag, &selection)?;

    let kind = selection.kind();
    let name = |topic: usize| bag.topics()[topic].name.as_str();
    let mut calibration = calibration(&bag, &selection, &index).map_err(refuse)?;
    calibration.t_base_camera = index.transforms.find(&options.base_frame, &index.left.frame_id);
    if calibration.t_base_camera.is_none() {
        let (base, camera) = (&options.base_frame, &index.left.frame_id);
        let has = if index.has_transforms { "no chain of transforms" } else { "no /tf_static" };
        tracing::warn!("{has} from {base} to {camera}: the camera is taken to look ahead from the base's origin");
    }
    let mut topics = [Some(selection.left), selection.second]
        .map(|topic| topic.map(|topic| (topic, ImageTopic::new(name(topic), &bag.topics()[topic].message_type, 1e-3))));
    let Some((_, left_topic)) = &topics[0] else { return Err(refuse("expected images, found none".into())) };
    let Some(first) = &index.left.first else {
        return Err(refuse(format!("{}: expected images, found none", left_topic.name)));
    };
    let size = left_topic.picture(first).map_err(refuse)?.dimensions();
    check_size(&bag, &selection, &index, size).map_err(refuse)?;
    if !options.camera_file.is_empty() {
        let file = CameraFile::load(&options.camera_file)?;
        let path = Path::new(&options.camera_file);
        file.apply(&mut calibration, Some(size)).map_err(SourceError::format(path))?;
    }
    if let (Some(units), Some((_, topic))) = (calibration.depth_units_per_m, &mut topics[1]) {
        topic.metres_per_unit = 1.0 / units;
    }
    calibration.check_size(size).map_err(|reason| refuse(format!("{}: {reason}", name(selection.left))))?;
    let rectification = calibration.rectification(kind).map_err(SourceError::format(path))?;

    let plan = match kind {
        SecondImage::None => Plan::single(&index.left.stamps),
        _ => Plan::pairs(&index.left.stamps, &options.shifted(&index.second.stamps), options.tolerance_nanos()),
    };
    if plan.stamps.is_empty() {
        return Err(refuse(format!(
            "{} and {}: expected stamps that differ by at most {} ms (option source.pair_tolerance_ms), found none \
             among {} and {} messages",
            name(selection.left),
            selection.second.map(name).unwrap_or_default(),
            options.pair_tolerance_ms,
            index.left.stamps.len(),
            index.second.stamps.len()
        )));
    }
    let base = Base { frame: &options.base_frame, index: &index };
    let truth = (!index.truth.is_empty()).then(|| {
        let pose = |pose: &FramedPose| StampedPose { stamp_nanos: pose.stamp_nanos, t_world_body: base.pose(pose) };
        Trajectory::from_poses(index.truth.iter().map(pose).collect())
    });
    let samples = samples(&base);
    let has_wheels = samples.iter().any(|sample| matches!(sample, SensorEvent::Wheel(_)));
    let rig = *rectification.rig();
    let frame_count = plan.stamps.len();
    let mut wanted = vec![false; bag.topics().len()];
    wanted[selection.left] = true;
    selection.second.iter().for_each(|&topic| wanted[topic] = true);
    let [Some(left), second] = topics else { return Err(refuse("expected images, found none".into())) };
    let mut frames = Frames {
        path: path.into(),
        messages: bag.messages(&wanted),
        plan,
        left,
        second,
        second_is_depth: kind == SecondImage::Depth,
        rectification,
        state: State::default(),
    };
    check_first(&frames, &index).map_err(refuse)?;
    let events = until_error(merged(std::iter::from_fn(move || frames.next()), samples));
    let events = Box::new(Prefetch::new(events).map_err(SourceError::io(path))?);
    Ok(Recording { kind: "rosbag2", rig, frame_count, has_wheels, truth, events })
}

fn calibration(bag: &BagReader, selection: &Selection, index: &Index) -> Result<Calibration, String> {
    let name = |topic: usize| bag.topics()[topic].name.as_str();
    let left = index.left_info.as_ref().map(|info| (info, name(selection.left)));
    let t_left_second = second_pose(selection, index, &bag.path().display());
    from_infos(left, index.second_info.as_ref(), selection.kind(), t_left_second).map_err(|error| error.to_string())
}

/// Where the second camera is, seen from the left one, if its images are of a frame of their own.
fn second_pose(selection: &Selection, index: &Index, path: &dyn std::fmt::Display) -> Option<Se3> {
    let (left, second) = (&index.left.frame_id, &index.second.frame_id);
    if second.is_empty() || left == second {
        return None;
    }
    let t_left_second = index.transforms.find(left, second);
    if selection.kind() == SecondImage::Depth && (t_left_second.is_none() || index.second_info.is_none()) {
        let missing = match t_left_second {
            None => format!("chain of transforms from {left} to {second}"),
            Some(_) => format!("camera_info of {second}"),
        };
        tracing::warn!("{path}: no {missing}: depth is taken to be aligned with colour");
    }
    t_left_second
}

/// A calibration that contradicts the images is worse than none.
fn check_size(bag: &BagReader, selection: &Selection, index: &Index, size: (u32, u32)) -> Result<(), String> {
    let name = |topic: Option<usize>| topic.map(|topic| bag.topics()[topic].name.as_str()).unwrap_or_default();
    let check = |info: Option<&CameraInfo>, info_topic: Option<usize>, image_topic: Option<usize>| match info {
        Some(info) if (info.width, info.height) != size => Err(format!(
            "{}: expected {}x{} pixels, as the images on {} have, found {}x{}",
            name(info_topic),
            size.0,
            size.1,
            name(image_topic),
            info.width,
            info.height
        )),
        _ => Ok(()),
    };
    check(index.left_info.as_ref(), selection.left_info, Some(selection.left))?;
    if selection.kind() == SecondImage::Right {
        check(index.second_info.as_ref(), selection.second_info, selection.second)?;
    }
    Ok(())
}

/// Tries the first messages, so that what is wrong with all of them is said at once.
fn check_first(frames: &Frames, index: &Index) -> Result<(), String> {
    let Some(left) = &index.left.first else { return Ok(()) };
    let picture = frames.left.1.picture(left)?;
    let second = match (&frames.second, &index.second.first) {
        (Some((_, topic)), Some(message)) => topic.second(message, frames.second_is_depth)?,
        _ => Second::None,
    };
    frames.rectification.frame(0, picture, second).map(drop).map_err(|error| error.to_string())
}

/// Where the base is, seen from other frames.
struct Base<'a> {
    frame: &'a str,
    index: &'a Index,
}

impl Base<'_> {
    /// The base's true pose from that of another frame of the robot; one without a chain is taken for the base: an error that
    /// is too large is better than none.
    fn pose(&self, pose: &FramedPose) -> Se3 {
        pose.t_world_child * self.t_child_base(pose).unwrap_or_else(Se3::identity)
    }

    /// Base coordinates into those of the frame that a pose is of: the base where it names none; `None` without a chain.
    fn t_child_base(&self, pose: &FramedPose) -> Option<Se3> {
        let child = if pose.child.is_empty() { self.frame } else { &pose.child };
        self.index.transforms.find(child, self.frame)
    }

    /// Wheel odometry of the base. Of a frame without a chain of transforms there is none, as in the nodes.
    fn wheels(&self) -> impl Iterator<Item = WheelSample> {
        let mut places: BTreeMap<&str, Option<Se3>> = BTreeMap::new();
        for pose in &self.index.wheel {
            places.entry(&pose.child).or_insert_with(|| self.t_child_base(pose));
        }
        for child in places.iter().filter(|(_, place)| place.is_none()).map(|(child, _)| child) {
            let base = self.frame;
            tracing::warn!("no chain of transforms from {base} to {child}: wheel odometry of {child} is ignored");
        }
        self.index.wheel.iter().filter_map(move |pose| {
            let t_child_base = (*places.get(pose.child.as_str())?)?;
            Some(WheelSample::of_frame(pose.stamp_nanos, &pose.t_world_child, &pose.covariance, &t_child_base))
        })
    }

    /// The inertial unit's samples in the base's axes. Without a chain of transforms there are none: turned wrongly
    /// they would do harm.
    fn imu(&self) -> impl Iterator<Item = ImuSample> {
        let t_imu_base = self.index.transforms.find(&self.index.imu_frame, self.frame);
        if t_imu_base.is_none() && !self.index.imu.is_empty() {
            let (imu, base) = (&self.index.imu_frame, self.frame);
            tracing::warn!("no chain of transforms from {base} to {imu}: the inertial unit is ignored");
        }
        let samples = t_imu_base.map(|t_imu_base| {
            let rotation = t_imu_base.rotation.inverse();
            self.index.imu.iter().map(move |sample| sample.turned(&rotation))
        });
        samples.into_iter().flatten()
    }
}

/// Samples of wheels and inertial unit in order of time.
fn samples(base: &Base) -> Vec<SensorEvent> {
    let wheels = base.wheels().map(SensorEvent::Wheel);
    let mut samples: Vec<SensorEvent> = wheels.chain(base.imu().map(SensorEvent::Imu)).collect();
    samples.sort_by_key(SensorEvent::stamp_nanos);
    samples
}

impl From<BagError> for SourceError {
    fn from(error: BagError) -> Self {
        match error {
            BagError::Io { path, error } => Self::Io { path, error },
            BagError::Format { path, reason } => Self::Format { path, reason },
            BagError::Exists { ref path } => Self::Format { path: path.clone(), reason: error.to_string() },
            BagError::Message { ref topic, .. } => Self::Format { path: topic.into(), reason: error.to_string() },
        }
    }
}
