//! Experiment 7: each component in turn in half precision, and without scaling or regularization.

use super::growing_map::GrowingMap;
use super::linear_solve::cgnr_options;
use super::window::{position_error_m, window};
use super::{Check, Outcome, Picture, ReproduceError, Setup, Table, Verdict};
use crate::bundle::{Bundle, BundleOptions};
use crate::geometry::Se3;
use crate::plot::{Bar, BarChart, LOOP, ODOMETRY, Scale, TRUTH, quantile};
use crate::pose_graph::PoseGraphOptions;
use crate::precision::{Policy, Precision};
use crate::solver::SolverOptions;
use plotters::style::RGBColor;

/// How one solve differs from the one in double.
struct Variation {
    name: &'static str,
    policy: Policy,
    regularization: bool,
}

/// What came of a variation: the median error (m) over the problems of each kind of [`KINDS`].
#[derive(Debug, Clone, Copy)]
struct Errors([f64; 3]);

/// Windows of bundle adjustment, maps, and the same maps in the coordinates of a country's grid.
const KINDS: [&str; 3] = ["window", "map", "map in grid coordinates"];
const KIND_COLORS: [RGBColor; 3] = [LOOP, ODOMETRY, TRUTH];
/// Where in such a grid (UTM) the map begins (m).
const GRID_M: [f64; 2] = [500_000.0, 5_300_000.0];

/// Solves windows and maps in every variation.
pub(super) fn run(setup: &Setup) -> Result<Outcome, ReproduceError> {
    let variations = variations()?;
    let (window_count, map_count) = (setup.count(20, 2), setup.count(10, 1));
    let map_keyframes = setup.size(1000, 400);
    let windows: Vec<_> = (0..window_count).map(|index| window(setup.seed + index as u64)).collect();
    let maps: Vec<_> = (0..map_count).map(|index| GrowingMap::new(setup.seed + index as u64, map_keyframes)).collect();
    let median = |errors: Vec<f64>| quantile(&errors, 0.5);
    let errors = setup.each("needs", variations.len(), |index| -> Result<Errors, ReproduceError> {
        let variation = &variations[index];
        let window_m = windows.iter().map(|(bundle, truth)| variation.window_error_m(bundle, truth)).collect();
        let [near_m, far_m] = [[0.0; 2], GRID_M]
            .map(|origin| median(maps.iter().map(|map| variation.map_error_m(map, map_keyframes, origin)).collect()));
        Ok(Errors([median(window_m), near_m, far_m]))
    })?;
    let window_m = median(windows.iter().map(|(bundle, truth)| position_error_m(bundle, truth)).collect());
    let map_m = median(maps.iter().map(|map| map.ate_m(&map.graph(map_keyframes))).collect());
    let named: Vec<(&str, Errors)> = std::iter::once(("before", Errors([window_m, map_m, map_m])))
        .chain(variations.iter().map(|variation| variation.name).zip(errors))
        .collect();
    let pictures = vec![("needs".into(), Picture::Bars(picture(&named)))];
    Ok(Outcome { verdict: verdict(&named), tables: vec![table(&named)], pictures })
}

impl Variation {
    /// Position error of a window's cameras (m) after its solve; what cannot be solved stays where it was.
    fn window_error_m(&self, bundle: &Bundle, truth: &[Se3]) -> f64 {
        let mut bundle = bundle.clone();
        let options = BundleOptions { solver: self.solver(cgnr_options().solver), ..cgnr_options() };
        if let Err(error) = bundle.optimize(&self.policy, &options) {
            tracing::debug!("{}: {error}", self.name);
        }
        position_error_m(&bundle, truth)
    }

    /// Error of a map that begins at `origin` (m) after its solve, likewise.
    fn map_error_m(&self, map: &GrowingMap, keyframes: usize, [x, y]: [f64; 2]) -> f64 {
        let mut graph = map.graph(keyframes);
        graph.nodes.iter_mut().for_each(|node| *node = Se3::translation(x, y, 0.0) * *node);
        let mut defaults = PoseGraphOptions { start: "given".into(), ..PoseGraphOptions::default() };
        defaults.preconditioner.max_complete_entries = 0;
        let options = PoseGraphOptions { solver: self.solver(defaults.solver.clone()), ..defaults };
        if let Err(error) = graph.optimize(&self.policy, &options) {
            tracing::debug!("{}: {error}", self.name);
        }
        map.ate_m(&graph)
    }

    fn solver(&self, defaults: SolverOptions) -> SolverOptions {
        let method = if self.regularization { defaults.method.clone() } else { "gauss_newton".into() };
        SolverOptions { method, ..defaults }
    }
}

/// Everything in double but what each variation lowers; no solve is repeated in a higher precision.
fn variations() -> Result<Vec<Variation>, ReproduceError> {
    use Precision::{F16, F32};
    let named = |name: &str| Ok::<_, ReproduceError>(Policy { naive: true, ..Policy::resolve(name)? });
    let (double, mixed, half) = (named("double")?, named("mixed")?, named("half")?);
    let scaled_half = Policy { scaling: true, ..half.clone() };
    let plain = |name, policy| Variation { name, policy, regularization: true };
    let lowered = |name, change: fn(&mut Policy)| {
        let mut policy = double.clone();
        change(&mut policy);
        plain(name, policy)
    };
    Ok(vec![
        plain("double", double.clone()),
        lowered("residual half", |policy| policy.residual = F16),
        lowered("residual single", |policy| policy.residual = F32),
        // What is computed from something in half precision is no better than half.
        lowered("Jacobian half", |policy| (policy.jacobian, policy.product) = (F16, F16)),
        lowered("product half", |policy| policy.product = F16),
        lowered("preconditioner half", |policy| policy.preconditioner = F16),
        lowered("vectors half", |policy| {
            (policy.vectors, policy.product, policy.preconditioner) = (F16, F16, F16);
        }),
        lowered("update half", |policy| policy.update = F16),
        lowered("update single", |policy| policy.update = F32),
        plain("mixed", mixed.clone()),
        plain("half", half.clone()),
        plain("half, with scaling", scaled_half.clone()),
        plain("mixed, no scaling", Policy { scaling: false, ..mixed.clone() }),
        Variation { regularization: false, ..plain("mixed, no regularization", mixed) },
        Variation { regularization: false, ..plain("half, with scaling, no regularization", scaled_half) },
    ])
}

fn of(named: &[(&str, Errors)], name: &str) -> Errors {
    let found = named.iter().find(|(other, _)| *other == name);
    found.map_or(Errors([f64::INFINITY; 3]), |(_, errors)| *errors)
}

fn table(named: &[(&str, Errors)]) -> Table {
    let header = KINDS.iter().flat_map(|kind| [format!("{kind} (mm)"), format!("{kind}: of double's")]);
    let header = std::iter::once("variation".to_string()).chain(header).collect();
    let mut table = Table { name: "needs".into(), header, rows: Vec::new() };
    let double = of(named, "double");
    for (name, errors) in named {
        let pair = |(error, double): (&f64, f64)| [format!("{:.4}", 1e3 * error), format!("{:.3}", error / double)];
        let row = errors.0.iter().zip(double.0).flat_map(pair);
        table.push(std::iter::once((*name).to_string()).chain(row));
    }
    table
}

fn picture(named: &[(&str, Errors)]) -> BarChart {
    let double = of(named, "double");
    let groups = named.iter().map(|(name, errors)| {
        let bar = |kind: usize| Bar {
            label: KINDS[kind].into(),
            color: KIND_COLORS[kind],
            value: errors.0[kind] / double.0[kind],
        };
        ((*name).to_string(), (0..KINDS.len()).map(bar).collect())
    });
    BarChart {
        title: "Error of a solve with one component lowered".into(),
        x: "error, as a multiple of double's".into(),
        scale: Scale::Logarithmic,
        groups: groups.collect(),
    }
}

/// Ratios to double's errors beyond which a component is too coarse, and within which it serves.
const TOO_COARSE: f64 = 1.5;
const SERVES: f64 = 1.05;

fn verdict(named: &[(&str, Errors)]) -> Verdict {
    let double = of(named, "double");
    let worst = |name: &str| {
        let errors = of(named, name);
        let ratios = errors.0.iter().zip(double.0).map(|(error, double)| error / double);
        // What cannot be told at all is the worst.
        ratios.fold(0.0, |worst: f64, ratio| if ratio.is_finite() { worst.max(ratio) } else { f64::INFINITY })
    };
    let found = |name: &str| format!("'{name}' ends with {:.3} times double's error at worst", worst(name));
    let serves = |claim, name: &str| Check::new(claim, worst(name) < SERVES, found(name));
    let fails = |claim, name: &str| Check::new(claim, worst(name) > TOO_COARSE, found(name));
    Verdict::of(vec![
        serves("mixed is enough", "mixed"),
        serves("the residual may be single", "residual single"),
        fails("the residual must not be half", "residual half"),
        fails("the update must be double", "update single"),
        fails("scaling is needed", "mixed, no scaling"),
        fails("regularization is needed", "mixed, no regularization"),
        fails("naive half fails", "half"),
    ])
}
