//! Drives jobs and watches them on streams that nobody cuts: plain, and with gzip where timeliness is promised.

use super::at_work::AtWork;
use super::deadline::{self, Deadline};
use super::drive::Driver;
use super::reader::{FEW_EVENTS, Wish};
use super::room;
use crate::checks::sse::look::{Batch, Delay, Fetched, Job, Live, Observation, Subscriber};
use crate::checks::sse::spec::{APART, Drive, ID, PAIRS, SUBMIT, Spec};
use crate::checks::sse::table;
use crate::kind::{BoxFuture, Call, Context, How, ProbeError, Round, Seen};
use crate::model::Interval;
use crate::reader::With;
use crate::words::{Answered, Json, Part, Request};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use slot::{Slot, any};
use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

mod slot;
#[cfg(test)]
mod tests;

/// Results that are asked for, of the first jobs that end.
const RESULTS: usize = 50;
/// How long is waited for what must not come any more: a second end, progress after it.
const AFTERWARDS: Duration = Duration::from_millis(300);
/// Where nothing says what ends a job: it has ended when nothing came for so long.
const QUIET: Duration = Duration::from_millis(500);
/// What makes a pair: produced over this apart.
const PRODUCED_APART: Duration = Duration::from_millis(100);
/// What makes a pair a batch: arrived under this apart.
const TOGETHER: Duration = Duration::from_millis(5);
/// A stall of this machine that could have brought a pair together.
const STALL: Duration = Duration::from_millis(50);
/// An event of so many bytes holds up those behind it.
const LARGE: usize = 64 << 10;
/// Drives of later rounds that are kept.
const RELOOKS: usize = 8;
/// Where no head comes by itself, events may bring it: after so long they are made.
const HEADLESS: Duration = Duration::from_secs(1);

pub(super) async fn probe(
    spec: &Spec,
    drive: &With<Request, Drive>,
    round: &Round,
    cx: &Context,
    seen: &mut Observation,
) -> Result<(), ProbeError> {
    let origin = seen.origin(cx);
    let streams = if round.wants(table::TIMELY) { 2 } else { 1 };
    let Some(_room) = room::claim(streams, table::LIVE, cx, seen).await else { return Ok(()) };
    let is_late = seen.never_opens();
    if round.focus.is_none() {
        let phases = phases(drive, round.wants(table::TIMELY));
        seen.live.is_late = is_late;
        let work = AtWork::default();
        return work.during(cx, look(spec, drive, round, &phases, cx, origin, &work, &mut seen.live, &mut seen.ends.results)).await;
    }
    if seen.relooks.len() < RELOOKS {
        seen.relooks.push(Live { is_late, ..Live::default() });
        let live = seen.relooks.last_mut().expect("one was just added");
        let phases = [(round.samples_or(PAIRS + 3), APART)];
        let (work, mut results) = (AtWork::default(), Vec::new());
        work.during(cx, look(spec, drive, round, &phases, cx, origin, &work, live, &mut results)).await?;
        // Of these only the delays and the pairs are judged.
        live.subscribers.iter_mut().for_each(|s| s.tape.truncate(FEW_EVENTS));
    }
    Ok(())
}

/// As many jobs as are declared, and then slowly as many as make enough pairs.
fn phases(drive: &With<Request, Drive>, timely: bool) -> Vec<(u32, Duration)> {
    let (jobs, step) = (drive.b.jobs(), drive.b.step());
    let close = (PRODUCED_APART.as_micros() / step.as_micros().max(1)).saturating_add(2);
    let pairs = jobs.saturating_sub(u32::try_from(close).unwrap_or(u32::MAX));
    vec![(jobs, step), (if timely { (PAIRS + 3).saturating_sub(pairs) } else { 0 }, APART)]
}

/// How far a subscriber is, job by job.
#[derive(Default)]
pub(super) struct Got {
    /// Arrivals that were looked at.
    read: usize,
    /// Jobs of the ledger that were looked at, with their places.
    known: HashMap<String, usize>,
    /// Jobs of which an event came, with its arrival.
    begun: HashMap<String, Duration>,
    /// Jobs that ended.
    ended: HashSet<String>,
    /// Those of them that nobody was told of.
    news: Vec<String>,
}

#[expect(clippy::too_many_arguments, reason = "one experiment: what it is asked, what it may use, where it writes")]
async fn look(
    spec: &Spec,
    drive: &With<Request, Drive>,
    round: &Round,
    phases: &[(u32, Duration)],
    cx: &Context,
    origin: Instant,
    work: &AtWork,
    live: &mut Live,
    results: &mut Vec<Fetched>,
) -> Result<(), ProbeError> {
    let flow: Duration = phases.iter().map(|(jobs, step)| *step * *jobs).sum();
    let head = if live.is_late { HEADLESS + flow + SUBMIT + spec.b.drains_within() } else { spec.b.head() };
    let mut slots = Vec::new();
    for (name, gzip) in [("direct", false), ("gzip", true)] {
        if gzip && !round.wants(table::TIMELY) {
            continue;
        }
        let mut subscriber = Subscriber::default();
        name.clone_into(&mut subscriber.tape.name);
        live.subscribers.push(subscriber);
        let wish = Wish { name, gzip, patience: Some(head), line: spec.b.line_in(round), ..Wish::default() };
        slots.push(Slot::ask(spec, wish, cx, origin));
    }
    let opened = async {
        while slots.iter().any(Slot::is_asked) {
            any(&mut slots, &mut live.subscribers, cx).await?;
        }
        Ok(())
    };
    if live.is_late {
        // Whether they are open by then makes no difference.
        tokio::time::timeout(HEADLESS, opened).await.unwrap_or(Ok(()))?;
    } else {
        opened.await?;
    }
    if !slots.iter().any(Slot::is_live) {
        return Ok(());
    }
    let mut got: Vec<Got> = slots.iter().map(|_| Got::default()).collect();
    let mut driver = Driver::new(cx, &drive.a, &drive.b.id.value, origin, phases);
    let mut fetching = FuturesUnordered::<BoxFuture<'_, Result<(String, Call), ProbeError>>>::new();
    let mut asked = 0;
    let wants_results = spec.b.result.as_ref().filter(|_| round.focus.is_none() && round.wants(table::ENDS));
    let mut driven: Option<(Instant, Deadline)> = None;
    let mut complete: Option<Deadline> = None;
    let mut told: u64 = 0;
    loop {
        let end = driven.map(|(_, latest)| latest.sooner(complete, cx));
        tokio::select! {
            stepped = driver.step(&mut live.ledger), if !driver.is_done() => stepped?,
            came = any(&mut slots, &mut live.subscribers, cx) => {
                came?;
                // Where nothing tells the end of a job, silence does; heartbeats do not break it.
                let events = live.subscribers.iter().map(|s| s.tape.events).sum();
                if events > told && spec.b.ends_with.is_none() {
                    complete = None;
                }
                told = events;
            }
            Some(fetched) = fetching.next(), if !fetching.is_empty() => {
                let (job, call) = fetched?;
                results.push(fetched_of(spec, job, &call, cx, origin)?);
            }
            () = deadline::wait(end, cx), if end.is_some() && fetching.is_empty() => break,
            else => break,
        }
        if driven.is_some_and(|(_, latest)| latest.is_overrun(cx)) && fetching.is_empty() {
            return Ok(());
        }
        for (subscriber, got) in live.subscribers.iter_mut().zip(&mut got) {
            take_in(spec, subscriber, got, &live.ledger.jobs, work, cx, origin);
        }
        if let (Some(result), Some(first)) = (wants_results, got.first_mut()) {
            // An end may be there before the answer to the submit; then it is asked for as soon as the job is known to be ours.
            for job in first.take_known() {
                if asked < RESULTS {
                    asked += 1;
                    fetching.push(fetch(cx, &result.a, job));
                }
            }
        }
        cx.saw(format!("{} jobs, {} events", live.ledger.jobs.len(), live.subscribers.first().map_or(0, |s| s.tape.events)));
        if driver.is_done() {
            let now = cx.stopwatch().now();
            let (since, _) = *driven.get_or_insert_with(|| (now, Deadline::since(now, spec.b.drains_within())));
            let has_all = slots.iter().zip(&got).filter(|(slot, _)| slot.is_live()).all(|(_, got)| got.has_all(spec, live));
            if has_all && complete.is_none() {
                live.drained_in = now - since;
                complete = Some(Deadline::since(now, if spec.b.ends_with.is_some() { AFTERWARDS } else { QUIET }));
            }
        }
    }
    for subscriber in &mut live.subscribers {
        subscriber.batch = batch(subscriber, &live.ledger.jobs, cx, origin);
    }
    live.left = cx.stopwatch().now().saturating_duration_since(origin);
    live.is_drained = true;
    Ok(())
}

impl Got {
    /// Everything that can be waited for has come.
    pub(super) fn has_all(&self, spec: &Spec, live: &Live) -> bool {
        let jobs = &live.ledger.jobs;
        match spec.b.ends_with {
            Some(_) => self.ended.len() >= jobs.len() && jobs.iter().all(|j| self.ended.contains(&j.id)),
            None => self.begun.len() >= jobs.len() && jobs.iter().all(|j| self.begun.contains_key(&j.id)),
        }
    }

    /// Jobs that have ended and are ours, each once.
    fn take_known(&mut self) -> Vec<String> {
        let known = &self.known;
        self.news.extract_if(.., |job| known.contains_key(job)).collect()
    }
}

/// Notes what is new, and takes from the delays what our own work has added to them.
fn take_in(spec: &Spec, subscriber: &mut Subscriber, got: &mut Got, jobs: &[Job], work: &AtWork, cx: &Context, origin: Instant) {
    let before = subscriber.delays.len();
    note(spec, subscriber, got, jobs, cx, origin);
    for delay in &mut subscriber.delays[before..] {
        if let (Some(place), Some(at)) = (got.known.get(&delay.job), got.begun.get(&delay.job)) {
            work.discount(delay, &jobs[*place], *at, cx, origin);
        }
    }
}

/// Notes what is new on a stream and in the ledger: jobs that begin and end, and the delay of first events.
pub(super) fn note(spec: &Spec, subscriber: &mut Subscriber, got: &mut Got, jobs: &[Job], cx: &Context, origin: Instant) {
    let mut late = |job: &Job, at: Duration| subscriber.delays.push(Delay { job: job.id.clone(), took: delay(job, at, cx, origin) });
    for (place, job) in jobs.iter().enumerate().skip(got.known.len()) {
        got.known.insert(job.id.clone(), place);
        if let Some(at) = got.begun.get(&job.id) {
            late(job, *at);
        }
    }
    for arrival in &subscriber.tape.arrivals[got.read..] {
        let Some(id) = &arrival.job else { continue };
        if !got.begun.contains_key(id) {
            got.begun.insert(id.clone(), arrival.at);
            if let Some(job) = got.known.get(id).and_then(|place| jobs.get(*place)) {
                late(job, arrival.at);
            }
        }
        if spec.b.is_terminal(&arrival.name) && got.ended.insert(id.clone()) {
            got.news.push(id.clone());
        }
    }
    got.read = subscriber.tape.arrivals.len();
}

/// The event was produced between the sending of the submit and its answer, and arrived at `at`.
fn delay(job: &Job, at: Duration, cx: &Context, origin: Instant) -> Interval {
    let arrived = origin + at;
    let lo = if at > job.answered { cx.stopwatch().between(origin + job.answered, arrived).lo } else { Duration::ZERO };
    let hi = at.saturating_sub(job.sent);
    Interval { lo: lo.min(hi), hi }
}

/// Pairs of first events that were produced apart, and whether they arrived so.
pub(super) fn batch(subscriber: &Subscriber, jobs: &[Job], cx: &Context, origin: Instant) -> Batch {
    let mut first = HashMap::<&str, Duration>::new();
    for arrival in &subscriber.tape.arrivals {
        if let Some(job) = arrival.job.as_deref() {
            first.entry(job).or_insert(arrival.at);
        }
    }
    let mut made: Vec<(&Job, Duration)> = jobs.iter().filter_map(|j| Some((j, *first.get(j.id.as_str())?))).collect();
    made.sort_by_key(|(job, _)| job.sent);
    let large: Vec<Duration> = subscriber.tape.arrivals.iter().filter(|a| a.len >= LARGE).map(|a| a.at).collect();
    let mut batch = Batch::default();
    for (i, (job, at)) in made.iter().enumerate() {
        let Some((other, other_at)) = made[i + 1..].iter().find(|(other, _)| other.sent > job.answered + PRODUCED_APART) else { break };
        let apart = other_at.max(at).saturating_sub(*other_at.min(at));
        if apart >= TOGETHER {
            batch.pairs += 1;
        } else if cx
            .stopwatch()
            .stalls()
            .longest((origin + *other_at.min(at)).checked_sub(STALL * 6 / 5).unwrap_or(origin), origin + *other_at.max(at))
            >= STALL
        {
            // What came while this machine stood still was read together once it went on, however it came.
            batch.stalled += 1;
        } else if large.iter().any(|large| (job.answered..=*other_at.max(at)).contains(large)) {
            // What waits for a megabyte before it comes with it.
            batch.stalled += 1;
        } else {
            batch.pairs += 1;
            batch.together += 1;
            batch.example.get_or_insert((other.sent - job.answered, apart));
        }
    }
    batch
}

/// Asks for the result of a job.
fn fetch<'c>(cx: &'c Context, request: &'c Request, job: String) -> BoxFuture<'c, Result<(String, Call), ProbeError>> {
    Box::pin(async move {
        let cx = cx.with_values(cx.values().clone().with(ID, Json::String(job.clone()), false));
        let call = cx.call(request, &How::caller(SUBMIT)).await?;
        Ok((job, call))
    })
}

/// Holds a result against what is declared of it.
fn fetched_of(spec: &Spec, job: String, call: &Call, cx: &Context, origin: Instant) -> Result<Fetched, ProbeError> {
    let seen = Seen::of(call, cx.stopwatch(), origin);
    let expect = spec.b.result.as_ref().and_then(|r| r.b.expect.as_ref());
    let (Ok(answer), Some(status)) = (&call.answer, seen.answered()) else { return Ok(Fetched { job, seen, fine: false, missed: None }) };
    let Some(expect) = expect else { return Ok(Fetched { job, seen, fine: (200..300).contains(&status), missed: None }) };
    let values = cx.values().clone().with(ID, Json::String(job.clone()), false);
    let misses = expect.judge(&Answered::of(answer), &values).map_err(|e| ProbeError(e.to_string()))?;
    let fine = misses.is_empty();
    let code = misses.iter().any(|m| m.part == Part::Status);
    let missed = misses.into_iter().find(|_| !code).map(|m| (m.expected, m.observed));
    Ok(Fetched { job, seen, fine, missed })
}
