//! Collects what the nodes publish.

use crate::geometry::{StampedPose, Trajectory};
use crate::ros::convert::pose::{nanos_from_time_msg, se3_from_pose_msg};
use crate::ros::{Node, RosError, qos};
use futures::StreamExt;
use futures::future::BoxFuture;
use r2r::diagnostic_msgs::msg::DiagnosticArray;
use r2r::halfslam::msg::{Keyframe, SolveReport};
use r2r::nav_msgs::msg::{Odometry, Path};
use r2r::sensor_msgs::msg::PointCloud2;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// What has come so far.
#[derive(Debug, Default, Clone)]
pub struct Heard {
    /// The odometry's poses.
    pub odometry: Trajectory,
    /// When the pose of each stamp (ns) came.
    pub pose_times: BTreeMap<i64, Instant>,
    /// The last corrected path.
    pub corrected: Trajectory,
    /// Keyframes.
    pub keyframe_count: usize,
    /// Points of the last cloud.
    pub cloud_points: usize,
    /// Duration of each solve (ms), by problem.
    pub solve_ms: BTreeMap<String, Vec<f64>>,
    /// The last value of each diagnostic of each node.
    pub diagnostics: BTreeMap<String, String>,
}

/// What the nodes have published, as it grows.
#[derive(Debug, Default, Clone)]
pub struct Listener(Arc<Mutex<Heard>>);

impl Listener {
    /// Subscribes to the nodes' topics; the future takes in what comes, for ever.
    ///
    /// # Errors
    /// [`RosError::Call`] names the topic.
    pub fn subscribe(node: &mut Node) -> Result<(Self, BoxFuture<'static, ()>), RosError> {
        let this = Self::default();
        let odometry = node.subscribe::<Odometry>("odom", qos::keyframes())?;
        let path = node.subscribe::<Path>("corrected_path", qos::latched())?;
        let keyframes = node.subscribe::<Keyframe>("keyframes", qos::keyframes())?;
        let cloud = node.subscribe::<PointCloud2>("map_cloud", qos::latched())?;
        let solves = node.subscribe::<SolveReport>("solves", qos::keyframes())?;
        let diagnostics = node.subscribe::<DiagnosticArray>("/diagnostics", qos::results())?;
        let taking = futures::future::join_all([
            this.take(odometry, |heard, message| {
                if let Ok(t_world_body) = se3_from_pose_msg(&message.pose.pose) {
                    let stamp_nanos = nanos_from_time_msg(&message.header.stamp);
                    heard.odometry.push(StampedPose { stamp_nanos, t_world_body });
                    heard.pose_times.insert(stamp_nanos, Instant::now());
                }
            }),
            this.take(path, |heard, message| heard.corrected = trajectory_from_path(&message)),
            this.take(keyframes, |heard, _| heard.keyframe_count += 1),
            this.take(cloud, |heard, message| heard.cloud_points = message.width as usize),
            this.take(solves, |heard, message| {
                heard.solve_ms.entry(message.problem).or_default().push(message.duration_ms);
            }),
            this.take(diagnostics, |heard, message| {
                for status in message.status {
                    let node = status.name.trim_start_matches("halfslam: ").to_owned();
                    let values = status.values.into_iter().map(|value| (format!("{node}: {}", value.key), value.value));
                    heard.diagnostics.extend(values);
                }
            }),
        ]);
        let taking = async {
            taking.await;
        };
        Ok((this, Box::pin(taking)))
    }

    /// What has come so far.
    pub fn heard(&self) -> Heard {
        self.lock().clone()
    }

    /// Something that changes whenever anything comes: to see whether the nodes still work.
    pub fn progress(&self) -> (usize, usize, usize) {
        let heard = self.lock();
        (heard.odometry.poses().len(), heard.keyframe_count, heard.corrected.poses().len())
    }

    fn lock(&self) -> MutexGuard<'_, Heard> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take<T: Send + 'static>(
        &self,
        messages: impl futures::Stream<Item = T> + Send + Unpin + 'static,
        mut action: impl FnMut(&mut Heard, T) + Send + 'static,
    ) -> BoxFuture<'static, ()> {
        let this = self.clone();
        Box::pin(messages.for_each(move |message| {
            action(&mut this.lock(), message);
            futures::future::ready(())
        }))
    }
}

fn trajectory_from_path(path: &Path) -> Trajectory {
    let pose = |stamped: &r2r::geometry_msgs::msg::PoseStamped| {
        let stamp_nanos = nanos_from_time_msg(&stamped.header.stamp);
        se3_from_pose_msg(&stamped.pose).ok().map(|t_world_body| StampedPose { stamp_nanos, t_world_body })
    };
    Trajectory::from_poses(path.poses.iter().filter_map(pose).collect())
}
