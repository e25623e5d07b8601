//! A few runs of each of the article's experiments: what they say of errors holds (of times no test can say anything).

use halfslam::reproduce::{Outcome, Progress, Setup, experiments, run};
use std::path::PathBuf;

struct Silent;
impl Progress for Silent {
    fn begin(&self, _: &str, _: usize) {}
    fn step(&self) {}
}

fn quick(name: &str, threads: usize) -> Outcome {
    let data = std::env::var_os("HALFSLAM_DATA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data"), PathBuf::from);
    let mut setup = Setup::new(true, 1, threads, &Silent);
    setup.data = Some(data);
    run(name, &setup).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Asserts that every check holds that is not of time, nor a claim that is still open.
fn assert_holds(name: &str, open: &[&str]) {
    let outcome = quick(name, 2);
    if let Some(reason) = &outcome.verdict.skipped {
        assert!(name.starts_with("real_"), "{name}: {reason}");
        println!("skipped: {reason}");
        return;
    }
    assert!(open.iter().all(|claim| outcome.verdict.checks.iter().any(|check| check.claim == *claim)), "{open:?}");
    for check in outcome.verdict.checks.iter().filter(|check| !check.is_timing && !open.contains(&check.claim)) {
        assert!(check.holds, "{name}: {check:?}");
    }
    let folder = tempfile::tempdir().expect("temporary folder");
    let files = outcome.write(name, folder.path()).expect("writable");
    for file in &files {
        let text = std::fs::read_to_string(file).expect("written");
        assert!(text.len() > 20 && !text.contains("NaN"), "{}: {text}", file.display());
    }
    for ending in ["csv", "svg", "txt"] {
        assert!(files.iter().any(|file| file.extension().is_some_and(|e| e == ending)), "{name} has a {ending}");
    }
}

#[test]
fn one_trajectory() {
    assert_holds("trajectory", &[]);
}

#[test]
fn many_trajectories() {
    assert_holds("trajectories", &[]);
}

#[test]
fn the_linear_solve() {
    assert_holds("linear_solve", &[]);
}

#[test]
fn loop_closure() {
    // The odometry of a few short tours is too good for loops to take much away.
    assert_holds("loop_closure", &["they take a good part of the mean error away"]);
}

#[test]
fn time_while_the_map_grows() {
    assert_holds("map_time", &[]);
}

#[test]
fn accuracy_while_the_map_grows() {
    assert_holds("map_accuracy", &[]);
}

#[test]
fn what_is_needed() {
    assert_holds("needs", &["regularization is needed"]);
}

#[test]
fn real_graphs() {
    assert_holds("real_graphs", &[]);
}

#[test]
fn real_recordings() {
    assert_holds("real_recordings", &[]);
}

#[test]
fn without_real_data_nothing_is_claimed_of_it() {
    for name in ["real_graphs", "real_recordings"] {
        let outcome = run(name, &Setup::new(true, 1, 1, &Silent)).expect("no error");
        assert!(outcome.verdict.to_string().starts_with("skipped: no data folder"), "{}", outcome.verdict);
        assert!(outcome.verdict.checks.is_empty() && outcome.tables.is_empty());
    }
}

#[test]
fn figures_do_not_depend_on_the_number_of_threads() {
    for name in ["needs", "map_accuracy"] {
        assert_eq!(quick(name, 1).tables, quick(name, 2).tables, "{name}");
    }
}

#[test]
fn an_unknown_name_is_answered_with_the_known_ones() {
    let error = run("trajectorys", &Setup::new(true, 1, 1, &Silent)).expect_err("unknown").to_string();
    assert!(error.contains("trajectorys") && experiments().iter().all(|known| error.contains(known.name)), "{error}");
}
