//! The clauses of `ready`: one table from which schema, pages, `render`, `explain` and the plan are made.

use crate::model::{Clause, ClauseId, Declared, FaultKind, Impact};

pub(super) const BECOMES: ClauseId = ClauseId("ready/becomes");
pub(super) const STEADY: ClauseId = ClauseId("ready/steady");
pub(super) const FIRST_REQUEST: ClauseId = ClauseId("ready/first-request");
pub(super) const NOT_BEFORE: ClauseId = ClauseId("ready/not-before");
pub(super) const FALLS: ClauseId = ClauseId("ready/falls");
pub(super) const RECOVERS: ClauseId = ClauseId("ready/recovers");
pub(super) const SOFT: ClauseId = ClauseId("ready/soft");
pub(super) const TRUTHFUL: ClauseId = ClauseId("ready/truthful");
pub(super) const REPLICAS: ClauseId = ClauseId("ready/replicas");
pub(super) const LEAVES_FIRST: ClauseId = ClauseId("ready/leaves-first");
pub(super) const AGREES: ClauseId = ClauseId("ready/agrees");
pub(super) const NO_LEAK: ClauseId = ClauseId("ready/no-leak");

/// How a dependency is lost.
pub(super) const LOSSES: &[FaultKind] = &[FaultKind::Blackhole, FaultKind::Refuse];

const fn row(id: ClauseId, declared: Declared, impact: Impact, sentence: &'static str, about: &'static str) -> Clause {
    Clause { id, declared, impact, faults: &[], sentence, about }
}

const fn broken(id: ClauseId, declared: Declared, faults: &'static [FaultKind], sentence: &'static str, about: &'static str) -> Clause {
    Clause { id, declared, impact: Impact::Disrupt, faults, sentence, about }
}

pub(super) const CLAUSES: &[Clause] = &[
    row(
        BECOMES,
        Declared::Always,
        Impact::Read,
        "ready within the deadline",
        "Polled on fresh connections every 50 ms at first, then every 40th of the time that has passed, at most every second: noticed within 50 ms in the \
         first 2 s and within 2.5 % later. The lag lies between the last poll that was not ready and the first that was. It fails if a poll that began \
         after the deadline is not ready; where the deadline lies between the two polls it cannot be told.",
    ),
    row(
        NOT_BEFORE,
        Declared::Key("not-before"),
        Impact::Read,
        "never ready before the marker holds",
        "The marker is read right after each poll. Ready, and the marker then still does not hold: one is proof. A service that was ready, its marker in \
         place, when first seen shows nothing of what was before: the clause is then not judged, with that reason.",
    ),
    row(
        FIRST_REQUEST,
        Declared::Key("real"),
        Impact::Read,
        "the first real request after the first ready answer succeeds, and then 20 of 20",
        "Traffic comes the moment a service calls itself ready. The first request is made at once, and its moment does not come back: if it fails, that was \
         seen once and is not repeated. The 20 after it are counted as usual.",
    ),
    row(
        STEADY,
        Declared::Key("steady-for"),
        Impact::Read,
        "no flap for the declared time once ready",
        "Polled 40 times or more over the time. A poll that is not ready is a flap; it could be noise, so it is counted: the third fails, and one or two make \
         the check look longer. A flap of a duration below the poll step (a 40th of `steady-for`, 50 ms at least) can be missed. Around each loss of a hard \
         dependency (case `db/blackhole`) it must turn once and back once, watched for `steady-for` in both states.",
    ),
    row(
        TRUTHFUL,
        Declared::Key("real"),
        Impact::Read,
        "ready only while real requests succeed",
        "Sampled in pairs: a poll, then a real request. Ready and failing twice in a row is a lie, and proof; while a hard dependency \
         is lost, from `falls-within` on (case `db/blackhole`). Not ready while real requests work throughout, three at least, is \
         over-strict: told as advisory, also of the loss of a dependency, and no fault by itself.",
    ),
    row(
        REPLICAS,
        Declared::Key("replicas"),
        Impact::Read,
        "every replica seen gives the same answer and build",
        "Fresh connections are spread by whatever stands before the replicas; the named header tells them apart. A replica with another build is proof; one that \
         is not ready while others are is counted. With two replicas in turn or at random, 20 connections miss one in 1 of 500,000 runs; of ten, in 12 % for each. Without a \
         hard dependency all of them must fall (case `db/blackhole`).",
    ),
    row(
        AGREES,
        Declared::Promise,
        Impact::Read,
        "the status word in the body and the status code agree, in every state that was seen",
        "Known words for well and ill at the top level of the JSON or as the whole text are held against the code, also while it is not ready yet.",
    ),
    row(
        NO_LEAK,
        Declared::Promise,
        Impact::Read,
        "no secret, DSN, key, stack trace or host path in any answer, ready or not",
        "Failing answers are where secrets leak: an error with its connection string. All answers seen while waiting are searched, as by `health/no-leak`.",
    ),
    broken(
        FALLS,
        Declared::Key("falls-within"),
        LOSSES,
        "without a hard dependency: 503 in time, naming it and not its address",
        "Each hard dependency is lost by black hole and by refusing (cases `db/blackhole`, `db/refuse`). Ready in a poll that began later than the limit, while \
         the loss lasts: a service that never falls is proven so, one that falls late is counted. Every answer must come within `answers-within`: hanging is a \
         failure. The body (case `db/blackhole/body`) must say something of the dependency that it did not say before, by its name in the suite, and hold no \
         address that it did not hold before.",
    ),
    broken(
        RECOVERS,
        Declared::Key("recovers-within"),
        LOSSES,
        "with the dependency back: ready in time, a real request succeeds, same process",
        "After each loss, and after a second one (case `db/blackhole/again`): what recovers once by luck does not recover. Then the requests of `real` are made at \
         once (case `/real`), and the id that `boot-id` names must be the one from before (case `/process`). A service that never fell has nothing to recover from: \
         not judged.",
    ),
    broken(
        SOFT,
        Declared::Key("soft"),
        LOSSES,
        "without a soft dependency: still ready, and says so",
        "A soft dependency that takes the service out of traffic is a hard one: its code alone counts here. One that is not reported (case `/told`) is an outage that \
         nobody sees: within `falls-within` (5s) the body must say something new of it by name, or another word for the whole. With the dependency back \
         the report must be taken back (case `/back`) within `recovers-within` (`within`, 10s at most).",
    ),
    broken(
        LEAVES_FIRST,
        Declared::Promise,
        &[FaultKind::Terminate],
        "on shutdown not ready before the listener closes",
        "Load balancers learn by a failing probe; a listener that closes first refuses requests that were already on their way. The service is sent SIGTERM, last of \
         all, and polled every few milliseconds until nobody listens. Without one answer that is not ready in between it did not leave first.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_the_prefix_and_a_sentence_without_a_full_stop() {
        for clause in CLAUSES {
            assert!(clause.id.0.starts_with("ready/"), "{}", clause.id);
            assert!(!clause.sentence.ends_with('.') && clause.about.ends_with('.'), "{}", clause.id);
        }
    }
}
