//! `sse/cleans-up`: streams that are left are forgotten.

use super::{brief, case, limited, nothing, unsure};
use crate::checks::sse::look::{Block, CleansUp as Seen, Observation};
use crate::checks::sse::spec::{CleansUp, HELD, Spec};
use crate::checks::sse::table;
use crate::model::quantity::show_duration;
use crate::model::{Found, Reading, Unseen};
use std::time::Duration;

/// Of so many streams that were left one may still be counted: what others open meanwhile cannot be told from it.
const OTHERS: u32 = 50;
/// One of so many is more than others open by chance; less is a leak where it comes in both ways.
const LEAK: u32 = 5;

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
    // What the block before it left behind is told there.
    let leaked = |place: usize| {
        let base = seen.blocks[..place].iter().filter_map(|b| b.after).fold(before, f64::max);
        seen.blocks[place].after.map_or(0.0, |after| after - base)
    };
    let is_over = |place: usize, part: u32| leaked(place) > 0.0 && leaked(place) >= f64::from(seen.blocks[place].left) / f64::from(part);
    let in_all = (0..seen.blocks.len()).all(|place| is_over(place, OTHERS)) && seen.blocks.len() > 1;
    let base = after - leaked(place);
    let how = if is_reset { "reset" } else { "closed" };
    let observed = format!("{gauge} was {base} before and {after} at the lowest within {} after", show_duration(asked.within(heartbeat)));
    if is_over(place, LEAK) || in_all {
        let told = seen.metrics.clone().unwrap_or_default();
        let told = told.finding(format!("{gauge} back where it was after {} streams were {how}", block.left), observed);
        return Found::Proof(told.detail("meanwhile", format!("{meanwhile} with {} streams open", seen.held)).at(asked.gauge.at));
    }
    if leaked(place) > 0.0 {
        return unsure(format!("{observed}: so few of {} may be streams that others opened meanwhile", block.left));
    }
    if block.left < block.asked - block.asked / 10 {
        let why = seen.refused.as_ref().map_or_else(String::new, |tape| format!(", the first because of {}", brief(tape)));
        return unsure(format!("{} of {} streams did not open{why}", block.asked - block.left, block.asked));
    }
    Found::held(block.left as usize, "no stream was left")
}
