//! What comes of a connection that stays open after a body was refused: the next request must be answered as a request.

use super::super::{
    answer::Answer,
    ask::{Outgoing, Wishes},
    exchange::Exchange,
    h1::{self, Conn, Limit, Rest},
    request,
    trouble::Trouble,
    upload::Upload,
};
use http::Method;
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

/// What came of the next request.
#[derive(Debug)]
pub enum After {
    /// The connection was closed before the rest of the body was sent, or the answer had said so: nothing can be taken for something else.
    Closed,
    /// It was closed without a word once some of the rest had come: whether that was read as a request is not told.
    ClosedLater,
    /// This came before the next request was sent, or behind its answer: an answer to nothing that was asked. Its first bytes.
    Unasked(Vec<u8>),
    /// The next request was answered.
    Answered(Box<Answer>),
    /// No valid answer came, and the connection was not closed either.
    Broken(Trouble),
}

/// How long another answer is waited for behind that to the next request: whoever has read the rest of a body as requests answers those too.
const BEHIND: Duration = Duration::from_millis(50);
/// Most bytes that are kept of what came unasked.
const KEPT: usize = 512;

/// Sends the rest of the body, and then the next request, on a connection that the answer leaves open and that is not closed within `lull`.
#[expect(clippy::too_many_arguments, reason = "all of them are parts of one exchange, which is borrowed in pieces")]
pub(super) async fn next(
    engine: &Exchange,
    conn: &mut Conn,
    upload: &mut Upload,
    answer: &Answer,
    out: &Outgoing,
    wishes: &Wishes,
    through: Option<&Url>,
    lull: Duration,
) -> After {
    if closes(answer) {
        return After::Closed;
    }
    match h1::unasked(conn, lull).await {
        Some(Rest::Unasked(bytes)) => return unasked(&bytes),
        Some(Rest::Closed | Rest::Sent) => return After::Closed,
        None => {}
    }
    let total = wishes.timeouts.total;
    let limit = Limit { at: Instant::now() + total, total };
    upload.resume();
    match h1::rest(conn, upload, limit).await {
        Ok(Rest::Sent) => {}
        Ok(Rest::Unasked(bytes)) => return unasked(&bytes),
        Ok(Rest::Closed) | Err(Trouble::Reset { .. }) => return After::ClosedLater,
        Err(trouble) => return After::Broken(trouble),
    }
    engine.permits().request().await;
    let limit = Limit { at: Instant::now() + total, total };
    let mut second = match Upload::new(request::head(out, wishes, through), &out.body, engine.permits()) {
        Ok(upload) => upload,
        Err(trouble) => return After::Broken(trouble),
    };
    let mut again = Answer::begun(Instant::now());
    again.remote = conn.remote;
    let outcome = h1::exchange(conn, &mut second, out.method == Method::HEAD, wishes, limit, &mut again).await;
    again.ended = Instant::now();
    again.phases.total = again.ended - again.began;
    match outcome {
        Ok(_) => match h1::unasked(conn, BEHIND).await {
            Some(Rest::Unasked(bytes)) => unasked(&bytes),
            _ => After::Answered(Box::new(again)),
        },
        Err(Trouble::Reset { .. } | Trouble::Eof { got: 0 } | Trouble::WriteFailed { .. }) if again.status == 0 => After::ClosedLater,
        Err(trouble) => After::Broken(trouble),
    }
}

fn unasked(bytes: &[u8]) -> After {
    After::Unasked(bytes[..bytes.len().min(KEPT)].to_vec())
}

/// Whether the answer says that the connection ends with it (RFC 9112 §9.3).
fn closes(answer: &Answer) -> bool {
    let says = |word: &str| {
        answer
            .header_all("connection")
            .any(|value| String::from_utf8_lossy(value).split(',').any(|option| option.trim().eq_ignore_ascii_case(word)))
    };
    says("close") || answer.version == super::super::answer::Version::Http10 && !says("keep-alive")
}
