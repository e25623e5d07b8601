//! Points that are drawn where a lens shows them come to lie where a pinhole shows them.

use super::*;
use crate::geometry::{PinholeCamera, se3};
use image::{GrayImage, Luma};
use nalgebra::{Point3, Vector2};

const WIDTH: u32 = 320;
const HEIGHT: u32 = 240;
/// A centroid on 8-bit pixels is good to some hundredths of a pixel.
const TOLERANCE_PX: f64 = 0.1;

fn raw(focal: f64, cx: f64, distortion: Distortion) -> RawCamera {
    let pinhole = PinholeCamera { fx: focal, fy: focal * 1.01, cx, cy: 118.0, width: WIDTH, height: HEIGHT };
    RawCamera { pinhole, distortion }
}

/// The textbook formulas of both models.
fn distorted(camera: &RawCamera, p: &Point3<f64>) -> Vector2<f64> {
    let (x, y) = (p.x / p.z, p.y / p.z);
    let r2 = x * x + y * y;
    let (x, y) = match &camera.distortion {
        Distortion::None => (x, y),
        Distortion::RadialTangential(d) => {
            let radial = 1.0 + d[0] * r2 + d[1] * r2 * r2;
            (
                x * radial + 2.0 * d[2] * x * y + d[3] * (r2 + 2.0 * x * x),
                y * radial + d[2] * (r2 + 2.0 * y * y) + 2.0 * d[3] * x * y,
            )
        }
        Distortion::Equidistant(d) => {
            let r = r2.sqrt();
            let theta = r.atan();
            let t2 = theta * theta;
            let bent = theta * (1.0 + t2 * (d[0] + t2 * (d[1] + t2 * (d[2] + t2 * d[3]))));
            if r > 0.0 { (x * bent / r, y * bent / r) } else { (x, y) }
        }
    };
    camera.pinhole.project(&Point3::new(x, y, 1.0))
}

fn blob(center: Vector2<f64>) -> Picture {
    Picture::Gray(GrayImage::from_fn(WIDTH, HEIGHT, |x, y| {
        let distance = (Vector2::new(f64::from(x), f64::from(y)) - center).norm_squared();
        Luma([(250.0 * (-distance / 8.0).exp()) as u8])
    }))
}

fn centroid(image: &GrayImage) -> Vector2<f64> {
    let mut sum = Vector2::zeros();
    let mut weight = 0.0;
    for (x, y, pixel) in image.enumerate_pixels() {
        sum += Vector2::new(f64::from(x), f64::from(y)) * f64::from(pixel.0[0]);
        weight += f64::from(pixel.0[0]);
    }
    sum / weight
}

const POINTS: [[f64; 3]; 4] = [[0.1, -0.05, 2.0], [-0.5, 0.3, 2.2], [0.6, 0.25, 2.5], [-0.2, -0.45, 1.9]];

#[test]
fn raw_pairs_become_pinholes_with_common_rows() {
    let t_left_right = se3::exp(&nalgebra::Vector6::new(0.12, 0.003, -0.002, 0.01, -0.02, 0.015));
    let models = [
        (
            Distortion::RadialTangential(vec![-0.28, 0.07, 0.0002, 0.0001]),
            Distortion::RadialTangential(vec![-0.27, 0.06, -0.0001, 0.0]),
        ),
        (
            Distortion::Equidistant([0.01, -0.004, 0.002, -0.001]),
            Distortion::Equidistant([0.012, -0.003, 0.002, -0.001]),
        ),
    ];
    for (left, right) in models {
        let (left, right) = (raw(200.0, 160.0, left), raw(203.0, 157.0, right));
        let rectification = Rectification::stereo(&left, &right, &t_left_right, &Rig::optical_looking_ahead()).unwrap();
        let rig = *rectification.rig();
        let Depth::Stereo { baseline_m } = rig.depth else { panic!() };
        assert!((baseline_m - t_left_right.translation.vector.norm()).abs() < 1e-9);
        for p_left in POINTS.map(Point3::from) {
            let p_right = t_left_right.inverse() * p_left;
            let pictures = (blob(distorted(&left, &p_left)), blob(distorted(&right, &p_right)));
            let frame = rectification.frame(0, pictures.0, Second::Right(pictures.1)).unwrap();
            let Images::Stereo { left: seen_left, right: seen_right } = frame.images else { panic!() };
            // The rig's own frame, by way of the base.
            let p_rig = rig.t_base_camera.inverse() * (Rig::optical_looking_ahead() * p_left);
            let expected = rig.camera.project(&p_rig);
            let (found_left, found_right) = (centroid(&seen_left), centroid(&seen_right));
            assert!((found_left - expected).norm() < TOLERANCE_PX, "{found_left} for {expected}");
            let shifted = expected - Vector2::new(rig.camera.fx * baseline_m / p_rig.z, 0.0);
            assert!((found_right - shifted).norm() < TOLERANCE_PX, "{found_right} for {shifted}");
        }
    }
}

#[test]
fn colour_and_depth_are_undistorted_together() {
    let camera = raw(200.0, 160.0, Distortion::RadialTangential(vec![0.23, -0.4, -0.003, 0.0]));
    let rectification = Rectification::single(&camera, Depth::Image, Rig::optical_looking_ahead()).unwrap();
    let p = Point3::from(POINTS[1]);
    let px = distorted(&camera, &p);
    let depth = crate::sensors::DepthImage::from_fn(WIDTH, HEIGHT, |x, y| {
        let near = (Vector2::new(f64::from(x), f64::from(y)) - px).norm() < 4.0;
        Luma([if near { 2.2 } else { 0.0 }])
    });
    let frame = rectification.frame(7, blob(px), Second::Depth(depth)).unwrap();
    let Images::Rgbd { gray, depth } = frame.images else { panic!() };
    let expected = camera.pinhole.project(&p);
    assert!((centroid(&gray) - expected).norm() < TOLERANCE_PX);
    assert_eq!(depth.get_pixel(expected.x.round() as u32, expected.y.round() as u32).0, [2.2]);
    assert!(depth.as_raw().iter().all(|depth| *depth == 0.0 || *depth == 2.2));
}

#[test]
fn images_of_another_kind_or_size_are_refused() {
    let camera = raw(200.0, 160.0, Distortion::None);
    let rectification = Rectification::single(&camera, Depth::Image, Rig::optical_looking_ahead()).unwrap();
    let error = rectification.frame(0, blob(Vector2::zeros()), Second::None).unwrap_err().to_string();
    assert_eq!(error, "expected a depth image, found a single image");
    let small = Picture::Gray(GrayImage::new(4, 4));
    let error = rectification.frame(0, small, Second::None).unwrap_err().to_string();
    assert_eq!(error, "left image: expected 320x240 as the calibration says, found 4x4");
    let focal = raw(-1.0, 160.0, Distortion::None);
    let error = Rectification::single(&focal, Depth::None, Rig::optical_looking_ahead()).unwrap_err().to_string();
    assert_eq!(error, "calibration: fx: expected a positive focal length in pixels, found -1");
}
