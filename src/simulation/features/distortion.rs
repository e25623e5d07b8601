//! What a camera's model leaves of its lens' distortion.

use crate::geometry::PinholeCamera;
use crate::simulation::random::Random;
use nalgebra::{Matrix2, Vector2};
use std::f64::consts::TAU;

/// Waves that add up to the distortion along one axis.
const WAVES: usize = 4;
/// A wave is no shorter than the image divided by this: a model with some parameters leaves nothing coarser, a lens nothing finer.
const MOST_PERIODS: f64 = 1.5;

/// A smooth field of pixel shifts, the same in all images of a camera.
#[derive(Debug, Clone)]
pub(super) struct Distortion {
    amplitude_px: f64,
    /// Of each wave, for both axes: its frequencies (1/px) along a row and a column, and where it begins (rad).
    waves: [[(Vector2<f64>, f64); WAVES]; 2],
}

impl Distortion {
    /// A field that shifts each coordinate by `sigma_px` (px, root mean square).
    pub(super) fn new(camera: &PinholeCamera, sigma_px: f64, random: &mut Random) -> Self {
        let periods_per_px =
            Matrix2::from_diagonal(&Vector2::new(1.0 / camera.width as f64, 1.0 / camera.height as f64));
        let mut periods = || random.between(-MOST_PERIODS, MOST_PERIODS);
        let frequencies =
            [[(); WAVES]; 2].map(|axis| axis.map(|()| periods_per_px * Vector2::new(periods(), periods())));
        let waves = frequencies.map(|axis| axis.map(|frequency| (frequency, random.between(0.0, TAU))));
        Self { amplitude_px: sigma_px * (2.0 / WAVES as f64).sqrt(), waves }
    }

    /// By how much (px) it shifts what is at a pixel.
    pub(super) fn at(&self, px: &Vector2<f64>) -> Vector2<f64> {
        let along = |axis: &[(Vector2<f64>, f64)]| -> f64 {
            axis.iter().map(|(frequency, phase)| (TAU * frequency.dot(px) + phase).sin()).sum()
        };
        self.amplitude_px * Vector2::new(along(&self.waves[0]), along(&self.waves[1]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shifts_are_smooth_and_as_large_as_asked_for() {
        let camera = PinholeCamera { fx: 400.0, fy: 400.0, cx: 376.0, cy: 240.0, width: 752, height: 480 };
        let (mut squared, mut count) = (0.0, 0.0);
        for seed in 0..40 {
            let field = Distortion::new(&camera, 0.2, &mut Random::new(seed, 1));
            for (x, y) in (0..48).flat_map(|row| (0..75).map(move |column| (column as f64 * 10.0, row as f64 * 10.0))) {
                let shift = field.at(&Vector2::new(x, y));
                let step = (field.at(&Vector2::new(x + 10.0, y)) - shift).norm();
                assert!(step < 0.1, "{step} px in ten");
                (squared, count) = (squared + shift.norm_squared() / 2.0, count + 1.0);
            }
        }
        let sigma: f64 = f64::sqrt(squared / count);
        assert!((sigma - 0.2).abs() < 0.03, "{sigma}");
    }
}
