//! The clauses of `transition`: one table from which schema, pages, `render`, `explain` and the plan are made.

use crate::model::{Clause, ClauseId, Declared, Impact};

pub(super) const PATH: ClauseId = ClauseId("transition/path");
pub(super) const SETTLES: ClauseId = ClauseId("transition/settles");
pub(super) const NEVER: ClauseId = ClauseId("transition/never");
pub(super) const MONOTONIC: ClauseId = ClauseId("transition/monotonic");

const fn row(id: ClauseId, declared: Declared, sentence: &'static str, about: &'static str) -> Clause {
    Clause { id, declared, impact: Impact::Write, faults: &[], sentence, about }
}

pub(super) const CLAUSES: &[Clause] = &[
    row(
        PATH,
        Declared::Always,
        "the states come in the declared order",
        "Every move from one state that was seen to the next goes forward along `path`, over nothing but states that `may-skip` names. A move back, or to a \
         state that `path` does not know, is proof and ends the check. A state that may have passed between two polls is not called missing: that cannot be \
         told, unless `lasts-at-least` says how long every state lasts and the polls lay closer than that. Looking may begin anywhere on the path; where the \
         last state was there already, the path is not judged, with that reason, and with `fresh: true` the check is inconclusive.",
    ),
    row(
        SETTLES,
        Declared::Always,
        "the last state is reached in time and kept",
        "The time counts from the trigger, or from the first look where there is none, and is an interval: from the last poll in another state to the first in \
         the last one. It fails if three polls that began after the deadline found another state, or none. Then it must be kept for `steady-for`: another state is \
         proof, answers that do not come are counted. A trigger that is refused, or unanswered, breaks the clause too. With `works`, case `works`: the first \
         such request right after the last state was seen must succeed.",
    ),
    row(
        NEVER,
        Declared::Key("never"),
        "none of the forbidden states is seen",
        "A forbidden state is proof and ends the check at once. One that comes and goes between two polls cannot be seen.",
    ),
    row(
        MONOTONIC,
        Declared::Key("progress"),
        "progress never goes back, and is complete only with the result there",
        "Case `progress`: each poll begins after the one before it was answered, so a lower value is proof. Case `result`: the moment progress is complete, or \
         the last state is seen, the result is asked for; an answer that says it is not there is proof, no answer or a 5xx is counted.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_the_prefix_and_a_sentence_without_a_full_stop() {
        for clause in CLAUSES {
            assert!(clause.id.0.starts_with("transition/"), "{}", clause.id);
            assert!(!clause.sentence.ends_with('.') && clause.about.ends_with('.'), "{}", clause.id);
        }
    }
}
