//! The clauses of `concurrency-limit`: one table from which schema, pages, `render`, `explain` and the plan are made.

use crate::model::{Clause, ClauseId, Declared, Impact};

pub(super) const EXACT: ClauseId = ClauseId("limit/exact");
pub(super) const STATUS: ClauseId = ClauseId("limit/status");
pub(super) const RETRY_AFTER: ClauseId = ClauseId("limit/retry-after");
pub(super) const RETURNS: ClauseId = ClauseId("limit/returns");
pub(super) const NO_EFFECT: ClauseId = ClauseId("limit/no-effect");
pub(super) const ALIVE: ClauseId = ClauseId("limit/alive");

const fn row(id: ClauseId, declared: Declared, sentence: &'static str, about: &'static str) -> Clause {
    Clause { id, declared, impact: Impact::Load, faults: &[], sentence, about }
}

pub(super) const CLAUSES: &[Clause] = &[
    row(
        EXACT,
        Declared::Always,
        "so many at once are admitted, and not one more",
        "Requests are held before their last byte on connections of their own and released in one loop. A wave counts only with a certificate that all of them met: the \
         last release lies before the first answer of an admitted one. Case `k`: none of as many as the limit is refused, three times. Case `k+1`: one is refused, or waits for \
         a second wave, also where it comes when the others are half-way, or near their end: a limit of how often work begins is none of how much is worked on. Case `2k+10`: exactly the limit is \
         admitted. Both three times where that is soon done. What the service gives up while it is held before its last byte (408, or a lost connection) proves nothing. Where the job holds the slot: all accepted jobs are unfinished once the last request is answered, and case \
         `next`: one more is accepted as soon as one of them ends. A job that waits in a state of its own (`outcome.waiting`) holds no slot. Three waves that are wrong break it; one or two of twelve are told as a doubt.",
    ),
    row(
        STATUS,
        Declared::Key("refused"),
        "what is refused is refused at once, by the declared status",
        "Every refusal of the waves beyond the limit is looked at. Another status is bad; so is a request that waits in silence where it is to be refused, and a refusal that \
         comes only after a quarter of the time that the work takes (at least 250 ms, at most 500 ms). The third bad one fails; one or two are told as a doubt.",
    ),
    row(
        RETRY_AFTER,
        Declared::Promise,
        "a refusal says when to come again, and that is true",
        "Case `header`: every refusal has a Retry-After (RFC 9110 §10.2.3) of more than zero seconds, or a date after its own; another one is proof. Case `honest`: with all slots \
         held, a request that comes after a quarter of that time is refused, and one that comes just after it is accepted; what cannot be written in less than one second is \
         not held against it. The third lie fails.",
    ),
    row(
        RETURNS,
        Declared::Promise,
        "every slot comes back: after success, failure and callers that hang up",
        "As many as the limit are admitted again, case `success`: after the waves that were served and refused; case `failure`: after three rounds of the request in `fails`, in the first of which each was seen to fail; case `abort`: after \
         five rounds of callers that go away, by closing and by reset, before their last byte, while they are worked on, and some while they wait for a slot. Three waves in which one is refused fail; of several processes five that do not reach all slots.",
    ),
    row(
        NO_EFFECT,
        Declared::Key("effect"),
        "what is refused leaves nothing behind",
        "The value at `effect.at` is read before and after a wave beyond the limit: a number, or how many there are. It may rise by as many as were accepted, and not by one \
         more. The third wave after which it did fails.",
    ),
    row(
        ALIVE,
        Declared::Key("alive"),
        "health stays green while all slots are held",
        "Asked on fresh connections while a wave far beyond the limit that kept it is held: an answer counts that was asked for after the last release and was there before the \
         first of the admitted ended. Another code, none, or one later than `within` is counted; the third fails.",
    ),
];
