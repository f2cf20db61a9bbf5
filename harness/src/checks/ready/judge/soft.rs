//! Judges whether a service stays in traffic without a soft dependency, and tells of it.

use super::super::look::{Observation, Outage};
use super::super::spec::Spec;
use super::super::table;
use super::not_judged;
use super::outage::near;
use super::{case, counted};
use crate::model::quantity::show_duration;
use crate::model::{Found, Reading, Unseen, interval::Against};

/// Three readings for each loss: it stays in traffic, it tells, and it takes back what it told.
pub(super) fn soft(spec: &Spec, seen: &Observation) -> Vec<Reading> {
    let mut readings = Vec::new();
    for name in spec.b.soft.iter().flat_map(|names| names.iter()) {
        for fault in table::LOSSES {
            let key = format!("{}/{fault}", name.value);
            let outages: Vec<&Outage> = seen.soft.iter().filter(|o| o.case == key).collect();
            let Some(last) = outages.last() else {
                readings.push(case(table::SOFT, key, not_judged(seen)));
                continue;
            };
            readings.push(case(table::SOFT, key.clone(), stays(&outages, last)));
            readings.push(case(table::SOFT, format!("{key}/told"), told(spec, last)));
            // Without a report of this loss there is nothing to take back.
            if outages.iter().any(|o| o.down.named.n > 0 && !o.down.is_stale) {
                readings.push(case(table::SOFT, format!("{key}/back"), taken_back(spec, &outages, last)));
            }
        }
    }
    readings
}

fn stays(outages: &[&Outage], last: &Outage) -> Found {
    let sum = |count: fn(&Outage) -> u32| outages.iter().map(|o| count(o)).sum::<u32>();
    let bad = sum(|o| o.down.unanswered.sure() + o.down.left.n);
    let (ours, of) = (sum(|o| o.down.unanswered.ours), sum(|o| o.down.polls.count));
    if bad + ours == 0 && !last.down.is_over {
        return Found::Unseen { why: Unseen::Deadline };
    }
    counted(bad, ours, of, true, "no answer came", || {
        let example = |o: &&Outage| o.down.left.last.clone().or_else(|| o.down.unanswered.last.clone());
        let example = outages.iter().find_map(example).expect("a bad or near one was counted, so there is one");
        let observed = format!("{}; {bad} of {of} polls", example.brief());
        let expected = format!("ready without `{}`, which is soft", last.dependency);
        example.finding(expected, observed).detail("outage", last.case.clone()).detail("last", last.down.polls.last_lines())
    })
}

/// A report that stays says nothing of the next loss, and wakes people for nothing.
fn taken_back(spec: &Spec, outages: &[&Outage], last: &Outage) -> Found {
    let limit = spec.b.recovers_within();
    let sum = |count: fn(&Outage) -> u32| outages.iter().map(|o| count(o)).sum::<u32>();
    let (bad, ours, of) = (sum(|o| o.up.late.sure()), sum(|o| o.up.late.ours), sum(|o| o.up.polls.count));
    if bad + ours > 0 {
        return counted(bad, ours, of, true, "", || {
            let late = outages.iter().find_map(|o| o.up.late.last.as_ref().map(|seen| (*o, seen)));
            let (outage, late) = late.expect("a late answer was counted, so there is one");
            let observed = match &outage.up.back {
                Some(back) => format!("taken back only after {}", back.took),
                None => format!("still told: {}", late.brief()),
            };
            let expected = format!("its report taken back within {} once `{}` is back", show_duration(limit), outage.dependency);
            late.finding(expected, observed).detail("outage", outage.case.clone()).detail("last", outage.up.polls.last_lines())
        });
    }
    match &last.up.back {
        Some(turn) if turn.took.against(limit) == Against::Within => Found::held(of as usize, ""),
        Some(turn) => near("it took its report back", turn.took, limit),
        None => Found::Unseen { why: Unseen::Deadline },
    }
}

/// Within the time that a hard dependency would have.
fn told(spec: &Spec, outage: &Outage) -> Found {
    let (down, limit) = (&outage.down, show_duration(spec.b.falls_within()));
    if down.is_stale {
        let why = format!(
            "it told of an earlier loss of `{}` when this one began, so a report of this one could not be told apart",
            outage.dependency
        );
        return Found::Unsure { why, wants: None };
    }
    match &down.unnamed.last {
        _ if down.named.n > 0 => Found::held(down.named.n as usize, ""),
        Some(silent) if down.is_over && down.unnamed.n >= 3 => {
            let expected = format!("a body that tells within {limit} that `{}` is lost", outage.dependency);
            let finding = silent.finding(expected, format!("{}, {} after the loss", silent.brief(), show_duration(down.lasted.lo)));
            Found::Proof(finding.detail("before", outage.before.brief()))
        }
        _ => Found::held(0, "too few answers came to tell what their bodies say"),
    }
}
