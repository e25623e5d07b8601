"""Reads launch files with ROS 2's own launch and prints the arguments that each declares itself.

Usage: parse_launch.py FILE...

Without files it says by its exit code whether launch, launch_ros and launch_xml are installed.
"""

import sys
from pathlib import Path

try:
    import launch_ros  # noqa: F401 (brings the nodes' actions)
    import launch_xml  # noqa: F401
    from launch.actions import DeclareLaunchArgument
    from launch.launch_description_sources import get_launch_description_from_any_launch_file
except ImportError as error:
    sys.exit(f"launch is not installed: {error}")

for path in sys.argv[1:]:
    description = get_launch_description_from_any_launch_file(path)
    names = sorted(entity.name for entity in description.entities if isinstance(entity, DeclareLaunchArgument))
    print(f"{Path(path).name}: {' '.join(names)}")
