# To be sourced (bash): the environment in which cargo builds the nodes and in which they run.
#
# A sourced ROS 2 is used as it is; else the one that scripts/setup.sh made from wheels in .setup/venv.
halfslam_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export PATH="$PATH:$HOME/.cargo/bin"
if [ -z "${AMENT_PREFIX_PATH:-}" ] && [ -d "$halfslam_root/.setup/venv" ]; then
    export HALFSLAM_WHEELS=1 ROS_DISTRO=kilted ROS_VERSION=2 ROS_PYTHON_VERSION=3
    export RMW_IMPLEMENTATION=${RMW_IMPLEMENTATION:-rmw_fastrtps_cpp}
    AMENT_PREFIX_PATH=$halfslam_root/.setup/venv
    CMAKE_PREFIX_PATH=$AMENT_PREFIX_PATH${CMAKE_PREFIX_PATH:+:$CMAKE_PREFIX_PATH}
    LD_LIBRARY_PATH=$AMENT_PREFIX_PATH/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
    PATH=$AMENT_PREFIX_PATH/bin:$PATH
    export AMENT_PREFIX_PATH CMAKE_PREFIX_PATH LD_LIBRARY_PATH PATH
fi
# Our own messages, which `setup.sh` stages there.
halfslam_staging=$halfslam_root/build/staging
case ":${AMENT_PREFIX_PATH:-}:" in
*":$halfslam_staging:"*) ;;
*)
    if [ -d "$halfslam_staging" ]; then
        export AMENT_PREFIX_PATH="$halfslam_staging:$AMENT_PREFIX_PATH"
        export LD_LIBRARY_PATH="$halfslam_staging/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
        for halfslam_python in "$halfslam_staging"/lib/python3*/site-packages "$halfslam_staging"/local/lib/python3*/dist-packages; do
            [ ! -d "$halfslam_python" ] || export PYTHONPATH="$halfslam_python${PYTHONPATH:+:$PYTHONPATH}"
        done
    fi
    ;;
esac
# Room for images in Fast DDS's shared memory; version 2 reads the profile under another name.
case "${ROS_DISTRO:-}" in
humble | iron | jazzy) [ -n "${HALFSLAM_WHEELS:-}" ] || export FASTRTPS_DEFAULT_PROFILES_FILE=${FASTRTPS_DEFAULT_PROFILES_FILE:-$halfslam_root/config/fastdds.xml} ;;
esac
export FASTDDS_DEFAULT_PROFILES_FILE=${FASTDDS_DEFAULT_PROFILES_FILE:-$halfslam_root/config/fastdds.xml}
# r2r does not know newer names than jazzy; it is right for the headers of kilted too.
[ "${ROS_DISTRO:-}" != kilted ] || export ROS_DISTRO=jazzy
