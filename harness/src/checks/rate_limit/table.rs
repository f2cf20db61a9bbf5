//! The clauses of `rate-limit`: one table from which schema, pages, `render`, `explain` and the plan are made.

use crate::model::{Clause, ClauseId, Declared, Impact};

pub(super) const QUOTA: ClauseId = ClauseId("rate/quota");
pub(super) const RETRY_AFTER: ClauseId = ClauseId("rate/retry-after");
pub(super) const FIELDS: ClauseId = ClauseId("rate/fields");
pub(super) const EDGE: ClauseId = ClauseId("rate/edge");
pub(super) const KEY: ClauseId = ClauseId("rate/key");

const fn row(id: ClauseId, declared: Declared, sentence: &'static str, about: &'static str) -> Clause {
    Clause { id, declared, impact: Impact::Load, faults: &[], sentence, about }
}

pub(super) const CLAUSES: &[Clause] = &[
    row(
        QUOTA,
        Declared::Always,
        "exactly the quota is admitted in a window, and the rest refused",
        "After a window of silence the quota and five calls more are made as fast as the environment allows, twice, a window apart. Case `admits`: as many as the quota are \
         admitted; a burst counts against the service only if all of it lay within less than one window. Case `refuses`: the rest is answered by the declared status. Case `lasts`: \
         after one of these bursts a call is made each twentieth of a window until it is nearly over, so that a window that is shorter than declared is seen. Three \
         bursts that are wrong, three refusals by another status, or three windows that are too short break it; one or two are a doubt.",
    ),
    row(
        RETRY_AFTER,
        Declared::Promise,
        "a refusal says when to come again, and that is true",
        "Case `header`: every refusal has a Retry-After (RFC 9110 §10.2.3) of more than zero seconds, or a date after its own; another one is proof. Case `honest`: with the quota \
         used up, a call that comes after a quarter of that time (of two seconds or more) is refused, and one that comes just after it is admitted, twice. The third lie fails.",
    ),
    row(
        FIELDS,
        Declared::Key("fields"),
        "the fields that tell what is left agree with what was measured",
        "Calls are made one after the other in a fresh window. `ratelimit`: RateLimit and RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers, in its older forms too); \
         `x-ratelimit`: X-RateLimit-Limit, -Remaining, -Reset. A field that is missing or tells no number, or another quota or window than is declared, is proof; the third remainder that is not one less than \
         the one before it, or reset that lies beyond the window, or a second before anything can be due, fails.",
    ),
    row(
        EDGE,
        Declared::Promise,
        "two bursts astride the edge of a window do not get more than the quota",
        "One call opens a window; late in it the rest of the quota is used up at once, and then one call after the other is made until a window has passed since that burst. Of a window that \
         slides, one is admitted: the place of the first. More than the quota in less than one window, by the longest distance that is possible, is bad, and the third time fails; with `refill` and `weighted` \
         what comes back meanwhile is due. With `windows: fixed` more is as declared: there is nothing to judge, and to promise it is a mistake.",
    ),
    row(
        KEY,
        Declared::Promise,
        "whoever claims to be forwarded for another has no quota of his own",
        "With the quota used up, calls with X-Forwarded-For, X-Real-IP and Forwarded of other addresses are made, five each, all within the window. Each is to be refused as before: what has come \
         back by itself by then does not count, and a call without the header right after it has to be refused. The third that is admitted fails; a name \
         under which fewer than five were refused is a doubt.",
    ),
];
