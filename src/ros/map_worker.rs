//! The map on a thread of its own: takes every keyframe, publishes the corrected map and where the odometry's world
//! lies in it. A second thread optimizes the graph meanwhile.

use super::camera_topics::TIME_JUMP_NANOS;
use super::convert::{cloud, graph, pose, solve};
use super::diagnostics::Diagnostics;
use super::parameters::Live;
use super::threads::{check_alive, spawn};
use super::{Node, RosError, qos};
use crate::config::{Config, RosOptions};
use crate::geometry::Se3;
use crate::map::{LoopCloser, Optimization};
use crate::place::DescribedKeyframe;
use crate::precision::Policy;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What loop_closure_node publishes of its map: topic names and qualities stand here and nowhere else.
pub struct Outputs {
    path: r2r::Publisher<r2r::nav_msgs::msg::Path>,
    cloud: r2r::Publisher<r2r::sensor_msgs::msg::PointCloud2>,
    graph: r2r::Publisher<r2r::visualization_msgs::msg::MarkerArray>,
    solves: r2r::Publisher<r2r::halfslam::msg::SolveReport>,
}

impl Outputs {
    /// Advertises `corrected_path`, `map_cloud`, `pose_graph` and `solves`.
    ///
    /// # Errors
    /// [`RosError::Call`] names the topic.
    pub fn advertise(node: &mut Node) -> Result<Self, RosError> {
        Ok(Self {
            path: node.publisher("corrected_path", qos::latched())?,
            cloud: node.publisher("map_cloud", qos::latched())?,
            graph: node.publisher("pose_graph", qos::latched())?,
            solves: node.publisher("solves", qos::results())?,
        })
    }
}

/// What the map's thread is told.
enum Order {
    Take(Box<DescribedKeyframe>),
    StartAt(Se3),
    /// An optimization for the map of this number has ended.
    Correct(usize, Box<Optimization>),
    End,
}

/// The threads and what they are given. Dropping it ends them after what is at hand.
pub struct MapWorker {
    orders: mpsc::Sender<Order>,
    t_map_odom: Arc<Mutex<Se3>>,
    waiting: Arc<std::sync::atomic::AtomicUsize>,
    diagnostics: Arc<Diagnostics>,
    threads: Vec<JoinHandle<()>>,
}

impl MapWorker {
    /// Starts the threads with an empty map.
    ///
    /// # Errors
    /// [`RosError`] if the precision policy is none, or the system gives no thread.
    pub fn start(parameters: &Live, outputs: Outputs, diagnostics: Arc<Diagnostics>) -> Result<Self, RosError> {
        let config = parameters.config();
        let policy = Policy::resolve(&config.precision)?;
        let (orders, received) = mpsc::channel();
        let (optimizations, begun) = mpsc::channel();
        let t_map_odom = Arc::new(Mutex::new(Se3::identity()));
        let waiting = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let mapper = Mapper {
            map: LoopCloser::new(&config.map, &policy),
            map_number: 0,
            policy,
            optimizations,
            config,
            parameters: parameters.clone(),
            generation: 0,
            newest_nanos: None,
            t_map_odom: t_map_odom.clone(),
            waiting: waiting.clone(),
            outputs,
            diagnostics: diagnostics.clone(),
            unpublished: false,
            publish_after: Instant::now(),
        };
        let ended = orders.clone();
        let optimizer = spawn("optimizer", move || optimize(&begun, &ended))?;
        let mapper = spawn("map", move || mapper.work(&received))?;
        Ok(Self { orders, t_map_odom, waiting, diagnostics, threads: vec![mapper, optimizer] })
    }

    /// Hands over a keyframe; never waits.
    ///
    /// # Errors
    /// [`RosError::Other`] if a thread has ended: a bug in it, which has printed its own message.
    pub fn add(&self, keyframe: DescribedKeyframe) -> Result<(), RosError> {
        self.diagnostics.count("keyframes", 1);
        let waiting = self.waiting.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
        self.diagnostics.set("waiting keyframes", waiting);
        self.send(Order::Take(Box::new(keyframe)))
    }

    /// Lets the map start empty, with the next keyframe at this pose; never waits.
    ///
    /// # Errors
    /// [`RosError::Other`] as [`MapWorker::add`].
    pub fn reset(&self, t_map_base: Se3) -> Result<(), RosError> {
        self.send(Order::StartAt(t_map_base))
    }

    fn send(&self, order: Order) -> Result<(), RosError> {
        // The thread ends only with the node.
        let _ = self.orders.send(order);
        check_alive(&self.threads)
    }

    /// Coordinates of the odometry's world into those of the map, after the last correction.
    pub fn t_map_odom(&self) -> Se3 {
        *self.t_map_odom.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for MapWorker {
    fn drop(&mut self) {
        let _ = self.orders.send(Order::End);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// Runs optimizations until nobody can begin another one.
fn optimize(begun: &mpsc::Receiver<(usize, Box<Optimization>)>, ended: &mpsc::Sender<Order>) {
    while let Ok((map_number, mut optimization)) = begun.recv() {
        optimization.run();
        // The map's thread may have ended meanwhile.
        let _ = ended.send(Order::Correct(map_number, optimization));
    }
}

struct Mapper {
    map: LoopCloser,
    /// How many maps there were before this one.
    map_number: usize,
    policy: Policy,
    optimizations: mpsc::Sender<(usize, Box<Optimization>)>,
    config: Config,
    parameters: Live,
    generation: u64,
    newest_nanos: Option<i64>,
    t_map_odom: Arc<Mutex<Se3>>,
    waiting: Arc<std::sync::atomic::AtomicUsize>,
    outputs: Outputs,
    diagnostics: Arc<Diagnostics>,
    unpublished: bool,
    publish_after: Instant,
}

impl Mapper {
    fn work(mut self, orders: &mpsc::Receiver<Order>) {
        loop {
            let patience = if self.unpublished {
                self.publish_after.saturating_duration_since(Instant::now())
            } else {
                Duration::from_secs(3600)
            };
            match orders.recv_timeout(patience) {
                Ok(Order::StartAt(t_map_base)) => self.start_at(&t_map_base),
                Ok(Order::Correct(map_number, optimization)) if map_number == self.map_number => {
                    self.correct(*optimization);
                }
                Ok(Order::Correct(..)) => {}
                Ok(Order::Take(keyframe)) => {
                    let waiting = self.waiting.fetch_sub(1, std::sync::atomic::Ordering::Relaxed) - 1;
                    self.diagnostics.set("waiting keyframes", waiting);
                    self.add(*keyframe);
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Ok(Order::End) | Err(mpsc::RecvTimeoutError::Disconnected) => return,
            }
            if let Some(optimization) = self.map.begin_correction() {
                // The thread ends only with the node.
                let _ = self.optimizations.send((self.map_number, Box::new(optimization)));
            }
            if self.unpublished && Instant::now() >= self.publish_after {
                self.publish();
            }
        }
    }

    fn start_at(&mut self, t_map_base: &Se3) {
        tracing::info!("the map starts empty at the pose that was asked for");
        self.diagnostics.count("resets", 1);
        self.map = LoopCloser::new(&self.config.map, &self.policy).starting_at(t_map_base);
        self.map_number += 1;
        self.newest_nanos = None;
        self.unpublished = true;
    }

    fn add(&mut self, keyframe: DescribedKeyframe) {
        if let Some(config) = self.parameters.newer_than(&mut self.generation) {
            self.map.set_options(&config.map);
            self.config = config;
        }
        let stamp_nanos = keyframe.stamp_nanos;
        if self.newest_nanos.is_some_and(|newest| stamp_nanos < newest - TIME_JUMP_NANOS) {
            tracing::warn!("time jumped back; the map stays, and the robot's place in it is sought anew");
            self.diagnostics.lose("jumps of time", 1);
        }
        self.newest_nanos = Some(stamp_nanos);
        if let Err(error) = self.map.take(keyframe) {
            self.diagnostics.lose("keyframes that could not be used", 1);
            tracing::warn!("keyframe: {error}");
        }
        self.changed();
    }

    fn correct(&mut self, optimization: Optimization) {
        match self.map.finish_correction(optimization) {
            Ok(None) => {}
            Ok(Some(correction)) => {
                self.diagnostics.count("loops", correction.loops.len() as u64);
                let doubts = &correction.solve.doubts;
                self.diagnostics.trouble("map", (!doubts.is_empty()).then(|| doubts.join("; ")));
                let report = solve::solve_report_msg(&correction.solve, self.newest_nanos.unwrap_or(0));
                if let Err(error) = self.outputs.solves.publish(&report) {
                    tracing::error!("solves: {error}");
                }
                for closed in &correction.loops {
                    let (from, to, inliers) = (closed.from.0, closed.to.0, closed.inlier_count);
                    tracing::info!("loop between keyframes {from} and {to}, {inliers} inliers");
                }
                self.publish_after = Instant::now();
            }
            Err(error) => {
                self.diagnostics.lose("loops that could not be closed", 1);
                tracing::warn!("correction: {error}");
            }
        }
        self.changed();
    }

    fn changed(&mut self) {
        *self.t_map_odom.lock().unwrap_or_else(PoisonError::into_inner) = self.map.t_map_odom();
        self.unpublished = true;
    }

    /// Publishes the map. A large map takes time to publish: it is done less often, so that nine tenths of the time
    /// are left for keyframes.
    fn publish(&mut self) {
        let started = Instant::now();
        let (stamp_nanos, frame) = (self.newest_nanos.unwrap_or(0), &self.config.ros.map_frame);
        let path = pose::path_msg_from_poses(self.map.poses(), stamp_nanos, frame);
        let cloud = cloud::cloud_msg_from_points(&self.map.cloud(), stamp_nanos, frame);
        let graph = graph::marker_array_from_graph(self.map.graph(), stamp_nanos, frame);
        self.diagnostics.set("map points", cloud.width);
        self.diagnostics.set("map keyframes", path.poses.len());
        let outputs = &self.outputs;
        for result in [outputs.path.publish(&path), outputs.cloud.publish(&cloud), outputs.graph.publish(&graph)] {
            if let Err(error) = result {
                tracing::error!("publishing the map: {error}");
            }
        }
        self.unpublished = false;
        let period = Duration::from_secs_f64(self.config.ros.map_period_secs);
        self.publish_after = Instant::now() + period.max(started.elapsed() * 9);
    }
}

/// Sends `map → odom` for ever, at the rate of the options.
///
/// # Errors
/// [`RosError::Call`] if publishing fails.
pub async fn send_transform(
    worker: Arc<MapWorker>,
    topic: r2r::Publisher<r2r::tf2_msgs::msg::TFMessage>,
    clock: super::node::Clock,
    options: RosOptions,
) -> Result<(), RosError> {
    let mut ticks = tokio::time::interval(Duration::from_secs_f64(1.0 / options.tf_rate_hz));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        let now_nanos = clock.now_nanos();
        if now_nanos > 0 {
            let (map, odom) = (&options.map_frame, &options.odom_frame);
            let transform = pose::transform_stamped_msg(now_nanos, map, odom, &worker.t_map_odom());
            let message = r2r::tf2_msgs::msg::TFMessage { transforms: vec![transform] };
            topic.publish(&message).map_err(|error| RosError::Call { doing: "/tf".into(), error })?;
        }
    }
}
