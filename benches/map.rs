//! A map that grows to ten thousand keyframes: time to take a keyframe in, memory, and what its corrections cost: in the
//! map's own thread, and the optimizations, which a node runs on another.
//!
//! A robot goes twice through a building of many rooms, each of which has landmarks of its own; keyframes are made
//! without images. `cargo bench --bench map -- KEYFRAMES` takes another number of keyframes. Prints a
//! Markdown row per tenth.

#[path = "meter.rs"]
mod meter;
#[path = "../test/synthetic/mod.rs"]
mod synthetic;

use halfslam::geometry::Se3;
use halfslam::map::{LoopCloser, LoopClosure, MapOptions};
use halfslam::precision::Policy;
use meter::{cpu_ms, resident_mb};
use nalgebra::{Point3, Vector3};
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
    let (mut truth, mut odometry): (Vec<Se3>, Vec<Se3>) = Default::default();
    let (mut take_ms, mut own_ms, mut optimize_ms) = (Vec::new(), Vec::new(), Vec::new());
    println!(
        "| keyframes | take in, median (ms) | 99% | most | corrections | their share in the map's thread, most (ms) | \
         optimization, median (ms) | most | loops | MB |\n|---|---|---|---|---|---|---|---|---|---|"
    );
    let start_mb = resident_mb();
    for (world, center) in worlds.iter().zip(&centers).cycle().take(2 * worlds.len()) {
        drive.world = world;
        for t_world_base in circle(*center, 3.0, 0.4, 1.0) {
            let keyframe = drive.keyframe(&t_world_base);
            truth.push(t_world_base);
            odometry.push(keyframe.t_odom_base);
            let start_ms = cpu_ms();
            map.take(keyframe).expect("good keyframes");
            take_ms.push(cpu_ms() - start_ms);
            let start_ms = cpu_ms();
            if let Some(mut optimization) = map.begin_correction() {
                let begun_ms = cpu_ms() - start_ms;
                let start_ms = cpu_ms();
                optimization.run();
                optimize_ms.push(cpu_ms() - start_ms);
                let start_ms = cpu_ms();
                map.finish_correction(optimization).expect("a sound graph");
                own_ms.push(begun_ms + cpu_ms() - start_ms);
            }
            if truth.len().is_multiple_of(keyframe_count / 10) {
                println!(
                    "| {} | {:.2} | {:.1} | {:.1} | {} | {:.1} | {:.0} | {:.0} | {} | {:.0} |",
                    map.keyframe_count(),
                    at(&mut take_ms, 0.5),
                    at(&mut take_ms, 0.99),
                    at(&mut take_ms, 1.0),
                    optimize_ms.len(),
                    at(&mut own_ms, 1.0),
                    at(&mut optimize_ms, 0.5),
                    at(&mut optimize_ms, 1.0),
                    map.loops().len(),
                    resident_mb() - start_mb,
                );
                take_ms.clear();
                own_ms.clear();
                optimize_ms.clear();
            }
        }
    }
    let nodes = &map.graph().nodes;
    let false_count = map.loops().iter().filter(|found| is_false(found, &truth)).count();
    println!(
        "\nRoot mean square error of all keyframes' positions: {:.2} m, of the odometry alone {:.2} m; {false_count} of the \
         loops are wrong by more than 0.3 m.",
        synthetic::drift_m(nodes, &truth),
        synthetic::drift_m(&odometry, &truth)
    );
}

fn is_false(found: &LoopClosure, truth: &[Se3]) -> bool {
    let t_from_to = truth[found.from_node].inverse() * truth[found.to_node];
    (t_from_to.inverse() * found.t_from_to).translation.vector.norm() > 0.3
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
