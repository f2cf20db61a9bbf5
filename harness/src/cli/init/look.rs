//! One look at one path: a GET, and what came of it.

use crate::transport::{Caps, Endpoint, Exchange, Outgoing, Timeouts, Trouble, Wishes};
use http::{HeaderName, HeaderValue};
use std::time::Duration;

/// What a GET was answered by.
#[derive(Clone, Debug)]
pub(super) enum Came {
    /// A whole answer.
    Answer(Look),
    /// None, and why.
    Nothing(Trouble),
}

/// A whole answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Look {
    pub(super) status: u16,
    /// The media type without its parameters, as it came.
    pub(super) media_type: Option<String>,
    /// Where it redirects to.
    pub(super) location: Option<String>,
    /// The body, if it is text and not too long to be read here.
    pub(super) text: Option<String>,
    pub(super) took: Duration,
}

/// Largest body that is read as a document: health and version are far smaller, metrics may be large.
const MOST_TEXT: usize = 1 << 20;
/// Largest body that is read at all.
const MOST_BODY: u64 = 8 << 20;

/// Looks once, on a fresh connection, for at most `longest`.
pub(super) async fn look(
    exchange: &Exchange,
    endpoint: &Endpoint,
    path: &str,
    headers: &[(HeaderName, HeaderValue)],
    longest: Duration,
) -> Result<Came, url::ParseError> {
    let mut outgoing = Outgoing::get(endpoint.url_for(path)?);
    outgoing.headers = headers.to_vec();
    let timeouts = Timeouts { connect: longest, first_byte: longest, total: longest };
    let limits = Caps { body_keep: MOST_TEXT, body_max: MOST_BODY, ..Caps::default() };
    let wishes = Wishes { fresh: true, timeouts, limits, ..Wishes::default() };
    Ok(match exchange.send(endpoint, &outgoing, &wishes).await {
        Err(failed) => Came::Nothing(failed.trouble),
        Ok(answer) => {
            let text = |name: &str| answer.header_text(name).map(|v| v.into_owned());
            let media_type = text("content-type").map(|v| v.split(';').next().unwrap_or_default().trim().to_owned());
            Came::Answer(Look {
                status: answer.status,
                media_type: media_type.filter(|t| is_media_type(t)),
                location: text("location"),
                took: answer.phases.total,
                text: Some(answer.body).filter(|b| b.len() as u64 == answer.body_len).and_then(|b| String::from_utf8(b).ok()),
            })
        }
    })
}

/// What may stand in a suite as it came: RFC 9110 §8.3.1, and nothing that means anything in YAML.
fn is_media_type(text: &str) -> bool {
    let is_token = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.' | b'_'));
    text.len() <= 80 && text.split_once('/').is_some_and(|(a, b)| is_token(a) && is_token(b))
}

impl Came {
    /// The answer, if one came.
    pub(super) fn answer(&self) -> Option<&Look> {
        match self {
            Self::Answer(look) => Some(look),
            Self::Nothing(_) => None,
        }
    }
}

impl Look {
    /// `200 application/json`.
    pub(super) fn brief(&self) -> String {
        match &self.media_type {
            Some(media_type) => format!("{} {media_type}", self.status),
            None => self.status.to_string(),
        }
    }

    /// A success, as far as the status tells.
    pub(super) fn is_good(&self) -> bool {
        (200..300).contains(&self.status)
    }
}
