//! Sets the state moving and watches it until it settles, leaves the path or is late. The only I/O of `transition`.

use super::judge::moves::is_off;
use super::look::{Asked, Observation, Poll};
use super::spec::{PATIENCE, REAL, Real, Spec, Trigger};
use super::table;
use crate::kind::{Context, How, ProbeError, Round};
use crate::reader::With;
use crate::words::{Answered, Request, Values};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

#[cfg(test)]
mod tests;

/// Least time between two polls where the suite says nothing.
const LEAST: Duration = Duration::from_millis(50);
/// From here on others may have the place of this check meanwhile.
const LONG: Duration = Duration::from_millis(200);
/// Polls of the last state where `steady-for` says nothing.
const CONFIRMED: u32 = 3;
/// Results and requests of `works` that are kept.
const KEPT: usize = 128;

/// Does what the round wants. Nothing is triggered twice: later rounds only look again at what has settled.
pub(super) async fn probe(spec: &Spec, round: &Round, cx: &Context, seen: &mut Observation) -> Result<(), ProbeError> {
    seen.asked = round.clauses.iter().map(|c| c.0.to_owned()).collect();
    let origin = seen.origin(cx);
    if round.number > 0 {
        return again(spec, round, &cx.with_values(cx.values().clone().and(&seen.captured)), seen).await;
    }
    if spec.is_open_before() || spec.trigger.is_none() {
        let poll = poll(spec, cx, seen).await?;
        seen.add(spec, poll, spec.trigger.is_none());
    }
    let Some(trigger) = spec.trigger.as_ref().filter(|_| !is_over(spec, seen)) else {
        return watch(spec, round, cx, seen, &Fired::default()).await;
    };
    let fired = Fired::default();
    seen.triggered = cx.stopwatch().since(origin);
    if spec.is_open_before() {
        // The trigger may be answered only once all is done, so the state is watched meanwhile.
        let (sent, watched) = tokio::join!(fire(spec, trigger, cx, origin, &fired), watch(spec, round, cx, seen, &fired));
        fired.tell(seen);
        sent.and(watched)
    } else {
        fire(spec, trigger, cx, origin, &fired).await?;
        fired.tell(seen);
        let cx = cx.with_values(cx.values().clone().and(&seen.captured));
        watch(spec, round, &cx, seen, &fired).await
    }
}

/// What the trigger's answer gave, or what was expected of it and what was seen instead.
type Captured = Result<Values, (String, String)>;

/// Where the outcome of the trigger lies until the watch takes it.
#[derive(Default)]
struct Fired {
    outcome: Mutex<Option<(Asked, Captured)>>,
    refused: CancellationToken,
}

impl Fired {
    /// Hands the outcome on, if there is one.
    fn tell(&self, seen: &mut Observation) {
        let outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((asked, captured)) = outcome {
            seen.trigger = Some(asked);
            match captured {
                Ok(values) => seen.captured = values,
                Err(miss) => seen.no_capture = Some(miss),
            }
        }
    }
}

async fn fire(
    spec: &Spec,
    trigger: &With<Request, Trigger>,
    cx: &Context,
    origin: std::time::Instant,
    fired: &Fired,
) -> Result<(), ProbeError> {
    let call = match cx.call(&trigger.a, &How::caller(spec.deadline() + PATIENCE)).await {
        Ok(call) => call,
        Err(error) => {
            fired.refused.cancel();
            return Err(error);
        }
    };
    let asked = Asked::of(trigger.b.expect.as_ref(), &call, cx, origin)?;
    let captured = match &call.answer {
        Ok(answer) if asked.fine => spec.capture.take(&Answered::of(answer)).map_err(|miss| (miss.to_string(), miss.observed)),
        _ => Ok(Values::default()),
    };
    let is_refused = !asked.fine || captured.is_err();
    *fired.outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some((asked, captured));
    if is_refused {
        fired.refused.cancel();
    }
    Ok(())
}

/// Nothing more can be learnt by waiting: settled, forbidden, or off the path for good.
fn is_over(spec: &Spec, seen: &Observation) -> bool {
    seen.is_final(spec) || seen.stays.last().is_some_and(|s| s.forbidden) || is_off(spec, seen)
}

async fn poll(spec: &Spec, cx: &Context, seen: &mut Observation) -> Result<Poll, ProbeError> {
    let origin = seen.origin(cx);
    let call = cx.call(&spec.observe.a, &How::caller(PATIENCE)).await?;
    Ok(Poll::of(spec, &call, cx, origin))
}

/// The next poll comes after a 40th of the time that has passed, and often enough to see every state that lasts as declared.
fn step(spec: &Spec, elapsed: Duration) -> Duration {
    let step = match &spec.observe.b.every {
        Some(every) => every.value.0,
        None => (elapsed / 40).clamp(LEAST, Duration::from_secs(1)),
    };
    spec.lasts().map_or(step, |lasts| step.min((lasts / 4).max(Duration::from_millis(1))))
}

/// Waits for the next poll. Only a long wait gives the place of this check to others: coming back may take time, and what passes between two
/// polls that lie apart cannot be told.
async fn wait(cx: &Context, pause: Duration) {
    if pause >= LONG { cx.pause(pause).await } else { tokio::time::sleep(pause).await }
}

/// Polls until the last state is there and was kept, or nothing more can be learnt.
async fn watch(spec: &Spec, round: &Round, cx: &Context, seen: &mut Observation, fired: &Fired) -> Result<(), ProbeError> {
    let deadline = spec.deadline();
    loop {
        fired.tell(seen);
        if fired.refused.is_cancelled() {
            return Ok(());
        }
        if is_over(spec, seen) {
            break;
        }
        let poll = poll(spec, cx, seen).await?;
        let began = poll.seen.at;
        seen.add(spec, poll, true);
        cx.saw(seen.last.last().cloned().unwrap_or_default());
        result(spec, round, cx, seen).await?;
        if is_over(spec, seen) {
            break;
        }
        // Three polls after the deadline, so that one that is lost does not decide.
        if began.lo.saturating_sub(seen.triggered.lo) > deadline {
            seen.late = seen.late.saturating_add(1);
            if seen.late >= round.enough_bad.max(1) {
                return Ok(());
            }
        }
        let elapsed = began.hi.saturating_sub(seen.triggered.hi);
        let pause = step(spec, elapsed);
        // The poll that decides comes right after the deadline, and not up to a second later.
        let pause = deadline.checked_sub(elapsed).map_or(pause, |left| pause.min(left + Duration::from_millis(1)));
        tokio::select! {
            () = wait(cx, pause) => {}
            () = fired.refused.cancelled() => {}
        }
    }
    if !seen.is_final(spec) {
        return Ok(());
    }
    result(spec, round, cx, seen).await?;
    if let Some(works) = spec.works.as_ref().filter(|_| round.wants(table::SETTLES) && seen.works.is_empty()) {
        let asked = ask(works, cx, seen).await?;
        seen.works.push(asked);
    }
    keep(spec, round, cx, seen, None).await?;
    Ok(())
}

/// Asks for the result once it is due: progress is complete, or the last state is there.
async fn result(spec: &Spec, round: &Round, cx: &Context, seen: &mut Observation) -> Result<(), ProbeError> {
    let Some(progress) = spec.progress.as_ref().filter(|_| round.wants(table::MONOTONIC)) else { return Ok(()) };
    let Some(result) = progress.result.as_ref().filter(|_| seen.due.is_none()) else { return Ok(()) };
    let complete = seen.progress.now.filter(|now| *now >= progress.complete());
    seen.due = match (complete, seen.is_final(spec), seen.last.last()) {
        (Some(value), _, Some(last)) => Some(format!("{value} with {last}")),
        (None, true, Some(last)) => Some(last.clone()),
        _ => return Ok(()),
    };
    // What noise could have made is asked for again at once: the moment itself does not come back.
    for _ in 0..if result.a.is_repeatable() { round.enough_bad.max(1) } else { 1 } {
        let asked = ask(result, cx, seen).await?;
        let again = asked.is_confusable() && !asked.fine;
        seen.result.push(asked);
        if !again {
            break;
        }
    }
    Ok(())
}

async fn ask(request: &With<Request, Real>, cx: &Context, seen: &mut Observation) -> Result<Asked, ProbeError> {
    let origin = seen.origin(cx);
    let call = cx.call(&request.a, &How::caller(REAL)).await?;
    Asked::of(request.b.expect.as_ref(), &call, cx, origin)
}

/// Polls the last state for the declared time, or for as many samples as the core asks for.
async fn keep(spec: &Spec, round: &Round, cx: &Context, seen: &mut Observation, samples: Option<u32>) -> Result<(), ProbeError> {
    let began = cx.stopwatch().now();
    let mut taken = 0;
    loop {
        let poll = poll(spec, cx, seen).await?;
        taken += 1;
        let blank = poll.state.is_none().then(|| poll.seen.clone());
        seen.add(spec, poll, true);
        seen.kept.polls = seen.kept.polls.saturating_add(1);
        if let Some(blank) = blank {
            seen.kept.blank += 1;
            let stood_still = blank.trouble.as_ref().is_some_and(|s| s.name.ends_with("timeout")) && blank.took.lo < blank.took.hi;
            seen.kept.ours += u32::from(stood_still);
            seen.kept.first_blank.get_or_insert(blank);
        } else if !seen.is_final(spec) {
            return Ok(());
        }
        let over = match samples {
            Some(samples) => taken >= samples,
            None => taken >= CONFIRMED && cx.stopwatch().since(began).lo >= spec.steady_for(),
        };
        if over || seen.kept.blank - seen.kept.ours >= round.enough_bad.max(1) {
            seen.kept.whole = true;
            return Ok(());
        }
        let pause = (spec.steady_for() / 40).clamp(LEAST, Duration::from_secs(1));
        wait(cx, if samples.is_some() { round.step.min(pause) } else { pause }).await;
    }
}

/// Looks once more at what noise could have made.
async fn again(spec: &Spec, round: &Round, cx: &Context, seen: &mut Observation) -> Result<(), ProbeError> {
    let samples = round.samples_or(20);
    if round.wants_case(table::SETTLES, "") && seen.is_final(spec) {
        keep(spec, round, cx, seen, Some(samples)).await?;
    }
    let result = spec.progress.as_ref().and_then(|p| p.result.as_ref());
    let cases = [(table::SETTLES, "works", spec.works.as_ref()), (table::MONOTONIC, "result", result)];
    for (clause, case, request) in cases {
        let Some(request) = request.filter(|_| round.wants_case(clause, case)) else { continue };
        for _ in 0..samples {
            let asked = ask(request, cx, seen).await?;
            let list = if case == "works" { &mut seen.works } else { &mut seen.result };
            if list.len() < KEPT {
                list.push(asked);
            }
            if list.iter().filter(|a| !a.fine).count() >= round.enough_bad.max(1) as usize {
                break;
            }
        }
    }
    Ok(())
}
