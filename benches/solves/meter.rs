//! What the system says that a thread and a process have used.

use std::time::Instant;

/// Time (ms) that this thread has had a core; where the system does not say, the clock's.
pub fn cpu_ms() -> f64 {
    static STARTED: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    let started = STARTED.get_or_init(Instant::now);
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = told.and_then(|text| text.split_whitespace().next()?.parse::<f64>().ok());
    nanos.map_or_else(|| 1e3 * started.elapsed().as_secs_f64(), |nanos| 1e-6 * nanos)
}

/// The most memory (MB) that the process has had since [`reset_peak_mb`]; NaN where the system does not say.
pub fn peak_mb() -> f64 {
    status_mb("VmHWM:")
}

/// Forgets the most memory that the process has had; returns what it has (MB).
pub fn reset_peak_mb() -> f64 {
    let reset = std::fs::write("/proc/self/clear_refs", "5");
    if reset.is_ok() { status_mb("VmRSS:") } else { f64::NAN }
}

fn status_mb(name: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kilobytes = status.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse().ok());
    kilobytes.map_or(f64::NAN, |kilobytes: f64| kilobytes / 1e3)
}
