//! A table of what visual odometry costs by stage, and how far it strays, on recordings.
//!
//! `cargo bench --bench odometry -- SOURCE... [--precision P] [--every N] [--blind FROM,TO] [--set NAME=VALUE]`, or
//! `cargo bench --bench odometry -- --features N [--as-assumed]`
//!
//! Without a source a simulated tour of 20 s at 752 x 480 serves. `--features N` drives N tours of 60 s instead, each of a robot of
//! its own whose calibration errs, with features for images, and sums their errors up; with `--as-assumed` it errs by as much as
//! `odometry.calibration` says. `--every` takes each N-th frame only, `--blind` turns
//! the frames between two times (s) black. Times are of the CPU clock of the thread that frames come to, on which all is done:
//! what one core needs, and other load does not count. `--beside` lets keyframes be made on a thread of their own, as robots
//! do: then they are the times until a frame's pose is there, if the thread is done before the next frame.

#[path = "meter.rs"]
mod meter;

use halfslam::config::Config;
use halfslam::evaluation::{Alignment, absolute_error, relative_error};
use halfslam::frontend::{FrontendError, ImageTracker, PosePrior, SurfaceAlignment, Tracker};
use halfslam::geometry::{Se3, StampedPose, Trajectory, se3};
use halfslam::io::sources::{self, Recording};
use halfslam::odometry::{Estimate, Keyframe, Odometry, TrackingState};
use halfslam::options::ParameterValue;
use halfslam::precision::Policy;
use halfslam::replay::Quantiles;
use halfslam::sensors::{Frame, Images, SensorEvent};
use halfslam::simulation::features::{FeatureOptions, FeatureSimulation};
use halfslam::simulation::{Preset, Simulation, SimulationOptions};
use meter::cpu_ms;
use nalgebra::{Matrix6, Vector2};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::ThreadId;

type Failure = Box<dyn std::error::Error>;

/// Times (ms) of each stage in the present frame, and of those on another thread.
type Stages = Arc<Mutex<BTreeMap<(&'static str, bool), f64>>>;

/// A tracker whose calls are timed.
struct Timed {
    tracker: Box<dyn Tracker>,
    stages: Stages,
    thread: ThreadId,
}

impl Timed {
    fn timed<T>(&mut self, stage: &'static str, call: impl FnOnce(&mut dyn Tracker) -> T) -> T {
        let start = cpu_ms();
        let result = call(self.tracker.as_mut());
        if let Ok(mut stages) = self.stages.lock() {
            let beside = std::thread::current().id() != self.thread;
            *stages.entry((stage, beside)).or_default() += cpu_ms() - start;
        }
        result
    }
}

impl Tracker for Timed {
    fn take_up(&mut self, frame: &Arc<Frame>) -> Result<(), FrontendError> {
        self.timed("pyramid", |tracker| tracker.take_up(frame))
    }

    fn follow(
        &mut self,
        px_anchor: &[Vector2<f64>],
        px_predicted: &[Vector2<f64>],
        within_px: f64,
    ) -> Result<Vec<Option<Vector2<f64>>>, FrontendError> {
        self.timed("optical flow", |tracker| tracker.follow(px_anchor, px_predicted, within_px))
    }

    fn new_features(&mut self, px_taken: &[Vector2<f64>]) -> Result<Vec<Vector2<f64>>, FrontendError> {
        self.timed("corners", |tracker| tracker.new_features(px_taken))
    }

    fn right_columns(&mut self, px: &[Vector2<f64>], expected_x: &[Option<f64>]) -> Vec<Option<f64>> {
        let stage = if expected_x.iter().any(Option::is_some) { "depth, known" } else { "depth, new" };
        self.timed(stage, |tracker| tracker.right_columns(px, expected_x))
    }

    fn recognize(
        &mut self,
        older: &Frame,
        px_older: &[Vector2<f64>],
    ) -> Result<Vec<Option<Vector2<f64>>>, FrontendError> {
        self.timed("recognition", |tracker| tracker.recognize(older, px_older))
    }

    fn align(&mut self, older: &Arc<Frame>, prior: &PosePrior, policy: &Policy) -> Option<SurfaceAlignment> {
        self.timed("surfaces", |tracker| tracker.align(older, prior, policy))
    }

    fn limit(&mut self, feature_count: usize, pyramid_levels: usize) {
        self.tracker.limit(feature_count, pyramid_levels);
    }

    fn set_anchor(&mut self) {
        self.tracker.set_anchor();
    }

    fn return_to(&mut self, older: &Arc<Frame>) -> Result<(), FrontendError> {
        self.timed("pyramid", |tracker| tracker.return_to(older))
    }
}

/// What is asked for.
struct Request {
    sources: Vec<String>,
    config: Config,
    every: usize,
    blind_secs: Option<(f64, f64)>,
    feature_tours: u64,
    /// What features do, and how wrong the calibration of the robots is that see them.
    features: FeatureOptions,
}

/// A stage's name in the table.
fn named((stage, beside): (&str, bool)) -> String {
    if beside { format!("{stage}, beside") } else { stage.into() }
}

fn request() -> Result<Request, Failure> {
    let (sources, config) = (Vec::new(), Config::default());
    let features = FeatureOptions::default();
    let mut request = Request { sources, config, every: 1, blind_secs: None, feature_tours: 0, features };
    let mut as_assumed = false;
    request.config.odometry.window.second_thread = false;
    // Cargo adds `--bench`.
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument}: a value is missing"));
        match argument.as_str() {
            "--precision" => request.config.precision = value()?,
            "--as-assumed" => as_assumed = true,
            "--beside" => request.config.odometry.window.second_thread = true,
            "--every" => request.every = value()?.parse()?,
            "--features" => request.feature_tours = value()?.parse()?,
            "--blind" => {
                let value = value()?;
                let (from, to) = value.split_once(',').ok_or("--blind: expected FROM,TO in seconds")?;
                request.blind_secs = Some((from.parse()?, to.parse()?));
            }
            "--set" => {
                let value = value()?;
                let (name, value) = value.split_once('=').ok_or("--set: expected NAME=VALUE")?;
                request.config.change(name, &ParameterValue::from_text(value))?;
            }
            _ => request.sources.push(argument),
        }
    }
    if as_assumed {
        if request.feature_tours == 0 {
            return Err("--as-assumed: expected with --features N, found without".into());
        }
        let assumed = &request.config.odometry.calibration;
        request.features.focal_error = assumed.focal_sigma;
        request.features.scale_error = assumed.scale_sigma;
        request.features.column_error_px = assumed.disparity_sigma_px;
        request.features.distortion_error_px = assumed.common_sigma_px;
    }
    Ok(request)
}

fn simulated() -> Recording {
    let options = SimulationOptions { duration_secs: 20.0, ..SimulationOptions::default() };
    let simulation = Simulation::new(&options, 1, Preset::Stereo);
    Recording {
        kind: "simulation",
        rig: simulation.rig(),
        frame_count: simulation.frame_count(),
        has_wheels: true,
        truth: Some(simulation.truth()),
        events: Box::new(simulation.events().map(Ok)),
    }
}

fn blackened(mut frame: Frame) -> Frame {
    match &mut frame.images {
        Images::Stereo { left, right } => [left, right].into_iter().for_each(|image| image.fill(0)),
        Images::Rgbd { gray, .. } | Images::Mono { gray } => gray.fill(0),
    }
    frame
}

/// What came of a recording.
#[derive(Default)]
struct Outcome {
    estimates: Vec<Estimate>,
    keyframes: Vec<Keyframe>,
    /// Times of each stage over all frames (ms).
    stages: BTreeMap<String, Vec<f64>>,
    truth: Trajectory,
}

fn run(recording: Recording, tracker: Box<dyn Tracker>, request: &Request) -> Result<Outcome, Failure> {
    let stages = Stages::default();
    let options = &request.config.odometry;
    let tracker = Box::new(Timed { tracker, stages: stages.clone(), thread: std::thread::current().id() });
    let policy = Policy::resolve(&request.config.precision)?;
    let mut odometry = Odometry::with_tracker(options, &recording.rig, &policy, tracker)?;
    let mut outcome = Outcome { truth: recording.truth.unwrap_or_default(), ..Outcome::default() };
    let (mut index, mut first_nanos) = (0, None);
    for event in recording.events {
        let frame = match event? {
            SensorEvent::Frame(frame) => *frame,
            SensorEvent::Wheel(sample) => {
                odometry.add_wheel(&sample);
                continue;
            }
            SensorEvent::Imu(sample) => {
                odometry.add_imu(&sample);
                continue;
            }
        };
        index += 1;
        if (index - 1) % request.every != 0 {
            continue;
        }
        let start_nanos = *first_nanos.get_or_insert(frame.stamp_nanos);
        let elapsed_secs = (frame.stamp_nanos - start_nanos) as f64 * 1e-9;
        let blind = request.blind_secs.is_some_and(|(from, to)| (from..to).contains(&elapsed_secs));
        let frame = Arc::new(if blind { blackened(frame) } else { frame });
        let start = cpu_ms();
        let estimate = odometry.track(&frame);
        let total = cpu_ms() - start;
        let of_frame = stages.lock().map(|mut stages| std::mem::take(&mut *stages)).unwrap_or_default();
        let in_tracker: f64 = of_frame.iter().filter(|((_, beside), _)| !beside).map(|(_, ms)| ms).sum();
        let mut of_frame: Vec<_> = of_frame.into_iter().map(|(stage, ms)| (named(stage), ms)).collect();
        of_frame.extend([
            // Of the keyframe before.
            ("window (wall clock)".into(), estimate.solve.as_ref().map_or(0.0, |solve| solve.solve_ms)),
            ("all but the tracker".into(), total - in_tracker),
            ("whole frame".into(), total),
        ]);
        for (stage, ms) in of_frame.into_iter().filter(|(_, ms)| *ms > 0.0) {
            outcome.stages.entry(stage).or_default().push(ms);
        }
        outcome.keyframes.extend(estimate.keyframe.clone().map(without_images));
        outcome.estimates.push(Estimate { keyframe: None, solve: None, ..estimate });
    }
    outcome.keyframes.extend(odometry.finish().map(|(keyframe, _)| without_images(keyframe)));
    Ok(outcome)
}

/// The images are not needed any more, and memory is not endless.
fn without_images(keyframe: Keyframe) -> Keyframe {
    let images = Images::Mono { gray: Default::default() };
    Keyframe { frame: Arc::new(Frame { color: None, images, ..*keyframe.frame }), ..keyframe }
}

/// Normalized squared error, one where the covariance is right.
fn normalized(error: &Se3, covariance: &Matrix6<f64>) -> Option<f64> {
    let error = se3::log(error);
    Some(error.dot(&covariance.cholesky()?.solve(&error)) / 6.0)
}

/// Mean normalized squared errors.
struct Honesty {
    /// Of motions between keyframes, one by one.
    between_keyframes: Vec<f64>,
    of_poses: f64,
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

fn trajectory(estimates: &[Estimate]) -> Trajectory {
    let pose = |e: &Estimate| StampedPose { stamp_nanos: e.stamp_nanos, t_world_body: e.t_odom_base };
    Trajectory::from_poses(estimates.iter().map(pose).collect())
}

fn honesty(outcome: &Outcome) -> Option<Honesty> {
    let between_keyframes: Vec<f64> = (outcome.keyframes.windows(2))
        .filter_map(|pair| {
            let truth = |keyframe: &Keyframe| outcome.truth.at(keyframe.frame.stamp_nanos);
            let t_true = truth(&pair[0])?.inverse() * truth(&pair[1])?;
            normalized(&(t_true.inverse() * pair[1].t_previous_base?), &pair[1].covariance)
        })
        .collect();
    // From the first pose, which is the origin of both.
    let first = outcome.estimates.first()?;
    let t_truth_odom = outcome.truth.at(first.stamp_nanos)? * first.t_odom_base.inverse();
    let of_poses: Vec<f64> = (outcome.estimates.iter())
        .filter_map(|estimate| {
            let t_true = outcome.truth.at(estimate.stamp_nanos)?;
            normalized(&((t_true.inverse() * t_truth_odom) * estimate.t_odom_base), &estimate.covariance)
        })
        .collect();
    Some(Honesty { between_keyframes, of_poses: mean(&of_poses) })
}

fn print(outcome: &Outcome) -> Option<()> {
    let estimates = &outcome.estimates;
    let trajectory = trajectory(estimates);
    let lost = estimates.iter().filter(|estimate| estimate.state != TrackingState::Tracking).count();
    let path_m = trajectory.path_length_m();
    println!("  frames {}, lost {lost}, keyframes {}, path {path_m:.2} m", estimates.len(), outcome.keyframes.len());
    for (stage, times) in &outcome.stages {
        let Quantiles { median, p95, p99 } = Quantiles::of(times.iter().copied());
        let share = times.iter().sum::<f64>() / estimates.len() as f64;
        println!(
            "  {stage:22} {:5} x median {median:6.2}, p95 {p95:6.2}, p99 {p99:6.2} ms; {share:6.2} ms per frame",
            times.len()
        );
    }
    let absolute = absolute_error(&trajectory, &outcome.truth, Alignment::Se3).ok()?;
    let scaled = absolute_error(&trajectory, &outcome.truth, Alignment::Sim3).ok()?;
    print!("  ATE {:.4} m, with scale {:.4} m", absolute.translation_m.rmse, scaled.translation_m.rmse);
    if let Some(drift) = relative_error(&trajectory, &outcome.truth, Alignment::Se3).ok()?.segments {
        print!("; drift {:.3} %, {:.5} deg/m", drift.translation_percent, drift.rotation_deg_per_m);
    }
    println!();
    let Honesty { between_keyframes, of_poses } = honesty(outcome)?;
    println!(
        "  normalized squared error: between keyframes mean {:.2}, median {:.2}; of poses mean {:.2}",
        mean(&between_keyframes),
        Quantiles::of(between_keyframes.iter().copied()).median,
        of_poses
    );
    Some(())
}

/// Tours of features, by robots whose calibration errs.
fn print_feature_tours(request: &Request) -> Result<(), Failure> {
    let options = SimulationOptions { duration_secs: 60.0, frame_rate_hz: 10.0, ..SimulationOptions::default() };
    let (mut ates, mut poses, mut keyframes) = (Vec::new(), Vec::new(), Vec::new());
    for seed in 1..=request.feature_tours {
        let tour = Simulation::new(&options, seed, Preset::Stereo);
        let features = FeatureSimulation::new(&tour, &request.features);
        let recording = Recording {
            kind: "simulation",
            rig: *features.rig(),
            frame_count: tour.frame_count(),
            has_wheels: true,
            truth: Some(features.truth()),
            events: Box::new(features.events().collect::<Vec<_>>().into_iter().map(Ok)),
        };
        let tracker = Box::new(features.tracker(&request.config.odometry.frontend));
        let outcome = run(recording, tracker, request)?;
        let error = absolute_error(&trajectory(&outcome.estimates), &outcome.truth, Alignment::Se3)?;
        let honesty = honesty(&outcome).ok_or("a tour without a truth")?;
        ates.push(error.translation_m.rmse);
        poses.push(honesty.of_poses);
        keyframes.push(mean(&honesty.between_keyframes));
    }
    println!("{} tours of features, {}", request.feature_tours, request.config.precision);
    for (what, values) in [
        ("ATE (m)", &ates),
        ("normalized squared error of poses", &poses),
        ("normalized squared error between keyframes", &keyframes),
    ] {
        let Quantiles { median, p95, p99 } = Quantiles::of(values.iter().copied());
        println!("  {what}: mean {:.4}, median {median:.4}, p95 {p95:.4}, p99 {p99:.4}", mean(values));
    }
    Ok(())
}

fn main() -> Result<(), Failure> {
    let request = request()?;
    if request.feature_tours > 0 {
        return print_feature_tours(&request);
    }
    let mut recordings: Vec<(String, Recording)> = Vec::new();
    for source in &request.sources {
        recordings.push((source.clone(), sources::open(Path::new(source), &request.config.source)?));
    }
    if recordings.is_empty() {
        recordings.push(("a simulated tour".into(), simulated()));
    }
    for (name, recording) in recordings {
        println!("{name}, {}", request.config.precision);
        let tracker = Box::new(ImageTracker::new(&request.config.odometry.frontend, &recording.rig)?);
        if print(&run(recording, tracker, &request)?).is_none() {
            println!("  no truth to compare with");
        }
    }
    Ok(())
}
