//! Until when something is waited for, by the time in which this process ran: what was lost to its own stalls is added.

use crate::kind::Context;
use std::time::{Duration, Instant};
use tokio::task::yield_now;
use tokio::time::sleep;

/// Who waits lets everybody else go first so often: what is there to be read by then is read before the time is called up.
const TURNS: usize = 4;
/// A stream that always has more to read does not put the end off for longer.
const OVERRUN: Duration = Duration::from_secs(1);

/// The end of a wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    since: Instant,
    within: Duration,
}

impl Deadline {
    /// So long from now on.
    pub(super) fn after(cx: &Context, within: Duration) -> Self {
        Self::since(cx.stopwatch().now(), within)
    }

    /// So long since then.
    pub(super) fn since(since: Instant, within: Duration) -> Self {
        Self { since, within }
    }

    /// What is left of it; zero: it is over for sure, whatever this machine lost meanwhile.
    fn left(&self, cx: &Context) -> Duration {
        self.within.saturating_sub(cx.stopwatch().since(self.since).lo)
    }

    /// Its time is up.
    pub(super) fn is_over(&self, cx: &Context) -> bool {
        self.left(cx).is_zero()
    }

    /// Its time has been up for long, and still there was something to read: what is missing may be on its way.
    pub(super) fn is_overrun(&self, cx: &Context) -> bool {
        cx.stopwatch().since(self.since).lo >= self.within + OVERRUN
    }

    /// The one of both that ends first.
    pub(super) fn sooner(self, other: Option<Self>, cx: &Context) -> Self {
        other.filter(|other| other.left(cx) < self.left(cx)).unwrap_or(self)
    }

    /// Waits until its time is up. Whatever is selected beside it comes first, if there is something to read.
    pub(super) async fn wait(self, cx: &Context) {
        loop {
            let left = self.left(cx);
            if left.is_zero() {
                break;
            }
            sleep(left).await;
        }
        for _ in 0..TURNS {
            yield_now().await;
        }
    }

    /// Runs a future until then; whether it came to its end.
    pub(super) async fn bound(self, cx: &Context, future: impl Future<Output = ()>) -> bool {
        tokio::select! {
            () = future => true,
            () = self.wait(cx) => false,
        }
    }
}

/// Waits for a deadline, if there is one; else for ever.
pub(super) async fn wait(deadline: Option<Deadline>, cx: &Context) {
    match deadline {
        Some(deadline) => deadline.wait(cx).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::testing::context;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn cx() -> Context {
        context(([127, 0, 0, 1], 1).into())
    }

    #[tokio::test]
    async fn what_this_machine_lost_is_added() {
        let cx = cx();
        let zero = cx.stopwatch().now();
        cx.stopwatch().stalls().note(zero, zero + MS(200));
        Deadline::since(zero, MS(100)).wait(&cx).await;
        assert!(cx.stopwatch().now() - zero >= MS(300), "the wait was cut short by a stall");
    }

    #[tokio::test]
    async fn what_can_be_read_is_read_before_the_time_is_up() {
        let cx = cx();
        let over = Deadline::after(&cx, Duration::ZERO);
        for _ in 0..200 {
            tokio::select! {
                () = yield_now() => {}
                () = over.wait(&cx) => panic!("there was something to read"),
            }
        }
        over.wait(&cx).await;
        assert!(over.is_over(&cx) && !over.is_overrun(&cx));
    }
}
