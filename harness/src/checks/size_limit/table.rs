//! The clauses of `size-limit`: one table from which schema, pages, `render`, `explain` and the plan are made.

use crate::model::{Clause, ClauseId, Declared, Impact};

pub(super) const ACCEPTS: ClauseId = ClauseId("size/accepts");
pub(super) const REFUSES: ClauseId = ClauseId("size/refuses");
pub(super) const EARLY: ClauseId = ClauseId("size/early");
pub(super) const ANSWER_ARRIVES: ClauseId = ClauseId("size/answer-arrives");
pub(super) const NO_TRACE: ClauseId = ClauseId("size/no-trace");
pub(super) const IN_SYNC: ClauseId = ClauseId("size/in-sync");
pub(super) const UNHARMED: ClauseId = ClauseId("size/unharmed");
pub(super) const EDGE: ClauseId = ClauseId("size/edge");

const fn row(id: ClauseId, declared: Declared, sentence: &'static str, about: &'static str) -> Clause {
    Clause { id, declared, impact: Impact::Load, faults: &[], sentence, about }
}

pub(super) const CLAUSES: &[Clause] = &[
    row(
        ACCEPTS,
        Declared::Always,
        "bodies up to the limit are taken, and stored as they were sent",
        "Bodies of 0, 1, limit - 1 and limit bytes, in every framing (cases `B/chunked`, …), are answered by 2xx. With `stored` what is stored must have the \
         sha256 of what was sent, within 3 s. Another answer, another hash, or a 2xx to a body whose rest is not read, is proof; no answer and 5xx are counted, and looked at again only where the request is \
         marked `repeatable`.",
    ),
    row(
        REFUSES,
        Declared::Always,
        "every larger body is refused with the declared status, in every framing",
        "Bodies of limit + 1, 2 x limit and 10 x limit bytes are answered by the declared status, 413 where nothing is said. A body that is taken, for \
         whichever clause it was sent, or another answer, is proof; no answer and 5xx are counted. Where it costs little, limit + 1 is sent five times. What the \
         environment's `limits.upload` does not leave room for is not sent, and not judged; without room for limit and limit + 1 the check is skipped.",
    ),
    row(
        EARLY,
        Declared::Promise,
        "the refusal comes before the body was read to its end",
        "The sender stops 64 KiB above the limit and, once all of that has left, waits 1.5 s: whoever refuses as soon as it can has done so by then. An answer that comes only once the rest \
         was sent is bad; the third one fails. A whole body that is invited by `100 Continue` and then refused is proof. How many bytes were acknowledged before a refusal is told from the kernel's own count where there is one.",
    ),
    row(
        ANSWER_ARRIVES,
        Declared::Promise,
        "20 of 20 plain clients see the refusal",
        "A plain client writes its whole body before it reads, and gives up when a write fails. A server that answers and closes on unread bytes resets the \
         connection under its own answer, and that client never sees why it failed. The server has to linger: read on for a while, or to the end. A reset behind \
         an answer that came once all was written is bad too. Another answer \
         than the declared one is no refusal.",
    ),
    row(
        NO_TRACE,
        Declared::Key("trace"),
        "refused bodies leave nothing behind",
        "A listing or gauges are read before bodies were refused, and must be what they were 3 s after: no entry, no job, no temporary file. One \
         difference is looked at again, with fresh refusals; the third one fails. What grows for as long without a refusal too is a doubt.",
    ),
    row(
        IN_SYNC,
        Declared::Promise,
        "the next request on the same connection is answered as a request",
        "Where the answer leaves the connection open, the rest of the body, which is made of requests, is sent, and then another request. An answer to what was not \
         asked, or that is another one than the same request has on a connection of its own, says that the body was read as a request: proof. A connection that \
         is closed with the answer is in order; one that is closed without a word only after more of the body came is a doubt.",
    ),
    row(
        UNHARMED,
        Declared::Promise,
        "three ordinary requests after a refusal are fine",
        "Right after a refusal three ordinary requests, each on a connection of its own, are answered as they should be. Where nothing was refused there is \
         nothing to judge.",
    ),
    row(
        EDGE,
        Declared::Key("find"),
        "the edge is measured, and lies at the declared limit",
        "The largest body that is taken and the smallest that is refused, one byte apart, found by bisection. With `limit` it must lie there; a limit that reads \
         MB (10^6) for MiB (2^20), or the other way round, is told. Without, the edge that is found stands for it.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_the_prefix_and_a_sentence_without_a_full_stop() {
        for clause in CLAUSES {
            assert!(clause.id.0.starts_with("size/"), "{}", clause.id);
            assert!(!clause.sentence.ends_with('.') && clause.about.ends_with('.'), "{}", clause.id);
        }
    }
}
