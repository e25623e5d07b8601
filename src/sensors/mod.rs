//! What a robot's sensors say: rectified frames with their rig, wheel odometry and IMU samples, in order of time.
//!
//! [`Rectification`] makes frames of raw images; [`encoding`] makes images of the bytes in messages.

mod calibration;
mod camera_info;
pub mod compressed;
pub mod encoding;
mod error;
mod frame;
mod pictures;
mod rectification;
mod registration;
mod rig;
mod undistortion;

pub use calibration::{Distortion, RawCamera};
pub use camera_info::{CameraInfo, CameraInfos, SecondImage};
pub(crate) use camera_info::{check_alike, no_baseline};
pub use error::SensorError;
pub use frame::{DepthImage, Frame, Images, ImuSample, SensorEvent, WheelSample};
pub use pictures::{Picture, Second, gray_from_rgb};
pub use rectification::Rectification;
pub use rig::{Depth, Rig};
