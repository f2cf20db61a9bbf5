//! Sends a generated body by way of a request of the suite, as [`Context::call`] sends the body that stands there.

use super::context::Prepared;
use super::{Call, Context, How, ProbeError};
use crate::transport::{After, OutBody, Outgoing, OwnTrouble, Push, Sent};
use crate::words::Request;
use http::{HeaderName, HeaderValue, header};
use std::fmt::Write as _;

/// A generated body in the place of the one that a request has.
#[derive(Clone, Debug)]
pub struct Shape {
    /// The body and how it is sent.
    pub push: Push,
    /// Header fields that belong to this body: its type and coding.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// How curl is told of a body that comes by its standard input: `--data-binary @-`.
    pub curl: String,
    /// The command that writes such a body: `head -c 1048577 /dev/zero`.
    pub source: String,
    /// Sent next on the same connection, if the answer leaves it open.
    pub next: Option<Request>,
}

/// One generated body and what came of it.
#[derive(Debug)]
pub struct PushCall {
    /// The request and its answer.
    pub call: Call,
    /// How much was sent before the answer.
    pub sent: Sent,
    /// What came of the next request.
    pub next: Option<After>,
}

impl Context {
    /// Sends the request with a generated body. `shape` gets the request as it would be sent, and says what is sent instead.
    ///
    /// None: the environment does not allow so many bytes to be uploaded, and what there was of the body is worth nothing.
    ///
    /// # Errors
    /// As for [`Context::call`], and what `shape` says.
    pub async fn push(
        &self,
        request: &Request,
        how: &How,
        shape: impl FnOnce(&Outgoing) -> Result<Shape, ProbeError>,
    ) -> Result<Option<PushCall>, ProbeError> {
        let Prepared { ids, mut out, endpoint } = self.prepare(request, how)?;
        let Shape { mut push, headers, curl, source, next } = shape(&out)?;
        out.body = OutBody::Empty;
        out.shown_body = None;
        for (name, _) in &headers {
            out.headers.retain(|(n, _)| n != name);
        }
        // curl names the type of a form and its boundary by itself.
        let is_form = headers.iter().any(|(_, value)| value.as_bytes().starts_with(b"multipart/"));
        let told = headers.iter().filter(|(name, _)| !is_form || *name != header::CONTENT_TYPE);
        let mut shown = out.clone();
        shown.headers.extend(told.cloned());
        let mut again = format!("{source} | {} {curl}", crate::transport::curl(&endpoint, &shown));
        if push.cut != crate::transport::Cut::Whole {
            again.push_str(" -H 'transfer-encoding: chunked'");
        }
        let expect = if push.expect.is_some() { "100-continue" } else { "" };
        write!(again, " -H 'expect: {expect}'").expect("a String takes any text");
        out.headers.extend(headers);
        if let Some(next) = &next {
            push.next = Some(self.prepare(next, how)?.out);
        }
        let pushed = self.exchange().push(&endpoint, &out, &push, &how.wishes).await;
        let (began, ended) = match &pushed.outcome {
            Ok(answer) => (answer.began, answer.ended),
            Err(failed) => match failed.trouble.own() {
                Some(OwnTrouble::UploadSpent) => return Ok(None),
                Some(_) => return Err(ProbeError(format!("{}: {failed}", out.shown))),
                None => (failed.began, failed.ended),
            },
        };
        if let Some(After::Broken(trouble)) = &pushed.next {
            match trouble.own() {
                Some(OwnTrouble::UploadSpent) => return Ok(None),
                Some(_) => return Err(ProbeError(format!("{}: {trouble}", out.shown))),
                None => {}
            }
        }
        let began = began.into_std();
        let call = Call {
            took: self.stopwatch().between(began, ended.into_std()),
            began,
            answer: pushed.outcome,
            sent: out.shown,
            again,
            request_id: ids.request,
            trace_id: ids.trace,
        };
        Ok(Some(PushCall { call, sent: pushed.sent, next: pushed.next }))
    }
}
