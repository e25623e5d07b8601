//! A whole simulation: what its robot is, where it goes, and what its sensors say in order of time.

use super::cameras::{Cameras, Pictures, Preset};
use super::flat::Flat;
use super::imu::Imu;
use super::options::SimulationOptions;
use super::random::Random;
use super::tour::{Motion, Tour};
use super::wheels::{WheelReading, Wheels};
use crate::geometry::{StampedPose, Trajectory};
use crate::sensors::encoding::depth_from_word;
use crate::sensors::{DepthImage, Frame, Images, ImuSample, Rig, SensorEvent, WheelSample, gray_from_rgb};
use image::{GrayImage, RgbImage};

/// Stamp of the start (ns): not 0, which ROS takes for "the latest".
pub const START_NANOS: i64 = 1_000_000_000_000;
/// Rate of the true poses (Hz).
pub const TRUTH_RATE_HZ: f64 = 100.0;

/// A robot's tour through a furnished flat. The same options and seed give the same data, bit by bit.
#[derive(Debug, Clone)]
pub struct Simulation {
    options: SimulationOptions,
    seed: u64,
    preset: Preset,
    flat: Flat,
    tour: Tour,
}

/// What one sensor says, or the truth, at one time.
#[derive(Debug, Clone, PartialEq)]
pub enum Reading {
    /// The true motion.
    Truth(Motion),
    /// The inertial unit.
    Imu(ImuSample),
    /// Wheel odometry.
    Wheels(Box<WheelReading>),
    /// Pictures.
    Pictures(Pictures),
}

impl Simulation {
    /// Draws the flat and plans the tour.
    pub fn new(options: &SimulationOptions, seed: u64, preset: Preset) -> Self {
        let flat = Flat::new(seed, options.texture_poor);
        let tour = Tour::new(&flat.lanes, seed, options.duration_secs, options.speed_mps);
        Self { options: options.clone(), seed, preset, flat, tour }
    }

    /// The cameras.
    pub fn rig(&self) -> Rig {
        self.preset.rig(&self.options)
    }

    /// What was chosen.
    pub fn options(&self) -> &SimulationOptions {
        &self.options
    }

    /// What it was drawn from.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Which cameras there are.
    pub fn preset(&self) -> Preset {
        self.preset
    }

    /// Length of the recording (ns).
    pub fn duration_nanos(&self) -> i64 {
        (self.options.duration_secs * 1e9).round() as i64
    }

    /// The flat.
    pub fn flat(&self) -> &Flat {
        &self.flat
    }

    /// The tour.
    pub fn tour(&self) -> &Tour {
        &self.tour
    }

    /// The true poses of the base, [`TRUTH_RATE_HZ`] of them per second.
    pub fn truth(&self) -> Trajectory {
        let poses = (0..Stream::new(TRUTH_RATE_HZ).count(self.options.duration_secs)).map(|index| {
            let stamp_nanos = Stream::new(TRUTH_RATE_HZ).stamp_nanos(index);
            StampedPose { stamp_nanos, t_world_body: self.tour.at(secs(stamp_nanos)).t_world_base }
        });
        Trajectory::from_poses(poses.collect())
    }

    /// Number of frames that are recorded: without the dropped ones.
    pub fn frame_count(&self) -> usize {
        let frames = Stream::new(self.options.frame_rate_hz).count(self.options.duration_secs);
        (0..frames).filter(|&index| !is_dropped(&self.options, self.seed, index)).count()
    }

    /// What all sensors say, and the truth, in order of time; stamps in ns.
    pub fn readings(&self) -> Readings {
        let options = &self.options;
        Readings {
            tour: self.tour.clone(),
            imu: Imu::new(options, self.seed),
            wheels: Wheels::new(options, self.seed),
            cameras: Cameras::new(options, self.seed, self.preset, &self.flat),
            streams: [TRUTH_RATE_HZ, options.imu_rate_hz, options.wheel_rate_hz, options.frame_rate_hz]
                .map(Stream::new),
            options: self.options.clone(),
            seed: self.seed,
        }
    }

    /// What the sensors say in order of time, as a reader of the recording would see it.
    pub fn events(&self) -> impl Iterator<Item = SensorEvent> + Send + use<> {
        let rig = self.rig();
        self.readings().filter_map(move |(stamp_nanos, reading)| match reading {
            Reading::Truth(_) => None,
            Reading::Imu(sample) => Some(SensorEvent::Imu(sample)),
            Reading::Wheels(reading) => {
                let WheelReading { t_wheel_base, covariance, .. } = *reading;
                Some(SensorEvent::Wheel(WheelSample { stamp_nanos, t_wheel_base, covariance }))
            }
            Reading::Pictures(pictures) => Some(SensorEvent::Frame(Box::new(frame(stamp_nanos, pictures, &rig)))),
        })
    }
}

/// Samples at a rate, the first at the start.
#[derive(Debug, Clone)]
pub(super) struct Stream {
    rate_hz: f64,
    next: usize,
}

impl Stream {
    pub(super) fn new(rate_hz: f64) -> Self {
        Self { rate_hz, next: 0 }
    }
    pub(super) fn stamp_nanos(&self, index: usize) -> i64 {
        START_NANOS + (index as f64 * 1e9 / self.rate_hz).round() as i64
    }
    pub(super) fn count(&self, duration_secs: f64) -> usize {
        (duration_secs * self.rate_hz + 1e-6).floor() as usize + 1
    }
}

/// Seconds since the start.
pub(super) fn secs(stamp_nanos: i64) -> f64 {
    (stamp_nanos - START_NANOS) as f64 * 1e-9
}

fn is_dropped(options: &SimulationOptions, seed: u64, index: usize) -> bool {
    // The first frame is always there: a tour begins with it.
    index > 0 && Random::new(seed, 7_000_000 + index as u64).chance(options.dropped_frames)
}

/// Iterator of [`Simulation::readings`].
pub struct Readings {
    options: SimulationOptions,
    seed: u64,
    tour: Tour,
    imu: Imu,
    wheels: Wheels,
    cameras: Cameras,
    /// Truth, inertial unit, wheels, frames: of one stamp in this order.
    streams: [Stream; 4],
}

impl Iterator for Readings {
    type Item = (i64, Reading);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let open = (0..self.streams.len())
                .filter(|&i| self.streams[i].next < self.streams[i].count(self.options.duration_secs));
            let which = open.min_by_key(|&i| (self.streams[i].stamp_nanos(self.streams[i].next), i))?;
            let stream = &mut self.streams[which];
            let (number, stamp_nanos) = (stream.next, stream.stamp_nanos(stream.next));
            stream.next += 1;
            let time = secs(stamp_nanos);
            let motion = self.tour.at(time);
            let reading = match which {
                0 => Reading::Truth(motion),
                1 => Reading::Imu(self.imu.read(&motion, stamp_nanos)),
                2 => Reading::Wheels(Box::new(self.wheels.read(&self.tour, time))),
                _ if is_dropped(&self.options, self.seed, number) => continue,
                _ => Reading::Pictures(self.cameras.shoot(time, &motion, number as u64)),
            };
            return Some((stamp_nanos, reading));
        }
    }
}

fn frame(stamp_nanos: i64, pictures: Pictures, rig: &Rig) -> Frame {
    let (width, height) = (rig.camera.width, rig.camera.height);
    let gray_image = |bytes| GrayImage::from_raw(width, height, bytes).unwrap_or_default();
    let (images, color) = match pictures {
        Pictures::Stereo { left, right } => (Images::Stereo { left: gray_image(left), right: gray_image(right) }, None),
        Pictures::Mono { gray } => (Images::Mono { gray: gray_image(gray) }, None),
        Pictures::Rgbd { color, depth_mm } => {
            let color = RgbImage::from_raw(width, height, color).unwrap_or_default();
            let metres = depth_mm.into_iter().map(|word| depth_from_word(word, 0.001)).collect();
            let depth = DepthImage::from_raw(width, height, metres).unwrap_or_default();
            (Images::Rgbd { gray: gray_from_rgb(&color), depth }, Some(color))
        }
    };
    Frame { stamp_nanos, images, color }
}
