//! What a suite says of `time-limit`: keys, defaults, and the mistakes that only the whole shows.

use super::probe::EACH;
use crate::kind::{Demands, Mistake};
use crate::model::{At, Impact};
use crate::reader::{Dur, Sp, With};
use crate::transport::Speak;
use crate::words::{Body, Request};
use schemars::JsonSchema;
use serde::Deserialize;
use std::time::Duration;

/// The ordinary request, and the keys beside those of a request.
pub(super) type Spec = With<Request, Limits>;

/// Keys of `time-limit` beside those of its request.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Limits {
    /// When a caller is cut off who does not come to the end of a head, from its first byte. At least 1s. Declares `time/slow-headers`.
    #[serde(default)]
    pub(super) slow_headers: Option<Sp<Dur>>,
    /// A request with a body, and when a caller is cut off who does not come to the end of that. Declares `time/slow-body`.
    #[serde(default)]
    pub(super) slow_body: Option<With<Request, SlowBody>>,
    /// When a connection is closed on which nothing is asked, from the end of the last answer. At least 1s. Declares `time/idle`.
    #[serde(default)]
    pub(super) idle: Option<Sp<Dur>>,
    /// The same for one on which nothing was ever sent, from its opening; goes with `idle`. Default: not looked at.
    #[serde(default)]
    pub(super) unused: Option<Sp<Dur>>,
    /// How much earlier or later than declared is still in time. Default: a tenth of it, 500ms at least.
    #[serde(default)]
    pub(super) give_or_take: Option<Sp<Dur>>,
}

/// Keys of `slow-body` beside those of its request.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct SlowBody {
    /// When a caller is cut off who stops in the middle of the body. At least 1s.
    pub(super) after: Sp<Dur>,
    /// One who sends a byte now and then is cut off at that time as well. Default: false, since many count from byte to byte.
    #[serde(default)]
    pub(super) dripping: Option<bool>,
}

/// A shorter limit cannot be told from the haste of a network.
const SHORTEST: Duration = Duration::from_secs(1);
/// What it takes to be sure beside the waiting.
const BESIDE: Duration = Duration::from_secs(10);

impl Limits {
    /// How much earlier or later than this limit is in time.
    pub(super) fn guard(&self, limit: Duration) -> Duration {
        self.give_or_take.map_or_else(|| (limit / 10).max(Duration::from_millis(500)), |d| d.value.0)
    }

    /// In how many ways one is slow.
    fn ways(&self) -> usize {
        let body = self.slow_body.as_ref().map_or(0, |b| if b.b.dripping == Some(true) { 2 } else { 1 });
        let headers = if self.slow_headers.is_some() { 2 } else { 0 };
        headers + body + usize::from(self.idle.is_some()) + usize::from(self.unused.is_some())
    }

    /// The declared times, by key.
    fn times(&self) -> impl Iterator<Item = (&'static str, Sp<Dur>)> {
        let body = self.slow_body.as_ref().map(|b| b.b.after);
        let all = [("slow-headers", self.slow_headers), ("slow-body.after", body), ("idle", self.idle), ("unused", self.unused)];
        all.into_iter().filter_map(|(key, time)| Some((key, time?)))
    }
}

/// What the plan must know, from the spec alone.
pub(super) fn demands(spec: &Spec) -> Demands {
    let longest = spec.b.times().map(|(_, time)| time.value.0 + spec.b.guard(time.value.0) * 2).max().unwrap_or_default();
    let at_once = EACH * spec.b.ways();
    let mut demands =
        Demands { impact: Impact::Load, longest, certain: longest * 3 + BESIDE, at_once, mistakes: mistakes(spec), ..Demands::default() };
    for request in std::iter::once(&spec.a).chain(spec.b.slow_body.as_ref().map(|b| &b.a)) {
        demands.http1.extend(request.version().is_none().then(|| request.at()));
        demands.uses.extend(request.captures_used());
        demands.files.extend(request.files());
        demands.hosts.extend(request.absolute_host());
    }
    demands
}

fn mistakes(spec: &Spec) -> Vec<Mistake> {
    let mut all = Vec::new();
    let mut say = |at: At, what: &str, help: &str| all.push(Mistake { at, what: what.to_owned(), help: help.to_owned() });
    let limits = &spec.b;
    if limits.times().next().is_none() {
        say(spec.a.at(), "time-limit: declares no time", "add `slow-headers`, `slow-body` or `idle`, each with its time");
    }
    for (key, time) in limits.times().filter(|(_, time)| time.value.0 < SHORTEST) {
        say(time.at, &format!("{key}: expected at least 1s"), "a shorter one cannot be told from the haste of a network");
    }
    if let Some(unused) = limits.unused.filter(|_| limits.idle.is_none()) {
        say(unused.at, "unused: goes with `idle`", "say too when a connection is closed that was used, such as `idle: 30s`");
    }
    let shortest = limits.times().map(|(_, time)| time.value.0).min();
    if let (Some(give), Some(shortest)) = (limits.give_or_take, shortest)
        && (give.value.0.is_zero() || give.value.0 >= shortest)
    {
        let help = "it is more than 0, and less than the shortest time that is declared";
        say(give.at, "give-or-take: leaves nothing to judge", help);
    }
    for request in std::iter::once(&spec.a).chain(limits.slow_body.as_ref().map(|b| &b.a)) {
        if request.version() == Some(Speak::Http2) {
            say(request.at(), "http: a request is cut in pieces over HTTP/1.1 only", "take `http: 2` out");
        }
    }
    if let Some(body) = limits.slow_body.as_ref().filter(|b| matches!(b.a.body(), Body::Empty)) {
        say(body.a.at(), "slow-body: its request carries no body", "give it one: `json`, `form`, `text`, `sample` or `multipart`");
    }
    all
}
