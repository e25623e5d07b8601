//! A map that grows to ten thousand keyframes: time of `LoopCloser::add`, memory, and what its corrections cost.
//!
//! A robot goes twice through a building of many rooms, each of which has landmarks of its own; keyframes are made
//! without images. `cargo bench --bench map -- KEYFRAMES` takes another number of keyframes. Prints a row per tenth.

#[path = "../test/synthetic/mod.rs"]
mod synthetic;

use halfslam::geometry::Se3;
use halfslam::map::{LoopCloser, MapOptions};
use halfslam::precision::Policy;
use nalgebra::{Point3, Vector3};
use std::time::Instant;
use synthetic::{Drive, World, circle};

/// Rooms stand this far apart (m).
const SPACING_M: f64 = 14.0;
const ROOMS_PER_ROW: usize = 12;

fn main() {
    let keyframe_count = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(10_000);
    let centers = rooms(keyframe_count);
    let worlds: Vec<World> = centers.iter().enumerate().map(|(index, center)| room(index as u64, center)).collect();
    let mut drive = Drive::new(&worlds[0], 1, [0.002, 0.0, 0.0, 0.0, 0.0, 0.001], 0.01);
    let mut map = LoopCloser::new(&MapOptions::default(), &Policy::resolve("mixed").expect("known"));
    let mut truth: Vec<Se3> = Vec::new();
    let (mut plain_ms, mut corrected_ms) = (Vec::new(), Vec::new());
    println!("keyframes  add ms: median    p99    max   with correction: count  median     max   loops   MB   kB each");
    let start_kb = resident_kb();
    for (world, center) in worlds.iter().zip(&centers).cycle().take(2 * worlds.len()) {
        drive.world = world;
        for t_world_base in circle(*center, 3.0, 0.4, 1.0) {
            let keyframe = drive.keyframe(&t_world_base);
            truth.push(t_world_base);
            let start = Instant::now();
            let corrected = map.add(keyframe).expect("good keyframes").is_some();
            let ms = start.elapsed().as_secs_f64() * 1e3;
            if corrected {
                corrected_ms.push(ms)
            } else {
                plain_ms.push(ms)
            }
            if truth.len().is_multiple_of(keyframe_count / 10) {
                let used_kb = resident_kb() - start_kb;
                println!(
                    "{:9} {:17.2} {:6.2} {:6.1} {:24} {:7.1} {:7.1} {:7} {:4} {:9.1}",
                    map.keyframe_count(),
                    at(&mut plain_ms, 0.5),
                    at(&mut plain_ms, 0.99),
                    at(&mut plain_ms, 1.0),
                    corrected_ms.len(),
                    at(&mut corrected_ms, 0.5),
                    at(&mut corrected_ms, 1.0),
                    map.loops().len(),
                    used_kb / 1024,
                    used_kb as f64 / map.keyframe_count() as f64
                );
                plain_ms.clear();
                corrected_ms.clear();
            }
        }
    }
    let error_m = synthetic::drift_m(&map.graph().nodes, &truth);
    println!("root mean square error of all keyframes' positions: {error_m:.3} m");
}

/// Centers of so many rooms that two rounds through all give this number of keyframes; a row to and a row fro.
fn rooms(keyframe_count: usize) -> Vec<Point3<f64>> {
    let room_count = keyframe_count.div_ceil(2 * circle(Point3::origin(), 3.0, 0.4, 1.0).len());
    let center = |index: usize| {
        let (row, place) = (index / ROOMS_PER_ROW, index % ROOMS_PER_ROW);
        let column = if row % 2 == 0 { place } else { ROOMS_PER_ROW - 1 - place };
        Point3::new(column as f64 * SPACING_M, row as f64 * SPACING_M, 0.0)
    };
    (0..room_count).map(center).collect()
}

fn room(seed: u64, center: &Point3<f64>) -> World {
    World::room(seed, center + Vector3::z() * 0.5, Vector3::new(12.0, 12.0, 3.0), 2500)
}

/// The value below which this share of the values lies.
fn at(values: &mut [f64], share: f64) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(((values.len() as f64 - 1.0) * share).round() as usize).copied().unwrap_or(f64::NAN)
}

/// Memory of this process (kB).
fn resident_kb() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
