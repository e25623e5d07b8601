//! Visual odometry on a thread of its own: takes frames as fast as it can, publishes what it makes of them.

use super::convert::{keyframe, pose, solve};
use super::diagnostics::Diagnostics;
use super::durations::Durations;
use super::mailbox::{Mailbox, Taken};
use super::parameters::Live;
use super::raw_frame::RawFrame;
use super::sample_queue::SampleQueue;
use super::threads::{check_alive, spawn};
use super::{Node, RosError, qos};
use crate::config::{Config, RosOptions};
use crate::geometry::Se3;
use crate::odometry::{Estimate, Keyframe, Odometry, TrackingState};
use crate::place::Describer;
use crate::precision::Policy;
use crate::replay::Quantiles;
use crate::sensors::{ImuSample, Rig, WheelSample};
use crate::solver::SolveStatistics;
use r2r::geometry_msgs::msg::{PoseWithCovariance, TwistWithCovariance};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Names in the diagnostics of the time from images that came to their pose sent (ms).
pub const TIME_IN_NODE: [&str; 3] = ["images to pose ms, median", "images to pose ms, p95", "images to pose ms, p99"];

/// What vo_node publishes: topic names and qualities stand here and nowhere else.
pub struct Outputs {
    odometry: r2r::Publisher<r2r::nav_msgs::msg::Odometry>,
    transforms: Option<r2r::Publisher<r2r::tf2_msgs::msg::TFMessage>>,
    solves: r2r::Publisher<r2r::halfslam::msg::SolveReport>,
    keyframes: r2r::Publisher<r2r::halfslam::msg::Keyframe>,
}

impl Outputs {
    /// Advertises `odom`, `keyframes`, `solves` and, if wanted, `/tf`.
    ///
    /// # Errors
    /// [`RosError::Call`] names the topic.
    pub fn advertise(node: &mut Node, options: &RosOptions) -> Result<Self, RosError> {
        Ok(Self {
            odometry: node.publisher("odom", qos::results())?,
            transforms: options.publish_tf.then(|| node.publisher("/tf", qos::tf())).transpose()?,
            solves: node.publisher("solves", qos::results())?,
            keyframes: node.publisher("keyframes", qos::keyframes())?,
        })
    }
}

/// What has come since the last frame.
#[derive(Default)]
struct Inputs {
    wheels: SampleQueue<WheelSample>,
    imu: SampleQueue<ImuSample>,
    reset: Mutex<Option<Se3>>,
}

/// For so long a frame waits for samples that are due: they were sent before it, and are taken from the middleware after it.
const PATIENCE: Duration = Duration::from_millis(5);

impl Inputs {
    /// Samples of wheels and inertial unit up to a frame.
    fn until(&self, stamp_nanos: i64) -> (Vec<WheelSample>, Vec<ImuSample>) {
        let began = Instant::now();
        let wheels = self.wheels.take_until(stamp_nanos, PATIENCE);
        (wheels, self.imu.take_until(stamp_nanos, PATIENCE.saturating_sub(began.elapsed())))
    }
}

/// The thread and what it is given.
pub struct OdometryWorker {
    frames: Arc<Mailbox<RawFrame>>,
    inputs: Arc<Inputs>,
    diagnostics: Arc<Diagnostics>,
    threads: Vec<JoinHandle<()>>,
}

impl OdometryWorker {
    /// Starts the estimator's thread, and another one that describes keyframes, so that frames need not wait for it.
    ///
    /// # Errors
    /// [`RosError`] if the precision policy is none, or the system gives no thread.
    pub fn start(parameters: &Live, outputs: Outputs, diagnostics: Arc<Diagnostics>) -> Result<Self, RosError> {
        let config = parameters.config();
        let policy = Policy::resolve(&config.precision)?;
        let frames = Arc::new(Mailbox::new(config.ros.frame_queue));
        let inputs = Arc::<Inputs>::default();
        let (keyframes, described) = mpsc::channel();
        let Outputs { odometry, transforms, solves, keyframes: keyframe_topic } = outputs;
        let describer = {
            let (parameters, diagnostics) = (parameters.clone(), diagnostics.clone());
            spawn("describer", move || describe(&described, &parameters, &keyframe_topic, &diagnostics))?
        };
        let estimator = Estimator {
            config,
            policy,
            running: None,
            last: None,
            t_odom_start: Se3::identity(),
            odometry,
            transforms,
            solves,
            keyframes,
            diagnostics: diagnostics.clone(),
            durations: Durations::default(),
        };
        let estimator = {
            let (frames, inputs) = (frames.clone(), inputs.clone());
            spawn("odometry", move || estimator.work(&frames, &inputs))?
        };
        Ok(Self { frames, inputs, diagnostics, threads: vec![estimator, describer] })
    }

    /// Hands over a frame; never waits.
    ///
    /// # Errors
    /// [`RosError::Other`] if a thread has ended: a bug in it, which has printed its own message.
    pub fn add_frame(&self, frame: RawFrame) -> Result<(), RosError> {
        if self.frames.put(frame).is_some() {
            self.diagnostics.lose("dropped frames", 1);
        }
        check_alive(&self.threads)
    }

    /// Hands over a sample of wheel odometry; never waits.
    pub fn add_wheel(&self, sample: WheelSample) {
        self.inputs.wheels.put(sample.stamp_nanos, sample);
    }

    /// Hands over a sample of the inertial unit, in the base's axes; never waits.
    pub fn add_imu(&self, sample: ImuSample) {
        self.inputs.imu.put(sample.stamp_nanos, sample);
    }

    /// Lets the odometry start anew, with the next frame at this pose.
    pub fn reset(&self, t_odom_base: Se3) {
        *self.inputs.reset.lock().unwrap_or_else(PoisonError::into_inner) = Some(t_odom_base);
    }
}

impl Drop for OdometryWorker {
    fn drop(&mut self) {
        self.frames.close();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

struct Estimator {
    config: Config,
    policy: Policy,
    running: Option<(Rig, Odometry)>,
    last: Option<(i64, Se3)>,
    t_odom_start: Se3,
    odometry: r2r::Publisher<r2r::nav_msgs::msg::Odometry>,
    transforms: Option<r2r::Publisher<r2r::tf2_msgs::msg::TFMessage>>,
    solves: r2r::Publisher<r2r::halfslam::msg::SolveReport>,
    keyframes: mpsc::Sender<Keyframe>,
    diagnostics: Arc<Diagnostics>,
    /// From images that came to their pose sent.
    durations: Durations,
}

/// Frames that have not come for so long may be over.
const PAUSE: Duration = Duration::from_millis(200);

impl Estimator {
    fn work(mut self, frames: &Mailbox<RawFrame>, inputs: &Inputs) {
        loop {
            match frames.take_within(PAUSE) {
                Taken::Item(raw) => self.take(&raw, inputs),
                // The last frame before a pause is worth as much to the map as any other.
                Taken::Nothing => self.finish(),
                Taken::Closed => break,
            }
        }
        self.finish();
    }

    fn take(&mut self, raw: &RawFrame, inputs: &Inputs) {
        let frame = match raw.decode() {
            Ok(frame) => frame,
            Err((topic, bad)) => return self.diagnostics.reject(topic, &bad),
        };
        let reset = inputs.reset.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(t_odom_base) = reset {
            self.reset(t_odom_base);
        }
        self.prepare(raw);
        let Some((_, odometry)) = &mut self.running else { return };
        let (wheels, imu) = inputs.until(raw.stamp_nanos);
        wheels.iter().for_each(|sample| odometry.add_wheel(sample));
        imu.iter().for_each(|sample| odometry.add_imu(sample));
        if let Some((before, _)) = self.last {
            // The frame that they belong to has gone without them.
            let stamps = wheels.iter().map(|sample| sample.stamp_nanos).chain(imu.iter().map(|s| s.stamp_nanos));
            self.diagnostics.lose("late samples", stamps.filter(|stamp| *stamp <= before).count() as u64);
        }
        let estimate = odometry.track(&Arc::new(frame));
        self.publish(estimate);
        self.take_time(raw);
    }

    /// Hands on the keyframe that is still being made.
    fn finish(&mut self) {
        if let Some((keyframe, solve)) = self.running.as_mut().and_then(|(_, odometry)| odometry.finish()) {
            self.hand_on(keyframe, solve.as_ref());
        }
    }

    fn reset(&mut self, t_odom_base: Se3) {
        self.finish();
        tracing::info!("the odometry starts anew at the pose that was asked for");
        self.diagnostics.count("resets", 1);
        (self.running, self.last, self.t_odom_start) = (None, None, t_odom_base);
    }

    /// Makes a new odometry when there is none for this rig yet; it goes on from where the one before was.
    fn prepare(&mut self, raw: &RawFrame) {
        match &self.running {
            Some((rig, _)) if rig == raw.rig() => return,
            Some(_) => {
                self.diagnostics.lose("camera changes", 1);
                tracing::warn!("camera_info or the camera's pose changed; the odometry starts again at its last pose");
            }
            None => {}
        }
        self.finish();
        let made = Odometry::new(&self.config.odometry, raw.rig(), &self.policy);
        self.diagnostics.trouble("rig", made.as_ref().err().map(ToString::to_string));
        let start = self.last.take().map_or(self.t_odom_start, |(_, t_odom_base)| t_odom_base);
        self.t_odom_start = start;
        self.running = made.ok().map(|odometry| (*raw.rig(), odometry.starting_at(&start)));
    }

    fn publish(&mut self, estimate: Estimate) {
        let options = &self.config.ros;
        let stamp_nanos = estimate.stamp_nanos;
        let t_odom_base = estimate.t_odom_base;
        match self.last {
            Some((before, _)) if stamp_nanos == before => {
                // Of a frame that is not newer than the last one nothing new can be said.
                self.diagnostics.lose("frames out of order", 1);
                return;
            }
            Some((before, _)) if stamp_nanos < before => self.diagnostics.lose("jumps of time", 1),
            _ => {}
        }
        self.report(&estimate);
        let twist = self.last.map_or_else(Default::default, |(before, t_before)| {
            pose::twist_between(&t_before, &t_odom_base, (stamp_nanos - before) as f64 * 1e-9)
        });
        self.last = Some((stamp_nanos, t_odom_base));
        let message = r2r::nav_msgs::msg::Odometry {
            header: pose::header_msg(stamp_nanos, &options.odom_frame),
            child_frame_id: options.base_frame.clone(),
            pose: PoseWithCovariance {
                pose: pose::pose_msg_from_se3(&t_odom_base),
                covariance: pose::covariance_msg_from_tangent(&estimate.covariance, &t_odom_base.rotation),
            },
            twist: TwistWithCovariance { twist, covariance: vec![0.0; 36] },
        };
        let mut results = vec![self.odometry.publish(&message)];
        if let Some(transforms) = &self.transforms {
            let (odom, base) = (&options.odom_frame, &options.base_frame);
            let transform = pose::transform_stamped_msg(stamp_nanos, odom, base, &t_odom_base);
            results.push(transforms.publish(&r2r::tf2_msgs::msg::TFMessage { transforms: vec![transform] }));
        }
        for error in results.into_iter().filter_map(Result::err) {
            tracing::error!("publishing: {error}");
        }
        if let Some(keyframe) = estimate.keyframe {
            self.hand_on(keyframe, estimate.solve.as_ref());
        }
    }

    /// Publishes what the adjustment of a keyframe's window took, and has the keyframe described.
    fn hand_on(&self, keyframe: Keyframe, adjustment: Option<&SolveStatistics>) {
        if let Some(statistics) = adjustment {
            let message = solve::solve_report_msg(statistics, keyframe.frame.stamp_nanos);
            if let Err(error) = self.solves.publish(&message) {
                tracing::error!("publishing: {error}");
            }
        }
        // The describer ends only with the node.
        let _ = self.keyframes.send(keyframe);
    }

    fn take_time(&mut self, raw: &RawFrame) {
        self.durations.add(raw.came.elapsed());
        if let Some(Quantiles { median, p95, p99 }) = self.durations.due_quantiles_ms() {
            for (name, ms) in TIME_IN_NODE.iter().zip([median, p95, p99]) {
                self.diagnostics.set(name, format!("{ms:.1}"));
            }
        }
    }

    fn report(&self, estimate: &Estimate) {
        let lost = estimate.state == TrackingState::Lost;
        self.diagnostics.count("tracked frames", u64::from(estimate.state == TrackingState::Tracking));
        self.diagnostics.set("state", format!("{:?}", estimate.state).to_lowercase());
        self.diagnostics.set("inliers", estimate.inlier_count);
        self.diagnostics.count("frames told by surfaces", u64::from(estimate.surface_share.is_some()));
        self.diagnostics.set("share of features sought", format!("{:.2}", estimate.feature_share));
        let waits = self.running.as_ref().is_some_and(|(_, odometry)| odometry.waits_for_scale());
        let scale =
            "one camera alone tells no scale: it needs wheel odometry, and none has come that tells the base's way";
        self.diagnostics.trouble("scale", waits.then(|| scale.into()));
        self.diagnostics.trouble("tracking", lost.then(|| "tracking is lost".into()));
        if lost {
            self.diagnostics.count("lost frames", 1);
        }
    }
}

fn describe(
    keyframes: &mpsc::Receiver<Keyframe>,
    parameters: &Live,
    topic: &r2r::Publisher<r2r::halfslam::msg::Keyframe>,
    diagnostics: &Diagnostics,
) {
    let (config, mut generation) = (parameters.config(), 0);
    let mut describer = Describer::new(&config.map.place);
    while let Ok(keyframe) = keyframes.recv() {
        if let Some(changed) = parameters.newer_than(&mut generation) {
            describer.set_options(&changed.map.place);
        }
        let described = describer.describe(&keyframe);
        let message = keyframe::keyframe_msg(&described, &config.ros.odom_frame, &config.ros.base_frame);
        match topic.publish(&message) {
            Ok(()) => diagnostics.count("keyframes", 1),
            Err(error) => tracing::error!("keyframes: {error}"),
        }
    }
}
