//! `command`: any program, and what it must say. Only where the environment allows programs to be started.

mod child;
mod judge;
mod probe;
mod spec;
mod table;

pub use judge::Observation;

use crate::kind::{CheckKind, Context, Demands, ProbeError, Round, Told};
use crate::model::quantity::show_duration;
use crate::model::{Clause, Measurement, Reading};
use schemars::JsonSchema;
use serde::Deserialize;

/// The spec of a `command` check: a program, and what is promised of its end and its output.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Command {
    spec: spec::Spec,
}

impl CheckKind for Command {
    const NAME: &'static str = "command";
    const CLAUSE_PREFIX: &'static str = "command";
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
        let times: Vec<_> = seen.runs.iter().map(|run| run.took).collect();
        let summary = seen.runs.last().map(|run| format!("{} in {}", run.how(), show_duration(run.took.hi))).unwrap_or_default();
        Told { summary, measurements: Measurement::of_times("time", &times).into_iter().collect() }
    }
}
