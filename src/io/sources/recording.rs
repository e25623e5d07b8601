//! Finds out what a recording is.

use super::{SourceError, SourceOptions, bag, euroc, kitti, seven_scenes, tum};
use crate::geometry::Trajectory;
use crate::io::bag::BagReader;
use crate::sensors::{Rig, SensorEvent};
use std::path::Path;

/// A recording of sensors: what it says of itself, and its samples in order of time.
pub struct Recording {
    /// The kind: `rosbag2`, `euroc`, `tum`, `kitti`, `seven_scenes`.
    pub kind: &'static str,
    /// The cameras.
    pub rig: Rig,
    /// Number of frames.
    pub frame_count: usize,
    /// Whether there is wheel odometry among the samples.
    pub has_wheels: bool,
    /// The base's true poses, where known.
    pub truth: Option<Trajectory>,
    /// The samples in order of time. An error ends them.
    pub events: Box<dyn Iterator<Item = Result<SensorEvent, SourceError>> + Send>,
}

/// Opens a recording, finding out its kind by what is in the folder. Images are read one step ahead on a thread of
/// their own, which ends with `events`.
///
/// # Errors
/// [`SourceError`] names the file, what was expected and what was found.
pub fn open(path: &Path, options: &SourceOptions) -> Result<Recording, SourceError> {
    std::fs::metadata(path).map_err(SourceError::io(path))?;
    if BagReader::is_bag(path) {
        bag::open(path, options)
    } else if euroc::is_one(path) {
        euroc::open(path, options)
    } else if tum::is_one(path) {
        tum::open(path, options)
    } else if kitti::is_one(path) {
        kitti::open(path, options)
    } else if seven_scenes::is_one(path)? {
        seven_scenes::open(path, options)
    } else {
        Err(SourceError::Unknown {
            path: path.into(),
            expected: "a rosbag2 folder (metadata.yaml) or file (.mcap, .db3), an EuRoC folder (mav0/cam0/data.csv), a \
                       TUM RGB-D folder (rgb.txt), a KITTI odometry folder (image_0 or image_2, calib.txt), a 7-Scenes \
                       folder (frame-000000.color.png)",
        })
    }
}
