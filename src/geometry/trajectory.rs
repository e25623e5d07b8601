//! Poses over time.

use super::Se3;

/// A pose at a time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StampedPose {
    /// Time (ns).
    pub stamp_nanos: i64,
    /// The body's pose: body coordinates into world coordinates.
    pub t_world_body: Se3,
}

/// Poses over time, stamps strictly increasing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Trajectory {
    poses: Vec<StampedPose>,
}

impl AsRef<[StampedPose]> for Trajectory {
    fn as_ref(&self) -> &[StampedPose] {
        &self.poses
    }
}

impl Trajectory {
    /// Sorts poses by stamp; of several with one stamp the last one counts.
    pub fn from_poses(mut poses: Vec<StampedPose>) -> Self {
        poses.sort_by_key(|pose| pose.stamp_nanos);
        poses.reverse();
        poses.dedup_by_key(|pose| pose.stamp_nanos);
        poses.reverse();
        Self { poses }
    }

    /// Appends a pose; ignored unless its stamp is after the last one. Says whether it was taken.
    pub fn push(&mut self, pose: StampedPose) -> bool {
        let later = self.poses.last().is_none_or(|last| pose.stamp_nanos > last.stamp_nanos);
        if later {
            self.poses.push(pose);
        }
        later
    }

    /// The poses in order of time.
    pub fn poses(&self) -> &[StampedPose] {
        &self.poses
    }

    /// The pose at a time, interpolated between its neighbours; `None` outside the trajectory.
    pub fn at(&self, stamp_nanos: i64) -> Option<Se3> {
        let after = self.poses.partition_point(|pose| pose.stamp_nanos < stamp_nanos);
        let next = self.poses.get(after)?;
        if next.stamp_nanos == stamp_nanos {
            return Some(next.t_world_body);
        }
        let previous = self.poses.get(after.checked_sub(1)?)?;
        let fraction = (stamp_nanos - previous.stamp_nanos) as f64 / (next.stamp_nanos - previous.stamp_nanos) as f64;
        let step = super::se3::log(&(previous.t_world_body.inverse() * next.t_world_body));
        Some(previous.t_world_body * super::se3::exp(&(step * fraction)))
    }

    /// Length of the path (m).
    pub fn path_length_m(&self) -> f64 {
        let position = |pose: &StampedPose| pose.t_world_body.translation.vector;
        self.poses.windows(2).map(|pair| (position(&pair[1]) - position(&pair[0])).norm()).sum()
    }
}
