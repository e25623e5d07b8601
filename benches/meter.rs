//! What the system says that a thread and a process have used.
#![allow(dead_code)]

use rustix::time::{ClockId, clock_gettime};

/// Time (ms) that this thread has had of a processor: what others do on the machine counts little.
pub fn cpu_ms() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    1e3 * time.tv_sec as f64 + 1e-6 * time.tv_nsec as f64
}

/// The most memory (MB) that the process has had since [`reset_peak_mb`]; NaN where the system does not say.
pub fn peak_mb() -> f64 {
    status_mb("VmHWM:")
}

/// The memory (MB) that the process has; NaN where the system does not say.
pub fn resident_mb() -> f64 {
    status_mb("VmRSS:")
}

/// Forgets the most memory that the process has had; returns what it has (MB).
pub fn reset_peak_mb() -> f64 {
    let reset = std::fs::write("/proc/self/clear_refs", "5");
    if reset.is_ok() { resident_mb() } else { f64::NAN }
}

fn status_mb(name: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kilobytes = status.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse().ok());
    kilobytes.map_or(f64::NAN, |kilobytes: f64| kilobytes / 1e3)
}
