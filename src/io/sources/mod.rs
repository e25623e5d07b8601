//! Recordings of sensors, whatever their format, as one stream of time-stamped samples.
//!
//! [`open`] finds out the format: rosbag2 (MCAP, sqlite3), EuRoC/ASL, TUM RGB-D, KITTI odometry and 7-Scenes. What a
//! recording does not say of its cameras comes from a [`CameraFile`].

mod bag;
mod calibration;
mod camera_file;
mod error;
mod euroc;
mod folder;
mod image_file;
mod kitti;
mod options;
mod pairing;
mod prefetch;
mod recording;
mod seven_scenes;
mod tum;

pub use camera_file::{CAMERA_PRESETS, CameraFile};
pub use error::SourceError;
pub use options::SourceOptions;
pub use recording::{Recording, open};
