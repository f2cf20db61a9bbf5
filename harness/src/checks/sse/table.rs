//! The clauses of `sse`: one table from which schema, pages, `render`, `explain` and the plan are made.

use crate::model::{Clause, ClauseId, Declared, Impact};

pub(super) const TYPE: ClauseId = ClauseId("sse/type");
pub(super) const UTF8: ClauseId = ClauseId("sse/utf8");
pub(super) const OPENS: ClauseId = ClauseId("sse/opens");
pub(super) const HEARTBEAT: ClauseId = ClauseId("sse/heartbeat");
pub(super) const TIMELY: ClauseId = ClauseId("sse/timely");
pub(super) const FRAMED: ClauseId = ClauseId("sse/framed");
pub(super) const ORDERED: ClauseId = ClauseId("sse/ordered");
pub(super) const IDENTIFIED: ClauseId = ClauseId("sse/identified");
pub(super) const REPLAY: ClauseId = ClauseId("sse/replay");
pub(super) const STALE: ClauseId = ClauseId("sse/stale");
pub(super) const ENDS: ClauseId = ClauseId("sse/ends");
pub(super) const FAN_OUT: ClauseId = ClauseId("sse/fan-out");
pub(super) const SLOW: ClauseId = ClauseId("sse/slow-consumer");
pub(super) const CLEANS_UP: ClauseId = ClauseId("sse/cleans-up");
pub(super) const PRIVATE: ClauseId = ClauseId("sse/private");

/// The clauses that are judged from the events of driven jobs on streams that nobody cuts.
pub(super) const LIVE: &[ClauseId] = &[TIMELY, ORDERED, IDENTIFIED, ENDS];

const fn row(id: ClauseId, declared: Declared, impact: Impact, sentence: &'static str, about: &'static str) -> Clause {
    Clause { id, declared, impact, faults: &[], sentence, about }
}

pub(super) const CLAUSES: &[Clause] = &[
    row(
        TYPE,
        Declared::Always,
        Impact::Read,
        "200 and `text/event-stream`, and then lines that a client can read",
        "With anything else a browser gives up for good and never reconnects: another code or type is proof. Trouble on the way, a 5xx, 408 or 429 could be noise: it is \
         counted over up to 60 more streams, and the third fails. What comes after the head is case `stream`: a line without an end (over 1 MiB and a little, and as long as `framed` needs where it is declared), an event over 16 MiB, \
         `retry: 0`, which makes every client hammer the service, and a body that is cut off or badly framed.",
    ),
    row(
        UTF8,
        Declared::Always,
        Impact::Read,
        "every stream is valid UTF-8 across all cuts",
        "The parser reads the bytes of all streams of this check, and a character may lie across any two chunks. One invalid sequence is proof: clients put U+FFFD in its \
         place and tell nobody. Where no byte came at all there is nothing to read: it is told as not judged, and that is no skip.",
    ),
    row(
        OPENS,
        Declared::Key("open-within"),
        Impact::Read,
        "the headers come in time, also when no event is due",
        "Five fresh connections, one after the other, each timed from the dial to the whole head. A service that sends its headers with the first event leaves clients that do \
         not know whether they are connected. Beyond the limit counts as bad, a limit inside the interval is measured again.",
    ),
    row(
        HEARTBEAT,
        Declared::Key("heartbeat-within"),
        Impact::Read,
        "a stream is never silent for longer, and beats with comments, not events",
        "A stream on which nothing is due is watched until three silences were measured, each an interval between two reads. One longer than `heartbeat-within`, or than half \
         of `idle-timeout` (60s: what common proxies cut), is bad; the third fails. A heartbeat that is an event reaches every handler of every client: proof.",
    ),
    row(
        TIMELY,
        Declared::Key("timely-within"),
        Impact::Write,
        "events arrive when they are produced, each by itself",
        "Jobs are driven and the first event of each is waited for, on a plain stream (case `direct`) and on one that offers gzip (case `gzip`). Its delay lies between the \
         time from the answer of the submit and the time from its sending; the 99th percentile must be within the limit. Cases `…/batch`: of pairs of events that were produced \
         over 100 ms apart, the share that arrived under 5 ms apart; above 0.2 of 20 pairs or more is a buffer, whatever the headers say. Pairs during a stall of this machine do not count.",
    ),
    row(
        FRAMED,
        Declared::Key("framed"),
        Impact::Write,
        "payloads of any text and size arrive whole",
        "Payloads with line feeds, carriage returns, a leading space, colons, multi-byte characters and 64 KiB, 1 MiB and the declared size are sent by a job each, and must come \
         back, byte for byte, in the text at `payload` in the JSON of its event. One that differs is proof, and the first difference is told.",
    ),
    row(
        ORDERED,
        Declared::Key("identify.order"),
        Impact::Write,
        "every stream tells every event of the driven jobs, in their order",
        "The ledger of acknowledged jobs is the truth. A job without one event once the stream has drained, a hole in the sequence of a job, an event that one subscriber got \
         and the other did not: lost, and proof. An event that comes after one of a higher order is proof of a wrong order. Event ids that are no numbers have no order that could be held.",
    ),
    row(
        IDENTIFIED,
        Declared::Key("identify.order"),
        Impact::Write,
        "every event of the driven jobs has an id of its own",
        "Without an id of its own an event cannot be resumed after. With `order: event-id` each event carries an `id:` line and no id stands on two events; with a path, each \
         has its sequence number, and none stands twice in one job.",
    ),
    row(
        REPLAY,
        Declared::Key("cuts"),
        Impact::Write,
        "after each cut a client gets exactly the rest",
        "While jobs are driven one client is cut off again and again at random points, in the middle of events too, and comes back with the id of the last event it was given. \
         What it got over all its connections is held against a witness that nobody cuts: a gap, an event twice, a wrong order is proof, and it is told whether that was at a seam. Fewer than \
         the declared cuts with events on both sides prove nothing, nor do cuts during which nothing was produced: three of them at least, or a quarter of few, must have had an event in them.",
    ),
    row(
        STALE,
        Declared::Key("stale"),
        Impact::Read,
        "an id that cannot be resumed after is answered by a signal",
        "Each id is sent as Last-Event-ID. A 4xx, 204 or an event of a name in `resync` as the first one is a signal. A stream that goes on as if nothing were missing leaves \
         a client with a hole that it cannot see: proof.",
    ),
    row(
        ENDS,
        Declared::Key("ends-with"),
        Impact::Write,
        "each job ends with exactly one terminal event, after all progress",
        "None once the stream has drained, two, or any event of the job after it: proof; so is progress that goes back (`progress`). Case `result`: it is asked for the moment \
         the terminal event arrives. Case `per-job`: the job's own stream ends after its terminal event, and a reconnect to it is answered 204. Case `failing`: a job that fails says so by an event, and not by an end.",
    ),
    row(
        FAN_OUT,
        Declared::Key("fan-out"),
        Impact::Load,
        "many subscribers at once all get every event, at about the same time",
        "So many streams are opened, and then jobs are driven. Case `all`: an event that one subscriber got and another did not is proof, and so is a job of which nobody heard. A \
         stream that does not open or ends meanwhile is bad. Case `skew`, where `skew-within` is given: from the first subscriber that gets an event to the one in the 99th percentile; \
         one event of a hundred may be later. Events during a stall of this machine do not count.",
    ),
    row(
        SLOW,
        Declared::Key("slow-consumer"),
        Impact::Load,
        "a subscriber that does not read holds up nobody, costs little, and knows what it missed",
        "Payloads flow, one after the other, some without it and then over 4 MiB past it. Case `others`: a subscriber beside it gets its events as before; three that take three times as \
         long as the longest before, and 500 ms longer, are proof, and so is one that comes only once the slow one has gone. Case `memory`: the gauge grows by no more than is declared. \
         Case `slow`: what does not read is `evicted`, so that its stream ends, or `lossless`, so that it gets everything once it reads. An event lost on a stream that stays open is proof.",
    ),
    row(
        CLEANS_UP,
        Declared::Key("cleans-up"),
        Impact::Load,
        "streams that are left are forgotten",
        "Half of the streams are closed and half are reset, fifty at a time. The gauge must rise while they are open, else it does not count them, and come back within `within` to where it was. \
         A service that keeps those who left writes to them for ever, until it has no memory left: proof. It runs alone on its target; a difference under a fifth may be somebody else's, unless it comes in both ways.",
    ),
    row(
        PRIVATE,
        Declared::Key("private"),
        Impact::Read,
        "who may not read is refused before the stream opens",
        "Without a token, with an expired one, with one that nobody gave out, and with another tenant's for a job of ours: 401 or 403 (404 for the job). 200 and then an event that \
         says no is proof: clients take it for a stream, and come back for ever. Case `other`: while our jobs are driven another tenant's own stream tells nothing of them; one event is proof.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_the_prefix_and_a_sentence_without_a_full_stop() {
        for clause in CLAUSES {
            assert!(clause.id.0.starts_with("sse/"), "{}", clause.id);
            assert!(!clause.sentence.ends_with('.') && clause.about.ends_with('.'), "{}", clause.id);
        }
    }
}
