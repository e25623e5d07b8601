//! Reports of solves.

use super::pose::header_msg;
use crate::solver::SolveStatistics;
use r2r::halfslam::msg::SolveReport;

/// A report from the statistics of a solve that the frame or keyframe of this stamp called for.
pub fn solve_report_msg(solve: &SolveStatistics, stamp_nanos: i64) -> SolveReport {
    SolveReport {
        header: header_msg(stamp_nanos, ""),
        problem: solve.problem.clone(),
        policy: solve.policy.clone(),
        initial_cost: solve.initial_cost,
        final_cost: solve.final_cost,
        iterations: solve.iterations as u32,
        linear_iterations: solve.cg_iterations as u32,
        converged: solve.converged,
        stop_reason: solve.stop_reason.clone(),
        rows: solve.row_count as u32,
        columns: solve.column_count as u32,
        duration_ms: solve.solve_ms,
    }
}
