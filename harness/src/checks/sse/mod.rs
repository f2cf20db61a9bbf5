//! `sse`: a stream that can be trusted. Its events arrive whole, in time and in order, and a client that was cut off misses nothing.

mod judge;
mod look;
mod probe;
mod spec;
mod table;

pub use look::Observation;

use crate::kind::{CheckKind, Context, Demands, ProbeError, Round, Script, Told, Twin};
use crate::model::{Clause, ClauseId, Reading};
use schemars::JsonSchema;
use serde::Deserialize;

/// The spec of an `sse` check: the request of a stream, what makes events, and what is promised of them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Sse {
    spec: spec::Spec,
}

impl CheckKind for Sse {
    const NAME: &'static str = "sse";
    const CLAUSE_PREFIX: &'static str = "sse";
    const DOC: &'static str = include_str!("doc.md");
    const CLAUSES: &'static [Clause] = table::CLAUSES;
    const LOCALS: &'static [&'static str] = &[spec::ID, spec::PAYLOAD];
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
        judge::tell(&self.spec, seen)
    }

    fn control(&self, clause: ClauseId, twin: Twin) -> Option<Script> {
        judge::control(&self.spec, clause, twin)
    }
}
