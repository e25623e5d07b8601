#!/usr/bin/env bash
# The demo on recording $1 (empty: a simulated tour, made once and kept) with results in folder $2 (empty: out/demo).
# Called by `make demo`, which has built everything.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
halfslam=${CARGO_TARGET_DIR:-target}/release/halfslam
source=${1:-}
out=${2:-}
out=${out:-out/demo}

if [ -z "$source" ]; then
    source=out/tour
    if [ ! -e "$source/metadata.yaml" ]; then
        echo "demo: simulating a robot's tour of a flat into $source"
        rm -rf "$source"
        mkdir -p out
        "$halfslam" simulate --out "$source" --seed 1 --duration 75 --preset stereo
    fi
fi

# A graph of its own, so that neither another demo nor a robot nearby is part of it.
export ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST
export ROS_DOMAIN_ID=$((1 + $$ % 100))
echo "demo: playing $source to vo_node and loop_closure_node at its own rate"
"$halfslam" demo "$source" --out "$out"
