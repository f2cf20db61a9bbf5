//! Judges whether a service that was asked to end said so before its listener was closed.

use super::super::look::Observation;
use super::{NEVER_READY, nothing};
use crate::kind::Seen;
use crate::model::quantity::show_duration;
use crate::model::{Found, Want};
use std::num::NonZeroU32;
use std::time::Duration;

/// A time without a poll that is too short for any load balancer to have noticed something in it.
const BLINK: Duration = Duration::from_millis(250);

/// One answer that is not ready before nobody listens.
pub(super) fn leaves_first(seen: &Observation) -> Found {
    let Some(leaving) = &seen.leaving else {
        return match seen.ready {
            None => nothing(NEVER_READY),
            // Asking it to end comes last: another clause wants another look at it.
            Some(_) => Found::Unsure { why: "it was not asked to end yet".to_owned(), wants: NonZeroU32::new(1).map(Want::Samples) },
        };
    };
    let expected = "not ready, or gone from the endpoint, before the listener is closed";
    match (&leaving.first_unready, &leaving.closed, leaving.gap) {
        (Some(_), ..) => Found::held(leaving.unready as usize, ""),
        (None, Some(closed), Some(gap)) if gap.hi <= BLINK => {
            let observed = format!("ready, and at most {} later nobody listened: {}", show_duration(gap.hi), closed.brief());
            let last = leaving.last_ready.as_ref().map(Seen::line).unwrap_or_default();
            Found::Proof(closed.finding(expected, observed).detail("last ready", last))
        }
        (None, Some(_), gap) => {
            let gap = gap.map_or_else(String::new, |gap| format!(" for {gap}"));
            Found::Unsure { why: format!("nothing was seen{gap} before its listener was closed"), wants: None }
        }
        (None, None, _) => {
            let why = format!("{} after it was asked to end it was ready, and its listener open", show_duration(leaving.watched.hi));
            Found::Unsure { why, wants: None }
        }
    }
}
