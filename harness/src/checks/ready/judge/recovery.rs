//! Judges whether a service recovers once its dependency is back: in time, really, and as the same process.

use super::super::look::{Asked, Observation, Outage};
use super::super::spec::Spec;
use super::super::table;
use super::outage::{by_case, cycles, near};
use super::{case, counted, not_judged, nothing, number};
use crate::kind::Weight;
use crate::model::quantity::show_duration;
use crate::model::{Found, Reading, Unseen, interval::Against};

/// In time, by case; real requests and the process, by loss.
pub(super) fn recovers(spec: &Spec, seen: &Observation) -> Vec<Reading> {
    let mut readings = Vec::new();
    for (key, outages) in by_case(spec, seen, cycles(spec)) {
        readings.push(case(table::RECOVERS, key, in_time(spec, seen, &outages)));
    }
    for (key, _) in by_case(spec, seen, &[""]) {
        let outages: Vec<&Outage> = seen.outages.iter().filter(|o| o.family == key && o.up.back.is_some()).collect();
        if outages.is_empty() {
            continue;
        }
        if spec.b.real.is_some() {
            readings.push(case(table::RECOVERS, format!("{key}/real"), really(spec, &outages)));
        }
        if spec.b.boot_id.is_some() {
            readings.push(case(table::RECOVERS, format!("{key}/process"), same_process(&outages)));
        }
    }
    readings
}

fn in_time(spec: &Spec, seen: &Observation, outages: &[&Outage]) -> Found {
    let limit = spec.b.recovers_within();
    let Some(last) = outages.last() else { return not_judged(seen) };
    if outages.iter().all(|o| o.down.left.n == 0) {
        return match last.down.is_over {
            true => nothing("it never fell, so there was nothing to recover from: ready/falls tells why"),
            false => Found::Unseen { why: Unseen::Deadline },
        };
    }
    let (bad, ours) = outages.iter().fold((0, 0), |(bad, ours), o| (bad + o.up.late.sure(), ours + o.up.late.ours));
    let of = outages.iter().map(|o| o.up.polls.count).sum::<u32>();
    if bad > 0 || ours > 0 {
        return counted(bad, ours, of, true, "", || {
            let late = outages.iter().find_map(|o| o.up.late.last.as_ref().map(|seen| (*o, seen)));
            let (outage, late) = late.expect("a late answer was counted, so there is one");
            let observed = match &outage.up.back {
                Some(back) => format!("ready only after {}", back.took),
                None => format!("still not ready: {}", late.brief()),
            };
            let expected = format!("ready within {} once `{}` is back", show_duration(limit), outage.dependency);
            let finding = late.finding(expected, observed).detail("outage", outage.case.clone());
            let at = spec.b.recovers_within.as_ref().map(|r| r.at).unwrap_or_default();
            finding.detail("last", outage.up.polls.last_lines()).at(at)
        });
    }
    match &last.up.back {
        Some(turn) if turn.took.against(limit) == Against::Within => Found::held(of as usize, ""),
        Some(turn) => near("it was ready again", turn.took, limit),
        None => Found::Unseen { why: Unseen::Deadline },
    }
}

/// Requests that callers make, right after it called itself ready again.
fn really(spec: &Spec, outages: &[&Outage]) -> Found {
    let all: Vec<(&Outage, &Asked)> = outages.iter().flat_map(|o| o.up.real.iter().map(move |asked| (*o, asked))).collect();
    let bad: Vec<_> = all.iter().filter(|(_, asked)| !asked.fine).collect();
    let is_repeatable = spec.b.real.as_ref().is_some_and(|real| real.a.is_repeatable());
    let worst = bad.iter().find(|(_, asked)| asked.seen.weight() == Weight::Proof).or(bad.first());
    let finding = || {
        let (outage, asked) = worst.expect("a bad one was counted, so there is one");
        let observed = format!("{}; {} of {} failed", asked.observed(), bad.len(), all.len());
        let finding = asked.seen.finding(asked.expected(), observed).detail("after", outage.case.clone());
        outage.up.back.as_ref().map(|back| back.seen.line()).into_iter().fold(finding, |f, line| f.detail("ready", line))
    };
    match worst {
        Some((_, asked)) if asked.seen.weight() == Weight::Proof => Found::Proof(finding()),
        _ if all.is_empty() => Found::Unseen { why: Unseen::Deadline },
        _ => counted(number(bad.len()), 0, number(all.len()), is_repeatable, "", finding),
    }
}

/// A service that restarts to recover drops everything that it was doing.
fn same_process(outages: &[&Outage]) -> Found {
    if let Some((outage, (seen, what))) = outages.iter().find_map(|o| o.boot.changed.as_ref().map(|changed| (o, changed))) {
        let expected = format!("the same process after {}", outage.case);
        return Found::Proof(seen.finding(expected, what.clone()));
    }
    let same: u32 = outages.iter().map(|o| o.boot.same).sum();
    let why = outages.iter().find_map(|o| o.boot.unreadable.clone());
    Found::held(same as usize, why.as_deref().unwrap_or("no replica that was met before the loss was met after it"))
}
