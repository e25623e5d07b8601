//! Time that is a thread's own.

use rustix::time::{ClockId, clock_gettime};

/// What some work gives, and the processor time (ms) that this thread spent on it: whatever else the machine does
/// meanwhile does not count.
pub(super) fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let now_ms = || {
        let now = clock_gettime(ClockId::ThreadCPUTime);
        1e3 * now.tv_sec as f64 + 1e-6 * now.tv_nsec as f64
    };
    let start_ms = now_ms();
    let result = work();
    (result, now_ms() - start_ms)
}
