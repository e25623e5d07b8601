//! Experiment 7: each component in turn in half precision, and without scaling or regularization.

use super::growing_map::GrowingMap;
use super::linear_solve::cgnr_options;
use super::window::{position_error_m, window};
use super::{Check, Outcome, Picture, ReproduceError, Setup, Table, Verdict};
use crate::plot::{Bar, BarChart, LOOP, ODOMETRY, Scale, quantile};
use crate::pose_graph::PoseGraphOptions;
use crate::precision::{Policy, Precision};
use crate::solver::SolverOptions;

/// How one solve differs from the one in double.
struct Variation {
    name: &'static str,
    policy: Policy,
    scaling: bool,
    regularization: bool,
}

/// What came of a variation: medians over the problems.
#[derive(Debug, Clone, Copy)]
struct Errors {
    /// Position error of the windows' cameras (m).
    window_m: f64,
    /// Error of the maps' keyframes (m).
    map_m: f64,
}

/// Solves windows and maps in every variation.
pub(super) fn run(setup: &Setup) -> Result<Outcome, ReproduceError> {
    let variations = variations()?;
    let (window_count, map_count) = (setup.count(20, 2), setup.count(10, 1));
    let map_keyframes = setup.count(1000, 150);
    let windows: Vec<_> = (0..window_count).map(|index| window(setup.seed + index as u64)).collect();
    let maps: Vec<_> = (0..map_count).map(|index| GrowingMap::new(setup.seed + index as u64, map_keyframes)).collect();
    let errors = setup.each("needs", variations.len(), |index| -> Result<Errors, ReproduceError> {
        let variation = &variations[index];
        let window_m: Vec<f64> = windows
            .iter()
            .map(|(bundle, truth)| {
                let mut bundle = bundle.clone();
                let options =
                    crate::bundle::BundleOptions { solver: variation.solver(cgnr_options().solver), ..cgnr_options() };
                // What cannot be solved stays where it was.
                let _ = bundle.optimize(&variation.policy, &options);
                position_error_m(&bundle, truth)
            })
            .collect();
        let map_m: Vec<f64> = maps
            .iter()
            .map(|map| {
                let mut graph = map.graph(map_keyframes);
                let defaults = PoseGraphOptions { start: "given".into(), ..PoseGraphOptions::default() };
                let options = PoseGraphOptions { solver: variation.solver(defaults.solver.clone()), ..defaults };
                let _ = graph.optimize(&variation.policy, &options);
                map.ate_m(&graph)
            })
            .collect();
        Ok(Errors { window_m: quantile(&window_m, 0.5), map_m: quantile(&map_m, 0.5) })
    })?;
    let start = Errors {
        window_m: quantile(
            &windows.iter().map(|(bundle, truth)| position_error_m(bundle, truth)).collect::<Vec<_>>(),
            0.5,
        ),
        map_m: quantile(&maps.iter().map(|map| map.ate_m(&map.graph(map_keyframes))).collect::<Vec<_>>(), 0.5),
    };
    let named: Vec<(&str, Errors)> = std::iter::once(("before", start))
        .chain(variations.iter().map(|variation| variation.name).zip(errors))
        .collect();
    let pictures = vec![("needs".into(), Picture::Bars(picture(&named)))];
    Ok(Outcome { verdict: verdict(&named), tables: vec![table(&named)], pictures })
}

impl Variation {
    fn solver(&self, defaults: SolverOptions) -> SolverOptions {
        let method = if self.regularization { defaults.method.clone() } else { "gauss_newton".into() };
        SolverOptions { scaling: self.scaling, method, ..defaults }
    }
}

/// Everything in double but what each variation lowers; no solve is repeated in a higher precision.
fn variations() -> Result<Vec<Variation>, ReproduceError> {
    use Precision::{F16, F32};
    let named = |name: &str| Ok::<_, ReproduceError>(Policy { naive: true, ..Policy::resolve(name)? });
    let (double, mixed, half) = (named("double")?, named("mixed")?, named("half")?);
    let lowered = |change: &dyn Fn(&mut Policy)| {
        let mut policy = double.clone();
        change(&mut policy);
        policy
    };
    let plain = |name, policy| Variation { name, policy, scaling: true, regularization: true };
    Ok(vec![
        plain("double", double.clone()),
        plain("residual half", lowered(&|policy| policy.residual = F16)),
        plain("residual single", lowered(&|policy| policy.residual = F32)),
        plain("Jacobian half", lowered(&|policy| (policy.jacobian, policy.product) = (F16, F16))),
        plain("product half", lowered(&|policy| policy.product = F16)),
        plain("preconditioner half", lowered(&|policy| policy.preconditioner = F16)),
        plain(
            "vectors half",
            lowered(&|policy| {
                (policy.vectors, policy.product, policy.preconditioner) = (F16, F16, F16);
            }),
        ),
        plain("update half", lowered(&|policy| policy.update = F16)),
        plain("update single", lowered(&|policy| policy.update = F32)),
        plain("mixed", mixed.clone()),
        plain("half", half.clone()),
        Variation { scaling: false, ..plain("mixed, no scaling", mixed.clone()) },
        Variation { scaling: false, ..plain("half, no scaling", half.clone()) },
        Variation { regularization: false, ..plain("mixed, no regularization", mixed) },
        Variation { regularization: false, ..plain("half, no regularization", half) },
    ])
}

fn table(named: &[(&str, Errors)]) -> Table {
    let header = ["variation", "window (mm)", "of double's", "map (mm)", "of double's"];
    let mut table = Table::new("needs", &header);
    for (name, errors) in named {
        let ratio = |value: f64, double: f64| format!("{:.3}", value / double);
        let double = of(named, "double");
        table.push([
            (*name).to_string(),
            format!("{:.4}", 1e3 * errors.window_m),
            ratio(errors.window_m, double.window_m),
            format!("{:.4}", 1e3 * errors.map_m),
            ratio(errors.map_m, double.map_m),
        ]);
    }
    table
}

fn of(named: &[(&str, Errors)], name: &str) -> Errors {
    let none = Errors { window_m: f64::NAN, map_m: f64::NAN };
    named.iter().find(|(other, _)| *other == name).map_or(none, |(_, errors)| *errors)
}

fn picture(named: &[(&str, Errors)]) -> BarChart {
    let double = of(named, "double");
    let groups = named
        .iter()
        .map(|(name, errors)| {
            let bars = vec![
                Bar { label: "window".into(), color: LOOP, value: errors.window_m / double.window_m },
                Bar { label: "map".into(), color: ODOMETRY, value: errors.map_m / double.map_m },
            ];
            ((*name).to_string(), bars)
        })
        .collect();
    BarChart {
        title: "Error of a solve with one component lowered".into(),
        x: "error, as a multiple of double's".into(),
        scale: Scale::Logarithmic,
        groups,
    }
}

/// Ratios to double's errors beyond which a component is too coarse, and within which it serves.
const TOO_COARSE: f64 = 1.5;
const SERVES: f64 = 1.01;

fn verdict(named: &[(&str, Errors)]) -> Verdict {
    let double = of(named, "double");
    let worst = |name: &str| {
        let errors = of(named, name);
        (errors.window_m / double.window_m).max(errors.map_m / double.map_m)
    };
    let serves =
        |name: &str| Check::new(worst(name) < SERVES, format!("{name}: {:.3} times double's error", worst(name)));
    let fails =
        |name: &str| Check::new(worst(name) > TOO_COARSE, format!("{name}: {:.1} times double's error", worst(name)));
    Verdict {
        checks: vec![
            serves("mixed"),
            serves("residual single"),
            fails("residual half"),
            fails("update half"),
            fails("update single"),
            fails("half"),
            fails("half, no scaling"),
        ],
    }
}
