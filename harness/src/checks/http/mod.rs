//! `http`: any call, and what its answer must be.

mod judge;
mod probe;
mod spec;

pub use judge::Observation;
pub use spec::{Echo, Http};

use crate::kind::{CheckKind, Context, Demands, ProbeError, Round, Script, ScriptStep, Told, Twin};
use crate::model::{Clause, ClauseId, Declared, Impact, Reading};
use crate::words::Values;
use std::time::Duration;

pub(crate) const STATUS: ClauseId = ClauseId("http/status");
pub(crate) const HEADERS: ClauseId = ClauseId("http/headers");
pub(crate) const JSON: ClauseId = ClauseId("http/json");
pub(crate) const BODY: ClauseId = ClauseId("http/body");
pub(crate) const SCHEMA: ClauseId = ClauseId("http/schema");
pub(crate) const WITHIN: ClauseId = ClauseId("http/within");
pub(crate) const ECHOES: ClauseId = ClauseId("http/echoes");
pub(crate) const CAPTURE: ClauseId = ClauseId("http/capture");

/// Controls above this cost too much; the stall record alone decides then.
const CONTROL_LIMIT: Duration = Duration::from_millis(600);

impl CheckKind for Http {
    const NAME: &'static str = "http";
    const CLAUSE_PREFIX: &'static str = "http";
    const DOC: &'static str = include_str!("doc.md");
    const CLAUSES: &'static [Clause] = &[
        Clause {
            id: STATUS,
            declared: Declared::Always,
            impact: Impact::Read,
            faults: &[],
            sentence: "answers completely, with a declared status",
            about: "A complete, well-framed answer whose status is one of `expect.status` (default: any 2xx). Redirects are \
                    answers like any other unless `follow-redirects` is set. A refused connection, a timeout, a reset or a 5xx \
                    could be noise: a repeatable request is sent up to 60 times and the third bad answer fails. Any other \
                    status is proof at once.",
        },
        Clause {
            id: HEADERS,
            declared: Declared::Key("expect.headers"),
            impact: Impact::Read,
            faults: &[],
            sentence: "its headers are as declared",
            about: "Every entry of `expect.headers` holds. Names are compared without case; where a field is given more than \
                    once, every one of them must match, unless the matcher says `any`.",
        },
        Clause {
            id: JSON,
            declared: Declared::Key("expect.json"),
            impact: Impact::Read,
            faults: &[],
            sentence: "its JSON is as declared",
            about: "Every JSONPath (RFC 9535) of `expect.json` selects something and what it selects matches. Numbers are \
                    compared by value, exactly. A key that stands twice in an object is ambiguous and breaks the clause.",
        },
        Clause {
            id: BODY,
            declared: Declared::Key("expect.body"),
            impact: Impact::Read,
            faults: &[],
            sentence: "its body is as declared",
            about: "Every matcher of `expect.body` holds for the body after its content coding (gzip, br, deflate) is undone. As text \
                    it must be complete and valid UTF-8; `max-size` and `sha256` are of its bytes.",
        },
        Clause {
            id: SCHEMA,
            declared: Declared::Key("expect.schema"),
            impact: Impact::Read,
            faults: &[],
            sentence: "its body fits the JSON Schema",
            about: "The body is valid against the JSON Schema of a local file. References to other hosts are refused.",
        },
        Clause {
            id: WITHIN,
            declared: Declared::Key("expect.within"),
            impact: Impact::Read,
            faults: &[],
            sentence: "answers in time, to the last byte",
            about: "From the first byte of the dial (or of the request, on a connection that is reused) to the last byte of \
                    the body. A time is an interval: what this machine lost to stalls is taken off its lower end. It fails \
                    only if the lower end is over the limit three times, and holds only if the upper end is within it.",
        },
        Clause {
            id: ECHOES,
            declared: Declared::Key("echoes"),
            impact: Impact::Read,
            faults: &[],
            sentence: "gives back the ids it was sent",
            about: "`request-id`: the `x-request-id` of the request stands in the answer. `trace-id`: the trace id of the \
                    request's `traceparent` (W3C Trace Context) stands in `traceresponse` or `traceparent` of the answer.",
        },
        Clause {
            id: CAPTURE,
            declared: Declared::Key("capture"),
            impact: Impact::Read,
            faults: &[],
            sentence: "gives the values that later checks use",
            about: "Every entry of `capture` finds exactly one value in the answer.",
        },
    ];

    type Observation = Observation;

    fn demands(&self) -> Demands {
        spec::demands(self)
    }

    async fn probe(&self, round: &Round, cx: &Context, seen: &mut Observation) -> Result<(), ProbeError> {
        probe::probe(self, round, cx, seen).await
    }

    fn judge(&self, seen: &Observation) -> Vec<Reading> {
        judge::judge(self, seen)
    }

    fn tell(&self, seen: &Observation) -> Told {
        judge::tell(seen)
    }

    fn captures(&self, seen: &Observation) -> Values {
        seen.captured.clone()
    }

    fn control(&self, clause: ClauseId, twin: Twin) -> Option<Script> {
        let good = self.accepts_status();
        match (clause, twin) {
            (STATUS, Twin::Good) => Some(Script::answering(good, "{}", Duration::ZERO)),
            (STATUS, Twin::Bad) => Some(Script::always(ScriptStep::Reset)),
            (WITHIN, _) => {
                let limit = self.within().filter(|limit| *limit <= CONTROL_LIMIT)?;
                let delay = if twin == Twin::Good { Duration::ZERO } else { limit + (limit / 2).max(Duration::from_millis(30)) };
                Some(Script::answering(good, "{}", delay))
            }
            _ => None,
        }
    }
}
