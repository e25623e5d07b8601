//! Uniform cubic B-splines: twice continuously differentiable, so that a robot on one has finite acceleration.

/// Value and first two derivatives.
pub type Derivatives = [f64; 3];

/// A uniform cubic B-spline.
#[derive(Debug, Clone)]
pub struct Spline {
    controls: Vec<f64>,
    step: f64,
}

impl Spline {
    /// The spline with control values `step` apart. At `k * step` it is near control `k`, smoothed with its neighbours.
    pub fn new(controls: Vec<f64>, step: f64) -> Self {
        Self { controls, step }
    }

    /// Where the controls end.
    pub fn end(&self) -> f64 {
        self.controls.len().saturating_sub(1) as f64 * self.step
    }

    /// Value, first and second derivative at `at`; beyond the ends it stays at the last value.
    pub fn at(&self, at: f64) -> Derivatives {
        let position = (at / self.step).clamp(0.0, self.controls.len().saturating_sub(1) as f64);
        let cell = position.floor();
        let t = position - cell;
        let control = |shift: isize| {
            let index = (cell as isize + shift).clamp(0, self.controls.len() as isize - 1);
            self.controls[index as usize]
        };
        let [a, b, c, d] = [control(-1), control(0), control(1), control(2)];
        let s = 1.0 - t;
        let value = (s * s * s * a
            + (3.0 * t * t * t - 6.0 * t * t + 4.0) * b
            + (-3.0 * t * t * t + 3.0 * t * t + 3.0 * t + 1.0) * c
            + t * t * t * d)
            / 6.0;
        let first = (-s * s * a + (3.0 * t * t - 4.0 * t) * b + (-3.0 * t * t + 2.0 * t + 1.0) * c + t * t * d) / 2.0;
        let second = s * a + (3.0 * t - 2.0) * b + (1.0 - 3.0 * t) * c + t * d;
        [value, first / self.step, second / (self.step * self.step)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn derivatives_are_slopes(controls in prop::collection::vec(-2.0f64..2.0, 8), at in 0.4f64..3.0) {
            let spline = Spline::new(controls, 0.5);
            let h = 1e-5;
            let slope = (spline.at(at + h)[0] - spline.at(at - h)[0]) / (2.0 * h);
            let bend = (spline.at(at + h)[1] - spline.at(at - h)[1]) / (2.0 * h);
            prop_assert!((slope - spline.at(at)[1]).abs() < 1e-6);
            // The third derivative jumps at the knots.
            prop_assert!((bend - spline.at(at)[2]).abs() < 1e-2);
        }
    }
}
