"""Waits until loop_closure_node, which makes its own keyframes, publishes a map: path, cloud, graph and map -> odom.
Started by nodes.rs; prints what failed and exits 1, or exits 0."""

import sys
import time

import rclpy
from nav_msgs.msg import Path
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import PointCloud2
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import MarkerArray

rclpy.init()
node = rclpy.create_node("map_listener")
latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
last, frames = {}, set()
for kind, topic in ((Path, "corrected_path"), (PointCloud2, "map_cloud"), (MarkerArray, "pose_graph")):
    node.create_subscription(kind, topic, lambda message, topic=topic: last.update({topic: message}), latched)
node.create_subscription(
    TFMessage,
    "/tf",
    lambda message: frames.update((t.header.frame_id, t.child_frame_id) for t in message.transforms),
    10,
)


def complete():
    return (
        ("map", "odom") in frames
        and len(last) == 3
        and len(last["corrected_path"].poses) >= 5
        and last["map_cloud"].width > 100
        and len(last["pose_graph"].markers[0].points) >= 5
    )


end = time.monotonic() + float(sys.argv[1])
while not complete():
    if time.monotonic() > end:
        path = len(last["corrected_path"].poses) if "corrected_path" in last else None
        sys.exit(f"no complete map: topics {sorted(last)}, path of {path} poses, transforms {sorted(frames)}")
    rclpy.spin_once(node, timeout_sec=0.1)
if last["corrected_path"].header.frame_id != "map":
    sys.exit(f"path in frame {last['corrected_path'].header.frame_id}; expected map")
rclpy.shutdown()
