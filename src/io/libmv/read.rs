//! Reading.

use super::LibmvError;
use crate::bundle::{PointBundle, PointObservation, RadialTangentialCamera};
use crate::geometry::Se3;
use nalgebra::{Matrix3, Point3, Rotation3, Translation3, UnitQuaternion, Vector3};
use std::collections::BTreeMap;
use std::path::Path;

/// A matrix whose product with its transpose differs from identity by more than this is no rotation, even one of single
/// precision that was multiplied many times.
const ROTATION_TOLERANCE: f64 = 1e-3;
const CAMERA_BYTES: usize = 4 + 12 * 4;
const POINT_BYTES: usize = 4 + 3 * 4;
const MARKER_BYTES: usize = 4 * 4;

/// What a file holds.
#[derive(Debug, Clone, PartialEq)]
pub struct LibmvFile {
    /// Cameras and points in the file's order, all with the file's lens, and the markers that have both; none is fixed.
    pub bundle: PointBundle<RadialTangentialCamera, 2>,
    /// The image of each camera.
    pub images: Vec<i32>,
    /// The track of each point.
    pub tracks: Vec<i32>,
    /// Whether markers are normalized coordinates rather than pixels.
    pub normalized: bool,
    /// How many markers were left out because their image has no camera or their track no point.
    pub unplaced_markers: usize,
}

/// Reads a file.
///
/// # Errors
/// [`LibmvError`] names the file, the byte and what was expected there.
pub fn read(path: &Path) -> Result<LibmvFile, LibmvError> {
    let bytes = std::fs::read(path).map_err(|source| LibmvError::File { path: path.display().to_string(), source })?;
    parse(&bytes).map_err(|error| LibmvError::Content { path: path.display().to_string(), error: error.into() })
}

/// Reads the bytes of a file.
///
/// # Errors
/// As of [`read`], without the file's name.
pub fn parse(bytes: &[u8]) -> Result<LibmvFile, LibmvError> {
    let mut bytes = Bytes { bytes, offset: 0, big_endian: false };
    bytes.big_endian = bytes.letter("the order of bytes", [b'v', b'V'])?;
    let normalized = bytes.letter("the space of markers", [b'P', b'N'])?;
    let [focal_px, cx, cy, k1, k2, k3, p1, p2] = bytes.numbers("the lens")?;
    let mut cameras = Vec::new();
    let images = bytes.numbered("camera", CAMERA_BYTES, |bytes| {
        let t_world_camera = bytes.pose()?.inverse();
        let (center_px, radial, tangential) = ([cx, cy], [k1, k2, k3], [p1, p2]);
        cameras.push(RadialTangentialCamera { t_world_camera, focal_px, center_px, radial, tangential });
        Ok(())
    })?;
    let mut points = Vec::new();
    let tracks = bytes.numbered("point", POINT_BYTES, |bytes| {
        points.push(Point3::from(bytes.numbers("a point's place")?));
        Ok(())
    })?;
    let marker_count = bytes.count("markers", MARKER_BYTES)?;
    let mut observations = Vec::with_capacity(marker_count);
    for _ in 0..marker_count {
        let (image, track) = (bytes.integer("a marker's image")?, bytes.integer("a marker's track")?);
        let measured = bytes.numbers("a marker's place")?;
        if let (Some(&camera), Some(&point)) = (images.get(&image), tracks.get(&track)) {
            observations.push(PointObservation { camera, point, measured, sigma_px: 1.0 });
        }
    }
    if bytes.left() > 0 {
        return Err(refuse(bytes.offset, format!("{} bytes after the last marker", bytes.left())));
    }
    let unplaced_markers = marker_count - observations.len();
    let bundle = PointBundle { fixed: vec![false; cameras.len()], cameras, points, observations };
    Ok(LibmvFile { bundle, images: in_order(images), tracks: in_order(tracks), normalized, unplaced_markers })
}

/// Numbers in the order of their indices.
fn in_order(index_of: BTreeMap<i32, usize>) -> Vec<i32> {
    let mut numbers = vec![0; index_of.len()];
    index_of.into_iter().for_each(|(number, index)| numbers[index] = number);
    numbers
}

fn refuse(offset: usize, reason: String) -> LibmvError {
    LibmvError::Value { offset, reason }
}

/// The bytes of a file, and how far they were read.
struct Bytes<'a> {
    bytes: &'a [u8],
    offset: usize,
    big_endian: bool,
}

impl Bytes<'_> {
    fn left(&self) -> usize {
        self.bytes.len() - self.offset
    }

    fn take<const N: usize>(&mut self, what: &str) -> Result<[u8; N], LibmvError> {
        let taken = self.bytes[self.offset..].first_chunk::<N>().copied();
        self.offset += if taken.is_some() { N } else { 0 };
        taken.ok_or_else(|| LibmvError::End { length: self.bytes.len(), expected: what.into() })
    }

    /// Whether a letter is the second of two.
    fn letter(&mut self, what: &str, allowed: [u8; 2]) -> Result<bool, LibmvError> {
        let [found] = self.take(what)?;
        if allowed.contains(&found) {
            return Ok(found == allowed[1]);
        }
        let [a, b] = allowed.map(char::from);
        Err(refuse(self.offset - 1, format!("expected {what}, {a} or {b}, found '{}'", found.escape_ascii())))
    }

    fn integer(&mut self, what: &str) -> Result<i32, LibmvError> {
        let bytes = self.take(what)?;
        Ok(if self.big_endian { i32::from_be_bytes(bytes) } else { i32::from_le_bytes(bytes) })
    }

    fn numbers<const N: usize>(&mut self, what: &str) -> Result<[f64; N], LibmvError> {
        let mut numbers = [0.0; N];
        for number in &mut numbers {
            let bytes = self.take(what)?;
            let value = if self.big_endian { f32::from_be_bytes(bytes) } else { f32::from_le_bytes(bytes) };
            if !value.is_finite() {
                return Err(refuse(self.offset - 4, format!("expected {what}, found {value}")));
            }
            *number = value.into();
        }
        Ok(numbers)
    }

    /// How many things of a size follow; no more than there is room for, since memory is taken for them.
    fn count(&mut self, what: &str, size: usize) -> Result<usize, LibmvError> {
        let found = self.integer(&format!("the number of {what}"))?;
        let count = usize::try_from(found).ok().filter(|count| count.saturating_mul(size) <= self.left());
        count.ok_or_else(|| {
            let room = self.left() / size;
            refuse(self.offset - 4, format!("{found} {what}, but the file has room for {room} at most"))
        })
    }

    /// Reads things each of which has a number of its own; gives the index of each number.
    fn numbered(
        &mut self,
        what: &str,
        size: usize,
        mut read: impl FnMut(&mut Self) -> Result<(), LibmvError>,
    ) -> Result<BTreeMap<i32, usize>, LibmvError> {
        let mut index_of = BTreeMap::new();
        for index in 0..self.count(&format!("{what}s"), size)? {
            let number = self.integer(&format!("the number of a {what}"))?;
            if number < 0 || index_of.insert(number, index).is_some() {
                let wrong = if number < 0 { "is negative" } else { "is there twice" };
                return Err(refuse(self.offset - 4, format!("the number {number} of a {what} {wrong}")));
            }
            read(self)?;
        }
        Ok(index_of)
    }

    /// From world into camera coordinates.
    fn pose(&mut self) -> Result<Se3, LibmvError> {
        let start = self.offset;
        let matrix = Matrix3::from_column_slice(&self.numbers::<9>("a camera's rotation")?);
        let translation = Vector3::from(self.numbers("a camera's translation")?);
        let off = (matrix.transpose() * matrix - Matrix3::identity()).amax();
        if off > ROTATION_TOLERANCE || matrix.determinant() < 0.0 {
            return Err(refuse(start, format!("expected a camera's rotation, found {:?}", matrix.as_slice())));
        }
        let rotation = UnitQuaternion::from_rotation_matrix(&Rotation3::from_matrix_unchecked(matrix));
        let rotation = UnitQuaternion::new_normalize(rotation.into_inner());
        Ok(Se3::from_parts(Translation3::from(translation), rotation))
    }
}

#[cfg(test)]
mod tests {
    use super::super::to_bytes;
    use super::*;

    /// Two cameras, of images 7 and 3, one point, of track 5, and three markers, the last of an image without a camera.
    fn small(big_endian: bool) -> Vec<u8> {
        let mut words = [500.0, 320.0, 240.0, -0.25, 0.125, 0.0, 0.5, -0.5].map(f32::to_bits).to_vec();
        let plain = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0];
        let turned = [0.0, 1.0, 0.0, -1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.5, 0.0, 2.0];
        words.push(2);
        for (image, numbers) in [(7, plain), (3, turned)] {
            words.push(image);
            words.extend(numbers.map(f32::to_bits));
        }
        words.extend([1, 5]);
        words.extend([0.25, -0.5, 4.0].map(f32::to_bits));
        words.push(3);
        for (image, x) in [(3, 300.5), (7, 20.25), (4, 1.0)] {
            words.extend([image, 5, f32::to_bits(x), f32::to_bits(17.0)]);
        }
        let bytes = words.into_iter().flat_map(|word| if big_endian { word.to_be_bytes() } else { word.to_le_bytes() });
        [if big_endian { *b"VP" } else { *b"vP" }].into_iter().flatten().chain(bytes).collect()
    }

    #[test]
    fn both_orders_of_bytes_say_the_same() {
        let file = parse(&small(false)).unwrap();
        assert_eq!(file, parse(&small(true)).unwrap());
        assert_eq!((&file.images[..], &file.tracks[..], file.unplaced_markers), (&[7, 3][..], &[5][..], 1));
        let camera = &file.bundle.cameras[1];
        assert_eq!((camera.focal_px, camera.center_px), (500.0, [320.0, 240.0]));
        assert_eq!((camera.radial, camera.tangential), ([-0.25, 0.125, 0.0], [0.5, -0.5]));
        // Columns of the rotation one after the other: x goes to y.
        let p_camera = camera.t_world_camera.inverse() * Point3::new(1.0, 0.0, 0.0);
        assert!((p_camera - Point3::new(0.5, 1.0, 2.0)).norm() < 1e-12);
        let seen: Vec<_> = file.bundle.observations.iter().map(|seen| (seen.camera, seen.measured)).collect();
        assert_eq!(seen, [(1, [300.5, 17.0]), (0, [20.25, 17.0])]);
    }

    #[test]
    fn a_file_survives_a_round_trip() {
        let file = LibmvFile { unplaced_markers: 0, ..parse(&small(true)).unwrap() };
        assert_eq!(parse(&to_bytes(&file)).unwrap(), file);
    }

    #[test]
    fn what_is_broken_is_named_with_its_byte() {
        let with = |offset: usize, value: [u8; 4]| {
            let mut bytes = small(false);
            bytes[offset..offset + 4].copy_from_slice(&value);
            bytes
        };
        for (bytes, words) in [
            (Vec::new(), vec!["ends after 0", "order of bytes"]),
            (b"xP".to_vec(), vec!["byte 0", "v or V", "'x'"]),
            (b"vQ".to_vec(), vec!["byte 1", "P or N"]),
            (small(false)[..40].to_vec(), vec!["byte 34", "2 cameras", "room for 0"]),
            (small(false)[..20].to_vec(), vec!["ends after 20", "the lens"]),
            (with(2, f32::NAN.to_le_bytes()), vec!["byte 2", "NaN"]),
            (with(34, i32::MAX.to_le_bytes()), vec!["byte 34", "2147483647 cameras"]),
            (with(34, (-1i32).to_le_bytes()), vec!["byte 34", "-1 cameras"]),
            (with(38, (-7i32).to_le_bytes()), vec!["byte 38", "-7", "negative"]),
            (with(38 + CAMERA_BYTES, 7i32.to_le_bytes()), vec!["byte 90", "camera", "twice"]),
            (with(42, 2f32.to_le_bytes()), vec!["byte 42", "rotation"]),
            ([small(false), vec![0]].concat(), vec!["1 bytes after the last marker"]),
        ] {
            let message = parse(&bytes).unwrap_err().to_string();
            assert!(words.iter().all(|word| message.contains(word)), "{message}, expected {words:?}");
        }
    }
}
