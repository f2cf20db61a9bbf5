//! Holds what became of slow callers against the declared times, clause by clause. No I/O.

use super::look::{End, Observation, Ordinary, Slow, Way};
use super::spec::Spec;
use super::table;
use crate::kind::{Seen, Weight};
use crate::model::quantity::show_duration;
use crate::model::{At, Case, ClauseId, Finding, Found, Reading, Unseen};
use std::num::NonZeroU32;
use std::time::Duration;

#[cfg(test)]
mod tests;

/// What a slow caller shows, or a round of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Weighed {
    /// Cut off in time.
    Fine,
    /// Not in time: what was seen, and which of them.
    Bad(String),
    /// This machine cannot tell.
    Near(String),
    /// There is nothing to judge.
    Nothing(String),
    /// The environment does not allow it.
    Barred(String),
}

/// The declared time of a way.
pub(super) fn limit(spec: &Spec, way: Way) -> Option<Duration> {
    time(spec, way).map(|(_, time)| time)
}

fn time(spec: &Spec, way: Way) -> Option<(At, Duration)> {
    let limits = &spec.b;
    let time = match way {
        Way::HeadStopped | Way::HeadDripping => limits.slow_headers,
        Way::BodyStopped | Way::BodyDripping => limits.slow_body.as_ref().map(|b| b.b.after),
        Way::IdleUsed => limits.idle,
        Way::IdleUnused => limits.unused,
    };
    time.map(|time| (time.at, time.value.0))
}

/// The readings of every clause that was looked at.
pub(super) fn judge(spec: &Spec, seen: &Observation) -> Vec<Reading> {
    let mut readings = Vec::new();
    for clause in table::CLAUSES.iter().map(|c| c.id).filter(|id| seen.asked.iter().any(|asked| asked == id.0)) {
        let mut say = |case: &'static str, found: Found| readings.push(Reading { clause, case: Case::Borrowed(case), found });
        if clause == table::SERVED {
            say("before", served(&seen.before));
            if seen.before.good > 0 {
                say("after", served(&seen.after));
            }
            continue;
        }
        for way in ways(spec, clause) {
            say(way.case(), slow(spec, way, seen));
        }
    }
    readings
}

/// The ways that a clause is about.
fn ways(spec: &Spec, clause: ClauseId) -> Vec<Way> {
    let drips = spec.b.slow_body.as_ref().is_some_and(|b| b.b.dripping == Some(true));
    let all: &[Way] = match clause {
        table::SLOW_HEADERS => &[Way::HeadStopped, Way::HeadDripping],
        table::SLOW_BODY if drips => &[Way::BodyStopped, Way::BodyDripping],
        table::SLOW_BODY => &[Way::BodyStopped],
        _ if spec.b.unused.is_some() => &[Way::IdleUsed, Way::IdleUnused],
        _ => &[Way::IdleUsed],
    };
    all.to_vec()
}

fn served(told: &Ordinary) -> Found {
    let Some(worst) = &told.worst else {
        return match told.good {
            0 => Found::Unseen { why: Unseen::Deadline },
            n => Found::held(n as usize, ""),
        };
    };
    let finding = || worst.finding("an ordinary request is answered by a 2xx", format!("{}{}", worst.brief(), why(worst)));
    if worst.weight() == Weight::Proof {
        return Found::Proof(finding());
    }
    counted(told.bad, told.good + told.bad, finding)
}

/// What an answer to an ordinary request probably means.
fn why(seen: &Seen) -> String {
    let what = match (&seen.trouble, seen.status) {
        (Some(snag), _) if snag.name.ends_with("timeout") => "nothing is ever answered",
        (Some(_), _) => return String::new(),
        (None, Some(401 | 403)) => "it asks for a login",
        (None, Some(404 | 405 | 410)) => "there is nothing that takes this request",
        (None, Some(300..=399)) => return format!(": it sends on to {}", seen.header("location").unwrap_or("nowhere")),
        _ => return String::new(),
    };
    format!(": {what}")
}

/// The third bad one breaks it; one or two are a doubt.
fn counted(bad: u32, of: u32, worst: impl FnOnce() -> Finding) -> Found {
    match NonZeroU32::new(of) {
        None => Found::Unseen { why: Unseen::Deadline },
        Some(n) if bad == 0 => Found::Held { n },
        Some(of) if bad >= 3 => Found::Counted { bad, near: 0, of, worst: worst(), repeatable: false },
        Some(of) => Found::Unsure { why: format!("intermittent: {bad} of {of}: {}", worst().observed), wants: None },
    }
}

fn slow(spec: &Spec, way: Way, seen: &Observation) -> Found {
    if seen.before.worst.is_some() && seen.before.good == 0 {
        let why = "an ordinary request is not answered: time/served tells how".to_owned();
        return Found::Unseen { why: Unseen::NothingToJudge(why) };
    }
    let rounds = seen.rounds.get(way.name()).map(Vec::as_slice).unwrap_or_default();
    let (mut bad, mut fine, mut near, mut nothing, mut worst) = (0_u32, 0_u32, None, None, None);
    let mut barred = None;
    let each = rounds.iter().map(Vec::len).max().unwrap_or(1);
    for round in rounds {
        match weigh(spec, way, round) {
            Weighed::Fine => fine += 1,
            Weighed::Near(what) => near = Some(what),
            Weighed::Nothing(what) => nothing = Some(what),
            Weighed::Barred(what) => barred = Some(what),
            Weighed::Bad(what) => {
                bad += 1;
                let culprit = round.iter().find(|slow| matches!(weigh_one(spec, way, slow), Weighed::Bad(_)));
                worst = worst.or_else(|| culprit.map(|slow| (slow, what)));
            }
        }
    }
    // Behind one that asks for a login there may be another that holds its callers for ever: what was bad stays bad.
    match (bad, &near, nothing, barred) {
        (0, _, Some(what), _) => return Found::Unseen { why: Unseen::NothingToJudge(what) },
        (0, None, None, Some(what)) if fine == 0 => return Found::Unseen { why: Unseen::NotPermitted(what) },
        _ => {}
    }
    if fine + bad == 0 {
        return match near {
            Some(what) => Found::Unsure { why: what, wants: None },
            None => Found::Unseen { why: Unseen::Deadline },
        };
    }
    let finding = || {
        let nobody = Slow::default();
        let (slow, what) = worst.unwrap_or((&nobody, String::new()));
        let (at, limit) = time(spec, way).unwrap_or_default();
        let mut finding = Finding::new(
            format!("{} after {}, give or take {}", expected(way), show_duration(limit), show_duration(spec.b.guard(limit))),
            what,
        );
        finding.sent.clone_from(&slow.sent);
        finding.again = Some(slow.again.clone()).filter(|again| !again.is_empty());
        if !slow.said.is_empty() {
            finding = finding.detail("said", slow.said.clone());
        }
        finding.at(at)
    };
    if bad == 0 { Found::held(fine as usize * each, "") } else { counted(bad, bad + fine, finding) }
}

fn expected(way: Way) -> &'static str {
    match way {
        Way::HeadStopped => "who stops in the middle of a head is cut off",
        Way::HeadDripping => "who sends a byte of a head now and then is cut off",
        Way::BodyStopped => "who stops in the middle of a body is cut off",
        Way::BodyDripping => "who sends a byte of a body now and then is cut off",
        Way::IdleUsed => "a connection that was used is closed",
        Way::IdleUnused => "a connection that was never used is closed",
    }
}

/// What a round shows: the worst of its callers.
pub(super) fn weigh(spec: &Spec, way: Way, round: &[Slow]) -> Weighed {
    let rank = |w: &Weighed| match w {
        Weighed::Fine => 0,
        Weighed::Near(_) => 1,
        Weighed::Barred(_) => 2,
        Weighed::Nothing(_) => 3,
        Weighed::Bad(_) => 4,
    };
    round.iter().map(|slow| weigh_one(spec, way, slow)).max_by_key(rank).unwrap_or(Weighed::Near("nobody was slow".to_owned()))
}

fn weigh_one(spec: &Spec, way: Way, slow: &Slow) -> Weighed {
    let limit = limit(spec, way).unwrap_or_default();
    let guard = spec.b.guard(limit);
    let (least, most, took) = (limit.saturating_sub(guard), limit + guard, slow.took);
    let how = match &slow.end {
        End::Nothing(why) => return Weighed::Nothing(why.clone()),
        End::Barred(why) => return Weighed::Barred(why.clone()),
        End::Never(why) => return Weighed::Bad(format!("it did not come so far: {why}")),
        End::Open if took.lo > most => return Weighed::Bad(format!("still open after {took}")),
        End::Open => return Weighed::Near(format!("open for {took}: this machine stood still in that time")),
        End::Answered => slow.status.map_or_else(|| format!("answered by `{}`", slow.said), |status| format!("answered by {status}")),
        End::Closed => "closed".to_owned(),
        End::Reset => "reset".to_owned(),
    };
    let is_body = matches!(way, Way::BodyStopped | Way::BodyDripping);
    match slow.status {
        Some(status) if is_body && took.hi < least && status != 408 && status < 500 => {
            let hint = match status {
                401 | 403 => "it asks for a login",
                404 | 405 | 410 => "there is nothing that takes this request",
                300..=399 => "it sends on to another place",
                413 => "the body is too large for it",
                200..=299 => "it takes whatever comes",
                _ => "it has seen enough",
            };
            return Weighed::Nothing(format!("{} was answered by {status} after {took}, without waiting for the body: {hint}", slow.sent));
        }
        Some(status @ 200..=299) => return Weighed::Bad(format!("{how} after {took}: {status} to a part of a request")),
        _ => {}
    }
    if took.hi < least {
        Weighed::Bad(format!("{how} after {took} already"))
    } else if took.lo > most {
        Weighed::Bad(format!("{how} only after {took}"))
    } else if took.hi > most || took.lo < least {
        Weighed::Near(format!("{how} after {took}: this machine stood still in that time"))
    } else if !slow.is_closed {
        Weighed::Bad(format!("{how} after {took}, and the connection stays open"))
    } else {
        Weighed::Fine
    }
}

/// One line for the screen.
pub(super) fn summary(seen: &Observation) -> String {
    let one = |(name, rounds): (&String, &Vec<Vec<Slow>>)| Some(format!("{name} {}", rounds.last()?.first()?.took));
    seen.rounds.iter().filter_map(one).collect::<Vec<_>>().join(", ")
}
