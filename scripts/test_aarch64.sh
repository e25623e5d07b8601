#!/usr/bin/env bash
# The kernels' and solvers' tests on emulated aarch64 CPUs: with arithmetic in half precision (max, Cortex-A76) and without it
# (Cortex-A72, where one such instruction would end the test). Called by `make test-aarch64`; installs what it needs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
target=aarch64-unknown-linux-gnu

fail() { printf 'aarch64: %s\n' "$@" >&2; exit 1; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
# A compiler that has aarch64's standard library: the present one (rustup target add), or Debian's.
compiler() {
    local rustc
    for rustc in "$(command -v rustc || true)" /usr/bin/rustc; do
        if [ -x "$rustc" ] && ls "$("$rustc" --print target-libdir --target $target)"/libstd-*.rlib >/dev/null 2>&1; then
            echo "$rustc"
            return
        fi
    done
    return 1
}

packages=()
command -v aarch64-linux-gnu-gcc >/dev/null || packages+=(gcc-aarch64-linux-gnu libc6-dev-arm64-cross)
command -v qemu-aarch64-static >/dev/null || packages+=(qemu-user-static)
compiler >/dev/null || packages+=(rustc-web libstd-rust-web-dev:arm64)
if [ ${#packages[@]} != 0 ]; then
    command -v apt-get >/dev/null || fail "these are needed: ${packages[*]}"
    as_root dpkg --add-architecture arm64
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}"
fi

RUSTC=$(compiler) || fail "no compiler has the standard library of $target: rustup target add $target"
export RUSTC CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target/aarch64} CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
# With the C library linked in: threads of the one for cross compiling hang under Debian 12's emulator.
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS="-C target-feature=+crt-static"
for cpu in max cortex-a76 cortex-a72; do
    printf '== %s\n' "$cpu"
    CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="qemu-aarch64-static -cpu $cpu" \
        cargo test --locked --release --no-default-features --target $target --lib --test precision --test solver --test bundle -- \
        --skip real_problems # minutes under emulation
done
