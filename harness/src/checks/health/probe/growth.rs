//! Reads gauges before, between and after two blocks of probes.

use super::super::look::{Gauge, Observation};
use super::super::spec::{Growth, Spec};
use super::{ask, how};
use crate::kind::{Context, How, ProbeError, Seen};
use crate::reader::With;
use crate::words::{Request, gauge};
use std::time::Duration;

/// Probes before the first reading, so that pools and caches are warm.
const WARM_UP: u32 = 20;
/// How often a gauge is read until it has settled, and how long lies between.
const READS: u32 = 20;
const BETWEEN: Duration = Duration::from_millis(100);
/// Longest wait for one reading of the metrics.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) async fn growth(spec: &Spec, growth: &With<Request, Growth>, cx: &Context, seen: &mut Observation) -> Result<(), ProbeError> {
    let probes = growth.b.probes();
    seen.growth.probes = probes;
    block(spec, WARM_UP, cx, seen).await?;
    let Some(mut before) = read(growth, cx, seen).await? else { return Ok(()) };
    seen.growth.gauges =
        growth.b.gauges().into_iter().zip(&before).map(|(name, value)| Gauge { name: name.to_owned(), values: vec![*value] }).collect();
    for _ in 0..2 {
        block(spec, probes, cx, seen).await?;
        let Some(after) = settled(growth, &before, f64::from(probes) / 10.0, cx, seen).await? else { return Ok(()) };
        for (gauge, value) in seen.growth.gauges.iter_mut().zip(&after) {
            gauge.values.push(*value);
        }
        before = after;
    }
    Ok(())
}

/// So many plain requests. Their answers count for `health/code` too.
async fn block(spec: &Spec, probes: u32, cx: &Context, seen: &mut Observation) -> Result<(), ProbeError> {
    let how = how(spec.b.patience());
    for done in 0..probes {
        let look = ask(spec, cx, &how, seen).await?;
        let gone = look.seen.status.is_none();
        seen.plain.add(look);
        if gone && done == 0 {
            break;
        }
    }
    Ok(())
}

/// Reads until no gauge is above its value before by more than the noise, or the patience is over: what was held a moment is no growth.
async fn settled(
    growth: &With<Request, Growth>,
    before: &[f64],
    noise: f64,
    cx: &Context,
    seen: &mut Observation,
) -> Result<Option<Vec<f64>>, ProbeError> {
    let mut lowest: Option<Vec<f64>> = None;
    for _ in 0..READS {
        let Some(now) = read(growth, cx, seen).await? else { return Ok(None) };
        let least = match lowest {
            Some(least) => least.iter().zip(&now).map(|(a, b)| a.min(*b)).collect(),
            None => now,
        };
        let flat = least.iter().zip(before).all(|(now, before)| now - before < noise);
        lowest = Some(least);
        if flat {
            break;
        }
        cx.pause(BETWEEN).await;
    }
    Ok(lowest)
}

/// One value per gauge; none, with the reason kept, where one of them cannot be had.
async fn read(growth: &With<Request, Growth>, cx: &Context, seen: &mut Observation) -> Result<Option<Vec<f64>>, ProbeError> {
    let origin = seen.origin(cx);
    let call = cx.call(&growth.a, &How::caller(PATIENCE)).await?;
    let answer = Seen::of(&call, cx.stopwatch(), origin);
    let Some(text) = call.answer.as_ref().ok().filter(|a| (200..300).contains(&a.status)).map(|a| String::from_utf8_lossy(&a.body)) else {
        seen.growth.why = Some(format!("{} was answered by {}", answer.sent, answer.brief()));
        return Ok(None);
    };
    let mut values = Vec::new();
    for name in growth.b.gauges() {
        match gauge(&text, name) {
            Some(value) => values.push(value),
            None => {
                seen.growth.why = Some(format!("{} has no gauge `{name}`", answer.sent));
                return Ok(None);
            }
        }
    }
    Ok(Some(values))
}
