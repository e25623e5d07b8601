//! Threads that live as long as their node.

use super::RosError;
use std::thread::JoinHandle;

/// An error if one of these threads has ended, which none does before it is told to.
pub(super) fn check_alive<'a>(threads: impl IntoIterator<Item = &'a JoinHandle<()>>) -> Result<(), RosError> {
    match threads.into_iter().find(|thread| thread.is_finished()) {
        Some(thread) => {
            let name = thread.thread().name().unwrap_or("a");
            Err(RosError::Other(format!("the {name} thread has ended unexpectedly")))
        }
        None => Ok(()),
    }
}

/// Starts a thread of this name.
///
/// # Errors
/// [`RosError::Start`] names the thread that the system does not give.
pub(super) fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, RosError> {
    let thread = std::thread::Builder::new().name(name.into()).spawn(work);
    thread.map_err(|error| RosError::Start(format!("thread {name}: {error}")))
}
