//! Judges the time during which a hard dependency was lost: it must leave traffic in time, once, and say why.

use super::super::look::{Observation, Outage, Tally};
use super::super::spec::Spec;
use super::super::table;
use super::{case, counted, lies, not_judged, nothing, pairs};
use crate::kind::Seen;
use crate::model::quantity::show_duration;
use crate::model::{Case, Found, Interval, Reading, Unseen, Want, interval::Against};
use std::collections::BTreeMap;
use std::time::Duration;

/// A limit that lies inside the measured interval: look again with a finer step.
pub(super) fn near(what: &str, took: Interval, limit: Duration) -> Found {
    let why = format!("{what} after {took}, and the limit of {} lies between", show_duration(limit));
    Found::Unsure { why, wants: Some(Want::Finer(limit / 400)) }
}

/// The outages of each case, in order: the cases of all losses that the spec names, also of those that were never begun.
pub(super) fn by_case<'a>(spec: &Spec, seen: &'a Observation, cycles: &[&str]) -> BTreeMap<Case, Vec<&'a Outage>> {
    let names = spec.b.hard.iter().flat_map(|names| names.iter());
    let each = names.flat_map(|name| table::LOSSES.iter().map(move |fault| format!("{}/{fault}", name.value)));
    let all = each.flat_map(|family| cycles.iter().map(move |cycle| format!("{family}{cycle}")));
    all.map(|key| {
        let outages = seen.outages.iter().filter(|o| o.case == key).collect();
        (Case::from(key), outages)
    })
    .collect()
}

/// The cycles of each loss.
pub(super) fn cycles(spec: &Spec) -> &'static [&'static str] {
    if spec.b.recovers_within.is_some() { &["", "/again"] } else { &[""] }
}

/// 503 in time, by case; what the body says of it, by loss.
pub(super) fn falls(spec: &Spec, seen: &Observation) -> Vec<Reading> {
    let mut readings = Vec::new();
    for (key, outages) in by_case(spec, seen, cycles(spec)) {
        readings.push(case(table::FALLS, key, fell(spec, seen, &outages)));
    }
    for (key, _) in by_case(spec, seen, &[""]) {
        let outages: Vec<&Outage> = seen.outages.iter().filter(|o| o.family == key).collect();
        if outages.iter().any(|o| o.down.left.n > 0) {
            readings.push(case(table::FALLS, format!("{key}/body"), body(&outages)));
        }
    }
    readings
}

/// `db` by blackhole.
fn loss(outage: &Outage) -> String {
    let fault = outage.family.strip_prefix(&outage.dependency).unwrap_or_default().trim_start_matches('/');
    format!("`{}` by {fault}", outage.dependency)
}

/// The worst of what was seen of one case.
fn fell(spec: &Spec, seen: &Observation, outages: &[&Outage]) -> Found {
    let limit = spec.b.falls_within();
    let Some(last) = outages.last() else { return not_judged(seen) };
    let expected = format!("503 within {} of the loss of {}, and until it is back", show_duration(limit), loss(last));
    let finding = |outage: &Outage, at: &Seen, observed: String| {
        let lasted = show_duration(outage.down.lasted.hi);
        let mut finding = at.finding(expected.clone(), observed).detail("outage", format!("{}, {lasted} long", loss(outage)));
        if let Some(pair) = outage.down.pairs.first() {
            finding = finding.detail("meanwhile", pair.real.seen.line());
        }
        let at = spec.b.falls_within.as_ref().map(|f| f.at).unwrap_or_default();
        finding.detail("last", outage.down.polls.last_lines()).at(at)
    };
    let never = |o: &&&Outage| o.down.is_over && o.down.fell.is_none() && o.down.late.n >= 3 && o.down.unanswered.n == 0;
    if let Some(outage) = outages.iter().find(never) {
        let lasted = show_duration(outage.down.lasted.lo);
        let example = outage.down.late.last.as_ref().expect("a late answer was counted, so there is one");
        return Found::Proof(finding(outage, example, format!("{}, {lasted} after the loss: it never fell", example.brief())));
    }
    let sum = |count: fn(&Outage) -> u32| outages.iter().map(|o| count(o)).sum::<u32>();
    let bad = sum(|o| o.down.unanswered.sure() + o.down.odd.n + o.down.late.n);
    let ours = sum(|o| o.down.unanswered.ours);
    let of = sum(|o| o.down.polls.count);
    let example = |tally: fn(&Outage) -> &Tally| outages.iter().find_map(|o| tally(o).last.as_ref().map(|seen| (*o, seen)));
    if bad > 0 || ours > 0 {
        return counted(bad, ours, of, true, "", || {
            if let Some((outage, late)) = example(|o| &o.down.late) {
                let observed = match &outage.down.fell {
                    Some(fell) => format!("503 only after {}", fell.took),
                    None => format!("{}, {} after the loss", late.brief(), show_duration(outage.down.lasted.lo)),
                };
                return finding(outage, late, observed);
            }
            if let Some((outage, hung)) = example(|o| &o.down.unanswered) {
                let patience = show_duration(spec.b.patience());
                let observed = format!("{}: an answer must come within {patience}, whatever is lost", hung.brief());
                return finding(outage, hung, observed);
            }
            let (outage, odd) = example(|o| &o.down.odd).expect("something bad or near was counted, so there is an example");
            finding(outage, odd, format!("{}: not ready, and not by 503", odd.brief()))
        });
    }
    match &last.down.fell {
        Some(turn) if turn.took.against(limit) == Against::Within && last.down.is_over => Found::held(of as usize, ""),
        Some(turn) if turn.took.against(limit) == Against::Near => near("it fell", turn.took, limit),
        _ => Found::Unseen { why: Unseen::Deadline },
    }
}

/// Names the dependency, not its address.
fn body(outages: &[&Outage]) -> Found {
    if let Some((outage, (seen, address))) = outages.iter().find_map(|o| o.down.address.as_ref().map(|address| (o, address))) {
        let expected = format!("a body that names `{}` and not where it lives", outage.dependency);
        return Found::Proof(seen.finding(expected, format!("`{address}` in the body, which anyone may read")));
    }
    let named: u32 = outages.iter().map(|o| o.down.named.n).sum();
    let silent = outages.iter().find(|o| o.down.is_over && o.down.named.n == 0 && o.down.unnamed.n >= 3);
    match silent.and_then(|o| o.down.unnamed.last.as_ref().map(|seen| (o, seen))) {
        Some((outage, seen)) => {
            let expected = format!("a body that says that `{}` is lost, by this name", outage.dependency);
            let finding = seen.finding(expected, format!("{}, in {} answers", seen.brief(), outage.down.unnamed.n));
            Found::Proof(finding.detail("before", outage.before.brief()))
        }
        None => Found::held(named as usize, "too few 503 came to tell what their bodies say"),
    }
}

/// One transition down, one up.
pub(super) fn steady(seen: &Observation) -> Vec<Reading> {
    let mut readings = Vec::new();
    for (key, outages) in grouped(seen, |o| o.down.fell.is_some()) {
        let sum = |count: fn(&Outage) -> u32| outages.iter().map(|o| count(o)).sum::<u32>();
        let bad = sum(|o| o.down.flaps.sure() + o.up.flaps.sure());
        let ours = sum(|o| o.down.flaps.ours + o.up.flaps.ours);
        let of = sum(|o| o.down.polls.count + o.up.polls.count);
        // What was cut short shows no steadiness, but a flap is one.
        if bad + ours == 0 && !outages.iter().all(|o| o.up.is_over && o.up.back.is_some()) {
            continue;
        }
        let found = counted(bad, ours, of, true, "", || {
            let up = |o: &Outage| o.down.flaps.last.clone().map(|seen| (seen, "ready again while it was still lost"));
            let down = |o: &Outage| o.up.flaps.last.clone().map(|seen| (seen, "not ready again after it had recovered"));
            let flap = outages.iter().find_map(|o| up(o).or_else(|| down(o)).map(|(seen, what)| (*o, seen, what)));
            let (outage, flap, what) = flap.expect("a flap was counted, so there is one");
            let expected = format!("one transition down and one up around the loss of {}", loss(outage));
            flap.finding(expected, format!("{what}: {}; {bad} of {of} polls", flap.brief()))
        });
        readings.push(case(table::STEADY, key, found));
    }
    readings
}

/// Ready and failing while a dependency is lost, after it must have fallen.
pub(super) fn truthful(seen: &Observation) -> Vec<Reading> {
    let each = grouped(seen, |o| !o.down.pairs.is_empty()).into_iter();
    each.map(|(key, outages)| {
        let all: Vec<_> = outages.iter().flat_map(|o| o.down.pairs.iter().cloned()).collect();
        case(table::TRUTHFUL, key, lies(&all).unwrap_or_else(|| pairs(&all)))
    })
    .collect()
}

/// All replicas fall, and not all but one.
pub(super) fn replicas(spec: &Spec, seen: &Observation) -> Vec<Reading> {
    if spec.b.replicas.is_none() {
        return Vec::new();
    }
    let has_some = |o: &Outage| o.down.is_over && o.down.turned.values().any(|down| *down);
    let each = grouped(seen, has_some).into_iter();
    each.map(|(key, outages)| {
        let stale = outages.iter().find(|o| o.down.turned.values().any(|down| !*down) && o.down.late.n > 0);
        let found = match stale {
            Some(outage) => {
                let up = outage.down.turned.iter().filter(|(_, down)| !**down).map(|(name, _)| name.as_str());
                let names = up.collect::<Vec<_>>().join(", ");
                counted(outage.down.late.n, 0, outage.down.polls.count, true, "", || {
                    let example = outage.down.late.last.as_ref().expect("a late answer was counted, so there is one");
                    let observed = format!("replica {names} stayed ready while others fell: {}", example.brief());
                    example.finding(format!("the same answer from every replica without {}", loss(outage)), observed)
                })
            }
            None => Found::held(outages.iter().map(|o| o.down.turned.len()).sum(), "no replica was met"),
        };
        case(table::REPLICAS, key, found)
    })
    .collect()
}

/// The outages that show something, by case.
fn grouped(seen: &Observation, shows: impl Fn(&Outage) -> bool) -> BTreeMap<Case, Vec<&Outage>> {
    let mut groups: BTreeMap<Case, Vec<&Outage>> = BTreeMap::new();
    for outage in seen.outages.iter().filter(|o| shows(o)) {
        groups.entry(outage.case.clone().into()).or_default().push(outage);
    }
    groups
}

/// What was not begun, and why.
pub(super) fn missing(seen: &Observation) -> Found {
    match &seen.no_more {
        Some(why) => nothing(why.clone()),
        None => Found::Unseen { why: Unseen::Deadline },
    }
}
