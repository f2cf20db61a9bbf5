//! Holds what was seen of streams against the spec, clause by clause. No I/O.

use super::look::{Ended, Observation, Tape};
use super::spec::Spec;
use super::table;
use crate::model::quantity::show_duration;
use crate::model::{Case, ClauseId, Finding, Found, Reading, Unseen};
use std::num::NonZeroU32;

mod cleans_up;
mod ends;
mod fan_out;
mod framed;
mod heartbeat;
#[cfg(test)]
mod heavy_tests;
mod identified;
mod opening;
mod ordered;
mod private;
mod replay;
mod restart;
mod slow;
mod stale;
mod tell;
#[cfg(test)]
mod tests;
mod timely;

pub(super) use slow::is_later;
pub(super) use stale::name as stale_name;
pub(super) use tell::{control, tell};

/// The readings of every clause that was looked at.
pub(super) fn judge(spec: &Spec, seen: &Observation) -> Vec<Reading> {
    let mut readings = Vec::new();
    for asked in &seen.asked {
        let Some(clause) = table::CLAUSES.iter().map(|c| c.id).find(|id| id.0 == asked) else { continue };
        // A probe that finds no stream ends there: what it never tried has that reason.
        let judged = [table::TYPE, table::UTF8, table::OPENS].contains(&clause) || seen.live.is_late && clause == table::TIMELY;
        match clause {
            clause if seen.is_closed() && !judged => {
                readings.push(Reading::of(clause, nothing("no stream opened: sse/type tells more")));
            }
            table::TYPE => {
                readings.push(Reading::of(clause, opening::head(spec, seen)));
                readings.push(case(clause, "stream", opening::stream(seen)));
            }
            table::UTF8 => readings.push(Reading::of(clause, opening::utf8(seen))),
            table::OPENS => readings.push(Reading::of(clause, opening::opens(spec, seen))),
            table::HEARTBEAT => readings.push(Reading::of(clause, heartbeat::heartbeat(spec, seen))),
            table::TIMELY => readings.extend(timely::timely(spec, seen)),
            table::FRAMED => readings.extend(framed::framed(seen)),
            table::ORDERED => readings.extend(ordered::ordered(spec, seen)),
            table::IDENTIFIED => {
                readings.extend(identified::identified(spec, seen));
                readings.extend(restart::restart(spec, seen));
            }
            table::REPLAY => readings.push(Reading::of(clause, replay::replay(spec, seen))),
            table::STALE => readings.extend(stale::stale(spec, seen)),
            table::FAN_OUT => readings.extend(fan_out::fan_out(spec, seen)),
            table::CLEANS_UP => readings.extend(cleans_up::cleans_up(spec, seen)),
            table::SLOW => readings.extend(slow::slow(spec, seen)),
            table::PRIVATE => readings.extend(private::private(spec, seen)),
            _ => readings.extend(ends::ends(spec, seen)),
        }
    }
    for no_room in &seen.no_room {
        // What could be looked at all the same is judged.
        let is_of = |r: &&mut Reading| r.clause.0 == no_room.clause && matches!(r.found, Found::Unseen { why: Unseen::Deadline });
        for reading in readings.iter_mut().filter(is_of) {
            reading.found = Found::Unseen { why: Unseen::NotPermitted(no_room.why.clone()) };
        }
    }
    readings
}

fn case(clause: ClauseId, case: impl Into<Case>, found: Found) -> Reading {
    Reading { clause, case: case.into(), found }
}

fn nothing(why: impl Into<String>) -> Found {
    Found::Unseen { why: Unseen::NothingToJudge(why.into()) }
}

fn unsure(why: impl Into<String>) -> Found {
    Found::Unsure { why: why.into(), wants: None }
}

/// Bad and near ones out of some, or held where there are none.
fn counted(bad: u32, near: u32, of: u32, repeatable: bool, worst: impl FnOnce() -> Finding) -> Found {
    match NonZeroU32::new(of) {
        None => Found::Unseen { why: Unseen::Deadline },
        Some(n) if bad == 0 && near == 0 => Found::Held { n },
        Some(of) => Found::Counted { bad, near, of, worst: worst(), repeatable },
    }
}

/// More streams at once than the environment's `limits` allow: that says nothing of the service.
fn limited(open: u32, asked: u32) -> Found {
    let why = format!("`limits` of this environment allow {open} streams at once, and {asked} are asked for");
    Found::Unseen { why: Unseen::NotPermitted(why) }
}

fn number(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// Why nothing can be read on a stream: it did not open. `sse/type` tells the rest.
fn unopened(tape: &Tape) -> Option<Found> {
    (!tape.is_event_stream()).then(|| nothing(format!("the stream did not open: {}: sse/type tells more", brief(tape))))
}

/// Why what is missing on a stream may not be lost: it did not live to see it.
fn cut_short(tape: &Tape) -> Option<Found> {
    let when = tape.arrivals.last().map_or_else(String::new, |a| format!(" after the event at +{}", show_duration(a.at)));
    match &tape.ended {
        _ if let Some(slip) = tape.slipped("line-over-cap").or_else(|| tape.slipped("event-over-cap")) => {
            Some(unsure(format!("the stream was left{when}: {}", slip.text)))
        }
        _ if tape.is_flood => Some(unsure(format!("the stream brought over {} events, and was left", tape.arrivals.len()))),
        Some(Ended::Broken { snag, .. }) => Some(unsure(format!("the stream broke off{when}, before all had come: {}", snag.text))),
        Some(Ended::Whole { .. }) => Some(unsure(format!("the service ended the stream{when}, before all had come"))),
        None => None,
    }
}

/// What came in place of a stream: `200 text/html`, `503 {"status":"down"}`.
fn brief(tape: &Tape) -> String {
    match (tape.head.status, &tape.head.trouble) {
        (Some(200), None) => format!("200 {}", tape.head.header("content-type").unwrap_or("without a content type")),
        _ => tape.head.brief(),
    }
}

/// The finding of a stream.
fn finding(tape: &Tape, expected: impl Into<String>, observed: impl Into<String>) -> Finding {
    let finding = tape.head.finding(expected, observed);
    match tape.name.as_str() {
        "" => finding,
        name => finding.detail("stream", name),
    }
}
