//! The thread that a node spins on, and the end of a node, which the middleware may withhold.
//!
//! Fast DDS is said to never let go now and then where programs end at the same moment (eProsima/Fast-DDS issue 6193), as they
//! do at Ctrl-C in a launch. What is told to end gets a while, then the program goes without.

use super::RosError;
use super::threads::spawn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

const SPIN_TIMEOUT: Duration = Duration::from_millis(20);
/// A node's work has this long to end, and the middleware as long again to let go of it: less than the 5 s after which
/// `ros2 launch` loses its own patience.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// Whether something of this process has not ended when it was told to.
static HELD: AtomicBool = AtomicBool::new(false);

/// A node that spins on a thread of its own; dropping it ends the node.
pub struct Spinning {
    running: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Spinning {
    /// # Errors
    /// [`RosError::Start`] if the system gives no thread.
    pub(super) fn start(mut node: r2r::Node) -> Result<Self, RosError> {
        Self::repeat(move || node.spin_once(SPIN_TIMEOUT))
    }

    fn repeat(mut spin_once: impl FnMut() + Send + 'static) -> Result<Self, RosError> {
        let running = Arc::new(AtomicBool::new(true));
        let thread = spawn("spin", {
            let running = running.clone();
            move || {
                while running.load(Ordering::Relaxed) {
                    spin_once();
                }
            }
        })?;
        Ok(Self { running, thread: Some(thread) })
    }

    fn ends_within(&mut self, patience: Duration) -> bool {
        self.running.store(false, Ordering::Relaxed);
        let thread = self.thread.take();
        ends_within(patience, move || {
            if thread.is_some_and(|thread| thread.join().is_err()) {
                tracing::error!("the spin thread panicked");
            }
        })
    }
}

impl Drop for Spinning {
    fn drop(&mut self) {
        if !self.ends_within(PATIENCE) {
            tracing::warn!("the middleware has not let go of the node within {} s; going without", PATIENCE.as_secs());
        }
    }
}

/// Does what ends something, on a thread of its own. False if that takes longer: it is left to itself then.
pub(super) fn ends_within(patience: Duration, end: impl FnOnce() + Send + 'static) -> bool {
    let (done, wait) = mpsc::channel();
    let ending = move || {
        end();
        let _ = done.send(());
    };
    let started = spawn("farewell", ending);
    // Without a thread `end` has been dropped, and what it was to drop with it.
    let ended = started.is_err() || wait.recv_timeout(patience) != Err(mpsc::RecvTimeoutError::Timeout);
    HELD.fetch_or(!ended, Ordering::Relaxed);
    ended
}

/// Ends the program, whose work is done, if something has not ended when it was told to: what a program does at its usual
/// end would wait for the same.
pub fn leave_if_held(success: bool) {
    if HELD.load(Ordering::Relaxed) {
        signal_hook::low_level::exit(i32::from(!success));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    /// Were it waited for any longer, this test would take hours.
    #[test]
    fn what_ends_is_not_waited_for_any_longer() {
        let hours = Duration::from_secs(36_000);
        let mut spinning = Spinning::repeat(|| std::thread::sleep(Duration::from_millis(1))).unwrap();
        assert!(spinning.ends_within(hours) && ends_within(hours, || panic!("an end, too")));
    }

    #[test]
    fn what_does_not_end_is_left() {
        let (_held, wait) = mpsc::channel::<()>();
        assert!(!ends_within(Duration::from_millis(10), move || _ = wait.recv()));
    }

    const HELD_FOR_EVER: &str = "HALFSLAM_TEST_HELD_FOR_EVER";

    /// The program of the test below, and nothing in any other.
    #[test]
    fn held_for_ever() {
        if std::env::var_os(HELD_FOR_EVER).is_none() {
            return;
        }
        let (began, wait) = mpsc::channel();
        let spinning = Spinning::repeat(move || {
            let _ = began.send(());
            std::thread::sleep(Duration::from_secs(3600));
        })
        .unwrap();
        wait.recv().unwrap();
        drop(spinning);
        leave_if_held(true);
        unreachable!("the program has ended");
    }

    #[test]
    fn a_program_ends_with_success_though_a_node_is_held() {
        let mut program = Command::new(std::env::current_exe().unwrap());
        let program = program.args(["--exact", "ros::spinning::tests::held_for_ever"]).env(HELD_FOR_EVER, "1");
        assert_eq!(program.stdout(Stdio::null()).status().unwrap().code(), Some(0));
    }
}
