//! The way out that is always taken, also after a deadline, an interrupt or a panic: what goes on is asked to end, in haste.

use super::super::look::Observation;
use super::super::spec::{Outcome, Spec};
use super::jobs::{is_gone, named, one, plain};
use crate::kind::{Context, How};
use crate::reader::With;
use crate::words::Request;
use futures_util::StreamExt as _;
use std::collections::BTreeSet;
use std::time::Duration;

/// Longest wait for one answer; how long all of it may take is for the core to say.
const PATIENCE: Duration = Duration::from_secs(2);
/// Requests side by side.
const SIDE_BY_SIDE: usize = 8;
/// Looks at those that were asked to end, and the longest time between two.
const LOOKS: u32 = 10;
const BETWEEN: Duration = Duration::from_millis(200);

/// Asks every job that has not ended to end, where the suite says how, and notes which did. What is left is told by `advises`.
pub(in super::super) async fn leave(spec: &Spec, cx: &Context, seen: &mut Observation) {
    seen.jobs.unknown += seen.books.take_flying();
    let Some(cancel) = spec.b.cancel.as_ref().filter(|_| !seen.jobs.open.is_empty()) else { return };
    let open: Vec<String> = seen.jobs.open.iter().cloned().collect();
    let mut asking = futures_util::stream::iter(open).map(|id| ask(cx, cancel, id)).buffer_unordered(SIDE_BY_SIDE);
    let (mut ending, mut unknown) = (Vec::new(), BTreeSet::new());
    while let Some((id, status)) = asking.next().await {
        // Whatever is said to that, only its state tells that it has ended.
        if let Some(status) = status.filter(|status| (200..300).contains(status) || is_gone(*status)) {
            if is_gone(status) {
                unknown.insert(id.clone());
            }
            ending.push(id);
        }
    }
    drop(asking);
    let Some(outcome) = &spec.b.outcome else { return };
    for _ in 0..LOOKS {
        let mut looking =
            futures_util::stream::iter(std::mem::take(&mut ending)).map(|id| look(cx, outcome, id)).buffer_unordered(SIDE_BY_SIDE);
        while let Some((id, has_ended)) = looking.next().await {
            if has_ended {
                seen.jobs.open.remove(&id);
            } else {
                ending.push(id);
            }
        }
        if ending.is_empty() {
            return;
        }
        tokio::time::sleep(outcome.b.every().min(BETWEEN)).await;
    }
    if let Some(id) = ending.into_iter().find(|id| unknown.contains(id)) {
        seen.jobs.not_known.get_or_insert(id);
    }
}

/// Asks one job to end: what was answered, if anything was. What goes wrong leaves it among those that are told.
async fn ask(cx: &Context, cancel: &Request, id: String) -> (String, Option<u16>) {
    let call = named(cx, &id).call(cancel, &How::caller(PATIENCE)).await;
    (id, call.ok().and_then(|call| call.answer.ok()).map(|answer| answer.status))
}

/// Whether one that was asked to end has ended.
async fn look(cx: &Context, outcome: &With<Request, Outcome>, id: String) -> (String, bool) {
    let call = named(cx, &id).call(&outcome.a, &How::caller(PATIENCE)).await;
    let Some(answer) = call.ok().and_then(|call| call.answer.ok()) else { return (id, false) };
    let state = one(&answer.body, &outcome.b.at.value).map(|state| plain(&state));
    let ends = outcome.b.done.iter().chain(outcome.b.failed.iter().flat_map(|f| f.iter()));
    let has_ended = is_gone(answer.status) || state.is_some_and(|state| ends.into_iter().any(|end| *end == state));
    (id, has_ended)
}
