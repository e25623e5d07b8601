//! What happened, for people and for scripts.

use super::Solved;

/// What scripts read.
pub fn json(solved: &Solved) -> serde_json::Value {
    let statistics = &solved.statistics;
    let phases = &statistics.phases;
    let mut report = serde_json::json!({
        "problem": statistics.problem,
        "policy": statistics.policy,
        "linear_solver": statistics.linear_solver,
        "factor_precision": statistics.factor_precision,
        "rows": statistics.row_count,
        "columns": statistics.column_count,
        "initial_cost": statistics.initial_cost,
        "final_cost": statistics.final_cost,
        "cost_history": statistics.cost_history,
        "iterations": statistics.iterations,
        "rejected_steps": statistics.rejected_steps,
        "cg_iterations": statistics.cg_iterations,
        "converged": statistics.converged,
        "stop_reason": statistics.stop_reason,
        "solve_ms": statistics.solve_ms,
        "phases_ms": {
            "residual": phases.residual_ms,
            "jacobian": phases.jacobian_ms,
            "factor": phases.factor_ms,
            "triangular": phases.triangular_ms,
            "product": phases.product_ms,
            "update": phases.update_ms,
        },
        "escalations": statistics.escalations,
        "doubts": statistics.doubts,
        "flushed_to_zero": statistics.flushed_to_zero,
    });
    if let (Some(report), Some(details)) = (report.as_object_mut(), solved.details.as_object()) {
        report.extend(details.clone());
    }
    report
}

/// What people read.
pub fn print_table(solved: &Solved) {
    let statistics = &solved.statistics;
    println!("{}", solved.title);
    for note in &solved.notes {
        println!("  {note}");
    }
    let row = |name: &str, value: String| println!("  {name:<22}{value}");
    row("precision", statistics.policy.clone());
    row("linear solver", statistics.linear_solver.clone());
    if let Some(precision) = statistics.factor_precision {
        row("factor stored in", precision.to_string());
    }
    row("cost before", format!("{:.6}", statistics.initial_cost + 0.0));
    row("cost after", format!("{:.6}", statistics.final_cost + 0.0));
    row("iterations", format!("{} ({} steps rejected)", statistics.iterations, statistics.rejected_steps));
    row("linear iterations", statistics.cg_iterations.to_string());
    let end = if statistics.converged { "converged" } else { "not converged" };
    row("end", format!("{end}: {}", statistics.stop_reason));
    row("time", format!("{:.1} ms", statistics.solve_ms));
    let phases = &statistics.phases;
    for (name, time_ms) in [
        ("  residuals", phases.residual_ms),
        ("  Jacobian", phases.jacobian_ms),
        ("  factor", phases.factor_ms),
        ("  triangular solves", phases.triangular_ms),
        ("  products", phases.product_ms),
        ("  update", phases.update_ms),
    ] {
        row(name, format!("{time_ms:.1} ms"));
    }
    for escalation in &statistics.escalations {
        row("escalated", escalation.clone());
    }
    for doubt in &statistics.doubts {
        row("in doubt", doubt.clone());
    }
}
