//! What was sent and is not answered, and what may hold slots without being known: kept where no dropped future takes it along.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Shared by the observation and by whoever sends.
#[derive(Debug, Default)]
pub(super) struct Books {
    /// Submissions of jobs that were sent and not read so far.
    flying: AtomicU32,
    /// Until when slots may be held by something that cannot be asked about.
    busy: Mutex<Option<Instant>>,
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
    use std::time::Duration;

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
}
