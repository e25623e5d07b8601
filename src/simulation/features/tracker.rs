//! A tracker that knows the world: true pixels with the errors that real trackers have.

use super::camera::TrueCamera;
use super::{FeatureOptions, Landmarks, Sight};
use crate::frontend::{FrontendError, FrontendOptions, Tracker, measuring_baseline_m};
use crate::geometry::Se3;
use crate::sensors::{Frame, Rig};
use crate::simulation::random::{Random, mix};
use crate::simulation::timeline::secs;
use crate::simulation::tour::Tour;
use nalgebra::Vector2;
use std::collections::HashMap;
use std::sync::Arc;

/// What random numbers are drawn for; each has a stream of its own for each landmark and frame.
#[derive(Debug, Clone, Copy)]
enum Purpose {
    Following = 0,
    RightColumn = 1,
}

/// A feature that was given out.
#[derive(Debug, Clone, Copy)]
struct Followed {
    landmark: usize,
    /// How far it has slipped off its landmark (px).
    slip: Vector2<f64>,
}

/// Sees landmarks where they are, but for noise, slips, losses and mismatches. These depend on the seed, the frame and
/// the landmark alone: two odometries that ask for the same feature are told the same.
#[derive(Debug, Clone)]
pub struct FeatureTracker {
    landmarks: Arc<Landmarks>,
    tour: Arc<Tour>,
    camera: TrueCamera,
    options: FeatureOptions,
    feature_count: usize,
    baseline_m: f64,
    seed: u64,
    stamp_nanos: i64,
    t_world_base: Se3,
    /// What is behind each pixel that was given out for the frame, and for the anchor.
    given: HashMap<[u64; 2], Followed>,
    anchor: HashMap<[u64; 2], Followed>,
}

impl FeatureTracker {
    /// A tracker on a tour; `frontend` says how many features it keeps and how a depth camera measures.
    pub fn new(
        landmarks: Arc<Landmarks>,
        tour: Arc<Tour>,
        rig: &Rig,
        options: &FeatureOptions,
        frontend: &FrontendOptions,
        seed: u64,
    ) -> Self {
        Self {
            landmarks,
            tour,
            camera: TrueCamera::new(rig, options, seed),
            options: options.clone(),
            feature_count: frontend.feature_count,
            baseline_m: measuring_baseline_m(rig, frontend),
            seed,
            stamp_nanos: 0,
            t_world_base: Se3::identity(),
            given: HashMap::new(),
            anchor: HashMap::new(),
        }
    }

    fn random(&self, landmark: usize, purpose: Purpose) -> Random {
        Random::new(mix(self.seed, self.stamp_nanos as u64), 8 * landmark as u64 + purpose as u64)
    }

    fn sight(&self, landmark: usize) -> Option<Sight> {
        self.camera.sight(&self.landmarks, landmark, &self.t_world_base)
    }

    /// Where a landmark is found (px) by following it, or as a new feature if `slip` is `None`; with its slip from now on.
    fn found(&self, landmark: usize, slip: Option<Vector2<f64>>) -> Option<(Followed, Vector2<f64>)> {
        let sight = self.sight(landmark)?;
        let mut random = self.random(landmark, Purpose::Following);
        if random.chance(self.options.lost_share) {
            return None;
        }
        let mut spread = |size: f64| Vector2::new(size * random.normal(), size * random.normal());
        let (noise, step) = (spread(self.options.noise_px), spread(self.options.slip_px));
        let slip = slip.map_or_else(Vector2::zeros, |slip| slip + step);
        let wrong = if random.chance(self.options.mismatch_share) {
            Vector2::new(random.between(-1.0, 1.0), random.between(-1.0, 1.0)) * self.options.mismatch_px
        } else {
            Vector2::zeros()
        };
        Some((Followed { landmark, slip }, sight.px + slip + noise + wrong))
    }
}

/// A pixel as a key: the odometry hands pixels back exactly as they were given.
fn key(px: &Vector2<f64>) -> [u64; 2] {
    [px.x.to_bits(), px.y.to_bits()]
}

impl Tracker for FeatureTracker {
    fn take_up(&mut self, frame: &Arc<Frame>) -> Result<(), FrontendError> {
        self.stamp_nanos = frame.stamp_nanos;
        self.t_world_base = self.tour.at(secs(frame.stamp_nanos)).t_world_base;
        self.given.clear();
        Ok(())
    }

    fn follow(
        &mut self,
        px_anchor: &[Vector2<f64>],
        _px_predicted: &[Vector2<f64>],
        _within_px: f64,
    ) -> Result<Vec<Option<Vector2<f64>>>, FrontendError> {
        let mut reached = Vec::with_capacity(px_anchor.len());
        for px in px_anchor {
            let known = self.anchor.get(&key(px));
            let found = known.and_then(|known| self.found(known.landmark, Some(known.slip)));
            self.given.extend(found.map(|(followed, px)| (key(&px), followed)));
            reached.push(found.map(|(_, px)| px));
        }
        Ok(reached)
    }

    fn new_features(&mut self, px_taken: &[Vector2<f64>]) -> Result<Vec<Vector2<f64>>, FrontendError> {
        let missing = self.feature_count.saturating_sub(px_taken.len());
        let mut taken = vec![false; self.landmarks.count()];
        px_taken.iter().filter_map(|px| self.given.get(&key(px))).for_each(|known| taken[known.landmark] = true);
        let free = (0..taken.len()).filter(|&landmark| !taken[landmark]);
        let new: Vec<(Followed, Vector2<f64>)> =
            free.filter_map(|landmark| self.found(landmark, None)).take(missing).collect();
        self.given.extend(new.iter().map(|(followed, px)| (key(px), *followed)));
        Ok(new.into_iter().map(|(_, px)| px).collect())
    }

    fn right_columns(&mut self, px: &[Vector2<f64>], _expected_x: &[Option<f64>]) -> Vec<Option<f64>> {
        if self.camera.is_single() {
            return vec![None; px.len()];
        }
        let column = |px: &Vector2<f64>| {
            let landmark = self.given.get(&key(px))?.landmark;
            let disparity_px = self.camera.disparity_px(&self.sight(landmark)?, self.baseline_m);
            let mut random = self.random(landmark, Purpose::RightColumn);
            let noise = self.options.noise_px * random.normal();
            let mismatch = random.chance(self.options.mismatch_share);
            let wrong = if mismatch { random.between(-1.0, 1.0) * self.options.mismatch_px } else { 0.0 };
            // What is matched is what the left image shows at the pixel, slips included.
            Some(px.x - disparity_px + noise + wrong).filter(|x| *x >= 0.0)
        };
        px.iter().map(column).collect()
    }

    fn limit(&mut self, feature_count: usize, _pyramid_levels: usize) {
        self.feature_count = feature_count;
    }

    fn set_anchor(&mut self) {
        self.anchor = std::mem::take(&mut self.given);
    }

    fn return_to(&mut self, _older: &Arc<Frame>) -> Result<(), FrontendError> {
        self.anchor.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::FeatureSimulation;
    use super::*;
    use crate::sensors::SensorEvent;
    use crate::simulation::{Preset, Simulation, SimulationOptions};

    /// Pixels of the features of a robot at rest in its first frames, lost ones left out.
    fn seen_at_rest(options: &FeatureOptions, frames: usize) -> Vec<Vec<Option<Vector2<f64>>>> {
        let simulation = Simulation::new(&SimulationOptions::default(), 4, Preset::Stereo);
        let simulation = FeatureSimulation::new(&simulation, options);
        let mut tracker = simulation.tracker(&FrontendOptions::default());
        let mut seen: Vec<Vec<Option<Vector2<f64>>>> = Vec::new();
        let frame_of = |event| if let SensorEvent::Frame(frame) = event { Some(Arc::new(*frame)) } else { None };
        for frame in simulation.events().filter_map(frame_of).take(frames) {
            tracker.take_up(&frame).unwrap();
            let next = match seen.last() {
                None => tracker.new_features(&[]).unwrap().into_iter().map(Some).collect(),
                Some(last) => {
                    let anchor: Vec<Vector2<f64>> = last.iter().flatten().copied().collect();
                    let mut found = tracker.follow(&anchor, &anchor, 1.0).unwrap().into_iter();
                    last.iter().map(|px| px.and_then(|_| found.next().flatten())).collect()
                }
            };
            tracker.set_anchor();
            seen.push(next);
        }
        seen
    }

    #[test]
    fn errors_are_as_large_as_the_options_say() {
        let options = FeatureOptions { slip_px: 0.0, mismatch_share: 0.0, ..FeatureOptions::default() };
        let seen = seen_at_rest(&options, 2);
        assert!((100..=FrontendOptions::default().feature_count).contains(&seen[0].len()));
        let apart = |seen: &[Vec<Option<Vector2<f64>>>], last: usize| {
            let pairs =
                seen[0].iter().zip(&seen[last]).filter_map(|(a, b)| Some((a.as_ref()? - b.as_ref()?).norm_squared()));
            let squared: Vec<f64> = pairs.collect();
            (squared.iter().sum::<f64>() / (2.0 * squared.len() as f64)).sqrt()
        };
        // Twice the variance of one, in each coordinate.
        assert!((apart(&seen, 1) / (options.noise_px * 2f64.sqrt()) - 1.0).abs() < 0.15, "{}", apart(&seen, 1));
        let slipping = FeatureOptions { noise_px: 0.0, slip_px: 0.1, ..options.clone() };
        let slips = seen_at_rest(&slipping, 10);
        assert!((apart(&slips, 9) / 0.3 - 1.0).abs() < 0.2, "nine steps of a random walk: {}", apart(&slips, 9));
        let losing = FeatureOptions { lost_share: 0.1, ..options };
        let lost = seen_at_rest(&losing, 6);
        let left = lost[5].iter().flatten().count() as f64 / lost[0].len() as f64;
        assert!((left - 0.9f64.powi(5)).abs() < 0.1, "{left}");
    }

    #[test]
    fn the_same_features_are_told_the_same() {
        assert_eq!(seen_at_rest(&FeatureOptions::default(), 5), seen_at_rest(&FeatureOptions::default(), 5));
    }
}
