//! What all folders of image files have in common.

use super::calibration::Calibration;
use super::prefetch::Prefetch;
use super::{CameraFile, Recording, SourceError, SourceOptions, image_file};
use crate::geometry::{StampedPose, Trajectory};
use crate::io::trajectory::read_tum;
use crate::sensors::{Rectification, Second, SecondImage, SensorEvent, WheelSample};
use nalgebra::Matrix6;
use std::path::{Path, PathBuf};

/// Name of the file with wheel odometry, of any kind of folder.
const WHEEL_FILE: &str = "wheel_odometry.txt";

/// The files of one moment.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct FrameFiles {
    /// When they were taken (ns).
    pub stamp_nanos: i64,
    /// The (left) image.
    pub reference: PathBuf,
    /// The right or depth image.
    pub second: Option<PathBuf>,
}

/// A folder of images as its reader found it.
pub(super) struct Folder<'a> {
    pub kind: &'static str,
    pub path: &'a Path,
    /// In order of time.
    pub frames: Vec<FrameFiles>,
    pub second: SecondImage,
    /// Other sensors' samples, in order of time.
    pub samples: Vec<SensorEvent>,
    pub calibration: Calibration,
    /// Poses of the (left, raw) camera's optical frame in a world with z up, where known.
    pub camera_truth: Option<Vec<StampedPose>>,
    /// Whether they are those of the camera that takes the depth images instead, which may be another.
    pub truth_of_depth: bool,
}

impl Folder<'_> {
    /// The recording, after the camera file has had its say.
    pub(super) fn into_recording(mut self, options: &SourceOptions) -> Result<Recording, SourceError> {
        let Some(first) = self.frames.first() else {
            return Err(SourceError::Format { path: self.path.into(), reason: "expected images, found none".into() });
        };
        let (width, height) = image_file::size(&first.reference)?;
        if let Some(camera) = &mut self.calibration.camera
            && camera.pinhole.width == 0
        {
            (camera.pinhole.width, camera.pinhole.height) = (width, height);
        }
        if !options.camera_file.is_empty() {
            let file = CameraFile::load(&options.camera_file)?;
            let path = Path::new(&options.camera_file);
            file.apply(&mut self.calibration, Some((width, height))).map_err(SourceError::format(path))?;
        }
        self.calibration.check_size((width, height)).map_err(SourceError::format(&first.reference))?;
        let rectification = self.calibration.rectification(self.second).map_err(SourceError::format(self.path))?;
        let calibration = &self.calibration;
        let t_base_truth = if self.truth_of_depth { calibration.t_base_depth() } else { calibration.t_base_camera() };
        let t_camera_base = t_base_truth.inverse();
        let truth = self.camera_truth.map(|poses| {
            let of_base = |pose: StampedPose| StampedPose { t_world_body: pose.t_world_body * t_camera_base, ..pose };
            Trajectory::from_poses(poses.into_iter().map(of_base).collect())
        });
        let wheels = read_wheels(self.path)?;
        let has_wheels = !wheels.is_empty();
        self.samples.extend(wheels);
        self.samples.sort_by_key(SensorEvent::stamp_nanos);
        let rig = *rectification.rig();
        let frame_count = self.frames.len();
        let decoder = Decoder {
            rectification,
            second: self.second,
            metres_per_unit: 1.0 / self.calibration.depth_units_per_m.unwrap_or(1000.0),
        };
        let events = merged(self.frames.into_iter().map(move |files| decoder.frame(&files)), self.samples);
        let events = until_error(events);
        let events = Box::new(Prefetch::new(events).map_err(SourceError::io(self.path))?);
        Ok(Recording { kind: self.kind, rig, frame_count, has_wheels, truth, events })
    }
}

/// Wheel odometry that lies beside the images: poses of the base in TUM's format; none without such a file.
fn read_wheels(folder: &Path) -> Result<Vec<SensorEvent>, SourceError> {
    let file = folder.join(WHEEL_FILE);
    if !file.exists() {
        return Ok(Vec::new());
    }
    let sample = |pose: &StampedPose| {
        let StampedPose { stamp_nanos, t_world_body: t_wheel_base } = *pose;
        SensorEvent::Wheel(WheelSample { stamp_nanos, t_wheel_base, covariance: Matrix6::zeros() })
    };
    Ok(read_tum(&file)?.poses().iter().map(sample).collect())
}

/// The items up to the first error, that one included.
pub(super) fn until_error<T, E>(
    items: impl Iterator<Item = Result<T, E>> + Send,
) -> impl Iterator<Item = Result<T, E>> + Send {
    let mut failed = false;
    items.take_while(move |item| {
        let go_on = !failed;
        failed |= item.is_err();
        go_on
    })
}

/// Frames and samples, each in order of time, as one sequence; of one time, samples come before the frame.
pub(super) fn merged(
    frames: impl Iterator<Item = Result<SensorEvent, SourceError>> + Send,
    samples: Vec<SensorEvent>,
) -> impl Iterator<Item = Result<SensorEvent, SourceError>> + Send {
    let (mut frames, mut samples) = (frames.peekable(), samples.into_iter().peekable());
    std::iter::from_fn(move || {
        let sample_first = match (frames.peek(), samples.peek()) {
            (Some(Ok(frame)), Some(sample)) => sample.stamp_nanos() <= frame.stamp_nanos(),
            (None, Some(_)) => true,
            _ => false,
        };
        if sample_first { samples.next().map(Ok) } else { frames.next() }
    })
}

struct Decoder {
    rectification: Rectification,
    second: SecondImage,
    metres_per_unit: f64,
}

impl Decoder {
    fn frame(&self, files: &FrameFiles) -> Result<SensorEvent, SourceError> {
        let reference = image_file::read_picture(&files.reference)?;
        let second = match (&files.second, self.second) {
            (Some(path), SecondImage::Right) => Second::Right(image_file::read_picture(path)?),
            (Some(path), SecondImage::Depth) => Second::Depth(image_file::read_depth(path, self.metres_per_unit)?),
            _ => Second::None,
        };
        let frame = self.rectification.frame(files.stamp_nanos, reference, second);
        Ok(SensorEvent::Frame(Box::new(frame.map_err(SourceError::format(&files.reference))?)))
    }
}

/// The names of a folder's files, sorted.
pub(super) fn file_names(path: &Path) -> Result<Vec<String>, SourceError> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(path).map_err(SourceError::io(path))? {
        let entry = entry.map_err(SourceError::io(path))?;
        names.extend(entry.file_name().into_string());
    }
    names.sort();
    Ok(names)
}

/// Whether a name ends like an image that can be read.
pub(super) fn is_image(name: &str) -> bool {
    [".png", ".jpg", ".jpeg"].iter().any(|ending| name.ends_with(ending))
}

/// The path, if there is a file; the error says that it is missing.
pub(super) fn existing(path: PathBuf) -> Result<PathBuf, SourceError> {
    std::fs::metadata(&path).map_err(SourceError::io(&path))?;
    Ok(path)
}
