//! `shutdown`: a service that is asked to end loses nothing that is in flight, and ends.

mod judge;
mod look;
mod probe;
mod spec;
mod table;

pub use look::Observation;

use crate::kind::{CheckKind, Context, Demands, ProbeError, Round, Told};
use crate::model::{Clause, Measurement, Reading};
use schemars::JsonSchema;
use serde::Deserialize;

/// The spec of a `shutdown` check: what is in flight when the service is asked to end, and how it is to end.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Shutdown {
    spec: spec::Spec,
}

impl CheckKind for Shutdown {
    const NAME: &'static str = "shutdown";
    const CLAUSE_PREFIX: &'static str = "shutdown";
    const DOC: &'static str = include_str!("doc.md");
    const CLAUSES: &'static [Clause] = table::CLAUSES;
    type Observation = Observation;

    fn demands(&self) -> Demands {
        spec::demands(&self.spec)
    }

    async fn probe(&self, round: &Round, cx: &Context, seen: &mut Observation) -> Result<(), ProbeError> {
        // Nothing of a shutdown can be looked at again: a second one would be another one.
        if round.number > 0 {
            return Ok(());
        }
        probe::probe(&self.spec, round, cx, seen).await
    }

    fn judge(&self, seen: &Observation) -> Vec<Reading> {
        judge::judge(&self.spec, seen)
    }

    fn tell(&self, seen: &Observation) -> Told {
        let ended = seen.exit.as_ref().map(|exit| exit.took);
        Told { summary: judge::summary(seen), measurements: Measurement::of_times("time_to_exit", ended.as_slice()).into_iter().collect() }
    }
}
