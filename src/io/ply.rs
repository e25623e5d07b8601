//! Point clouds as PLY files, which every viewer reads.

use std::io::{self, BufWriter, Write};
use std::path::Path;

/// A coloured point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlyPoint {
    /// Coordinates (m).
    pub p: [f32; 3],
    /// Red, green, blue.
    pub color: [u8; 3],
}

/// Writes points as binary little-endian PLY: `float x y z`, `uchar red green blue`.
///
/// # Errors
/// What the writer says.
pub fn write_ply(out: &mut impl Write, points: impl ExactSizeIterator<Item = PlyPoint>) -> io::Result<()> {
    write!(
        out,
        "ply\nformat binary_little_endian 1.0\nelement vertex {}\nproperty float x\nproperty float y\nproperty float z\n\
         property uchar red\nproperty uchar green\nproperty uchar blue\nend_header\n",
        points.len()
    )?;
    for point in points {
        for coordinate in point.p {
            out.write_all(&coordinate.to_le_bytes())?;
        }
        out.write_all(&point.color)?;
    }
    Ok(())
}

/// Writes a PLY file, as [`write_ply`] does; a file that was there is replaced once all is written.
///
/// # Errors
/// What the file system says.
pub fn save_ply(path: &Path, points: impl ExactSizeIterator<Item = PlyPoint>) -> io::Result<()> {
    let unfinished = path.with_extension("ply.part");
    let mut out = BufWriter::new(std::fs::File::create(&unfinished)?);
    write_ply(&mut out, points)?;
    out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    std::fs::rename(&unfinished, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads what [`write_ply`] wrote.
    fn read(bytes: &[u8]) -> Vec<PlyPoint> {
        let end = b"end_header\n";
        let body = bytes.windows(end.len()).position(|window| window == end).expect("a header") + end.len();
        let header = std::str::from_utf8(&bytes[..body]).expect("text");
        let count: usize = header
            .lines()
            .find_map(|line| line.strip_prefix("element vertex "))
            .and_then(|count| count.parse().ok())
            .expect("a count");
        assert!(header.starts_with("ply\nformat binary_little_endian 1.0\n"));
        assert_eq!(bytes.len(), body + 15 * count);
        let float = |b: &[u8]| f32::from_le_bytes([b[0], b[1], b[2], b[3]]);
        bytes[body..]
            .chunks_exact(15)
            .map(|b| PlyPoint { p: [float(b), float(&b[4..]), float(&b[8..])], color: [b[12], b[13], b[14]] })
            .collect()
    }

    #[test]
    fn what_is_written_is_read() {
        let points: Vec<PlyPoint> =
            (0..10u8).map(|i| PlyPoint { p: [f32::from(i) * 0.1, -1e6, 1e-6], color: [i, 255 - i, 10] }).collect();
        let mut bytes = Vec::new();
        write_ply(&mut bytes, points.iter().copied()).expect("memory");
        assert_eq!(read(&bytes), points);
        let mut none = Vec::new();
        write_ply(&mut none, [].into_iter()).expect("memory");
        assert!(read(&none).is_empty());
    }

    #[test]
    fn a_file_replaces_the_one_before() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("map.ply");
        let point = PlyPoint { p: [1.0, 2.0, 3.0], color: [4, 5, 6] };
        for count in [3, 1] {
            save_ply(&path, vec![point; count].into_iter()).expect("written");
            assert_eq!(read(&std::fs::read(&path).expect("there")), vec![point; count]);
        }
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1);
        assert!(save_ply(&folder.path().join("no/map.ply"), [].into_iter()).is_err());
    }
}
