//! `concurrency-limit`: so many at once are admitted and not one more, and every slot comes back.

mod books;
mod count;
mod judge;
mod look;
mod probe;
mod spec;
mod table;

pub use look::Observation;

use crate::kind::{Advice, CheckKind, Context, Demands, ProbeError, Round, Told};
use crate::model::{Clause, Reading};
use schemars::JsonSchema;
use serde::Deserialize;

/// The spec of a `concurrency-limit` check: the request that takes a slot, how many there are, and what is promised beyond them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ConcurrencyLimit {
    spec: spec::Spec,
}

impl CheckKind for ConcurrencyLimit {
    const NAME: &'static str = "concurrency-limit";
    const CLAUSE_PREFIX: &'static str = "limit";
    const DOC: &'static str = include_str!("doc.md");
    const CLAUSES: &'static [Clause] = table::CLAUSES;
    const LOCALS: &'static [&'static str] = &[spec::ID];
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

    async fn leave(&self, cx: &Context, seen: &mut Observation) {
        probe::leave(&self.spec, cx, seen).await;
    }

    fn tell(&self, seen: &Observation) -> Told {
        judge::tell(&self.spec, seen)
    }

    fn advises(&self, seen: &Observation) -> Vec<Advice> {
        judge::left(seen)
    }
}
