//! Sends the call as often as a round wants and holds each answer against the expectations while its body is at hand.

use super::judge::{Look, Miss, Observation, Shown, Trouble};
use super::spec::{Echo, Http};
use super::{BODY, CAPTURE, ECHOES, HEADERS, JSON, SCHEMA, STATUS};
use crate::kind::{Call, Context, How, ProbeError, Round};
use crate::model::{At, ClauseId, Excerpt, Size};
use crate::transport::{Answer, Trouble as Wire};
use crate::words::{Answered, Part, Values};

/// Headers that help to see what happened, shown with an answer that is not as declared.
const TELLING: &[&str] = &["content-type", "location", "server", "via", "retry-after", "www-authenticate"];

/// Most bytes of a body that a bad look keeps.
const KEPT: usize = 2 * 1024;

/// Most bytes of a body that are kept while it is looked at, where an expectation looks at its content.
const DOCUMENT: usize = 8 << 20;

pub(super) async fn probe(spec: &Http, round: &Round, cx: &Context, seen: &mut Observation) -> Result<(), ProbeError> {
    let mut how = How::caller(spec.wait(cx.patience())).decoding().following(spec.request.follow_redirects());
    how.wishes.sha256 = spec.own.expect.wants_sha256();
    if spec.reads_body() {
        how.wishes.limits.body_keep = DOCUMENT;
    }
    let times = if spec.repeatable() { round.samples_or(spec.samples()) } else { u32::from(seen.looks.is_empty()) };
    for _ in 0..times {
        let call = cx.call(&spec.request, &how).await?;
        let look = look(spec, cx, &call, seen)?;
        cx.saw(match (&look.trouble, look.status) {
            (Some(trouble), _) => trouble.what.clone(),
            (None, Some(status)) => status.to_string(),
            (None, None) => String::new(),
        });
        seen.looks.push(look);
        if seen.is_enough(spec, round.enough_bad) {
            break;
        }
    }
    Ok(())
}

/// Holds one call against the spec; the first good answer gives the captures.
fn look(spec: &Http, cx: &Context, call: &Call, seen: &mut Observation) -> Result<Look, ProbeError> {
    let mut look = Look {
        sent: call.sent.clone(),
        status: None,
        took: call.took,
        trouble: None,
        misses: Vec::new(),
        answer: None,
        request_id: call.request_id.clone(),
        trace_id: call.trace_id.clone(),
        again: call.again.clone(),
    };
    match &call.answer {
        Err(failed) => {
            look.status = failed.partial.as_ref().map(|a| a.status);
            look.answer = failed.partial.as_ref().map(shown);
            look.trouble = Some(Trouble {
                what: failed.to_string(),
                confusable: failed.trouble.confusable(),
                timeout: matches!(
                    failed.trouble,
                    Wire::ConnectTimeout { .. } | Wire::FirstByteTimeout { .. } | Wire::HeadTimeout { .. } | Wire::TotalTimeout { .. }
                ),
            });
        }
        Ok(answer) => {
            look.status = Some(answer.status);
            all_at_hand(spec, call, answer)?;
            let answered = Answered::of(answer);
            let judged = spec.own.expect.judge(&answered, cx.values()).map_err(|e| ProbeError(e.to_string()))?;
            look.misses.extend(judged.into_iter().map(|miss| {
                let clause = clause_of(miss.part);
                let confusable = clause == STATUS && could_be_noise(answer.status);
                note(clause, miss.expected, miss.observed, confusable, miss.at)
            }));
            let is_declared = look.misses.iter().all(|m| m.clause != STATUS.0);
            if is_declared {
                echoes(spec, call, answer, &mut look.misses);
            }
            // What was made by a request that is sent once can be cleaned up, whatever its status was.
            if is_declared || !spec.repeatable() {
                captures(spec, &answered, is_declared, &mut look.misses, seen);
            }
            if !look.misses.is_empty() {
                look.answer = Some(shown(answer));
            }
        }
    }
    Ok(look)
}

/// Takes what the answer gives. The first answer that is as declared counts, for all later checks must speak of the same thing.
fn captures(spec: &Http, answered: &Answered<'_>, is_declared: bool, misses: &mut Vec<Miss>, seen: &mut Observation) {
    let mut taken = Values::default();
    for rule in spec.own.capture.iter() {
        match rule.take(answered) {
            Ok(value) => taken = taken.with(&rule.name, value, rule.is_secret),
            Err(miss) if is_declared => misses.push(note(CAPTURE, miss.expected, miss.observed, false, miss.at)),
            Err(_) => {}
        }
    }
    if seen.captured.is_empty() {
        seen.captured = taken;
    }
}

/// A body that is larger than what we keep is no fault of the service, and nothing can be said of its content.
fn all_at_hand(spec: &Http, call: &Call, answer: &Answer) -> Result<(), ProbeError> {
    let (kept, len) = (answer.body.len() as u64, answer.body_len);
    if kept == len || !spec.reads_body() || !answer.body_complete || spec.max_size().is_some_and(|most| len > most) {
        return Ok(());
    }
    Err(ProbeError(format!(
        "{}: the body has {}, and only bodies up to {} can be held against what is expected of their content",
        call.sent,
        Size(len),
        Size(DOCUMENT as u64)
    )))
}

/// Answers of a machine in trouble, not of a contract: they are counted.
fn could_be_noise(status: u16) -> bool {
    matches!(status, 408 | 429 | 500..=599)
}

fn clause_of(part: Part) -> ClauseId {
    match part {
        Part::Status => STATUS,
        Part::Headers => HEADERS,
        Part::Json => JSON,
        Part::Body => BODY,
        Part::Schema => SCHEMA,
    }
}

fn note(clause: ClauseId, expected: String, observed: String, confusable: bool, at: At) -> Miss {
    Miss { clause: clause.0.to_owned(), expected, observed, confusable, at: [at.line, at.column, at.start, at.len] }
}

fn echoes(spec: &Http, call: &Call, answer: &Answer, misses: &mut Vec<Miss>) {
    for echo in spec.own.echoes.iter().flat_map(|echoes| &echoes.value) {
        let miss = match echo.value {
            Echo::RequestId => {
                let got = answer.header_text("x-request-id");
                (got.as_deref() != Some(&call.request_id)).then(|| {
                    (
                        format!("x-request-id: {}", call.request_id),
                        got.map_or("no x-request-id".to_owned(), |g| format!("x-request-id: {g}")),
                    )
                })
            }
            Echo::TraceId => {
                let got = ["traceresponse", "traceparent"].iter().find_map(|name| answer.header_text(name));
                let same = got.as_deref().and_then(|v| v.split('-').nth(1)) == Some(&call.trace_id);
                (!same).then(|| {
                    let expected = format!("trace id {} in traceresponse or traceparent", call.trace_id);
                    (expected, got.map_or("neither header".to_owned(), |g| g.into_owned()))
                })
            }
        };
        if let Some((expected, observed)) = miss {
            misses.push(note(ECHOES, expected, observed, false, echo.at));
        }
    }
}

fn shown(answer: &Answer) -> Shown {
    let headers = TELLING.iter().filter_map(|name| Some(((*name).to_owned(), answer.header_text(name)?.into_owned()))).collect();
    let mut body = Excerpt::of(&answer.body, KEPT);
    body.len = answer.body_len;
    Shown { headers, body }
}

#[cfg(test)]
mod tests;
