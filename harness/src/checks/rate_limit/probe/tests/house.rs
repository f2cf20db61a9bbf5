//! A service of this process that counts calls, with at most one flaw.

use super::super::super::spec::Windows;
use crate::kind::testing::{Reply, answer, serve};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// What is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    None,
    /// Nothing is counted.
    Absent,
    OneLess,
    OneMore,
    Status503,
    RetryAbsent,
    RetryZero,
    /// A second, whatever is left of the window.
    RetryShort,
    /// An hour.
    RetryLong,
    /// The whole quota is left, always.
    FieldsLie,
    FieldsAbsent,
    OtherQuota,
    /// Each name that is claimed has a quota of its own.
    Spoofed,
    /// Only what is left is told.
    OnlyLeft,
    /// There is more in one second, always.
    ResetSoon,
    /// The first call of all is closed without a word.
    Stumbles,
    /// Windows begin with a call, and not with each.
    FromFirstCall,
    /// Windows begin and end at round times.
    ByTheClock,
    /// A window is over after a fourth of its time.
    ShortWindow,
    /// The quota and the time of the next call are told in words.
    Wordy,
    /// Whoever claims to be forwarded for another is answered 500.
    Trips,
    Login,
    Redirects,
    Closes,
    Silent,
    Anything,
}

struct House {
    flaw: Flaw,
    windows: Windows,
    quota: usize,
    window: Duration,
    opened: Instant,
    asked: AtomicUsize,
    /// When calls were admitted, by caller.
    admitted: Mutex<BTreeMap<String, Vec<Instant>>>,
}

/// Serves for as long as the runtime lives.
pub(super) async fn open(flaw: Flaw, windows: Windows, quota: usize, window: Duration) -> SocketAddr {
    let window = if flaw == Flaw::ShortWindow { window / 4 } else { window };
    let house = House { flaw, windows, quota, window, opened: Instant::now(), asked: AtomicUsize::new(0), admitted: Mutex::default() };
    serve(move |head, _| house.reply(head)).await
}

impl House {
    fn reply(&self, head: &str) -> Reply {
        match self.flaw {
            Flaw::Login => return answer(401, &[], "who are you"),
            Flaw::Redirects => return answer(302, &["location: /login"], ""),
            Flaw::Closes => return Reply::Close,
            Flaw::Stumbles if self.asked.fetch_add(1, Ordering::SeqCst) == 0 => return Reply::Close,
            Flaw::Silent => return Reply::Silence,
            Flaw::Anything => return answer(200, &[], "{}"),
            _ => {}
        }
        let claimed = head.lines().find_map(|line| line.strip_prefix("x-forwarded-for: "));
        let caller = claimed.filter(|_| self.flaw == Flaw::Spoofed).unwrap_or("peer");
        if claimed.is_some() && self.flaw == Flaw::Trips {
            return answer(500, &[], "oh");
        }
        let (is_admitted, left, wait) = self.rule(caller, Instant::now());
        let status = match (is_admitted, self.flaw) {
            (true, _) => 200,
            (false, Flaw::Status503) => 503,
            (false, _) => 429,
        };
        let mut headers = String::new();
        if self.flaw != Flaw::FieldsAbsent {
            let left = if self.flaw == Flaw::FieldsLie { self.quota } else { left };
            let (quota, window) = (self.quota + usize::from(self.flaw == Flaw::OtherQuota), seconds(self.window));
            let wait = if self.flaw == Flaw::ResetSoon { 1 } else { seconds(wait) };
            // Writing to a String cannot fail.
            let _ = write!(headers, "ratelimit: \"p\";r={left};t={wait}\r\nx-ratelimit-remaining: {left}\r\n");
            if self.flaw != Flaw::OnlyLeft {
                let _ = write!(headers, "ratelimit-policy: \"p\";q={quota};w={window}\r\n");
                let quota = if self.flaw == Flaw::Wordy { "plenty".to_owned() } else { quota.to_string() };
                let _ = write!(headers, "x-ratelimit-limit: {quota}\r\n");
                let _ = write!(headers, "x-ratelimit-reset: {wait}\r\n");
            }
        }
        if !is_admitted && self.flaw != Flaw::RetryAbsent {
            let told = match self.flaw {
                Flaw::RetryZero => 0,
                Flaw::RetryShort => 1,
                Flaw::RetryLong => 3600,
                _ => seconds(wait),
            };
            let _ = write!(headers, "retry-after: {told}\r\n");
        }
        answer(status, &headers.lines().collect::<Vec<_>>(), "{}")
    }

    /// Whether a call is admitted, how many are left then, and when there is one more.
    fn rule(&self, caller: &str, now: Instant) -> (bool, usize, Duration) {
        let mut callers = self.admitted.lock().unwrap_or_else(PoisonError::into_inner);
        let calls = callers.entry(caller.to_owned()).or_default();
        let quota = match self.flaw {
            Flaw::Absent => usize::MAX,
            Flaw::OneLess => self.quota - 1,
            Flaw::OneMore => self.quota + 1,
            _ => self.quota,
        };
        let round = |at: Instant| (at - self.opened).as_nanos() / self.window.as_nanos();
        match (self.flaw, self.windows) {
            (Flaw::FromFirstCall, _) => {
                if calls.first().is_some_and(|first| now - *first >= self.window) {
                    calls.clear();
                }
            }
            (Flaw::ByTheClock, _) | (_, Windows::Fixed) => calls.retain(|call| round(*call) == round(now)),
            // Two windows of the clock: of the one before a share counts below.
            (_, Windows::Weighted) => calls.retain(|call| round(*call) + 1 >= round(now)),
            (_, Windows::Sliding) => calls.retain(|call| now - *call < self.window),
            (_, Windows::Refill) => {
                // Each call is in the bucket until it has leaked, one after the other.
                let each = self.window / u32::try_from(self.quota).expect("a small quota");
                while calls.first().is_some_and(|first| now - *first >= each) {
                    let leaked = calls.remove(0) + each;
                    calls.iter_mut().for_each(|call| *call = (*call).max(leaked));
                }
            }
        }
        let over = (now - self.opened).as_secs_f64() / self.window.as_secs_f64() % 1.0;
        let counted = |calls: &[Instant]| match self.windows {
            Windows::Weighted => {
                let before = calls.iter().filter(|call| round(**call) != round(now)).count();
                before as f64 * (1.0 - over) + (calls.len() - before) as f64
            }
            _ => calls.len() as f64,
        };
        let is_admitted = counted(calls) < quota as f64;
        if is_admitted {
            calls.push(now);
        }
        let left = (quota as f64 - counted(calls)).max(0.0) as usize;
        (is_admitted, left, calls.first().map_or(self.window, |first| (*first + self.window).saturating_duration_since(now)))
    }
}

/// Whole seconds, rounded up, and one at least.
fn seconds(time: Duration) -> u64 {
    (time.as_millis().div_ceil(1000).max(1)).try_into().unwrap_or(u64::MAX)
}
