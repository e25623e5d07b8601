//! Reading.

use super::{BalBundle, BalError};
use crate::bundle::{BalCamera, PointBundle, PointObservation};
use crate::geometry::Se3;
use nalgebra::{Point3, Translation3, UnitQuaternion, Vector3};
use std::path::Path;

/// Reads a file.
///
/// # Errors
/// [`BalError`] names the file, the line and what was expected there.
pub fn read(path: &Path) -> Result<BalBundle, BalError> {
    let text =
        std::fs::read_to_string(path).map_err(|source| BalError::File { path: path.display().to_string(), source })?;
    parse(&text).map_err(|error| BalError::Content { path: path.display().to_string(), error: error.into() })
}

/// Reads the text of a file.
///
/// # Errors
/// As of [`read`], without the file's name.
pub fn parse(text: &str) -> Result<BalBundle, BalError> {
    let mut words = Words::of(text);
    let mut count = |what: &str| words.next::<usize>(what);
    let counts = [count("the number of cameras")?, count("of points")?, count("of observations")?];
    let [camera_count, point_count, observation_count] = counts;
    // Each number takes two characters at least: a header that promises more than there is must not allocate for it.
    let promised = 9u128 * camera_count as u128 + 3 * point_count as u128 + 4 * observation_count as u128;
    if promised > text.len() as u128 / 2 + 1 {
        let reason = format!(
            "{camera_count} cameras, {point_count} points and {observation_count} observations are more than the file holds"
        );
        return Err(BalError::Line { line: words.line, reason });
    }
    let mut observations = Vec::with_capacity(observation_count);
    for index in 0..observation_count {
        let camera = words.index("camera", camera_count, index)?;
        let point = words.index("point", point_count, index)?;
        let measured = [words.number("an observation's x")?, words.number("an observation's y")?];
        observations.push(PointObservation { camera, point, measured, sigma_px: 1.0 });
    }
    let mut cameras = Vec::with_capacity(camera_count);
    for _ in 0..camera_count {
        let mut values = [0.0; 9];
        for value in &mut values {
            *value = words.number("a camera's nine numbers")?;
        }
        let camera = camera(&values);
        if !camera.t_world_camera.to_homogeneous().iter().all(|value| value.is_finite()) {
            let reason = format!("expected a camera's rotation vector and translation, found {:?}", &values[..6]);
            return Err(BalError::Line { line: words.line, reason });
        }
        cameras.push(camera);
    }
    let mut points = Vec::with_capacity(point_count);
    for _ in 0..point_count {
        let mut number = || words.number("a point's three numbers");
        points.push(Point3::new(number()?, number()?, number()?));
    }
    if let Some(word) = words.word() {
        return Err(BalError::Line { line: words.line, reason: format!("'{word}' after the last point") });
    }
    Ok(PointBundle { fixed: vec![false; cameras.len()], cameras, points, observations })
}

/// From world into camera coordinates: `R(r) p + t`.
fn camera(&[rx, ry, rz, tx, ty, tz, focal_px, k1, k2]: &[f64; 9]) -> BalCamera {
    let rotation = UnitQuaternion::from_scaled_axis(Vector3::new(rx, ry, rz));
    let t_camera_world = Se3::from_parts(Translation3::new(tx, ty, tz), rotation);
    BalCamera { t_world_camera: t_camera_world.inverse(), focal_px, distortion: [k1, k2] }
}

/// The words of a text, with the line where the last one was.
struct Words<'a> {
    lines: std::iter::Enumerate<std::str::Lines<'a>>,
    words: std::str::SplitWhitespace<'a>,
    line: usize,
}

impl<'a> Words<'a> {
    fn of(text: &'a str) -> Self {
        Self { lines: text.lines().enumerate(), words: "".split_whitespace(), line: 0 }
    }

    fn word(&mut self) -> Option<&'a str> {
        loop {
            if let Some(word) = self.words.next() {
                return Some(word);
            }
            let (index, line) = self.lines.next()?;
            (self.line, self.words) = (index + 1, line.split_whitespace());
        }
    }

    fn next<T: std::str::FromStr>(&mut self, what: &str) -> Result<T, BalError> {
        let word = self.word().ok_or_else(|| BalError::End { line: self.line, expected: what.into() })?;
        let reason = || format!("expected {what}, found '{}'", word.chars().take(40).collect::<String>());
        word.parse().map_err(|_| BalError::Line { line: self.line, reason: reason() })
    }

    fn number(&mut self, what: &str) -> Result<f64, BalError> {
        let value: f64 = self.next(what)?;
        if value.is_finite() {
            return Ok(value);
        }
        Err(BalError::Line { line: self.line, reason: format!("expected {what}, found {value}") })
    }

    fn index(&mut self, what: &str, count: usize, observation: usize) -> Result<usize, BalError> {
        let index: usize = self.next(&format!("the {what} of observation {observation}"))?;
        if index < count {
            return Ok(index);
        }
        Err(BalError::Line { line: self.line, reason: format!("{what} {index} of {count} (they count from 0)") })
    }
}

#[cfg(test)]
mod tests {
    use super::super::to_string;
    use super::*;

    const SMALL: &str = "2 1 2\n0 0 -1.5 2.5\n1 0 3 4\n0.1\n-0.2\n0.3\n1\n2\n3\n500\n-1e-7\n1e-13\n\
                         0\n0\n0\n0\n0\n-1\n400\n0\n0\n0.5\n0.25\n-4\n";

    #[test]
    fn a_file_survives_a_round_trip() {
        let bundle = parse(SMALL).unwrap();
        assert_eq!((bundle.cameras.len(), bundle.points.len(), bundle.observations.len()), (2, 1, 2));
        let again = parse(&to_string(&bundle)).unwrap();
        for (a, b) in bundle.cameras.iter().zip(&again.cameras) {
            assert!((a.t_world_camera.to_homogeneous() - b.t_world_camera.to_homogeneous()).amax() < 1e-14);
            assert_eq!((a.focal_px, a.distortion), (b.focal_px, b.distortion));
        }
        assert_eq!((bundle.points, bundle.observations), (again.points, again.observations));
    }

    #[test]
    fn what_is_broken_is_named_with_its_line() {
        for (text, words) in [
            ("", vec!["ends", "cameras"]),
            ("2 x 3\n", vec!["line 1", "of points", "'x'"]),
            ("99999999999999 1 1\n", vec!["line 1", "more than the file holds"]),
            (&SMALL.replacen("1 0 3 4", "7 0 3 4", 1), vec!["line 3", "camera 7 of 2"]),
            (&SMALL.replacen("-1.5", "NaN", 1), vec!["line 2", "NaN"]),
            (&SMALL.replacen("0.1\n", "1e308\n", 1), vec!["line 12", "rotation vector", "found [1e308, -0.2"]),
            (&SMALL.replacen("-4\n", "", 1), vec!["ends", "point"]),
            (&format!("{SMALL}7\n"), vec!["line 25", "'7'"]),
        ] {
            let message = parse(text).unwrap_err().to_string();
            assert!(words.iter().all(|word| message.contains(word)), "{message}, expected {words:?}");
        }
    }
}
