//! What came back: the answer as it was received, and how far things went where there is none.

use super::trouble::Trouble;
use serde::{Deserialize, Serialize};
use std::{fmt, net::SocketAddr, sync::Arc, time::Duration};
use tokio::time::Instant;

/// A valid, whole answer; inside [`Failed`], the part of one that came.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status of the final answer.
    pub status: u16,
    /// The version in its status line.
    pub version: Version,
    /// Header fields in order, names as received.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The first bytes of the body, up to the cap; decoded where that was asked for.
    pub body: Vec<u8>,
    /// The length of the whole body, decoded where that was asked for, in bytes.
    pub body_len: u64,
    /// The length of the body as it was sent, without chunk framing, in bytes.
    pub wire_len: u64,
    /// The body came to its end.
    pub body_complete: bool,
    /// The SHA-256 of the whole body in hex, where it was asked for and the body came to its end.
    pub sha256: Option<String>,
    /// Fields that followed a chunked body.
    pub trailers: Vec<(String, Vec<u8>)>,
    /// Bytes that came after the end of the answer, as far as they were seen: a body after HEAD, 204 or 304, or more than was told.
    pub excess: u64,
    /// How long each part took.
    pub phases: Phases,
    /// When the exchange began (permits in hand, before the name is resolved). For holding it against the record of stalls.
    pub began: Instant,
    /// When its last byte was read.
    pub ended: Instant,
    /// The address that answered; none on a Unix socket.
    pub remote: Option<SocketAddr>,
    /// Came over a connection that had been used before.
    pub reused: bool,
    /// A used connection turned out to be dead before any byte of an answer, and a new one was made.
    pub redialed: bool,
    /// The encryption, where there is any.
    pub tls: Option<Arc<TlsSeen>>,
    /// Redirects that were followed, in order.
    pub redirects: Vec<Hop>,
    /// Informational (1xx) answers before the final one.
    pub informational: Vec<u16>,
    /// Bytes of the request's body that were handed to the system.
    pub sent_body: u64,
    /// The request was sent whole before the answer ended.
    pub sent_whole: bool,
}

impl Answer {
    pub(crate) fn begun(began: Instant) -> Self {
        Self {
            status: 0,
            version: Version::Http11,
            headers: Vec::new(),
            body: Vec::new(),
            body_len: 0,
            wire_len: 0,
            body_complete: false,
            sha256: None,
            trailers: Vec::new(),
            excess: 0,
            phases: Phases::default(),
            began,
            ended: began,
            remote: None,
            reused: false,
            redialed: false,
            tls: None,
            redirects: Vec::new(),
            informational: Vec::new(),
            sent_body: 0,
            sent_whole: false,
        }
    }

    /// The first field of that name, any case, as bytes.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_slice())
    }

    /// All fields of that name, any case, in order.
    pub fn header_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.headers.iter().filter(move |(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_slice())
    }

    /// The first field of that name as text; invalid UTF-8 is replaced.
    #[must_use]
    pub fn header_text(&self, name: &str) -> Option<std::borrow::Cow<'_, str>> {
        self.header(name).map(String::from_utf8_lossy)
    }
}

/// The version that an answer names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Version {
    /// HTTP/1.0.
    #[serde(rename = "1.0")]
    Http10,
    /// HTTP/1.1.
    #[serde(rename = "1.1")]
    Http11,
    /// HTTP/2.
    #[serde(rename = "2")]
    Http2,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
            Self::Http2 => "HTTP/2",
        })
    }
}

/// How long each part of an exchange took; zero where it did not take place, as `dns`, `connect` and `tls` on a used connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phases {
    /// To resolve the name.
    pub dns: Duration,
    /// To connect, from the resolved name.
    pub connect: Duration,
    /// For the TLS handshake, from the connection.
    pub tls: Duration,
    /// To hand the request to the system, from the connection. With HTTP/2 the same as `first_byte`: it cannot be seen apart.
    pub sent: Duration,
    /// To the first byte of any answer, from the beginning of sending. With HTTP/2 to the whole head.
    pub first_byte: Duration,
    /// To the last byte of the answer, from the very beginning.
    pub total: Duration,
}

/// What was negotiated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsSeen {
    /// The protocol version: `TLSv1_3`.
    pub version: String,
    /// The cipher suite.
    pub cipher: String,
    /// The application protocol that the service chose.
    pub alpn: Option<String>,
    /// The SHA-256 of the service's own certificate, in hex.
    pub certificate_sha256: String,
}

/// One redirect that was followed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hop {
    /// The status that redirected.
    pub status: u16,
    /// Where to, as the service wrote it.
    pub location: String,
}

/// No valid answer: why, and what had been seen by then.
#[derive(Clone, Debug)]
pub struct Failed {
    /// Why.
    pub trouble: Trouble,
    /// The part of an answer that came: at least its whole head.
    pub partial: Option<Answer>,
    /// How long each part took, as far as it went.
    pub phases: Phases,
    /// When the exchange began.
    pub began: Instant,
    /// When it was given up.
    pub ended: Instant,
    /// The address that was spoken to, where there was a connection.
    pub remote: Option<SocketAddr>,
    /// Happened on a connection that had been used before.
    pub reused: bool,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.trouble.fmt(f)
    }
}

impl std::error::Error for Failed {}
