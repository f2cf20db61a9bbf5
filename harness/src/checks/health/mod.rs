//! `health`: the process is up. Liveness as orchestrators and load balancers probe it.

mod judge;
mod look;
mod probe;
mod spec;
mod table;

pub use look::Observation;

use crate::kind::{CheckKind, Context, Demands, ProbeError, Round, Script, Told, Twin};
use crate::model::quantity::show_duration;
use crate::model::{Clause, ClauseId, Measurement, Reading};
use schemars::JsonSchema;
use serde::Deserialize;
use std::time::Duration;

/// The spec of a `health` check: a request, and what is promised of its answer.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Health {
    spec: spec::Spec,
}

impl CheckKind for Health {
    const NAME: &'static str = "health";
    const CLAUSE_PREFIX: &'static str = "health";
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
        let times = &seen.plain.times;
        let summary = match times.iter().map(|t| t.hi).max() {
            Some(slowest) => format!("{} connections, slowest {}", seen.plain.count(), show_duration(slowest)),
            None if seen.plain.count() > 0 => format!("{} connections, no answer", seen.plain.count()),
            None => String::new(),
        };
        Told { summary, measurements: Measurement::of_times("time_to_answer", times).into_iter().collect() }
    }

    fn control(&self, clause: ClauseId, twin: Twin) -> Option<Script> {
        // A server of a script answers one code and says nothing that `expect` could ask beside it.
        let declared = look::declared(&self.spec).one();
        if clause == table::CODE && self.spec.b.expects_more() {
            return None;
        }
        let good = |delay| Script::answering(declared, "{\"status\":\"ok\"}", delay);
        match (clause, twin) {
            (table::CODE, Twin::Good) => Some(good(Duration::ZERO)),
            (table::CODE, Twin::Bad) => Some(Script::answering(503, "{\"status\":\"down\"}", Duration::ZERO)),
            (table::FAST, Twin::Good) => Some(good(Duration::ZERO)),
            (table::FAST, Twin::Bad) => {
                let limit = self.spec.b.limit().filter(|l| *l <= Duration::from_millis(300))?;
                Some(good(limit + limit / 2 + Duration::from_millis(20)))
            }
            _ => None,
        }
    }
}
