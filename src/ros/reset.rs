//! The service that starts a node's estimate anew at a pose.

use super::convert::pose::se3_from_pose_msg;
use super::{Node, RosError};
use crate::geometry::Se3;
use futures::Stream;
use r2r::ServiceRequest;
use r2r::halfslam::srv::Reset;

const SERVICE: &str = "~/reset";

/// A request that waits for its answer.
pub type ResetRequest = ServiceRequest<Reset::Service>;

/// Advertises `~/reset`.
///
/// # Errors
/// [`RosError::Call`].
pub fn advertise(node: &mut Node) -> Result<impl Stream<Item = ResetRequest> + Unpin + Send + use<>, RosError> {
    node.serve::<Reset::Service>(SERVICE)
}

/// Answers a request; gives the pose to start at if it is one. `consequence` says what happens then.
pub fn answer(request: ResetRequest, consequence: &str) -> Option<Se3> {
    let pose = se3_from_pose_msg(&request.message.pose);
    let message = pose.as_ref().map_or_else(ToString::to_string, |_| consequence.into());
    if let Err(error) = request.respond(Reset::Response { success: pose.is_ok(), message }) {
        tracing::warn!("{SERVICE}: {error}");
    }
    pose.ok()
}
