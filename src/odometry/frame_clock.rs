//! Frames that come out of order: late ones, and those of a clock that was set back.

/// Frames that are older than the last one by less than this (ns) are late; by more, the clock may have been set back.
const JUMP_NANOS: i64 = 1_000_000_000;

/// Tells a clock that was set back from a frame that is late.
#[derive(Debug, Default)]
pub(super) struct FrameClock {
    /// Stamp of the last frame (ns), if it was long before the newest one.
    after_jump_nanos: Option<i64>,
}

impl FrameClock {
    /// Whether this is the second frame in order, long before the newest one.
    pub(super) fn was_set_back(&mut self, newest_nanos: Option<i64>, stamp_nanos: i64) -> bool {
        let jumped = newest_nanos.is_some_and(|newest| newest.saturating_sub(stamp_nanos) > JUMP_NANOS);
        let goes_on = self.after_jump_nanos.is_some_and(|before| before < stamp_nanos);
        self.after_jump_nanos = jumped.then_some(stamp_nanos).filter(|_| !goes_on);
        jumped && goes_on
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_frames_in_order_long_before_the_newest_one_set_it_back() {
        const SECOND: i64 = 1_000_000_000;
        let mut clock = FrameClock::default();
        let mut told = |stamp: i64| clock.was_set_back(Some(100 * SECOND), stamp);
        // Late ones, one that is lost in time, two in the wrong order, and then two in order.
        assert_eq!([99 * SECOND, 99 * SECOND + 1, 5, SECOND * 101, 9, 8].map(&mut told), [false; 6]);
        assert!(told(10));
        assert!(!clock.was_set_back(None, i64::MIN));
    }
}
