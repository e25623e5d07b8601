//! Calibrations of cameras as they come, before rectification.

use super::SensorError;
use crate::geometry::PinholeCamera;

/// How a lens departs from a pinhole.
#[derive(Debug, Clone, PartialEq)]
pub enum Distortion {
    /// Not at all.
    None,
    /// OpenCV's radial-tangential model in its order `k1 k2 p1 p2 [k3 [k4 k5 k6 [s1 s2 s3 s4 [τx τy]]]]`:
    /// 4, 5, 8, 12 or 14 numbers. ROS calls it `plumb_bob` or `rational_polynomial`, ASL `radtan`.
    RadialTangential(Vec<f64>),
    /// The fisheye model of Kannala and Brandt, `k1 k2 k3 k4`; ROS calls it `equidistant`.
    Equidistant([f64; 4]),
}

impl Distortion {
    /// The distortion of a model's name in ROS, ASL or OpenCV and its parameters. All zero is no distortion.
    ///
    /// # Errors
    /// [`SensorError::Calibration`] for an unknown model or a wrong number of parameters.
    pub fn from_name(model: &str, parameters: &[f64]) -> Result<Self, SensorError> {
        if parameters.iter().any(|parameter| !parameter.is_finite()) {
            return Err(SensorError::Calibration(format!("distortion: expected finite numbers, found {parameters:?}")));
        }
        if parameters.iter().all(|parameter| *parameter == 0.0) {
            return Ok(Self::None);
        }
        let wrong_count = |expected: &str| {
            let found = parameters.len();
            Err(SensorError::Calibration(format!("distortion '{model}': expected {expected} numbers, found {found}")))
        };
        match model {
            "radtan" | "radial-tangential" | "plumb_bob" | "rational_polynomial" | "opencv" | "" => {
                match parameters.len() {
                    4 | 5 | 8 | 12 | 14 => Ok(Self::RadialTangential(parameters.to_vec())),
                    _ => wrong_count("4, 5, 8, 12 or 14"),
                }
            }
            "equidistant" | "fisheye" | "kannala_brandt" => {
                <[f64; 4]>::try_from(parameters).map(Self::Equidistant).or_else(|_| wrong_count("4"))
            }
            "none" => Err(SensorError::Calibration(format!(
                "distortion model 'none' takes no numbers other than 0, found {parameters:?}"
            ))),
            _ => Err(SensorError::Calibration(format!(
                "unknown distortion model '{model}'; expected one of none, radtan (plumb_bob, rational_polynomial), \
                 equidistant"
            ))),
        }
    }
}

/// A camera as calibrated: intrinsics and lens distortion.
#[derive(Debug, Clone, PartialEq)]
pub struct RawCamera {
    /// Intrinsics and size of the raw image (px).
    pub pinhole: PinholeCamera,
    /// The lens.
    pub distortion: Distortion,
}

impl From<PinholeCamera> for RawCamera {
    fn from(pinhole: PinholeCamera) -> Self {
        Self { pinhole, distortion: Distortion::None }
    }
}

/// More pixels no camera has; the maps that take lens distortion off have an entry for each.
pub(super) const MOST_PIXELS: u64 = 1 << 26;

/// Checks that intrinsics make a camera: positive focal lengths and size, all finite.
///
/// # Errors
/// [`SensorError::Calibration`] says which number is wrong.
pub fn check_pinhole(camera: &PinholeCamera) -> Result<(), SensorError> {
    let refuse = |what: &str, expected: &str, found: f64| {
        Err(SensorError::Calibration(format!("{what}: expected {expected}, found {found}")))
    };
    for (what, focal) in [("fx", camera.fx), ("fy", camera.fy)] {
        if !(focal.is_finite() && focal > 0.0) {
            return refuse(what, "a positive focal length in pixels", focal);
        }
    }
    for (what, center) in [("cx", camera.cx), ("cy", camera.cy)] {
        if !center.is_finite() {
            return refuse(what, "a finite number of pixels", center);
        }
    }
    for (what, size) in [("width", camera.width), ("height", camera.height)] {
        if size == 0 || size > 1 << 15 {
            return refuse(what, "1 to 32768 pixels", f64::from(size));
        }
    }
    if u64::from(camera.width) * u64::from(camera.height) > MOST_PIXELS {
        let pixels = f64::from(camera.width) * f64::from(camera.height);
        return refuse("width x height", "at most 67108864 pixels", pixels);
    }
    Ok(())
}
