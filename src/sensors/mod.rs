//! What a robot's sensors say: rectified frames with their rig, wheel odometry and IMU samples, in order of time.

mod frame;
mod rig;

pub use frame::{DepthImage, Frame, Images, ImuSample, SensorEvent, WheelSample};
pub use rig::{Depth, Rig};
