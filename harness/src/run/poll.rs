//! Polls a single-shot kind: until it holds (`eventually`), or for as long as it must hold (`consistently`).
//!
//! Every poll is a fresh observation. A poll that was bad is never forgotten: they are counted clause by clause, and
//! `decide` says what the counts mean.

use super::attempt::{Attempted, Terms, judge, probe};
use super::control;
use super::decide::{self, ENOUGH_BAD, Ended, History, Settled, Step};
use crate::kind::{CheckKind, Context, Round, Stopwatch};
use crate::model::interval::Against;
use crate::model::quantity::show_duration;
use crate::model::{Case, ClauseId, Finding, Found, Interval, Measurement, Reading, Unseen};
use crate::suite::Eventually;
use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

/// Observations of a poll that a finding shows.
const LAST: usize = 3;
/// More polls than declared, at most, to replace those that could not be told.
const MOST_EXTRA: u32 = 20;

/// The time to the next poll: what happens in the first two seconds is noticed within 50 ms, later within 2.5 % of the time
/// that has passed, and always within a second.
pub(crate) fn step(elapsed: Duration, every: Option<Duration>) -> Duration {
    every.unwrap_or_else(|| (elapsed / 40).clamp(Duration::from_millis(50), Duration::from_secs(1)))
}

/// Polls until all expectations hold, `fails-on` is met, or the time is up; the expectations are judged at the end.
pub(crate) async fn eventually<K: CheckKind>(kind: &K, cx: &Context, terms: Terms<'_>, promise: &Eventually) -> Attempted {
    let watching = promise.fails_on.as_ref().map(|fails_on| cx.watching(fails_on.clone()));
    let cx = watching.as_ref().unwrap_or(cx);
    let watch = cx.stopwatch();
    let mut series = Series::new(watch);
    let mut false_at = series.began;
    loop {
        let poll = series.poll(kind, cx, &terms).await;
        let took = watch.between(series.began, watch.now());
        let held = poll.held(&terms);
        let ended = poll.ended.clone();
        series.take(&poll);
        let is_lost = ended.is_none() && cx.is_met();
        if is_lost {
            let met = format!("met at +{}; polling ended at once", show_duration(took.hi));
            let readings = series.proven(poll.readings, &terms, &met);
            return finish(kind, cx, &poll.seen, readings, &terms, &series, Ended::Complete).await;
        }
        if ended.is_none() && held {
            // It became true between the last poll that began while it was not, and the end of this one.
            let since =
                Interval { lo: if series.polls == 1 { Duration::ZERO } else { watch.between(series.began, false_at).lo }, hi: took.hi };
            let readings = series.became(poll.readings, since, promise.within);
            let lag = since.hi.saturating_sub(since.lo);
            let mut done = finish(kind, cx, &poll.seen, readings, &terms, &series, Ended::Complete).await;
            done.measurements.extend(Measurement::of_times("time_to_hold", &[since]));
            let when = format!("held after {} ({}, noticed within {})", show_duration(since.hi), polls(series.polls), show_duration(lag));
            done.summary = if done.summary.is_empty() { when } else { format!("{}; {when}", done.summary) };
            return done;
        }
        // Two more polls after the end, if it takes them: the third bad one is what makes it certain.
        let over = took.lo >= promise.within && series.polls >= ENOUGH_BAD;
        if over || ended.is_some() {
            let ended = ended.unwrap_or(Ended::Complete);
            let is_early = ended != Ended::Complete && took.lo < promise.within;
            let readings = if is_early { series.not_yet(&terms, &ended, promise.within) } else { series.last_word(poll.readings, &ended) };
            return finish(kind, cx, &poll.seen, readings, &terms, &series, ended).await;
        }
        false_at = poll.began;
        let left = promise.within.saturating_sub(took.lo);
        let pause = step(took.hi, promise.every);
        wait(if left.is_zero() { pause } else { pause.min(left) }, cx, &terms).await;
    }
}

/// Polls for the whole span; the third bad poll of a clause fails it, one or two make it intermittent.
pub(crate) async fn consistently<K: CheckKind>(kind: &K, cx: &Context, terms: Terms<'_>, span: Duration) -> Attempted {
    let watch = cx.stopwatch();
    let mut series = Series::new(watch);
    let mut extra = 0;
    loop {
        let poll = series.poll(kind, cx, &terms).await;
        series.take(&poll);
        let took = watch.between(series.began, watch.now());
        let over = took.lo >= span;
        // Slow polls may leave room for one or two in the whole span: as long as all of them are bad, the third decides.
        let wants_more = over && (series.owed() > 0 && extra < MOST_EXTRA || series.only_bad());
        extra += u32::from(wants_more);
        if poll.ended.is_some() || series.is_broken() || (over && !wants_more) {
            let ended = poll.ended.unwrap_or(Ended::Complete);
            let readings = series.counted(&ended);
            let mut done = finish(kind, cx, &poll.seen, readings, &terms, &series, ended).await;
            let long = format!("{} over {}", polls(series.polls), show_duration(took.hi));
            done.summary = if done.summary.is_empty() { long } else { format!("{}; {long}", done.summary) };
            return done;
        }
        let pause = step(took.hi, None);
        let left = span.saturating_sub(took.lo);
        wait(if left.is_zero() { pause } else { pause.min(left) }, cx, &terms).await;
    }
}

fn polls(n: u32) -> String {
    if n == 1 { "1 poll".to_owned() } else { format!("{n} polls") }
}

/// Waits for the next poll; other checks run meanwhile. Ends with the check's time, also where no job is free again by then.
async fn wait(pause: Duration, cx: &Context, terms: &Terms<'_>) {
    tokio::select! {
        biased;
        () = terms.over.cancelled() => {}
        _ = tokio::time::timeout_at(terms.end, cx.pause(pause)) => {}
    }
}

/// Decides, with a control where one is asked for.
async fn finish<K: CheckKind>(
    kind: &K,
    cx: &Context,
    seen: &K::Observation,
    readings: Vec<Reading>,
    terms: &Terms<'_>,
    series: &Series<'_>,
    ended: Ended,
) -> Attempted {
    let now = series.watch.now();
    let mut history = History {
        ended: Some(ended),
        stalled: series.watch.stalls().longest(series.began, now),
        looked: now - series.began,
        deny_skips: terms.deny_skips,
        ..History::default()
    };
    loop {
        match decide::next(terms.asked, &readings, &history) {
            Step::Control(clause) => {
                history.controls.push((clause, Box::pin(control::run(kind, cx, clause, control::budget(terms))).await));
            }
            Step::Settled(settled) => return Attempted::of(kind, seen, settled, series.polls),
            Step::Again(_) | Step::Anew => {
                debug_assert!(false, "nothing is looked at again once it has ended");
                let reason = Some("the core asked for a look after the end".to_owned());
                let settled = Settled { verdict: crate::model::Verdict::Error, clauses: Vec::new(), reason };
                return Attempted::of(kind, seen, settled, series.polls);
            }
        }
    }
}

/// One poll.
struct Poll<O> {
    seen: O,
    readings: Vec<Reading>,
    ended: Option<Ended>,
    began: Instant,
}

impl<O> Poll<O> {
    /// Whether every clause that may be judged here was seen to hold.
    fn held(&self, terms: &Terms<'_>) -> bool {
        let holds = |r: &Reading| {
            matches!(
                r.found,
                Found::Held { .. }
                    | Found::Counted { bad: 0, near: 0, .. }
                    | Found::Unseen { why: Unseen::NotPermitted(_) | Unseen::NotDue(_) }
            )
        };
        decide::wanted(terms.asked).iter().all(|clause| {
            let mut of = self.readings.iter().filter(|r| r.clause == *clause).peekable();
            of.peek().is_some() && of.all(holds)
        })
    }
}

/// What all polls so far have shown.
struct Series<'a> {
    watch: &'a Stopwatch,
    began: Instant,
    polls: u32,
    tallies: BTreeMap<(ClauseId, Case), Tally>,
    last: VecDeque<String>,
    bad_polls: u32,
    bad_since: Option<Duration>,
}

/// One clause and case over all polls.
#[derive(Default)]
struct Tally {
    good: u32,
    bad: u32,
    near: u32,
    good_since_near: u32,
    proof: bool,
    repeatable: bool,
    worst: Option<Finding>,
    unsure: Option<Found>,
}

impl<'a> Series<'a> {
    fn new(watch: &'a Stopwatch) -> Self {
        Self { watch, began: watch.now(), polls: 0, tallies: BTreeMap::new(), last: VecDeque::new(), bad_polls: 0, bad_since: None }
    }

    async fn poll<K: CheckKind>(&mut self, kind: &K, cx: &Context, terms: &Terms<'_>) -> Poll<K::Observation> {
        let mut seen = K::Observation::default();
        let round = Round { samples: NonZeroU32::new(1), ..decide::first_round(terms.asked) };
        let began = self.watch.now();
        let mut ended = probe(kind, &round, cx, &mut seen, terms).await;
        let readings = judge(kind, &seen).unwrap_or_else(|why| {
            ended = Some(Ended::Harness(why));
            Vec::new()
        });
        // A poll that was cut short is counted if it saw something; a whole one always is.
        if ended.is_none() {
            self.polls += 1;
            let at = self.watch.since(self.began).hi;
            let what = bad_finding(&readings).map_or_else(|| kind.tell(&seen).summary, |f| f.observed.clone());
            self.bad_polls += u32::from(bad_finding(&readings).is_some());
            self.bad_since = bad_finding(&readings).map(|_| self.bad_since.unwrap_or(at));
            let line = format!("+{}: {}", show_duration(at), if what.is_empty() { "held" } else { &what });
            cx.saw(line.clone());
            self.last.push_back(line);
            if self.last.len() > LAST {
                self.last.pop_front();
            }
        }
        Poll { seen, readings, ended, began }
    }

    fn take(&mut self, poll: &Poll<impl Sized>) {
        // What a poll that was cut short did not see yet says nothing.
        let says = |found: &Found| poll.ended.is_none() || !matches!(found, Found::Unseen { .. } | Found::Unsure { .. });
        for reading in poll.readings.iter().filter(|r| says(&r.found)) {
            let tally = self.tallies.entry((reading.clause, reading.case.clone())).or_default();
            match &reading.found {
                Found::Held { .. } => tally.good(),
                Found::Proof(finding) => {
                    tally.bad += 1;
                    tally.proof = true;
                    tally.worst = Some(finding.clone());
                }
                Found::Counted { bad, worst, repeatable, .. } if *bad > 0 => {
                    tally.bad += 1;
                    tally.repeatable = *repeatable;
                    if !tally.proof {
                        tally.worst = Some(worst.clone());
                    }
                }
                Found::Counted { near, worst, repeatable, .. } if *near > 0 => {
                    tally.near += 1;
                    tally.good_since_near = 0;
                    tally.repeatable = *repeatable;
                    tally.worst.get_or_insert_with(|| worst.clone());
                }
                Found::Counted { .. } => tally.good(),
                other => tally.unsure = Some(other.clone()),
            }
        }
    }

    /// Polls that are owed: as many good ones in a row as there were that could not be told.
    fn owed(&self) -> u32 {
        self.tallies.values().filter(|t| t.bad == 0).map(|t| t.near.saturating_sub(t.good_since_near)).max().unwrap_or(0)
    }

    /// Whether no poll was good so far in some clause, and too few were bad to be certain.
    fn only_bad(&self) -> bool {
        self.tallies.values().any(|t| t.good == 0 && t.near == 0 && (1..ENOUGH_BAD).contains(&t.bad) && t.unsure.is_none())
    }

    fn is_broken(&self) -> bool {
        self.tallies.values().any(|t| t.proof || t.bad >= ENOUGH_BAD)
    }

    /// The counts over all polls: for `consistently`.
    fn counted(&self, ended: &Ended) -> Vec<Reading> {
        let cut_short = match ended {
            Ended::OutOfTime => Some(Unseen::Deadline),
            Ended::Cancelled => Some(Unseen::Cancelled),
            Ended::Complete | Ended::Harness(_) => None,
        };
        let read = |((clause, case), tally): (&(ClauseId, Case), &Tally)| {
            let mut found = tally.found(self);
            if let (Some(why), Found::Held { .. } | Found::Counted { bad: 0, .. }) = (&cut_short, &found) {
                found = Found::Unseen { why: why.clone() };
            }
            Reading { clause: *clause, case: case.clone(), found }
        };
        self.tallies.iter().map(read).collect()
    }

    /// It did not hold so far, and the promised time was not up when there was no more: nothing is broken, and nothing held.
    fn not_yet(&self, terms: &Terms<'_>, ended: &Ended, within: Duration) -> Vec<Reading> {
        if let Ended::Harness(_) = ended {
            return Vec::new();
        }
        let what = if *ended == Ended::Cancelled { "the run was interrupted" } else { "the deadline came" };
        let after = show_duration(self.watch.since(self.began).hi);
        let last = self.last.back().map(|line| format!("; last seen at {line}")).unwrap_or_default();
        let why = format!("{what} after {after} of the {} that it may take{last}", show_duration(within));
        let unsure = |clause: &ClauseId| Reading::of(*clause, Found::Unsure { why: why.clone(), wants: None });
        decide::wanted(terms.asked).iter().map(unsure).collect()
    }

    /// The last poll, with what was bad in it counted over all polls that were bad in any way: for `eventually` when its time is up.
    /// What was promised is that all expectations hold at once, and that never was, whichever of them it was that did not.
    fn last_word(&self, last: Vec<Reading>, ended: &Ended) -> Vec<Reading> {
        let of_poll = |mut reading: Reading| {
            let tally = self.tallies.get(&(reading.clause, reading.case.clone()));
            reading.found = match (reading.found, tally) {
                (Found::Proof(_) | Found::Counted { bad: 1.., .. }, Some(tally)) => Found::Counted {
                    bad: self.bad_polls.max(tally.bad),
                    near: 0,
                    of: at_least_one(self.polls.max(tally.bad)),
                    worst: self.dress(tally.worst.clone().unwrap_or_default()),
                    repeatable: true,
                },
                (found, _) => found,
            };
            reading
        };
        let saw_nothing = last.iter().all(|r| matches!(r.found, Found::Unseen { .. }));
        if saw_nothing && *ended != Ended::Complete && self.polls > 0 {
            // The last poll was cut short before it saw anything: the polls before it decide. What held in them did not last, or
            // it would have ended there.
            return self.counted(&Ended::Complete).into_iter().filter(|r| !matches!(r.found, Found::Held { .. })).collect();
        }
        last.into_iter().map(of_poll).collect()
    }

    /// The last poll, with everything that did not hold in it proven: a state that ends it was reached.
    fn proven(&self, last: Vec<Reading>, terms: &Terms<'_>, met: &str) -> Vec<Reading> {
        let dress = |finding: Finding| self.dress(finding.detail("fails-on", met));
        let mut any = false;
        let mut readings: Vec<Reading> = last
            .into_iter()
            .map(|mut reading| {
                if let Found::Proof(finding) | Found::Counted { bad: 1.., worst: finding, .. } = reading.found {
                    any = true;
                    reading.found = Found::Proof(dress(finding));
                }
                reading
            })
            .collect();
        if !any && let Some(clause) = decide::wanted(terms.asked).first() {
            readings.retain(|r| r.clause != *clause);
            let finding = Finding::new("never to meet `fails-on`", "it was met");
            readings.push(Reading::of(*clause, Found::Proof(dress(finding))));
        }
        readings
    }

    /// All held at last: was it in time?
    fn became(&self, last: Vec<Reading>, since: Interval, within: Duration) -> Vec<Reading> {
        let told = match since.against(within) {
            Against::Within => return last,
            Against::Near => |clause: ClauseId, finding: Finding| {
                let why = format!("expected {}, and it became so after {}: cannot be told apart", finding.expected, finding.observed);
                Reading::of(clause, Found::Unsure { why, wants: None })
            },
            Against::Beyond => |clause: ClauseId, finding: Finding| Reading::of(clause, Found::Proof(finding)),
        };
        let mut clauses: Vec<ClauseId> = last.iter().map(|r| r.clause).collect();
        clauses.dedup();
        let finding = Finding::new(format!("to hold within {}", show_duration(within)), since.to_string());
        clauses.into_iter().map(|clause| told(clause, self.dress(finding.clone()))).collect()
    }

    /// A finding with the last observations of the poll, and since when it was so.
    fn dress(&self, mut finding: Finding) -> Finding {
        if let Some(since) = self.bad_since {
            finding = finding.detail("since", format!("+{} of {}", show_duration(since), show_duration(self.watch.since(self.began).hi)));
        }
        for line in &self.last {
            finding = finding.detail("last", line);
        }
        finding.detail("polls", self.polls.to_string())
    }
}

impl Tally {
    fn good(&mut self) {
        self.good += 1;
        self.good_since_near += 1;
    }

    fn found(&self, series: &Series<'_>) -> Found {
        let of = at_least_one(self.good + self.bad + self.near);
        let worst = || series.dress(self.worst.clone().unwrap_or_default());
        if self.proof {
            return Found::Proof(worst());
        }
        if self.bad == 0 && self.near > 0 && self.good_since_near >= self.near {
            return Found::Held { n: at_least_one(self.good) };
        }
        match (&self.unsure, self.bad, self.near) {
            (Some(unsure), 0, 0) => unsure.clone(),
            (None, 0, 0) => Found::Held { n: of },
            // It is polled on either way, so the third bad poll decides even where a request is not marked repeatable.
            (_, bad, near) => Found::Counted { bad, near, of, worst: worst(), repeatable: true },
        }
    }
}

fn at_least_one(n: u32) -> NonZeroU32 {
    NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN)
}

fn bad_finding(readings: &[Reading]) -> Option<&Finding> {
    readings.iter().find_map(|r| match &r.found {
        Found::Proof(finding) | Found::Counted { bad: 1.., worst: finding, .. } => Some(finding),
        _ => None,
    })
}
