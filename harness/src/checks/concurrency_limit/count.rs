//! Counts a wave: who was admitted at once, who waited, who was refused, and whether all of them met. Pure.
//!
//! An admitted request takes at least half of the time that one takes alone, so whoever ends within that of the first end was in work
//! when the first ended: those met for sure. Whoever ends by three quarters of that time later, or more, may have waited for a slot. What lies
//! between can be neither and makes the wave void. Refusals need no clock: one that comes while fewer than the limit were ever admitted is wrong.

use crate::model::Interval;
use crate::model::quantity::show_duration;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// What became of one request of a wave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// In work when the first one ended.
    Admitted,
    /// Served, or still waiting, a slot's time later.
    Queued,
    /// Served, and it cannot be told which of the two.
    Unclear,
    /// Told that there is no place.
    Refused,
    /// None of these: reset, cut off, another answer.
    Broken,
}

/// How a request of a wave ended.
#[derive(Clone, Debug)]
pub(super) struct Landed {
    /// When it ended, since the first release.
    pub(super) end: Interval,
    pub(super) ending: Ending,
    /// Who answered, where it says so.
    pub(super) replica: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// A whole 2xx.
    Served,
    /// A whole answer that refuses.
    Refused,
    /// No answer in the time that was given.
    Silent,
    /// Anything else.
    Broken,
}

/// What a wave is held against.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    /// The promised number.
    pub(super) limit: u32,
    /// Processes that have it each.
    pub(super) replicas: u32,
    /// Whether each of them is judged by itself.
    pub(super) apart: bool,
    /// Least time that one takes alone.
    pub(super) takes: Duration,
    /// Between the first and the last release.
    pub(super) spread: Duration,
}

/// A wave, counted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Wave {
    /// Requests in it.
    pub(super) sent: u32,
    /// In work at one moment, for sure.
    pub(super) admitted: u32,
    /// Served later, or still waiting.
    pub(super) queued: u32,
    /// Served, and it cannot be told when they began.
    pub(super) unclear: u32,
    /// Refused.
    pub(super) refused: u32,
    /// Neither served nor refused.
    pub(super) broken: u32,
    /// Between the first and the last release.
    pub(super) spread: Duration,
    /// When the first one that was admitted ended, since the first release.
    pub(super) first_end: Option<Interval>,
    /// Admitted by each process, where they name themselves.
    pub(super) by_replica: BTreeMap<String, u32>,
    /// What it proves.
    pub(super) proves: Proves,
}

/// What a wave proves of the limit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Proves {
    /// As many as promised were admitted at once, and no more.
    Kept,
    /// More were.
    Over,
    /// Fewer were, though there was room.
    Under,
    /// Some were answered by nothing that is an answer to this.
    Broken,
    /// Nothing: it was not held against anything yet.
    #[default]
    Nothing,
    /// Nothing, for this reason.
    Void(String),
}

/// Most processes that are told apart.
const MOST_REPLICAS: usize = 64;

/// Counts a wave of requests that hold their slots until they are answered.
pub(super) fn count(landed: &[Landed], terms: &Terms) -> (Wave, Vec<Fate>) {
    let served = || landed.iter().filter(|l| l.ending == Ending::Served);
    // The earliest moment at which the first one may have ended, and the latest.
    let first = served().map(|l| l.end.lo).min().zip(served().map(|l| l.end.hi).min()).map(|(lo, hi)| Interval { lo, hi });
    let fates: Vec<Fate> = landed.iter().map(|l| fate(l, first, terms.takes)).collect();
    let number = |fate: Fate| u32::try_from(fates.iter().filter(|f| **f == fate).count()).unwrap_or(u32::MAX);
    let mut by_replica = BTreeMap::new();
    for (landed, _) in landed.iter().zip(&fates).filter(|(_, fate)| **fate == Fate::Admitted) {
        let room = by_replica.len() < MOST_REPLICAS;
        if let Some(name) = landed.replica.as_ref().filter(|name| room || by_replica.contains_key(*name)) {
            *by_replica.entry(name.clone()).or_default() += 1;
        }
    }
    let mut wave = Wave {
        sent: u32::try_from(landed.len()).unwrap_or(u32::MAX),
        admitted: number(Fate::Admitted),
        queued: number(Fate::Queued),
        unclear: number(Fate::Unclear),
        refused: number(Fate::Refused),
        broken: number(Fate::Broken),
        spread: terms.spread,
        first_end: first,
        by_replica,
        proves: Proves::Nothing,
    };
    wave.proves = proves(&wave, terms);
    (wave, fates)
}

fn fate(landed: &Landed, first: Option<Interval>, takes: Duration) -> Fate {
    let is_later = |first: Interval| landed.end.lo >= first.hi + takes * 3 / 4;
    match (landed.ending, first) {
        (Ending::Refused, _) => Fate::Refused,
        (Ending::Broken, _) | (Ending::Silent | Ending::Served, None) => Fate::Broken,
        (Ending::Silent | Ending::Served, Some(first)) if is_later(first) => Fate::Queued,
        (Ending::Silent, Some(_)) => Fate::Broken,
        (Ending::Served, Some(first)) if landed.end.hi < first.lo + takes / 2 => Fate::Admitted,
        (Ending::Served, Some(_)) => Fate::Unclear,
    }
}

fn proves(wave: &Wave, terms: &Terms) -> Proves {
    let least = terms.limit.min(wave.sent);
    let most = terms.limit.saturating_mul(terms.replicas);
    let served = wave.admitted + wave.queued + wave.unclear;
    if wave.broken > 0 {
        return Proves::Broken;
    }
    // Fewer were ever admitted than there are slots, and somebody was refused: no clock is needed to see that it is wrong.
    if served < least {
        return Proves::Under;
    }
    if let Some(void) = uncertain(wave, terms) {
        return Proves::Void(void);
    }
    if wave.admitted > most || terms.apart && wave.by_replica.values().any(|n| *n > terms.limit) {
        return Proves::Over;
    }
    if wave.admitted + wave.unclear < least {
        return Proves::Under;
    }
    if wave.unclear > 0 {
        let half = show_duration(terms.takes / 2);
        return Proves::Void(format!(
            "{} ended more than {half} after the first, and not so late that they waited for a slot",
            wave.unclear
        ));
    }
    Proves::Kept
}

/// Why it is not certain that all of them met: the certificate of simultaneity.
fn uncertain(wave: &Wave, terms: &Terms) -> Option<String> {
    let first = wave.first_end?;
    let (spread, takes) = (show_duration(wave.spread), show_duration(terms.takes));
    // Answered from memory, or begun before its last byte was there: then the times after the release say nothing of slots.
    if first.hi < terms.takes / 2 {
        return Some(format!(
            "the first was served after {first} already, and one alone takes {takes}: so it is not known who held a slot"
        ));
    }
    if wave.spread >= first.lo {
        return Some(format!("the first was served before the last was released: {spread} lay between the first release and the last"));
    }
    (wave.spread > terms.takes / 5).then(|| format!("the releases lay {spread} apart, more than a fifth of the {takes} that one takes"))
}

impl Wave {
    /// The numbers for people: `4 admitted, 1 refused`.
    pub(super) fn line(&self) -> String {
        let parts = [
            (self.admitted, "admitted at once"),
            (self.refused, "refused"),
            (self.queued, "a slot's time later"),
            (self.unclear, "unclear"),
            (self.broken, "broken"),
        ];
        let told: Vec<_> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
        format!("{} sent: {}", self.sent, told.join(", "))
    }

    /// Whether it speaks against the limit.
    pub(super) fn is_bad(&self) -> bool {
        matches!(self.proves, Proves::Over | Proves::Under | Proves::Broken)
    }

    /// Whether it speaks for it.
    pub(super) fn is_good(&self) -> bool {
        self.proves == Proves::Kept
    }
}

#[cfg(test)]
mod tests;
