//! What stands on a line, for space and for the plane.

use crate::geometry::relative_pose::RigidGroup;
use crate::geometry::{Se2, Se3};
use crate::io::table::{Line, TableError};
use nalgebra::{Quaternion, SMatrix, Translation3, UnitQuaternion, Vector2};

/// A group with its kinds of line.
pub(super) trait Fields<const D: usize>: RigidGroup<D> {
    /// The kind of a vertex in g2o.
    const VERTEX: &'static str;
    /// The kind of an edge in g2o.
    const EDGE: &'static str;
    /// The kind of a vertex in TORO.
    const TORO_VERTEX: &'static str;
    /// The kind of an edge in TORO.
    const TORO_EDGE: &'static str;

    /// A pose from its numbers in g2o, and the words after them.
    fn pose<'a, 'b>(line: &Line, words: &'b [&'a str]) -> Result<(Self, &'b [&'a str]), TableError>;
    /// A pose from its numbers in TORO, and the words after them.
    fn toro_pose<'a, 'b>(line: &Line, words: &'b [&'a str]) -> Result<(Self, &'b [&'a str]), TableError>;
    /// The information of an edge in TORO, if there are numbers.
    fn toro_information(line: &Line, words: &[&str]) -> Result<SMatrix<f64, D, D>, TableError>;
    /// The pose's numbers in g2o.
    fn numbers(&self) -> Vec<f64>;

    /// The information of an edge in g2o: the upper triangle, row by row.
    fn information(line: &Line, words: &[&str]) -> Result<SMatrix<f64, D, D>, TableError> {
        let numbers = finite_numbers(line, words, D * (D + 1) / 2)?;
        let mut matrix = SMatrix::zeros();
        let mut next = numbers.into_iter();
        for row in 0..D {
            for column in row..D {
                let value = next.next().unwrap_or(0.0);
                matrix[(row, column)] = value;
                matrix[(column, row)] = value;
            }
        }
        Ok(matrix)
    }
}

/// Exactly `count` finite numbers.
fn finite_numbers(line: &Line, words: &[&str], count: usize) -> Result<Vec<f64>, TableError> {
    if words.len() != count {
        return Err(line.error(format!("expected {count} numbers here, found {}", words.len())));
    }
    let number = |word: &&str| match word.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(value),
        _ => Err(line.error(format!("expected a finite number, found '{word}'"))),
    };
    words.iter().map(number).collect()
}

/// The first `N` of the words as finite numbers, and the other words.
fn leading<'a, 'b, const N: usize>(line: &Line, words: &'b [&'a str]) -> Result<([f64; N], &'b [&'a str]), TableError> {
    let (head, rest) = words.split_at(N.min(words.len()));
    let numbers = finite_numbers(line, head, N)?;
    Ok((std::array::from_fn(|i| numbers[i]), rest))
}

impl Fields<6> for Se3 {
    const VERTEX: &'static str = "VERTEX_SE3:QUAT";
    const EDGE: &'static str = "EDGE_SE3:QUAT";
    const TORO_VERTEX: &'static str = "VERTEX3";
    const TORO_EDGE: &'static str = "EDGE3";

    fn pose<'a, 'b>(line: &Line, words: &'b [&'a str]) -> Result<(Self, &'b [&'a str]), TableError> {
        let ([x, y, z, qx, qy, qz, qw], rest) = leading(line, words)?;
        let quaternion = Quaternion::new(qw, qx, qy, qz);
        let rotation = UnitQuaternion::try_new(quaternion, 1e-6).filter(|_| quaternion.norm().is_finite());
        let Some(rotation) = rotation else {
            return Err(line.error(format!("expected a unit quaternion, found {qx} {qy} {qz} {qw}")));
        };
        Ok((Self::from_parts(Translation3::new(x, y, z), rotation), rest))
    }

    fn toro_pose<'a, 'b>(line: &Line, words: &'b [&'a str]) -> Result<(Self, &'b [&'a str]), TableError> {
        let ([x, y, z, roll, pitch, yaw], rest) = leading(line, words)?;
        let rotation = UnitQuaternion::from_euler_angles(roll, pitch, yaw);
        Ok((Self::from_parts(Translation3::new(x, y, z), rotation), rest))
    }

    fn toro_information(line: &Line, words: &[&str]) -> Result<SMatrix<f64, 6, 6>, TableError> {
        Self::information(line, words)
    }

    fn numbers(&self) -> Vec<f64> {
        let (t, q) = (self.translation.vector, self.rotation.coords);
        vec![t.x, t.y, t.z, q.x, q.y, q.z, q.w]
    }
}

impl Fields<3> for Se2 {
    const VERTEX: &'static str = "VERTEX_SE2";
    const EDGE: &'static str = "EDGE_SE2";
    const TORO_VERTEX: &'static str = "VERTEX2";
    const TORO_EDGE: &'static str = "EDGE2";

    fn pose<'a, 'b>(line: &Line, words: &'b [&'a str]) -> Result<(Self, &'b [&'a str]), TableError> {
        let ([x, y, angle], rest) = leading(line, words)?;
        Ok((Self::new(Vector2::new(x, y), angle), rest))
    }

    fn toro_pose<'a, 'b>(line: &Line, words: &'b [&'a str]) -> Result<(Self, &'b [&'a str]), TableError> {
        Self::pose(line, words)
    }

    /// TORO's order in the plane is `xx xy yy θθ xθ yθ`.
    fn toro_information(line: &Line, words: &[&str]) -> Result<SMatrix<f64, 3, 3>, TableError> {
        let numbers = finite_numbers(line, words, 6)?;
        let [xx, xy, yy, tt, xt, yt] = std::array::from_fn(|i| numbers[i]);
        Ok(SMatrix::<f64, 3, 3>::new(xx, xy, xt, xy, yy, yt, xt, yt, tt))
    }

    fn numbers(&self) -> Vec<f64> {
        vec![self.translation.x, self.translation.y, self.rotation.angle()]
    }
}
