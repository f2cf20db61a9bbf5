//! Opens many streams, drives jobs, and holds what each subscriber got against what all of them got.

use super::crowd;
use super::deadline::Deadline;
use super::drive::Driver;
use super::reader::{Reader, Step};
use crate::checks::sse::look::{FanOut, Observation};
use crate::checks::sse::spec::{Drive, Spec};
use crate::kind::{Context, ProbeError};
use crate::reader::With;
use crate::words::Request;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use hall::Hall;
use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::ready;
use std::time::{Duration, Instant};
use tokio::time::sleep_until;

mod hall;

/// Time between two looks at whether all have everything.
const LOOK: Duration = Duration::from_millis(25);
/// How long nothing new may come, once all have everything.
const QUIET: Duration = Duration::from_millis(300);
/// Nothing new for so long: what is missing by then is not on its way.
const SILENT: Duration = Duration::from_secs(1);
/// Drives that are kept.
const KEPT: usize = 3;

pub(super) async fn probe(spec: &Spec, drive: &With<Request, Drive>, cx: &Context, seen: &mut Observation) -> Result<(), ProbeError> {
    let origin = seen.origin(cx);
    let Some(asked) = spec.b.fan_out.as_ref().map(|n| n.value).filter(|_| seen.fan_outs.len() < KEPT) else { return Ok(()) };
    seen.fan_outs.push(FanOut { asked, ..FanOut::default() });
    let fan_out = seen.fan_outs.last_mut().expect("one was just added");
    let mut crowd = crowd::open(spec, "subscriber", asked, cx, origin, &mut fan_out.refused).await?;
    let _room = crowd.room.take();
    (fan_out.is_asked, fan_out.is_limited) = (true, crowd.limit.is_some());
    fan_out.open = crowd.limit.unwrap_or_else(|| u32::try_from(crowd.open.len()).unwrap_or(u32::MAX));
    if fan_out.is_limited || crowd.open.is_empty() {
        return Ok(());
    }
    let (tapes, readers): (Vec<_>, Vec<_>) = crowd.open.into_iter().unzip();
    let telling = Telling { hall: Mutex::new(Hall::of(tapes, origin)), fan_out, cx };
    let (hall, fan_out) = (&telling.hall, &mut *telling.fan_out);
    let mut driver = Driver::new(cx, &drive.a, &drive.b.id.value, origin, &[(drive.b.jobs(), drive.b.step())]);
    let mut listening: FuturesUnordered<_> =
        readers.into_iter().enumerate().map(|(place, reader)| listen(reader, place, hall, cx)).collect();
    let mut driven: Option<(Instant, Deadline)> = None;
    let mut was_over = false;
    let mut look = tokio::time::Instant::now() + LOOK;
    loop {
        tokio::select! {
            stepped = driver.step(&mut fan_out.ledger), if !driver.is_done() => stepped?,
            () = read(&mut listening, hall, cx), if !listening.is_empty() => {}
            () = sleep_until(look) => {
                look = tokio::time::Instant::now() + LOOK;
                let hall = lock(hall);
                cx.saw(format!("{} jobs, {} events, {} subscribers", fan_out.ledger.jobs.len(), hall.events(), fan_out.open));
                if !driver.is_done() {
                    continue;
                }
                let now = cx.stopwatch().now();
                let (since, latest) = *driven.get_or_insert_with(|| (now, Deadline::since(now, spec.b.drains_within())));
                let is_quiet = |time| hall.last().is_none_or(|last| cx.stopwatch().between(origin + last, now).lo >= time);
                fan_out.is_quiet = is_quiet(SILENT);
                if is_quiet(QUIET) && hall.has_all(spec, &fan_out.ledger) {
                    fan_out.drained_in = now - since;
                    break;
                }
                // What was there to be read when the time was up has been read at the next look.
                if was_over || hall.is_empty() {
                    break;
                }
                was_over = latest.is_over(cx);
            }
        }
    }
    fan_out.is_drained = true;
    Ok(())
}

/// Writes down what the hall has once nobody listens any more, also where the deadline of the check cuts the look off.
struct Telling<'t> {
    hall: Mutex<Hall>,
    fan_out: &'t mut FanOut,
    cx: &'t Context,
}

impl Drop for Telling<'_> {
    fn drop(&mut self) {
        let hall = self.hall.get_mut().unwrap_or_else(PoisonError::into_inner);
        hall.leave().tell(self.cx, self.fan_out);
    }
}

/// Reads what there is on any stream, and notes how long that takes.
async fn read<F: Future<Output = ()>>(listening: &mut FuturesUnordered<F>, hall: &Mutex<Hall>, cx: &Context) {
    poll_fn(|task| {
        lock(hall).begin(cx.stopwatch().now());
        let polled = listening.poll_next_unpin(task);
        lock(hall).pause(cx.stopwatch().now());
        polled.map(|_| ())
    })
    .await;
}

/// Reads one stream for as long as it is open; what came is in the hall at once.
async fn listen(mut reader: Reader<'_>, place: usize, hall: &Mutex<Hall>, cx: &Context) {
    poll_fn(|task| {
        loop {
            let mut hall = lock(hall);
            let mut tape = hall.take(place);
            let polled = reader.poll_step(task, cx, &mut tape, &mut |_, _| {});
            hall.put(place, tape);
            if ready!(polled) == Step::Over {
                return std::task::Poll::Ready(());
            }
        }
    })
    .await;
}

fn lock<'h>(hall: &'h Mutex<Hall>) -> MutexGuard<'h, Hall> {
    hall.lock().unwrap_or_else(PoisonError::into_inner)
}
