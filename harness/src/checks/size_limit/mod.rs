//! `size-limit`: bodies are taken up to a limit that is exact to the byte, and refused above it early, audibly and without a trace.

mod judge;
mod look;
mod probe;
mod show;
mod spec;
mod table;

pub use look::Observation;

use crate::kind::{Advice, CheckKind, Context, Demands, ProbeError, Round, Told};
use crate::model::{Clause, Reading};
use schemars::JsonSchema;
use serde::Deserialize;

/// The spec of a `size-limit` check: where bodies are sent, how large they may be, and how a larger one is refused.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct SizeLimit {
    spec: spec::Spec,
}

impl CheckKind for SizeLimit {
    const NAME: &'static str = "size-limit";
    const CLAUSE_PREFIX: &'static str = "size";
    const DOC: &'static str = include_str!("doc.md");
    const LOCALS: &'static [&'static str] = &[spec::ID];
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

    fn advises(&self, seen: &Observation) -> Vec<Advice> {
        judge::advice(seen)
    }

    fn tell(&self, seen: &Observation) -> Told {
        Told { summary: judge::summary(&self.spec, seen), measurements: judge::measurements(seen) }
    }
}
