//! What is promised of refusals, of slots that come back, and of everything beside them.

use super::super::count::Proves;
use super::super::look::{Count, Observation, Trial, Turned, number};
use super::super::probe::{AFTER_ABORT, AFTER_FAILURE, AFTER_SUCCESS, MANY_MORE, ONE_MORE};
use super::super::spec::Spec;
use super::{late, not_here, nothing, thrice, unsure};
use crate::model::quantity::show_duration;
use crate::model::{Finding, Found};

/// Every refusal by the declared status, at once.
pub(super) fn status(spec: &Spec, seen: &Observation) -> Found {
    let refusals = &seen.refusals;
    let expected = format!("{} at once", spec.b.shown_refused());
    let at = spec.b.refused.as_ref().map(|r| r.at).unwrap_or_default();
    let of = refusals.right + refusals.wrong + refusals.queued;
    if of == 0 {
        return nobody_refused(seen);
    }
    if refusals.wrong > 0 {
        return thrice(refusals.wrong, of, "were refused by another status", || {
            let answer = refusals.wrong_one.clone().unwrap_or_default();
            answer.finding(expected, answer.brief()).at(at)
        });
    }
    if refusals.queued > 0 {
        return thrice(refusals.queued, of, "waited in silence", || {
            let answer = refusals.queued_one.clone().unwrap_or_default();
            let never = if answer.answered().is_none() { "never answered" } else { "left waiting in silence" };
            let observed = format!("{never}: {} after {}", answer.brief(), answer.took);
            answer.finding(expected, observed).at(at)
        });
    }
    if refusals.late > 0 {
        return thrice(refusals.late, of, "were refused late", || {
            let answer = refusals.late_one.clone().unwrap_or_default();
            answer.finding(expected, format!("{}, but only after {}", answer.brief(), answer.took)).at(at)
        });
    }
    if refusals.near * 2 >= of {
        return unsure(format!("{} of {of} refusals came so near to the longest time for one that it cannot be told", refusals.near));
    }
    Found::held((of - refusals.near) as usize, "nothing was refused")
}

fn nobody_refused(seen: &Observation) -> Found {
    match seen.trials.get(ONE_MORE) {
        Some(trial) if trial.done => nothing("nothing was refused: limit/exact tells how many were admitted"),
        _ => late(),
    }
}

/// Whether refusals say when to come again, and whether that is true.
pub(super) fn retry_after(spec: &Spec, seen: &Observation) -> Vec<(&'static str, Found)> {
    vec![("header", header(spec, seen)), ("honest", honest(seen))]
}

fn header(spec: &Spec, seen: &Observation) -> Found {
    let refusals = &seen.refusals;
    if let Some((what, answer)) = &refusals.says_not_one {
        let of = refusals.says + refusals.says_not;
        let observed = format!("{what}, in {} of {of} refusals", refusals.says_not);
        let expected = format!("{} with a Retry-After of more than 0", spec.b.shown_refused());
        return Found::Proof(answer.finding(expected, observed));
    }
    if let (0, Some(why)) = (refusals.says, &refusals.unknown) {
        return unsure(why.clone());
    }
    if refusals.says == 0 { nobody_refused(seen) } else { Found::held(refusals.says as usize, "") }
}

fn honest(seen: &Observation) -> Found {
    let honest = &seen.honest;
    let lies = number(honest.tries.iter().filter(|t| t.is_lie()).count());
    let told = number(honest.tries.iter().filter(|t| t.is_lie() || t.turned == Turned::True).count());
    if !honest.done && lies < 3 {
        return late();
    }
    if let Some(why) = honest.not_here.as_ref().filter(|_| told == 0) {
        return not_here(why.clone());
    }
    if told == 0 {
        return match honest.tries.iter().rev().find_map(|t| if let Turned::Void(why) = &t.turned { Some(why.clone()) } else { None }) {
            Some(why) => unsure(format!("in {} tries it could not be told: {why}", honest.tries.len())),
            None => nothing("no refusal said when to come again, or the limit is not kept"),
        };
    }
    thrice(lies, told, "were not true", || {
        let Some(lie) = honest.tries.iter().find(|t| t.is_lie()) else { return Finding::default() };
        let said = show_duration(lie.said.unwrap_or_default());
        let answer = lie.answer.clone().unwrap_or_default();
        let (expected, observed) = match lie.turned {
            Turned::TooLong => (
                format!("refused still after a quarter of the {said} that Retry-After told"),
                format!("accepted after {} already, when the first slot was free", lie.after),
            ),
            _ => (format!("accepted after the {said} that Retry-After told"), format!("refused after {}: {}", lie.after, answer.brief())),
        };
        answer.finding(expected, observed)
    })
}

/// Whether all slots are there again.
pub(super) fn returns(spec: &Spec, seen: &Observation) -> Vec<(&'static str, Found)> {
    let mut all = vec![("success", after(spec, seen, AFTER_SUCCESS, "waves that were served and refused"))];
    if spec.b.fails.is_some() {
        all.push(("failure", after(spec, seen, AFTER_FAILURE, "requests that failed")));
    }
    all.push(("abort", after(spec, seen, AFTER_ABORT, "callers that went away")));
    all
}

fn after(spec: &Spec, seen: &Observation, name: &str, what: &str) -> Found {
    let Some(trial) = seen.trials.get(name) else { return late() };
    if let Some(why) = &trial.not_here {
        return not_here(why.clone());
    }
    if let Some(why) = &trial.nothing {
        return nothing(why.clone());
    }
    let bad = number(trial.waves.iter().filter(|w| matches!(w.proves, Proves::Under | Proves::Broken)).count());
    if !trial.done && bad < 3 {
        return late();
    }
    // One more than the limit is none of this clause's.
    let good = number(trial.waves.iter().filter(|w| w.is_good() || w.proves == Proves::Over).count());
    if bad + good == 0 {
        let why = trial.waves.iter().rev().find_map(|w| if let Proves::Void(why) = &w.proves { Some(why.clone()) } else { None });
        return unsure(format!("it was never certain that all met: {}", why.unwrap_or_default()));
    }
    thrice(bad, bad + good, "waves", || short(spec, trial, what))
}

fn short(spec: &Spec, trial: &Trial, after: &str) -> Finding {
    let answer = trial.worst.clone().unwrap_or_default();
    let least = trial.waves.iter().filter(|w| w.is_bad()).map(|w| w.admitted).min().unwrap_or_default();
    let line = trial.waves.iter().find(|w| w.is_bad()).map(super::super::count::Wave::line).unwrap_or_default();
    let expected = format!("{} at once are admitted again after {after}", spec.b.in_all());
    answer
        .finding(expected, format!("only {least} are, in {} waves one after the other: {}", trial.waves.len(), answer.brief()))
        .detail("wave", line)
}

/// Whether the count rose by more than was served.
pub(super) fn no_effect(seen: &Observation) -> Found {
    if let Some(answer) = seen.no_effect.as_ref().filter(|_| seen.effects.is_empty()) {
        return unsure(format!("what was begun could not be counted: {}", answer.brief()));
    }
    let told: Vec<&Count> = seen.effects.iter().filter(|c| c.refused > 0).collect();
    if told.is_empty() {
        let is_done = seen.trials.get(MANY_MORE).is_some_and(|t| t.done);
        return if is_done {
            nothing("nothing was refused in the wave far beyond the limit, or not all of it was answered")
        } else {
            late()
        };
    }
    if let Some(count) = told.iter().find(|c| c.surplus() < 0.0) {
        let (rose, served) = (count.after - count.before, count.served);
        return unsure(format!(
            "the count rose by {rose} while {served} were accepted: it does not count what is begun, so it tells nothing of what was refused"
        ));
    }
    let bad = number(told.iter().filter(|c| c.surplus() > 0.0).count());
    thrice(bad, number(told.len()), "waves", || {
        let Some(count) = told.iter().find(|c| c.surplus() > 0.0) else { return Finding::default() };
        let (before, after, served, refused) = (count.before, count.after, count.served, count.refused);
        let expected = format!("{served} more, since so many were accepted");
        count.answer.finding(
            expected,
            format!("{before} before and {after} after: {} of the {refused} that were refused left something", count.surplus()),
        )
    })
}

/// Health while all slots were held.
pub(super) fn alive(spec: &Spec, seen: &Observation) -> Found {
    let alive = &seen.alive;
    let limit = spec.b.alive.as_ref().map(|a| a.b.within()).unwrap_or_default();
    let bad = alive.bad + alive.late;
    if alive.asked == 0 {
        let is_done = seen.trials.get(MANY_MORE).is_some_and(|t| t.done);
        return match (is_done, alive.void) {
            (false, _) => late(),
            (true, 0) => nothing("no wave that kept the limit held all slots long enough to ask"),
            (true, n) => unsure(format!(
                "{n} answers came, each when a slot may have been free again; ask for longer work than {}",
                show_duration(limit)
            )),
        };
    }
    if bad == 0 && alive.near > 0 {
        return unsure(format!(
            "{} of {} answers came so near to {} that it cannot be told",
            alive.near,
            alive.asked,
            show_duration(limit)
        ));
    }
    thrice(bad, alive.asked, "answers", || match &alive.worst {
        Some((missed, answer)) => answer.finding("healthy while all slots are held", missed.clone()),
        None => {
            let answer = alive.slowest.clone().unwrap_or_default();
            let observed = format!("{} after {}", answer.brief(), answer.took);
            answer.finding(format!("healthy within {} while all slots are held", show_duration(limit)), observed)
        }
    })
}
