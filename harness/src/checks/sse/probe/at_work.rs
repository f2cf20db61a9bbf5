//! When one task that reads several streams was at work: what comes meanwhile is read late, and that is our doing.
//!
//! Only the streams of a drive need it, whose delays are judged one by one, while the same task reads both of them, makes the jobs and
//! fetches results. Many subscribers are read in one task too, and count it for themselves, since moments are all that is kept of them.
//! Elsewhere nothing is lost by it: an opening or a silence has its task for itself; a witness and its client, the stream of a tenant or
//! over a restart are held against each other by what came, not when; and beside a slow subscriber the times are held against those of
//! the same reading without it, three times as long and half a second more.

use crate::checks::sse::look::{Delay, Job};
use crate::kind::Context;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Work that is shorter is not kept: it moves no judged time.
const SHORT: Duration = Duration::from_micros(500);
/// Spans that are kept. When full the oldest go: nothing asks about what came long before.
const KEPT: usize = 4096;

/// The work of one task.
#[derive(Debug, Default)]
pub(super) struct AtWork {
    log: Mutex<Log>,
}

#[derive(Debug, Default)]
struct Log {
    /// Since when it has been at it, while it is.
    since: Option<Instant>,
    spans: Vec<(Instant, Instant)>,
}

impl AtWork {
    /// Runs a future and notes when it was at work: from each time that it is woken until it waits again.
    pub(super) async fn during<F: Future>(&self, cx: &Context, future: F) -> F::Output {
        let mut future = pin!(future);
        poll_fn(|task| {
            self.log().since = Some(cx.stopwatch().now());
            let polled = future.as_mut().poll(task);
            self.log().rest(cx.stopwatch().now());
            polled
        })
        .await
    }

    /// Takes from the delay of a job, whose first event came at `at`, what our own work may have added to it.
    pub(super) fn discount(&self, delay: &mut Delay, job: &Job, at: Duration, cx: &Context, origin: Instant) {
        if at > job.answered {
            delay.took.lo = delay.took.lo.saturating_sub(self.cost(cx, origin + job.answered, origin + at));
        }
    }

    /// How long it was at work between two moments, without what this machine lost meanwhile: that is known of already.
    fn cost(&self, cx: &Context, from: Instant, to: Instant) -> Duration {
        let log = self.log();
        let now = log.since.map(|since| (since, to));
        // They lie one behind the other, so those before `from` end the search.
        let spans = now.into_iter().chain(log.spans.iter().rev().copied()).take_while(|(_, end)| *end > from);
        let inside = spans.map(|(start, end)| (start.max(from), end.min(to))).filter(|(start, end)| start < end);
        inside.map(|(start, end)| cx.stopwatch().between(start, end).lo).sum()
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log {
    fn rest(&mut self, now: Instant) {
        let Some(since) = self.since.take().filter(|since| now.saturating_duration_since(*since) >= SHORT) else { return };
        if self.spans.len() >= KEPT {
            self.spans.drain(..KEPT / 2);
        }
        self.spans.push((since, now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::testing::context;
    use crate::model::Interval;
    use tokio::task::yield_now;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    /// What a stream costs that has much to be parsed.
    fn parse() {
        std::thread::sleep(MS(30));
    }

    #[tokio::test]
    async fn what_our_own_reading_costs_is_taken_from_a_delay_and_waiting_is_not() {
        let cx = context(([127, 0, 0, 1], 1).into());
        let (work, origin) = (AtWork::default(), cx.stopwatch().now());
        let delay = work
            .during(&cx, async {
                parse();
                yield_now().await;
                parse();
                tokio::time::sleep(MS(50)).await;
                parse();
                // The first event of a job that was there all the time is read now.
                let (job, at) = (Job::default(), cx.stopwatch().now() - origin);
                let mut delay = Delay { job: String::new(), took: Interval { lo: at, hi: at } };
                work.discount(&mut delay, &Job { answered: Duration::from_nanos(1), ..job }, at, &cx, origin);
                delay
            })
            .await;
        let Interval { lo, hi } = delay.took;
        assert!(hi >= MS(140) && hi - lo >= MS(90), "three times 30 ms were ours: {lo:?} of {hi:?}");
        assert!(lo >= MS(40), "it waited for 50 ms, which were not: {lo:?} of {hi:?}");
    }

    #[tokio::test]
    async fn work_while_this_machine_stood_still_is_taken_off_once() {
        let cx = context(([127, 0, 0, 1], 1).into());
        let (work, from) = (AtWork::default(), cx.stopwatch().now());
        work.during(&cx, async { parse() }).await;
        let to = cx.stopwatch().now();
        assert!(work.cost(&cx, from, to) >= MS(30));
        assert_eq!(work.cost(&cx, to, to + MS(10)), Duration::ZERO, "it was before");
        cx.stopwatch().stalls().note(from, to);
        assert_eq!(work.cost(&cx, from, to), Duration::ZERO);
    }
}
