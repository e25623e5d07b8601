//! The thread that a node spins on, and the end of a node, which the middleware may withhold.
//!
//! Fast DDS has been seen to never let go of a participant: where peers end at the same moment, as they do at Ctrl-C in a
//! launch, or where one was killed that held what both share. What is told to end gets a while, then goes without.

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
    pub(super) fn start(mut node: r2r::Node) -> Self {
        Self::repeat(move || node.spin_once(SPIN_TIMEOUT))
    }

    fn repeat(mut spin_once: impl FnMut() + Send + 'static) -> Self {
        let running = Arc::new(AtomicBool::new(true));
        let thread = std::thread::Builder::new().name("spin".into()).spawn({
            let running = running.clone();
            move || {
                while running.load(Ordering::Relaxed) {
                    spin_once();
                }
            }
        });
        Self { running, thread: thread.ok() }
    }
}

impl Drop for Spinning {
    fn drop(&mut self) {
        self.running.store(false, Ordering::Relaxed);
        let thread = self.thread.take();
        let ended = ends_within(PATIENCE, move || {
            if thread.is_some_and(|thread| thread.join().is_err()) {
                tracing::error!("the spin thread panicked");
            }
        });
        if !ended {
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
    let started = std::thread::Builder::new().name("farewell".into()).spawn(ending);
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
    use std::time::Instant;

    #[test]
    fn what_ends_is_not_waited_for_any_longer() {
        let began = Instant::now();
        drop(Spinning::repeat(|| std::thread::sleep(Duration::from_millis(1))));
        assert!(ends_within(Duration::from_secs(3600), || panic!("an end, too")));
        assert!(began.elapsed() < PATIENCE);
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
        });
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
