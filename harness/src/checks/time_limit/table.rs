//! The clauses of `time-limit`: one table from which schema, pages, `render`, `explain` and the plan are made.

use crate::model::{Clause, ClauseId, Declared, Impact};

pub(super) const SERVED: ClauseId = ClauseId("time/served");
pub(super) const SLOW_HEADERS: ClauseId = ClauseId("time/slow-headers");
pub(super) const SLOW_BODY: ClauseId = ClauseId("time/slow-body");
pub(super) const IDLE: ClauseId = ClauseId("time/idle");

const fn row(id: ClauseId, declared: Declared, sentence: &'static str, about: &'static str) -> Clause {
    Clause { id, declared, impact: Impact::Load, faults: &[], sentence, about }
}

pub(super) const CLAUSES: &[Clause] = &[
    row(
        SERVED,
        Declared::Always,
        "an ordinary request is answered, before the slow ones and after them",
        "The request of the check is sent whole on a connection of its own and answered by a 2xx: case `before` anything else, case `after` all slow callers were cut or given up. Where `before` \
         fails nothing else is tried, and what it probably means is told: a login, a redirect, nothing that answers. Trouble that noise can make fails at the third time.",
    ),
    row(
        SLOW_HEADERS,
        Declared::Key("slow-headers"),
        "who does not come to the end of the head of a request is cut off in time",
        "Three connections each send the head of the request but for the empty line that ends it. Case `stopped`: then nothing more. Case `dripping`: then a byte of one more field, eight times \
         in the declared time; whoever begins his time anew with each byte holds a connection for ever. Cut off is: an answer such as 408 and a close, or a close. It is to come at the declared time, give or take \
         `give-or-take`; earlier, later or never is bad, and the third round with a bad one fails.",
    ),
    row(
        SLOW_BODY,
        Declared::Key("slow-body"),
        "who does not come to the end of a body is cut off in time",
        "Three connections each send a request and half of its body. Case `stopped`: then nothing more. Case `dripping`, where `dripping` says so: then a byte now and then. Judged as `time/slow-headers`. \
         An endpoint that answers without waiting for the body (a login, a 404, 200 to everything) leaves nothing to judge, and is told.",
    ),
    row(
        IDLE,
        Declared::Key("idle"),
        "a connection on which nothing is asked is closed in time, and not before",
        "Case `used`: three connections are each used for one request and then left alone. Case `unused`, with the key `unused`: three are opened and nothing is sent. Judged as `time/slow-headers`. \
         A connection that is closed early fails the next request of a caller who keeps it for as long as he was told; one that is never closed is held for ever by whoever forgot it.",
    ),
];
