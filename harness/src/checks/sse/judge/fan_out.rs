//! `sse/fan-out`: every subscriber gets every event, and all of them at about the same time.

use super::{brief, case, counted, cut_short, finding, limited, nothing, number, unsure};
use crate::checks::sse::look::{FanOut, Observation, Skew, Tape};
use crate::checks::sse::spec::Spec;
use crate::checks::sse::table;
use crate::model::interval::Against;
use crate::model::quantity::show_duration;
use crate::model::{Finding, Found, Reading, Unseen, Want};
use std::num::NonZeroU32;

/// The case of the time between the first and the last.
pub(in crate::checks::sse) const SKEW: &str = "skew";
/// Events that are needed to tell a skew.
const LEAST: u32 = 10;

pub(super) fn fan_out(spec: &Spec, seen: &Observation) -> Vec<Reading> {
    let all = case(table::FAN_OUT, "all", all(spec, seen));
    let skew = spec.b.skew_within.as_ref().map(|_| case(table::FAN_OUT, SKEW, skew(spec, seen)));
    std::iter::once(all).chain(skew).collect()
}

/// Whether every subscriber got everything.
fn all(spec: &Spec, seen: &Observation) -> Found {
    if let Some(proof) = seen.fan_outs.iter().find_map(|drive| lost(spec, drive)) {
        return Found::Proof(proof);
    }
    let ended = seen.fan_outs.iter().map(|d| d.ended).sum();
    let (mut of, mut noise) = (0_usize, None);
    for drive in &seen.fan_outs {
        match in_the_way(spec, drive, ended) {
            // Where a stream broke off, the jobs are driven again, and that drive tells.
            Some(found @ Found::Unsure { .. }) if drive.end.is_some() => noise = Some(found),
            Some(found) => return found,
            None => of = of.saturating_add(usize::try_from(drive.arrivals).unwrap_or(usize::MAX)),
        }
    }
    match (noise.filter(|_| of == 0), seen.fan_outs.is_empty()) {
        (Some(found), _) => found,
        (None, true) => Found::Unseen { why: Unseen::Deadline },
        (None, false) => Found::held(of, "no event of the driven jobs came to any subscriber"),
    }
}

/// The stream on which to show what is told of all of them.
fn shown(drive: &FanOut) -> Tape {
    drive.sample.clone().unwrap_or_default()
}

fn lost(spec: &Spec, drive: &FanOut) -> Option<Finding> {
    if !drive.is_drained || drive.open == 0 {
        return None;
    }
    let waited = show_duration(spec.b.drains_within());
    let told = |observed: String| {
        finding(&shown(drive), format!("each of {} subscribers gets every event of the driven jobs within {waited}", drive.open), observed)
    };
    if let Some(miss) = drive.misses.iter().find(|m| m.is_hole || drive.is_quiet) {
        let mut subscribers: Vec<u32> = drive.misses.iter().map(|m| m.subscriber).collect();
        subscribers.sort_unstable();
        subscribers.dedup();
        let observed = format!(
            "{} events never came to a subscriber: {} came to others, and never to subscriber {}",
            drive.missing, miss.event, miss.subscriber
        );
        let names = subscribers.iter().take(20).map(u32::to_string).collect::<Vec<_>>().join(", ");
        return Some(told(observed).detail("subscribers", names).detail("there", format!("+{}", show_duration(miss.at))));
    }
    // A job of which nobody heard, while at least one stream was there to hear it.
    if drive.ended < drive.open
        && drive.is_quiet
        && !drive.is_full
        && let Some(job) = drive.silent.first()
    {
        return Some(told(format!("{} acknowledged jobs have no event for anybody, {job} is the first", drive.silent.len())));
    }
    None
}

/// Fewer streams that end than these may be noise of the way to them.
const ENOUGH: u32 = 3;

/// Whether the drive may be made again to look closer.
fn is_repeatable(spec: &Spec) -> bool {
    spec.b.drive.as_ref().is_some_and(|d| d.a.is_repeatable())
}

/// What kept it from being looked at as it should; over all drives so many streams ended.
fn in_the_way(spec: &Spec, drive: &FanOut, ended: u32) -> Option<Found> {
    let one = |tape: &Tape, observed: String| {
        let told = finding(tape, format!("{} streams at once, open as long as they are read", drive.asked), observed);
        let bad = (drive.asked - drive.open) + drive.ended;
        counted(bad, 0, drive.asked, false, || told)
    };
    if drive.is_limited {
        return Some(limited(drive.open, drive.asked));
    }
    if !drive.is_asked {
        return Some(Found::Unseen { why: Unseen::Deadline });
    }
    if let Some(tape) = &drive.refused {
        let refused = drive.asked - drive.open;
        return Some(one(tape, format!("{refused} of {} did not open: {}", drive.asked, brief(tape))));
    }
    if let Some(tape) = &drive.end {
        let how = tape.ended.as_ref().map_or_else(|| "it brought more events than are kept".to_owned(), |e| e.brief());
        return Some(match cut_short(tape) {
            Some(_) if tape.ended.is_some() && ended < ENOUGH => Found::Unsure {
                why: format!("{} of {} streams ended while jobs were driven, which may be noise: {how}", drive.ended, drive.open),
                wants: NonZeroU32::new(LEAST).filter(|_| is_repeatable(spec)).map(Want::Samples),
            },
            Some(_) if tape.ended.is_some() => one(tape, format!("{} of {} ended while jobs were driven: {how}", drive.ended, drive.open)),
            other => other.unwrap_or_else(|| unsure(how)),
        });
    }
    if drive.is_full {
        return Some(unsure("more events of jobs came, others' too, than are kept of so many subscribers: declare fewer of them"));
    }
    if drive.ledger.jobs.is_empty() && drive.is_drained {
        return Some(nothing(drive.ledger.emptiness()));
    }
    if drive.is_drained && (drive.missing > 0 || !drive.silent.is_empty()) {
        let waited = show_duration(spec.b.drains_within());
        return Some(unsure(format!(
            "events still came {waited} after the last job was acknowledged, {} of them had not reached their subscribers: this machine may be too slow to \
             read so many streams, or the service to write them",
            drive.missing
        )));
    }
    (!drive.is_drained).then_some(Found::Unseen { why: Unseen::Deadline })
}

/// Whether all got it at about the same time. An event during a stall of this machine cannot be told, and does not count.
fn skew(spec: &Spec, seen: &Observation) -> Found {
    let (Some(within), false) = (&spec.b.skew_within, seen.fan_outs.is_empty()) else { return Found::Unseen { why: Unseen::Deadline } };
    let limit = within.value.0;
    if let Some(found) = seen.fan_outs.iter().find(|d| d.skews.is_empty()).and_then(|d| in_the_way(spec, d, d.ended)) {
        return found;
    }
    let skews: Vec<&Skew> = seen.fan_outs.iter().flat_map(|d| &d.skews).collect();
    let count = |against: Against| number(skews.iter().filter(|s| s.took.against(limit) == against).count());
    let (late, near) = (count(Against::Beyond), count(Against::Near));
    let clear = number(skews.len()) - near;
    let is_repeatable = is_repeatable(spec);
    if clear < LEAST || clear < near {
        let wants = NonZeroU32::new(LEAST).filter(|_| is_repeatable && near > 0).map(Want::Samples);
        let why = format!("{clear} events are too few to tell how far apart they come, {near} more came while this machine stood still");
        return Found::Unsure { why, wants };
    }
    // The 99th percentile here too: one event of a hundred may be late.
    let bad = late.saturating_sub(clear / 100);
    let worst = || skews.iter().max_by_key(|s| s.took.lo).copied().cloned().unwrap_or_default();
    if !is_repeatable && (1..3).contains(&bad) {
        let worst = worst();
        return unsure(format!(
            "{late} of {clear} events came up to {} apart: too few to tell it from noise, and `drive` is not marked `repeatable`",
            worst.took
        ));
    }
    counted(bad, 0, clear, is_repeatable, || {
        let worst = worst();
        let observed = format!("{} came {} apart; {late} of {clear} events beyond the limit", worst.event, worst.took);
        let subscribers = seen.fan_outs.iter().map(|d| d.open).max().unwrap_or_default();
        let expected = format!("{subscribers} subscribers get each event within {} of the first of them (p99)", show_duration(limit));
        Finding::new(expected, observed).at(within.at)
    })
}
