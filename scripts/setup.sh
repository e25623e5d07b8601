#!/usr/bin/env bash
# Everything that building and running needs, from an empty Debian 12 or Ubuntu 24.04 on: system packages, Rust, ROS 2 and our messages.
# Does only what is missing, so it may be run every time. Called by `make setup`, and by what depends on it.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
mkdir -p .setup build
rust_needed=1.94

step() { printf 'setup: %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$@" >&2; exit 1; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif command -v sudo >/dev/null; then sudo "$@"
    else fail "these need root: $*" "run them as root, then start again"
    fi
}

rust_is_new_enough() {
    local version
    version=$(cargo --version 2>/dev/null | awk '{print $2}') || return 1
    [ -n "$version" ] && [ "$(printf '%s\n%s\n' "$rust_needed" "$version" | sort -V | head -1)" = "$rust_needed" ]
}

installed() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null || true)" = installed ]; }

system_packages() {
    local wanted=(build-essential cmake clang libclang-dev libopencv-dev pkg-config python3-dev python3-venv git ca-certificates)
    local missing=() package
    if ! command -v apt-get >/dev/null; then
        step "no apt here: taking for granted a C++ compiler, CMake, clang with libclang, OpenCV 4 with headers, Python 3"
        return
    fi
    for package in "${wanted[@]}"; do installed "$package" || missing+=("$package"); done
    if ! rust_is_new_enough; then
        if command -v cargo >/dev/null && command -v rustup >/dev/null; then
            fail "Rust $(cargo --version | awk '{print $2}') is too old, $rust_needed is needed: rustup update stable"
        fi
        apt_update
        missing+=($(rust_packages))
    fi
    # Who has sourced a ROS 2 may lack what builds packages; the wheels bring it along.
    [ -z "${AMENT_PREFIX_PATH:-}" ] || command -v colcon >/dev/null || missing+=(python3-colcon-common-extensions)
    [ ${#missing[@]} = 0 ] && return
    step "system packages: ${missing[*]}"
    apt_update
    if ! as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" \
        >.setup/apt.log 2>&1; then
        tail -20 .setup/apt.log >&2
        fail "apt-get install failed (the whole log is in .setup/apt.log)"
    fi
    hash -r
    if ! rust_is_new_enough && command -v rustup >/dev/null; then
        step "Rust, with rustup"
        # A rustup that apt installed cannot update itself, and says so as an error.
        rustup toolchain install stable --no-self-update --profile minimal --component clippy,rustfmt >.setup/rustup.log 2>&1 &&
            rustup default stable >>.setup/rustup.log 2>&1 || { tail -20 .setup/rustup.log >&2; fail "rustup failed"; }
    fi
}

apt_updated=
apt_update() {
    [ -z "$apt_updated" ] || return 0
    as_root apt-get update -qq || step "apt-get update failed; trying with the lists that are there"
    apt_updated=yes
}

# Bookworm's own Rust is too old; its security updates carry a newer one under these names, which holds the place of any
# other cargo: a user's rustup is left alone. Ubuntu has rustup itself.
rust_packages() {
    if apt-cache show cargo-web >/dev/null 2>&1; then echo cargo-web rustc-web rustfmt-web rust-web-clippy
    elif apt-cache show rustup >/dev/null 2>&1; then echo rustup
    fi
}

check_rust() {
    hash -r
    rust_is_new_enough || fail "cargo $rust_needed or newer is needed, found: $(cargo --version 2>&1 || true)" \
        "install it with https://rustup.rs and start again"
}

# Other tools that read recordings, for the tests: beside the wheels where there are wheels, else in a venv of their own.
readers() {
    local mark
    mark=$(sha256sum <scripts/readers.txt)
    if [ "$(cat .setup/readers.mark 2>/dev/null || true)" != "$mark" ]; then
        step "rosbags and mcap-ros2-support, which the tests read recordings with"
        rm -rf .setup/readers .setup/readers.mark
        python3 -m venv .setup/readers
        .setup/readers/bin/python -m pip install --quiet --progress-bar off -r scripts/readers.txt
        echo "$mark" >.setup/readers.mark
    fi
}

ros() {
    if [ -n "${AMENT_PREFIX_PATH:-}" ]; then
        step "using the ROS 2 ${ROS_DISTRO:-} that is sourced"
        [ -n "${ROS_DISTRO:-}" ] || fail "AMENT_PREFIX_PATH is set but ROS_DISTRO is not: source your ROS 2's setup.bash"
        readers
        return
    fi
    local mark
    mark=$(cat scripts/ros_wheels.txt scripts/readers.txt scripts/ros_wheels.sh | sha256sum)
    if [ "$(cat .setup/wheels.mark 2>/dev/null || true)" != "$mark" ]; then
        rm -f .setup/wheels.mark .setup/messages.mark
        bash scripts/ros_wheels.sh "$root/.setup/venv"
        step "tf2_msgs, which is not among the wheels"
        (
            source scripts/env.sh
            prefix=$root/.setup/venv
            rm -rf build/tf2_msgs
            # Joined by &&: a failing command ends no subshell that is asked whether it failed.
            cmake -S scripts/tf2_msgs -B build/tf2_msgs -DBUILD_TESTING=OFF -DCMAKE_INSTALL_PREFIX="$prefix" \
                -DPython3_EXECUTABLE="$prefix/bin/python" &&
                cmake --build build/tf2_msgs --parallel "$(nproc)" &&
                cmake --install build/tf2_msgs
        ) >.setup/tf2_msgs.log 2>&1 || { tail -20 .setup/tf2_msgs.log >&2; fail "building tf2_msgs failed"; }
        echo "$mark" >.setup/wheels.mark
    fi
}

messages() {
    local mark
    mark=$({ cat msg/* srv/* CMakeLists.txt package.xml scripts/stage_messages.sh .setup/wheels.mark; echo "${AMENT_PREFIX_PATH:-}"; } 2>/dev/null | sha256sum)
    if [ "$(cat .setup/messages.mark 2>/dev/null || true)" != "$mark" ] || [ ! -d build/staging ]; then
        step "this package's messages"
        bash scripts/stage_messages.sh >.setup/messages.log 2>&1 ||
            { tail -20 .setup/messages.log >&2; fail "building the messages failed"; }
        echo "$mark" >.setup/messages.mark
    fi
}

# A shell that has sourced our own scripts/env.sh has no ROS 2 of its own.
case ":${AMENT_PREFIX_PATH:-}:" in
*":$root/.setup/venv:"*) unset AMENT_PREFIX_PATH CMAKE_PREFIX_PATH LD_LIBRARY_PATH PYTHONPATH ROS_DISTRO ;;
esac
export PATH="$PATH:$HOME/.cargo/bin"
system_packages
check_rust
ros
messages
step "ready ($(cargo --version), ROS 2 ${ROS_DISTRO:-kilted from wheels})"
