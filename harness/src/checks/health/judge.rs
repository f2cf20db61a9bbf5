//! Holds what was seen of liveness against the spec, clause by clause. No I/O.

use super::look::{Look, Observation, declared};
use super::spec::Spec;
use super::table;
use crate::kind::{Says, Seen};
use crate::model::interval::Against;
use crate::model::quantity::show_duration;
use crate::model::{Case, ClauseId, Finding, Found, Reading, Unseen, Want};
use crate::words::Miss;
use std::num::NonZeroU32;
use std::time::Duration;

mod answer;
mod outage;
mod strain;
#[cfg(test)]
mod tests;

/// Most bytes of a health answer's body.
pub(super) const MOST_BODY: u64 = 10 * 1024;

/// The readings of every clause that was looked at.
pub(super) fn judge(spec: &Spec, seen: &Observation) -> Vec<Reading> {
    let mut readings = Vec::new();
    for asked in &seen.asked {
        let Some(clause) = table::CLAUSES.iter().map(|c| c.id).find(|id| id.0 == asked) else { continue };
        let mut one = |found: Found| readings.push(Reading::of(clause, found));
        match clause {
            table::CODE => {
                one(code(spec, seen));
                if spec.b.expects_more() {
                    readings.push(case(clause, "expect", says(spec, seen)));
                }
            }
            table::FAST => one(fast(spec, seen)),
            table::AGREES => one(answer::agrees(seen)),
            table::NO_LEAK => one(answer::no_leak(seen)),
            table::UNDER_LOAD => one(strain::under_load(spec, seen)),
            table::NO_GROWTH => one(strain::no_growth(seen)),
            table::INDEPENDENT => readings.extend(outage::independent(spec, seen)),
            table::OPEN => readings.extend(answer::open(seen)),
            table::FRESH => readings.extend(answer::fresh(seen)),
            table::BOUNDED => readings.extend(answer::bounded(spec, seen)),
            _ => {}
        }
    }
    readings
}

/// A reading of one case.
fn case(clause: ClauseId, case: impl Into<Case>, found: Found) -> Reading {
    Reading { clause, case: case.into(), found }
}

/// Not looked at, because what it is about did not occur.
fn nothing(why: impl Into<String>) -> Found {
    Found::Unseen { why: Unseen::NothingToJudge(why.into()) }
}

/// Bad and near ones out of some, or held where there are none.
fn counted(bad: usize, near: usize, of: usize, none: &str, worst: impl FnOnce() -> Finding) -> Found {
    let Some(count) = u32::try_from(of).ok().and_then(NonZeroU32::new) else { return nothing(none) };
    if bad == 0 && near == 0 {
        return Found::Held { n: count };
    }
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Found::Counted { bad: number(bad), near: number(near), of: count, worst: worst(), repeatable: true }
}

/// `3 of 8 on fresh connections`.
fn share(bad: usize, of: usize) -> String {
    format!("{bad} of {of} on fresh connections")
}

/// The last three of a list, as people read them.
fn last_three<'a>(looks: impl DoubleEndedIterator<Item = &'a Look>) -> String {
    let mut lines: Vec<_> = looks.rev().take(3).map(|l| l.seen.line()).collect();
    lines.reverse();
    lines.join("; ")
}

fn code(spec: &Spec, seen: &Observation) -> Found {
    let (looks, of) = (&seen.plain.kept, seen.plain.count());
    if of == 0 {
        return Found::Unseen { why: Unseen::Deadline };
    }
    let wrong: Vec<&Look> = looks.iter().filter(|l| !l.right).collect();
    let proof = wrong.iter().find(|l| !l.confusable());
    let ours = wrong.iter().filter(|l| l.seen.maybe_ours()).count();
    let finding = |worst: &Look| {
        let expected = format!("{}, on every fresh connection", declared(spec));
        let mut finding = worst.seen.finding(expected, told(spec, worst)).detail("seen", share(wrong.len(), of));
        if wrong.len() > 1 {
            finding = finding.detail("last", last_three(wrong.iter().copied()));
        }
        finding.at(spec.b.expect.as_ref().and_then(|e| e.declared_status()).map(|s| s.at).unwrap_or_default())
    };
    if let Some(worst) = proof {
        return Found::Proof(finding(worst));
    }
    counted(wrong.len() - ours, ours, of, "no request was sent", || {
        let worst = wrong.iter().find(|l| !l.seen.maybe_ours()).or(wrong.first());
        finding(worst.expect("a bad or near one was counted, so there is one"))
    })
}

/// A wrong code in words: a redirect says where to.
fn told(spec: &Spec, look: &Look) -> String {
    match (look.seen.answered(), look.seen.header("location")) {
        (Some(status @ 300..=399), Some(to)) => format!("{status}, a redirect to {to}"),
        (Some(status @ 200..=299), _) if !declared(spec).fits(status) => {
            format!("{status}: successful, and not what a load balancer takes for it")
        }
        _ => look.seen.brief(),
    }
}

fn fast(spec: &Spec, seen: &Observation) -> Found {
    let Some(limit) = spec.b.limit() else { return nothing("`within` gives no limit") };
    let timed: Vec<&Look> = seen.plain.kept.iter().filter(|l| is_timed(&l.seen)).collect();
    let of = timed.len() + seen.plain.more as usize;
    within(limit, &timed, of, "no answer came that could be timed: health/code tells why")
        .map_finding(|f| f.at(spec.b.within.as_ref().map(|w| w.at).unwrap_or_default()))
}

/// A whole answer has a time; so has the lack of one, where waiting for it was given up.
fn is_timed(seen: &Seen) -> bool {
    seen.whole() || seen.trouble.as_ref().is_some_and(|s| s.name.ends_with("timeout"))
}

/// Times against a limit. The slowest for sure is the worst.
fn within(limit: Duration, timed: &[&Look], of: usize, none: &str) -> Found {
    let how_many = |kind: Against| timed.iter().filter(|l| l.seen.took.against(limit) == kind).count();
    let (bad, near) = (how_many(Against::Beyond), how_many(Against::Near));
    counted(bad, near, of, none, || {
        let worst = timed.iter().max_by_key(|l| (l.seen.took.lo, l.seen.took.hi)).expect("a bad or near one was counted, so there is one");
        let observed = match &worst.seen.trouble {
            Some(snag) => snag.text.clone(),
            None => format!("{} after {}", worst.seen.status.unwrap_or_default(), worst.seen.took),
        };
        let mut times: Vec<_> = timed.iter().map(|l| l.seen.took.hi).collect();
        times.sort_unstable_by(|a, b| b.cmp(a));
        let slowest: Vec<_> = times.iter().take(5).map(|t| show_duration(*t)).collect();
        worst
            .seen
            .finding(format!("a whole answer within {}, on every fresh connection", show_duration(limit)), observed)
            .detail("seen", share(bad, of))
            .detail("slowest", slowest.join(", "))
    })
}

fn says(spec: &Spec, seen: &Observation) -> Found {
    let right: Vec<&Look> = seen.plain.kept.iter().filter(|l| l.right).collect();
    let of = right.len() + seen.plain.more as usize;
    let wrong: Vec<&&Look> = right.iter().filter(|l| !l.missed.is_empty()).collect();
    match wrong.first() {
        Some(look) => {
            let first = &look.missed[0];
            let mut finding = look.seen.finding(spoken(first), first.observed.clone()).at(first.at).detail("seen", share(wrong.len(), of));
            for other in look.missed.iter().skip(1).take(5) {
                finding = finding.detail("also", format!("expected {}, got {}", spoken(other), other.observed));
            }
            Found::Proof(finding)
        }
        None => Found::held(of, &format!("no answer had the declared code {}: health/code tells why", declared(spec))),
    }
}

/// What was asked, with the place in the answer where it was.
fn spoken(miss: &Miss) -> String {
    if miss.name.is_empty() || miss.expected.contains(&miss.name) {
        miss.expected.clone()
    } else {
        format!("{} {}", miss.name, miss.expected)
    }
}

/// Changes the finding inside a reading, if there is one.
trait MapFinding {
    fn map_finding(self, f: impl FnOnce(Finding) -> Finding) -> Self;
}

impl MapFinding for Found {
    fn map_finding(self, f: impl FnOnce(Finding) -> Finding) -> Self {
        match self {
            Self::Proof(finding) => Self::Proof(f(finding)),
            Self::Counted { bad, near, of, worst, repeatable } => Self::Counted { bad, near, of, worst: f(worst), repeatable },
            other => other,
        }
    }
}

/// More samples, please.
fn more(why: impl Into<String>, samples: u32) -> Found {
    Found::Unsure { why: why.into(), wants: NonZeroU32::new(samples).map(Want::Samples) }
}

/// Whether the two say the same of the state.
fn same_state(a: &Look, b: &Look) -> bool {
    let (a, b): (Says, Says) = (a.says(), b.says());
    a.fits(&b)
}
