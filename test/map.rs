//! The map as a whole: tours are corrected, false loops resisted, restarts and lost messages survived.

mod synthetic;

use halfslam::geometry::Se3;
use halfslam::map::{LoopCloser, MapError, MapOptions};
use halfslam::odometry::KeyframeId;
use halfslam::place::{DescribedKeyframe, VerificationOptions, Verifier, View};
use halfslam::precision::Policy;
use nalgebra::{Point3, Vector3};
use synthetic::{Drive, World, circle, drift_m, pose};

/// A bias that bends a circle of 3 m into a spiral: 3% of scale, 0.6 degrees per metre.
const BIAS: [f64; 6] = [0.03, 0.0, 0.0, 0.0, 0.0, 0.01];

fn closer() -> LoopCloser {
    LoopCloser::new(&MapOptions::default(), &Policy::resolve("mixed").expect("known"))
}

fn hall(seed: u64) -> World {
    World::room(seed, Point3::new(0.0, 0.0, 0.5), Vector3::new(12.0, 12.0, 3.0), 2500)
}

/// Loops that are wrong by more than 0.3 m or 10 degrees: their nodes and errors.
fn false_loops(closer: &LoopCloser, truth: &[Se3]) -> Vec<(usize, usize, f64, f64)> {
    let errors = closer.loops().iter().map(|found| {
        let e = (truth[found.from_node].inverse() * truth[found.to_node]).inverse() * found.t_from_to;
        (found.from_node, found.to_node, e.translation.vector.norm(), e.rotation.angle().to_degrees())
    });
    errors.filter(|(_, _, distance_m, angle_deg)| *distance_m > 0.3 || *angle_deg > 10.0).collect()
}

#[test]
fn a_second_round_corrects_the_first() {
    let world = hall(1);
    let truth = circle(Point3::origin(), 3.0, 0.4, 2.0);
    let mut drive = Drive::new(&world, 2, BIAS, 0.01);
    let mut closer = closer();
    let mut odometry = Vec::new();
    let mut corrections = 0;
    for t_world_base in &truth {
        let keyframe = drive.keyframe(t_world_base);
        odometry.push(keyframe.t_odom_base);
        if let Some(correction) = closer.add(keyframe).expect("good keyframes") {
            corrections += 1;
            assert_eq!(correction.t_map_odom, closer.t_map_odom());
            assert!(!correction.loops.is_empty());
        }
    }
    assert!(corrections >= 3, "{corrections} corrections");
    assert_eq!(false_loops(&closer, &truth), []);
    let (before, after) = (drift_m(&odometry, &truth), drift_m(&closer.graph().nodes, &truth));
    assert!(after < 0.5 * before, "{before} m became {after} m");
    let newest = closer.t_map_odom() * odometry[odometry.len() - 1];
    assert!((newest.inverse() * closer.graph().nodes[truth.len() - 1]).translation.vector.norm() < 1e-9);
    assert_eq!(closer.trajectory().poses().len(), truth.len());
}

/// A map that takes so many keyframes between the beginning of each correction and its end, and the true poses.
fn corrected_late(delay: usize) -> (LoopCloser, Vec<Se3>) {
    let world = hall(1);
    let truth = circle(Point3::origin(), 3.0, 0.4, 2.0);
    let mut drive = Drive::new(&world, 2, BIAS, 0.01);
    let mut closer = closer();
    let mut running = None;
    for t_world_base in &truth {
        closer.take(drive.keyframe(t_world_base)).expect("good keyframes");
        running =
            running.or_else(|| closer.begin_correction().map(|optimization| (closer.keyframe_count(), optimization)));
        if running.is_some() {
            assert!(closer.begin_correction().is_none(), "one at a time");
        }
        let is_due = |(begun_at, _): &mut (usize, _)| closer.keyframe_count() - *begun_at >= delay;
        if let Some((begun_at, mut optimization)) = running.take_if(is_due) {
            optimization.run();
            let steps = |closer: &LoopCloser| {
                let nodes = closer.graph().nodes[begun_at - 1..].to_vec();
                nodes.windows(2).map(|pair| pair[0].inverse() * pair[1]).collect::<Vec<_>>()
            };
            let before = steps(&closer);
            closer.finish_correction(optimization).expect("a sound graph");
            for (before, after) in before.iter().zip(steps(&closer)) {
                let moved = (before.inverse() * after).to_homogeneous() - nalgebra::Matrix4::identity();
                assert!(moved.norm() < 1e-9, "nodes that came meanwhile move as one: {moved}");
            }
        }
    }
    (closer, truth)
}

#[test]
fn a_correction_may_end_while_keyframes_come() {
    let (at_once, truth) = corrected_late(0);
    let (late, _) = corrected_late(7);
    for closer in [&at_once, &late] {
        assert!(closer.loops().len() >= 3, "{} loops", closer.loops().len());
        assert_eq!(closer.graph().edges.len(), truth.len() - 1 + closer.loops().len());
        assert_eq!(false_loops(closer, &truth), []);
        let loops = closer.graph().edges.iter().filter(|edge| edge.robust).map(|edge| (edge.from, edge.to));
        assert!(loops.eq(closer.loops().iter().map(|found| (found.from_node, found.to_node))));
    }
    let [at_once_m, late_m] = [&at_once, &late].map(|closer| drift_m(&closer.graph().nodes, &truth));
    assert!(late_m < 1.5 * at_once_m, "{at_once_m} m at once, {late_m} m late");
}

#[test]
fn a_correction_that_did_not_succeed_leaves_the_map_as_it_grew() {
    let world = hall(1);
    let mut drive = Drive::new(&world, 2, BIAS, 0.01);
    let mut closer = closer();
    let mut given_up = 0;
    let mut truth = circle(Point3::origin(), 3.0, 0.4, 2.0).into_iter();
    while let Some(t_world_base) = truth.next() {
        closer.take(drive.keyframe(&t_world_base)).expect("good keyframes");
        let Some(mut optimization) = closer.begin_correction() else { continue };
        let next = truth.next().expect("more than three corrections");
        closer.take(drive.keyframe(&next)).expect("good keyframes");
        if given_up == 2 {
            optimization.run();
            assert!(closer.finish_correction(optimization).expect("a sound graph").is_some());
            assert_eq!(closer.graph().edges.len(), closer.keyframe_count() - 1 + closer.loops().len());
            return;
        }
        // It is handed back without a result.
        let (nodes, edges) = (closer.graph().nodes.clone(), closer.graph().edges.clone());
        assert!(closer.finish_correction(optimization).expect("no result").is_none());
        assert_eq!((&closer.graph().nodes, closer.graph().edges.len()), (&nodes, edges.len()));
        assert!(closer.loops().is_empty());
        given_up += 1;
    }
    panic!("{given_up} corrections were begun");
}

#[test]
fn the_same_keyframes_give_the_same_map() {
    let world = hall(3);
    let truth = circle(Point3::origin(), 3.0, 0.4, 1.4);
    let run = || {
        let mut drive = Drive::new(&world, 4, BIAS, 0.01);
        let mut closer = closer();
        for t_world_base in &truth {
            closer.add(drive.keyframe(t_world_base)).expect("good keyframes");
        }
        closer
    };
    let (a, b) = (run(), run());
    assert!(!a.loops().is_empty());
    assert_eq!(a.loops(), b.loops());
    assert_eq!(a.graph().nodes, b.graph().nodes);
    let cloud = a.cloud();
    assert!(cloud.len() > 500, "{} points", cloud.len());
    assert_eq!(cloud, b.cloud());
}

#[test]
fn rooms_that_look_the_same_are_not_one() {
    let room = |x| World::room(7, Point3::new(x, 0.0, 0.5), Vector3::new(6.0, 6.0, 3.0), 1200);
    let world = room(0.0).and(room(15.0));
    let mut truth = circle(Point3::origin(), 1.5, 0.4, 1.0);
    truth.extend((0..36).map(|step| pose(1.5 + 0.42 * f64::from(step), 0.0, 0.0)));
    truth.extend(circle(Point3::new(15.0, 0.0, 0.0), 1.5, 0.4, 1.0));
    let mut drive = Drive::new(&world, 8, [0.01, 0.0, 0.0, 0.0, 0.0, 0.005], 0.005);
    let mut closer = closer();
    for t_world_base in &truth {
        closer.add(drive.keyframe(t_world_base)).expect("good keyframes");
    }
    assert_eq!(false_loops(&closer, &truth), []);
    assert!(closer.loops().len() > 3, "true loops are found within each room");
    // The images alone would have closed a loop between the rooms.
    let mut random = drive.random.clone();
    let mut view = |x: f64| {
        let t_world_base = pose(x, 0.5, 1.0);
        let features = world.features(&t_world_base, &mut random);
        View::new(&DescribedKeyframe { features, ..Drive::new(&world, 0, [0.0; 6], 0.0).keyframe(&t_world_base) })
    };
    let alias =
        Verifier::new(&VerificationOptions::default()).verify(&view(0.0), &view(15.0)).expect("they look alike");
    assert!(alias.t_from_to.translation.vector.norm() < 0.1);
}

#[test]
fn sides_that_look_the_same_are_told_apart() {
    let world = World::ring(61, 6.0, 8, 250);
    let truth = circle(Point3::origin(), 3.0, 0.4, 2.0);
    let mut drive = Drive::new(&world, 62, [0.01, 0.0, 0.0, 0.0, 0.0, 0.005], 0.005);
    let mut closer = closer();
    let mut odometry = Vec::new();
    for t_world_base in &truth {
        let keyframe = drive.keyframe(t_world_base);
        odometry.push(keyframe.t_odom_base);
        closer.add(keyframe).expect("good keyframes");
    }
    assert_eq!(false_loops(&closer, &truth), []);
    assert!(!closer.loops().is_empty(), "true loops are found");
    let (before, after) = (drift_m(&odometry, &truth), drift_m(&closer.graph().nodes, &truth));
    assert!(after < 0.5 * before, "{before} m became {after} m");
}

#[test]
fn a_robot_at_rest_does_not_grow_the_map() {
    let world = hall(71);
    let truth = circle(Point3::origin(), 3.0, 0.4, 1.2);
    let mut drive = Drive::new(&world, 72, [0.005, 0.0, 0.0, 0.0, 0.0, 0.002], 0.005);
    let mut closer = closer();
    for t_world_base in &truth {
        closer.add(drive.keyframe(t_world_base)).expect("good keyframes");
    }
    let (keyframe_count, loop_count) = (closer.keyframe_count(), closer.loops().len());
    // Ten minutes, in which people walk about: a keyframe every half second, a millimetre from the last one.
    let goal = truth[truth.len() - 1];
    for index in 0..1200 {
        let t_world_base = goal * pose(0.001 * f64::from(index % 2), 0.0, 0.0005 * f64::from(index % 3));
        assert!(closer.add(drive.keyframe(&t_world_base)).expect("good keyframes").is_none());
    }
    assert_eq!((closer.keyframe_count(), closer.loops().len()), (keyframe_count, loop_count));
    // Then on.
    let last = closer.graph().nodes[keyframe_count - 1];
    closer.add(drive.keyframe(&(goal * pose(0.4, 0.0, 0.0)))).expect("good keyframes");
    let step = last.inverse() * closer.graph().nodes[keyframe_count];
    assert!((step.translation.vector - Vector3::x() * 0.4).norm() < 0.03, "{step}");
}

#[test]
fn rooms_with_nothing_in_common_give_no_loop() {
    let world = hall(11);
    let truth = circle(Point3::origin(), 3.0, 0.4, 0.7);
    let mut drive = Drive::new(&world, 12, BIAS, 0.01);
    let mut closer = closer();
    for t_world_base in &truth {
        assert!(closer.add(drive.keyframe(t_world_base)).expect("good keyframes").is_none());
    }
    assert!(closer.loops().is_empty());
    assert!(closer.t_map_odom().translation.vector.norm() < 1e-9, "nothing to correct");
}

#[test]
fn an_odometry_that_starts_anew_is_joined() {
    let world = hall(21);
    let first = circle(Point3::origin(), 3.0, 0.4, 1.0);
    // The robot was carried to the other side before its odometry came back.
    let second: Vec<Se3> = circle(Point3::origin(), 3.0, 0.4, 1.0).into_iter().skip(20).collect();
    let mut drive = Drive::new(&world, 22, [0.005, 0.0, 0.0, 0.0, 0.0, 0.002], 0.002);
    let mut closer = closer();
    for t_world_base in &first {
        closer.add(drive.keyframe(t_world_base)).expect("good keyframes");
    }
    drive.restart();
    drive.stamp_nanos = 0;
    for t_world_base in &second {
        closer.add(drive.keyframe(t_world_base)).expect("good keyframes");
    }
    let truth: Vec<Se3> = first.iter().chain(&second).copied().collect();
    let across = closer.loops().iter().filter(|found| found.from_node < first.len() && found.to_node >= first.len());
    assert!(across.count() >= 2);
    assert_eq!(false_loops(&closer, &truth), []);
    let error_m = drift_m(&closer.graph().nodes, &truth);
    assert!(error_m < 0.15, "{error_m} m");
}

#[test]
fn lost_and_repeated_messages_do_not_break_the_chain() {
    let world = hall(31);
    let truth = circle(Point3::origin(), 3.0, 0.4, 0.5);
    let mut drive = Drive::new(&world, 32, [0.0; 6], 0.0);
    let mut closer = closer();
    let mut kept = Vec::new();
    for (index, t_world_base) in truth.iter().enumerate() {
        let keyframe = drive.keyframe(t_world_base);
        if (5..9).contains(&index) {
            continue;
        }
        kept.push(*t_world_base);
        closer.add(keyframe.clone()).expect("good keyframes");
        closer.add(keyframe).expect("a repeated keyframe is no error");
    }
    assert_eq!(closer.keyframe_count(), kept.len());
    assert!(drift_m(&closer.graph().nodes, &kept) < 1e-9);
    let information = |index: usize| closer.graph().edges[index].information[(0, 0)];
    assert!(information(4) < 0.5 * information(3), "the bridge over what was lost is less certain");
}

#[test]
fn bad_keyframes_are_refused_and_change_nothing() {
    let world = hall(41);
    let mut drive = Drive::new(&world, 42, [0.0; 6], 0.0);
    let mut closer = closer();
    closer.add(drive.keyframe(&pose(0.0, 0.0, 0.0))).expect("good");
    let good = drive.keyframe(&pose(0.4, 0.0, 0.0));

    let mut bad = good.clone();
    bad.t_odom_base.translation.x = f64::NAN;
    assert!(matches!(closer.add(bad), Err(MapError::NotFinite { id: 1, what: "t_odom_base" })));
    let mut bad = good.clone();
    bad.covariance[(2, 2)] = -1.0;
    assert!(matches!(closer.add(bad), Err(MapError::Covariance { id: 1, .. })));
    let mut bad = good.clone();
    bad.camera.fx = 0.0;
    assert!(matches!(closer.add(bad), Err(MapError::Camera { id: 1, .. })));
    assert_eq!(closer.keyframe_count(), 1);

    let mut odd = good;
    odd.features[0].px.x = f64::INFINITY;
    odd.features[1].p_camera = Some(Point3::new(f64::NAN, 0.0, -1.0));
    closer.add(odd).expect("a bad feature is left out");
    assert_eq!(closer.keyframe_count(), 2);
    assert!(closer.cloud().iter().all(|point| point.p_map.iter().all(|v| v.is_finite())));
}

#[test]
fn a_clock_that_jumps_back_keeps_the_chain() {
    let world = hall(51);
    let mut drive = Drive::new(&world, 52, [0.0; 6], 0.0);
    let mut closer = closer();
    for step in 0..4 {
        if step == 2 {
            drive.stamp_nanos = -10_000_000_000;
        }
        closer.add(drive.keyframe(&pose(0.4 * f64::from(step), 0.0, 0.0))).expect("good");
    }
    assert_eq!(closer.keyframe_count(), 4);
    assert!((closer.graph().nodes[3].translation.x - 1.2).abs() < 1e-9);
    let first = closer.trajectory().poses()[0];
    assert!((first.t_world_body.translation.x - 0.8).abs() < 1e-9, "the trajectory is in order of stamps");
    assert_eq!(KeyframeId(3).0, 3);
}
