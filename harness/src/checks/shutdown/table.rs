//! The clauses of `shutdown`: one table from which schema, pages, `render`, `explain` and the plan are made.

use crate::model::{Clause, ClauseId, Declared, FaultKind, Impact};

pub(super) const LEAVES_FIRST: ClauseId = ClauseId("shutdown/leaves-first");
pub(super) const FINISHES: ClauseId = ClauseId("shutdown/finishes");
pub(super) const EXITS: ClauseId = ClauseId("shutdown/exits");
pub(super) const RESTARTS: ClauseId = ClauseId("shutdown/restarts");

const fn row(id: ClauseId, declared: Declared, faults: &'static [FaultKind], sentence: &'static str, about: &'static str) -> Clause {
    Clause { id, declared, impact: Impact::Disrupt, faults, sentence, about }
}

pub(super) const CLAUSES: &[Clause] = &[
    row(
        LEAVES_FIRST,
        Declared::Key("ready"),
        &[FaultKind::Terminate],
        "not ready before the listener closes",
        "`ready` is polled every 20 ms on fresh connections from the signal on. The first poll that is not answered must come after one that said it is not \
         ready: load balancers learn by a failing probe, and a listener that closes first refuses requests that were on their way. It fails if two polls less \
         than 100 ms apart were ready and unanswered; further apart it cannot be told.",
    ),
    row(
        FINISHES,
        Declared::Always,
        &[FaultKind::Terminate],
        "every request in flight is answered, complete and as declared",
        "Case `load`: requests on connections of their own that were sent before the signal and not answered by then. Case `upload`: a request of which half the \
         body was sent before the signal and the other half after the listener closed, or after a third of `within`. Case `stream`: an event stream that \
         was open ends as its framing says, behind an event. Requests that were answered before the signal prove \
         nothing and are not counted; if all were, the clause is not judged. The moment does not come back: a bad one is told as seen once.",
    ),
    row(
        EXITS,
        Declared::Always,
        &[FaultKind::Terminate],
        "it ends in time, with a declared exit code, though idle connections are open",
        "`within` is the grace that an orchestrator gives before it kills. The code must be 0 or 143 (SIGTERM's own), or what `exit` names: another one is proof. Idle \
         connections, fresh and used ones in turn, are held open all the while: a service that waits for them is killed.",
    ),
    row(
        RESTARTS,
        Declared::Key("restarts-within"),
        &[FaultKind::Terminate, FaultKind::Restart],
        "started again it takes connections in time",
        "Started again right after it ended, at the same address: a port that is still taken, or a start that waits for what the last one left, shows here.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_the_prefix_and_a_sentence_without_a_full_stop() {
        for clause in CLAUSES {
            assert!(clause.id.0.starts_with("shutdown/"), "{}", clause.id);
            assert!(!clause.sentence.ends_with('.') && clause.about.ends_with('.'), "{}", clause.id);
        }
    }
}
