//! Sends payloads that are hard to frame, each by a job, and looks for them in its events.

use super::deadline::{self, Deadline};
use super::drive;
use super::marks::{one, text};
use super::reader::{FEW_EVENTS, Reader, Wish};
use super::room;
use crate::checks::sse::look::{Arrival, Ledger, Observation, Payload};
use crate::checks::sse::spec::{Framed, ID, PAYLOAD, Spec};
use crate::checks::sse::table;
use crate::kind::{Context, ProbeError};
use crate::reader::With;
use crate::words::{Document, Json, Path, Request};
use std::future::poll_fn;

mod payloads;

/// Events with a text that are kept until the job is acknowledged.
const EARLY: usize = 10_000;

pub(super) async fn probe(spec: &Spec, framed: &With<Request, Framed>, cx: &Context, seen: &mut Observation) -> Result<(), ProbeError> {
    let origin = seen.origin(cx);
    let Some(id) = framed.b.id.as_ref().or(spec.b.drive.as_ref().map(|d| &d.b.id)) else { return Ok(()) };
    let Some(_room) = room::claim(1, &[table::FRAMED], cx, seen).await else { return Ok(()) };
    let up_to = usize::try_from(framed.b.up_to()).unwrap_or(usize::MAX);
    seen.framed.tape = Some(Default::default());
    let Some(tape) = seen.framed.tape.as_mut() else { return Ok(()) };
    // Each event is looked at as it comes.
    let wish = Wish { name: "framed", line: spec.b.line(), keep: FEW_EVENTS, ..Wish::default() };
    let Some(mut reader) = Reader::open(spec, &spec.a, &wish, cx, origin, tape).await? else {
        seen.framed.payloads.push(Payload::default());
        return Ok(());
    };
    for sent in payloads::all(up_to) {
        let values = cx.values().clone().with(PAYLOAD, Json::String(sent.text.clone()), false).with(ID, Json::Null, false);
        let cx = cx.with_values(values);
        seen.framed.payloads.push(Payload { name: sent.name, len: sent.text.len(), ..Payload::default() });
        let payload = seen.framed.payloads.last_mut().expect("one was just added");
        let mut came = Came::of(&sent.text, &framed.b.payload.value);
        let mut ledger = Ledger::default();
        let mut until: Option<Deadline> = None;
        {
            let submit = drive::submit(&cx, &framed.a, &id.value, origin, &mut ledger);
            let mut submit = std::pin::pin!(submit);
            loop {
                tokio::select! {
                    job = &mut submit, if until.is_none() => {
                        until = Some(Deadline::after(&cx, spec.b.drains_within()));
                        let Some(job) = job? else { break };
                        for (id, text) in std::mem::take(&mut came.early) {
                            hold(payload, &job.id, &id, text);
                        }
                        payload.job = Some(job.id);
                    }
                    _ = poll_fn(|task| reader.poll_step(task, &cx, tape, &mut |arrival, data| came.take(payload, arrival, data))), if reader.is_open() => {}
                    () = deadline::wait(until, &cx) => break,
                }
                if until.is_some_and(|until| until.is_overrun(&cx)) {
                    payload.is_crowded = true;
                    break;
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
pub(super) struct Came<'p> {
    sent: &'p str,
    at: &'p Path,
    /// Jobs whose events carried a text before ours was known, and what is to be said of it: the texts of many would be large.
    early: Vec<(String, Option<Text>)>,
}

impl<'p> Came<'p> {
    /// Nothing yet, where this text was sent, which comes back at that path.
    pub(super) fn of(sent: &'p str, at: &'p Path) -> Self {
        Self { sent, at, early: Vec::new() }
    }

    /// An event.
    pub(super) fn take(&mut self, payload: &mut Payload, arrival: &Arrival, data: &str) {
        let Some(job) = &arrival.job else { return };
        let came = Document::read(data.as_bytes()).ok().and_then(|document| text(one(&document, self.at)?));
        let text = came.map(|came| match came == self.sent {
            true => Text::Whole,
            false => Text::Differs(difference(self.sent, &came)),
        });
        match payload.job.clone() {
            Some(ours) => hold(payload, &ours, job, text),
            // Others make jobs too; only what carries a text may be ours.
            None if text.is_none() => {}
            None if self.early.len() < EARLY => self.early.push((job.clone(), text)),
            None => payload.is_crowded = true,
        }
    }
}

/// What came of a text.
enum Text {
    /// As it was sent.
    Whole,
    /// Not so: the first difference.
    Differs(String),
}

/// Writes down what an event carried, if it is of our job.
fn hold(payload: &mut Payload, ours: &str, job: &str, came: Option<Text>) {
    if ours != job {
        return;
    }
    payload.events += 1;
    match came {
        Some(Text::Whole) => payload.is_whole = true,
        Some(Text::Differs(how)) => payload.differs = Some(how),
        None => {}
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
    use super::*;
    use crate::checks::sse::Sse;
    use crate::kind::testing::spec;

    #[test]
    fn our_event_is_found_behind_many_of_others_that_came_before_our_job_was_known() {
        let spec = spec::<Sse>("{ get: /events, identify: { job: $.job }, framed: { post: /jobs, id: $.id, payload: $.note } }").spec;
        let at = &spec.b.framed.as_ref().expect("it is declared").b.payload.value;
        let mut came = Came::of("a text", at);
        let mut payload = Payload::default();
        let arrival = |job: &str| Arrival { job: Some(job.to_owned()), ..Arrival::default() };
        for n in 0..100 {
            came.take(&mut payload, &arrival(&format!("of others {n}")), r#"{"note":"another"}"#);
        }
        came.take(&mut payload, &arrival("ours"), r#"{"note":"a text"}"#);
        for (job, text) in std::mem::take(&mut came.early) {
            hold(&mut payload, "ours", &job, text);
        }
        assert!(payload.is_whole && payload.differs.is_none() && !payload.is_crowded && payload.events == 1);
        for n in 0..=EARLY {
            came.take(&mut payload, &arrival(&n.to_string()), r#"{"note":"another"}"#);
        }
        assert!(payload.is_crowded && came.early.len() == EARLY);
    }

    #[test]
    fn the_first_difference_is_told_with_what_was_there() {
        assert_eq!(difference("one\r\ntwo", "one\ntwo"), r#"7 bytes came of 8; at byte 3 "\r\ntwo" was sent and "\ntwo" came"#);
        assert_eq!(difference("abcdef", "abc"), r#"3 bytes came of 6; at byte 3 "def" was sent and its end came"#);
        assert!(difference("aé", "a\u{fffd}\u{fffd}").ends_with("U+FFFD stands where a character was cut in two"));
    }
}
