#!/usr/bin/env bash
# Builds the package with colcon in a workspace of its own and looks at what was installed. Shares cargo's target folder
# and the messages' staging folder with the build outside colcon, so that nothing is compiled twice; cargo is asked for
# a test too, which gives dependencies the same features as in `cargo test`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD
workspace=$root/build/colcon
mkdir -p "$workspace/src"
ln -sfn "$root" "$workspace/src/halfslam"

staging=$root/build/staging
# colcon is to find ROS 2 alone: our own messages are what it builds.
without() { tr ':' '\n' <<<"$1" | { grep -vF "$staging" || true; } | paste -sd:; }
AMENT_PREFIX_PATH=$(without "${AMENT_PREFIX_PATH:-}")
LD_LIBRARY_PATH=$(without "${LD_LIBRARY_PATH:-}")
PYTHONPATH=$(without "${PYTHONPATH:-}")
export AMENT_PREFIX_PATH LD_LIBRARY_PATH PYTHONPATH

python=$(command -v python3)
(
    cd "$workspace"
    colcon --log-base log build --base-paths src/halfslam --event-handlers console_cohesion- \
        --cmake-args -DBUILD_TESTING=OFF -DPython3_EXECUTABLE="$python" \
        -DHALFSLAM_TARGET_DIR="${CARGO_TARGET_DIR:-$root/target}" -DHALFSLAM_STAGING="$staging" \
        -DHALFSLAM_CARGO_ARGUMENTS="--test;ros" ||
        { tail -40 log/latest_build/halfslam/stdout_stderr.log; exit 1; }
)

install=$workspace/install/halfslam
for file in lib/halfslam/vo_node lib/halfslam/loop_closure_node lib/halfslam/halfslam \
    share/halfslam/package.xml share/halfslam/launch/slam.launch.xml share/halfslam/config/halfslam.yaml \
    share/halfslam/msg/Keyframe.msg share/halfslam/srv/Reset.srv share/halfslam/rviz/halfslam.rviz lib/libhalfslam__rosidl_typesupport_c.so; do
    [ -e "$install/$file" ] || { echo "colcon: $file was not installed" >&2; exit 1; }
done

# The installed node runs in the installed environment, finds the installed messages, and ends at SIGINT with 0.
set +u
# shellcheck disable=SC1091
source "$workspace/install/setup.bash"
set -u
export ROS_DOMAIN_ID=$((1 + $$ % 100))
"$install/lib/halfslam/loop_closure_node" &
node=$!
sleep 3
python3 -c 'import halfslam.msg, halfslam.srv; print("colcon:", halfslam.msg.Keyframe.__name__, halfslam.srv.Reset.__name__, "can be imported")'
kill -INT "$node"
wait "$node" || { echo "colcon: the installed node ended with $?" >&2; exit 1; }
echo "colcon: 1 passed"
