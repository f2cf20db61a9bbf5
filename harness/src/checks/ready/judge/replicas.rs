//! Judges whether all replicas give the same answer and build.

use super::super::look::{Observation, Replica};
use super::super::spec::Spec;
use super::super::table;
use super::{NEVER_READY, case, counted, nothing, number};
use crate::kind::Says;
use crate::model::{Found, Reading, Want};
use std::collections::BTreeSet;
use std::num::NonZeroU32;

pub(super) fn replicas(spec: &Spec, seen: &Observation) -> Vec<Reading> {
    let clause = table::REPLICAS;
    let Some(asked) = &spec.b.replicas else { return vec![Reading::of(clause, nothing("`replicas` is not declared"))] };
    if seen.ready.is_none() {
        return vec![Reading::of(clause, nothing(NEVER_READY))];
    }
    if seen.replicas.is_empty() {
        let why = format!("no answer named a replica in `{}`", asked.header.value);
        return vec![Reading::of(clause, nothing(why))];
    }
    let mut readings = vec![case(clause, "answers", answers(asked.at_least(), seen))];
    if asked.build.is_some() {
        readings.push(case(clause, "builds", builds(seen)));
    }
    readings
}

fn names(seen: &Observation) -> String {
    seen.replicas.keys().take(8).cloned().collect::<Vec<_>>().join(", ")
}

/// The same code and the same word from all. A replica that is not ready could be noise, so it is counted.
fn answers(at_least: u32, seen: &Observation) -> Found {
    let polled: Vec<(&String, &Replica)> = seen.replicas.iter().filter(|(_, r)| r.ready + r.not_ready > 0).collect();
    let of: u32 = polled.iter().map(|(_, r)| r.ready + r.not_ready).sum();
    let bad: u32 = polled.iter().map(|(_, r)| r.not_ready).sum();
    if bad > 0 {
        return counted(bad, 0, of, true, "", || {
            let (name, worst) = polled.iter().max_by_key(|(_, r)| r.not_ready).expect("a bad answer was counted, so there is a replica");
            let observed = format!(
                "replica {name} was not ready {} of {} times: {}",
                worst.not_ready,
                worst.ready + worst.not_ready,
                worst.example.brief()
            );
            worst.example.finding("the same answer from every replica", observed).detail("replicas", names(seen))
        });
    }
    let says: Vec<Says> = polled.iter().map(|(_, r)| Says::of(&r.example)).collect();
    if let Some(other) = says.iter().position(|s| says.first().is_some_and(|first| !first.fits(s))) {
        let observed = format!("replica {} says {:?}, replica {} says {:?}", polled[0].0, says[0], polled[other].0, says[other]);
        return Found::Proof(polled[other].1.example.finding("the same answer from every replica", observed));
    }
    if number(polled.len()) < at_least {
        let why = format!("only {} of {at_least} replicas were met on {of} fresh connections: {}", polled.len(), names(seen));
        return Found::Unsure { why, wants: NonZeroU32::new(60).map(Want::Samples) };
    }
    Found::held(of as usize, "")
}

fn builds(seen: &Observation) -> Found {
    let all: BTreeSet<&String> = seen.replicas.values().flat_map(|r| &r.builds).collect();
    if all.len() > 1 {
        let each: Vec<_> = seen
            .replicas
            .iter()
            .take(8)
            .map(|(name, r)| format!("{name}: {}", r.builds.iter().cloned().collect::<Vec<_>>().join(" and ")))
            .collect();
        let example = seen.replicas.values().find(|r| !r.builds.is_empty()).map(|r| &r.example).expect("more than one build was counted");
        return Found::Proof(example.finding("the same build from every replica", each.join(", ")));
    }
    let named = seen.replicas.values().filter(|r| !r.builds.is_empty()).count();
    match &seen.no_build {
        Some(why) if named == 0 => nothing(why.clone()),
        _ => Found::held(named, "no build was read"),
    }
}
