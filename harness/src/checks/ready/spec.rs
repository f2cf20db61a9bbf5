//! What a suite says of `ready`: keys, units, defaults, and the mistakes that only the whole shows.

use super::table;
use crate::kind::{Demands, Mistake};
use crate::model::{At, ClauseId, FaultKind, Impact};
use crate::reader::{Dur, Many, Sp, With};
use crate::words::{Expect, JsonExpectation, Matcher, Path, Request};
use schemars::JsonSchema;
use serde::Deserialize;
use std::time::Duration;

/// The request of the probe, and what is promised of it.
pub(super) type Spec = With<Request, Own>;

/// Keys of `ready` beside those of a request.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Own {
    /// Deadline for becoming ready, from the first poll. Default: 30s.
    #[serde(default)]
    pub(super) within: Option<Sp<Dur>>,
    /// Longest time for one answer; a later one is none. Default: 2s.
    #[serde(default)]
    pub(super) answers_within: Option<Sp<Dur>>,
    /// What a ready answer is. Default: exactly 200.
    #[serde(default)]
    pub(super) expect: Option<Expect>,
    /// How long it must stay ready once it is. Declares `ready/steady`.
    #[serde(default)]
    pub(super) steady_for: Option<Sp<Dur>>,
    /// Dependencies without which it must not be ready.
    #[serde(default)]
    pub(super) hard: Option<Many<Sp<String>>>,
    /// Dependencies without which it stays ready and says so. Declares `ready/soft`.
    #[serde(default)]
    pub(super) soft: Option<Many<Sp<String>>>,
    /// Longest time until it is not ready after a hard dependency is lost. Declares `ready/falls`.
    #[serde(default)]
    pub(super) falls_within: Option<Sp<Dur>>,
    /// Longest time until it is ready after the dependency is back. Declares `ready/recovers`.
    #[serde(default)]
    pub(super) recovers_within: Option<Sp<Dur>>,
    /// A request that real callers make. Declares `ready/first-request` and `ready/truthful`.
    #[serde(default)]
    pub(super) real: Option<With<Request, Real>>,
    /// A request and what its answer holds from the moment on at which the service may be ready. Declares `ready/not-before`.
    #[serde(default)]
    pub(super) not_before: Option<With<Request, Marker>>,
    /// Where the id of the process stands: `ready/recovers` then holds that the same process recovered.
    #[serde(default)]
    pub(super) boot_id: Option<With<Request, BootId>>,
    /// How replicas are told apart. Declares `ready/replicas`.
    #[serde(default)]
    pub(super) replicas: Option<Replicas>,
}

/// Keys of `real` beside those of its request.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Real {
    /// What its answer is. Default: any 2xx.
    #[serde(default)]
    pub(super) expect: Option<Expect>,
    /// Longest time for its answer. Default: 5s.
    #[serde(default)]
    pub(super) within: Option<Sp<Dur>>,
}

/// Keys of `not-before` beside those of its request.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Marker {
    /// JSONPath of the marker, such as `$.migration`.
    pub(super) at: Sp<Path>,
    /// What it is once the service may be ready: a value, or a matcher such as `{ at-least: 3 }`.
    pub(super) is: Matcher,
}

/// Keys of `boot-id` beside those of its request: exactly one of them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct BootId {
    /// JSONPath of the id, such as `$.boot_id`.
    #[serde(default)]
    pub(super) at: Option<Sp<Path>>,
    /// The header that holds it.
    #[serde(default)]
    pub(super) header: Option<Sp<String>>,
}

/// Keys of `replicas`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Replicas {
    /// The header that names the instance which answered.
    pub(super) header: Sp<String>,
    /// Fresh connections to make. Default: 20.
    #[serde(default)]
    pub(super) probes: Option<Sp<u32>>,
    /// How many replicas must be seen. Default: 1.
    #[serde(default)]
    pub(super) at_least: Option<Sp<u32>>,
    /// Where the build stands. Without it only the answers are compared.
    #[serde(default)]
    pub(super) build: Option<With<Request, Build>>,
}

/// Keys of `replicas.build` beside those of its request. The answer must carry the same instance header.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Build {
    /// JSONPath of the build's id, such as `$.git_sha`.
    pub(super) at: Path,
}

/// Most probes of replicas.
const MOST_PROBES: u32 = 1000;

impl Own {
    pub(super) fn deadline(&self) -> Duration {
        self.within.as_ref().map_or(Duration::from_secs(30), |d| d.value.0)
    }

    pub(super) fn patience(&self) -> Duration {
        self.answers_within.as_ref().map_or(Duration::from_secs(2), |d| d.value.0)
    }

    /// Until when it may call itself ready without a hard dependency, or not tell that a soft one is lost.
    pub(super) fn falls_within(&self) -> Duration {
        self.falls_within.as_ref().map_or(Duration::from_secs(5), |d| d.value.0)
    }

    /// Until when it must be ready once a dependency is back. Not promised, it is waited for at most 10 s.
    pub(super) fn recovers_within(&self) -> Duration {
        self.recovers_within.as_ref().map_or_else(|| self.deadline().min(Duration::from_secs(10)), |d| d.value.0)
    }

    pub(super) fn steady_for(&self) -> Option<Duration> {
        self.steady_for.as_ref().map(|d| d.value.0)
    }
}

impl Real {
    pub(super) fn patience(&self) -> Duration {
        self.within.as_ref().map_or(Duration::from_secs(5), |d| d.value.0)
    }
}

impl Marker {
    /// The same as an expectation of an answer.
    pub(super) fn expectation(&self) -> Expect {
        let mut expect = Expect::default();
        expect.json.push(JsonExpectation { path: self.at.value.clone(), matcher: self.is.clone(), at: self.at.at });
        expect
    }
}

impl Replicas {
    pub(super) fn probes(&self) -> u32 {
        self.probes.as_ref().map_or(20, |p| p.value)
    }

    pub(super) fn at_least(&self) -> u32 {
        self.at_least.as_ref().map_or(1, |p| p.value)
    }
}

/// How much longer than a limit is waited, so that late is told from never.
pub(super) fn beyond(limit: Duration) -> Duration {
    (limit / 4).clamp(Duration::from_millis(300), Duration::from_secs(3))
}

/// Real requests that worked while it was not ready, from which on it is over-strict.
pub(super) const IDLE: usize = 3;

/// The part that is asked to end for `ready/leaves-first`.
pub(super) const SERVICE: &str = "service";

/// What the plan must know, from the spec alone.
pub(super) fn demands(spec: &Spec) -> Demands {
    let (request, own) = (&spec.a, &spec.b);
    let mut demands = Demands { impact: request.impact(), longest: longest(own), mistakes: mistakes(spec), ..Demands::default() };
    let real = own.real.as_ref().map(|r| &r.a);
    let marker = own.not_before.as_ref().map(|m| &m.a);
    let build = own.replicas.as_ref().and_then(|r| r.build.as_ref()).map(|b| &b.a);
    let boot = own.boot_id.as_ref().map(|b| &b.a);
    for request in [Some(request), real, marker, build, boot].into_iter().flatten() {
        demands.uses.extend(request.captures_used());
        demands.files.extend(request.files());
        demands.hosts.extend(request.absolute_host());
    }
    let expectations = [own.expect.as_ref(), own.real.as_ref().and_then(|r| r.b.expect.as_ref())];
    for expect in expectations.into_iter().flatten() {
        demands.uses.extend(expect.captures_used());
        demands.files.extend(expect.files());
    }
    // A real request that writes raises the clauses that send it, and no other.
    if let Some(real) = real
        && real.impact() > Impact::Read
    {
        demands.raised.extend([(table::FIRST_REQUEST, real.impact()), (table::TRUTHFUL, real.impact())]);
    }
    let mut faults = |clauses: &[ClauseId], names: &Option<Many<Sp<String>>>, kinds: &[FaultKind]| {
        for (clause, name) in clauses.iter().flat_map(|c| names.iter().flat_map(|m| m.iter()).map(move |n| (c, n))) {
            demands.faults.extend(kinds.iter().map(|kind| (*clause, name.value.clone(), *kind)));
        }
    };
    faults(&[table::FALLS, table::RECOVERS], &own.hard, table::LOSSES);
    faults(&[table::SOFT], &own.soft, table::LOSSES);
    demands.faults.push((table::LEAVES_FIRST, SERVICE.to_owned(), FaultKind::Terminate));
    demands
}

/// What the declared durations add up to, with one last answer for each part.
fn longest(own: &Own) -> Duration {
    let value = |d: &Option<Sp<Dur>>| d.as_ref().map_or(Duration::ZERO, |d| d.value.0);
    let mut longest = own.deadline() + own.patience() + value(&own.steady_for);
    let losses =
        |names: &Option<Many<Sp<String>>>| u32::try_from(names.as_ref().map_or(0, |n| n.len()) * table::LOSSES.len()).unwrap_or(u32::MAX);
    let (falls, recovers, answer) = (own.falls_within(), own.recovers_within(), own.patience());
    let real = own.real.as_ref().map_or(Duration::ZERO, |real| real.b.patience());
    let loss = falls + beyond(falls) + answer + real + recovers + beyond(recovers) + answer;
    // Two cycles each, as `ready/recovers` asks; it must be steady in both states of each.
    let cycles = if own.recovers_within.is_some() { 2 } else { 1 };
    longest += (loss + value(&own.steady_for) * 2) * cycles * losses(&own.hard);
    longest += loss * losses(&own.soft);
    if own.real.is_some() {
        longest += Duration::from_secs(5);
    }
    longest
}

fn mistakes(spec: &Spec) -> Vec<Mistake> {
    let own = &spec.b;
    let mut all = Vec::new();
    let mut say = |at: At, what: String, help: &str| all.push(Mistake { at, what, help: help.to_owned() });
    for (key, value) in [("within", &own.within), ("answers-within", &own.answers_within), ("steady-for", &own.steady_for)] {
        if let Some(duration) = value
            && duration.value.0.is_zero()
        {
            say(duration.at, format!("{key}: expected more than 0"), "write a time such as 30s, or take the key out");
        }
    }
    let limits = [
        (
            own.expect.as_ref(),
            "expect.within: says nothing here: how long one answer may take is `answers-within`",
            "write `answers-within`",
        ),
        (
            own.real.as_ref().and_then(|r| r.b.expect.as_ref()),
            "real.expect.within: says nothing here: how long its answer may take is `real.within`",
            "move `within` out of `expect`, beside the request of `real`",
        ),
    ];
    for (expect, what, help) in limits {
        if let Some(expect) = expect.filter(|e| e.within().is_some()) {
            say(expect.within_at(), what.to_owned(), help);
        }
    }
    if let Some(answers) = &own.answers_within
        && answers.value.0 > own.deadline()
    {
        say(
            answers.at,
            "answers-within: one answer may take longer than `within` gives for becoming ready".to_owned(),
            "make it shorter than `within`",
        );
    }
    let names = |m: &Option<Many<Sp<String>>>| m.iter().flat_map(|m| m.iter().cloned()).collect::<Vec<Sp<String>>>();
    let (hard, soft) = (names(&own.hard), names(&own.soft));
    for name in &soft {
        if hard.iter().any(|h| h.value == name.value) {
            say(
                name.at,
                format!("soft: `{}` is named under `hard` too", name.value),
                "a dependency is hard (without it: not ready) or soft (ready, and says so)",
            );
        }
    }
    for (key, list) in [("hard", &hard), ("soft", &soft)] {
        for (i, name) in list.iter().enumerate() {
            if list[..i].iter().any(|before| before.value == name.value) {
                say(name.at, format!("{key}: `{}` stands twice", name.value), "name each dependency once");
            }
        }
    }
    for (key, value) in [("falls-within", &own.falls_within), ("recovers-within", &own.recovers_within)] {
        if let Some(duration) = value
            && hard.is_empty()
        {
            say(
                duration.at,
                format!("{key}: says how it goes without a hard dependency, and none is named"),
                "add `hard: [db]`, or take the key out",
            );
        }
    }
    if !hard.is_empty() && own.falls_within.is_none() && own.recovers_within.is_none() {
        say(
            hard[0].at,
            "hard: names dependencies, and nothing is promised of their loss".to_owned(),
            "add `falls-within: 5s`, or take `hard` out",
        );
    }
    if let Some(boot) = &own.boot_id {
        if boot.b.at.is_some() == boot.b.header.is_some() {
            say(boot.a.at(), "boot-id: expected one of `at` and `header`".to_owned(), "say where the id stands: `at: $.boot_id`");
        }
        if own.recovers_within.is_none() {
            say(
                boot.a.at(),
                "boot-id: says which process it is, and nothing is promised of its recovery".to_owned(),
                "add `recovers-within: 10s`, or take `boot-id` out",
            );
        }
    }
    if !spec.a.is_repeatable() {
        say(
            spec.a.at(),
            "its request may not be sent again, and readiness is polled".to_owned(),
            "use get or head, or say `repeatable: true`",
        );
    }
    if let Some(replicas) = &own.replicas {
        if let Some(probes) = &replicas.probes
            && !(1..=MOST_PROBES).contains(&probes.value)
        {
            say(
                probes.at,
                format!("replicas.probes: expected 1 to {MOST_PROBES}, got {}", probes.value),
                "leave it out: the default is 20",
            );
        }
        if replicas.at_least() > replicas.probes() {
            let at = replicas.at_least.as_ref().map(|a| a.at).unwrap_or_default();
            say(at, "replicas.at-least: more replicas than probes".to_owned(), "raise `probes` to four times as many at least");
        }
    }
    all
}
