#!/usr/bin/env bash
# Builds this package's messages and installs them into build/staging, where r2r's build script and Python find them.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/env.sh
source "$root/scripts/env.sh"
cd "$root"
python=$(command -v "${AMENT_PREFIX_PATH##*:}/bin/python3" || command -v python3)
rm -rf build/staging
cmake -S . -B build/messages -DHALFSLAM_NODES=OFF -DBUILD_TESTING=OFF -DCMAKE_INSTALL_PREFIX="$root/build/staging" \
    -DPython3_EXECUTABLE="$python" >/dev/null
cmake --build build/messages --parallel "$(nproc)" >/dev/null
cmake --install build/messages >/dev/null
scripts/forget_messages.sh "${CARGO_TARGET_DIR:-$root/target}"
