//! What a suite says of `rate-limit`: keys, defaults, and the mistakes that only the whole shows.

use super::look::CLAIMS;
use crate::kind::{Demands, Mistake};
use crate::model::{At, Impact};
use crate::reader::{Dur, Many, Sp, With};
use crate::words::{Request, Status};
use schemars::JsonSchema;
use serde::Deserialize;
use std::time::Duration;

/// The call, and the keys beside those of a request.
pub(super) type Spec = With<Request, Rate>;

/// Keys of `rate-limit` beside those of its request.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Rate {
    /// How many calls are admitted in one window, from 1 to 10000.
    pub(super) quota: Sp<u32>,
    /// The length of the window.
    pub(super) window: Sp<Dur>,
    /// What is answered beyond the quota. Default: 429.
    #[serde(default)]
    pub(super) refused: Option<Sp<Status>>,
    /// How the quota comes back: `sliding` (each call a window after it was made), `fixed` (all at the edge of a window), `refill`
    /// (one after the other), `weighted` (a sliding counter: of the window of the clock before this one a share counts). Default: sliding.
    #[serde(default)]
    pub(super) windows: Option<Sp<Windows>>,
    /// Which fields tell what is left: `ratelimit`, `x-ratelimit`, or both. Declares `rate/fields`.
    #[serde(default)]
    pub(super) fields: Option<Many<Sp<Family>>>,
}

/// How the quota comes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Windows {
    /// Each call leaves the window when it is as old as that: the quota holds in every time of its length.
    #[default]
    Sliding,
    /// All of it at the edge of a window: twice the quota may pass astride it.
    Fixed,
    /// One after the other, as into a bucket.
    Refill,
    /// Counted by windows of the clock, of which the one before counts for the part that is not over yet.
    Weighted,
}

/// Fields that tell what is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Family {
    /// `RateLimit` and `RateLimit-Policy`.
    Ratelimit,
    /// `X-RateLimit-Limit`, `X-RateLimit-Remaining`, `X-RateLimit-Reset`.
    XRatelimit,
}

/// Calls beyond the quota in each burst, at least.
const BEYOND: u32 = 5;
/// The largest quota that can be judged.
const MOST: u32 = 10_000;
/// Windows that pass while it is shown three times that one clause is broken.
const WINDOWS: u32 = 16;
/// What a refusal may tell beyond a window, since it tells whole seconds.
const BEYOND_SECOND: Duration = Duration::from_secs(6);

impl Rate {
    pub(super) fn quota(&self) -> u32 {
        self.quota.value
    }

    pub(super) fn window(&self) -> Duration {
        self.window.value.0
    }

    pub(super) fn windows(&self) -> Windows {
        self.windows.map(|w| w.value).unwrap_or_default()
    }

    /// What is answered beyond the quota.
    pub(super) fn refused(&self) -> Status {
        self.refused.as_ref().map_or_else(|| Status::exactly(429), |s| s.value.clone())
    }

    /// What is added to a window, so that it is surely over: clocks of services tick in parts of a second.
    pub(super) fn guard(&self) -> Duration {
        (self.window() / 20).max(Duration::from_millis(100))
    }

    /// A time in which a window is surely not over, though the service's clock may tick in whole seconds.
    pub(super) fn nearly(&self) -> Duration {
        self.window().saturating_sub(Duration::from_secs(1).min(self.window() / 4).max(self.guard()))
    }

    /// Calls in each other name: with fixed windows a whole quota may have come back meanwhile, and what is beyond that is not due.
    pub(super) fn claims(&self) -> u32 {
        if self.windows() == Windows::Fixed { self.quota().saturating_add(CLAIMS) } else { CLAIMS }
    }

    /// Calls in a burst: the quota, and more of them than come back while it is made.
    pub(super) fn burst(&self) -> u32 {
        let beyond = if self.comes_back_by_and_by() { BEYOND.max(self.quota() / 4) } else { BEYOND };
        self.quota().saturating_add(beyond)
    }

    /// Whether a burst may lie astride the edge of a window of the clock and get more for that.
    pub(super) fn has_edges(&self) -> bool {
        matches!(self.windows(), Windows::Fixed | Windows::Weighted)
    }

    /// Whether a part of the quota is back after a part of the window.
    pub(super) fn comes_back_by_and_by(&self) -> bool {
        matches!(self.windows(), Windows::Refill | Windows::Weighted)
    }

    /// After so long in silence all of the quota is there, whatever was called before.
    pub(super) fn memory(&self) -> Duration {
        // Calls at the end of one window of the clock count until the end of the next one.
        if self.windows() == Windows::Weighted { self.window() * 2 } else { self.window() }
    }

    /// The most that may be admitted within a time that begins with a fresh window, however the calls in it lie.
    pub(super) fn most_in(&self, took: Duration) -> u64 {
        let windows = took.as_secs_f64() / self.window().as_secs_f64().max(f64::MIN_POSITIVE);
        let quota = f64::from(self.quota());
        let most = match self.windows() {
            Windows::Sliding => quota * (windows.floor() + 1.0),
            // The edge of a window may lie anywhere.
            Windows::Fixed => quota * (windows.floor() + 2.0),
            Windows::Refill => quota + (quota * windows).floor(),
            // All of it at the end of one window of the clock, and then as much as has passed of the next, rounded up.
            Windows::Weighted => quota + (quota * windows).floor() + 1.0,
        };
        // Above every count of ours it does not matter how much.
        most as u64
    }
}

/// What the plan must know, from the spec alone.
pub(super) fn demands(spec: &Spec) -> Demands {
    Demands {
        impact: Impact::Load,
        longest: (spec.b.memory() + spec.b.guard()) * 3,
        certain: (spec.b.memory() + spec.b.guard()) * WINDOWS + BEYOND_SECOND,
        uses: spec.a.captures_used(),
        files: spec.a.files(),
        hosts: spec.a.absolute_host().into_iter().collect(),
        pointless: match spec.b.windows() {
            Windows::Fixed => vec![(super::table::EDGE, "windows are declared fixed, so that twice the quota may pass astride an edge")],
            Windows::Sliding | Windows::Refill | Windows::Weighted => Vec::new(),
        },
        mistakes: mistakes(spec),
        ..Demands::default()
    }
}

fn mistakes(spec: &Spec) -> Vec<Mistake> {
    let mut all = Vec::new();
    let mut say = |at: At, what: &str, help: &str| all.push(Mistake { at, what: what.to_owned(), help: help.to_owned() });
    let rate = &spec.b;
    if !(1..=MOST).contains(&rate.quota()) {
        say(rate.quota.at, "quota: expected a number from 1 to 10000", "write how many calls are admitted in one window");
    }
    if rate.window() < Duration::from_millis(200) {
        say(rate.window.at, "window: expected at least 200ms", "a shorter one cannot be told from the haste of a network");
    }
    if let Some(refused) = rate.refused.as_ref().filter(|status| (200..400).any(|code| status.value.fits(code))) {
        say(refused.at, "refused: a success or a redirect is no refusal", "write the status, such as 429");
    }
    if rate.fields.as_ref().is_some_and(|fields| fields.is_empty()) {
        say(spec.a.at(), "fields: names none", "write `ratelimit`, `x-ratelimit` or both");
    }
    all
}
