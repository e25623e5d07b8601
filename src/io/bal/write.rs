//! Writing.

use super::BalBundle;
use std::fmt::Write;
use std::path::Path;

/// Writes a file.
///
/// # Errors
/// If it cannot be written.
pub fn write(path: &Path, bundle: &BalBundle) -> std::io::Result<()> {
    std::fs::write(path, to_string(bundle))
}

/// The text of a file; every number comes back as it was, but for the rounding of rotations.
pub fn to_string(bundle: &BalBundle) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{} {} {}", bundle.cameras.len(), bundle.points.len(), bundle.observations.len());
    for seen in &bundle.observations {
        let _ = writeln!(text, "{} {} {:e} {:e}", seen.camera, seen.point, seen.measured[0], seen.measured[1]);
    }
    for camera in &bundle.cameras {
        let t_camera_world = camera.t_world_camera.inverse();
        let (rotation, translation) = (t_camera_world.rotation.scaled_axis(), t_camera_world.translation.vector);
        for value in rotation.iter().chain(translation.iter()).chain([&camera.focal_px]).chain(&camera.distortion) {
            let _ = writeln!(text, "{value:e}");
        }
    }
    for value in bundle.points.iter().flat_map(|point| point.iter()) {
        let _ = writeln!(text, "{value:e}");
    }
    text
}
