//! Matches between the features of two views by descriptor alone.

use super::view::View;
use crate::precision::kernels::DescriptorColumns;
use nalgebra::Vector2;

/// Features this near (px) are one place of the image, on different pyramid levels: not rivals in the ratio test.
const SAME_PLACE_PX: f32 = 8.0;

/// Two features that look alike, by index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Match {
    /// In the first view.
    pub a: usize,
    /// In the second view.
    pub b: usize,
}

/// Pairs that are each other's nearest, at most `max_distance` bits apart, and nearer than `ratio` times the second
/// nearest elsewhere in the second image. Ordered by the first index; no index occurs twice.
pub(crate) fn mutual_matches(a: &View, b: &View, max_distance: u32, ratio: f64) -> Vec<Match> {
    let columns = DescriptorColumns::new(&b.descriptors);
    let mut distances = Vec::with_capacity(b.len());
    let mut nearest_of_b = vec![(u16::MAX, usize::MAX); b.len()];
    let mut proposed = Vec::new();
    for (i, descriptor) in a.descriptors.iter().enumerate() {
        columns.distances(descriptor, &mut distances);
        let mut best = (u16::MAX, usize::MAX);
        for (j, (&distance, nearest)) in distances.iter().zip(&mut nearest_of_b).enumerate() {
            if distance < best.0 {
                best = (distance, j);
            }
            if distance < nearest.0 {
                *nearest = (distance, i);
            }
        }
        let (distance, j) = best;
        if u32::from(distance) > max_distance || j == usize::MAX {
            continue;
        }
        let limit = f64::from(distance) / ratio;
        let rival = distances.iter().zip(&b.px).any(|(&d, px)| f64::from(d) <= limit && !same_place(px, &b.px[j]));
        if !rival {
            proposed.push(Match { a: i, b: j });
        }
    }
    proposed.retain(|pair| nearest_of_b[pair.b].1 == pair.a);
    proposed
}

/// Whether two pixels are one place of the image.
pub(crate) fn same_place(a: &Vector2<f32>, b: &Vector2<f32>) -> bool {
    (a.x - b.x).abs() < SAME_PLACE_PX && (a.y - b.y).abs() < SAME_PLACE_PX
}
