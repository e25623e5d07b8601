//! Writing.

use super::LibmvFile;
use crate::bundle::RadialTangentialCamera;
use std::path::Path;

/// Writes a file.
///
/// # Errors
/// If it cannot be written.
pub fn write(path: &Path, file: &LibmvFile) -> std::io::Result<()> {
    std::fs::write(path, to_bytes(file))
}

/// The bytes of a file, in little endian, with the lens of the first camera. Numbers are rounded to single precision, which
/// is what the format has.
pub fn to_bytes(file: &LibmvFile) -> Vec<u8> {
    let bundle = &file.bundle;
    let mut bytes = vec![b'v', if file.normalized { b'N' } else { b'P' }];
    let lens = bundle.cameras.first().map_or([0.0; 8], lens);
    put_numbers(&mut bytes, &lens);
    put_integer(&mut bytes, bundle.cameras.len() as i32);
    for (image, camera) in file.images.iter().zip(&bundle.cameras) {
        put_integer(&mut bytes, *image);
        let t_camera_world = camera.t_world_camera.inverse();
        put_numbers(&mut bytes, t_camera_world.rotation.to_rotation_matrix().matrix().as_slice());
        put_numbers(&mut bytes, t_camera_world.translation.vector.as_slice());
    }
    put_integer(&mut bytes, bundle.points.len() as i32);
    for (track, point) in file.tracks.iter().zip(&bundle.points) {
        put_integer(&mut bytes, *track);
        put_numbers(&mut bytes, point.coords.as_slice());
    }
    put_integer(&mut bytes, bundle.observations.len() as i32);
    for seen in &bundle.observations {
        put_integer(&mut bytes, file.images[seen.camera]);
        put_integer(&mut bytes, file.tracks[seen.point]);
        put_numbers(&mut bytes, &seen.measured);
    }
    bytes
}

fn lens(camera: &RadialTangentialCamera) -> [f64; 8] {
    let ([cx, cy], [k1, k2, k3], [p1, p2]) = (camera.center_px, camera.radial, camera.tangential);
    [camera.focal_px, cx, cy, k1, k2, k3, p1, p2]
}

fn put_integer(bytes: &mut Vec<u8>, value: i32) {
    bytes.extend(value.to_le_bytes());
}

fn put_numbers(bytes: &mut Vec<u8>, values: &[f64]) {
    bytes.extend(values.iter().flat_map(|value| (*value as f32).to_le_bytes()));
}
