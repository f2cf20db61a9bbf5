//! What a suite says of `shutdown`: keys, units, defaults, and the mistakes that only the whole shows.

use super::table;
use crate::kind::{Crowd, Demands, Mistake};
use crate::model::{At, FaultKind, Impact};
use crate::reader::{Dur, Many, Sp, With};
use crate::words::{Body, Expect, Request};
use schemars::JsonSchema;
use serde::Deserialize;
use std::time::Duration;

/// Keys of `shutdown`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Spec {
    /// The request that is in flight when the service is asked to end: one that takes its time.
    pub(super) load: With<Request, Load>,
    /// A request that is in the middle of its body then.
    #[serde(default)]
    pub(super) upload: Option<With<Request, Real>>,
    /// Event streams that are open then.
    #[serde(default)]
    pub(super) streams: Option<With<Request, Streams>>,
    /// The readiness probe, ready by exactly 200 where nothing else is said. Declares `shutdown/leaves-first`.
    #[serde(default)]
    pub(super) ready: Option<With<Request, Real>>,
    /// The grace: longest time from the signal to the end. Default: 30s.
    #[serde(default)]
    pub(super) within: Option<Sp<Dur>>,
    /// Exit codes that are fine. Default: 0 and 143.
    #[serde(default)]
    pub(super) exit: Option<Many<Sp<i32>>>,
    /// Idle connections that are held open. Default: 4.
    #[serde(default)]
    pub(super) idle: Option<Sp<u32>>,
    /// Longest time to the first connection after it was started again, such as 2s. Declares `shutdown/restarts`.
    #[serde(default)]
    pub(super) restarts_within: Option<Sp<Dur>>,
    /// The part that is asked to end. Default: `service`.
    #[serde(default)]
    pub(super) part: Option<Sp<String>>,
}

/// Keys of `load` beside those of its request.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Load {
    /// How many at once, each on a connection of its own. Default: 8.
    #[serde(default)]
    pub(super) concurrency: Option<Sp<u32>>,
    /// What each answer is. Default: any 2xx.
    #[serde(default)]
    pub(super) expect: Option<Expect>,
}

/// Keys of `streams` beside those of its request.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Streams {
    /// How many are open, each on a connection of its own. Default: 2.
    #[serde(default)]
    pub(super) count: Option<Sp<u32>>,
}

/// Keys of `upload` and `ready` beside those of their request.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Real {
    /// What its answer is. Default: any 2xx; of `ready`: exactly 200.
    #[serde(default)]
    pub(super) expect: Option<Expect>,
}

/// Most requests in flight, and most idle connections.
const MOST: u32 = 1000;
/// Connections beside these: an upload, and looks at whether it is ready.
const BESIDE: u32 = 4;
/// Longest wait for the service to be ready before it is asked to end.
pub(super) const READY: Duration = Duration::from_secs(15);
/// How much longer than the grace it is waited for, so that a late end is seen to be late.
pub(super) const BEYOND: Duration = Duration::from_secs(1);

impl Spec {
    pub(super) fn grace(&self) -> Duration {
        self.within.as_ref().map_or(Duration::from_secs(30), |d| d.value.0)
    }

    pub(super) fn part(&self) -> &str {
        self.part.as_ref().map_or("service", |p| p.value.as_str())
    }

    pub(super) fn concurrency(&self) -> u32 {
        self.load.b.concurrency.as_ref().map_or(8, |c| c.value)
    }

    /// How many streams are open; 0 where none are asked for.
    pub(super) fn streams(&self) -> u32 {
        self.streams.as_ref().map_or(0, |s| s.b.count.as_ref().map_or(2, |c| c.value))
    }

    pub(super) fn idle(&self) -> u32 {
        self.idle.as_ref().map_or(4, |i| i.value)
    }

    pub(super) fn restarts_within(&self) -> Option<Duration> {
        self.restarts_within.as_ref().map(|d| d.value.0)
    }

    /// Exit codes that are fine.
    pub(super) fn codes(&self) -> Vec<i32> {
        self.exit.as_ref().map_or_else(|| vec![0, 143], |many| many.iter().map(|c| c.value).collect())
    }
}

/// What the plan must know, from the spec alone.
pub(super) fn demands(spec: &Spec) -> Demands {
    let mut demands = Demands { impact: Impact::Disrupt, longest: longest(spec), mistakes: mistakes(spec), ..Demands::default() };
    let real = |real: &Option<With<Request, Real>>| real.as_ref().map(|r| (r.a.clone(), r.b.expect.clone()));
    let load = Some((spec.load.a.clone(), spec.load.b.expect.clone()));
    let streams = spec.streams.as_ref().map(|s| (s.a.clone(), None));
    for (request, expect) in [load, real(&spec.upload), streams, real(&spec.ready)].into_iter().flatten() {
        demands.uses.extend(request.captures_used());
        demands.files.extend(request.files());
        demands.hosts.extend(request.absolute_host());
        if let Some(expect) = expect {
            demands.uses.extend(expect.captures_used());
            demands.files.extend(expect.files());
        }
    }
    demands.crowds.push(Crowd {
        clause: table::FINISHES,
        connections: spec.concurrency().saturating_add(spec.streams()).saturating_add(spec.idle()).saturating_add(BESIDE),
        key: "load",
        at: spec.load.a.at(),
    });
    let part = || spec.part().to_owned();
    for clause in [table::FINISHES, table::EXITS, table::LEAVES_FIRST, table::RESTARTS] {
        demands.faults.push((clause, part(), FaultKind::Terminate));
    }
    demands.faults.push((table::RESTARTS, part(), FaultKind::Restart));
    demands
}

fn longest(spec: &Spec) -> Duration {
    let ready = if spec.ready.is_some() { READY } else { Duration::ZERO };
    let restart = spec.restarts_within().map_or(Duration::ZERO, |limit| limit * 2 + BEYOND);
    ready + spec.grace() + BEYOND * 3 + restart
}

fn mistakes(spec: &Spec) -> Vec<Mistake> {
    let mut all = Vec::new();
    let mut say = |at: At, what: String, help: &str| all.push(Mistake { at, what, help: help.to_owned() });
    for (key, value) in [("within", &spec.within), ("restarts-within", &spec.restarts_within)] {
        if let Some(duration) = value
            && duration.value.0.is_zero()
        {
            say(duration.at, format!("{key}: expected more than 0"), "write a time such as 30s, or take the key out");
        }
    }
    if let Some(concurrency) = &spec.load.b.concurrency
        && !(1..=MOST).contains(&concurrency.value)
    {
        let what = format!("load.concurrency: expected 1 to {MOST}, got {}", concurrency.value);
        say(concurrency.at, what, "leave it out: the default is 8");
    }
    if let Some(count) = spec.streams.as_ref().and_then(|s| s.b.count.as_ref())
        && !(1..=MOST).contains(&count.value)
    {
        let what = format!("streams.count: expected 1 to {MOST}, got {}", count.value);
        say(count.at, what, "leave it out: the default is 2");
    }
    if let Some(idle) = &spec.idle
        && idle.value > MOST
    {
        say(idle.at, format!("idle: expected 0 to {MOST}, got {}", idle.value), "leave it out: the default is 4");
    }
    if let Some(codes) = &spec.exit
        && codes.is_empty()
    {
        say(spec.load.a.at(), "exit: no exit code is fine".to_owned(), "leave it out: 0 and 143 are fine by default");
    }
    for code in spec.exit.iter().flat_map(|codes| codes.iter()).filter(|code| !(0..=255).contains(&code.value)) {
        say(code.at, format!("exit: expected 0 to 255, got {}", code.value), "exit codes of processes are one byte");
    }
    if let Some(upload) = &spec.upload
        && matches!(upload.a.body(), Body::Empty)
    {
        say(upload.a.at(), "upload: its request carries no body".to_owned(), "add `sample`, `multipart`, `json` or `text`");
    }
    if let Some(ready) = &spec.ready
        && !ready.a.is_repeatable()
    {
        say(ready.a.at(), "ready: its request may not be sent again, and readiness is polled".to_owned(), "use get or head");
    }
    all
}
