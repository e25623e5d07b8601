//! When a solve stops: each test says why, with the value and the tolerance.

use super::SolverOptions;

/// The residuals are a hundred-millionth of a standard deviation: what is left is rounding.
pub(crate) fn at_zero(cost: f64, row_count: usize) -> Option<String> {
    (cost <= 0.5e-16 * row_count as f64).then(|| format!("cost: {cost:.1e} is nothing for {row_count} residuals"))
}

/// The residual is orthogonal to every column of the Jacobian.
pub(crate) fn gradient(cosine: f64, options: &SolverOptions) -> Option<String> {
    (cosine <= options.gradient_tolerance).then(|| {
        format!(
            "gradient: largest cosine {cosine:.3e} between residual and a column <= {:e}",
            options.gradient_tolerance
        )
    })
}

/// Neither the step taken nor the model promises a decrease that counts.
pub(crate) fn decrease(decrease: f64, model: f64, cost: f64, options: &SolverOptions) -> Option<String> {
    let relative = decrease.max(model) / cost;
    (relative <= options.cost_tolerance)
        .then(|| format!("cost: relative decrease {relative:.3e} <= {:e}", options.cost_tolerance))
}

/// The next step promises so little that it is not worth taking.
pub(crate) fn nothing_promised(model: f64, cost: f64) -> String {
    format!("cost: the next step promises a relative decrease of {:.3e}", model / cost)
}

/// No step, however short, decreases the cost.
pub(crate) fn no_descent(lambda: f64) -> String {
    format!("no step decreases the cost (damping {lambda:.1e})")
}

/// The limit of outer iterations.
pub(crate) fn iterations(iterations: usize, options: &SolverOptions) -> Option<String> {
    (iterations >= options.max_iterations).then(|| format!("iteration limit: {iterations}"))
}
