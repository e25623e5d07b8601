//! What came of a demo: figures, trajectories, a picture.

use super::listener::Heard;
use super::{DemoError, picture};
use crate::evaluation::{AbsoluteError, Alignment, absolute_error};
use crate::geometry::Trajectory;
use crate::io::trajectory::write_tum;
use crate::ros::odometry_worker::TIME_IN_NODE;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// What came of a demo.
pub struct Report {
    /// Frames that were played.
    pub frames_played: usize,
    /// When the images of each stamp (ns) had been sent.
    pub image_times: BTreeMap<i64, Instant>,
    /// What the nodes have published.
    pub heard: Heard,
    /// The base's true poses, where known.
    pub truth: Option<Trajectory>,
}

impl Report {
    /// Error of the odometry, where the truth is known and tells.
    pub fn odometry_error(&self) -> Option<AbsoluteError> {
        self.error(&self.heard.odometry)
    }

    /// Error of the corrected path, where the truth is known and tells.
    pub fn corrected_error(&self) -> Option<AbsoluteError> {
        self.error(&self.heard.corrected)
    }

    /// Time (ms) from the images sent to their pose received, over all frames: median, 95th and 99th percentile, most.
    /// The middleware's share, both ways, and decoding are in it. `None` without poses.
    pub fn latency_ms(&self) -> Option<[f64; 4]> {
        let late = |(stamp, sent): (&i64, &Instant)| {
            let received = self.heard.pose_times.get(stamp)?;
            Some(received.saturating_duration_since(*sent).as_secs_f64() * 1e3)
        };
        let mut latencies: Vec<f64> = self.image_times.iter().filter_map(late).collect();
        latencies.sort_unstable_by(f64::total_cmp);
        let most = latencies.len().checked_sub(1)?;
        Some([0.5, 0.95, 0.99, 1.0].map(|share| latencies[(most as f64 * share).round() as usize]))
    }

    /// The part of that (ms) which vo_node says it took itself, queueing and decoding included: median, 95th and 99th
    /// percentile of the last 2000 frames. The rest is the middleware's, both ways.
    pub fn node_ms(&self) -> Option<[f64; 3]> {
        let value = |name: &str| self.heard.diagnostics.get(&format!("vo_node: {name}"))?.parse().ok();
        let [median, p95, p99] = TIME_IN_NODE.map(value);
        Some([median?, p95?, p99?])
    }

    /// Losses that the nodes have reported: how many of what.
    pub fn losses(&self) -> Vec<(String, String)> {
        let is_loss = |key: &str| {
            let words = [
                "dropped frames",
                "missing frames",
                "unpaired images",
                "lost frames",
                "could not be used",
                "out of order",
                "late samples",
            ];
            words.iter().chain(&["bad messages", "camera was known"]).any(|word| key.ends_with(word))
        };
        let losses = self.heard.diagnostics.iter().filter(|(key, value)| is_loss(key) && *value != "0");
        losses.map(|(key, value)| (key.clone(), value.clone())).collect()
    }

    /// Closed loops, as loop_closure_node has reported them.
    pub fn loop_count(&self) -> u64 {
        self.heard.diagnostics.get("loop_closure_node: loops").and_then(|count| count.parse().ok()).unwrap_or(0)
    }

    fn error(&self, estimate: &Trajectory) -> Option<AbsoluteError> {
        let error = absolute_error(estimate, self.truth.as_ref()?, Alignment::Se3);
        error.inspect_err(|error| tracing::warn!("no error against the truth: {error}")).ok()
    }

    /// The figures, for scripts.
    pub fn to_json(&self) -> serde_json::Value {
        let error = |error: Option<AbsoluteError>| error.map(|error| json!({ "ate_rmse_m": error.translation_m.rmse }));
        let latency = self
            .latency_ms()
            .map(|[median, p95, p99, max]| json!({ "median": median, "p95": p95, "p99": p99, "max": max }));
        json!({
            "frames": self.frames_played,
            "odometry_poses": self.heard.odometry.poses().len(),
            "keyframes": self.heard.keyframe_count,
            "corrected_poses": self.heard.corrected.poses().len(),
            "loops": self.loop_count(),
            "cloud_points": self.heard.cloud_points,
            "path_length_m": self.heard.odometry.path_length_m(),
            "latency_ms": latency,
            "node_ms": self.node_ms().map(|[median, p95, p99]| json!({ "median": median, "p95": p95, "p99": p99 })),
            "odometry": error(self.odometry_error()),
            "corrected": error(self.corrected_error()),
            "losses": self.losses().into_iter().collect::<BTreeMap<_, _>>(),
        })
    }
}

/// Writes `odometry.tum`, `corrected.tum`, `truth.tum` where known, `summary.json` and `trajectory.svg`, and returns
/// their paths.
///
/// # Errors
/// [`DemoError::Write`] names the file.
pub fn write(report: &Report, folder: &Path) -> Result<Vec<PathBuf>, DemoError> {
    let failed = |path: &Path, reason: String| DemoError::Write { path: path.into(), reason };
    std::fs::create_dir_all(folder).map_err(|error| failed(folder, error.to_string()))?;
    let mut written = Vec::new();
    let trajectories = [
        ("odometry.tum", Some(&report.heard.odometry)),
        ("corrected.tum", Some(&report.heard.corrected)),
        ("truth.tum", report.truth.as_ref()),
    ];
    for (name, trajectory) in trajectories {
        if let Some(trajectory) = trajectory {
            let path = folder.join(name);
            std::fs::File::create(&path)
                .and_then(|mut file| write_tum(&mut file, trajectory))
                .map_err(|error| failed(&path, error.to_string()))?;
            written.push(path);
        }
    }
    let path = folder.join("summary.json");
    let text = format!("{:#}\n", report.to_json());
    std::fs::write(&path, text).map_err(|error| failed(&path, error.to_string()))?;
    written.push(path);
    let path = folder.join("trajectory.svg");
    picture::draw(&path, report).map_err(|reason| failed(&path, reason))?;
    written.push(path);
    Ok(written)
}
