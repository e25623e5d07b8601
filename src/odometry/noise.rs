//! How much pixels err: each on its own, and in common with those around it. Learned from what the window leaves unexplained.

use nalgebra::Vector2;

/// Keyframes that the assumptions made at first are worth.
const ASSUMED: f64 = 5.0;

/// Keyframes after which what was learned is forgotten.
const REMEMBERED: f64 = 50.0;

/// Features that are so far apart (px) are judged together: their patches do not overlap, and what a lens or a rolling shutter
/// does to both is much the same.
const APART_PX: (f64, f64) = (40.0, 120.0);

/// Fewer features tell nothing.
const MIN_FEATURES: usize = 20;

/// Median of χ² with 2 degrees of freedom.
const MEDIAN_CHI_SQUARED: f64 = 1.386;

/// Variances of pixel coordinates, as shares of the square of `sigma_px`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct PixelNoise {
    /// Of what each errs on its own: the variance of unit weight.
    own: f64,
    /// Of what those of a frame err in common.
    common: f64,
    least_common: f64,
    keyframes: f64,
}

impl PixelNoise {
    /// As it is assumed to be: each errs as `sigma_px` says, and never less than so much in common.
    pub(super) fn new(sigma_px: f64, common_sigma_px: f64) -> Self {
        let common = (common_sigma_px / sigma_px).powi(2);
        Self { own: 1.0, common, least_common: common, keyframes: ASSUMED }
    }

    /// The variance of the sum of errors of so many features of a frame over that of as many which err each on its own by
    /// `sigma_px`: `own + n common`.
    ///
    /// # Source
    /// Kish, *Survey sampling* (1965), 5.4: the design effect of correlated samples.
    pub(super) fn design_effect(&self, feature_count: usize) -> f64 {
        self.own + feature_count as f64 * self.common
    }

    /// The part of that variance which is of what they err in common, from 0 to 1.
    pub(super) fn common_part(&self, feature_count: usize) -> f64 {
        feature_count as f64 * self.common / self.design_effect(feature_count)
    }

    /// Learns from where a keyframe sees landmarks (px), and how far from where it should see them (in `sigma_px`).
    ///
    /// The product of two errors has the variance that they have in common as its mean. What the pose could follow of that is
    /// not seen any more: it is told too small rather than too large.
    pub(super) fn learn(&mut self, seen: &[(Vector2<f64>, Vector2<f64>)]) {
        if seen.len() < MIN_FEATURES {
            return;
        }
        let mut squared: Vec<f64> = seen.iter().map(|(_, error)| error.norm_squared()).collect();
        squared.sort_by(f64::total_cmp);
        let own = squared[squared.len() / 2] / MEDIAN_CHI_SQUARED;
        let (mut product, mut pairs) = (0.0, 0.0);
        for (index, (px, error)) in seen.iter().enumerate() {
            for (other_px, other) in &seen[index + 1..] {
                if (APART_PX.0..APART_PX.1).contains(&(px - other_px).norm()) {
                    product += 0.5 * error.dot(other);
                    pairs += 1.0;
                }
            }
        }
        let common = if pairs > 0.0 { product / pairs } else { self.common };
        self.keyframes = (self.keyframes + 1.0).min(REMEMBERED);
        self.own += (own - self.own) / self.keyframes;
        self.common += (common - self.common) / self.keyframes;
        self.common = self.common.max(self.least_common);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_pcg::Pcg64Mcg;
    use rand_pcg::rand_core::{Rng, SeedableRng};

    /// What is learned from a hundred keyframes of a hundred features, with errors of these standard deviations.
    fn learned(own: f64, common: f64) -> PixelNoise {
        let mut random = Pcg64Mcg::seed_from_u64(1);
        // The sum of twelve uniform numbers is as good as normal.
        let mut normal = || (0..12).map(|_| f64::from(random.next_u32()) / 2f64.powi(32)).sum::<f64>() - 6.0;
        let mut noise = PixelNoise::new(1.0, 0.05);
        for _ in 0..100 {
            let shared = Vector2::new(normal(), normal()) * common;
            let seen: Vec<_> = (0..100)
                .map(|index| {
                    let px = Vector2::new(f64::from(index % 10) * 60.0, f64::from(index / 10) * 45.0);
                    (px, shared + Vector2::new(normal(), normal()) * own)
                })
                .collect();
            noise.learn(&seen);
        }
        noise
    }

    #[test]
    fn both_parts_are_told_apart() {
        let alone = learned(0.5, 0.0);
        assert!((alone.own - 0.25).abs() < 0.06 && alone.common < 0.01, "{alone:?}");
        let shared = learned(0.5, 0.3);
        assert!((shared.common - 0.09).abs() < 0.03, "{shared:?}");
        assert!(shared.design_effect(100) > 10.0 * alone.design_effect(100));
    }

    #[test]
    fn a_few_features_teach_nothing_and_wild_ones_little() {
        let mut noise = PixelNoise::new(1.0, 0.2);
        noise.learn(&[(Vector2::zeros(), Vector2::new(9.0, 9.0)); 10]);
        assert_eq!(noise, PixelNoise::new(1.0, 0.2));
        assert!((noise.design_effect(100) - 5.0).abs() < 1e-12);
        assert!((noise.common_part(100) - 0.8).abs() < 1e-12 && noise.common_part(0) == 0.0);
    }
}
