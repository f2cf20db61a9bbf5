//! `sse/private`: who may not read a stream is refused before it opens, and no stream tells of somebody else's jobs.

use super::{brief, case, counted, cut_short, finding, nothing, number, unopened};
use crate::checks::sse::look::{Knock, Observation, Tape};
use crate::checks::sse::spec::{FOREIGN, OTHER, Spec};
use crate::checks::sse::table;
use crate::kind::Weight;
use crate::model::quantity::show_duration;
use crate::model::{Found, Reading, Unseen};

pub(super) fn private(spec: &Spec, seen: &Observation) -> Vec<Reading> {
    let cases = spec.b.private.iter().flat_map(|p| p.requests());
    let readings = cases.map(|(name, request)| {
        let found = match name {
            OTHER => other(seen),
            _ => refused(name, request.is_repeatable(), seen),
        };
        case(table::PRIVATE, name, found)
    });
    readings.collect()
}

/// What one answer to somebody who may not read is.
enum Answer {
    Refused,
    /// 404, as we were answered too.
    Missing(String),
    /// 404, and the time was up before we asked for it too.
    Unasked,
    /// No noise makes a service say this.
    Told(String),
    /// Noise could have made it.
    Doubtful(String),
}

fn answer(knock: &Knock) -> Answer {
    let tape = &knock.tape;
    match tape.head.answered() {
        Some(401 | 403) => Answer::Refused,
        // Whether another tenant's job is there is nobody's business. Where it is not there for us either that says nothing.
        Some(404) if knock.case == FOREIGN => match &knock.ours {
            Some(ours) if ours.is_event_stream() || ours.head.status == Some(204) => Answer::Refused,
            Some(ours) => Answer::Missing(brief(ours)),
            None => Answer::Unasked,
        },
        _ if tape.is_event_stream() => Answer::Told(opened(tape)),
        _ if tape.head.weight() == Weight::Confusable => Answer::Doubtful(brief(tape)),
        _ => Answer::Told(brief(tape)),
    }
}

/// A stream that should not have opened.
fn opened(tape: &Tape) -> String {
    match (tape.arrivals.first(), tape.first_byte) {
        (Some(first), _) => format!("200 and an event stream that begins with {}", first.brief()),
        (None, Some(_)) => "200 and an event stream".to_owned(),
        (None, None) => "200 and an event stream that is silent".to_owned(),
    }
}

fn refused(name: &str, is_repeatable: bool, seen: &Observation) -> Found {
    let knocks = seen.private.knocks.iter().filter(|k| k.case == name);
    if let Some(why) = knocks.clone().find_map(|k| k.unsent.clone()) {
        return nothing(why);
    }
    let told = |knock: &Knock, observed: String| {
        let expected = match name {
            FOREIGN => "401, 403 or 404, and no stream",
            _ => "401 or 403, and no stream",
        };
        finding(&knock.tape, expected, observed)
    };
    let (mut of, mut missing, mut doubtful) = (0, None, Vec::new());
    for knock in knocks.filter(|k| k.is_over) {
        of += 1;
        match answer(knock) {
            Answer::Refused => {}
            Answer::Missing(ours) => missing = Some(ours),
            Answer::Unasked => of -= 1,
            Answer::Told(observed) => return Found::Proof(told(knock, observed)),
            Answer::Doubtful(observed) => doubtful.push((knock, observed)),
        }
    }
    if let Some(ours) = missing {
        return nothing(format!("its answer is 404, and the stream is not there for us either: {ours}"));
    }
    counted(number(doubtful.len()), 0, of, is_repeatable, || {
        let (knock, observed) = doubtful.swap_remove(0);
        told(knock, observed)
    })
}

/// What another tenant's stream told while our jobs were driven.
fn other(seen: &Observation) -> Found {
    let Some(other) = &seen.private.other else { return Found::Unseen { why: Unseen::Deadline } };
    let jobs = other.ledger.ids();
    let is_ours = |job: &Option<String>| job.as_deref().is_some_and(|job| jobs.contains(job));
    let leaked: Vec<_> = other.theirs.arrivals.iter().filter(|a| is_ours(&a.job)).collect();
    if let Some(first) = leaked.first() {
        let observed = format!("{} events of our jobs on another tenant's stream, the first is {}", leaked.len(), first.brief());
        let told = finding(&other.theirs, "no event of somebody else's jobs", observed);
        return Found::Proof(told.detail("when", format!("+{}", show_duration(first.at))));
    }
    if let Some(found) = unopened(&other.ours).or_else(|| unopened(&other.theirs)) {
        return found;
    }
    if other.ledger.jobs.is_empty() {
        return nothing(other.ledger.emptiness());
    }
    if let Some(found) = cut_short(&other.theirs).or_else(|| cut_short(&other.ours)) {
        return found;
    }
    if !other.is_drained {
        return Found::Unseen { why: Unseen::Deadline };
    }
    let told = other.ours.arrivals.iter().filter(|a| is_ours(&a.job)).count();
    Found::held(told, "no event of our jobs came on our own stream either")
}
