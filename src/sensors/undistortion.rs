//! Lens distortion and stereo rectification, by OpenCV.

use super::calibration::{Distortion, RawCamera};
use super::{DepthImage, SensorError};
use crate::geometry::{PinholeCamera, Se3};
use image::{GrayImage, RgbImage};
use nalgebra::{Matrix3, Rotation3};
use opencv::core::{BORDER_CONSTANT, CV_16SC2, CV_32FC1, Mat, MatTraitConst, Scalar, Size, ToInputArray, Vec3b};
use opencv::prelude::MatTraitConstManual;
use opencv::{calib3d, imgproc};

/// The way of each pixel of a rectified image back into the raw one.
#[derive(Debug)]
pub(super) struct Undistortion {
    width: u32,
    height: u32,
    fixed: (Mat, Mat),
    floating: (Mat, Mat),
}

/// A rectified pair.
pub(super) struct RectifiedPair {
    /// Both cameras.
    pub camera: PinholeCamera,
    /// Their distance (m).
    pub baseline_m: f64,
    /// Left raw optical frame into the rectified one.
    pub r_rectified_left: Rotation3<f64>,
    /// Right raw optical frame into the rectified one.
    pub r_rectified_right: Rotation3<f64>,
}

fn stage(stage: &'static str) -> impl Fn(opencv::Error) -> SensorError {
    move |error| SensorError::OpenCv { stage, reason: error.to_string() }
}

fn mat_from_matrix3(matrix: &Matrix3<f64>) -> Result<Mat, opencv::Error> {
    // nalgebra stores columns, OpenCV rows.
    Mat::from_slice_2d(&[0, 1, 2].map(|row| [matrix[(row, 0)], matrix[(row, 1)], matrix[(row, 2)]]))
}

fn intrinsics(camera: &PinholeCamera) -> Result<Mat, opencv::Error> {
    mat_from_matrix3(&Matrix3::new(camera.fx, 0.0, camera.cx, 0.0, camera.fy, camera.cy, 0.0, 0.0, 1.0))
}

fn coefficients(distortion: &Distortion) -> Result<Mat, opencv::Error> {
    let numbers: &[f64] = match distortion {
        Distortion::None => &[0.0; 4],
        Distortion::RadialTangential(numbers) => numbers,
        Distortion::Equidistant(numbers) => numbers,
    };
    Mat::from_slice(numbers)?.try_clone()
}

fn rotation_from_mat(mat: &Mat) -> Result<Rotation3<f64>, opencv::Error> {
    let mut matrix = Matrix3::zeros();
    for row in 0..3 {
        for column in 0..3 {
            matrix[(row, column)] = *mat.at_2d::<f64>(row as i32, column as i32)?;
        }
    }
    Ok(Rotation3::from_matrix_unchecked(matrix))
}

impl Undistortion {
    /// Prepares the way from `raw`, turned by `r_rectified_raw`, to `rectified`.
    pub(super) fn new(
        raw: &RawCamera,
        r_rectified_raw: &Rotation3<f64>,
        rectified: &PinholeCamera,
    ) -> Result<Self, SensorError> {
        let build = || -> opencv::Result<Self> {
            let (k, d) = (intrinsics(&raw.pinhole)?, coefficients(&raw.distortion)?);
            let (r, p) = (mat_from_matrix3(r_rectified_raw.matrix())?, intrinsics(rectified)?);
            let size = Size::new(rectified.width as i32, rectified.height as i32);
            let mut floating = (Mat::default(), Mat::default());
            let (x, y) = (&mut floating.0, &mut floating.1);
            if let Distortion::Equidistant(_) = raw.distortion {
                calib3d::fisheye_init_undistort_rectify_map(&k, &d, &r, &p, size, CV_32FC1, x, y)?;
            } else {
                calib3d::init_undistort_rectify_map(&k, &d, &r, &p, size, CV_32FC1, x, y)?;
            }
            // Fixed-point maps remap 8-bit images about twice as fast.
            let mut fixed = (Mat::default(), Mat::default());
            imgproc::convert_maps(&floating.0, &floating.1, &mut fixed.0, &mut fixed.1, CV_16SC2, false)?;
            Ok(Self { width: rectified.width, height: rectified.height, fixed, floating })
        };
        build().map_err(stage("undistortion map"))
    }

    fn remap_bytes(&self, source: &impl ToInputArray) -> opencv::Result<Mat> {
        let mut target = Mat::default();
        let (x, y) = &self.fixed;
        imgproc::remap(source, &mut target, x, y, imgproc::INTER_LINEAR, BORDER_CONSTANT, Scalar::default())?;
        Ok(target)
    }

    /// The rectified image; black where the raw one has nothing.
    pub(super) fn gray(&self, image: &GrayImage) -> Result<GrayImage, SensorError> {
        let remap = || -> opencv::Result<Vec<u8>> {
            let source = Mat::new_rows_cols_with_data(image.height() as i32, image.width() as i32, image.as_raw())?;
            Ok(self.remap_bytes(&source)?.data_bytes()?.to_vec())
        };
        let data = remap().map_err(stage("rectification"))?;
        Ok(GrayImage::from_raw(self.width, self.height, data).unwrap_or_default())
    }

    /// The rectified image in colour.
    pub(super) fn color(&self, image: &RgbImage) -> Result<RgbImage, SensorError> {
        let remap = || -> opencv::Result<Vec<u8>> {
            let (rows, columns) = (image.height() as i32, image.width() as i32);
            let source = Mat::new_rows_cols_with_bytes::<Vec3b>(rows, columns, image.as_raw())?;
            Ok(self.remap_bytes(&source)?.data_bytes()?.to_vec())
        };
        let data = remap().map_err(stage("rectification"))?;
        Ok(RgbImage::from_raw(self.width, self.height, data).unwrap_or_default())
    }

    /// The rectified depth: the nearest pixel's, since depths of two surfaces have no mean.
    pub(super) fn depth(&self, image: &DepthImage) -> Result<DepthImage, SensorError> {
        let remap = || -> opencv::Result<Vec<f32>> {
            let source = Mat::new_rows_cols_with_data(image.height() as i32, image.width() as i32, image.as_raw())?;
            let mut target = Mat::default();
            let (x, y) = &self.floating;
            imgproc::remap(&source, &mut target, x, y, imgproc::INTER_NEAREST, BORDER_CONSTANT, Scalar::default())?;
            Ok(target.data_typed::<f32>()?.to_vec())
        };
        let data = remap().map_err(stage("rectification"))?;
        Ok(DepthImage::from_raw(self.width, self.height, data).unwrap_or_default())
    }
}

/// The common camera of a raw pair, such that a point has the same row in both; all its pixels are seen by both raw
/// cameras' lenses where the model allows.
pub(super) fn rectify_pair(
    left: &RawCamera,
    right: &RawCamera,
    t_left_right: &Se3,
) -> Result<RectifiedPair, SensorError> {
    let fisheye = |camera: &RawCamera| matches!(camera.distortion, Distortion::Equidistant(_));
    if fisheye(left) != fisheye(right) {
        let reason = "stereo: expected both cameras with one distortion model, found one equidistant only";
        return Err(SensorError::Calibration(reason.into()));
    }
    let (width, height) = (left.pinhole.width, left.pinhole.height);
    if (width, height) != (right.pinhole.width, right.pinhole.height) {
        let (found_width, found_height) = (right.pinhole.width, right.pinhole.height);
        let reason = format!("stereo: expected two images of {width}x{height}, found {found_width}x{found_height}");
        return Err(SensorError::Calibration(reason));
    }
    let t_right_left = t_left_right.inverse();
    let build = || -> opencv::Result<(Mat, Mat, Mat, Mat)> {
        let (k1, d1) = (intrinsics(&left.pinhole)?, coefficients(&left.distortion)?);
        let (k2, d2) = (intrinsics(&right.pinhole)?, coefficients(&right.distortion)?);
        let r = mat_from_matrix3(t_right_left.rotation.to_rotation_matrix().matrix())?;
        let t = Mat::from_slice_2d(&t_right_left.translation.vector.as_slice().chunks(1).collect::<Vec<_>>())?;
        let size = Size::new(width as i32, height as i32);
        let (mut r1, mut r2) = (Mat::default(), Mat::default());
        let (mut p1, mut p2, mut q) = (Mat::default(), Mat::default(), Mat::default());
        let (r1_, r2_, p1_, p2_, q_) = (&mut r1, &mut r2, &mut p1, &mut p2, &mut q);
        let zero_disparity = calib3d::CALIB_ZERO_DISPARITY;
        if fisheye(left) {
            calib3d::fisheye_stereo_rectify(
                &k1,
                &d1,
                &k2,
                &d2,
                size,
                &r,
                &t,
                r1_,
                r2_,
                p1_,
                p2_,
                q_,
                zero_disparity,
                size,
                0.0,
                1.0,
            )?;
        } else {
            calib3d::stereo_rectify(
                &k1,
                &d1,
                &k2,
                &d2,
                size,
                &r,
                &t,
                r1_,
                r2_,
                p1_,
                p2_,
                q_,
                zero_disparity,
                0.0,
                size,
                None,
                None,
            )?;
        }
        Ok((r1, r2, p1, p2))
    };
    let (r1, r2, p1, p2) = build().map_err(stage("stereo rectification"))?;
    let read = |mat: &Mat, row, column| mat.at_2d::<f64>(row, column).copied().map_err(stage("stereo rectification"));
    let camera = PinholeCamera {
        fx: read(&p1, 0, 0)?,
        fy: read(&p1, 1, 1)?,
        cx: read(&p1, 0, 2)?,
        cy: read(&p1, 1, 2)?,
        width,
        height,
    };
    let baseline_m = -read(&p2, 0, 3)? / camera.fx;
    if !(baseline_m > 0.0 && read(&p2, 1, 3)?.abs() < 1e-9) {
        let v = t_left_right.translation.vector;
        let reason = format!(
            "stereo: expected the right camera to the right of the left one (positive x), found it at \
             [{:.4}, {:.4}, {:.4}] m in the left one's optical frame",
            v.x, v.y, v.z
        );
        return Err(SensorError::Calibration(reason));
    }
    Ok(RectifiedPair {
        camera,
        baseline_m,
        r_rectified_left: rotation_from_mat(&r1).map_err(stage("stereo rectification"))?,
        r_rectified_right: rotation_from_mat(&r2).map_err(stage("stereo rectification"))?,
    })
}
