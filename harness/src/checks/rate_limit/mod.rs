//! `rate-limit`: so many calls in a time and not one more, told truly, for whoever calls.

mod fields;
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

/// The spec of a `rate-limit` check: a call, how often it may be made in which time, and what is told of that.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct RateLimit {
    spec: spec::Spec,
}

impl CheckKind for RateLimit {
    const NAME: &'static str = "rate-limit";
    const CLAUSE_PREFIX: &'static str = "rate";
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
