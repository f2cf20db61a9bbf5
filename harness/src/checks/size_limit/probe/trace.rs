//! Reads what refused bodies could leave behind, before and after.

use super::Probe;
use super::bodies::not_there;
use crate::checks::size_limit::look::{Not, Observation, Shot, Verdict};
use crate::checks::size_limit::show;
use crate::checks::size_limit::spec::Trace;
use crate::checks::size_limit::table::NO_TRACE;
use crate::kind::{How, ProbeError, Seen};
use crate::words::{Document, Json, Number};
use std::collections::BTreeMap;
use std::time::Duration;

/// How often it is read until it is what it was, and what lies between: 3 s in all.
const READS: u32 = 30;
const BETWEEN: Duration = Duration::from_millis(100);
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

    /// Holds what is there now against what was there before the refusals.
    pub(super) async fn no_trace(&self, before: Readings, seen: &mut Observation) -> Result<(), ProbeError> {
        if let Some(not) = Self::no_refusal(seen) {
            not_there(seen, NO_TRACE, not);
            return Ok(());
        }
        if seen.refusal.is_none() {
            not_there(seen, NO_TRACE, Not::There("no body was refused".to_owned()));
            return Ok(());
        }
        let before = match before {
            Ok(before) => before,
            Err(why) => {
                not_there(seen, NO_TRACE, Not::There(why));
                return Ok(());
            }
        };
        let mut left = None;
        for turn in 0..READS {
            let after = match self.traces().await? {
                Ok(after) => after,
                Err(why) => {
                    not_there(seen, NO_TRACE, Not::There(why));
                    return Ok(());
                }
            };
            let traces = self.spec.b.trace.iter().flat_map(|t| t.iter());
            left = traces.zip(&before).zip(after).find_map(|((trace, before), after)| {
                let grown = grown(before, &after, trace.b.slack())?;
                Some(Shot { seen: after.seen, wrong: Some(grown), ..Shot::default() })
            });
            if left.is_none() {
                break;
            }
            if turn + 1 < READS {
                self.cx.pause(BETWEEN).await;
            }
        }
        let verdict = if left.is_some() { Verdict::Noise } else { Verdict::Fine };
        seen.case(NO_TRACE, "").add(left.unwrap_or_default(), verdict);
        Ok(())
    }

    /// Refuses fresh bodies between fresh readings, until enough of them left something.
    pub(super) async fn no_trace_again(&self, limit: u64, samples: u32, seen: &mut Observation) -> Result<(), ProbeError> {
        let framings = self.framings();
        // What grows is told from what is always a little more by as many bodies as at first.
        let grows = self.spec.b.trace.iter().flat_map(|t| t.iter()).any(|t| t.b.slack() > 0.0);
        for turn in 0..samples {
            let before = self.traces().await?;
            if grows {
                self.refuses(limit, seen).await?;
            } else if self.straight(limit.saturating_add(1), framings[turn as usize % framings.len()], seen).await?.is_err() {
                return Ok(());
            }
            self.no_trace(before, seen).await?;
            if seen.case(NO_TRACE, "").is_settled(self.round.enough_bad) {
                break;
            }
        }
        Ok(())
    }
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
