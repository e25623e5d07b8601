//! Promises of the simulation: same seed, same data; pictures agree with geometry; sensors agree with the motion.

use halfslam::geometry::{PinholeCamera, Se3};
use halfslam::sensors::{Depth, Images, SensorEvent};
use halfslam::simulation::flat::distance;
use halfslam::simulation::renderer::{Renderer, Scene};
use halfslam::simulation::{GRAVITY, Preset, Reading, Simulation, SimulationOptions, Wheels};
use nalgebra::{Point3, Vector2, Vector3};
use opencv::core::{Mat, MatTraitConst, Point2f, Size, TermCriteria, Vector, no_array};
use opencv::{imgproc, video};

fn short(duration_secs: f64) -> SimulationOptions {
    SimulationOptions { duration_secs, frame_rate_hz: 2.0, ..SimulationOptions::default() }
}

/// Options without anything that disturbs.
fn ideal(duration_secs: f64) -> SimulationOptions {
    SimulationOptions {
        camera_noise: 0.0,
        depth_noise: 0.0,
        imu_noise: 0.0,
        wheel_drift: 0.0,
        wheel_slip: 0.0,
        ..short(duration_secs)
    }
}

fn frames(options: &SimulationOptions, seed: u64, preset: Preset) -> Vec<halfslam::sensors::Frame> {
    let simulation = Simulation::new(options, seed, preset);
    simulation
        .events()
        .filter_map(|event| if let SensorEvent::Frame(frame) = event { Some(*frame) } else { None })
        .collect()
}

/// A picture, its depths (m) and the camera, from where the robot is at a time (s).
struct View {
    pixels: Vec<u8>,
    inverse_depths: Vec<f32>,
    camera: PinholeCamera,
    t_world_camera: Se3,
}

impl View {
    fn new(simulation: &Simulation, scene: &Scene<u8>, secs: f64, shift_m: f64) -> Self {
        let rig = simulation.rig();
        let t_world_camera =
            simulation.tour().at(secs).t_world_base * rig.t_base_camera * Se3::translation(shift_m, 0.0, 0.0);
        let mut renderer = Renderer::new(rig.camera);
        let pixels = renderer.render(scene, &t_world_camera).to_vec();
        Self { pixels, inverse_depths: renderer.inverse_depths().to_vec(), camera: rig.camera, t_world_camera }
    }

    fn mat(&self) -> Mat {
        let (rows, columns) = (self.camera.height as i32, self.camera.width as i32);
        Mat::new_rows_cols_with_data(rows, columns, &self.pixels).unwrap().try_clone().unwrap()
    }

    fn point(&self, px: &Vector2<f64>) -> Point3<f64> {
        let index = px.y.round() as usize * self.camera.width as usize + px.x.round() as usize;
        self.t_world_camera * Point3::from(self.camera.ray(px) / f64::from(self.inverse_depths[index]))
    }

    /// Whether the depth around a pixel belongs to one plane: no outline is near.
    fn is_smooth(&self, px: &Vector2<f64>) -> bool {
        let width = self.camera.width as usize;
        let at = |dx: i64, dy: i64| {
            f64::from(
                self.inverse_depths
                    [((px.y.round() as i64 + dy) as usize) * width + (px.x.round() as i64 + dx) as usize],
            )
        };
        [(12, 0), (0, 12), (9, 9), (9, -9)]
            .iter()
            .all(|&(dx, dy)| (at(dx, dy) + at(-dx, -dy) - 2.0 * at(0, 0)).abs() < 1e-4)
    }
}

fn corners(image: &Mat, count: i32) -> Vec<Vector2<f64>> {
    let mut found = Vector::<Point2f>::new();
    imgproc::good_features_to_track(image, &mut found, count, 0.01, 10.0, &no_array(), 3, false, 0.04).unwrap();
    found.iter().map(|p| Vector2::new(f64::from(p.x), f64::from(p.y))).collect()
}

/// Differences (px) between where corners of one view are tracked to in another and where geometry puts them.
fn tracking_errors(from: &View, to: &View) -> Vec<f64> {
    let (first, second) = (from.mat(), to.mat());
    let sources: Vec<Vector2<f64>> =
        corners(&first, 300).into_iter().filter(|px| from.camera.contains(px, 30.0) && from.is_smooth(px)).collect();
    let expected = |px: &Vector2<f64>| to.camera.project(&(to.t_world_camera.inverse() * from.point(px)));
    let pixels: Vec<Vector2<f64>> = sources.iter().map(expected).collect();
    let vector = |points: &[Vector2<f64>]| -> Vector<Point2f> {
        points.iter().map(|p| Point2f::new(p.x as f32, p.y as f32)).collect()
    };
    let (mut tracked, mut status, mut errors) = (vector(&pixels), Vector::<u8>::new(), Vector::<f32>::new());
    video::calc_optical_flow_pyr_lk(
        &first,
        &second,
        &vector(&sources),
        &mut tracked,
        &mut status,
        &mut errors,
        Size::new(15, 15),
        2,
        TermCriteria { typ: 3, max_count: 40, epsilon: 0.001 },
        video::OPTFLOW_USE_INITIAL_FLOW,
        1e-4,
    )
    .unwrap();
    (0..pixels.len())
        .filter(|&i| status.get(i).unwrap() == 1 && to.camera.contains(&pixels[i], 20.0))
        .map(|i| {
            let p = tracked.get(i).unwrap();
            (Vector2::new(f64::from(p.x), f64::from(p.y)) - pixels[i]).norm()
        })
        .collect()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[test]
fn the_same_seed_gives_the_same_data_and_another_one_another() {
    let options = SimulationOptions { moving_objects: 2, exposure_change: 0.2, motion_blur_ms: 8.0, ..short(1.5) };
    let readings = |seed| Simulation::new(&options, seed, Preset::Stereo).readings().collect::<Vec<_>>();
    let first = readings(5);
    assert!(first == readings(5));
    assert!(first != readings(6));
    assert!(first.windows(2).all(|pair| pair[0].0 <= pair[1].0), "readings are in order of time");
}

#[test]
fn a_longer_recording_begins_like_a_shorter_one() {
    let poses = |secs| Simulation::new(&short(secs), 8, Preset::Mono).truth().poses()[..1000].to_vec();
    for (a, b) in poses(12.0).iter().zip(&poses(60.0)) {
        assert!((a.t_world_body.translation.vector - b.t_world_body.translation.vector).norm() < 1e-9);
    }
}

#[test]
fn corners_are_seen_where_geometry_puts_them() {
    for seed in [1, 2] {
        let simulation = Simulation::new(&ideal(40.0), seed, Preset::Stereo);
        let scene = Scene::new(simulation.flat(), Vec::new());
        let Depth::Stereo { baseline_m } = simulation.rig().depth else { panic!("a stereo rig") };
        let (mut sideways, mut onward) = (Vec::new(), Vec::new());
        for secs in [0.5, 9.0, 17.0, 25.0, 33.0] {
            let left = View::new(&simulation, &scene, secs, 0.0);
            sideways.extend(tracking_errors(&left, &View::new(&simulation, &scene, secs, baseline_m)));
            onward.extend(tracking_errors(&left, &View::new(&simulation, &scene, secs + 0.05, 0.0)));
        }
        assert!(sideways.len() > 150 && onward.len() > 150, "{} {}", sideways.len(), onward.len());
        // Rendered views of a plane differ by filtering only: a small fraction of a pixel.
        let (sideways, onward) = (median(sideways), median(onward));
        println!("seed {seed}: median error {sideways:.3} px between cameras, {onward:.3} px between frames");
        assert!(sideways < 0.1 && onward < 0.1, "{sideways} {onward}");
    }
}

#[test]
fn depth_images_agree_with_the_flat() {
    let options = ideal(1.0);
    let simulation = Simulation::new(&options, 3, Preset::Rgbd);
    let frame = &frames(&options, 3, Preset::Rgbd)[0];
    let Images::Rgbd { depth, .. } = &frame.images else { panic!("a frame with depth") };
    assert!(frame.color.is_some());
    let (rig, t_world_base) = (simulation.rig(), simulation.tour().at(0.0).t_world_base);
    let mut on_floor = 0;
    for (x, y) in (20..620).step_by(20).flat_map(|x| (250..480).step_by(10).map(move |y| (x, y))) {
        let z = f64::from(depth.get_pixel(x, y).0[0]);
        let p = rig.camera.ray(&Vector2::new(f64::from(x), f64::from(y))) * z;
        let p_world = t_world_base * rig.t_base_camera * Point3::from(p);
        assert!((-0.003..2.503).contains(&p_world.z) || z == 0.0, "pixel {x} {y} is seen at height {} m", p_world.z);
        on_floor += usize::from(p_world.z.abs() < 0.012);
    }
    assert!(on_floor > 60, "only {on_floor} pixels are on the floor");
}

#[test]
fn most_frames_have_corners_enough() {
    let (mut rich, mut total) = (0, 0);
    for seed in [1, 4] {
        let simulation = Simulation::new(&short(60.0), seed, Preset::Mono);
        let scene = Scene::new(simulation.flat(), Vec::new());
        for secs in (0..60).step_by(4) {
            let found = corners(&View::new(&simulation, &scene, f64::from(secs), 0.0).mat(), 400).len();
            rich += usize::from(found >= 150);
            total += 1;
        }
    }
    assert!(rich * 10 >= total * 9, "150 corners or more in {rich} of {total} frames");
}

#[test]
fn the_tour_keeps_clear_of_walls_and_furniture_and_comes_back() {
    for seed in 0..6 {
        let simulation = Simulation::new(&SimulationOptions { duration_secs: 180.0, ..short(1.0) }, seed, Preset::Mono);
        let (flat, tour) = (simulation.flat(), simulation.tour());
        let (mut places, mut fastest): (Vec<([f64; 2], f64)>, f64) = (Vec::new(), 0.0);
        for step in 0..1800 {
            let motion = tour.at(f64::from(step) * 0.1);
            let v = motion.t_world_base.translation.vector;
            let p = [v.x, v.y];
            let furniture = flat.footprints.iter().map(|(_, area)| area.distance(p)).fold(f64::INFINITY, f64::min);
            assert!(furniture > 0.3, "seed {seed}: {furniture} m from furniture at {p:?}");
            // 0.3 m from every wall, and in a doorway in its middle part.
            let inside = flat.plan.rooms.iter().any(|room| room.area.inset(0.3).distance(p) == 0.0);
            let in_door = flat.plan.doors.iter().any(|door| {
                let (across, along) = if door.along_y { (0, 1) } else { (1, 0) };
                (p[across] - door.center[across]).abs() < 0.15 && (p[along] - door.center[along]).abs() < 0.5
            });
            assert!(inside || in_door, "seed {seed}: too close to a wall at {p:?}");
            assert!(motion.yaw_rate.abs() < 60f64.to_radians(), "turns at {} rad/s", motion.yaw_rate);
            fastest = fastest.max(motion.speed);
            places.push((p, motion.t_world_base.rotation.euler_angles().2));
        }
        assert!((0.45..0.56).contains(&fastest), "{fastest}");
        assert!(places[..10].iter().all(|place| place == &places[0]), "rests for a second");
        let (mut same, mut other) = (0, 0);
        for (index, (p, yaw)) in places.iter().enumerate().step_by(5) {
            for (q, other_yaw) in places[..index.saturating_sub(200)].iter().step_by(5) {
                if distance(*p, *q) < 0.5 {
                    let turned = (yaw - other_yaw).cos();
                    same += usize::from(turned > 0.8);
                    other += usize::from(turned < 0.0);
                }
            }
        }
        assert!(same > 20 && other > 5, "seed {seed}: {same} visits from the same, {other} from other directions");
    }
}

#[test]
fn wheel_odometry_drifts_as_wheels_do() {
    let mut shares = Vec::new();
    for seed in 0..12 {
        let options = SimulationOptions { duration_secs: 180.0, ..SimulationOptions::default() };
        let simulation = Simulation::new(&options, seed, Preset::Mono);
        let tour = simulation.tour();
        let start = tour.at(0.0).t_world_base;
        let run = |options: &SimulationOptions| {
            let mut wheels = Wheels::new(options, seed);
            let (mut way, mut squares, mut last) = (0.0, 0.0, start);
            for step in 1..=9000 {
                let secs = f64::from(step) * 0.02;
                let reading = wheels.read(tour, secs);
                let truth = tour.at(secs).t_world_base;
                way += (truth.translation.vector - last.translation.vector).norm();
                last = truth;
                squares += (start.inverse() * truth)
                    .translation
                    .vector
                    .metric_distance(&reading.t_wheel_base.translation.vector)
                    .powi(2);
            }
            ((squares / 9000.0).sqrt(), way)
        };
        let (error, way) = run(&options);
        shares.push(error / way);
        // Perfect wheels lose the rounding of their steps only.
        let perfect = SimulationOptions { wheel_drift: 0.0, wheel_slip: 0.0, ..options };
        assert!(run(&perfect).0 < 0.05, "{}", run(&perfect).0);
    }
    let middle = median(shares.clone());
    println!("wheel odometry: RMS error is {:.2} % of the path (median of 12 tours), {shares:.4?}", 100.0 * middle);
    assert!((0.005..0.04).contains(&middle), "{middle}");
}

#[test]
fn the_inertial_unit_integrates_to_the_truth() {
    let options = SimulationOptions { frame_rate_hz: 1.0, ..ideal(20.0) };
    let simulation = Simulation::new(&options, 2, Preset::Mono);
    let start = simulation.tour().at(0.0).t_world_base;
    let (mut rotation, mut velocity, mut position) = (start.rotation, Vector3::zeros(), start.translation.vector);
    let mut last: Option<(i64, Vector3<f64>, Vector3<f64>)> = None;
    for event in simulation.events() {
        let SensorEvent::Imu(sample) = event else { continue };
        let now = (sample.stamp_nanos, sample.angular_velocity, sample.linear_acceleration);
        if let Some((stamp, turn, force)) = last {
            let dt = (now.0 - stamp) as f64 * 1e-9;
            let rotate = |q: nalgebra::UnitQuaternion<f64>, w: Vector3<f64>| {
                q * nalgebra::UnitQuaternion::from_scaled_axis(w * dt / 2.0)
            };
            let middle = rotate(rotation, turn);
            let acceleration = middle * ((force + now.2) / 2.0) - Vector3::z() * GRAVITY;
            position += velocity * dt + acceleration * dt * dt / 2.0;
            velocity += acceleration * dt;
            rotation = rotate(middle, now.1);
        } else {
            assert!((now.2 - Vector3::z() * GRAVITY).norm() < 1e-9, "gravity points up at rest");
        }
        last = Some(now);
    }
    let end = simulation.tour().at(20.0).t_world_base;
    assert!((position - end.translation.vector).norm() < 0.02, "{}", (position - end.translation.vector).norm());
    assert!(rotation.angle_to(&end.rotation) < 1e-3);
}

#[test]
fn every_disturbance_has_its_effect() {
    let base = ideal(6.0);
    let gray = |options: &SimulationOptions| -> Vec<Vec<u8>> {
        frames(options, 4, Preset::Mono).iter().map(|frame| frame.reference().as_raw().clone()).collect()
    };
    let plain = gray(&base);
    let spread = |a: &[u8], b: &[u8]| {
        let squares: f64 = a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum();
        (squares / a.len() as f64).sqrt()
    };
    let noisy = gray(&SimulationOptions { camera_noise: 4.0, ..base.clone() });
    assert!((3.5..4.5).contains(&spread(&plain[3], &noisy[3])), "{}", spread(&plain[3], &noisy[3]));

    let mean = |picture: &Vec<u8>| picture.iter().map(|&v| f64::from(v)).sum::<f64>() / picture.len() as f64;
    let exposed = gray(&SimulationOptions { exposure_change: 0.4, ..base.clone() });
    let gains: Vec<f64> = plain.iter().zip(&exposed).map(|(a, b)| mean(b) / mean(a)).collect();
    let range = |values: &[f64]| {
        values.iter().copied().fold(f64::MIN, f64::max) - values.iter().copied().fold(f64::MAX, f64::min)
    };
    assert!(range(&gains) > 0.2, "{gains:?}");

    let contrast = |picture: &Vec<u8>| picture.windows(2).map(|p| f64::from(p[0].abs_diff(p[1]))).sum::<f64>();
    let blurred = gray(&SimulationOptions { motion_blur_ms: 30.0, ..base.clone() });
    assert_eq!(plain[0], blurred[0], "at rest nothing is blurred");
    let softness = |frames: &[Vec<u8>]| frames.iter().skip(3).map(contrast).sum::<f64>();
    assert!(softness(&blurred) < 0.9 * softness(&plain));

    let poor = gray(&SimulationOptions { texture_poor: 1.0, ..base.clone() });
    assert!(softness(&poor) < 0.7 * softness(&plain));

    let dropping = SimulationOptions { dropped_frames: 0.5, duration_secs: 60.0, ..base.clone() };
    let count = Simulation::new(&dropping, 4, Preset::Mono).frame_count();
    assert!((40..82).contains(&count), "{count} of 121 frames");
    let few = SimulationOptions { dropped_frames: 0.5, ..base.clone() };
    assert_eq!(frames(&few, 4, Preset::Mono).len(), Simulation::new(&few, 4, Preset::Mono).frame_count());
}

#[test]
fn people_move_while_the_robot_rests() {
    // The people are in the middle of rooms: some tour begins in such a room and sees them.
    let mut seen = 0;
    for seed in 0..8 {
        let rest = |moving_objects| frames(&SimulationOptions { moving_objects, ..ideal(1.0) }, seed, Preset::Mono);
        let (still, moving) = (rest(0), rest(6));
        assert_eq!(still[0].images, still[1].images);
        seen += usize::from(moving[0].images != moving[1].images);
    }
    assert!(seen > 0);
}

#[test]
fn a_bag_is_written_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    for preset in [Preset::Stereo, Preset::Rgbd, Preset::Mono] {
        let simulation = Simulation::new(&short(1.0), 9, preset);
        let mut bytes = Vec::new();
        for name in ["first", "second"] {
            let path = folder.path().join(format!("{preset:?}")).join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            let mut done = 0.0;
            halfslam::simulation::record(&simulation, &path, |share| done = share).unwrap();
            assert!((done - 1.0).abs() < 1e-6);
            bytes.push(std::fs::read(path.join(format!("{name}_0.mcap"))).unwrap());
            assert!(path.join("metadata.yaml").is_file());
            let again = halfslam::simulation::record(&simulation, &path, |_| ()).unwrap_err();
            assert!(again.to_string().contains("exists"), "{again}");
        }
        assert!(bytes[0] == bytes[1], "{preset:?}: the same simulation gives the same file");
        let entries = std::fs::read_dir(folder.path().join(format!("{preset:?}"))).unwrap().count();
        assert_eq!(entries, 2, "nothing else is left behind");
    }
}

#[test]
fn readings_come_at_their_rates() {
    let options = SimulationOptions { frame_rate_hz: 20.0, ..short(1.0) };
    let mut counts = [0; 4];
    for (_, reading) in Simulation::new(&options, 1, Preset::Mono).readings() {
        counts[match reading {
            Reading::Truth(_) => 0,
            Reading::Imu(_) => 1,
            Reading::Wheels(_) => 2,
            Reading::Pictures(_) => 3,
        }] += 1;
    }
    assert_eq!(counts, [101, 201, 51, 21]);
}
