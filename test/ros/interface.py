"""Prints what nodes subscribe to, publish and serve, as JSON: {NODE: {"subscribes to" | "publishes": {TOPIC: [TYPE,
RELIABILITY, DURABILITY]}, "serves": {SERVICE: [TYPE]}}}, as soon as all of them have one of each. Started by nodes.rs.

Usage: interface.py SECONDS NODE...
"""

import json
import sys
import time

import rclpy

# Every ROS node has these.
OF_EVERY_NODE = {"/rosout", "/parameter_events"}
SERVED_BY_EVERY_NODE = ("rcl_interfaces/", "type_description_interfaces/")


def services(asker, name, namespace):
    """Of a node; with ~ for its name."""
    prefix = f"{namespace.rstrip('/')}/{name}/"
    return {
        service.replace(prefix, "~/"): [types[0].replace("/srv/", "/")]
        for service, types in asker.get_service_names_and_types_by_node(name, namespace)
        if not types[0].startswith(SERVED_BY_EVERY_NODE)
    }


def interface(asker, names):
    found = {name: {"subscribes to": {}, "publishes": {}, "serves": {}} for name in names}
    for name, namespace in asker.get_node_names_and_namespaces():
        if name in found:
            found[name]["serves"] = services(asker, name, namespace)
    for topic, _ in asker.get_topic_names_and_types():
        if topic in OF_EVERY_NODE:
            continue
        for side, infos in (("subscribes to", asker.get_subscriptions_info_by_topic(topic)),
                            ("publishes", asker.get_publishers_info_by_topic(topic))):
            for info in infos:
                if info.node_name in found:
                    if topic in found[info.node_name][side]:
                        sys.exit(f"{info.node_name} {side} {topic} twice")
                    qos = info.qos_profile
                    words = [qos.reliability.name, qos.durability.name]
                    found[info.node_name][side][topic] = [info.topic_type.replace("/msg/", "/"),
                                                          *(word.lower().replace("_", " ") for word in words)]
    return found


def main():
    rclpy.init()
    asker = rclpy.create_node("asker")
    end = time.monotonic() + float(sys.argv[1])
    last, since = None, time.monotonic()
    while True:
        rclpy.spin_once(asker, timeout_sec=0.1)
        found = interface(asker, sys.argv[2:])
        if found != last:
            last, since = found, time.monotonic()
        complete = all(all(side.values()) for side in found.values())
        # Nothing new for a while: discovery is done.
        if complete and time.monotonic() - since > 1.5:
            break
        if time.monotonic() > end:
            sys.exit(f"not discovered: {found}")
    print(json.dumps(found))
    rclpy.shutdown()


main()
