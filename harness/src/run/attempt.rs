//! Carries one check through its rounds: probe, judge, decide, until it is settled or out of time.

use super::control;
use super::decide::{self, Ended, History, Settled, Step};
use super::poll;
use crate::kind::{Advice, Asked, BoxFuture, CheckKind, Context, Round, Told, Visit};
use crate::model::{Excerpt, Measurement, Reading, Verdict};
use crate::suite::Eventually;
use crate::words::Values;
use futures_util::FutureExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How long a check may take at its end to undo what it began.
const LEAVING: Duration = Duration::from_secs(5);

/// Under which terms a check is carried out.
#[derive(Clone)]
pub(crate) struct Terms<'a> {
    /// The clauses that are asked for.
    pub(crate) asked: &'a [Asked],
    /// Poll until all expectations hold.
    pub(crate) eventually: Option<&'a Eventually>,
    /// Must hold at every poll for this long.
    pub(crate) consistently: Option<Duration>,
    /// The deadline of the check, or of the run where that is earlier.
    pub(crate) end: Instant,
    /// Cancelled when the run is interrupted or out of time.
    pub(crate) over: CancellationToken,
    /// Whether that was an interrupt.
    pub(crate) interrupted: &'a (dyn Fn() -> bool + Send + Sync),
    /// Whether a clause that is not permitted here is a trouble.
    pub(crate) deny_skips: bool,
}

/// What came of a check.
#[derive(Debug)]
pub(crate) struct Attempted {
    /// Its verdict, clause by clause.
    pub(crate) settled: Settled,
    /// One line for the screen.
    pub(crate) summary: String,
    /// What was measured.
    pub(crate) measurements: Vec<Measurement>,
    /// What is advised, as notes.
    pub(crate) notes: Vec<String>,
    /// Rounds (or polls) of probing.
    pub(crate) rounds: u32,
    /// What was seen, where it did not pass; long strings are cut.
    pub(crate) observation: Option<serde_json::Value>,
    /// What it gives to the checks that need it, and to its own clean-up.
    pub(crate) captures: Values,
}

/// The visitor behind the generic door of the kinds: the future lives as long as the plan.
pub(crate) struct Attempt<'a> {
    /// What the probe may use.
    pub(crate) cx: &'a Context,
    /// The terms.
    pub(crate) terms: Terms<'a>,
}

impl<'a> Visit<'a> for Attempt<'a> {
    type Out = BoxFuture<'a, Attempted>;

    fn visit<K: CheckKind>(self, kind: &'a K) -> Self::Out {
        match (self.terms.eventually, self.terms.consistently) {
            (Some(eventually), _) => Box::pin(poll::eventually(kind, self.cx, self.terms, eventually)),
            (None, Some(span)) => Box::pin(poll::consistently(kind, self.cx, self.terms, span)),
            (None, None) => Box::pin(attempt(kind, self.cx, self.terms)),
        }
    }
}

async fn attempt<K: CheckKind>(kind: &K, cx: &Context, terms: Terms<'_>) -> Attempted {
    let watch = cx.stopwatch();
    let mut began = watch.now();
    let mut seen = K::Observation::default();
    let mut history = History { deny_skips: terms.deny_skips, ..History::default() };
    let mut round = decide::first_round(terms.asked);
    let mut rounds = 0;
    loop {
        history.ended = probe(kind, &round, cx, &mut seen, &terms).await;
        history.rounds += 1;
        rounds += 1;
        loop {
            let now = watch.now();
            history.stalled = watch.stalls().longest(began, now);
            history.looked = now - began;
            let readings = match judge(kind, &seen) {
                Ok(readings) => readings,
                Err(why) => {
                    history.ended = Some(Ended::Harness(why));
                    Vec::new()
                }
            };
            match decide::next(terms.asked, &readings, &history) {
                Step::Again(next) => {
                    history.sent_back(&next, &readings);
                    round = next;
                    break;
                }
                Step::Anew => {
                    history.begin_anew();
                    leave(kind, cx, &mut seen).await;
                    (seen, round, began) = (K::Observation::default(), decide::first_round(terms.asked), watch.now());
                    break;
                }
                Step::Control(clause) => {
                    let budget = control::budget(&terms);
                    history.controls.push((clause, Box::pin(control::run(kind, cx, clause, budget)).await));
                }
                Step::Settled(settled) => {
                    leave(kind, cx, &mut seen).await;
                    return Attempted::of(kind, &seen, settled, rounds);
                }
            }
        }
    }
}

/// Undoes what the probe began, whatever ended it. What could not be undone in time is in what was seen, and told as a note.
async fn leave<K: CheckKind>(kind: &K, cx: &Context, seen: &mut K::Observation) {
    let leaving = AssertUnwindSafe(kind.leave(cx, seen)).catch_unwind();
    // After a panic or the end of that time there is nothing more to try.
    let _ = tokio::time::timeout(LEAVING, leaving).await;
}

/// One round, ended by the probe itself, by the deadline, by cancellation or by a panic. What was seen stays.
pub(crate) async fn probe<K: CheckKind>(
    kind: &K,
    round: &Round,
    cx: &Context,
    seen: &mut K::Observation,
    terms: &Terms<'_>,
) -> Option<Ended> {
    let probing = AssertUnwindSafe(kind.probe(round, cx, seen)).catch_unwind();
    tokio::select! {
        biased;
        () = terms.over.cancelled() => Some(if (terms.interrupted)() { Ended::Cancelled } else { Ended::OutOfTime }),
        probed = tokio::time::timeout_at(terms.end, probing) => match probed {
            Ok(Ok(Ok(()))) => None,
            Ok(Ok(Err(trouble))) => Some(Ended::Harness(trouble.0)),
            Ok(Err(panic)) => Some(Ended::Harness(format!("the probe of `{}` panicked: {}", K::NAME, panic_text(&*panic)))),
            Err(_) => Some(Ended::OutOfTime),
        },
    }
}

/// What the kind reads in what was seen; a panic in it is the harness's failure.
pub(crate) fn judge<K: CheckKind>(kind: &K, seen: &K::Observation) -> Result<Vec<Reading>, String> {
    catch_unwind(AssertUnwindSafe(|| kind.judge(seen)))
        .map_err(|panic| format!("the judge of `{}` panicked: {}", K::NAME, panic_text(&*panic)))
}

/// The text of a panic, if it has one.
pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message")
}

impl Attempted {
    /// Puts together what is told of a settled check.
    pub(crate) fn of<K: CheckKind>(kind: &K, seen: &K::Observation, mut settled: Settled, rounds: u32) -> Self {
        let told = catch_unwind(AssertUnwindSafe(|| (kind.tell(seen), kind.captures(seen), kind.advises(seen))));
        let (Told { summary, measurements }, captures, advice) = told.unwrap_or_else(|panic| {
            settled.verdict = Verdict::Error;
            settled.reason = Some(format!("`{}` panicked when it told what it saw: {}", K::NAME, panic_text(&*panic)));
            Default::default()
        });
        let notes = advice.iter().filter(|a| settled.clauses.iter().any(|c| c.clause == a.clause.0)).map(note).collect();
        let observation = (settled.verdict != Verdict::Pass).then(|| evidence(seen)).flatten();
        Self { settled, summary, measurements, notes, rounds, observation, captures }
    }
}

fn note(advice: &Advice) -> String {
    match &*advice.case {
        "" => format!("advisory: {}: {}", advice.clause, advice.what),
        case => format!("advisory: {} ({case}): {}", advice.clause, advice.what),
    }
}

fn evidence(seen: &impl serde::Serialize) -> Option<serde_json::Value> {
    let mut value = serde_json::to_value(seen).ok()?;
    cut(&mut value);
    (!value.is_null()).then_some(value)
}

/// Shortens every string to what is kept of a body on failure.
fn cut(value: &mut serde_json::Value) {
    use serde_json::Value;
    match value {
        Value::String(text) if text.len() > Excerpt::ON_FAIL => {
            let end = (0..=Excerpt::ON_FAIL).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
            text.truncate(end);
            text.push('…');
        }
        Value::Array(items) => items.iter_mut().for_each(cut),
        Value::Object(map) => map.values_mut().for_each(cut),
        _ => {}
    }
}
