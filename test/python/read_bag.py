"""Reads a rosbag2 folder with PyPI's rosbags and mcap-ros2-support and says what they found, as JSON.

Usage: read_bag.py BAG

Both readers decode every message. The answer is {"rosbags": {TOPIC: {...}}, "mcap": {TOPIC: {...}}} with, for each
topic, its type, the number of messages, the first and last stamp (ns) and a digest of the last message.
"""

import json
import sys
import zlib
from pathlib import Path

from mcap_ros2.reader import read_ros2_messages
from rosbags.highlevel import AnyReader
from rosbags.typesys import Stores, get_typestore


def digest(message):
    """What a message says, in plain values: CRC-32 for images, numbers and names for the rest."""
    kind = type(message).__name__.split("__")[-1]
    if kind == "Image":
        return [message.height, message.width, message.encoding, message.step, zlib.crc32(bytes(message.data))]
    if kind == "CompressedImage":
        return [message.format, zlib.crc32(bytes(message.data))]
    if kind == "CameraInfo":
        p = getattr(message, "p", None)
        return [message.height, message.width, message.distortion_model, *map(float, p)]
    if kind == "Odometry":
        position = message.pose.pose.position
        return [message.header.frame_id, message.child_frame_id, position.x, position.y, position.z,
                float(message.pose.covariance[35]), float(message.twist.covariance[35])]
    if kind == "TFMessage":
        return [[t.header.frame_id, t.child_frame_id, t.transform.translation.x, t.transform.rotation.w]
                for t in message.transforms]
    if kind == "Imu":
        return [message.angular_velocity.z, message.linear_acceleration.z]
    raise SystemExit(f"no digest for {kind}")


def add(found, topic, message_type, stamp, message):
    entry = found.setdefault(topic, {"type": message_type.replace("/msg/", "/"), "count": 0, "first": stamp})
    entry["count"] += 1
    entry["last"] = stamp
    entry["digest"] = digest(message)


def with_rosbags(bag):
    found = {}
    with AnyReader([bag], default_typestore=get_typestore(Stores.ROS2_HUMBLE)) as reader:
        for connection, stamp, raw in reader.messages():
            add(found, connection.topic, connection.msgtype, stamp, reader.deserialize(raw, connection.msgtype))
        for connection in reader.connections:
            qos = connection.ext.offered_qos_profiles
            found[connection.topic]["durability"] = qos[0].durability.name.lower()
    return found


def with_mcap(bag):
    found = {}
    for file in sorted(bag.glob("*.mcap")):
        for item in read_ros2_messages(str(file)):
            add(found, item.channel.topic, item.schema.name, item.log_time_ns, item.ros_msg)
    return found


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    print(json.dumps({"rosbags": with_rosbags(folder), "mcap": with_mcap(folder)}))
