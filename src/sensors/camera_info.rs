//! What `sensor_msgs/CameraInfo` says of a camera, whoever read the message.

use super::calibration::{Distortion, RawCamera};
use super::{Depth, Rectification, Rig, SensorError};
use crate::geometry::{PinholeCamera, Se3};
use nalgebra::{Matrix3, Rotation3, Translation3, UnitQuaternion, Vector3};

/// The calibration in a `sensor_msgs/CameraInfo`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CameraInfo {
    /// Width of the images (px).
    pub width: u32,
    /// Height of the images (px).
    pub height: u32,
    /// `plumb_bob`, `rational_polynomial` or `equidistant`.
    pub distortion_model: String,
    /// The model's parameters.
    pub d: Vec<f64>,
    /// Intrinsics of the raw images, row-major 3×3 (px).
    pub k: [f64; 9],
    /// Rotation of the raw camera into the rectified one, row-major 3×3; zeros where nothing is said.
    pub r: [f64; 9],
    /// Projection of the rectified images, row-major 3×4; in a pair's right camera `p[3] = -fx · baseline`.
    pub p: [f64; 12],
}

/// Baselines that cameras may have (m).
const BASELINES_M: std::ops::Range<f64> = 1e-4..10.0;

/// Which images there are beside the reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecondImage {
    /// The right one of a pair.
    Right,
    /// Depth.
    Depth,
    /// None.
    None,
}

/// The cameras of a rig as their messages tell them.
#[derive(Debug, Clone, Copy)]
pub struct CameraInfos<'a> {
    /// Whether the images still have their lens distortion.
    pub raw: bool,
    /// Of the (left) image.
    pub reference: &'a CameraInfo,
    /// Of the right image, or of depth images that a camera of its own took.
    pub second: Option<&'a CameraInfo>,
    /// Optical frame of the (left, raw) camera into the robot's base.
    pub t_base_reference: Se3,
    /// Optical frame of the second camera into the first one's, where transforms tell it.
    pub t_reference_second: Option<Se3>,
}

impl CameraInfo {
    /// The camera of rectified images: the projection, or the intrinsics where there is no projection.
    pub fn rectified(&self) -> PinholeCamera {
        let (p, width, height) = (&self.p, self.width, self.height);
        if p[0] > 0.0 {
            PinholeCamera { fx: p[0], fy: p[5], cx: p[2], cy: p[6], width, height }
        } else {
            self.pinhole()
        }
    }

    fn pinhole(&self) -> PinholeCamera {
        let (k, width, height) = (&self.k, self.width, self.height);
        PinholeCamera { fx: k[0], fy: k[4], cx: k[2], cy: k[5], width, height }
    }

    /// The camera of raw images.
    ///
    /// # Errors
    /// [`SensorError::Calibration`] for an unknown distortion model or a wrong number of parameters.
    pub fn raw(&self) -> Result<RawCamera, SensorError> {
        Ok(RawCamera { pinhole: self.pinhole(), distortion: Distortion::from_name(&self.distortion_model, &self.d)? })
    }

    fn rotation(&self) -> Rotation3<f64> {
        if self.r.iter().all(|v| *v == 0.0) {
            return Rotation3::identity();
        }
        Rotation3::from_matrix_unchecked(Matrix3::from_row_slice(&self.r))
    }

    /// Whether raw images differ from rectified ones.
    pub fn bends(&self) -> bool {
        (self.d.iter().any(|v| *v != 0.0) || self.rotation().angle() > 1e-6) && self.k[0] > 0.0
    }

    /// Distance (m) of this camera, the right one of a rectified pair, from the left one; `None` if its projection has none, or
    /// one of no camera's: millimetres, taken for metres.
    pub fn baseline_m(&self, left: &Self) -> Option<f64> {
        let baseline_m = (left.p[3] - self.p[3]) / self.rectified().fx;
        BASELINES_M.contains(&baseline_m).then_some(baseline_m)
    }

    /// The raw right camera's optical frame in that of the raw left one, as their rectification tells it.
    pub fn t_left_right(left: &Self, right: &Self) -> Option<Se3> {
        let baseline_m = right.baseline_m(left)?;
        let (r_left, r_right) = (left.rotation(), right.rotation());
        let turn = UnitQuaternion::from_rotation_matrix(&(r_left.inverse() * r_right));
        let offset = r_left.inverse() * Vector3::new(baseline_m, 0.0, 0.0);
        Some(Se3::from_parts(Translation3::from(offset), turn))
    }
}

impl CameraInfos<'_> {
    /// What makes frames of the images.
    ///
    /// A pair's baseline is that of the right projection; for raw images without one, that of the transforms. A depth image
    /// whose camera has a place of its own is moved to the pixels of the reference.
    ///
    /// # Errors
    /// [`SensorError::Calibration`] says what is missing or contradicts itself.
    pub fn rectification(&self, second: SecondImage) -> Result<Rectification, SensorError> {
        let Self { raw, reference, second: info, t_base_reference, t_reference_second } = *self;
        let single = |depth: Depth| {
            let camera = if raw { reference.raw()? } else { reference.rectified().into() };
            Rectification::single(&camera, depth, t_base_reference)
        };
        match second {
            SecondImage::None => single(Depth::None),
            SecondImage::Depth => match (info, t_reference_second) {
                (Some(info), Some(t_reference_depth)) => {
                    single(Depth::Image)?.with_depth_camera(&info.rectified(), &t_reference_depth)
                }
                _ => single(Depth::Image),
            },
            SecondImage::Right => {
                let info = info.ok_or_else(|| SensorError::Calibration("no camera_info of the right camera".into()))?;
                if raw {
                    let t_left_right = CameraInfo::t_left_right(reference, info).or(t_reference_second);
                    let t_left_right = t_left_right.ok_or_else(|| no_baseline(info))?;
                    return Rectification::stereo(&reference.raw()?, &info.raw()?, &t_left_right, &t_base_reference);
                }
                let baseline_m = info.baseline_m(reference).ok_or_else(|| no_baseline(info))?;
                let camera = reference.rectified();
                check_alike(&camera, &info.rectified())?;
                let depth = Depth::Stereo { baseline_m };
                Rectification::none(Rig { camera, depth, t_base_camera: t_base_reference })
            }
        }
    }
}

/// Why a right camera without a baseline does not serve.
pub(crate) fn no_baseline(right: &CameraInfo) -> SensorError {
    SensorError::Calibration(format!(
        "right camera_info: expected p[3] = -fx * baseline (m), of {} to {} m, found p[3] = {} and fx = {}; of raw images a transform \
         from left to right camera on /tf_static serves too",
        BASELINES_M.start,
        BASELINES_M.end,
        right.p[3],
        right.rectified().fx
    ))
}

/// Whether cameras are those of a rectified pair.
pub(crate) fn check_alike(left: &PinholeCamera, right: &PinholeCamera) -> Result<(), SensorError> {
    let alike = |a: f64, b: f64| (a - b).abs() <= 0.01 * a.abs().max(1.0);
    let sizes = (left.width, left.height) == (right.width, right.height);
    if sizes && alike(left.fx, right.fx) && alike(left.fy, right.fy) && alike(left.cy, right.cy) {
        return Ok(());
    }
    Err(SensorError::Calibration(format!(
        "left and right camera_info are not of a rectified pair: {left:?} and {right:?}; P must agree but for the baseline"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::se3;
    use nalgebra::Vector6;

    fn info(fx: f64, shift: f64) -> CameraInfo {
        let (cx, cy) = (375.5, 239.5);
        CameraInfo {
            width: 752,
            height: 480,
            distortion_model: "plumb_bob".into(),
            d: vec![0.0; 5],
            k: [fx, 0.0, cx, 0.0, fx, cy, 0.0, 0.0, 1.0],
            r: [0.0; 9],
            p: [fx, 0.0, cx, shift, 0.0, fx, cy, 0.0, 0.0, 0.0, 1.0, 0.0],
        }
    }

    fn of<'a>(raw: bool, reference: &'a CameraInfo, second: Option<&'a CameraInfo>) -> CameraInfos<'a> {
        CameraInfos { raw, reference, second, t_base_reference: Se3::identity(), t_reference_second: None }
    }

    #[test]
    fn a_rectified_pair_comes_back_and_what_is_none_is_refused() {
        let (left, right) = (info(400.0, 0.0), info(400.0, -44.0));
        let rig = *of(false, &left, Some(&right)).rectification(SecondImage::Right).unwrap().rig();
        assert_eq!(rig.camera, left.rectified());
        assert!(matches!(rig.depth, Depth::Stereo { baseline_m } if (baseline_m - 0.11).abs() < 1e-12));
        let refused = |infos: CameraInfos| infos.rectification(SecondImage::Right).unwrap_err().to_string();
        assert!(refused(of(false, &left, Some(&left))).contains("p[3] = 0"));
        let in_millimetres = info(400.0, -44_000.0);
        assert!(refused(of(false, &left, Some(&in_millimetres))).contains("0.0001 to 10 m, found p[3] = -44000"));
        assert!(
            refused(of(false, &left, Some(&CameraInfo { width: 640, ..right.clone() }))).contains("rectified pair")
        );
        assert!(refused(of(false, &left, None)).contains("right camera"));
        let odd = CameraInfo { distortion_model: "omni".into(), d: vec![0.1], ..right };
        assert!(refused(of(true, &left, Some(&odd))).contains("'omni'"));
    }

    #[test]
    fn a_raw_pair_without_projections_takes_its_baseline_from_the_transforms() {
        let no_projection = |fx| CameraInfo { p: [0.0; 12], d: vec![-0.1, 0.01, 0.0, 0.0], ..info(fx, 0.0) };
        let (left, right) = (no_projection(400.0), no_projection(402.0));
        let mut infos = of(true, &left, Some(&right));
        assert!(infos.rectification(SecondImage::Right).is_err());
        infos.t_reference_second = Some(se3::exp(&Vector6::new(0.1, 0.001, 0.0, 0.0, 0.01, 0.0)));
        let rig = *infos.rectification(SecondImage::Right).unwrap().rig();
        assert!(matches!(rig.depth, Depth::Stereo { baseline_m } if (baseline_m - 0.1).abs() < 1e-4), "{rig:?}");
    }

    #[test]
    fn depth_of_a_camera_of_its_own_is_registered() {
        let (color, depth) = (info(400.0, 0.0), CameraInfo { width: 640, ..info(380.0, 0.0) });
        let mut infos = of(false, &color, Some(&depth));
        infos.t_reference_second = Some(Se3::translation(-0.02, 0.0, 0.0));
        let rectification = infos.rectification(SecondImage::Depth).unwrap();
        let image = super::super::DepthImage::from_pixel(640, 480, image::Luma([2.0]));
        let gray = super::super::Picture::Gray(image::GrayImage::new(752, 480));
        let frame = rectification.frame(0, gray, super::super::Second::Depth(image)).unwrap();
        let super::super::Images::Rgbd { depth, .. } = frame.images else { panic!() };
        assert_eq!(depth.dimensions(), (752, 480));
        assert_eq!(depth.get_pixel(376, 240).0, [2.0]);
    }
}
