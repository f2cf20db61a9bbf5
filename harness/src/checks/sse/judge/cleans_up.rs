//! `sse/cleans-up`: streams that are left are forgotten.

use super::{brief, case, limited, nothing, unsure};
use crate::checks::sse::look::{Block, CleansUp as Seen, Observation};
use crate::checks::sse::spec::{CleansUp, HELD, Spec};
use crate::checks::sse::table;
use crate::model::quantity::show_duration;
use crate::model::{Found, Reading, Unseen};
use std::time::Duration;

/// Of so many streams that were left one may still be counted.
const OTHERS: f64 = 50.0;
/// Others may have opened so many times as many meanwhile as they did beside the control.
const TIMES: f64 = 2.0;
/// One of so many is more than others open by chance, where there was no time for a control.
const LEAK: f64 = 5.0;

pub(super) fn cleans_up(spec: &Spec, seen: &Observation) -> Vec<Reading> {
    let Some(asked) = &spec.b.cleans_up else { return Vec::new() };
    let ways = [("closed", false), ("reset", true)];
    ways.into_iter()
        .map(|(name, is_reset)| case(table::CLEANS_UP, name, of(&asked.b, spec.b.silence(), &seen.cleans_up, is_reset)))
        .collect()
}

fn of(asked: &CleansUp, heartbeat: Option<Duration>, seen: &Seen, is_reset: bool) -> Found {
    if seen.is_limited {
        return limited(seen.held, HELD);
    }
    if let Some(why) = &seen.why {
        return nothing(why.clone());
    }
    let (Some(before), Some(meanwhile)) = (seen.before, seen.meanwhile) else { return Found::Unseen { why: Unseen::Deadline } };
    let gauge = &asked.gauge.value;
    if meanwhile - before < f64::from(seen.held) / 2.0 || seen.held == 0 {
        return match &seen.refused {
            Some(tape) if seen.held == 0 => nothing(format!("no stream opened to be left: {}", brief(tape))),
            _ => nothing(format!(
                "`{gauge}` was {before} and {meanwhile} once {} more streams were open, so it does not count them",
                seen.held
            )),
        };
    }
    let Some(place) = seen.blocks.iter().position(|b| b.is_reset == is_reset) else { return Found::Unseen { why: Unseen::Deadline } };
    let block: &Block = &seen.blocks[place];
    let Some(after) = block.after else { return Found::Unseen { why: Unseen::Deadline } };
    let (leaked, left) = (seen.leaked(place), f64::from(block.left));
    let is_leak = match seen.drift {
        Some(drift) => leaked - drift * TIMES >= left / OTHERS,
        None => leaked >= left / LEAK,
    };
    let base = after - leaked;
    let how = if is_reset { "reset" } else { "closed" };
    let observed = format!("{gauge} was {base} before and {after} at the lowest within {} after", show_duration(asked.within(heartbeat)));
    if leaked > 0.0 && is_leak {
        let told = seen.metrics.clone().unwrap_or_default();
        let told = told.finding(format!("{gauge} back where it was after {} streams were {how}", block.left), observed);
        let told = told.detail("meanwhile", format!("{meanwhile} with {} streams open", seen.held)).at(asked.gauge.at);
        return Found::Proof(match seen.drift {
            Some(drift) => told.detail("others", format!("{drift} more while as many streams stayed open for as long")),
            None => told,
        });
    }
    if leaked > 0.0 {
        let others = seen.drift.map_or_else(String::new, |drift| format!(", who opened {drift} while ours stayed open"));
        return unsure(format!("{observed}: so few of {} may be streams that others opened meanwhile{others}", block.left));
    }
    if block.left < block.asked - block.asked / 10 {
        let why = seen.refused.as_ref().map_or_else(String::new, |tape| format!(", the first because of {}", brief(tape)));
        return unsure(format!("{} of {} streams did not open{why}", block.asked - block.left, block.asked));
    }
    Found::held(block.left as usize, "no stream was left")
}
