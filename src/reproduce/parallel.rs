//! Independent runs on several threads.

use super::Setup;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

impl Setup<'_> {
    /// The results of runs `0..count` in their order, whichever thread did which; progress is told after each.
    pub(super) fn each<T: Send, E: Send>(
        &self,
        part: &str,
        count: usize,
        work: impl Fn(usize) -> Result<T, E> + Sync,
    ) -> Result<Vec<T>, E> {
        self.progress.begin(part, count);
        let next = AtomicUsize::new(0);
        let done = Mutex::new(Vec::with_capacity(count));
        std::thread::scope(|scope| {
            for _ in 0..self.threads.min(count) {
                scope.spawn(|| {
                    loop {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        if index >= count {
                            return;
                        }
                        let result = work(index);
                        done.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push((index, result));
                        self.progress.step();
                    }
                });
            }
        });
        let mut done = done.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
        done.sort_by_key(|(index, _)| *index);
        done.into_iter().map(|(_, result)| result).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::setup::Progress;
    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);
    impl Progress for Count {
        fn begin(&self, _: &str, _: usize) {}
        fn step(&self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn results_are_in_order_on_any_number_of_threads() {
        let expected: Vec<usize> = (0..100).map(|index| index * index).collect();
        for threads in [1, 2, 7] {
            let progress = Count::default();
            let setup = Setup::new(true, 0, threads, &progress);
            let squares = setup.each("squares", 100, |index| Ok::<_, ()>(index * index)).unwrap();
            assert_eq!(squares, expected);
            assert_eq!(progress.0.into_inner(), 100);
        }
        let progress = Count::default();
        let failing =
            Setup::new(true, 0, 3, &progress).each("", 9, |index| if index > 4 { Err(index) } else { Ok(()) });
        assert_eq!(failing, Err(5), "the first error in order");
    }
}
