//! Measures what the service took, less what this machine lost: the guard band of every timed clause.

use crate::model::Interval;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// When this process did not run, or its runtime lagged: kept by the self-watch, read by every stopwatch.
#[derive(Debug, Default)]
pub struct Stalls {
    log: Mutex<Vec<(Instant, Instant)>>,
}

impl Stalls {
    /// Most stalls that are kept. When full the oldest go: nothing asks about minutes ago.
    const KEPT: usize = 4096;

    /// Notes that nothing ran between `from` and `to`.
    pub fn note(&self, from: Instant, to: Instant) {
        let mut log = self.log.lock().expect("no panic while the log is held");
        if log.len() >= Self::KEPT {
            log.drain(..Self::KEPT / 2);
        }
        log.push((from, to));
    }

    /// How much of the span was lost to stalls; overlapping notes count once.
    #[must_use]
    pub fn within(&self, from: Instant, to: Instant) -> Duration {
        let log = self.log.lock().expect("no panic while the log is held");
        let mut spans: Vec<_> = log
            .iter()
            .rev()
            .take_while(|(_, end)| *end + Duration::from_secs(60) > from)
            .filter(|(start, end)| *start < to && *end > from)
            .map(|(start, end)| ((*start).max(from), (*end).min(to)))
            .collect();
        drop(log);
        spans.sort();
        let (mut lost, mut reached) = (Duration::ZERO, from);
        for (start, end) in spans {
            let start = start.max(reached);
            if end > start {
                lost += end - start;
                reached = end;
            }
        }
        lost
    }
}

/// The only clock of a kind.
#[derive(Clone, Debug, Default)]
pub struct Stopwatch {
    stalls: Arc<Stalls>,
}

/// Something that was waited for, and how long it took.
#[derive(Clone, Copy, Debug)]
pub struct Timed<T> {
    /// What came.
    pub value: T,
    /// What it took: `hi` by the clock, `lo` less the stalls inside it.
    pub took: Interval,
    /// When it began, since the stopwatch's run began… only for ordering and distances between samples.
    pub began: Instant,
}

impl Stopwatch {
    /// A stopwatch that reads this record of stalls.
    #[must_use]
    pub fn new(stalls: Arc<Stalls>) -> Self {
        Self { stalls }
    }

    /// Runs a future and says how long it took.
    pub async fn time<T>(&self, future: impl Future<Output = T>) -> Timed<T> {
        let began = self.now();
        let value = future.await;
        Timed { value, took: self.since(began), began }
    }

    /// Now. Kinds use it for distances between samples only.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the stopwatch is the one home of the monotonic clock")]
    pub fn now(&self) -> Instant {
        Instant::now()
    }

    /// What has passed since then, as an interval.
    #[must_use]
    pub fn since(&self, then: Instant) -> Interval {
        self.between(then, self.now())
    }

    /// What lay between two moments, as an interval.
    #[must_use]
    pub fn between(&self, from: Instant, to: Instant) -> Interval {
        let hi = to.saturating_duration_since(from);
        Interval { lo: hi.saturating_sub(self.stalls.within(from, to)), hi }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlapping_stalls_are_counted_once_and_only_inside_the_span() {
        let stalls = Stalls::default();
        let zero = Stopwatch::default().now();
        let at = |ms: u64| zero + Duration::from_millis(ms);
        stalls.note(at(10), at(30));
        stalls.note(at(20), at(40));
        stalls.note(at(90), at(200));
        assert_eq!(stalls.within(at(0), at(100)), Duration::from_millis(40));
        assert_eq!(stalls.within(at(40), at(90)), Duration::ZERO);
        assert_eq!(stalls.within(at(25), at(35)), Duration::from_millis(10));
    }

    #[test]
    fn a_stall_widens_the_interval_downwards_only() {
        let stalls = Arc::new(Stalls::default());
        let watch = Stopwatch::new(stalls.clone());
        let zero = watch.now();
        stalls.note(zero, zero + Duration::from_millis(30));
        let took = watch.between(zero, zero + Duration::from_millis(50));
        assert_eq!((took.lo, took.hi), (Duration::from_millis(20), Duration::from_millis(50)));
    }
}
