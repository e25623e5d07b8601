//! The variables of an elimination by degree: lists with two ends, one for each degree.

/// No variable.
pub(super) const NONE: u32 = u32::MAX;

/// Variables by degree.
pub(super) struct DegreeQueue {
    /// By degree: its first variable.
    heads: Vec<u32>,
    /// By variable: its neighbours among those of its degree.
    next: Vec<u32>,
    previous: Vec<u32>,
    /// No variable has a lower degree.
    least: usize,
}

impl DegreeQueue {
    /// A queue for `n` variables, of degrees up to `n`; none is in it.
    pub(super) fn new(n: usize) -> Self {
        Self { heads: vec![NONE; n + 1], next: vec![NONE; n], previous: vec![NONE; n], least: 0 }
    }

    /// Puts a variable that is not in the queue before all others of its degree.
    pub(super) fn insert(&mut self, variable: u32, degree: u32) {
        let head = std::mem::replace(&mut self.heads[degree as usize], variable);
        self.next[variable as usize] = head;
        self.previous[variable as usize] = NONE;
        if head != NONE {
            self.previous[head as usize] = variable;
        }
        self.least = self.least.min(degree as usize);
    }

    /// Takes a variable out; `degree` is the one it was put in with.
    pub(super) fn remove(&mut self, variable: u32, degree: u32) {
        let (next, previous) = (self.next[variable as usize], self.previous[variable as usize]);
        if previous == NONE {
            self.heads[degree as usize] = next;
        } else {
            self.next[previous as usize] = next;
        }
        if next != NONE {
            self.previous[next as usize] = previous;
        }
    }

    /// Takes out the variable of least degree that was put in last.
    pub(super) fn pop(&mut self) -> Option<u32> {
        while self.least < self.heads.len() {
            let head = self.heads[self.least];
            if head != NONE {
                self.remove(head, self.least as u32);
                return Some(head);
            }
            self.least += 1;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_degree_comes_first_and_of_that_the_last_put_in() {
        let mut queue = DegreeQueue::new(5);
        for (variable, degree) in [(0, 3), (1, 1), (2, 1), (3, 5), (4, 1)] {
            queue.insert(variable, degree);
        }
        assert_eq!(queue.pop(), Some(4));
        queue.remove(1, 1);
        assert_eq!(queue.pop(), Some(2));
        queue.insert(1, 0);
        let rest: Vec<u32> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(rest, [1, 0, 3]);
    }
}
