//! What a measured loop says that is not known yet, and how much more likely that is if the loop is right.

use super::spread::{Bits, Spread};
use super::{PoseGraph, PoseGraphEdge};
use crate::geometry::relative_pose::RigidGroup;
use nalgebra::{Cholesky, Const, SMatrix, SVector};

/// By how much a measured loop differs from what is expected without it.
#[derive(Debug, Clone)]
pub(super) struct Innovation<const D: usize> {
    /// Not whitened.
    residual: SVector<f64, D>,
    /// Of the residual, if the loop is right and information is what it is said to be.
    covariance: SMatrix<f64, D, D>,
}

/// How an innovation is judged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Judgement {
    /// Squared, in standard deviations.
    pub(super) squared: f64,
    /// Logarithm of how many times more likely it is of a right loop than of one between two nodes at random.
    pub(super) evidence: f64,
}

impl<const D: usize> Innovation<D> {
    /// That of a cycle, which is the gap by which it does not close.
    pub(super) fn of_cycle(gap: SVector<f64, D>, covariance: SMatrix<f64, D, D>) -> Self {
        Self { residual: gap, covariance }
    }

    /// That of an edge which is not in the graph that was sampled. `None` if the edge tells nothing.
    pub(super) fn of<G: RigidGroup<D>>(
        graph: &PoseGraph<G, D>,
        edge: &PoseGraphEdge<G, D>,
        spread: &Spread,
    ) -> Option<Self> {
        let relative = G::relative(&graph.nodes[edge.from].rounded::<f64>(), &graph.nodes[edge.to].rounded::<f64>());
        let residual = SVector::<f64, D>::from(G::residual(&edge.t_from_to.rounded(), &relative));
        let own = edge.covariance()?;
        Some(Self { residual, covariance: own + spread.of_relative::<G, D>(edge.from, edge.to, &relative) })
    }

    /// Judges it, where all covariances are `scale` times what they are said to be and residuals at random have covariance
    /// `at_random`. `None` if that is not to be computed.
    pub(super) fn judge(&self, scale: f64, at_random: &SMatrix<f64, D, D>) -> Option<Judgement> {
        let if_right = self.covariance * scale;
        let (right, wrong) = (Cholesky::new(if_right)?, Cholesky::new(if_right + at_random)?);
        let squared = |factor: &Cholesky<f64, Const<D>>| self.residual.dot(&factor.solve(&self.residual));
        let log_root = |factor: &Cholesky<f64, Const<D>>| factor.l_dirty().diagonal().map(f64::ln).sum();
        let evidence = log_root(&wrong) - log_root(&right) + 0.5 * (squared(&wrong) - squared(&right));
        evidence.is_finite().then(|| Judgement { squared: squared(&right), evidence })
    }
}

/// The share of wrong ones that is expected among loops that are taken, at most: the first of these by which there is one to
/// be taken. A wrong one costs most in the beginning, and then most loops can be judged strictly. By the last one there
/// still are ten right ones that contradict a wrong one.
const LEVELS: [f64; 3] = [0.001, 0.01, 0.1];

/// How much evidence a loop needs to be taken, of which so many are taken `already` of so many `in_doubt`: as little as
/// keeps the share of wrong ones to the strictest of the [`LEVELS`] by which there is one to be taken. `None` if there is none.
pub(super) fn least_evidence(judged: &[Option<Judgement>], already: usize, in_doubt: usize) -> Option<f64> {
    let mut evidence: Vec<f64> = judged.iter().flatten().map(|judged| judged.evidence).collect();
    evidence.sort_by(|a, b| b.total_cmp(a));
    LEVELS.iter().find_map(|level| {
        let needed = |count: usize| (in_doubt as f64 / (level * (already + count) as f64)).ln();
        let count = (1..=evidence.len()).rev().find(|&count| evidence[count - 1] >= needed(count))?;
        Some(evidence[count - 1])
    })
}

/// Pairs of nodes from which it is found how far apart two of them are: enough that chance leaves a twentieth of it open.
const PAIRS: usize = 1000;

/// The second moments of the residual of a loop whose measurement is small against the map, between two nodes at random:
/// positions as they are, turns anyhow. `[t; 2 sin(θ/2)]` and `[t; 2 q_vec]` of turns anyhow have a mean square of 2 in the
/// plane and of 1 for each axis in space.
pub(super) fn residual_at_random<G: RigidGroup<D>, const D: usize>(graph: &PoseGraph<G, D>) -> SMatrix<f64, D, D> {
    let (first_turn, turn) = if D == 3 { (2, 2.0) } else { (3, 1.0) };
    let (mut bits, mut sum) = (Bits::new(), SMatrix::<f64, D, D>::zeros());
    for _ in 0..PAIRS {
        let [a, b] = [(); 2].map(|()| graph.nodes[bits.below(graph.nodes.len())].rounded::<f64>());
        let apart = G::residual(&G::identity().rounded(), &G::relative(&a, &b));
        let apart = SVector::<f64, D>::from_fn(|row, _| if row < first_turn { apart[row] } else { 0.0 });
        sum += apart * apart.transpose();
    }
    SMatrix::from_fn(|row, column| match (row < first_turn, row == column) {
        (true, _) => sum[(row, column)] / PAIRS as f64,
        (false, is_diagonal) => f64::from(u8::from(is_diagonal)) * turn,
    })
}

/// How likely it is, at most, that an edge between two nodes at random fits as well as it does, by the share of what is
/// possible that lies within its squared whitened residual: whatever the residuals of right ones are like.
pub(super) fn chance_to_fit<G: RigidGroup<D>, const D: usize>(
    edge: &PoseGraphEdge<G, D>,
    squared: f64,
    at_random: &SMatrix<f64, D, D>,
) -> Option<f64> {
    // Of the unit ball's volume and the greatest density of the normal distribution: 2^(-D/2) / Γ(D/2 + 1).
    let ball = if D == 3 { 0.265_96 } else { 1.0 / 48.0 };
    let own = edge.covariance()?;
    let (own, all) = (Cholesky::new(own)?, Cholesky::new(own + at_random)?);
    let ratio: f64 = own.l_dirty().diagonal().iter().zip(all.l_dirty().diagonal().iter()).map(|(a, b)| a / b).product();
    Some(ball * squared.powf(0.5 * D as f64) * ratio)
}

/// What is found out about all loops together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Calibration {
    /// By which all covariances have to be multiplied: the variance of unit weight. Files state standard deviations that
    /// are up to three hundred times too large, and then wrong loops agree with nearly everything; some state too small ones.
    pub(super) scale: f64,
    /// Of right ones among loops.
    pub(super) share: f64,
}

/// Steps of expectation and maximization. They go on from round to round of a growing map.
const STEPS: usize = 20;
/// They end when the scale changes by less than this share, which is little against the uncertainty of a spread.
const NEGLIGIBLE: f64 = 0.05;
/// Standard deviations are never believed to be more than three hundred times too large: a few measurements that are exact or
/// the same twice must not make those suspicious that are not.
const LEAST_SCALE: f64 = 1e-5;
const MOST_SCALE: f64 = 100.0;

impl Calibration {
    /// Before anything is known.
    pub(super) fn new() -> Self {
        Self { scale: 1.0, share: 0.5 }
    }

    /// Fits it to loops that have been taken, of which the squared innovations in the deviations that are stated are
    /// `known`, and to innovations of which it is not known whether they are right: a mixture of two normal distributions.
    ///
    /// # Source
    /// Dempster, Laird, Rubin, *Maximum likelihood from incomplete data via the EM algorithm* (1977), 4.3.
    pub(super) fn fit<const D: usize>(
        &mut self,
        known: &[f64],
        innovations: &[Option<Innovation<D>>],
        at_random: &SMatrix<f64, D, D>,
    ) {
        for _ in 0..STEPS {
            let (mut right, mut squares) = (known.len() as f64, known.iter().sum::<f64>());
            let mut count = right;
            for judged in innovations.iter().flatten().filter_map(|it| it.judge(self.scale, at_random)) {
                let log_odds = judged.evidence + (self.share / (1.0 - self.share)).ln();
                let weight = 1.0 / (1.0 + (-log_odds).exp());
                (right, squares, count) = (right + weight, squares + weight * self.scale * judged.squared, count + 1.0);
            }
            let before = self.scale;
            if right >= 1.0 {
                // Two standard deviations of what so many squares tell above it.
                let unknowns = D as f64 * right;
                let above = 1.0 + 2.0 * (2.0 / unknowns).sqrt();
                self.scale = (above * squares / unknowns).clamp(LEAST_SCALE, MOST_SCALE);
            }
            self.share = (right + 1.0) / (count + 2.0);
            if (self.scale / before).ln().abs() < NEGLIGIBLE {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Se2;
    use nalgebra::{Matrix3, Vector3};

    fn innovation(residual: [f64; 3], deviation: f64) -> Innovation<3> {
        Innovation { residual: residual.into(), covariance: Matrix3::identity() * (deviation * deviation) }
    }

    #[test]
    fn evidence_is_for_what_fits_against_what_does_not_and_none_where_nothing_is_known() {
        let at_random = Matrix3::from_diagonal(&Vector3::new(100.0, 100.0, 2.0));
        let evidence = |residual, deviation| innovation(residual, deviation).judge(1.0, &at_random).unwrap().evidence;
        // The ratio of densities: (10 · 10 · √2) / 0.1³ at a residual of zero.
        assert!((evidence([0.0; 3], 0.1) - (100.0 * 2.0f64.sqrt() / 1e-3).ln()).abs() < 1e-2);
        assert!(evidence([1.0, 0.0, 0.0], 0.1) < -30.0);
        assert!(evidence([3.0, 0.0, 0.5], 1000.0).abs() < 1e-3);
        assert!(innovation([f64::NAN; 3], 1.0).judge(1.0, &at_random).is_none());
        assert!(innovation([1.0; 3], f64::NAN).judge(1.0, &at_random).is_none());
    }

    #[test]
    fn overstated_deviations_are_found_out_among_wrong_loops() {
        let at_random = Matrix3::from_diagonal(&Vector3::new(100.0, 100.0, 2.0));
        let mut bits = Bits::new();
        // A sum of three between -1 and 1 has variance one.
        let mut draw = || [(); 3].map(|()| bits.below(1 << 20) as f64 / (1 << 19) as f64 - 1.0).iter().sum::<f64>();
        let innovations: Vec<_> = (0..400)
            .map(|index| {
                let spread = if index % 2 == 0 { [0.02; 3] } else { [10.0, 10.0, 0.7] };
                Some(innovation(spread.map(|deviation| deviation * draw()), 0.1))
            })
            .collect();
        let mut found = Calibration::new();
        found.fit(&[], &innovations, &at_random);
        assert!((0.03..0.06).contains(&found.scale) && (found.share - 0.5).abs() < 0.05, "{found:?}");
        // Of nothing nothing is concluded.
        let mut found = Calibration::new();
        found.fit::<3>(&[], &[None], &at_random);
        assert_eq!(found, Calibration::new());
    }

    #[test]
    fn chance_to_fit_is_a_share_of_what_is_possible() {
        let at_random = Matrix3::from_diagonal(&Vector3::new(100.0, 100.0, 2.0));
        let mut edge = PoseGraphEdge {
            from: 0,
            to: 1,
            t_from_to: Se2::identity(),
            information: Matrix3::identity() * 100.0,
            robust: true,
        };
        let chance = |edge: &PoseGraphEdge<Se2, 3>, squared| chance_to_fit(edge, squared, &at_random).unwrap();
        // 4/3 π 0.3³ of (2π)^(3/2) · 10 · 10 · √2.
        let expected = 4.0 / 3.0 * std::f64::consts::PI * 0.027 / (std::f64::consts::TAU.powf(1.5) * 141.42);
        assert!((chance(&edge, 9.0) / expected - 1.0).abs() < 0.01, "{} {expected}", chance(&edge, 9.0));
        assert_eq!(chance(&edge, 0.0), 0.0);
        edge.information[(2, 2)] = 0.0;
        assert!(chance(&edge, 9.0) > 5.0 * expected);
        edge.information.fill(0.0);
        assert!(chance_to_fit(&edge, 0.0, &at_random).is_none());
    }

    #[test]
    fn strict_first_and_looser_as_more_is_known() {
        let judged = |evidence: &[f64]| -> Vec<Option<Judgement>> {
            evidence.iter().map(|&evidence| Some(Judgement { squared: 1.0, evidence })).collect()
        };
        // Of ten, alone: ln(10 / 0.001) = 9.2, ln(10 / 0.01) = 6.9, ln(10 / 0.1) = 4.6.
        assert_eq!(least_evidence(&judged(&[9.0, 7.0, 10.0]), 0, 10), Some(9.0));
        assert_eq!(least_evidence(&judged(&[7.0, 5.0, 2.0]), 0, 10), Some(7.0));
        assert_eq!(least_evidence(&judged(&[4.7, 2.0]), 0, 10), Some(4.7));
        assert_eq!(least_evidence(&judged(&[4.5, 2.0]), 0, 10), None);
        assert_eq!(least_evidence(&judged(&[4.5, 2.0]), 8, 10), Some(4.5));
        assert_eq!(least_evidence(&[None], 0, 10), None);
    }
}
