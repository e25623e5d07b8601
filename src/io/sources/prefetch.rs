//! Work done ahead on a thread, its results in order.

use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;

/// How many results wait at most: one being used, one ready, one in the making.
const AHEAD: usize = 1;

/// The items of an iterator that runs ahead on its own thread; the thread ends when this is dropped.
pub(super) struct Prefetch<T> {
    receiver: Option<Receiver<T>>,
    thread: Option<JoinHandle<()>>,
}

impl<T: Send + 'static> Prefetch<T> {
    /// Starts the thread. Where none can be started, the error of the system is returned.
    pub(super) fn new(items: impl Iterator<Item = T> + Send + 'static) -> std::io::Result<Self> {
        let (sender, receiver) = sync_channel(AHEAD);
        let work = move || {
            for item in items {
                if sender.send(item).is_err() {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("recording".into()).spawn(work)?;
        Ok(Self { receiver: Some(receiver), thread: Some(thread) })
    }
}

impl<T> Iterator for Prefetch<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        if let Ok(item) = self.receiver.as_ref()?.recv() {
            return Some(item);
        }
        // The thread has ended: well, or by a panic, which is no end of the items.
        if let Some(Err(panic)) = self.thread.take().map(JoinHandle::join) {
            std::panic::resume_unwind(panic);
        }
        None
    }
}

impl<T> Drop for Prefetch<T> {
    fn drop(&mut self) {
        // Without a receiver the thread's next send fails, and it ends.
        self.receiver = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Prefetch;

    #[test]
    #[should_panic(expected = "no third item")]
    fn a_panic_is_not_taken_for_the_end() {
        let items = (0..).inspect(|number| assert!(*number < 2, "no third item"));
        assert_eq!(Prefetch::new(items).unwrap().count(), 2);
    }

    #[test]
    fn order_stays_and_endless_work_ends() {
        let mut numbers = Prefetch::new(0..).unwrap();
        assert_eq!(numbers.by_ref().take(5).collect::<Vec<u64>>(), [0, 1, 2, 3, 4]);
        drop(numbers);
    }
}
