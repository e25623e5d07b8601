#!/usr/bin/env bash
# r2r does not notice that message definitions have changed: what cargo has built of it in target folder $1 is thrown
# away when they have.
set -euo pipefail
target=$1
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
hash=$(cat "$root"/msg/*.msg "$root"/srv/*.srv | sha256sum | cut -d' ' -f1)
mark=$target/messages.sha256
if [ -e "$mark" ] && [ "$(cat "$mark")" != "$hash" ]; then
    cargo clean --release --manifest-path "$root/Cargo.toml" --target-dir "$target" -p r2r_msg_gen -p r2r
fi
mkdir -p "$target"
echo "$hash" >"$mark"
