//! Ranges of axes.

use std::ops::Range;

/// Ranges of x and y that hold all points with one scale on a panel of this size (px).
pub fn equal_ranges<'a>(points: impl Iterator<Item = &'a (f64, f64)>, size_px: (u32, u32)) -> (Range<f64>, Range<f64>) {
    let (mut low, mut high) = ((f64::MAX, f64::MAX), (f64::MIN, f64::MIN));
    for (x, y) in points.filter(|(x, y)| x.is_finite() && y.is_finite()) {
        low = (low.0.min(*x), low.1.min(*y));
        high = (high.0.max(*x), high.1.max(*y));
    }
    if low.0 > high.0 {
        return (-1.0..1.0, -1.0..1.0);
    }
    let (width, height) = (f64::from(size_px.0), f64::from(size_px.1));
    let scale = ((high.0 - low.0) / width).max((high.1 - low.1) / height).max(1e-3) * 1.1;
    let around = |low: f64, high: f64, pixels: f64| {
        let (middle, half) = (0.5 * (low + high), 0.5 * scale * pixels);
        middle - half..middle + half
    };
    (around(low.0, high.0, width), around(low.1, high.1, height))
}

/// A range that holds all values, with a little room at both ends; of no values, 0 to 1.
pub(super) fn range_of(values: impl Iterator<Item = f64>, from_zero: bool) -> Range<f64> {
    let (low, high) = values
        .filter(|value| value.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high): (f64, f64), value| (low.min(value), high.max(value)));
    if low > high {
        return 0.0..1.0;
    }
    let low = if from_zero { low.min(0.0) } else { low };
    let room = 0.04 * (high - low).max(1e-12);
    if from_zero && low == 0.0 { 0.0..high + room } else { low - room..high + room }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_axes_have_one_scale_and_hold_all_points() {
        let points = [(0.0, 0.0), (4.0, 1.0), (2.0, f64::NAN)];
        let (x, y) = equal_ranges(points.iter(), (800, 400));
        assert!((x.end - x.start - 2.0 * (y.end - y.start)).abs() < 1e-9);
        assert!(x.contains(&0.0) && x.contains(&4.0) && y.contains(&0.0) && y.contains(&1.0));
        assert_eq!(equal_ranges([].iter(), (8, 4)), (-1.0..1.0, -1.0..1.0));
    }

    #[test]
    fn ranges_leave_room_but_not_below_zero() {
        assert_eq!(range_of([].into_iter(), true), 0.0..1.0);
        let range = range_of([1.0, 3.0, f64::INFINITY].into_iter(), true);
        assert!(range.start == 0.0 && range.end > 3.0 && range.end < 3.5);
        assert!(range_of([2.0, 3.0].into_iter(), false).start > 1.9);
    }
}
