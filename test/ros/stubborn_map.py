"""Sends a running loop_closure_node keyframes: good ones, broken ones, those of an odometry that has started anew, and a
jump of time. The node must say what was wrong and go on. Started by nodes.rs; prints what failed and exits 1, or exits 0."""

import sys
import time

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from halfslam.msg import Keyframe
from halfslam.srv import Reset
from nav_msgs.msg import Path
from rclpy.qos import DurabilityPolicy, QoSProfile

FEATURE_COUNT = 40


class Driver:
    def __init__(self):
        rclpy.init()
        self.node = rclpy.create_node("driver")
        self.start_odometry()
        self.values, self.messages, self.path_length, self.path_start_x = {}, [], 0, None
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self.node.create_subscription(Path, "corrected_path", self.on_path, latched)
        self.node.create_subscription(DiagnosticArray, "/diagnostics", self.on_diagnostics, 10)
        self.random = np.random.default_rng(1)

    def start_odometry(self):
        self.keyframes = self.node.create_publisher(Keyframe, "keyframes", 10)

    def on_path(self, path):
        self.path_length = len(path.poses)
        self.path_start_x = path.poses[0].pose.position.x if path.poses else None

    def on_diagnostics(self, array):
        for status in array.status:
            if status.name == "halfslam: loop_closure_node":
                self.values = {value.key: value.value for value in status.values}
                self.messages.append(status.message)

    def wait_for(self, what, condition, seconds=20.0):
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                sys.exit(f"{what}: did not happen; path of {self.path_length}, diagnostics: {self.values}; "
                         f"messages: {self.messages[-3:]}")
            rclpy.spin_once(self.node, timeout_sec=0.05)

    def keyframe(self, number, stamp_secs):
        message = Keyframe(id=number, child_frame_id="base_link", has_previous=number > 0, width=320, height=240)
        message.header.frame_id = "odom"
        message.header.stamp.sec = stamp_secs
        message.fx = message.fy = 250.0
        message.cx, message.cy = 159.5, 119.5
        message.pose.position.x = 0.3 * number
        message.relative_pose.position.x = 0.3
        message.relative_covariance = (1e-4 * np.eye(6)).ravel()
        points = self.random.uniform([-1, -1, 2], [1, 1, 4], (FEATURE_COUNT, 3)).astype(np.float32)
        message.points = points.ravel()
        message.pixels = (250 * points[:, :2] / points[:, 2:] + [159.5, 119.5]).astype(np.float32).ravel()
        message.descriptors = self.random.integers(0, 256, 32 * FEATURE_COUNT, dtype=np.uint8)
        message.colors = self.random.integers(0, 256, 3 * FEATURE_COUNT, dtype=np.uint8)
        return message

    def send(self, numbers, first_stamp_secs):
        for number in numbers:
            self.keyframes.publish(self.keyframe(number, first_stamp_secs + number))

    def refused(self):
        return int(self.values.get("keyframes: bad messages", 0))


def cut(message):
    message.descriptors = message.descriptors[:-1]


def lose(message):
    message.pose.position.x = float("nan")


def turn(message):
    message.relative_pose.orientation.w = 0.0


def blind(message):
    message.fx = 0.0


def main():
    driver = Driver()
    driver.wait_for("discovery", lambda: driver.keyframes.get_subscription_count() > 0)
    driver.send(range(5), 1000)
    driver.wait_for("a path of all keyframes", lambda: driver.path_length == 5)

    for count, (change, word) in enumerate(
        ((cut, "descriptors"), (lose, "not finite"), (turn, "quaternion"), (blind, "focal length")), 1
    ):
        broken = driver.keyframe(5, 1005)
        change(broken)
        driver.keyframes.publish(broken)
        driver.wait_for(f"keyframe without {word} is refused", lambda n=count: driver.refused() == n)
        driver.wait_for(f"the reason is said: {word}", lambda w=word: any(w in m for m in driver.messages))
    driver.send(range(5, 8), 1000)
    driver.wait_for("the path grows after all this", lambda: driver.path_length == 8)

    # The odometry was started again: another publisher, numbers from 0 on, time goes on.
    driver.node.destroy_publisher(driver.keyframes)
    driver.start_odometry()
    driver.wait_for("discovery of the new odometry", lambda: driver.keyframes.get_subscription_count() > 0)
    driver.send(range(4), 1020)
    driver.wait_for("the map keeps what it has and goes on", lambda: driver.path_length == 12)

    driver.send(range(3), 500)
    driver.wait_for("the map stays when time jumps back", lambda: driver.path_length == 15)
    driver.wait_for("the jump is reported", lambda: any("jumps of time" in m for m in driver.messages))

    client = driver.node.create_client(Reset, "/loop_closure_node/reset")
    client.wait_for_service(timeout_sec=10)
    request = Reset.Request()
    request.pose.position.x = 7.0
    future = client.call_async(request)
    driver.wait_for("an answer to reset", future.done)
    driver.send(range(3, 6), 500)
    driver.wait_for("a new map", lambda: driver.path_length == 3)
    if not future.result().success or abs(driver.path_start_x - 7.0) > 1e-6:
        sys.exit(f"reset to x = 7 m: {future.result()}, the path starts at {driver.path_start_x} m")
    rclpy.shutdown()


main()
