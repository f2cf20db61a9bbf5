//! `limit/exact`: as many as promised, and not one more.

use super::super::count::{Proves, Wave};
use super::super::look::{Observation, Trial, number};
use super::super::probe::{K, MANY_MORE, NEXT, ONE_MORE};
use super::super::spec::Spec;
use super::super::table::EXACT;
use super::{case, edge, late, not_here, nothing, thrice, unsure};
use crate::kind::{Seen, Weight};
use crate::model::quantity::show_duration;
use crate::model::{Finding, Found, Reading};

pub(super) fn exact(spec: &Spec, seen: &Observation) -> Vec<Reading> {
    if let Some(found) = lone(seen) {
        return vec![Reading::of(EXACT, found)];
    }
    let mut readings: Vec<Reading> = match only_as_many(spec, seen) {
        // A service without any limit would do the same.
        Some(why) => vec![Reading::of(EXACT, not_here(why))],
        None => [K, ONE_MORE, MANY_MORE].into_iter().map(|name| case(EXACT, name, trial(spec, seen, name))).collect(),
    };
    let is_limited = readings.len() > 1;
    if let Some(noise) = &seen.lone.noise {
        let (bad, well) = (seen.lone.bad - seen.lone.turned_away, number(seen.lone.takes.len()));
        let why = format!("intermittent: {bad} of {} sent alone were not served: {}", bad + well, noise.brief());
        readings.push(case(EXACT, "alone", unsure(why)));
    }
    if is_limited && spec.b.counts_jobs() && spec.b.replicas() == 1 {
        readings.push(case(EXACT, NEXT, next(seen)));
    }
    readings
}

/// Why nothing was seen of a limit though as many as it were admitted, where the environment allows no more than that.
pub(super) fn only_as_many(spec: &Spec, seen: &Observation) -> Option<String> {
    let why = seen.trials.get(ONE_MORE)?.not_here.as_ref().filter(|_| seen.is_kept(K))?;
    // What its first wave saw is told by the cases.
    seen.trials.get(K).filter(|trial| trial.first_try.is_none())?;
    let beyond = [ONE_MORE, MANY_MORE].into_iter().filter_map(|name| seen.trials.get(name)).flat_map(|trial| &trial.waves);
    let nobody_beyond = beyond.into_iter().all(|wave| wave.refused + wave.queued == 0 && !wave.is_bad());
    nobody_beyond.then(|| format!("{} at once were admitted; that one more is not cannot be shown: {why}", spec.b.k()))
}

/// One alone that was not served, or that tells nothing.
fn lone(seen: &Observation) -> Option<Found> {
    let lone = &seen.lone;
    if !lone.done {
        return Some(late());
    }
    if let (true, Some(worst)) = (lone.takes.is_empty(), &lone.worst) {
        if let Some((expected, observed)) = &lone.missed {
            return Some(Found::Proof(worst.finding(expected.clone(), observed.clone())));
        }
        if is_silent(worst) {
            return Some(unsure(format!(
                "one alone had no answer in {}: where the work takes longer, give the check a higher `timeout`, of which a quarter is waited",
                show_duration(worst.took.lo)
            )));
        }
        let finding = worst.finding("one request alone is served (2xx)", format!("{}{}", worst.brief(), why(worst)));
        return Some(match worst.weight() {
            Weight::Proof => Found::Proof(finding),
            Weight::Confusable => thrice(lone.bad, lone.bad, "were not served", || finding),
        });
    }
    lone.stop.clone().map(unsure)
}

/// Connected and sent, and not answered in time: it may be work that takes longer.
fn is_silent(seen: &Seen) -> bool {
    seen.trouble.as_ref().is_some_and(|snag| matches!(snag.name.as_str(), "first-byte-timeout" | "head-timeout" | "total-timeout"))
}

/// What an answer to one request alone probably means.
fn why(seen: &Seen) -> String {
    let what = match (&seen.trouble, seen.status) {
        (Some(snag), _) if snag.name.ends_with("timeout") => "nothing is ever answered",
        (Some(_), _) => return String::new(),
        (None, Some(401 | 403)) => "it asks for a login",
        (None, Some(404 | 405 | 410)) => "there is nothing that takes this request",
        (None, Some(400 | 413 | 415 | 422)) => "it does not take this sample",
        (None, Some(408 | 429 | 503)) => "every slot was taken all the time, or there is none",
        (None, Some(300..=399)) => {
            return format!(": it sends on to {}", seen.header("location").unwrap_or("nowhere"));
        }
        _ => return String::new(),
    };
    format!(": {what}")
}

fn trial(spec: &Spec, seen: &Observation, name: &str) -> Found {
    let Some(trial) = seen.trials.get(name) else {
        let is_over = seen.trials.get(K).is_some_and(|k| k.done && !seen.is_kept(K));
        return if is_over { nothing("not tried, since case `k` is not kept") } else { late() };
    };
    if let Some(why) = &trial.not_here {
        return not_here(why.clone());
    }
    let (good, bad) = (trial.good(), trial.bad());
    if !trial.done && bad < 3 {
        return late();
    }
    if trial.waves.is_empty() {
        let why = format!("no wave is larger than `{ONE_MORE}` here: the environment allows no more connections");
        return not_here(why);
    }
    if bad == 0 && good < trial.wanted.max(1) {
        let why = trial.waves.iter().rev().find_map(|w| if let Proves::Void(why) = &w.proves { Some(why.clone()) } else { None });
        return unsure(format!("in {} waves it was never certain that all met: {}", trial.waves.len(), why.unwrap_or_default()));
    }
    // What held a slot then may have been anybody's, or none may have been there: it is no proof, and no reason to be silent.
    if let (0, Some(first)) = (bad, &trial.first_try) {
        let told = trial.told() + 1;
        return unsure(format!(
            "intermittent: 1 of {told} waves: in the first of them, {}, as where others still held slots",
            first.line()
        ));
    }
    thrice(bad, trial.told(), "waves", || finding(spec, seen, trial))
}

fn finding(spec: &Spec, seen: &Observation, trial: &Trial) -> Finding {
    let limits = &spec.b;
    let nobody = Wave::default();
    let wave = trial.waves.iter().find(|w| w.is_bad()).unwrap_or(&nobody);
    let answer = trial.worst.clone().unwrap_or_default();
    let what = if limits.counts_jobs() { "jobs" } else { "requests" };
    let expected = match limits.replicas() {
        1 => format!("{} {what} at once, and not one more", limits.k()),
        n => format!("{} {what} at once in each of {n} processes, and not one more", limits.k()),
    };
    let (sent, admitted) = (wave.sent, wave.admitted);
    let observed = match wave.proves {
        Proves::Over if wave.half_way.is_some() => {
            let after = show_duration(wave.half_way.unwrap_or_default());
            format!(
                "{admitted} of {sent} were admitted: one more {after} after {} others, of which none had ended",
                admitted.saturating_sub(1)
            )
        }
        Proves::Over => format!("{admitted} of {sent} were admitted at once"),
        Proves::Under if wave.refused > 0 => {
            format!("only {admitted} of {sent} were admitted at once, and {} refused: {}", wave.refused, answer.brief())
        }
        Proves::Under => format!("only {admitted} of {sent} were admitted at once, and the others had to wait for a slot"),
        _ => format!("{} of {sent} were neither served nor refused: {}", wave.broken, answer.brief()),
    };
    let mut finding = answer.finding(expected, observed).detail("wave", wave.line()).at(limits.limit.at);
    if let Some(edge) = edge(seen, limits.k()) {
        finding = finding.detail("limit", edge);
    }
    if let Some(first) = wave.first_end {
        let spread = show_duration(wave.spread);
        finding = finding.detail("certificate", format!("all released within {spread}, the first served after {first}"));
    }
    if let (Proves::Under, Some(after)) = (&wave.proves, wave.after) {
        finding = finding.detail("after", format!("its last bytes went out {} after the answers before", show_duration(after)));
    }
    if let Some(first) = &trial.first_try {
        finding = finding.detail("before", format!("a first wave, not counted: {}", first.line()));
    }
    finding
}

/// One more once a job has ended.
fn next(seen: &Observation) -> Found {
    let tried = super::number(seen.next.len());
    let bad = super::number(seen.next.iter().filter(|n| !n.accepted).count());
    if tried == 0 {
        let is_done = seen.trials.get(ONE_MORE).is_some_and(|t| t.done) || seen.trials.get(K).is_some_and(|t| t.done && !seen.is_kept(K));
        return if is_done { nothing("no job was seen to end while all others were held") } else { late() };
    }
    if bad == 0 {
        return Found::held(tried as usize, "");
    }
    let first = seen.next.iter().find(|n| !n.accepted);
    let after = show_duration(first.map(|n| n.after).unwrap_or_default());
    let answer = first.and_then(|n| n.answer.clone());
    let observed = answer.as_ref().map_or_else(|| "it goes on waiting".to_owned(), Seen::brief);
    let finding =
        answer.unwrap_or_default().finding("one more is accepted once a job has ended", format!("{observed}, also {after} after that"));
    thrice(bad, tried, "were not accepted", || finding)
}
