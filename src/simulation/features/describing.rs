//! Keyframes described for the map, without images.

use super::camera::TrueCamera;
use super::{FeatureOptions, Landmarks};
use crate::geometry::Se3;
use crate::odometry::Keyframe;
use crate::place::{DescribedKeyframe, Feature};
use crate::sensors::Depth;
use crate::simulation::random::{Random, mix};
use nalgebra::{Point3, Vector2};

/// What a describer finds of a keyframe taken at a pose of the base: the landmarks in view, each with a random
/// descriptor of its own in which some bits differ from view to view, and its depth as the rig measures it.
pub(super) fn describe(
    keyframe: &Keyframe,
    t_world_base: &Se3,
    landmarks: &Landmarks,
    options: &FeatureOptions,
    feature_count: usize,
    seed: u64,
) -> DescribedKeyframe {
    let rig = &keyframe.rig;
    let true_camera = TrueCamera::new(rig, options, seed);
    let mut random = Random::new(mix(seed, keyframe.frame.stamp_nanos as u64), 5000);
    let mut features = Vec::new();
    for landmark in 0..landmarks.count() {
        if features.len() == feature_count {
            break;
        }
        let Some(sight) = true_camera.sight(landmarks, landmark, t_world_base) else { continue };
        let mut noise = || options.noise_px * random.normal();
        let px = sight.px + Vector2::new(noise(), noise());
        let depth_m = match rig.depth {
            Depth::Stereo { baseline_m } => {
                let disparity_px = true_camera.disparity_px(&sight, baseline_m) + noise();
                (disparity_px > 0.0).then(|| rig.camera.fx * baseline_m / disparity_px)
            }
            Depth::Image => Some(true_camera.told_depth_m(&sight)),
            Depth::None => None,
        };
        let descriptor = descriptor(seed, landmark, options, &mut random);
        let p_camera = depth_m.map(|depth_m| Point3::from(rig.camera.ray(&px) * depth_m));
        features.push(Feature { px, descriptor, p_camera, color: [descriptor[0], descriptor[1], descriptor[2]] });
    }
    DescribedKeyframe::new(keyframe, features)
}

/// The descriptor of a landmark, every bit flipped with the same small probability.
fn descriptor(seed: u64, landmark: usize, options: &FeatureOptions, random: &mut Random) -> [u8; 32] {
    let mut own = Random::new(mix(seed, landmark as u64), 6000);
    let flipped = options.descriptor_noise_bits as f64 / 256.0;
    std::array::from_fn(|_| {
        let byte = own.bits() as u8;
        (0..8).fold(byte, |byte, bit| if random.chance(flipped) { byte ^ (1 << bit) } else { byte })
    })
}
