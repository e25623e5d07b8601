//! The sliding window: the last keyframes and the landmarks that they see.

use super::marginal_prior::MarginalPrior;
use super::motion::Motion;
use super::noise::PixelNoise;
use super::offset::DisparityOffset;
use super::{CalibrationOptions, KeyframeId};
use crate::frontend::{FrontendOptions, Sighting, measuring_baseline_m};
use crate::geometry::{PinholeCamera, Se3};
use crate::sensors::{Depth, Frame, Rig};
use nalgebra::{Matrix6, Point3, Vector2, Vector3};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Number of a landmark, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LandmarkId(pub u64);

/// A feature with its landmark, in one frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Track {
    pub id: LandmarkId,
    /// Where it is (px).
    pub px: Vector2<f64>,
    /// Column in the (virtual) right image (px).
    pub px_right_x: Option<f64>,
}

/// A keyframe as the window knows it.
#[derive(Debug, Clone)]
pub(super) struct WindowKeyframe {
    pub id: KeyframeId,
    pub stamp_nanos: i64,
    /// Camera coordinates into the odometry's world.
    pub t_odom_camera: Se3,
    /// Motion of the base since the keyframe before, as wheels and gyroscope tell.
    pub measured: Option<Motion>,
    /// Covariance of what errs anew in the base's motion since the keyframe before, in its own frame, as it was told when this
    /// keyframe was the newest; zero without one before.
    pub by_chance: Matrix6<f64>,
    /// Its images, to find the way back by.
    pub frame: Arc<Frame>,
}

/// A landmark seen in a keyframe.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Observation {
    pub keyframe: KeyframeId,
    pub px: Vector2<f64>,
    pub px_right_x: Option<f64>,
}

/// An inverse depth in the host keyframe (1/m).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct InverseDepth {
    pub value: f64,
    /// Standard deviation, poses given.
    pub sigma: f64,
}

/// A landmark: the ray of an observation, its host, and how far along it.
#[derive(Debug, Clone)]
pub(super) struct Landmark {
    /// Which of the observations is the host.
    pub host: usize,
    /// Known once a right column was seen or parallax has told.
    pub inverse_depth: Option<InverseDepth>,
    /// In order of time; never empty.
    pub observations: Vec<Observation>,
}

impl Landmark {
    pub(super) fn host(&self) -> &Observation {
        &self.observations[self.host]
    }
}

/// Depth (m) of the middle of a scene of which nothing is known.
const MIDDLE_M: f64 = 3.0;

/// A depth is told if its standard deviation is at most this share of it.
const TOLD_SHARE: f64 = 0.1;

impl InverseDepth {
    fn is_told(&self) -> bool {
        self.sigma <= TOLD_SHARE * self.value
    }
}

/// Landmarks farther than this (m) are not told from ones at infinity.
const FARTHEST_M: f64 = 1e4;

/// The last keyframes, oldest first, and their landmarks.
#[derive(Debug)]
pub(super) struct Window {
    pub camera: PinholeCamera,
    pub t_base_camera: Se3,
    /// Whether the images tell depths; else they come from the motion alone.
    pub sees_depth: bool,
    /// To the (virtual) right camera.
    pub baseline_m: f64,
    pub sigma_px: f64,
    /// How much pixels err, in parts of `sigma_px`.
    pub noise: PixelNoise,
    /// What disparities err in common.
    pub offset: DisparityOffset,
    pub keyframes: VecDeque<WindowKeyframe>,
    pub landmarks: BTreeMap<LandmarkId, Landmark>,
    /// What keyframes that left told of these.
    pub marginal_priors: Vec<MarginalPrior>,
}

impl Window {
    pub(super) fn new(rig: &Rig, options: &FrontendOptions, calibration: &CalibrationOptions) -> Self {
        Self {
            camera: rig.camera,
            t_base_camera: rig.t_base_camera,
            sees_depth: rig.depth != Depth::None,
            baseline_m: measuring_baseline_m(rig, options),
            sigma_px: options.sigma_px,
            noise: PixelNoise::new(options.sigma_px, calibration.common_sigma_px),
            offset: DisparityOffset::new(calibration.offset_sigma_px(rig.depth, options)),
            keyframes: VecDeque::new(),
            landmarks: BTreeMap::new(),
            marginal_priors: Vec::new(),
        }
    }

    /// A window of the same cameras that holds nothing.
    pub(super) fn emptied(&self) -> Self {
        Self { keyframes: VecDeque::new(), landmarks: BTreeMap::new(), marginal_priors: Vec::new(), ..*self }
    }

    /// How many landmarks of known depth each keyframe tells something of.
    pub(super) fn seen_counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.keyframes.len()];
        for landmark in
            self.landmarks.values().filter(|mark| mark.inverse_depth.is_some() && mark.observations.len() > 1)
        {
            for (place, seen) in landmark.observations.iter().enumerate() {
                if let (Some(index), true) =
                    (self.index(seen.keyframe), place != landmark.host || seen.px_right_x.is_some())
                {
                    counts[index] += 1;
                }
            }
        }
        counts
    }

    /// Place of a keyframe in the window.
    pub(super) fn index(&self, id: KeyframeId) -> Option<usize> {
        self.keyframes.binary_search_by_key(&id, |keyframe| keyframe.id).ok()
    }

    fn pose(&self, id: KeyframeId) -> Option<&Se3> {
        self.index(id).map(|index| &self.keyframes[index].t_odom_camera)
    }

    /// The inverse depth (1/m) that a disparity tells.
    pub(super) fn inverse_depth(&self, px: &Vector2<f64>, px_right_x: f64) -> InverseDepth {
        let span = self.camera.fx * self.baseline_m;
        let value = ((px.x - px_right_x) / span).max(1.0 / FARTHEST_M);
        InverseDepth { value, sigma: self.sigma_px * std::f64::consts::SQRT_2 / span }
    }

    /// The inverse depth (1/m) that stands for one of which nothing is known: that of the scene's middle, for a single camera,
    /// whose virtual pair is wide enough for any. `None` where the images tell depths.
    ///
    /// # Source
    /// Civera, Davison, Montiel, *Inverse depth parametrization for monocular SLAM* (2008): a new feature serves at once, as a
    /// direction.
    pub(super) fn inverse_depth_unseen(&self) -> Option<f64> {
        if self.sees_depth {
            return None;
        }
        let mut known: Vec<f64> = self.told_depths().map(|depth| depth.value).collect();
        known.sort_by(f64::total_cmp);
        Some(known.get(known.len() / 2).copied().unwrap_or(1.0 / MIDDLE_M))
    }

    /// Inverse depths that are told to a fraction.
    fn told_depths(&self) -> impl Iterator<Item = InverseDepth> {
        self.landmarks.values().filter_map(|landmark| landmark.inverse_depth).filter(|depth| depth.is_told())
    }

    /// Pixels of a keyframe with their depths (m), where these are told to a fraction.
    pub(super) fn depths_of(&self, keyframe: KeyframeId) -> Vec<(Vector2<f64>, f64)> {
        let Some(pose) = self.pose(keyframe) else { return Vec::new() };
        let t_camera_odom = pose.inverse();
        let told =
            self.landmarks.iter().filter(|(_, landmark)| landmark.inverse_depth.is_some_and(|depth| depth.is_told()));
        told.filter_map(|(&id, landmark)| {
            let seen = landmark.observations.iter().find(|seen| seen.keyframe == keyframe)?;
            let depth_m = (t_camera_odom * self.position(id)?.0).z;
            (depth_m > 0.01).then_some((seen.px, depth_m))
        })
        .collect()
    }

    /// A landmark in the odometry's world, and how it moves with one standard deviation of its depth (m).
    pub(super) fn position(&self, id: LandmarkId) -> Option<(Point3<f64>, Vector3<f64>)> {
        let landmark = self.landmarks.get(&id)?;
        let depth = landmark.inverse_depth?;
        let t_odom_host = self.pose(landmark.host().keyframe)?;
        let ray = self.camera.ray(&landmark.host().px);
        let spread = t_odom_host.rotation * ray * (-depth.sigma / (depth.value * depth.value));
        Some((t_odom_host * Point3::from(ray / depth.value), spread))
    }

    /// The depth (m) by which the landmarks tell distances: the mean of theirs, each weighted by the information that its
    /// pixels have of a translation, which goes with the inverse square. 0 without landmarks.
    pub(super) fn depth_m(&self) -> f64 {
        let known = || self.landmarks.values().filter_map(|landmark| landmark.inverse_depth);
        let information: f64 = known().map(|depth| depth.value * depth.value).sum();
        known().map(|depth| depth.value).sum::<f64>() / information.max(f64::MIN_POSITIVE)
    }

    /// The landmarks of known depth that a keyframe saw, where it saw them.
    pub(super) fn tracks_of(&self, keyframe: KeyframeId) -> Vec<Track> {
        let known = self.landmarks.iter().filter(|(_, landmark)| landmark.inverse_depth.is_some());
        known
            .filter_map(|(&id, landmark)| {
                let seen = landmark.observations.iter().find(|seen| seen.keyframe == keyframe)?;
                Some(Track { id, px: seen.px, px_right_x: seen.px_right_x })
            })
            .collect()
    }

    /// A track as the pose estimation needs it; `None` while its depth is unknown.
    pub(super) fn sighting(&self, track: &Track) -> Option<Sighting> {
        let (p_world, spread_world) = self.position(track.id)?;
        Some(Sighting { p_world, spread_world, px: track.px, px_right_x: track.px_right_x })
    }

    /// Where a camera should see a track: its pixel and, with its depth, its right column (px). `None` behind it.
    pub(super) fn expectation(&self, track: &Track, t_odom_camera: &Se3) -> Option<(Vector2<f64>, Option<f64>)> {
        if let Some((p_odom, _)) = self.position(track.id) {
            let p_camera = t_odom_camera.inverse() * p_odom;
            if p_camera.z < 0.01 {
                return None;
            }
            let px = self.camera.project(&p_camera);
            return Some((px, Some(px.x - self.camera.fx * self.baseline_m / p_camera.z)));
        }
        // Far enough for the rotation alone: the translation's part is left to the tracker.
        let landmark = self.landmarks.get(&track.id)?;
        let newest = landmark.observations.last()?;
        let rotation = t_odom_camera.rotation.inverse() * self.pose(newest.keyframe)?.rotation;
        let ray = rotation * self.camera.ray(&newest.px);
        (ray.z > 0.01).then(|| (self.camera.project(&Point3::from(ray)), None))
    }

    /// Appends a keyframe with what it sees.
    pub(super) fn push(&mut self, keyframe: WindowKeyframe, tracks: &[Track]) {
        let id = keyframe.id;
        self.keyframes.push_back(keyframe);
        for track in tracks {
            let observation = Observation { keyframe: id, px: track.px, px_right_x: track.px_right_x };
            let seen_depth = track.px_right_x.map(|column| self.inverse_depth(&track.px, column));
            let landmark = self.landmarks.entry(track.id).or_insert_with(|| Landmark {
                host: 0,
                inverse_depth: None,
                observations: Vec::new(),
            });
            landmark.observations.push(observation);
            if landmark.inverse_depth.is_none() && seen_depth.is_some() {
                landmark.host = landmark.observations.len() - 1;
                landmark.inverse_depth = seen_depth;
            }
        }
    }

    /// Moves the window as a whole: by what carries the world as it was into the one that is.
    pub(super) fn carry(&mut self, t_new_old: &Se3) {
        self.keyframes.iter_mut().for_each(|keyframe| keyframe.t_odom_camera = t_new_old * keyframe.t_odom_camera);
        self.marginal_priors.iter_mut().for_each(|prior| prior.carry(t_new_old));
    }

    /// Takes the oldest keyframe out. Landmarks that it hosted move to the next keyframe that sees them.
    pub(super) fn drop_oldest(&mut self) {
        let Some(oldest) = self.keyframes.front().map(|keyframe| keyframe.id) else { return };
        let ids: Vec<LandmarkId> = self.landmarks.keys().copied().collect();
        for id in ids {
            let position = self.position(id);
            if !self.forget(id, oldest, position) {
                self.landmarks.remove(&id);
            }
        }
        self.keyframes.pop_front();
        if let Some(first) = self.keyframes.front_mut() {
            first.measured = None;
        }
    }

    /// Takes a keyframe's observation from a landmark; says whether the landmark lives on.
    fn forget(&mut self, id: LandmarkId, oldest: KeyframeId, position: Option<(Point3<f64>, Vector3<f64>)>) -> bool {
        let newest = self.keyframes.back().map(|keyframe| keyframe.id);
        // What a single camera knows of any depth moves on with the host, so that a depth that no motion has told stays one.
        let (sees_depth, span) = (self.sees_depth, self.camera.fx * self.baseline_m);
        let poses: Vec<(KeyframeId, Se3)> =
            self.keyframes.iter().map(|keyframe| (keyframe.id, keyframe.t_odom_camera)).collect();
        let Some(landmark) = self.landmarks.get_mut(&id) else { return false };
        if landmark.observations[0].keyframe == oldest {
            landmark.observations.remove(0);
            if landmark.host > 0 {
                landmark.host -= 1;
            } else if let (Some((p_odom, _)), Some(next)) = (position, landmark.observations.first()) {
                let pose = poses.iter().find(|(id, _)| *id == next.keyframe);
                let Some((_, t_odom_camera)) = pose else { return false };
                let depth_m = (t_odom_camera.inverse() * p_odom).z;
                if depth_m < 0.01 {
                    return false;
                }
                if let Some(depth) = &mut landmark.inverse_depth {
                    depth.value = 1.0 / depth_m;
                    if !sees_depth {
                        let host = &mut landmark.observations[0];
                        host.px_right_x = Some(host.px.x - span / depth_m);
                    }
                }
            }
        }
        // One observation that nothing follows any more tells nothing of any pose.
        match landmark.observations.as_slice() {
            [] => false,
            [only] => Some(only.keyframe) == newest,
            _ => true,
        }
    }

    /// Mean distance (px) between tracks and where the newest keyframe would have seen them, had it been turned like a
    /// camera at a pose: what the translation alone has moved. `None` if it saw none.
    pub(super) fn parallax_px(&self, tracks: &[Track], t_odom_camera: &Se3) -> Option<f64> {
        let newest = self.keyframes.back()?;
        let rotation = t_odom_camera.rotation.inverse() * newest.t_odom_camera.rotation;
        let moved: Vec<f64> = tracks
            .iter()
            .filter_map(|track| {
                let last = self.landmarks.get(&track.id)?.observations.last()?;
                let ray = rotation * self.camera.ray(&last.px);
                let seen = last.keyframe == newest.id && ray.z > 0.01;
                seen.then(|| (self.camera.project(&Point3::from(ray)) - track.px).norm())
            })
            .collect();
        (!moved.is_empty()).then(|| moved.iter().sum::<f64>() / moved.len() as f64)
    }
}
