//! Jobs that are asked to end: what is answered to that ends none of them, only their states do.

use super::super::super::look::Observation;
use super::house::{Flaw, House};
use super::{EXACT, JOBS, WORK, all_held, spec};
use crate::kind::CheckKind as _;
use crate::kind::testing::{context, round, told};
use futures_util::future::join_all;

/// The readings of a check with `cancel`, and its notes.
async fn cancelled(flaw: Flaw) -> (Vec<String>, Vec<String>) {
    let cx = context(House::open(flaw, 3, WORK).await);
    let kind = spec(&format!("{{ {JOBS}, cancel: {{ delete: '/tasks/${{id}}' }} }}"));
    let mut seen = Observation::default();
    kind.probe(&round::<super::ConcurrencyLimit>(&[EXACT]), &cx, &mut seen).await.expect("the machine is well");
    kind.leave(&cx, &mut seen).await;
    (told(&kind.judge(&seen)), kind.advises(&seen).into_iter().map(|advice| advice.what).collect())
}

#[tokio::test]
async fn whatever_cancel_answers_a_job_holds_its_slot_until_its_state_is_an_end() {
    let all = [Flaw::None, Flaw::CancelsLater, Flaw::CancelUnknown, Flaw::CancelsOddly].map(cancelled);
    let [none, later, unknown, oddly] = join_all(all).await.try_into().expect("four");
    for (told, _) in [&none, &later, &unknown, &oddly] {
        all_held(told);
    }
    assert!(none.1.is_empty() && later.1.is_empty(), "{none:?} {later:?}");
    assert!(unknown.1.len() == 1 && unknown.1[0].starts_with("`cancel` does not know job "), "{unknown:?}");
    assert!(oddly.1.iter().any(|note| note.contains(" stayed `cancelled` after `cancel`: if that is an end, name it")), "{oddly:?}");
}
