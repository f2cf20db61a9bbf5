//! Reads what refused bodies could leave behind, before them and after.

use super::Probe;
use super::bodies::not_there;
use crate::checks::size_limit::look::{Not, Observation, Shot, Verdict};
use crate::checks::size_limit::show;
use crate::checks::size_limit::spec::Trace;
use crate::checks::size_limit::table::NO_TRACE;
use crate::kind::{How, ProbeError, Seen};
use crate::model::quantity::show_duration;
use crate::words::{Document, Json, Number};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long after the refusals it is read: what is tidied up by then is clean, and what shows only after a while has shown.
const LASTS: Duration = Duration::from_secs(3);
/// How often at most it is read until what accepted bodies leave has gone, and what lies between.
const SETTLES: u32 = 5;
const BETWEEN: Duration = Duration::from_secs(1);
/// How many bodies that were taken are looked for there.
const LOOKS: u32 = 3;
/// How often at most bodies are refused anew where what is there falls meanwhile.
const FALLS: u32 = 4;
/// Most bytes of a listing.
const LISTING: usize = 4 << 20;

/// One reading of one trace: numbers by name, things with how often each is there.
#[derive(Clone, Debug, Default)]
pub(super) struct Reading {
    numbers: Vec<(String, f64)>,
    things: BTreeMap<String, u32>,
    seen: Seen,
}

/// The readings of all traces; or why one of them cannot be had.
pub(super) type Readings = Result<Vec<Reading>, String>;

impl Probe<'_> {
    /// Reads every trace once.
    pub(super) async fn traces(&self) -> Result<Readings, ProbeError> {
        let mut all = Vec::new();
        for trace in self.spec.b.trace.iter().flat_map(|t| t.iter()) {
            let mut how = How::caller(self.patience());
            how.wishes.limits.body_keep = LISTING;
            let call = self.cx.call(&trace.a, &how).await?;
            let seen = Seen::of(&call, self.cx.stopwatch(), self.origin);
            let Some(answer) = call.answer.as_ref().ok().filter(|a| (200..300).contains(&a.status)) else {
                return Ok(Err(format!("{} was answered by {}", call.sent, seen.brief())));
            };
            match read(&trace.b, &answer.body) {
                Ok(reading) => all.push(Reading { seen, ..reading }),
                Err(why) => return Ok(Err(format!("{}: {why}", call.sent))),
            }
        }
        Ok(Ok(all))
    }

    /// Reads what is there after bodies were taken, before any is refused: once it is what it was at the `start` again, or, where nothing
    /// takes away what they leave, once it stays as it is. What still falls would hide what refused ones leave.
    pub(super) async fn settled(&self, start: Readings, seen: &mut Observation) -> Result<Readings, ProbeError> {
        let mut last = self.traces().await?;
        for _ in 0..SETTLES {
            let (Ok(start), Ok(now)) = (&start, &last) else { break };
            seen.trace_moved |= !is_same(start, now);
            if self.grown(start, now).is_none() {
                break;
            }
            self.cx.pause(BETWEEN).await;
            let next = self.traces().await?;
            let stays = matches!((&last, &next), (Ok(last), Ok(next)) if is_same(last, next));
            last = next;
            if stays && self.spec.b.remove.is_none() {
                break;
            }
        }
        Ok(last)
    }

    /// Looks whether the traces show a body that was taken and is still there: those that do not may see nothing of refused ones either.
    pub(super) async fn look_at_traces(&self, seen: &mut Observation) -> Result<(), ProbeError> {
        if let (Some(Ok(start)), false) = (self.start.get(), seen.trace_moved || seen.trace_looks == LOOKS) {
            seen.trace_looks += 1;
            seen.trace_moved = self.traces().await?.is_ok_and(|now| !is_same(start, &now));
        }
        Ok(())
    }

    /// Holds what is there a while after the refusals against what was there before them.
    pub(super) async fn no_trace(&self, before: Readings, limit: u64, seen: &mut Observation) -> Result<(), ProbeError> {
        if let Some(not) = Self::no_refusal(seen) {
            return left_out(seen, not);
        }
        if seen.refusal.is_none() {
            return left_out(seen, Not::There("no body was refused".to_owned()));
        }
        let mut before = match before {
            Ok(before) => before,
            Err(why) => return left_out(seen, Not::There(why)),
        };
        for turn in 0..FALLS {
            self.cx.pause(LASTS).await;
            let after = match self.traces().await? {
                Ok(after) => after,
                Err(why) => return left_out(seen, Not::There(why)),
            };
            seen.trace_moved |= !is_same(&before, &after);
            if let Some(shot) = self.grown(&before, &after) {
                seen.case(NO_TRACE, "").add(shot, Verdict::Noise);
                return Ok(());
            }
            if self.grown(&after, &before).is_none() {
                seen.case(NO_TRACE, "").add(Shot::default(), Verdict::Fine);
                return Ok(());
            }
            before = after;
            if turn + 1 < FALLS && !self.refuse_some(turn, limit, seen).await? {
                break;
            }
        }
        let why = "what is told there falls by itself, so that what refused bodies leave could hide behind it".to_owned();
        left_out(seen, Not::There(why))
    }

    /// Refuses fresh bodies between fresh readings, until enough of them left something. Before each comes as long a time without a
    /// refusal: what grows in that too is not left by refused bodies.
    pub(super) async fn no_trace_again(&self, limit: u64, samples: u32, seen: &mut Observation) -> Result<(), ProbeError> {
        for turn in 0..samples {
            let first = self.traces().await?;
            self.cx.pause(LASTS).await;
            let before = self.traces().await?;
            if let (Ok(first), Ok(before)) = (&first, &before)
                && let Some(Shot { wrong: Some((_, is)), .. }) = self.grown(first, before)
            {
                seen.restless = Some(format!("{is}, {} later and without any body: somebody else moves it", show_duration(LASTS)));
                return Ok(());
            }
            if !self.refuse_some(turn, limit, seen).await? {
                return Ok(());
            }
            self.no_trace(before, limit, seen).await?;
            if seen.case(NO_TRACE, "").is_settled(self.round.enough_bad) {
                break;
            }
        }
        Ok(())
    }

    /// Refuses a body once more. What grows is told from what is always a little more by as many as at first. False: the environment has no
    /// room for it.
    async fn refuse_some(&self, turn: u32, limit: u64, seen: &mut Observation) -> Result<bool, ProbeError> {
        let framings = self.willing(seen);
        if self.spec.b.trace.iter().flat_map(|t| t.iter()).any(|t| t.b.slack() > 0.0) {
            self.refuses(limit, seen).await?;
            return Ok(true);
        }
        Ok(self.straight(limit.saturating_add(1), framings[turn as usize % framings.len()], seen).await?.is_ok())
    }

    /// The first trace that shows what was not there before.
    fn grown(&self, before: &[Reading], after: &[Reading]) -> Option<Shot> {
        let traces = self.spec.b.trace.iter().flat_map(|t| t.iter());
        traces.zip(before).zip(after).find_map(|((trace, before), after)| {
            let grown = grown(before, after, trace.b.slack())?;
            Some(Shot { seen: after.seen.clone(), wrong: Some(grown), ..Shot::default() })
        })
    }
}

/// It was not looked at, for this reason.
fn left_out(seen: &mut Observation, why: Not) -> Result<(), ProbeError> {
    not_there(seen, NO_TRACE, why);
    Ok(())
}

/// Whether every trace reads the same.
fn is_same(one: &[Reading], other: &[Reading]) -> bool {
    one.iter().zip(other).all(|(one, other)| one.numbers == other.numbers && one.things == other.things)
}

/// What a body says of a trace.
fn read(trace: &Trace, body: &[u8]) -> Result<Reading, String> {
    let mut reading = Reading::default();
    if let Some(gauges) = &trace.gauges {
        let text = String::from_utf8_lossy(body);
        for name in gauges.iter().map(|g| g.value.as_str()) {
            let value = gauge(&text, name).ok_or_else(|| format!("there is no gauge `{name}`"))?;
            reading.numbers.push((name.to_owned(), value));
        }
        return Ok(reading);
    }
    let Some(path) = &trace.at else { return Ok(reading) };
    let document = Document::read(body).map_err(|e| format!("no JSON: the body {e}"))?;
    let nodes = path.value.select(&document).map_err(|e| e.to_string())?;
    match nodes.as_slice() {
        [one] if matches!(one.node, Json::Number(_)) => {
            let Json::Number(number) = one.node else { return Ok(reading) };
            reading.numbers.push((path.value.to_string(), value(number).ok_or_else(|| format!("{} is no count", number.text()))?));
        }
        // Nothing at a path that names one place is no empty listing: it is another document.
        [] if path.value.is_singular() => return Err(format!("nothing at {}", path.value)),
        several => {
            for node in several {
                let things = match node.node {
                    Json::Array(items) if path.value.is_singular() => items.iter().map(|i| i.brief(200)).collect(),
                    other => vec![other.brief(200)],
                };
                for thing in things {
                    *reading.things.entry(thing).or_default() += 1;
                }
            }
        }
    }
    Ok(reading)
}

fn value(number: &Number) -> Option<f64> {
    number.text().parse().ok().filter(|v: &f64| v.is_finite())
}

/// The value of a gauge in Prometheus text: the sum over its label sets.
fn gauge(text: &str, name: &str) -> Option<f64> {
    let mut sum = None;
    for line in text.lines() {
        let Some(rest) = line.trim_start().strip_prefix(name) else { continue };
        let value = match rest.chars().next() {
            Some('{') => &rest[rest.rfind('}')? + 1..],
            Some(' ' | '\t') => rest,
            _ => continue,
        };
        let number: f64 = value.split_whitespace().next()?.parse().ok().filter(|v: &f64| v.is_finite())?;
        sum = Some(sum.unwrap_or(0.0) + number);
    }
    sum
}

/// What is there that was not: what was expected, and what was seen.
fn grown(before: &Reading, after: &Reading, slack: f64) -> Option<(String, String)> {
    for ((name, was), (_, is)) in before.numbers.iter().zip(&after.numbers) {
        if is - was > slack {
            let room = if slack > 0.0 { format!(", give or take {}", show::exact(slack as u64)) } else { String::new() };
            return Some((format!("{name} is {was} again{room}, once bodies were refused"), format!("{name} is {is}")));
        }
    }
    let new: Vec<&str> =
        after.things.iter().filter(|(thing, n)| before.things.get(*thing).unwrap_or(&0) < n).map(|(thing, _)| thing.as_str()).collect();
    let first = new.first()?;
    let more = if new.len() > 1 { format!(" and {} more", new.len() - 1) } else { String::new() };
    Some(("nothing is there that was not before bodies were refused".to_owned(), format!("{first}{more}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::size_limit::SizeLimit;
    use crate::kind::testing::spec;

    #[track_caller]
    fn check(trace: &str, before: &str, after: &str, left: Option<&str>) {
        let spec = spec::<SizeLimit>(&format!("{{ post: /u, limit: 1MiB, trace: {{ get: /t, {trace} }} }}")).spec;
        let trace = &spec.b.trace.as_ref().unwrap()[0].b;
        let read = |text: &str| read(trace, text.as_bytes()).expect(text);
        assert_eq!(grown(&read(before), &read(after), trace.slack()).map(|(_, seen)| seen).as_deref(), left);
    }

    #[test]
    fn what_is_new_is_a_trace_and_what_went_is_not() {
        check("at: $.count", r#"{"count":3}"#, r#"{"count":3}"#, None);
        check("at: $.count", r#"{"count":3}"#, r#"{"count":2}"#, None);
        check("at: $.count", r#"{"count":3}"#, r#"{"count":4}"#, Some("$.count is 4"));
        check("at: '$.items[*].id'", r#"{"items":[{"id":"a"}]}"#, r#"{"items":[{"id":"b"},{"id":"c"}]}"#, Some("\"b\" and 1 more"));
        check("at: $.items", r#"{"items":[]}"#, r#"{"items":["a"]}"#, Some("\"a\""));
        check("at: '$[*]'", "[]", "[]", None);
        check("gauges: [t], slack: 1kB", "t 5\n", "t 1005\n", None);
        check("gauges: [t], slack: 1kB", "t 5\n", "t 1006\n", Some("t is 1006"));
    }

    #[test]
    fn a_trace_that_cannot_be_read_is_not_empty() {
        let spec = spec::<SizeLimit>("{ post: /u, limit: 1MiB, trace: [{ get: /t, at: $.count }, { get: /t, gauges: [a] }] }").spec;
        let traces = spec.b.trace.as_ref().unwrap();
        assert!(read(&traces[0].b, b"{}").is_err() && read(&traces[0].b, b"<html>").is_err() && read(&traces[1].b, b"b 1\n").is_err());
    }
}
