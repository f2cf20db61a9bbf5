//! What a clause that holds does not prove, and is worth knowing.

use crate::checks::size_limit::look::Observation;
use crate::checks::size_limit::table::{IN_SYNC, NO_TRACE};
use crate::kind::Advice;
use crate::model::{Case, ClauseId};

/// What is told beside the readings.
pub(in super::super) fn advice(seen: &Observation) -> Vec<Advice> {
    let looked = |clause: ClauseId| seen.cases.iter().any(|case| case.clause == clause.0 && case.of > 0);
    let tell = |clause, what: String| Advice { clause, case: Case::Borrowed(""), what };
    let blind = (looked(NO_TRACE) && !seen.trace_moved).then(|| {
        let what =
            "nothing that is read there ever moved, not even by bodies that were taken, so nothing shows that it sees what bodies leave";
        tell(NO_TRACE, what.to_owned())
    });
    let closed = (looked(IN_SYNC) && seen.closed > 0 && seen.kept == 0).then(|| {
        tell(IN_SYNC, format!("{0} of {0} connections were closed with the refusal, so no other request was ever sent on one", seen.closed))
    });
    blind.into_iter().chain(closed).collect()
}
