//! A bounded queue between the task that takes messages and the thread that works on them: when it is full the oldest
//! item gives way, so that the worker is never far behind and nobody ever waits to put something in.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A bounded queue, newest wins.
pub struct Mailbox<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
    capacity: usize,
}

/// What came of waiting for a while.
#[derive(Debug, PartialEq, Eq)]
pub enum Taken<T> {
    /// The oldest item.
    Item(T),
    /// Nothing has come.
    Nothing,
    /// The queue is closed.
    Closed,
}

struct State<T> {
    items: VecDeque<T>,
    closed: bool,
}

impl<T> Mailbox<T> {
    /// An empty queue for at most `capacity` items (at least one).
    pub fn new(capacity: usize) -> Self {
        let state = State { items: VecDeque::new(), closed: false };
        Self { state: Mutex::new(state), changed: Condvar::new(), capacity: capacity.max(1) }
    }

    /// Puts an item in; hands back the oldest one if it had to give way.
    pub fn put(&self, item: T) -> Option<T> {
        let mut state = self.lock();
        let displaced = if state.items.len() >= self.capacity { state.items.pop_front() } else { None };
        state.items.push_back(item);
        self.changed.notify_one();
        displaced
    }

    /// Waits for the oldest item; `None` once the queue is closed.
    pub fn take(&self) -> Option<T> {
        let mut state = self.lock();
        loop {
            if state.closed {
                return None;
            }
            if let Some(item) = state.items.pop_front() {
                return Some(item);
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits for the oldest item, but no longer than this.
    pub fn take_within(&self, time: Duration) -> Taken<T> {
        let state = self.lock();
        let waited = self.changed.wait_timeout_while(state, time, |state| !state.closed && state.items.is_empty());
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if state.closed {
            return Taken::Closed;
        }
        state.items.pop_front().map_or(Taken::Nothing, Taken::Item)
    }

    /// How many items wait.
    pub fn len(&self) -> usize {
        self.lock().items.len()
    }

    /// Whether no item waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Ends the worker: whoever waits, or comes to take, gets nothing.
    pub fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn the_oldest_gives_way() {
        let mailbox = Mailbox::new(2);
        assert_eq!([1, 2, 3].map(|item| mailbox.put(item)), [None, None, Some(1)]);
        assert_eq!((mailbox.take(), mailbox.take(), mailbox.is_empty()), (Some(2), Some(3), true));
    }

    #[test]
    fn waiting_for_a_while_ends_with_what_there_is() {
        let mailbox = Mailbox::new(1);
        assert_eq!(mailbox.take_within(Duration::from_millis(1)), Taken::Nothing);
        mailbox.put(5);
        assert_eq!(mailbox.take_within(Duration::from_secs(60)), Taken::Item(5));
        mailbox.close();
        assert_eq!(mailbox.take_within(Duration::from_secs(60)), Taken::Closed);
    }

    #[test]
    fn closing_wakes_the_worker() {
        let mailbox = Arc::new(Mailbox::<u8>::new(1));
        let worker = std::thread::spawn({
            let mailbox = mailbox.clone();
            move || mailbox.take()
        });
        mailbox.close();
        assert_eq!(worker.join().unwrap(), None);
    }
}
