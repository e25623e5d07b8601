"""Sends a running vo_node good images, bad ones, a gap, other calibrations, a jump of time, restarts the camera, and asks
for parameters. The node must say what was wrong, refuse what it must, and go on. Started by nodes.rs; prints what failed
and exits 1, or exits 0."""

import sys
import time

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import TransformStamped
from halfslam.srv import Reset
from nav_msgs.msg import Odometry
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import DescribeParameters, SetParameters
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import CameraInfo, Image, Imu
from tf2_msgs.msg import TFMessage

WIDTH, HEIGHT, FOCAL_PX, BASELINE_M, DISPARITY_PX = 320, 240, 250.0, 0.1, 10
PERIOD_NANOS = 50_000_000
FRAME = "camera"


class Driver:
    def __init__(self):
        rclpy.init()
        self.node = rclpy.create_node("driver")
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        create = self.node.create_publisher
        self.info = {}
        self.start_camera()
        self.wheel = create(Odometry, "wheel_odometry", 10)
        self.imu = create(Imu, "imu", 10)
        self.transforms = create(TFMessage, "/tf_static", latched)
        self.odometry, self.values, self.messages = [], {}, []
        self.node.create_subscription(Odometry, "odom", self.odometry.append, 100)
        self.node.create_subscription(DiagnosticArray, "/diagnostics", self.on_diagnostics, 10)
        rng = np.random.default_rng(1)
        coarse = rng.integers(0, 255, (HEIGHT // 8, WIDTH // 8 + 8), dtype=np.uint8)
        self.texture = np.kron(coarse, np.ones((8, 8), dtype=np.uint8))

    def start_camera(self):
        create = self.node.create_publisher
        self.left = create(Image, "left/image_rect", 10)
        self.right = create(Image, "right/image_rect", 10)
        self.left_info = create(CameraInfo, "left/camera_info", 10)
        self.right_info = create(CameraInfo, "right/camera_info", 10)

    def stop_camera(self):
        for publisher in (self.left, self.right, self.left_info, self.right_info):
            self.node.destroy_publisher(publisher)

    def on_diagnostics(self, array):
        for status in array.status:
            if status.name == "halfslam: vo_node":
                self.values = {value.key: value.value for value in status.values}
                self.messages.append(status.message)

    def spin(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            rclpy.spin_once(self.node, timeout_sec=0.02)

    def wait_for(self, what, condition, seconds=20.0):
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                sys.exit(f"{what}: did not happen; diagnostics: {self.values}; messages: {self.messages[-3:]}")
            self.spin(0.05)

    def image(self, stamp_nanos, shift_px):
        message = Image(width=WIDTH, height=HEIGHT, encoding="mono8", step=WIDTH)
        message.header.frame_id = FRAME
        stamp(message.header.stamp, stamp_nanos)
        message.data = self.texture[:, shift_px : shift_px + WIDTH].tobytes()
        return message

    def send_infos(self):
        for info, shift_m in ((self.left_info, 0.0), (self.right_info, BASELINE_M)):
            info.publish(camera_info(shift_m, **self.info))

    def change_infos(self, **change):
        self.info = change
        self.send_infos()
        # Topics keep no order between each other.
        self.spin(0.5)

    def send_frame(self, stamp_nanos, change=lambda image: None):
        self.send_infos()
        left = self.image(stamp_nanos, 0)
        change(left)
        self.left.publish(left)
        self.right.publish(self.image(stamp_nanos, DISPARITY_PX))
        self.spin(0.05)

    def send_imu(self, frame, rate=0.0):
        message = Imu()
        message.header.frame_id = frame
        message.angular_velocity.z = rate
        self.imu.publish(message)

    def count(self, key):
        return int(self.values.get(key, 0))

    def call(self, kind, name, request):
        client = self.node.create_client(kind, f"/vo_node/{name}")
        if not client.wait_for_service(timeout_sec=10):
            sys.exit(f"no service {name}")
        future = client.call_async(request)
        rclpy.spin_until_future_complete(self.node, future, timeout_sec=10)
        return future.result()


def stamp(message, nanos):
    message.sec, message.nanosec = nanos // 10**9, nanos % 10**9


def camera_info(shift_m, focal_px=FOCAL_PX, width=WIDTH):
    info = CameraInfo(width=width, height=HEIGHT)
    center = (WIDTH / 2, HEIGHT / 2)
    info.p = [focal_px, 0.0, center[0], -focal_px * shift_m, 0.0, focal_px, center[1], 0.0, 0.0, 0.0, 1.0, 0.0]
    return info


def cut(image):
    image.height += 1


def rename(image):
    image.encoding = "sepia8"


def shrink(image):
    image.width, image.step = WIDTH // 2, WIDTH // 2
    image.data = image.data[: WIDTH // 2 * HEIGHT]


def main():
    driver = Driver()
    driver.wait_for("silent topics are reported", lambda: any("nothing heard" in m for m in driver.messages))

    driver.wait_for("discovery", lambda: driver.left.get_subscription_count() > 0)
    driver.spin(1.0)
    for step in range(3):
        driver.send_frame(10**9 + step * PERIOD_NANOS)
    driver.wait_for("the missing transform is named", lambda: any("/tf_static" in m for m in driver.messages))
    if driver.odometry:
        sys.exit("odometry without the camera's pose")

    mount = TransformStamped(child_frame_id=FRAME)
    mount.header.frame_id = "base_link"
    mount.transform.rotation.w = 1.0
    driver.transforms.publish(TFMessage(transforms=[mount]))
    driver.spin(1.0)
    start = 2 * 10**9
    for step in range(12):
        driver.send_frame(start + step * PERIOD_NANOS)
    driver.wait_for("odometry", lambda: len(driver.odometry) >= 10)

    bad = "left/image_rect: bad messages"
    for number, change in enumerate((cut, rename, shrink), 1):
        driver.send_frame(start + (11 + number) * PERIOD_NANOS, change)
        driver.wait_for(f"bad image {number} is counted", lambda n=number: driver.count(bad) >= n)
    lost = Odometry()
    lost.pose.pose.position.x = float("nan")
    driver.wheel.publish(lost)
    driver.wait_for("the bad wheel pose is counted", lambda: driver.count("wheel_odometry: bad messages") >= 1)
    driver.wheel.publish(Odometry(child_frame_id="axle"))
    driver.wait_for("an odometry of a frame without a transform is named",
                    lambda: any("wheel_odometry is of axle" in m for m in driver.messages))
    driver.wheel.publish(lost)
    driver.wait_for("one without a frame is that of the base", lambda: driver.messages and "axle" not in driver.messages[-1])

    driver.send_imu("imu_link")
    driver.wait_for("a unit without a transform is named", lambda: any("imu_link to base_link" in m for m in driver.messages))
    if driver.count("imu samples"):
        sys.exit("a unit without a transform was used")
    driver.send_imu("base_link")
    driver.wait_for("a good sample is taken", lambda: driver.count("imu samples") == 1)
    driver.send_imu("base_link", float("nan"))
    driver.wait_for("a bad sample is counted", lambda: driver.count("imu: bad messages") == 1)

    missing = driver.count("missing frames")
    before = len(driver.odometry)
    driver.send_frame(start + 20 * PERIOD_NANOS)
    driver.wait_for("the gap is reported", lambda: driver.count("missing frames") == missing + 5)
    driver.wait_for("odometry goes on after all this", lambda: len(driver.odometry) > before)

    newest = start + 20 * PERIOD_NANOS
    refused = driver.count(bad)
    driver.change_infos(width=2 * WIDTH)
    driver.send_frame(newest + PERIOD_NANOS)
    driver.wait_for("a camera_info that contradicts the images is refused", lambda: driver.count(bad) > refused)
    driver.wait_for("both sizes are named", lambda: any(f"{2 * WIDTH}x{HEIGHT}" in m for m in driver.messages))
    driver.change_infos()
    before = len(driver.odometry)
    driver.send_frame(newest + 2 * PERIOD_NANOS)
    driver.wait_for("odometry goes on with the right camera_info", lambda: len(driver.odometry) > before)
    driver.change_infos(focal_px=1.2 * FOCAL_PX)
    before = len(driver.odometry)
    for step in range(3, 7):
        driver.send_frame(newest + step * PERIOD_NANOS)
    driver.wait_for("another calibration is noticed", lambda: driver.count("camera changes") == 1)
    driver.wait_for("odometry goes on with another calibration", lambda: len(driver.odometry) >= before + 3)

    driver.stop_camera()
    driver.wait_for("the silent camera is reported", lambda: any("silent for" in m for m in driver.messages[-2:]))
    driver.start_camera()
    driver.wait_for("discovery of the camera that comes back", lambda: driver.left.get_subscription_count() > 0)
    driver.spin(1.0)
    before = len(driver.odometry)
    for step in range(40, 44):
        driver.send_frame(newest + step * PERIOD_NANOS)
    driver.wait_for("odometry goes on with a camera that comes back", lambda: len(driver.odometry) >= before + 3)

    driver.send_frame(newest + 42 * PERIOD_NANOS)
    driver.wait_for("a frame that comes late is counted", lambda: driver.count("frames out of order") == 1)
    stamps = [(m.header.stamp.sec, m.header.stamp.nanosec) for m in driver.odometry]
    if len(stamps) != len(set(stamps)):
        sys.exit(f"two poses with one stamp: {stamps}")
    jumped = 10**8
    for step in range(5):
        driver.send_frame(jumped + step * PERIOD_NANOS)
    early = lambda: [m for m in driver.odometry if m.header.stamp.sec == 0]
    driver.wait_for("odometry goes on when time jumps back", lambda: len(early()) >= 4)
    driver.wait_for("the jump is reported", lambda: driver.count("jumps of time") == 1)

    request = Reset.Request()
    request.pose.position.x = 5.0
    answer = driver.call(Reset, "reset", request)
    if not answer.success:
        sys.exit(f"reset: {answer}")
    before = len(driver.odometry)
    for step in range(6, 10):
        driver.send_frame(jumped + step * PERIOD_NANOS)
    driver.wait_for("odometry goes on after a reset", lambda: len(driver.odometry) >= before + 3)
    place = driver.odometry[-1].pose.pose.position
    if abs(place.x - 5.0) > 0.02 or abs(place.y) > 0.02:
        sys.exit(f"reset to x = 5 m: {place}")
    request.pose.orientation.w = 0.0
    answer = driver.call(Reset, "reset", request)
    if answer.success or "quaternion" not in answer.message:
        sys.exit(f"reset to what is no pose: {answer}")

    described = driver.call(DescribeParameters, "describe_parameters", DescribeParameters.Request(names=["ros.camera"]))
    if "stereo | rgbd" not in described.descriptors[0].description:
        sys.exit(f"description: {described}")
    for name, word in (("ros.camera", "at start only"), ("ros.camerra", "did you mean")):
        value = ParameterValue(type=ParameterType.PARAMETER_STRING, string_value="rgbd")
        request = SetParameters.Request(parameters=[Parameter(name=name, value=value)])
        answer = driver.call(SetParameters, "set_parameters", request).results[0]
        if answer.successful or word not in answer.reason:
            sys.exit(f"set {name}: {answer}")
    rclpy.shutdown()


main()
