//! Robust losses: how much a residual block counts.

/// The loss `ρ` of a residual block with whitened residual `r`: the cost is `½ Σ ρ(‖r‖²)`.
///
/// Parameters are in standard deviations.
///
/// # Source
/// Zhang, *Parameter estimation techniques* (1997), table 1; iteratively reweighted with `√ρ'`.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub enum Loss {
    /// `ρ(s) = s`.
    #[default]
    Squared,
    /// `s` up to `k²`, then `2k√s - k²`: counts linearly.
    Huber(f64),
    /// `k² ln(1 + s/k²)`: counts ever less.
    Cauchy(f64),
    /// `s / (1 + s/k²)`: counts at most `k²`.
    GemanMcClure(f64),
}

impl Loss {
    /// `ρ(s)` and its derivative at `s = ‖r‖²`.
    pub fn evaluate(self, squared_norm: f64) -> (f64, f64) {
        let s = squared_norm;
        match self {
            Self::Squared => (s, 1.0),
            Self::Huber(k) if s <= k * k => (s, 1.0),
            Self::Huber(k) => (2.0 * k * s.sqrt() - k * k, k / s.sqrt()),
            Self::Cauchy(k) => {
                let ratio = s / (k * k);
                (k * k * ratio.ln_1p(), 1.0 / (1.0 + ratio))
            }
            Self::GemanMcClure(k) => {
                let shrink = 1.0 / (1.0 + s / (k * k));
                (s * shrink, shrink * shrink)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_derivative_is_the_slope(s in 0.0f64..100.0, k in 0.5f64..5.0) {
            for loss in [Loss::Squared, Loss::Huber(k), Loss::Cauchy(k), Loss::GemanMcClure(k)] {
                let h = 1e-6;
                let slope = (loss.evaluate(s + h).0 - loss.evaluate(s).0) / h;
                prop_assert!((slope - loss.evaluate(s).1).abs() < 1e-4, "{loss:?} {s}");
            }
        }

        #[test]
        fn no_loss_counts_more_than_the_square(s in 0.0f64..1e6, k in 0.5f64..5.0) {
            for loss in [Loss::Huber(k), Loss::Cauchy(k), Loss::GemanMcClure(k)] {
                prop_assert!(loss.evaluate(s).0 <= s * (1.0 + 1e-12));
                prop_assert!((0.0..=1.0).contains(&loss.evaluate(s).1));
            }
        }
    }
}
