//! rosbag2 as a recording: which topics are what, how frames pair up, where the cameras sit, and the samples.
//!
//! A bag is walked through twice: once for stamps, calibrations, transforms, odometry and truth, when it is opened,
//! and once for the images, when they are wanted.

mod calibration;
mod frames;
mod index;
mod open;
mod pixels;
mod topics;
mod transforms;

pub(super) use open::open;
