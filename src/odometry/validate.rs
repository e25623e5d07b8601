//! What cameras must be, said before anything is computed.

use super::OdometryError;
use crate::sensors::{Depth, Rig};

/// Checks the numbers of a rig.
///
/// # Errors
/// [`OdometryError::Rig`] says what was expected and what was found.
pub(super) fn validate(rig: &Rig) -> Result<(), OdometryError> {
    let camera = &rig.camera;
    let numbers = [camera.fx, camera.fy, camera.cx, camera.cy];
    let usable = camera.fx > 0.0 && camera.fy > 0.0 && numbers.iter().all(|value| value.is_finite());
    if !usable || camera.width == 0 || camera.height == 0 {
        return Err(OdometryError::Rig {
            expected: "a camera with a focal length and pixels",
            found: format!("{camera:?}"),
        });
    }
    match rig.depth {
        Depth::Stereo { baseline_m } if !(baseline_m.is_finite() && baseline_m > 0.0) => {
            Err(OdometryError::Rig { expected: "a baseline above 0 m", found: format!("{baseline_m} m") })
        }
        _ => Ok(()),
    }
}
