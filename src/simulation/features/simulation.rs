//! A whole tour without images.

use super::describing::describe;
use super::{FeatureOptions, FeatureTracker, Landmarks};
use crate::frontend::FrontendOptions;
use crate::geometry::{StampedPose, Trajectory};
use crate::odometry::Keyframe;
use crate::place::DescribedKeyframe;
use crate::sensors::{Frame, Images, Rig, SensorEvent, WheelSample};
use crate::simulation::timeline::{Stream, secs};
use crate::simulation::tour::Tour;
use crate::simulation::wheels::{WheelReading, Wheels};
use crate::simulation::{Simulation, SimulationOptions};
use image::GrayImage;
use std::sync::Arc;

/// A tour of which features are seen instead of images: what [`Simulation`] renders, thousands of times as fast.
#[derive(Debug, Clone)]
pub struct FeatureSimulation {
    options: SimulationOptions,
    features: FeatureOptions,
    seed: u64,
    rig: Rig,
    tour: Arc<Tour>,
    landmarks: Arc<Landmarks>,
}

impl FeatureSimulation {
    /// Scatters landmarks over the flat of a simulation, whose tour, rig, rates and wheels it keeps.
    pub fn new(simulation: &Simulation, features: &FeatureOptions) -> Self {
        let landmarks = Landmarks::new(simulation.flat(), features, simulation.seed());
        Self {
            options: simulation.options().clone(),
            features: features.clone(),
            seed: simulation.seed(),
            rig: simulation.rig(),
            tour: Arc::new(simulation.tour().clone()),
            landmarks: Arc::new(landmarks),
        }
    }

    /// The cameras.
    pub fn rig(&self) -> &Rig {
        &self.rig
    }

    /// A tracker for an odometry on this tour.
    pub fn tracker(&self, frontend: &FrontendOptions) -> FeatureTracker {
        let (landmarks, tour) = (self.landmarks.clone(), self.tour.clone());
        FeatureTracker::new(landmarks, tour, &self.rig, &self.features, frontend, self.seed)
    }

    /// The true poses of the base, one for each frame.
    pub fn truth(&self) -> Trajectory {
        let pose =
            |stamp_nanos| StampedPose { stamp_nanos, t_world_body: self.tour.at(secs(stamp_nanos)).t_world_base };
        Trajectory::from_poses(self.frame_stamps().map(pose).collect())
    }

    /// Frames (whose images are empty: [`Self::tracker`] sees for them) and wheel odometry in order of time.
    pub fn events(&self) -> impl Iterator<Item = SensorEvent> + '_ {
        let mut wheels = Wheels::new(&self.options, self.seed);
        let wheel_stream = Stream::new(self.options.wheel_rate_hz);
        let mut next_wheel = 0;
        self.frame_stamps().flat_map(move |stamp_nanos| {
            let mut events = Vec::new();
            while wheel_stream.stamp_nanos(next_wheel) <= stamp_nanos {
                let stamp_nanos = wheel_stream.stamp_nanos(next_wheel);
                let WheelReading { t_wheel_base, covariance, .. } = wheels.read(&self.tour, secs(stamp_nanos));
                events.push(SensorEvent::Wheel(WheelSample { stamp_nanos, t_wheel_base, covariance }));
                next_wheel += 1;
            }
            let images = Images::Stereo { left: GrayImage::new(0, 0), right: GrayImage::new(0, 0) };
            events.push(SensorEvent::Frame(Box::new(Frame { stamp_nanos, images, color: None })));
            events
        })
    }

    /// A keyframe of this tour as the loop closer needs it, with at most `feature_count` features.
    pub fn describe(&self, keyframe: &Keyframe, feature_count: usize) -> DescribedKeyframe {
        let t_world_base = self.tour.at(secs(keyframe.frame.stamp_nanos)).t_world_base;
        describe(keyframe, &t_world_base, &self.landmarks, &self.features, feature_count, self.seed)
    }

    fn frame_stamps(&self) -> impl Iterator<Item = i64> + use<> {
        let stream = Stream::new(self.options.frame_rate_hz);
        (0..stream.count(self.options.duration_secs)).map(move |index| stream.stamp_nanos(index))
    }
}
