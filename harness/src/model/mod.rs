//! The words everyone speaks: places, clauses, readings, findings, verdicts, events. No I/O, no async.

pub mod at;
pub mod clause;
pub mod event;
pub mod excerpt;
pub mod finding;
pub mod interval;
pub mod outcome;
pub mod quantity;
pub mod reading;
pub mod record;
pub mod redact;
pub mod secret;
pub mod verdict;

pub use at::{At, Origin, Place, Source};
pub use clause::{Clause, ClauseId, Declared, FaultKind, Impact};
pub use event::Event;
pub use excerpt::Excerpt;
pub use finding::Finding;
pub use interval::Interval;
pub use outcome::{CheckId, ClauseOutcome, ClauseVerdict, Measurement, Outcome};
pub use quantity::{Rate, Size};
pub use reading::{Case, Found, Reading, Unseen, Want};
pub use record::Record;
pub use redact::Redactor;
pub use secret::Secret;
pub use verdict::{Severity, Verdict};
