//! The contract of a kind: it probes what a round asks for, adds to what was seen, and reads it clause by clause.
//!
//! A kind never says pass or fail, never retries and never reads a clock. Everything that makes verdicts
//! trustworthy exists once, in `run`: escalation, guard bands, controls, deadlines.

mod context;
mod dawdle;
mod demands;
#[cfg(test)]
pub(crate) mod faulty;
mod ids;
mod job;
mod leak;
mod open;
mod push;
mod retry_after;
mod round;
mod salvo;
mod says;
mod script;
mod seen;
mod stand;
mod stopwatch;
#[cfg(test)]
pub(crate) mod testing;
mod trace;

pub use context::{Call, Context, How, Setting, Target};
pub use dawdle::{Cut, Dawdler};
pub use demands::{Asked, Crowd, Demands, Mistake, Scope};
pub use job::{Job, Jobs};
pub use leak::Leak;
pub use open::Opened;
pub use push::{PushCall, Shape};
pub use retry_after::RetryAfter;
pub use round::Round;
pub use salvo::{Flown, Salvo, Shot};
pub use says::Says;
pub use script::{Script, Step as ScriptStep, Twin};
pub use seen::{Seen, Snag, Weight};
pub use stand::{Bare, BoxFuture, Exit, FaultError, Lease, Signal, Stand, Unavailable, Unwell};
pub use stopwatch::{Stalls, Stopwatch, Timed};
pub use trace::{NoTraceParent, TraceParent};

use crate::model::{Case, Clause, ClauseId, Measurement, Reading};
use crate::words::Values;
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};

/// One kind of check: its spec (this type, read from YAML), its table of clauses, its probe and its judge.
pub trait CheckKind: DeserializeOwned + JsonSchema + Send + Sync + 'static {
    /// The key in a suite: `health`.
    const NAME: &'static str;
    /// What clause ids begin with: `health` of `health/fast`. Not always the name (`limit` of `concurrency-limit`).
    const CLAUSE_PREFIX: &'static str;
    /// The user's page, Markdown.
    const DOC: &'static str;
    /// The table that ties key, clause, impact and sentence, in the order in which reports show the clauses.
    const CLAUSES: &'static [Clause];
    /// Names to which the kind itself gives a value while it runs, such as `id` of a job that it made: `${id}` may stand in its spec.
    const LOCALS: &'static [&'static str] = &[];

    /// What the probes saw: bounded, one field per experiment; it is the evidence.
    type Observation: Default + Serialize + DeserializeOwned + Send + Sync;

    /// What this check needs and does, from the spec alone: for lint, list and plan. Pure.
    fn demands(&self) -> Demands;

    /// The only I/O of a kind. Does what `round` wants and adds it to `seen`.
    ///
    /// Dropping the future at any await point must leave `seen` readable: what was seen until a deadline is judged.
    ///
    /// # Errors
    /// [`ProbeError`] only where the harness itself failed (no sample file, no file descriptors). What the service
    /// does, however bad, is an observation.
    fn probe(&self, round: &Round, cx: &Context, seen: &mut Self::Observation) -> impl Future<Output = Result<(), ProbeError>> + Send;

    /// Undoes what the probe began and had no time to undo. The core asks once, when no round will follow, also after a deadline, an interrupt
    /// or a panic, and gives it a few seconds; it does not ask where a single-shot kind is polled. Its future may be dropped at any await point too: `seen` then tells what is left.
    fn leave(&self, _cx: &Context, _seen: &mut Self::Observation) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }

    /// Reads all that was seen over all rounds, clause by clause. Pure. A clause that the round wanted and of which
    /// nothing was seen gives [`crate::model::Found::Unseen`].
    fn judge(&self, seen: &Self::Observation) -> Vec<Reading>;

    /// One line for the screen and the numbers for the record. Pure.
    fn tell(&self, seen: &Self::Observation) -> Told;

    /// What is worth knowing and no fault by itself: told as advisory beside the clause, whatever its verdict. Pure.
    fn advises(&self, _seen: &Self::Observation) -> Vec<Advice> {
        Vec::new()
    }

    /// The values that this check gives to the checks that need it.
    fn captures(&self, _seen: &Self::Observation) -> Values {
        Values::default()
    }

    /// A small server, as data, that keeps or breaks this clause: run before a clause is blamed on the service.
    /// `None`: no control can be made; then the stall record alone decides.
    fn control(&self, _clause: ClauseId, _twin: Twin) -> Option<Script> {
        None
    }
}

/// What a check tells beside its readings.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// `5 connections, slowest 3 ms`; empty if there is nothing worth a line.
    pub summary: String,
    /// What was measured.
    pub measurements: Vec<Measurement>,
}

/// Something about a clause that changes no verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// The clause that it is about; not told where that is not asked for.
    pub clause: ClauseId,
    /// The case within it.
    pub case: Case,
    /// What was seen, without a full stop.
    pub what: String,
}

/// The harness itself failed: a sample is missing, this machine is out of descriptors. Never the service's fault.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct ProbeError(pub String);

/// The generic door through which upper floors call code that knows the kind's type.
pub trait Visit<'a> {
    /// What comes back.
    type Out;
    /// Called with the kind inside.
    fn visit<K: CheckKind>(self, kind: &'a K) -> Self::Out;
}

/// The same door where only the type matters: its name, table, page and schema.
pub trait VisitType {
    /// What comes back.
    type Out;
    /// Called with the kind's type.
    fn visit<K: CheckKind>(&mut self) -> Self::Out;
}
