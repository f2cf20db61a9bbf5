//! `sse/stale`: an id that cannot be resumed after is answered by a signal.

use super::{brief, case, counted, finding, number};
use crate::checks::sse::look::{Observation, Stale};
use crate::checks::sse::spec::Spec;
use crate::checks::sse::table;
use crate::kind::Weight;
use crate::model::{Finding, Found, Reading, Unseen};

pub(super) fn stale(spec: &Spec, seen: &Observation) -> Vec<Reading> {
    let ids = spec.b.stale.iter().flat_map(|s| s.iter());
    let readings = ids.map(|id| {
        let tries: Vec<&Stale> = seen.stale.iter().filter(|s| s.id == id.value).collect();
        case(table::STALE, name(&id.value), of(spec, &tries))
    });
    readings.collect()
}

/// A short name of an id, for its case.
pub(in crate::checks::sse) fn name(id: &str) -> String {
    let short: String = id.chars().take(40).flat_map(char::escape_debug).collect();
    if short.len() < id.len() { format!("{short}…") } else { short }
}

/// What one answer is.
enum Signal {
    Given,
    /// No noise makes a service say this.
    Missing(String),
    /// Noise could have made it.
    Doubtful(String),
}

fn signal(spec: &Spec, stale: &Stale) -> Option<Signal> {
    let tape = &stale.tape;
    match tape.head.answered() {
        Some(204) => return Some(Signal::Given),
        Some(408 | 429) | None => return Some(Signal::Doubtful(brief(tape))),
        Some(400..=499) => return Some(Signal::Given),
        _ if tape.head.weight() == Weight::Confusable => return Some(Signal::Doubtful(brief(tape))),
        _ if !tape.is_event_stream() => return Some(Signal::Missing(brief(tape))),
        _ => {}
    }
    match tape.begins(|name| spec.b.is_resync(name)) {
        Some(first) if spec.b.is_resync(&first.name) => Some(Signal::Given),
        Some(first) => Some(Signal::Missing(format!("the stream goes on with {}, as if nothing were missing", first.brief()))),
        None if stale.is_watched => Some(Signal::Doubtful(match &tape.ended {
            Some(_) => "200, and the stream ended without an event".to_owned(),
            None => "200 and a stream without a signal, as if nothing were missing".to_owned(),
        })),
        None => None,
    }
}

fn of(spec: &Spec, tries: &[&Stale]) -> Found {
    let told = |stale: &Stale, observed: String| -> Finding {
        let expected = format!("a 4xx, 204 or {} first, in answer to an id that cannot be resumed after", spec.b.resync_names());
        finding(&stale.tape, expected, observed).detail("last-event-id", name(&stale.id))
    };
    let (mut of, mut doubtful) = (0, Vec::new());
    for stale in tries {
        match signal(spec, stale) {
            None => continue,
            Some(Signal::Given) => {}
            Some(Signal::Missing(observed)) => return Found::Proof(told(stale, observed)),
            Some(Signal::Doubtful(observed)) => doubtful.push((*stale, observed)),
        }
        of += 1;
    }
    if of == 0 {
        return Found::Unseen { why: Unseen::Deadline };
    }
    counted(number(doubtful.len()), 0, of, spec.a.is_repeatable(), || {
        let (stale, observed) = doubtful.swap_remove(0);
        told(stale, observed)
    })
}
