#!/usr/bin/env bash
# All tests and checks. Called by `make test`, which has done the set-up.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST
if [ -z "${HALFSLAM_DATA:-}" ] && [ -d ../shared/data ]; then
    HALFSLAM_DATA=$(cd ../shared/data && pwd)
    export HALFSLAM_DATA
fi

# Where setup has put the tools that read our recordings.
for python in .setup/venv/bin/python .setup/readers/bin/python; do
    [ ! -x "$python" ] || export HALFSLAM_PYTHON=$PWD/$python
done

step() { printf '\n== %s (%s s)\n' "$1" "$SECONDS"; }

step "formatting"
cargo fmt --check

# The tests with nodes wait more than they compute.
RUST_TEST_THREADS=$((2 * $(nproc)))
export RUST_TEST_THREADS
step "programs and tests, with ROS 2"
cargo test --locked --release --features ros

# A Clippy newer than the newest one that finds nothing here may know lints that this code has not met: it says so, and
# fails nobody's test.
clean_until=1.96
version=$(cargo --version | awk '{print $2}' | cut -d. -f1,2)
lints=()
[ "$(printf '%s\n' "$version" "$clean_until" | sort -V | tail -1)" != "$clean_until" ] || lints=(-D warnings)

step "lints, with ROS 2"
cargo clippy --locked --release --all-targets --features ros -- ${lints[@]+"${lints[@]}"}

step "lints, without ROS 2"
cargo clippy --locked --release --all-targets -- ${lints[@]+"${lints[@]}"}

step "colcon build"
scripts/colcon.sh

step "done"
