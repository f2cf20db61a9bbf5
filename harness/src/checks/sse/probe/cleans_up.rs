//! Opens many streams and leaves them, and reads what the service still counts.

use super::{crowd, metric};
use crate::checks::sse::look::{Block, CleansUp as Seen, Observation};
use crate::checks::sse::spec::{CleansUp, HELD, Spec};
use crate::kind::{Context, ProbeError};
use crate::reader::With;
use crate::words::Request;
use std::time::{Duration, Instant};

/// Time between two readings of the gauge.
const BETWEEN: Duration = Duration::from_millis(100);
/// How long the gauge may take to fall to where it stays, before anything is opened.
const SETTLES: u32 = 20;

pub(super) async fn probe(
    spec: &Spec,
    cleans_up: &With<Request, CleansUp>,
    cx: &Context,
    seen: &mut Observation,
) -> Result<(), ProbeError> {
    let origin = seen.origin(cx);
    let seen = &mut seen.cleans_up;
    let Some(before) = settled(cleans_up, cx, origin, seen).await? else { return Ok(()) };
    seen.before = Some(before);
    let closes = cleans_up.b.closes();
    for (is_reset, asked) in [(false, closes.div_ceil(2)), (true, closes / 2)] {
        seen.blocks.push(Block { is_reset, asked, ..Block::default() });
        let began = cx.stopwatch().now();
        let mut left = 0;
        while left < asked {
            let mut later = None;
            let refused = if seen.refused.is_none() { &mut seen.refused } else { &mut later };
            let held = crowd::open(spec, "left", HELD.min(asked - left), cx, origin, refused).await?;
            left += HELD.min(asked - left);
            let count = u32::try_from(held.open.len()).unwrap_or(u32::MAX);
            seen.is_limited |= held.limit.is_some();
            if seen.meanwhile.is_none() && !seen.is_limited {
                let Some(value) = read(cleans_up, cx, origin, seen).await? else { return Ok(()) };
                (seen.held, seen.meanwhile) = (count, Some(value));
            }
            let block = seen.blocks.last_mut().expect("one was just added");
            block.left += count;
            for (_, reader) in held.open {
                // Dropped, it closes quietly.
                if is_reset {
                    reader.abort();
                }
            }
            if seen.is_limited {
                seen.held = held.limit.unwrap_or(count);
                return Ok(());
            }
            cx.saw(format!("{left} of {asked} streams left"));
        }
        let Some(after) = back(cleans_up, before, cleans_up.b.within(spec.b.silence()), cx, origin, seen).await? else { return Ok(()) };
        let block = seen.blocks.last_mut().expect("one was just added");
        (block.after, block.took) = (Some(after), cx.stopwatch().since(began).hi);
    }
    if (0..seen.blocks.len()).any(|place| seen.leaked(place) > 0.0) {
        seen.drift = control(spec, cleans_up, cx, origin, seen).await?;
    }
    Ok(())
}

/// What others do to the gauge: opens streams that nobody leaves, and reads for as long as a block took how far it rises.
async fn control(
    spec: &Spec,
    cleans_up: &With<Request, CleansUp>,
    cx: &Context,
    origin: Instant,
    seen: &Seen,
) -> Result<Option<f64>, ProbeError> {
    let within = seen.blocks.iter().map(|b| b.took).max().unwrap_or_default();
    let _held = crowd::open(spec, "held", HELD, cx, origin, &mut None).await?;
    cx.saw("holds streams, to see what others do to the gauge");
    let value = async || Ok::<_, ProbeError>(metric::read(cx, &cleans_up.a, &cleans_up.b.gauge.value, origin).await?.1.ok());
    // It may count them a little later than they open.
    let (mut first, mut same) = (f64::NEG_INFINITY, 0);
    for _ in 0..SETTLES {
        let Some(now) = value().await? else { return Ok(None) };
        same = if now > first { 0 } else { same + 1 };
        first = first.max(now);
        if same >= 2 {
            break;
        }
        cx.pause(BETWEEN).await;
    }
    let (began, mut highest) = (cx.stopwatch().now(), first);
    while cx.stopwatch().since(began).lo < within {
        cx.pause(BETWEEN).await;
        let Some(now) = value().await? else { return Ok(None) };
        highest = highest.max(now);
    }
    Ok(Some(highest - first))
}

/// The gauge once it falls no further: what this check had open before may still be counted.
async fn settled(cleans_up: &With<Request, CleansUp>, cx: &Context, origin: Instant, seen: &mut Seen) -> Result<Option<f64>, ProbeError> {
    let mut lowest = f64::INFINITY;
    let mut same = 0;
    for _ in 0..SETTLES {
        let Some(value) = read(cleans_up, cx, origin, seen).await? else { return Ok(None) };
        same = if value < lowest { 0 } else { same + 1 };
        lowest = lowest.min(value);
        if same >= 2 || lowest <= 0.0 {
            break;
        }
        cx.pause(BETWEEN).await;
    }
    Ok(Some(lowest))
}

/// Reads until the gauge is back where it was, or the time for it is up; the lowest value.
async fn back(
    cleans_up: &With<Request, CleansUp>,
    before: f64,
    within: Duration,
    cx: &Context,
    origin: Instant,
    seen: &mut Seen,
) -> Result<Option<f64>, ProbeError> {
    let began = cx.stopwatch().now();
    let mut lowest = f64::INFINITY;
    loop {
        let Some(value) = read(cleans_up, cx, origin, seen).await? else { return Ok(None) };
        lowest = lowest.min(value);
        // By what surely was there for the service: a machine that stood still has not waited.
        if lowest <= before || cx.stopwatch().since(began).lo >= within {
            return Ok(Some(lowest));
        }
        cx.pause(BETWEEN).await;
    }
}

async fn read(cleans_up: &With<Request, CleansUp>, cx: &Context, origin: Instant, seen: &mut Seen) -> Result<Option<f64>, ProbeError> {
    let (answer, value) = metric::read(cx, &cleans_up.a, &cleans_up.b.gauge.value, origin).await?;
    seen.metrics = Some(answer);
    match value {
        Ok(value) => Ok(Some(value)),
        Err(why) => {
            seen.why = Some(why);
            Ok(None)
        }
    }
}
