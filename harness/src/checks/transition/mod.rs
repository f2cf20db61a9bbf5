//! `transition`: a state moves along the declared path, settles in time, and tells no lies on the way.

mod judge;
mod look;
mod probe;
mod spec;
mod state;
mod table;

pub use look::Observation;

use crate::kind::{CheckKind, Context, Demands, ProbeError, Round, Told};
use crate::model::{Clause, Measurement, Reading};
use crate::words::Values;
use schemars::JsonSchema;
use serde::Deserialize;

/// The spec of a `transition` check: where the state stands, what sets it moving, and the path that it takes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Transition {
    spec: spec::Spec,
}

impl CheckKind for Transition {
    const NAME: &'static str = "transition";
    const CLAUSE_PREFIX: &'static str = "transition";
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
        let took = judge::settled_after(&self.spec, seen);
        Told {
            summary: judge::summary(seen, took),
            measurements: Measurement::of_times("time_to_settle", took.as_slice()).into_iter().collect(),
        }
    }

    fn captures(&self, seen: &Observation) -> Values {
        seen.captured.clone()
    }
}
