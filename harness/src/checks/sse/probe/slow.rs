//! Lets much flow past a subscriber that does not read, and watches those beside it, the memory of the service, and what becomes of it.

use super::drive;
use super::metric;
use super::reader::{Reader, Step, Wish};
use crate::checks::sse::look::{Observation, Phase, Slow, Stuck, Tape};
use crate::checks::sse::spec::{ID, PAYLOAD, PIECE, SlowConsumer, Spec};
use crate::kind::{Context, ProbeError};
use crate::reader::With;
use crate::words::{Json, Path, Request};
use std::collections::HashSet;
use std::time::{Duration, Instant};

/// The receive buffer of the slow one: the smallest that systems allow.
const BUFFER: u32 = 4096;
/// The part of what flows past the slow one that flows before it is there, and the least of that.
const BASE: u32 = 4;
const LEAST_BASE: u32 = 10;
/// Jobs between two readings of the memory.
const READINGS: usize = 8;
/// How long the first bytes of the slow one are waited for: then it is surely subscribed.
const HELLO: Duration = Duration::from_secs(1);
/// How long is waited for what must not come, once the slow one has everything.
const AFTERWARDS: Duration = Duration::from_millis(300);

pub(super) async fn probe(spec: &Spec, asked: &With<Request, SlowConsumer>, cx: &Context, seen: &mut Observation) -> Result<(), ProbeError> {
    let origin = seen.origin(cx);
    let Some(id) = asked.b.id.as_ref().or(spec.b.drive.as_ref().map(|d| &d.b.id)) else { return Ok(()) };
    let seen = &mut seen.slow;
    let open = async |name, receive_buffer, tape: &mut Tape| {
        Reader::open(spec, &spec.a, &Wish { name, receive_buffer, ..Wish::default() }, cx, origin, tape).await
    };
    let Some(mut other) = open("other", None, seen.other.insert(Tape::default())).await? else { return Ok(()) };
    let flow = Flow { spec, request: &asked.a, id: &id.value, origin };
    let pieces = asked.b.pieces();
    // The same without the slow one: what the other one may expect.
    for _ in 0..(pieces / BASE).max(LEAST_BASE) {
        let tape = seen.other.as_mut().expect("it is open");
        if let Err(Passing { .. }) = flow.one(cx, &mut other, tape, &mut seen.before).await? {
            return Ok(());
        }
    }
    seen.before.is_whole = true;
    if !memory(asked, cx, origin, seen).await? {
        return Ok(());
    }
    let Some(mut slow) = open("slow", Some(BUFFER), seen.slow.insert(Tape::default())).await? else { return Ok(()) };
    if let Some(tape) = &mut seen.slow {
        _ = tokio::time::timeout(HELLO, slow.step(cx, tape)).await;
    }
    for piece in 1..=pieces {
        let tape = seen.other.as_mut().expect("it is open");
        if let Err(passing) = flow.one(cx, &mut other, tape, &mut seen.beside).await? {
            // Whether it is the slow one that is in the way shows once it has gone.
            drop(slow);
            let began = cx.stopwatch().now();
            let patience = tokio::time::Instant::now() + spec.b.drains_within();
            let passed = flow.passes(cx, &mut other, tape, passing.job.as_deref(), passing.events, patience).await;
            let freed = passed.then(|| cx.stopwatch().since(began));
            seen.stuck = Some(Stuck { job: passing.job, waited: passing.waited, freed });
            return Ok(());
        }
        if piece as usize % READINGS == 0 && !memory(asked, cx, origin, seen).await? {
            return Ok(());
        }
        cx.saw(format!("{piece} of {pieces} payloads past a subscriber that does not read"));
    }
    seen.beside.is_whole = true;
    if !memory(asked, cx, origin, seen).await? {
        return Ok(());
    }
    read_on(spec, &mut slow, &mut other, cx, seen).await;
    Ok(())
}

/// The slow one reads again, beside the other one.
async fn read_on(spec: &Spec, slow: &mut Reader<'_>, other: &mut Reader<'_>, cx: &Context, seen: &mut Slow) {
    let mut until = tokio::time::Instant::now() + spec.b.drains_within();
    let mut has_all = false;
    let (Some(tape), Some(beside)) = (&mut seen.slow, &mut seen.other) else { return };
    loop {
        let (shared, missing) = compare(tape, beside, &seen.beside);
        (seen.shared, seen.missing) = (shared, missing);
        if missing == 0 && !has_all {
            has_all = true;
            until = until.min(tokio::time::Instant::now() + AFTERWARDS);
        }
        tokio::select! {
            step = slow.step(cx, tape), if slow.is_open() => if step == Step::Over { break },
            _ = other.step(cx, beside), if other.is_open() => {}
            () = tokio::time::sleep_until(until) => break,
        }
    }
    (seen.shared, seen.missing) = compare(tape, beside, &seen.beside);
    seen.is_over = true;
}

/// Events of these jobs that came to both, and those that came to the other one alone.
fn compare(slow: &Tape, other: &Tape, phase: &Phase) -> (u32, u32) {
    let jobs = phase.ledger.ids();
    let of = |tape: &Tape| -> HashSet<String> {
        tape.arrivals.iter().filter(|a| a.job.as_deref().is_some_and(|j| jobs.contains(j))).map(|a| a.key()).collect()
    };
    let (slow, other) = (of(slow), of(other));
    let missing = other.iter().filter(|key| !slow.contains(*key)).count();
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    (count(other.len() - missing), count(missing))
}

/// Reads the gauge, where one is named; false: it cannot be read.
async fn memory(asked: &With<Request, SlowConsumer>, cx: &Context, origin: Instant, seen: &mut Slow) -> Result<bool, ProbeError> {
    let Some(memory) = &asked.b.memory else { return Ok(true) };
    let (answer, value) = metric::read(cx, &memory.a, &memory.b.gauge.value, origin).await?;
    seen.metrics = Some(answer);
    match value {
        Ok(value) => seen.memory.push(value),
        Err(why) => seen.unread = Some(why),
    }
    Ok(seen.unread.is_none())
}

/// How payloads are made to flow: one after the other, so that those who read are never behind.
struct Flow<'f> {
    spec: &'f Spec,
    request: &'f Request,
    id: &'f Path,
    origin: Instant,
}

/// A job that has not passed.
struct Passing {
    job: Option<String>,
    waited: crate::model::Interval,
    /// Events that had come before it was sent.
    events: usize,
}

impl Flow<'_> {
    /// Makes one job with a payload and waits until its first event is there.
    async fn one(&self, cx: &Context, other: &mut Reader<'_>, tape: &mut Tape, phase: &mut Phase) -> Result<Result<(), Passing>, ProbeError> {
        let text: String = "a slow reader holds up nobody. ".chars().cycle().take(usize::try_from(PIECE).unwrap_or(usize::MAX)).collect();
        let cx = cx.with_values(cx.values().clone().with(PAYLOAD, Json::String(text), false).with(ID, Json::Null, false));
        let (events, bytes) = (tape.arrivals.len(), tape.bytes);
        let began = cx.stopwatch().now();
        let end = tokio::time::Instant::now() + self.spec.b.drains_within();
        let mut job = None;
        let mut is_refused = false;
        {
            let submit = drive::submit(&cx, self.request, self.id, self.origin, &mut phase.ledger);
            let mut submit = std::pin::pin!(submit);
            loop {
                tokio::select! {
                    made = &mut submit => {
                        job = made?.map(|job| job.id);
                        is_refused = job.is_none();
                        break;
                    }
                    _ = other.step(&cx, tape), if other.is_open() => {}
                    () = tokio::time::sleep_until(end) => break,
                }
            }
        }
        let passed = !is_refused && self.passes(&cx, other, tape, job.as_deref(), events, end).await;
        let waited = cx.stopwatch().since(began);
        phase.bytes += tape.bytes - bytes;
        if job.is_some() && passed {
            phase.took.push(waited);
            return Ok(Ok(()));
        }
        Ok(Err(Passing { job, waited, events }))
    }

    /// Reads until an event of the job is there, or any that is as large where the job is not known.
    async fn passes(
        &self,
        cx: &Context,
        other: &mut Reader<'_>,
        tape: &mut Tape,
        job: Option<&str>,
        events: usize,
        end: tokio::time::Instant,
    ) -> bool {
        let is_it = |tape: &Tape| {
            let of_job = |of: &Option<String>| job.is_some() && of.as_deref() == job;
            tape.arrivals[events..].iter().any(|a| of_job(&a.job) || job.is_none() && a.len as u64 >= PIECE)
        };
        while !is_it(tape) {
            match tokio::time::timeout_at(end, other.step(cx, tape)).await {
                Ok(Step::Came(_)) => {}
                Ok(Step::Over) | Err(_) => return is_it(tape),
            }
        }
        true
    }
}
