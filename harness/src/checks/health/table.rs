//! The clauses of `health`: one table from which schema, pages, `render`, `explain` and the plan are made.

use crate::model::{Clause, ClauseId, Declared, FaultKind, Impact};

pub(super) const CODE: ClauseId = ClauseId("health/code");
pub(super) const FAST: ClauseId = ClauseId("health/fast");
pub(super) const INDEPENDENT: ClauseId = ClauseId("health/independent");
pub(super) const UNDER_LOAD: ClauseId = ClauseId("health/under-load");
pub(super) const OPEN: ClauseId = ClauseId("health/open");
pub(super) const FRESH: ClauseId = ClauseId("health/fresh");
pub(super) const BOUNDED: ClauseId = ClauseId("health/bounded");
pub(super) const AGREES: ClauseId = ClauseId("health/agrees");
pub(super) const NO_LEAK: ClauseId = ClauseId("health/no-leak");
pub(super) const NO_GROWTH: ClauseId = ClauseId("health/no-growth");

/// The faults of `health/independent`, the one that matters most first.
pub(super) const OUTAGES: &[FaultKind] = &[FaultKind::Blackhole, FaultKind::Refuse, FaultKind::Slow, FaultKind::Reset];

const fn row(id: ClauseId, declared: Declared, impact: Impact, sentence: &'static str, about: &'static str) -> Clause {
    Clause { id, declared, impact, faults: &[], sentence, about }
}

pub(super) const CLAUSES: &[Clause] = &[
    row(
        CODE,
        Declared::Always,
        Impact::Read,
        "exactly the declared status code and what `expect` asks, on every fresh connection, without a redirect",
        "Load balancers want 200 and nothing else, and an orchestrator takes a redirect to another host for success. So other 2xx and 3xx codes \
         are findings at the first sight, and so is a valid answer that is not what `expect` asks (case `expect`). A refused, reset or silent connection, a 5xx, 408 or 429 could be noise: they are counted over up to 60 \
         more fresh connections, and the third fails. Every answer to the plain request counts, whichever clause asked for it.",
    ),
    row(
        FAST,
        Declared::Key("within"),
        Impact::Read,
        "every fresh connection is answered within the limit",
        "Each sample dials anew and is timed from the dial to the last byte: an orchestrator has no warm connection either. A time is an interval \
         less the stalls of this machine; beyond the limit counts as bad, a limit inside the interval is measured again.",
    ),
    Clause {
        id: INDEPENDENT,
        declared: Declared::Key("independent-of"),
        impact: Impact::Disrupt,
        faults: OUTAGES,
        sentence: "stays up and fast for the whole outage of each declared dependency",
        about: "A liveness probe that asks a dependency turns an outage of that dependency into a restart of every replica. The outage that matters is \
                a black hole: refusing fails fast and hides an exhausted pool. Each loss is a case (`db/blackhole`) and lasts as long as `outage` says, with 40 samples \
                on fresh connections; the third bad one fails.",
    },
    row(
        UNDER_LOAD,
        Declared::Key("under-load"),
        Impact::Load,
        "stays within its limit on fresh connections while slow requests are held",
        "One request more than the declared concurrency is held open; only samples during which all of them were really in flight count. If liveness \
         waits for the same pool as the work, a busy service is restarted in the middle of it.",
    ),
    row(
        OPEN,
        Declared::Promise,
        Impact::Read,
        "the same answer with garbage authorization, any Accept, and the bare address as Host",
        "An orchestrator probes by address, without a token, with headers of its own. Each variant is held against the plain answer: the same code and \
         the same word for the state; for authorization and Host the same media type too.",
    ),
    row(
        FRESH,
        Declared::Promise,
        Impact::Read,
        "no-store or no-cache, never 304, never from a cache",
        "A cached 200 says what was true. Needs `Cache-Control: no-store` or `no-cache`; an `Age` above 0, a cache's own `HIT`, or a 304 to a conditional \
         request is proof.",
    ),
    row(
        BOUNDED,
        Declared::Promise,
        Impact::Read,
        "a body of at most 10 KiB, complete, of its declared type; HEAD gives the same code and no body",
        "Probes read whole bodies, and some keep only the first few kilobytes. The media type must be declared and be what the body is. HEAD must give the \
         code of GET and not one byte of a body: bytes after the head put a kept connection out of step (RFC 9110 §9.3.2).",
    ),
    row(
        AGREES,
        Declared::Promise,
        Impact::Read,
        "the status word in the body and the status code agree",
        "People read the body, machines the code. Known words for well and ill at the top level of the JSON (`status`, `state`, `health`, …) or as the whole \
         text are held against the code, in every state that was seen; one key twice with two words is a contradiction.",
    ),
    row(
        NO_LEAK,
        Declared::Promise,
        Impact::Read,
        "no secret, DSN, key, stack trace or host path in body or headers, in good and failing state",
        "The endpoint is open to all by design. The values of all secrets of the environment are searched for (plain, percent-, base64-, JSON- and \
         XML-escaped), and the looks of URLs with a password, keys, tokens, stack traces and paths of the host. One sighting is proof.",
    ),
    row(
        NO_GROWTH,
        Declared::Key("growth"),
        Impact::Load,
        "200 probes, twice, leave the named gauges flat",
        "The gauges are read before, between and after two blocks of probes; each is given time to settle. A gauge that rises in both blocks by a tenth of \
         the probes or more grows with them. It runs alone on its target, because only then is the growth its own.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_the_prefix_and_a_sentence_without_a_full_stop() {
        for clause in CLAUSES {
            assert!(clause.id.0.starts_with("health/"), "{}", clause.id);
            assert!(!clause.sentence.ends_with('.') && clause.about.ends_with('.'), "{}", clause.id);
        }
    }
}
