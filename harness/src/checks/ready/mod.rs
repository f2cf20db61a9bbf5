//! `ready`: it may be sent traffic. Readiness as orchestrators poll it, held against what callers then get.

mod judge;
mod look;
mod mention;
mod probe;
mod spec;
mod table;

pub use look::Observation;

use crate::kind::{Advice, CheckKind, Context, Demands, ProbeError, Round, Script, Told, Twin};
use crate::model::quantity::show_duration;
use crate::model::{Clause, ClauseId, Measurement, Reading};
use schemars::JsonSchema;
use serde::Deserialize;
use std::time::Duration;

/// The spec of a `ready` check: a request, and what is promised of its answer over time.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Ready {
    spec: spec::Spec,
}

impl CheckKind for Ready {
    const NAME: &'static str = "ready";
    const CLAUSE_PREFIX: &'static str = "ready";
    const DOC: &'static str = include_str!("doc.md");
    const CLAUSES: &'static [Clause] = table::CLAUSES;
    type Observation = Observation;

    fn demands(&self) -> Demands {
        spec::demands(&self.spec)
    }

    async fn probe(&self, round: &Round, cx: &Context, seen: &mut Observation) -> Result<(), ProbeError> {
        probe::probe(&self.spec, round, cx, seen).await
    }

    fn judge(&self, seen: &Observation) -> Vec<Reading> {
        judge::judge(&self.spec, seen)
    }

    fn tell(&self, seen: &Observation) -> Told {
        let Some(lag) = judge::lag(seen) else {
            let summary = match seen.waiting.last.last() {
                Some(last) => format!("not ready in {} polls, last {}", seen.waiting.count, last.seen.brief()),
                None => String::new(),
            };
            return Told { summary, measurements: Vec::new() };
        };
        let summary = match seen.waiting.not_ready {
            0 => format!("ready when first seen, {}", show_duration(lag.hi)),
            _ => format!("ready after {lag}, {} polls", seen.waiting.count),
        };
        Told { summary, measurements: Measurement::of_times("time_to_ready", &[lag]).into_iter().collect() }
    }

    fn advises(&self, seen: &Observation) -> Vec<Advice> {
        judge::strict::advice(seen)
    }

    fn control(&self, clause: ClauseId, twin: Twin) -> Option<Script> {
        let own = &self.spec.b;
        // A server of a script says nothing that `expect` could ask beside the code.
        if own.expect.is_some() || clause != table::BECOMES {
            return None;
        }
        match twin {
            Twin::Good => Some(Script::answering(200, "{\"status\":\"ready\"}", Duration::ZERO)),
            Twin::Bad if own.deadline() <= Duration::from_secs(1) => {
                let script = Script::answering(503, "{\"status\":\"not ready\"}", Duration::ZERO);
                Some(Script { costs: own.deadline() + Duration::from_millis(150), ..script })
            }
            Twin::Bad => None,
        }
    }
}
