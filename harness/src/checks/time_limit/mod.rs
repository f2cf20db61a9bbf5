//! `time-limit`: a caller who is slow, or says nothing at all, is cut off when it was declared.

mod judge;
mod look;
mod probe;
mod spec;
mod table;

pub use look::Observation;

use crate::kind::{CheckKind, Context, Demands, ProbeError, Round, Told};
use crate::model::{Clause, Reading};
use schemars::JsonSchema;
use serde::Deserialize;

/// The spec of a `time-limit` check: an ordinary request, and how long a caller may take for each part of one.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct TimeLimit {
    spec: spec::Spec,
}

impl CheckKind for TimeLimit {
    const NAME: &'static str = "time-limit";
    const CLAUSE_PREFIX: &'static str = "time";
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
        Told { summary: judge::summary(seen), measurements: Vec::new() }
    }
}
