//! What a suite says of `health`: keys, units, defaults, and the mistakes that only the whole shows.

use super::table;
use crate::kind::{Crowd, Demands, Mistake};
use crate::model::{At, FaultKind};
use crate::reader::{Dur, Many, Sp, With};
use crate::words::{Expect, Part, Request};
use schemars::JsonSchema;
use serde::Deserialize;
use std::time::Duration;

/// The request of the probe, and what is promised of it.
pub(super) type Spec = With<Request, Own>;

/// Keys of `health` beside those of a request.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Own {
    /// Longest time for one answer on a fresh connection, from the dial to the last byte. Declares `health/fast`. No default.
    #[serde(default)]
    pub(super) within: Option<Sp<Dur>>,
    /// Fresh connections in the first look. Default: 5, which sees a flaw of one in five in 67 % of runs; 20 see it in 98.8 %.
    #[serde(default)]
    pub(super) samples: Option<Sp<u32>>,
    /// What the answer is, judged by `health/code`. `status` is exactly 200 where nothing is said.
    #[serde(default)]
    pub(super) expect: Option<Expect>,
    /// Dependencies whose loss must not be noticed. Declares `health/independent`.
    #[serde(default)]
    pub(super) independent_of: Option<Many<Sp<String>>>,
    /// How long each outage lasts: at least 1.5 x period x threshold of the orchestrator's probe. Default: 5s.
    #[serde(default)]
    pub(super) outage: Option<Sp<Dur>>,
    /// Slow requests that are held while the probe is made. Declares `health/under-load`.
    #[serde(default)]
    pub(super) under_load: Option<With<Request, UnderLoad>>,
    /// Where gauges are read that must stay flat. Declares `health/no-growth`.
    #[serde(default)]
    pub(super) growth: Option<With<Request, Growth>>,
}

/// Keys of `under-load` beside those of the slow request.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct UnderLoad {
    /// How many requests the service works on at once. One more is held.
    pub(super) concurrency: Sp<u32>,
    /// Longest time for one answer meanwhile. Default: `within`, else 1s. It must be shorter than the slow request takes.
    #[serde(default)]
    pub(super) within: Option<Sp<Dur>>,
}

/// Keys of `growth` beside those of the request that reads the metrics (Prometheus text).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Growth {
    /// Names of gauges that must stay flat; samples of one name are added up. Default: `process_open_fds` and `process_threads`.
    #[serde(default)]
    pub(super) gauges: Option<Many<Sp<String>>>,
    /// Probes in each of the two blocks. Default: 200, least 50.
    #[serde(default)]
    pub(super) probes: Option<Sp<u32>>,
}

/// Most samples of a first look.
const MOST_SAMPLES: u32 = 1000;
/// Least probes of a block: below it a tenth of the probes is within the noise of a gauge.
const LEAST_PROBES: u32 = 50;

impl Own {
    pub(super) fn limit(&self) -> Option<Duration> {
        self.within.as_ref().map(|d| d.value.0)
    }

    pub(super) fn first_look(&self) -> u32 {
        self.samples.as_ref().map_or(5, |s| s.value)
    }

    /// Whether more is asked of the answer than its code.
    pub(super) fn expects_more(&self) -> bool {
        self.expect.as_ref().is_some_and(|e| e.counts().any(|(part, n)| part != Part::Status && n > 0))
    }

    /// How long one answer is waited for: long enough past the limit that too slow is told from never.
    pub(super) fn patience(&self) -> Duration {
        patience(self.limit())
    }

    /// The limit while slow requests are held.
    pub(super) fn loaded_limit(&self, load: &UnderLoad) -> Duration {
        load.within.as_ref().map(|d| d.value.0).or(self.limit()).unwrap_or(Duration::from_secs(1))
    }

    pub(super) fn outage(&self) -> Duration {
        self.outage.as_ref().map_or(Duration::from_secs(5), |d| d.value.0)
    }
}

impl Growth {
    pub(super) fn gauges(&self) -> Vec<&str> {
        match &self.gauges {
            Some(names) => names.iter().map(|n| n.value.as_str()).collect(),
            None => vec!["process_open_fds", "process_threads"],
        }
    }

    pub(super) fn probes(&self) -> u32 {
        self.probes.as_ref().map_or(200, |p| p.value)
    }
}

/// Twice the limit and a second more, at most a minute; 5 s where there is no limit.
pub(super) fn patience(limit: Option<Duration>) -> Duration {
    limit.map_or(Duration::from_secs(5), |l| (l * 2 + Duration::from_secs(1)).min(l + Duration::from_secs(60)))
}

/// The case of one outage: `db/blackhole`.
pub(super) fn outage_case(dependency: &str, fault: FaultKind) -> String {
    format!("{dependency}/{fault}")
}

/// What the plan must know, from the spec alone.
pub(super) fn demands(spec: &Spec) -> Demands {
    let (request, own) = (&spec.a, &spec.b);
    let mut demands = Demands { impact: request.impact(), longest: longest(own), mistakes: mistakes(spec), ..Demands::default() };
    let slow = own.under_load.as_ref().map(|l| &l.a);
    let metrics = own.growth.as_ref().map(|g| &g.a);
    for request in [Some(request), slow, metrics].into_iter().flatten() {
        demands.uses.extend(request.captures_used());
        demands.files.extend(request.files());
        demands.hosts.extend(request.absolute_host());
    }
    if let Some(expect) = &own.expect {
        demands.uses.extend(expect.captures_used());
        demands.files.extend(expect.files());
    }
    demands.crowds.extend(own.under_load.as_ref().map(|load| Crowd {
        clause: table::UNDER_LOAD,
        // One more than the service works on, and the probe beside them.
        connections: load.b.concurrency.value.saturating_add(2),
        key: "under-load.concurrency",
        at: load.b.concurrency.at,
    }));
    for name in own.independent_of.iter().flat_map(|m| m.iter()) {
        demands.faults.extend(table::OUTAGES.iter().map(|fault| (table::INDEPENDENT, name.value.clone(), *fault)));
    }
    demands
}

/// What the declared durations add up to: the first look, a silent service in it, and what each key adds.
fn longest(own: &Own) -> Duration {
    let patience = own.patience();
    let mut longest = own.limit().map_or(Duration::ZERO, |_| patience * own.first_look().min(MOST_SAMPLES));
    if let Some(names) = &own.independent_of {
        longest += (own.outage() + patience * 3) * u32::try_from(names.len() * table::OUTAGES.len()).unwrap_or(u32::MAX);
    }
    if let Some(load) = &own.under_load {
        longest += self::patience(Some(own.loaded_limit(&load.b))) * own.first_look().min(MOST_SAMPLES);
    }
    longest
}

fn mistakes(spec: &Spec) -> Vec<Mistake> {
    let own = &spec.b;
    let mut all = Vec::new();
    let mut say = |at: At, what: &str, help: &str| all.push(Mistake { at, what: what.to_owned(), help: help.to_owned() });
    if let Some(samples) = &own.samples {
        match samples.value {
            0 => say(samples.at, "samples: expected at least 1, got 0", "leave it out: the default is 5"),
            n if n > MOST_SAMPLES => say(
                samples.at,
                &format!("samples: expected at most {MOST_SAMPLES}, got {n}"),
                "20 see a flaw of one in five in 98.8 % of runs",
            ),
            _ => {}
        }
    }
    if let Some(within) = &own.within
        && within.value.0.is_zero()
    {
        say(within.at, "within: expected more than 0", "write what the orchestrator's probe waits, such as `within: 1s`");
    }
    if let Some(expect) = own.expect.as_ref().filter(|e| e.within().is_some()) {
        let what = "expect.within: says nothing here: how long an answer may take is `within`";
        say(expect.within_at(), what, "move `within` out of `expect`, beside the request");
    }
    if let Some(outage) = &own.outage
        && own.independent_of.is_none()
    {
        say(
            outage.at,
            "outage: says how long dependencies are lost, and none is named",
            "add `independent-of: [db]`, or take `outage` out",
        );
    }
    if let Some(names) = &own.independent_of {
        let mut before: Vec<&str> = Vec::new();
        for name in names.iter() {
            if before.contains(&name.value.as_str()) {
                say(name.at, &format!("independent-of: `{}` stands twice", name.value), "name each dependency once");
            }
            before.push(&name.value);
        }
    }
    if let Some(load) = &own.under_load {
        let concurrency = &load.b.concurrency;
        if !(1..=1000).contains(&concurrency.value) {
            say(
                concurrency.at,
                &format!("under-load.concurrency: expected 1 to 1000, got {}", concurrency.value),
                "how many requests the service works on at once",
            );
        }
    }
    if let Some(growth) = &own.growth {
        if let Some(probes) = &growth.b.probes
            && !(LEAST_PROBES..=10_000).contains(&probes.value)
        {
            say(
                probes.at,
                &format!("growth.probes: expected {LEAST_PROBES} to 10000, got {}", probes.value),
                "leave it out: the default is 200",
            );
        }
        if let Some(gauges) = &growth.b.gauges
            && gauges.is_empty()
        {
            say(At::default(), "growth.gauges: names no gauge", "leave it out: the default is [process_open_fds, process_threads]");
        }
    }
    if !spec.a.is_repeatable() {
        say(
            spec.a.at(),
            "its request may not be sent again, and liveness is probed again and again",
            "use get or head, or say `repeatable: true`",
        );
    }
    all
}
