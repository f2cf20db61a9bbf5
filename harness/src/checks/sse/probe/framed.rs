//! Sends payloads that are hard to frame, each by a job, and looks for them in its events.

use super::drive;
use super::marks::{one, text};
use super::reader::{Reader, Wish};
use crate::checks::sse::look::{Arrival, Ledger, Observation, Payload};
use crate::checks::sse::spec::{Framed, ID, LINE, PAYLOAD, Spec};
use crate::kind::{Context, ProbeError};
use crate::reader::With;
use crate::words::{Document, Json, Path, Request};
use std::future::poll_fn;

mod payloads;

/// A line of an event may be so much longer than its payload: JSON writes some characters as six bytes.
const ESCAPED: usize = 6;
/// Texts of jobs that are not acknowledged yet.
const EARLY: usize = 8;

pub(super) async fn probe(spec: &Spec, framed: &With<Request, Framed>, cx: &Context, seen: &mut Observation) -> Result<(), ProbeError> {
    let origin = seen.origin(cx);
    let Some(id) = framed.b.id.as_ref().or(spec.b.drive.as_ref().map(|d| &d.b.id)) else { return Ok(()) };
    let up_to = usize::try_from(framed.b.up_to()).unwrap_or(usize::MAX);
    seen.framed.tape = Some(Default::default());
    let Some(tape) = seen.framed.tape.as_mut() else { return Ok(()) };
    let wish = Wish { name: "framed", line: up_to.saturating_mul(ESCAPED).max(LINE), ..Wish::default() };
    let Some(mut reader) = Reader::open(spec, &spec.a, &wish, cx, origin, tape).await? else {
        seen.framed.payloads.push(Payload::default());
        return Ok(());
    };
    for sent in payloads::all(up_to) {
        let values = cx.values().clone().with(PAYLOAD, Json::String(sent.text.clone()), false).with(ID, Json::Null, false);
        let cx = cx.with_values(values);
        seen.framed.payloads.push(Payload { name: sent.name, len: sent.text.len(), ..Payload::default() });
        let payload = seen.framed.payloads.last_mut().expect("one was just added");
        let mut came = Came { sent: &sent.text, at: &framed.b.payload.value, early: Vec::new() };
        let mut ledger = Ledger::default();
        let mut until = None;
        {
            let submit = drive::submit(&cx, &framed.a, &id.value, origin, &mut ledger);
            let mut submit = std::pin::pin!(submit);
            loop {
                let end = until.unwrap_or_else(tokio::time::Instant::now);
                tokio::select! {
                    job = &mut submit, if until.is_none() => {
                        until = Some(tokio::time::Instant::now() + spec.b.drains_within());
                        let Some(job) = job? else { break };
                        for (id, text) in std::mem::take(&mut came.early) {
                            came.hold(payload, &job.id, &id, text);
                        }
                        payload.job = Some(job.id);
                    }
                    _ = poll_fn(|task| reader.poll_step(task, &cx, tape, &mut |arrival, data| came.take(payload, arrival, data))), if reader.is_open() => {}
                    () = tokio::time::sleep_until(end), if until.is_some() => break,
                }
                if payload.job.is_some() && (payload.is_whole || payload.differs.is_some()) || !reader.is_open() && until.is_some() {
                    break;
                }
            }
        }
        if payload.job.is_none() {
            payload.refusal = Some(ledger.emptiness());
        }
        seen.framed.ledger.sent += ledger.sent;
        seen.framed.ledger.refused += ledger.refused;
        seen.framed.ledger.jobs.append(&mut ledger.jobs);
        cx.saw(format!("{} payloads sent", seen.framed.payloads.len()));
    }
    seen.framed.is_drained = true;
    Ok(())
}

/// What came while one payload was out.
struct Came<'p> {
    sent: &'p str,
    at: &'p Path,
    /// Texts of jobs, before ours is known.
    early: Vec<(String, Option<String>)>,
}

impl Came<'_> {
    /// An event.
    fn take(&mut self, payload: &mut Payload, arrival: &Arrival, data: &str) {
        let Some(job) = &arrival.job else { return };
        let came = Document::read(data.as_bytes()).ok().and_then(|document| text(one(&document, self.at)?));
        match payload.job.clone() {
            Some(ours) => self.hold(payload, &ours, job, came),
            // Others make jobs too; only what carries a text may be ours.
            None if self.early.len() < EARLY && came.is_some() => self.early.push((job.clone(), came)),
            None => {}
        }
    }

    /// Holds the text of an event against what was sent, if it is of our job.
    fn hold(&self, payload: &mut Payload, ours: &str, job: &str, came: Option<String>) {
        if ours != job {
            return;
        }
        payload.events += 1;
        match came {
            Some(came) if came == self.sent => payload.is_whole = true,
            Some(came) => payload.differs = Some(difference(self.sent, &came)),
            None => {}
        }
    }
}

/// The first difference between two texts, for people.
fn difference(sent: &str, came: &str) -> String {
    let at = sent.bytes().zip(came.bytes()).take_while(|(a, b)| a == b).count();
    let show = |text: &str| -> String {
        let from = (0..=at.min(text.len())).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
        let shown: String = text[from..].chars().take(12).flat_map(char::escape_debug).collect();
        if shown.is_empty() { "its end".to_owned() } else { format!("\"{shown}\"") }
    };
    let lost =
        if came.contains('\u{fffd}') && !sent.contains('\u{fffd}') { "; U+FFFD stands where a character was cut in two" } else { "" };
    format!("{} bytes came of {}; at byte {at} {} was sent and {} came{lost}", came.len(), sent.len(), show(sent), show(came))
}

#[cfg(test)]
mod tests {
    use super::difference;

    #[test]
    fn the_first_difference_is_told_with_what_was_there() {
        assert_eq!(difference("one\r\ntwo", "one\ntwo"), r#"7 bytes came of 8; at byte 3 "\r\ntwo" was sent and "\ntwo" came"#);
        assert_eq!(difference("abcdef", "abc"), r#"3 bytes came of 6; at byte 3 "def" was sent and its end came"#);
        assert!(difference("aé", "a\u{fffd}\u{fffd}").ends_with("U+FFFD stands where a character was cut in two"));
    }
}
