//! A stream that a kind opens: the same request as any other, and an answer that is read while it comes.

use super::{Context, How, ProbeError, context::Prepared};
use crate::{
    model::Interval,
    transport::{Failed, Opening, Streaming, curl},
    words::Request,
};
use std::time::Instant;

/// A stream that was opened, or what came of it.
#[derive(Debug)]
pub struct Opened {
    /// From the first byte of the dial to the whole head of the answer (or to the trouble), less our stalls in `lo`.
    pub took: Interval,
    /// When it began; only for order and distance.
    pub began: Instant,
    /// The stream, with the head of its answer, whatever its status; or the trouble.
    pub stream: Result<Streaming, Box<Failed>>,
    /// `GET /events`, secrets masked.
    pub sent: String,
    /// One command that shows it again, as it comes: `curl -N …`.
    pub again: String,
    /// The request id that was sent, and perhaps echoed.
    pub request_id: String,
    /// The trace id that was sent (W3C Trace Context).
    pub trace_id: String,
}

impl Context {
    /// Opens a stream: sends the request as [`Context::call`] does, and comes back with the head of its answer; the body is read from
    /// [`Opened::stream`] as it comes, without a deadline of its own. Redirects are not followed. Of `how`, the wishes do not count.
    ///
    /// # Errors
    /// As [`Context::call`].
    pub async fn open(&self, request: &Request, how: &How, opening: &Opening) -> Result<Opened, ProbeError> {
        let Prepared { ids, out, endpoint } = self.prepare(request, how)?;
        let stream = self.exchange().open(&endpoint, &out, opening).await;
        let (began, ended) = match &stream {
            Ok(stream) => (stream.answer().began, stream.answer().ended),
            Err(failed) if failed.trouble.own().is_some() => return Err(ProbeError(format!("{}: {failed}", out.shown))),
            Err(failed) => (failed.began, failed.ended),
        };
        let began = began.into_std();
        Ok(Opened {
            took: self.stopwatch().between(began, ended.into_std()),
            began,
            stream,
            // Without its own buffer, or it shows nothing until that is full.
            again: curl(&endpoint, &out).replacen("curl ", "curl -N ", 1),
            sent: out.shown,
            request_id: ids.request,
            trace_id: ids.trace,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        kind::testing::{Reply, context, serve},
        model::Source,
        transport::{EndedBy, Exchange, Options, Permits},
    };
    use std::{
        sync::{Arc, Mutex},
        time::Duration,
    };

    const LONG: Duration = Duration::from_secs(20);

    fn request(yaml: &str) -> Request {
        let source = Arc::new(Source::new("test.yaml", yaml));
        let document = crate::reader::parse(&source).expect("it is YAML");
        crate::reader::read(&source, &document.root, "").expect("it is a request")
    }

    #[tokio::test]
    async fn a_stream_is_opened_with_the_headers_of_a_call_and_read_as_it_comes() {
        let heads = Arc::new(Mutex::new(Vec::new()));
        let seen = heads.clone();
        let address = serve(move |head, _| {
            seen.lock().expect("nobody panics with it").push(head.to_owned());
            Reply::Bytes(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: a\n\n".to_vec())
        })
        .await;
        let how = How::caller(LONG).with_header("last-event-id", "7");
        let opened = context(address).open(&request("get: /events"), &how, &Opening::default()).await.expect("it can be sent");
        let mut stream = opened.stream.expect("it opens");
        assert!(opened.took.hi > Duration::ZERO && opened.took.hi <= LONG, "{:?}", opened.took);
        let piece = stream.next().await.expect("no trouble").expect("a piece");
        assert_eq!((piece.bytes.as_ref(), stream.next().await), (&b"data: a\n\n"[..], Ok(None)));
        assert_eq!(stream.ended_by(), Some(EndedBy::Close));
        let head = heads.lock().expect("nobody panics with it").remove(0);
        for line in ["GET /events HTTP/1.1", "last-event-id: 7", &format!("x-request-id: {}", opened.request_id)] {
            assert!(head.contains(line), "{line} is missing in {head}");
        }
        assert!(head.contains(&opened.trace_id));
        assert_eq!(opened.sent, "GET /events");
        assert!(opened.again.starts_with("curl -N -isS ") && opened.again.ends_with("/events"), "{}", opened.again);
    }

    #[tokio::test]
    async fn what_the_service_does_is_no_error_and_what_this_machine_lacks_is_one() {
        let address = serve(|_, _| Reply::Close).await;
        let cx = context(address);
        let opened = cx.open(&request("get: /events"), &How::caller(LONG), &Opening::default()).await.expect("it can be sent");
        assert_eq!(opened.stream.expect_err("no answer").trouble.name(), "eof");
        let mut setting = crate::kind::testing::setting(address);
        setting.exchange = Exchange::new(Options { permits: Permits::new(None, None, Some(0)) });
        let post = request("{ post: /events, text: hello }");
        let outcome = Context::new(setting).open(&post, &How::caller(LONG), &Opening::default()).await;
        assert!(outcome.expect_err("nothing may be uploaded").to_string().contains("uploaded"));
    }
}
