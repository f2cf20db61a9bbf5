//! Measures what the service took, less what this machine lost: the guard band of every timed clause.

use crate::model::Interval;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// When this process did not run, or its runtime lagged: kept by the self-watch, read by every stopwatch.
#[derive(Debug, Default)]
pub struct Stalls {
    log: Mutex<Log>,
}

/// Finished stalls, and the last sign of life of each ticker: a stall counts before its ticker has woken up to tell it,
/// because after a SIGCONT the timers of a probe may well fire first.
#[derive(Debug, Default)]
struct Log {
    spans: Vec<(Instant, Instant)>,
    beats: [Option<Instant>; Stalls::TICKERS],
}

impl Stalls {
    /// How many tickers may feed one record: one on the runtime, one on a thread of its own.
    pub const TICKERS: usize = 2;
    /// The time between two beats of a ticker.
    pub const PERIOD: Duration = Duration::from_millis(10);
    /// How late a beat may be before it is a stall: timers are a millisecond coarse, and schedulers hand out slices of a few.
    pub const SLACK: Duration = Duration::from_millis(5);
    /// Most stalls that are kept. When full the oldest go: nothing asks about minutes ago.
    const KEPT: usize = 4096;

    /// Notes that nothing ran between `from` and `to`.
    pub fn note(&self, from: Instant, to: Instant) {
        self.log.lock().expect("no panic while the log is held").keep(from, to);
    }

    /// A sign of life of one ticker. Answers with what was lost since its last one beyond the period; zero without a stall.
    pub fn beat(&self, ticker: usize, now: Instant) -> Duration {
        let mut log = self.log.lock().expect("no panic while the log is held");
        let last = log.beats[ticker].replace(now);
        let Some((from, to)) = last.and_then(|last| overdue(last, now)) else { return Duration::ZERO };
        log.keep(from, to);
        to - from
    }

    /// The ticker ends: its silence from now on means nothing.
    pub fn rest(&self, ticker: usize) {
        self.log.lock().expect("no panic while the log is held").beats[ticker] = None;
    }

    /// How much of the span was lost to stalls; overlapping notes count once.
    #[must_use]
    pub fn within(&self, from: Instant, to: Instant) -> Duration {
        let (mut lost, mut reached) = (Duration::ZERO, from);
        for (start, end) in self.spans(from, to) {
            let start = start.max(reached);
            if end > start {
                lost += end - start;
                reached = end;
            }
        }
        lost
    }

    /// The longest single stall inside the span.
    #[must_use]
    pub fn longest(&self, from: Instant, to: Instant) -> Duration {
        self.spans(from, to).into_iter().map(|(start, end)| end - start).max().unwrap_or_default()
    }

    /// The stalls inside the span, clipped to it, by their beginning.
    fn spans(&self, from: Instant, to: Instant) -> Vec<(Instant, Instant)> {
        let log = self.log.lock().expect("no panic while the log is held");
        let going_on = log.beats.iter().flatten().filter_map(|last| overdue(*last, to));
        let mut spans: Vec<_> = log
            .spans
            .iter()
            .rev()
            .take_while(|(_, end)| *end + Duration::from_secs(60) > from)
            .copied()
            .chain(going_on)
            .filter(|(start, end)| *start < to && *end > from)
            .map(|(start, end)| (start.max(from), end.min(to)))
            .collect();
        drop(log);
        spans.sort();
        spans
    }
}

impl Log {
    fn keep(&mut self, from: Instant, to: Instant) {
        if self.spans.len() >= Stalls::KEPT {
            self.spans.drain(..Stalls::KEPT / 2);
        }
        self.spans.push((from, to));
    }
}

/// The stall between a last beat and now, if the next beat is late.
fn overdue(last: Instant, now: Instant) -> Option<(Instant, Instant)> {
    let due = last + Stalls::PERIOD;
    (now > due + Stalls::SLACK).then_some((due, now))
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

    /// The record of stalls that it reads.
    #[must_use]
    pub fn stalls(&self) -> &Arc<Stalls> {
        &self.stalls
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

    #[test]
    fn a_stall_counts_before_its_ticker_has_told_it() {
        let stalls = Stalls::default();
        let zero = Stopwatch::default().now();
        let at = |ms: u64| zero + Duration::from_millis(ms);
        stalls.beat(0, at(0));
        assert_eq!(stalls.within(at(2), at(12)), Duration::ZERO, "a beat on time is no stall");
        assert_eq!(stalls.within(at(2), at(5000)), Duration::from_millis(4990));
        assert_eq!(stalls.beat(0, at(5000)), Duration::from_millis(4990));
        assert_eq!(stalls.within(at(2), at(5005)), Duration::from_millis(4990), "told once, not twice");
        assert_eq!(stalls.longest(at(0), at(6)), Duration::ZERO);
        stalls.rest(0);
        assert_eq!(stalls.within(at(5001), at(9000)), Duration::ZERO, "a ticker at rest is no stall");
    }
}
