#!/usr/bin/env bash
# Runs a command in the ROS 2 environment and in a process group of its own, which ends with it: when interrupted, when
# the command fails, and when it leaves something behind.
set -uo pipefail
# shellcheck source=scripts/env.sh
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"

set -m # a background job gets a process group of its own
"$@" &
job=$!
set +m

end_group() {
    kill -INT -- "-$job" 2>/dev/null || return
    local tries
    for tries in {1..50}; do
        kill -0 -- "-$job" 2>/dev/null || return
        [ "$tries" != 30 ] || kill -TERM -- "-$job" 2>/dev/null
        sleep 0.1
    done
    kill -KILL -- "-$job" 2>/dev/null
}
trap 'end_group; exit 130' INT
trap 'end_group; exit 143' TERM HUP

wait "$job"
code=$?
end_group
exit "$code"
