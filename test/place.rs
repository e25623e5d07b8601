//! Places: what the describer finds in rendered and real images, and which real pairs are taken for one place.

use halfslam::geometry::{PinholeCamera, Se3};
use halfslam::io::sources::{self, SourceOptions};
use halfslam::map::{KeyframeMaker, KeyframeMakerOptions, LoopCloser, MapOptions};
use halfslam::odometry::{Keyframe, KeyframeId};
use halfslam::place::{DescribedKeyframe, Describer, PlaceOptions, VerificationOptions, Verifier, View};
use halfslam::precision::Policy;
use halfslam::sensors::{Depth, DepthImage, Frame, Images, Rig, SensorEvent};
use image::{GrayImage, Luma};
use nalgebra::Matrix6;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use std::path::PathBuf;
use std::sync::Arc;

const CAMERA: PinholeCamera = PinholeCamera { fx: 400.0, fy: 400.0, cx: 375.5, cy: 239.5, width: 752, height: 480 };
const BASELINE_M: f64 = 0.12;
/// Distance of the wall that the rendered images show.
const WALL_M: f64 = 3.0;

/// A wall of grey squares of random size and place: corners everywhere, no period.
fn wall() -> GrayImage {
    let mut random = Pcg64Mcg::seed_from_u64(9);
    let mut image = GrayImage::from_pixel(900, 480, Luma([120]));
    for _ in 0..2500 {
        let (x, y) = (random.random_range(0..900u32), random.random_range(0..480u32));
        let (width, height) = (random.random_range(4..30u32), random.random_range(4..30u32));
        let shade = random.random_range(20..235u8);
        for (px, py) in (x..(x + width).min(900)).flat_map(|px| (y..(y + height).min(480)).map(move |py| (px, py))) {
            image.put_pixel(px, py, Luma([shade]));
        }
    }
    image
}

/// The wall as the camera sees it from `shift_px` further right; 16 px are what a disparity of 16 px means.
fn seen(wall: &GrayImage, shift_px: u32) -> GrayImage {
    image::imageops::crop_imm(wall, shift_px, 0, CAMERA.width, CAMERA.height).to_image()
}

fn keyframe(images: Images, depth: Depth) -> Keyframe {
    Keyframe {
        id: KeyframeId(0),
        t_odom_base: Se3::identity(),
        t_previous_base: None,
        covariance: Matrix6::zeros(),
        frame: Arc::new(Frame { stamp_nanos: 1, images, color: None }),
        rig: Rig { camera: CAMERA, depth, t_base_camera: Rig::optical_looking_ahead() },
        depths: Vec::new(),
    }
}

fn describe(images: Images, depth: Depth) -> DescribedKeyframe {
    Describer::new(&PlaceOptions::default()).describe(&keyframe(images, depth))
}

#[test]
fn stereo_and_depth_images_give_the_same_points() {
    let wall = wall();
    let disparity_px = CAMERA.fx * BASELINE_M / WALL_M;
    let (left, right) = (seen(&wall, 20), seen(&wall, 20 + disparity_px as u32));
    let stereo = describe(Images::Stereo { left: left.clone(), right }, Depth::Stereo { baseline_m: BASELINE_M });
    let depth = DepthImage::from_pixel(CAMERA.width, CAMERA.height, Luma([WALL_M as f32]));
    let rgbd = describe(Images::Rgbd { gray: left.clone(), depth }, Depth::Image);
    let mono = describe(Images::Mono { gray: left }, Depth::None);
    for (name, described, fraction) in [("stereo", &stereo, 0.7), ("rgbd", &rgbd, 0.99)] {
        assert!(described.features.len() > 700, "{name}: {} features", described.features.len());
        let points: Vec<_> =
            described.features.iter().filter_map(|feature| Some((feature.px, feature.p_camera?))).collect();
        assert!(points.len() as f64 > fraction * described.features.len() as f64, "{name}: {} points", points.len());
        let near =
            points.iter().filter(|(px, p)| (p.z - WALL_M).abs() < 0.05 && (CAMERA.project(p) - px).norm() < 1e-6);
        let near = near.count();
        assert!(near as f64 > 0.97 * points.len() as f64, "{name}: {near} of {} points on the wall", points.len());
    }
    assert!(mono.features.iter().all(|feature| feature.p_camera.is_none()));
    let looks = |described: &DescribedKeyframe| described.features.iter().map(|f| f.descriptor).collect::<Vec<_>>();
    assert_eq!(looks(&mono), looks(&stereo));
}

#[test]
fn features_cover_the_image() {
    let described = describe(Images::Mono { gray: seen(&wall(), 0) }, Depth::None);
    let mut cells = [0; 48];
    for feature in &described.features {
        cells[(feature.px.x / 94.0) as usize + 8 * (feature.px.y / 80.0) as usize] += 1;
    }
    // ORB keeps 31 px off the border, hence the fewer in the outer cells.
    assert!(cells.iter().all(|count| (1..40).contains(count)), "{cells:?}");
}

#[test]
fn an_image_without_anything_gives_no_features() {
    assert!(describe(Images::Mono { gray: GrayImage::new(752, 480) }, Depth::None).features.is_empty());
    assert!(describe(Images::Mono { gray: GrayImage::new(8, 8) }, Depth::None).features.is_empty());
    let (left, right) = (seen(&wall(), 0), GrayImage::new(20, 20));
    let broken = describe(Images::Stereo { left, right }, Depth::Stereo { baseline_m: BASELINE_M });
    assert!(broken.features.iter().all(|feature| feature.p_camera.is_none()), "a pair of unequal size has no depth");
}

#[test]
fn a_sideways_step_is_measured() {
    let wall = wall();
    let depth = || DepthImage::from_pixel(CAMERA.width, CAMERA.height, Luma([WALL_M as f32]));
    let at = |shift| View::new(&describe(Images::Rgbd { gray: seen(&wall, shift), depth: depth() }, Depth::Image));
    let found = Verifier::new(&VerificationOptions::default()).verify(&at(0), &at(60)).expect("the same wall");
    // To the right of the camera is -y of the base.
    let expected = Se3::translation(0.0, -60.0 * WALL_M / CAMERA.fx, 0.0);
    let e = expected.inverse() * found.t_from_to;
    assert!(e.translation.vector.norm() < 0.02 && e.rotation.angle() < 0.01, "{e:?}");
    assert!(found.covariance.symmetric_eigenvalues().min() > 0.0);
}

/// The folder of real data, if there is one.
fn data(part: &str) -> Option<PathBuf> {
    let root = std::env::var_os("HALFSLAM_DATA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data"), PathBuf::from);
    let folder = root.join(part);
    if !folder.is_dir() {
        println!("skipped: {} is missing", folder.display());
    }
    folder.is_dir().then_some(folder)
}

#[test]
fn real_loops_are_found_and_none_is_false() {
    let Some(folder) = data("sequences/7scenes_1000_rgbd") else { return };
    // The page's focal length is that of the depth camera; features are found by the other one.
    let options = SourceOptions { camera_file: "7scenes".into(), ..SourceOptions::default() };
    let recording = sources::open(&folder, &options).expect("7-Scenes");
    let truth = recording.truth.expect("7-Scenes has poses");
    let options = KeyframeMakerOptions { distance_m: 0.1, rotation_deg: 8.0 };
    let mut maker = KeyframeMaker::new(&options, &recording.rig);
    let mut describer = Describer::new(&PlaceOptions::default());
    let mut closer = LoopCloser::new(&MapOptions::default(), &Policy::resolve("mixed").expect("known"));
    let mut t_world_base = Vec::new();
    for event in recording.events {
        let SensorEvent::Frame(frame) = event.expect("good files") else { continue };
        let Some(pose) = truth.at(frame.stamp_nanos) else { continue };
        if let Some(keyframe) = maker.offer(Arc::from(frame), &pose, &Matrix6::zeros()) {
            t_world_base.push(pose);
            closer.add(describer.describe(&keyframe)).expect("good keyframes");
        }
    }
    assert!(closer.loops().len() >= 5, "{} loops", closer.loops().len());
    for found in closer.loops() {
        let e = (t_world_base[found.from_node].inverse() * t_world_base[found.to_node]).inverse() * found.t_from_to;
        assert!(e.translation.vector.norm() < 0.3 && e.rotation.angle() < 10f64.to_radians(), "{found:?}: {e:?}");
    }
    assert!(closer.cloud().len() > 1000);
}
