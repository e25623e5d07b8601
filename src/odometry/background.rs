//! A thread that does one piece of work after another, each handed over and taken back.

use std::sync::mpsc::{Receiver, Sender, channel};

/// A thread at work, or waiting for some. It ends when this is dropped and its work is done.
#[derive(Debug)]
pub(super) struct Background<Work, Done> {
    work: Sender<Work>,
    done: Receiver<Done>,
    name: &'static str,
}

impl<Work: Send + 'static, Done: Send + 'static> Background<Work, Done> {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(super) fn start(name: &'static str, task: fn(Work) -> Done) -> std::io::Result<Self> {
        let ((work, next), (finished, done)) = (channel(), channel());
        std::thread::Builder::new().name(name.into()).spawn(move || {
            while let Ok(work) = next.recv() {
                if finished.send(task(work)).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self { work, done, name })
    }

    /// Hands work over.
    pub(super) fn hand_over(&self, work: Work) {
        // If the thread is gone, that shows when the work is taken back.
        let _ = self.work.send(work);
    }

    /// Waits for what was handed over last.
    ///
    /// # Panics
    /// If the thread did: that is a bug in its task, which has printed its own message.
    pub(super) fn take_back(&self) -> Done {
        match self.done.recv() {
            Ok(done) => done,
            Err(_) => panic!("the thread of {} has ended: see its message", self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_done_elsewhere_and_in_order() {
        let background = Background::start("test", |n: u32| (n * n, std::thread::current().id())).unwrap();
        for n in [3, 4] {
            background.hand_over(n);
            let (squared, thread) = background.take_back();
            assert_eq!(squared, n * n);
            assert_ne!(thread, std::thread::current().id());
        }
    }

    #[test]
    #[should_panic(expected = "has ended")]
    fn a_bug_on_the_thread_is_not_waited_for_for_ever() {
        let background = Background::start("test", |n: u32| 1 / n).unwrap();
        background.hand_over(0);
        background.take_back();
    }
}
