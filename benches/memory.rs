//! Whether the odometry's memory stays the same however long it runs: the resident size of this process, every five minutes of
//! a simulated tour of half an hour.
//!
//! `cargo bench --bench memory -- [--minutes N] [--images]`
//!
//! The tour is of features without images, which takes a minute; with `--images` it is rendered at 752 x 480 and 20 Hz, which
//! takes a third of the tour's time. Linux only.

#[path = "meter.rs"]
mod meter;

use halfslam::odometry::{Odometry, OdometryOptions};
use halfslam::precision::Policy;
use halfslam::sensors::SensorEvent;
use halfslam::simulation::features::{FeatureOptions, FeatureSimulation};
use halfslam::simulation::{Preset, Simulation, SimulationOptions};
use meter::resident_mb;
use std::sync::Arc;

type Failure = Box<dyn std::error::Error>;

/// Drives through and prints the size as it goes.
fn drive(mut odometry: Odometry, events: impl Iterator<Item = SensorEvent>) -> Result<(), Failure> {
    let (mut first_nanos, mut next_minute, mut lost, mut keyframes) = (None, 0, 0, 0);
    for event in events {
        match event {
            SensorEvent::Wheel(sample) => odometry.add_wheel(&sample),
            SensorEvent::Imu(sample) => odometry.add_imu(&sample),
            SensorEvent::Frame(frame) => {
                let start_nanos = *first_nanos.get_or_insert(frame.stamp_nanos);
                let estimate = odometry.track(&Arc::new(*frame));
                lost += u32::from(estimate.state == halfslam::odometry::TrackingState::Lost);
                keyframes += u32::from(estimate.keyframe.is_some());
                let minutes = (estimate.stamp_nanos - start_nanos) as f64 / 60e9;
                // The first minute fills the window and the allocator's pools.
                if minutes >= f64::from(next_minute) + 1.0 {
                    println!("  {minutes:5.1} min: {:6.1} MB, {keyframes} keyframes, {lost} lost", resident_mb());
                    next_minute += 5;
                }
            }
        }
    }
    Ok(())
}

fn main() -> Result<(), Failure> {
    let (mut minutes, mut images) = (30.0, false);
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--minutes" => minutes = arguments.next().ok_or("--minutes: a value is missing")?.parse()?,
            "--images" => images = true,
            _ => return Err(format!("{argument}: expected --minutes N or --images").into()),
        }
    }
    let (options, policy) = (OdometryOptions::default(), Policy::resolve("mixed")?);
    // Half a minute more than the last line needs.
    let duration_secs = 60.0 * minutes + 90.0;
    if images {
        let simulation = Simulation::new(&SimulationOptions { duration_secs, ..Default::default() }, 1, Preset::Stereo);
        let odometry = Odometry::new(&options, &simulation.rig(), &policy)?;
        println!("a rendered tour of {minutes} min");
        return drive(odometry, simulation.events());
    }
    let tour = SimulationOptions { duration_secs, frame_rate_hz: 10.0, ..Default::default() };
    let simulation = FeatureSimulation::new(&Simulation::new(&tour, 1, Preset::Stereo), &FeatureOptions::default());
    let tracker = Box::new(simulation.tracker(&options.frontend));
    let odometry = Odometry::with_tracker(&options, simulation.rig(), &policy, tracker)?;
    println!("a tour of {minutes} min without images");
    drive(odometry, simulation.events())
}
