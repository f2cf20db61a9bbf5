//! Opens an event stream and reads it to its end: behind an event, or in the middle of one.

use super::{BEYOND, Event, LEAD};
use crate::checks::shutdown::look::Flight;
use crate::checks::shutdown::spec::{Spec, Streams};
use crate::kind::{Call, Context, How, Opened, ProbeError, Seen};
use crate::reader::With;
use crate::transport::sse::{Item, Limits, Parser};
use crate::transport::{Answer, Failed, Opening, Streaming, Timeouts, Trouble};
use crate::words::Request;
use std::time::Instant;
use tokio::time::timeout;

/// Bytes of the end of a stream that are kept: what it ended in the middle of.
const END: usize = 120;

/// What is promised of the end of a stream.
const WHOLE: &str = "the stream ends behind an event, and not inside one";

/// One stream, from its head to its end.
pub(super) async fn stream(streams: &With<Request, Streams>, spec: &Spec, cx: &Context, origin: Instant) -> Result<Event, ProbeError> {
    let total = spec.grace() + LEAD + BEYOND * 2;
    let opening = Opening { timeouts: Timeouts { connect: total, first_byte: total, total }, ..Opening::default() };
    let Opened { began, stream, sent, again, request_id, trace_id, .. } = cx.open(&streams.a, &How::caller(total), &opening).await?;
    let (answer, missed) = match stream {
        Ok(stream) if stream.answer().status == 200 => match timeout(total, read(stream)).await {
            Ok(ended) => ended,
            Err(_) => return Err(ProbeError(format!("{sent}: the stream is still open after the service was killed"))),
        },
        // It did not open: what came instead says enough.
        Ok(stream) => (Ok(stream.answer().clone()), None),
        Err(failed) => (Err(failed), None),
    };
    let ended = answer.as_ref().map_or_else(|failed| failed.ended, |answer| answer.ended);
    let took = cx.stopwatch().between(began, ended.into_std());
    let call = Call { took, began, answer, sent, again, request_id, trace_id };
    let seen = Seen::of(&call, cx.stopwatch(), origin);
    let fine = missed.is_none() && seen.answered() == Some(200);
    Ok(Event::Stream(Flight { seen, fine, missed }))
}

/// The answer as it was when its stream had ended, and what was left of an event then.
async fn read(mut stream: Streaming) -> (Result<Answer, Box<Failed>>, Option<(String, String)>) {
    let mut parser = Parser::new(Limits::default());
    let mut end = Vec::new();
    let trouble: Option<Trouble> = loop {
        match stream.next().await {
            Ok(Some(piece)) => {
                parser.feed(&piece.bytes, (), &mut |_: Item<()>| {});
                end.extend_from_slice(&piece.bytes[piece.bytes.len().saturating_sub(END)..]);
                end.drain(..end.len().saturating_sub(END));
            }
            Ok(None) => break None,
            Err(trouble) => break Some(trouble),
        }
    };
    let mut answer = stream.answer().clone();
    answer.ended = tokio::time::Instant::now();
    answer.phases.total = answer.ended - answer.began;
    (answer.wire_len, answer.body_len) = (stream.received(), stream.received());
    if let Some(trouble) = trouble {
        let Answer { began, ended, phases, remote, reused, .. } = answer;
        return (Err(Box::new(Failed { trouble, partial: Some(answer), phases, began, ended, remote, reused })), None);
    }
    answer.body_complete = true;
    let tail = parser.end();
    let missed = tail.incomplete.then(|| {
        let rest = String::from_utf8_lossy(&end);
        let rest = rest.rsplit("\n\n").next().unwrap_or_default().escape_debug().to_string();
        (WHOLE.to_owned(), format!("it ends inside the event at byte {}: \"{rest}\"", tail.offset))
    });
    (Ok(answer), missed)
}
