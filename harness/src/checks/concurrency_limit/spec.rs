//! What a suite says of `concurrency-limit`: keys, defaults, and the mistakes that only the whole shows.

use super::table;
use crate::kind::{Crowd, Demands, Mistake};
use crate::model::{At, Impact};
use crate::reader::{Dur, Many, Sp, With};
use crate::words::{Expect, Path, Request, Status};
use schemars::JsonSchema;
use serde::Deserialize;
use std::time::Duration;

/// The request that takes a slot, and the keys beside those of a request.
pub(super) type Spec = With<Request, Limits>;

/// Keys of `concurrency-limit` beside those of its request.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Limits {
    /// How many at once are promised, from 1 to 5000.
    pub(super) limit: Sp<u32>,
    /// What holds a slot: the request until it is answered (`requests`), or the job that it starts (`jobs`). Default: requests.
    #[serde(default)]
    pub(super) counts: Option<Sp<Counts>>,
    /// JSONPath of the job's id in the answer, for `${id}` in `outcome` and `cancel`. Needed with `counts: jobs`.
    #[serde(default)]
    pub(super) id: Option<Sp<Path>>,
    /// How the state of a job is told. Needed with `counts: jobs`.
    #[serde(default)]
    pub(super) outcome: Option<With<Request, Outcome>>,
    /// The request that ends a job; sent for every one as soon as it has served its purpose. Default: none, they are waited for.
    #[serde(default)]
    pub(super) cancel: Option<Request>,
    /// What is answered beyond the limit, such as 429. Declares `limit/status`. Default: any 4xx or 503, or a wait (of jobs: in a state that
    /// `outcome.waiting` names).
    #[serde(default)]
    pub(super) refused: Option<Sp<Status>>,
    /// How many processes share the work, where each has the limit for itself. Default: one.
    #[serde(default)]
    pub(super) replicas: Option<Replicas>,
    /// A request that must be answered well while all slots are held, such as `{ get: /health }`. Declares `limit/alive`.
    #[serde(default)]
    pub(super) alive: Option<With<Request, Alive>>,
    /// Where it is counted what was begun. Declares `limit/no-effect`.
    #[serde(default)]
    pub(super) effect: Option<With<Request, Effect>>,
    /// A request that takes a slot and fails, for case `failure` of `limit/returns`.
    #[serde(default)]
    pub(super) fails: Option<Request>,
}

/// What holds a slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Counts {
    /// The request, until it is answered.
    #[default]
    Requests,
    /// The job that it starts, until that has ended.
    Jobs,
}

/// Keys of `outcome` beside those of its request.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Outcome {
    /// JSONPath of the state.
    pub(super) at: Sp<Path>,
    /// States in which a job has ended well.
    pub(super) done: Many<String>,
    /// States in which it has ended badly. Default: none.
    #[serde(default)]
    pub(super) failed: Option<Many<String>>,
    /// States in which a job that was accepted waits for a slot and holds none, such as `queued`. Default: none, every job holds its slot from
    /// the moment when it is accepted.
    #[serde(default)]
    pub(super) waiting: Option<Many<String>>,
    /// Longest life of a job. Default: 60s.
    #[serde(default)]
    pub(super) within: Option<Sp<Dur>>,
    /// Time between two looks. Default: 50ms.
    #[serde(default)]
    pub(super) every: Option<Sp<Dur>>,
}

/// Keys of `replicas`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Replicas {
    /// How many there are.
    pub(super) count: Sp<u32>,
    /// The header by which each names itself: then the limit of each is judged. Default: none, the sum is.
    #[serde(default)]
    pub(super) header: Option<String>,
}

/// Keys of `alive` beside those of its request.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Alive {
    /// Longest time to its answer. Default: 1s.
    #[serde(default)]
    pub(super) within: Option<Sp<Dur>>,
    /// What the answer is. Default: 200.
    #[serde(default)]
    pub(super) expect: Option<Expect>,
}

/// Keys of `effect` beside those of its request.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Effect {
    /// JSONPath of a number, or of what is counted: the elements of a list, or the nodes that it selects.
    pub(super) at: Sp<Path>,
}

/// The highest limit that can be judged: twice as many connections, and some, are opened at once.
const MOST: u32 = 5000;
/// What three waves, aborts and waits of an ordinary service take; a check that needs more says `timeout`.
const CERTAIN: Duration = Duration::from_secs(110);
/// Longest life of a job where the suite says nothing.
const LIFE: Duration = Duration::from_secs(60);

impl Limits {
    /// The promised number, `k` from here on.
    pub(super) fn k(&self) -> u32 {
        self.limit.value
    }

    pub(super) fn counts_jobs(&self) -> bool {
        self.counts.is_some_and(|counts| counts.value == Counts::Jobs)
    }

    /// How many processes have that limit each.
    pub(super) fn replicas(&self) -> u32 {
        self.replicas.as_ref().map_or(1, |r| r.count.value.max(1))
    }

    /// The header, in lower case, by which processes name themselves; the usual one where nothing is said, for people only.
    pub(super) fn replica_header(&self) -> String {
        self.replicas.as_ref().and_then(|r| r.header.as_ref()).map_or_else(|| "x-instance-id".to_owned(), |h| h.to_ascii_lowercase())
    }

    /// Whether each process is judged by itself.
    pub(super) fn tells_replicas_apart(&self) -> bool {
        self.replicas.as_ref().is_some_and(|r| r.header.is_some())
    }

    /// How many are sent in the wave far beyond the limit.
    pub(super) fn overload(&self) -> u32 {
        self.in_all().saturating_mul(2).saturating_add(10)
    }

    /// How many all processes take together.
    pub(super) fn in_all(&self) -> u32 {
        self.k().saturating_mul(self.replicas())
    }

    /// What a refusal is, for people.
    pub(super) fn shown_refused(&self) -> String {
        self.refused.as_ref().map_or_else(|| "4xx or 503".to_owned(), |status| status.value.to_string())
    }

    fn requests(&self) -> impl Iterator<Item = &Request> {
        let outcome = self.outcome.as_ref().map(|o| &o.a);
        let alive = self.alive.as_ref().map(|a| &a.a);
        let effect = self.effect.as_ref().map(|e| &e.a);
        [outcome, self.cancel.as_ref(), alive, effect, self.fails.as_ref()].into_iter().flatten()
    }
}

impl Outcome {
    pub(super) fn within(&self) -> Duration {
        self.within.map_or(LIFE, |d| d.value.0)
    }

    pub(super) fn every(&self) -> Duration {
        self.every.map_or(Duration::from_millis(50), |d| d.value.0)
    }

    fn states(&self) -> impl Iterator<Item = &String> {
        let more = [&self.failed, &self.waiting];
        self.done.iter().chain(more.into_iter().flatten().flat_map(|states| states.iter()))
    }
}

impl Alive {
    pub(super) fn within(&self) -> Duration {
        self.within.map_or(Duration::from_secs(1), |d| d.value.0)
    }
}

/// Connections that are kept free beside a wave: for health, states and counts.
pub(super) const BESIDE: u32 = 2;

/// The name that stands for the id of a job in `outcome` and `cancel`.
pub(super) const ID: &str = "id";

/// What the plan must know, from the spec alone.
pub(super) fn demands(spec: &Spec) -> Demands {
    let longest = spec.b.outcome.as_ref().and_then(|o| o.b.within).map_or(Duration::ZERO, |d| d.value.0);
    let mut demands = Demands { impact: Impact::Load, longest, certain: CERTAIN, mistakes: mistakes(spec), ..Demands::default() };
    demands.crowds.push(Crowd {
        clause: table::EXACT,
        connections: spec.b.overload().saturating_add(BESIDE),
        key: "limit",
        at: spec.b.limit.at,
    });
    for request in std::iter::once(&spec.a).chain(spec.b.requests()) {
        // The id is no capture of any check.
        demands.uses.extend(request.captures_used().into_iter().filter(|(name, _)| name != ID));
        demands.files.extend(request.files());
        demands.hosts.extend(request.absolute_host());
    }
    if let Some(expect) = spec.b.alive.as_ref().and_then(|a| a.b.expect.as_ref()) {
        demands.uses.extend(expect.captures_used());
        demands.files.extend(expect.files());
    }
    demands
}

fn mistakes(spec: &Spec) -> Vec<Mistake> {
    let mut all = Vec::new();
    let mut say = |at: At, what: &str, help: &str| all.push(Mistake { at, what: what.to_owned(), help: help.to_owned() });
    let limits = &spec.b;
    if !(1..=MOST).contains(&limits.k()) {
        say(limits.limit.at, "limit: expected a number from 1 to 5000", "write how many at once are promised");
    }
    if let Some(counts) = limits.counts.as_ref().filter(|_| limits.counts_jobs()) {
        if limits.id.is_none() {
            say(counts.at, "counts: jobs are known by their ids", "add `id: $.id`, where it stands in the answer");
        }
        if limits.outcome.is_none() {
            let help = "add `outcome: { get: \"/jobs/${id}\", at: $.state, done: [succeeded], failed: [failed] }`";
            say(counts.at, "counts: whether a job holds its slot is told by its state", help);
        }
    } else {
        let stray = [
            limits.id.as_ref().map(|id| (id.at, "id")),
            limits.outcome.as_ref().map(|o| (o.a.at(), "outcome")),
            limits.cancel.as_ref().map(|c| (c.at(), "cancel")),
        ];
        for (at, key) in stray.into_iter().flatten() {
            let what = format!("{key}: is about jobs, and here the requests are counted");
            say(at, &what, "say `counts: jobs`, or take it out");
        }
    }
    if let Some(outcome) = &limits.outcome {
        if outcome.b.done.is_empty() {
            say(outcome.b.at.at, "outcome.done: names no state", "such as `done: [succeeded]`");
        }
        if let Some(twice) = outcome.b.done.iter().find(|done| outcome.b.failed.iter().flat_map(|f| f.iter()).any(|failed| failed == *done))
        {
            say(outcome.b.at.at, &format!("outcome: `{twice}` is both done and failed"), "a job ends well or badly");
        }
        let is_end = |state: &String| outcome.b.done.iter().chain(outcome.b.failed.iter().flat_map(|f| f.iter())).any(|end| end == state);
        if let Some(both) = outcome.b.waiting.iter().flat_map(|w| w.iter()).find(|state| is_end(state)) {
            say(outcome.b.at.at, &format!("outcome: `{both}` is both an end and waiting"), "a job that waits has not ended");
        }
        if !outcome.a.is_repeatable() {
            let help = "use get, or say `repeatable: true`";
            say(outcome.a.at(), "outcome: its request may not be sent again, and the state is polled", help);
        }
        for (key, value) in [("within", outcome.b.within), ("every", outcome.b.every)] {
            if let Some(zero) = value.filter(|d| d.value.0.is_zero()) {
                say(zero.at, &format!("outcome.{key}: expected more than 0"), "write a time such as 30s, or take the key out");
            }
        }
        if outcome.b.states().any(String::is_empty) {
            say(outcome.b.at.at, "outcome: a state without a name", "name it as the service does");
        }
    }
    if let Some(refused) = limits.refused.as_ref().filter(|status| (200..400).any(|code| status.value.fits(code))) {
        say(refused.at, "refused: a success or a redirect is no refusal", "write the status, such as 429");
    }
    if let Some(count) = limits.replicas.as_ref().map(|r| r.count).filter(|count| !(1..=64).contains(&count.value)) {
        say(count.at, "replicas.count: expected a number from 1 to 64", "leave `replicas` out where there is one");
    }
    for (key, request) in [("alive", limits.alive.as_ref().map(|a| &a.a)), ("effect", limits.effect.as_ref().map(|e| &e.a))] {
        if let Some(request) = request.filter(|r| !r.is_repeatable()) {
            say(request.at(), &format!("{key}: is asked several times"), "use get, or say `repeatable: true`");
        }
    }
    if let Some(zero) = limits.alive.as_ref().and_then(|a| a.b.within).filter(|d| d.value.0.is_zero()) {
        say(zero.at, "alive.within: expected more than 0", "write a time such as 1s, or take the key out");
    }
    all
}
