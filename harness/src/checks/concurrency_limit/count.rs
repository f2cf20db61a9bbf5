//! Counts a wave: who was admitted at once, who waited, who was refused, and whether all of them met. Pure.
//!
//! An admitted request takes at least half of the time that one takes alone, so whoever ends within that of the first end was in work
//! when the first ended: those met for sure. Whoever ends by three quarters of that time later, or more, may have waited for a slot. What lies
//! between can be neither and makes the wave void. Where the work takes longer than alone, as where it shares a processor, or not the same time
//! each time, what lies between is wider. Refusals need no clock: one that comes while fewer than the limit were ever admitted is wrong.

use crate::model::Interval;
use crate::model::quantity::show_duration;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
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
    /// Most time that one took alone.
    pub(super) longest: Duration,
    /// How long answers are waited for, where that is less than what they may need side by side.
    pub(super) short: Option<Duration>,
    /// Between the first and the last release.
    pub(super) spread: Duration,
    /// Whether it is declared how one is refused: else whoever waits has all the time that a queue needs.
    pub(super) refuses: bool,
}

/// A wave, counted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Wave {
    /// Requests in it.
    pub(super) sent: u32,
    /// In work at one moment, for sure.
    pub(super) admitted: u32,
    /// Served later, or never answered.
    pub(super) queued: u32,
    /// Of those, never answered in the time that was given.
    #[serde(default)]
    pub(super) silent: u32,
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
    /// When the last one that was served ended, at the latest.
    #[serde(default)]
    pub(super) last_end: Option<Duration>,
    /// Admitted by each process, where they name themselves.
    pub(super) by_replica: BTreeMap<String, u32>,
    /// Refused by each process, where they name themselves.
    #[serde(default)]
    pub(super) refused_by: BTreeMap<String, u32>,
    /// Admitted by a process that does not name itself.
    #[serde(default)]
    pub(super) nameless: u32,
    /// How long after the first release the last one was sent, where that was to be half-way.
    #[serde(default)]
    pub(super) half_way: Option<Duration>,
    /// Fewer than promised were ever served, and the others refused: no clock is needed to see that it is wrong.
    #[serde(default)]
    pub(super) needs_no_clock: bool,
    /// How long before the first release the last answer before this wave was there.
    #[serde(default)]
    pub(super) after: Option<Duration>,
    /// The other side did not take in so many while others were held.
    #[serde(default)]
    pub(super) unopened: u32,
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
    let fates: Vec<Fate> = landed.iter().map(|l| fate(l, first, terms)).collect();
    let number = |fate: Fate| u32::try_from(fates.iter().filter(|f| **f == fate).count()).unwrap_or(u32::MAX);
    let silent = landed.iter().zip(&fates).filter(|(l, fate)| l.ending == Ending::Silent && **fate == Fate::Queued).count();
    let mut wave = Wave {
        sent: u32::try_from(landed.len()).unwrap_or(u32::MAX),
        admitted: number(Fate::Admitted),
        queued: number(Fate::Queued),
        silent: u32::try_from(silent).unwrap_or(u32::MAX),
        unclear: number(Fate::Unclear),
        refused: number(Fate::Refused),
        broken: number(Fate::Broken),
        spread: terms.spread,
        first_end: first,
        last_end: served().map(|l| l.end.hi).max(),
        ..Wave::default()
    };
    for (landed, fate) in landed.iter().zip(&fates) {
        wave.name(*fate, landed.replica.as_deref());
    }
    wave.needs_no_clock = wave.broken == 0 && wave.admitted + wave.queued + wave.unclear < terms.limit.min(wave.sent);
    let is_slow = first.is_none_or(|first| first.lo > terms.takes * 2);
    let is_cut_off = |l: &Landed, fate: Fate| fate != Fate::Broken || l.ending == Ending::Silent;
    wave.proves = match terms.short {
        // Side by side they may take much longer than alone, and it is not known how long.
        Some(given)
            if wave.broken > 0 && wave.refused == 0 && is_slow && landed.iter().zip(&fates).all(|(l, fate)| is_cut_off(l, *fate)) =>
        {
            let (n, given) = (wave.broken, show_duration(given));
            Proves::Void(format!("{n} of {} at once take more than {given}: a higher `timeout` of the check gives them more", wave.sent))
        }
        _ => proves(&wave, too_soon(landed, &fates, first, terms), terms),
    };
    (wave, fates)
}

/// Adds one that was released when all others were to be half-way; what it tells counts where those were admitted.
///
/// If it was admitted it ends half of the time after them, and if it waited for one of their slots, all of it.
pub(super) fn one_more(wave: &mut Wave, landed: &Landed, released: Interval, terms: &Terms) -> Fate {
    // Sent towards their end, it ends but a moment before what waited would: then nothing else shows that it waited.
    let is_late = released.lo >= terms.takes * 3 / 4;
    let limit = if is_late { terms.takes * 15 / 16 } else { terms.takes * 5 / 8 };
    let fate = match (landed.ending, wave.first_end) {
        (Ending::Served, Some(first)) if landed.end.hi < first.lo + limit => Fate::Admitted,
        (Ending::Served, Some(_)) if is_late => Fate::Unclear,
        _ => fate(landed, wave.first_end, terms),
    };
    wave.sent += 1;
    match fate {
        Fate::Admitted => wave.admitted += 1,
        Fate::Queued => wave.queued += 1,
        Fate::Unclear => wave.unclear += 1,
        Fate::Refused => wave.refused += 1,
        Fate::Broken => wave.broken += 1,
    }
    if fate == Fate::Queued && landed.ending == Ending::Silent {
        wave.silent += 1;
    }
    if !wave.is_good() {
        return fate;
    }
    let ahead = if is_late { Duration::ZERO } else { terms.takes / 8 };
    let is_in_time = wave.first_end.is_some_and(|first| released.hi + ahead < first.lo);
    wave.proves = match fate {
        Fate::Broken => Proves::Broken,
        _ if !is_in_time => Proves::Void("one more was sent so late that a slot may have been free again".to_owned()),
        Fate::Admitted => Proves::Over,
        Fate::Unclear => Proves::Void("it cannot be told whether the one that came half-way waited for a slot".to_owned()),
        Fate::Refused | Fate::Queued => Proves::Kept,
    };
    fate
}

fn fate(landed: &Landed, first: Option<Interval>, terms: &Terms) -> Fate {
    let takes = terms.takes;
    let is_later = |first: Interval| {
        // Those that slow each other down do not end together.
        let slower = first.lo.saturating_sub(terms.longest);
        landed.end.lo >= (first.hi + (takes * 3 / 4).max(slower / 2)).max(terms.longest + takes / 4)
    };
    match (landed.ending, first) {
        (Ending::Refused, _) => Fate::Refused,
        (Ending::Broken, _) | (Ending::Silent | Ending::Served, None) => Fate::Broken,
        // A queue was given all the time that it needs: whoever has no answer by then has been lost.
        (Ending::Silent, _) if !terms.refuses => Fate::Broken,
        (Ending::Silent | Ending::Served, Some(first)) if is_later(first) => Fate::Queued,
        (Ending::Silent, Some(_)) => Fate::Broken,
        (Ending::Served, Some(first)) if landed.end.hi < first.lo + takes / 2 => Fate::Admitted,
        (Ending::Served, Some(_)) => Fate::Unclear,
    }
}

/// Why it cannot be told that somebody waited for a slot: that one ended sooner after the first than one takes alone.
fn too_soon(landed: &[Landed], fates: &[Fate], first: Option<Interval>, terms: &Terms) -> Option<String> {
    let waited = |(l, fate): &(&Landed, &Fate)| **fate == Fate::Queued && l.ending == Ending::Served;
    let (first, next) = (first?, landed.iter().zip(fates).filter(waited).map(|(l, _)| l.end.lo).min()?);
    (next < first.hi + terms.takes * 15 / 16).then(|| {
        let (next, takes) = (show_duration(next.saturating_sub(first.hi)), show_duration(terms.takes));
        format!("one ended {next} after the first, and one alone takes {takes}: ask for work that takes the same time each time")
    })
}

fn proves(wave: &Wave, too_soon: Option<String>, terms: &Terms) -> Proves {
    let least = terms.limit.min(wave.sent);
    let most = terms.limit.saturating_mul(terms.replicas);
    let served = wave.admitted + wave.queued + wave.unclear;
    if wave.broken > 0 {
        return Proves::Broken;
    }
    // Fewer were ever admitted than there are slots, and somebody was refused.
    if served < least {
        return Proves::Under;
    }
    if let Some(void) = uncertain(wave, terms) {
        return Proves::Void(void);
    }
    if wave.admitted > most || terms.apart && wave.by_replica.values().any(|n| *n > terms.limit) {
        return Proves::Over;
    }
    if let Some(void) = too_soon {
        return Proves::Void(void);
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
    of_each(wave, terms).unwrap_or(Proves::Kept)
}

/// Where each process is judged by itself: which of them has too few slots, or why that is not known.
pub(super) fn of_each(wave: &Wave, terms: &Terms) -> Option<Proves> {
    let (limit, all) = (terms.limit, terms.limit.saturating_mul(terms.replicas));
    if !terms.apart {
        return None;
    }
    if wave.nameless > 0 {
        let n = wave.nameless;
        return Some(Proves::Void(format!("{n} were admitted by an answer that does not name its process in the header of `replicas`")));
    }
    let admitted = |name: &String| wave.by_replica.get(name).copied().unwrap_or_default();
    let nobody_waited = wave.queued + wave.unclear == 0;
    let names = wave.by_replica.keys().chain(wave.refused_by.keys()).collect::<BTreeSet<_>>().len();
    // Whoever only refuses may be somebody before them.
    let is_one = |name: &String| admitted(name) > 0 || names <= terms.replicas as usize;
    if nobody_waited && wave.refused_by.keys().any(|name| is_one(name) && admitted(name) < limit) {
        return Some(Proves::Under);
    }
    if wave.sent > all && names < terms.replicas as usize {
        return Some(Proves::Void(format!("only {names} of {} processes answered", terms.replicas)));
    }
    let short = wave.by_replica.iter().find(|(_, n)| wave.sent >= all.saturating_mul(2) && **n < limit)?;
    Some(Proves::Void(format!(
        "only {} of {} were admitted by {}, and it is not known that it had room for more",
        short.1, wave.sent, short.0
    )))
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
            (self.queued.saturating_sub(self.silent), "a slot's time later"),
            (self.silent, "never answered"),
            (self.unclear, "unclear"),
            (self.broken, "broken"),
        ];
        let told: Vec<_> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
        format!("{} sent: {}", self.sent, told.join(", "))
    }

    /// Notes which process an answer came from, as far as it says so.
    pub(super) fn name(&mut self, fate: Fate, replica: Option<&str>) {
        let names = match fate {
            Fate::Admitted => &mut self.by_replica,
            Fate::Refused => &mut self.refused_by,
            _ => return,
        };
        match replica {
            Some(name) if names.len() < MOST_REPLICAS || names.contains_key(name) => *names.entry(name.to_owned()).or_default() += 1,
            None if fate == Fate::Admitted => self.nameless += 1,
            _ => {}
        }
    }

    /// Makes it void, unless it needs no clock: what was refused while fewer than promised were ever admitted stays wrong.
    pub(super) fn void(&mut self, why: String) {
        let stays = matches!(self.proves, Proves::Void(_)) || self.proves == Proves::Under && self.needs_no_clock;
        if !stays {
            self.proves = Proves::Void(why);
        }
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
