//! What was sent and is not answered, and what may hold slots without being known: kept where no dropped future takes it along.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// No wave is waited for longer than that before its last bytes.
const LONGEST_WAY: Duration = Duration::from_secs(60);

/// Shared by the observation and by whoever sends.
#[derive(Debug, Default)]
pub(super) struct Books {
    /// Submissions of jobs that were sent and not read so far.
    flying: AtomicU32,
    /// Until when slots may be held by something that cannot be asked about.
    busy: Mutex<Option<Instant>>,
    /// The longest time that one request alone took to be on the other side, but for its last byte.
    arrives: Mutex<Duration>,
}

impl Books {
    /// So many submissions are sent.
    pub(super) fn sent(&self, count: usize) {
        self.flying.fetch_add(u32::try_from(count).unwrap_or(u32::MAX), Ordering::Relaxed);
    }

    /// One of them was answered, or lost.
    pub(super) fn read(&self) {
        // More are never read than were sent; a wrong count must not become a huge one.
        let _ = self.flying.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1));
    }

    /// Submissions of which nobody has heard, and never will: they are told by whoever asks, and forgotten.
    pub(super) fn take_flying(&self) -> u32 {
        self.flying.swap(0, Ordering::Relaxed)
    }

    /// One alone took so long to be on the other side.
    pub(super) fn arrived_in(&self, took: Duration) {
        let mut arrives = self.arrives.lock().unwrap_or_else(PoisonError::into_inner);
        *arrives = took.max(*arrives);
    }

    /// So many at once may take so long to be there, on a line that they share: half as long again as one after the other.
    pub(super) fn arrive_in(&self, count: u32) -> Duration {
        let alone = *self.arrives.lock().unwrap_or_else(PoisonError::into_inner);
        (alone.saturating_mul(count) * 3 / 2).min(LONGEST_WAY)
    }

    /// Slots may be held until then.
    pub(super) fn busy_until(&self, then: Instant) {
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        *busy = Some(busy.map_or(then, |before| before.max(then)));
    }

    /// Until when slots may be held; it is asked by who then waits for it, and forgotten.
    pub(super) fn take_busy(&self) -> Option<Instant> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_under_way_is_counted_and_the_longest_wait_is_kept() {
        let (books, now) = (Books::default(), crate::kind::Stopwatch::default().now());
        books.sent(3);
        books.read();
        assert_eq!(books.take_flying(), 2);
        books.read();
        assert_eq!(books.take_flying(), 0);
        books.busy_until(now + Duration::from_secs(2));
        books.busy_until(now + Duration::from_secs(1));
        assert_eq!((books.take_busy(), books.take_busy()), (Some(now + Duration::from_secs(2)), None));
    }

    #[test]
    fn so_many_share_the_line_that_one_alone_had_for_itself() {
        let books = Books::default();
        assert_eq!(books.arrive_in(8), Duration::ZERO);
        books.arrived_in(Duration::from_millis(1500));
        books.arrived_in(Duration::from_millis(900));
        assert_eq!(books.arrive_in(8), Duration::from_secs(18));
        assert_eq!(books.arrive_in(u32::MAX), LONGEST_WAY);
    }
}
