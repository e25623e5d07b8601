#!/usr/bin/env bash
# Lints and the colcon build. Called by `make lint`, which has done the set-up.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
step() { printf '\n== %s (%s s)\n' "$1" "$SECONDS"; }

step "lints, with ROS 2"
cargo clippy --locked --release --all-targets --features ros -- -D warnings

step "lints, without ROS 2"
cargo clippy --locked --release --all-targets -- -D warnings

step "colcon build"
scripts/colcon.sh

