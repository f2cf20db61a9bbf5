//! What a suite says of `transition`: keys, units, defaults, and the mistakes that only the whole shows.

use super::state::State;
use crate::kind::{Demands, Mistake};
use crate::model::{At, Impact};
use crate::reader::{Dur, Many, Sp, With};
use crate::words::{Capture, Expect, Path, Request};
use schemars::JsonSchema;
use serde::Deserialize;
use std::time::Duration;

/// Keys of `transition`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Spec {
    /// Where the state stands: a request, and a path into its JSON.
    pub(super) observe: With<Request, Observe>,
    /// The request that sets it moving. Default: none, it moves by itself.
    #[serde(default)]
    pub(super) trigger: Option<With<Request, Trigger>>,
    /// Values of the trigger's answer that the other requests use, as `${name}`.
    #[serde(default)]
    pub(super) capture: Capture,
    /// The states in their order, the last of which stays.
    pub(super) path: Vec<State>,
    /// States of the path that may be left out.
    #[serde(default)]
    pub(super) may_skip: Option<Many<State>>,
    /// States that must never be seen. Declares `transition/never`.
    #[serde(default)]
    pub(super) never: Option<Many<State>>,
    /// Deadline for the last state, from the trigger. Default: 30s.
    #[serde(default)]
    pub(super) within: Option<Sp<Dur>>,
    /// How long the last state must stay. Default: two more polls.
    #[serde(default)]
    pub(super) steady_for: Option<Sp<Dur>>,
    /// The whole path must be there to see: it begins with the first state. Default: false.
    #[serde(default)]
    pub(super) fresh: Option<Sp<bool>>,
    /// Least time that every state but the last lasts. With it a state that was left out is proven by polls that lie closer.
    #[serde(default)]
    pub(super) lasts_at_least: Option<Sp<Dur>>,
    /// A request that must succeed once the last state is reached.
    #[serde(default)]
    pub(super) works: Option<With<Request, Real>>,
    /// How far it is. Declares `transition/monotonic`.
    #[serde(default)]
    pub(super) progress: Option<Progress>,
}

/// Keys of `observe` beside those of its request.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Observe {
    /// JSONPath of the state, such as `$.state`.
    pub(super) at: Sp<Path>,
    /// Time between two polls. Default: 50ms, later a 40th of the time that has passed, at most 1s.
    #[serde(default)]
    pub(super) every: Option<Sp<Dur>>,
}

/// Keys of `trigger` beside those of its request.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Trigger {
    /// What its answer is. Default: any 2xx.
    #[serde(default)]
    pub(super) expect: Option<Expect>,
}

/// Keys of `works` and `progress.result` beside those of their request.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Real {
    /// What its answer is. Default: any 2xx.
    #[serde(default)]
    pub(super) expect: Option<Expect>,
}

/// Keys of `progress`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Progress {
    /// JSONPath of the progress in the answer of `observe`, such as `$.progress`.
    pub(super) at: Sp<Path>,
    /// The value at which it is complete. Default: 100.
    #[serde(default)]
    pub(super) complete: Option<Sp<f64>>,
    /// The request that gets the result.
    #[serde(default)]
    pub(super) result: Option<With<Request, Real>>,
}

/// Longest wait for one answer about the state.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// Longest wait for the result, and for the request of `works`.
pub(super) const REAL: Duration = Duration::from_secs(10);

impl Spec {
    pub(super) fn deadline(&self) -> Duration {
        self.within.as_ref().map_or(Duration::from_secs(30), |d| d.value.0)
    }

    pub(super) fn steady_for(&self) -> Duration {
        self.steady_for.as_ref().map_or(Duration::ZERO, |d| d.value.0)
    }

    pub(super) fn lasts(&self) -> Option<Duration> {
        self.lasts_at_least.as_ref().map(|d| d.value.0)
    }

    pub(super) fn is_fresh(&self) -> bool {
        self.fresh.as_ref().is_some_and(|f| f.value)
    }

    /// Place of the last state in the path.
    pub(super) fn last(&self) -> usize {
        self.path.len().saturating_sub(1)
    }

    /// Whether the state of this place may be left out.
    pub(super) fn may_skip(&self, place: usize) -> bool {
        self.may_skip.iter().flat_map(|m| m.iter()).any(|s| s.json == self.path[place].json)
    }

    /// The whole path for people.
    pub(super) fn shown_path(&self) -> String {
        self.path.iter().map(State::show).collect::<Vec<_>>().join(" -> ")
    }

    /// Whether the state can be looked at before the trigger was answered.
    pub(super) fn is_open_before(&self) -> bool {
        let names: Vec<&str> = self.capture.names().collect();
        !self.observe.a.captures_used().iter().any(|(used, _)| names.contains(&used.as_str()))
    }

    fn requests(&self) -> impl Iterator<Item = &Request> {
        let trigger = self.trigger.as_ref().map(|t| &t.a);
        let works = self.works.as_ref().map(|w| &w.a);
        let result = self.progress.as_ref().and_then(|p| p.result.as_ref()).map(|r| &r.a);
        [Some(&self.observe.a), trigger, works, result].into_iter().flatten()
    }

    fn expectations(&self) -> impl Iterator<Item = &Expect> {
        let trigger = self.trigger.as_ref().and_then(|t| t.b.expect.as_ref());
        let works = self.works.as_ref().and_then(|w| w.b.expect.as_ref());
        let result = self.progress.as_ref().and_then(|p| p.result.as_ref()).and_then(|r| r.b.expect.as_ref());
        [trigger, works, result].into_iter().flatten()
    }
}

impl Progress {
    pub(super) fn complete(&self) -> f64 {
        self.complete.as_ref().map_or(100.0, |c| c.value)
    }
}

/// What the plan must know, from the spec alone.
pub(super) fn demands(spec: &Spec) -> Demands {
    let mut demands = Demands {
        impact: Impact::Write,
        longest: longest(spec),
        gives: spec.capture.names().map(str::to_owned).collect(),
        mistakes: mistakes(spec),
        ..Demands::default()
    };
    for request in spec.requests() {
        demands.uses.extend(request.captures_used());
        demands.files.extend(request.files());
        demands.hosts.extend(request.absolute_host());
    }
    for expect in spec.expectations() {
        demands.uses.extend(expect.captures_used());
        demands.files.extend(expect.files());
    }
    demands
}

fn longest(spec: &Spec) -> Duration {
    let mut longest = spec.deadline() + spec.steady_for() + PATIENCE;
    let result = spec.progress.as_ref().and_then(|p| p.result.as_ref());
    for _ in spec.works.iter().chain(result) {
        longest += REAL;
    }
    longest
}

fn mistakes(spec: &Spec) -> Vec<Mistake> {
    let mut all = Vec::new();
    let mut say = |at: At, what: String, help: &str| all.push(Mistake { at, what, help: help.to_owned() });
    let every = &spec.observe.b.every;
    for (key, value) in
        [("within", &spec.within), ("steady-for", &spec.steady_for), ("lasts-at-least", &spec.lasts_at_least), ("observe.every", every)]
    {
        if let Some(duration) = value
            && duration.value.0.is_zero()
        {
            say(duration.at, format!("{key}: expected more than 0"), "write a time such as 2s, or take the key out");
        }
    }
    match spec.path.as_slice() {
        [] => {
            say(spec.observe.a.at(), "path: names no state".to_owned(), "name the states in their order, such as `[QUEUED, RUNNING, DONE]`")
        }
        [one] => say(one.at, "path: one state is no path".to_owned(), "name the states in their order, such as `[QUEUED, RUNNING, DONE]`"),
        _ => {}
    }
    for (i, state) in spec.path.iter().enumerate() {
        if spec.path[..i].iter().any(|before| before.json == state.json) {
            say(
                state.at,
                format!("path: `{}` stands twice", state.show()),
                "a path passes each state once; make a way there and back two checks",
            );
        }
    }
    for state in spec.may_skip.iter().flat_map(|m| m.iter()) {
        match spec.path.iter().position(|p| p.json == state.json) {
            None => say(state.at, format!("may-skip: `{}` is not in `path`", state.show()), "name states of the path"),
            Some(0) => say(
                state.at,
                format!("may-skip: `{}` is the first state, and looking may begin anywhere", state.show()),
                "take it out; `fresh: true` is what asks for the first state",
            ),
            Some(last) if last == spec.last() => {
                say(state.at, format!("may-skip: `{}` is the state that must be reached", state.show()), "take it out");
            }
            Some(_) => {}
        }
    }
    for state in spec.never.iter().flat_map(|n| n.iter()) {
        if spec.path.iter().any(|p| p.json == state.json) {
            say(state.at, format!("never: `{}` is in `path` too", state.show()), "a state is on the way or forbidden");
        }
    }
    if let Some(lasts) = &spec.lasts_at_least
        && lasts.value.0 >= spec.deadline()
    {
        say(lasts.at, "lasts-at-least: one state lasts longer than `within` gives for all".to_owned(), "make it shorter than `within`");
    }
    if !spec.observe.a.is_repeatable() {
        say(
            spec.observe.a.at(),
            "observe: its request may not be sent again, and the state is polled".to_owned(),
            "use get, or say `repeatable: true`",
        );
    }
    if spec.trigger.is_none()
        && let Some(rule) = spec.capture.iter().next()
    {
        say(rule.at, "capture: there is no trigger whose answer could give a value".to_owned(), "add `trigger: { post: /jobs }`");
    }
    if let Some(complete) = spec.progress.as_ref().and_then(|p| p.complete.as_ref())
        && (!complete.value.is_finite() || complete.value <= 0.0)
    {
        say(complete.at, "progress.complete: expected a number above 0".to_owned(), "leave it out: the default is 100");
    }
    all
}
