//! Lets much flow past a subscriber that does not read, and watches those beside it, the memory of the service, and what becomes of it.

use super::drive;
use super::metric;
use super::reader::{Reader, Step, Wish};
use super::room;
use crate::checks::sse::judge::is_later;
use crate::checks::sse::look::{Counts, Keys, Observation, Phase, Slow, Stuck, Tape};
use crate::checks::sse::spec::{ID, PAYLOAD, PIECE, SlowConsumer, Spec};
use crate::checks::sse::table;
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
const READINGS: u32 = 8;
/// How long the first bytes of the slow one are waited for: then it is surely subscribed.
const HELLO: Duration = Duration::from_secs(1);
/// How long is waited for what must not come, once the slow one has everything.
const AFTERWARDS: Duration = Duration::from_millis(300);
/// What the slow one misses is lost once so many bytes, which is more than heartbeats are, have not come in so long.
const FLOWS: u64 = 16 << 10;
const QUIET: Duration = Duration::from_secs(2);

pub(super) async fn probe(
    spec: &Spec,
    asked: &With<Request, SlowConsumer>,
    cx: &Context,
    seen: &mut Observation,
) -> Result<(), ProbeError> {
    let origin = seen.origin(cx);
    let Some(id) = asked.b.id.as_ref().or(spec.b.drive.as_ref().map(|d| &d.b.id)) else { return Ok(()) };
    let Some(_room) = room::claim(2, &[table::SLOW], cx, seen).await else { return Ok(()) };
    let seen = &mut seen.slow;
    let open = async |name, receive_buffer, tape: &mut Tape| {
        Reader::open(spec, &spec.a, &Wish { name, receive_buffer, line: spec.b.line(), ..Wish::default() }, cx, origin, tape).await
    };
    let Some(mut other) = open("other", None, seen.other.insert(Tape::default())).await? else { return Ok(()) };
    let flow = Flow { spec, request: &asked.a, id: &id.value, origin };
    let pieces = asked.b.pieces();
    // The same without the slow one: what the other one may expect.
    for _ in 0..(pieces / BASE).max(LEAST_BASE) {
        let tape = seen.other.as_mut().expect("it is open");
        if flow.one(cx, &mut other, tape, &mut seen.before, &mut None).await?.is_err() {
            return Ok(());
        }
    }
    seen.before.is_whole = true;
    memory(asked, cx, origin, seen).await?;
    let Some(mut reader) = open("slow", Some(BUFFER), seen.slow.insert(Tape::default())).await? else { return Ok(()) };
    if let Some(tape) = &mut seen.slow {
        _ = tokio::time::timeout(HELLO, reader.step(cx, tape)).await;
    }
    let mut slow = Some(reader);
    for piece in 1..=pieces {
        let tape = seen.other.as_mut().expect("it is open");
        if let Err(stuck) = flow.one(cx, &mut other, tape, &mut seen.beside, &mut slow).await? {
            seen.stuck = Some(stuck);
            return Ok(());
        }
        if piece.is_multiple_of(READINGS) {
            memory(asked, cx, origin, seen).await?;
        }
        cx.saw(format!("{piece} of {pieces} payloads past a subscriber that does not read"));
    }
    seen.beside.is_whole = true;
    memory(asked, cx, origin, seen).await?;
    if let Some(mut slow) = slow.take() {
        read_on(spec, &mut slow, &mut other, asked.b.reads_on(spec.b.drains_within()), cx, seen).await;
    }
    if is_later(seen) {
        // Whether it was the slow one or a machine that has become busy shows once it has gone.
        for _ in 0..LEAST_BASE {
            let tape = seen.other.as_mut().expect("it is open");
            if flow.one(cx, &mut other, tape, &mut seen.afterwards, &mut None).await?.is_err() {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// The slow one reads again, beside the other one, for as long as anything comes: its window is small, so what flowed takes its time.
async fn read_on(spec: &Spec, slow: &mut Reader<'_>, other: &mut Reader<'_>, most: Duration, cx: &Context, seen: &mut Slow) {
    let began = cx.stopwatch().now();
    let (Some(tape), Some(beside)) = (&mut seen.slow, &mut seen.other) else { return };
    let (mut compared, mut complete) = (None, None);
    // Since when it brought less than anything but a heartbeat would.
    let (mut flowed, mut since) = (tape.bytes, began);
    loop {
        // Comparing takes its time: only where an event came.
        let events = Some((tape.events, beside.events));
        if compared != events {
            compared = events;
            (seen.shared, seen.missing) = compare(tape, beside, &seen.beside);
        }
        if tape.bytes >= flowed + FLOWS {
            (flowed, since) = (tape.bytes, cx.stopwatch().now());
        }
        if seen.missing == 0 {
            complete.get_or_insert_with(|| cx.stopwatch().now());
        }
        // By what was there for the service: a machine that stood still has not waited.
        let waited = |since| cx.stopwatch().since(since).lo;
        let left = match complete {
            Some(complete) => AFTERWARDS.saturating_sub(waited(complete)),
            None => QUIET.saturating_sub(waited(since)).max(spec.b.drains_within().saturating_sub(waited(began))),
        };
        seen.flows = waited(began) >= most && waited(since) < QUIET;
        if left.is_zero() || seen.flows {
            break;
        }
        tokio::select! {
            biased;
            _ = other.step(cx, beside), if other.is_open() => {}
            step = slow.step(cx, tape), if slow.is_open() => if step == Step::Over { break },
            () = tokio::time::sleep(left) => {}
        }
    }
    (seen.shared, seen.missing) = compare(tape, beside, &seen.beside);
    seen.is_over = true;
}

/// Events of these jobs that came to both, and those that came to the other one alone.
fn compare(slow: &Tape, other: &Tape, phase: &Phase) -> (u32, u32) {
    let jobs = phase.ledger.ids();
    let mut keys = Keys::default();
    let mut of = |tape: &Tape| -> HashSet<String> {
        let mut counts = Counts::default();
        let ours = tape.arrivals.iter().filter(|a| a.job.as_deref().is_some_and(|j| jobs.contains(j)));
        ours.map(|a| keys.next(&mut counts, a)).collect()
    };
    let (slow, other) = (of(slow), of(other));
    let missing = other.iter().filter(|key| !slow.contains(*key)).count();
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    (count(other.len() - missing), count(missing))
}

/// Reads the gauge, where one is named. One that cannot be read is not asked for again: everything else can be seen without it.
async fn memory(asked: &With<Request, SlowConsumer>, cx: &Context, origin: Instant, seen: &mut Slow) -> Result<(), ProbeError> {
    let Some(memory) = asked.b.memory.as_ref().filter(|_| seen.unread.is_none()) else { return Ok(()) };
    let (answer, value) = metric::read(cx, &memory.a, &memory.b.gauge.value, origin).await?;
    seen.metrics = Some(answer);
    match value {
        Ok(value) => seen.memory.push(value),
        Err(why) => seen.unread = Some(why),
    }
    Ok(())
}

/// How payloads are made to flow: one after the other, so that those who read are never behind.
struct Flow<'f> {
    spec: &'f Spec,
    request: &'f Request,
    id: &'f Path,
    origin: Instant,
}

impl Flow<'_> {
    /// Makes one job with a payload and waits until its first event is there. Where it does not come, what may be in the way is let go,
    /// and it is waited for once more: whoever was in the way shows then.
    async fn one(
        &self,
        cx: &Context,
        other: &mut Reader<'_>,
        tape: &mut Tape,
        phase: &mut Phase,
        in_the_way: &mut Option<Reader<'_>>,
    ) -> Result<Result<(), Stuck>, ProbeError> {
        let text: String = "a slow reader holds up nobody. ".chars().cycle().take(usize::try_from(PIECE).unwrap_or(usize::MAX)).collect();
        let cx = cx.with_values(cx.values().clone().with(PAYLOAD, Json::String(text), false).with(ID, Json::Null, false));
        let (events, bytes) = (tape.arrivals.len(), tape.bytes);
        let began = cx.stopwatch().now();
        let (mut job, mut is_answered, mut waited, mut since) = (None, false, None, began);
        let passed = {
            let submit = drive::submit(&cx, self.request, self.id, self.origin, &mut phase.ledger);
            let mut submit = std::pin::pin!(submit);
            loop {
                let is_there = job.as_deref().is_some_and(|job| tape.arrivals[events..].iter().any(|a| a.job.as_deref() == Some(job)));
                if is_there || is_answered && (job.is_none() || !other.is_open()) {
                    break is_there;
                }
                let Some(end) = self.end(&cx, since) else {
                    if waited.is_some() || in_the_way.take().is_none() {
                        break false;
                    }
                    waited = Some(cx.stopwatch().since(began));
                    since = cx.stopwatch().now();
                    continue;
                };
                tokio::select! {
                    made = &mut submit, if !is_answered => {
                        is_answered = true;
                        job = made?.map(|job| job.id);
                    }
                    _ = other.step(&cx, tape), if other.is_open() => {}
                    () = tokio::time::sleep_until(end) => {}
                }
            }
        };
        phase.bytes += tape.bytes - bytes;
        if waited.is_none() && passed {
            phase.took.push(cx.stopwatch().since(began));
            return Ok(Ok(()));
        }
        let freed = passed.then(|| cx.stopwatch().since(since));
        Ok(Err(Stuck { job, waited: waited.unwrap_or_else(|| cx.stopwatch().since(began)), freed }))
    }

    /// Until when an event is waited for; none: the time for it is up. What this machine lost is added to it.
    fn end(&self, cx: &Context, since: Instant) -> Option<tokio::time::Instant> {
        let left = self.spec.b.drains_within().saturating_sub(cx.stopwatch().since(since).lo);
        (!left.is_zero()).then(|| tokio::time::Instant::now() + left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::sse::look::{Arrival, Job, Ledger};

    #[test]
    fn what_differs_with_each_delivery_is_counted_and_not_taken_for_lost() {
        let tape = |hashes: &[&str]| {
            let one = |hash: &&str| Arrival { job: Some("a".to_owned()), hash: (*hash).to_owned(), ..Arrival::default() };
            Tape { arrivals: hashes.iter().map(one).collect(), ..Tape::default() }
        };
        let jobs = vec![Job { id: "a".to_owned(), ..Job::default() }];
        let phase = Phase { ledger: Ledger { jobs, ..Ledger::default() }, ..Phase::default() };
        assert_eq!(compare(&tape(&["at 2", "at 4"]), &tape(&["at 1", "at 3"]), &phase), (2, 0));
        assert_eq!(compare(&tape(&["at 2"]), &tape(&["at 1", "at 3"]), &phase), (1, 1));
    }
}
