//! What the plan must know of the clauses that load or break the service, or knock where they may not come in.

use super::{ID, Own, Spec};
use crate::checks::sse::table;
use crate::kind::Demands;
use crate::model::{At, Impact};
use crate::words::Request;
use std::time::Duration;

/// The requests of these clauses.
pub(super) fn requests(own: &Own) -> Vec<&Request> {
    let mut all = Vec::new();
    all.extend(own.private.iter().flat_map(|p| p.requests()).map(|(_, request)| request));
    all
}

/// What they do to the target beyond what the table says.
pub(super) fn raise(own: &Own, demands: &mut Demands) {
    if own.private.as_ref().is_some_and(|p| p.driven().is_some()) {
        demands.raised.push((table::PRIVATE, Impact::Write));
    }
}

/// Their part of the longest time.
pub(super) fn longest(own: &Own) -> Duration {
    let mut longest = Duration::ZERO;
    let drive = own.drive.as_ref().map(|d| d.b.step() * d.b.jobs() + own.drains_within()).unwrap_or_default();
    if let Some(private) = &own.private {
        longest += own.head() * 2 + if private.other.is_some() { drive } else { Duration::ZERO };
    }
    longest
}

/// Whether one of them is about driven jobs.
pub(super) fn is_driven(own: &Own) -> bool {
    own.private.as_ref().is_some_and(|p| p.driven().is_some())
}

pub(super) fn mistakes(spec: &Spec, say: &mut impl FnMut(At, String, &str)) {
    let own = &spec.b;
    const DRIVE: &str = "add `drive: { post: /jobs, id: $.id }`: an empty stream proves nothing";
    if let Some(private) = &own.private {
        if private.requests().next().is_none() {
            say(spec.a.at(), "private: says of nobody that they may not read".to_owned(), "add `without: { get: /events, auth: none }`");
        }
        for (case, request) in private.requests().filter(|(_, request)| !request.is_repeatable()) {
            say(request.at(), format!("private.{case}: its request may not be sent again"), "use get, or say `repeatable: true`");
        }
        if let (Some(request), None) = (private.driven(), &own.drive) {
            say(request.at(), "private: is about events of our jobs, and nothing makes any".to_owned(), DRIVE);
        }
        if let Some(request) = private.foreign.as_ref().filter(|r| !r.captures_used().iter().any(|(used, _)| used == ID)) {
            say(request.at(), "private.foreign: its request does not say which job".to_owned(), "put `${id}` into its URL");
        }
    }
}
