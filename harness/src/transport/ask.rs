//! What is asked for: where to, what is sent, and within which bounds.

use super::{dial::Pins, trouble::Trouble};
use bytes::Bytes;
use futures_util::stream::BoxStream;
use http::{HeaderName, HeaderValue, Method};
use sha2::{Digest, Sha256};
use std::{fmt, io, net::IpAddr, path::PathBuf, sync::Arc, time::Duration};
use url::Url;

/// A place that answers HTTP, and how to reach it.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The base: scheme, host, port and a path prefix.
    pub url: Url,
    /// Any certificate will do. Default: false. Printed in every report.
    pub insecure: bool,
    /// Trust these authorities instead of the machine's own. Default: none.
    pub ca: Option<CaBundle>,
    /// Addresses that stand in for a name's own. Default: none.
    pub resolve: Vec<Resolve>,
    /// An HTTP proxy (`http://[user:password@]host:port`): `CONNECT` for https, absolute targets for http. Default: none; proxy
    /// variables of the environment are never looked at.
    pub proxy: Option<Url>,
    /// The protocol version to speak. Default: HTTP/1.1.
    pub version: Speak,
    /// Connect to this Unix socket; `url` then gives only the Host and the path. Default: none.
    pub unix: Option<PathBuf>,
}

impl Endpoint {
    /// An endpoint with every default.
    #[must_use]
    pub fn new(url: Url) -> Self {
        Self { url, insecure: false, ca: None, resolve: Vec::new(), proxy: None, version: Speak::Http11, unix: None }
    }

    /// The URL of a path (with query) below the base: `/ready` on `https://host/api/` is `https://host/api/ready`. An absolute URL
    /// stands for itself, an empty path for the base.
    ///
    /// # Errors
    /// Where the two together are no valid URL.
    pub fn url_for(&self, path: &str) -> Result<Url, url::ParseError> {
        if path.starts_with("http://") || path.starts_with("https://") {
            return Url::parse(path);
        }
        if path.is_empty() {
            return Ok(self.url.clone());
        }
        let (path, query) = path.split_once('?').map_or((path, None), |(p, q)| (p, Some(q)));
        let base = self.url.path().trim_end_matches('/');
        let mut url = self.url.clone();
        url.set_path(&format!("{base}/{}", path.trim_start_matches('/')));
        url.set_query(query);
        url.set_fragment(None);
        Ok(url)
    }
}

/// One line of a private name table: `host` on `port` lives at `ip`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Resolve {
    /// The name, lower case.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The address to use.
    pub ip: IpAddr,
}

/// The protocol version that is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Speak {
    /// HTTP/1.1.
    #[default]
    Http11,
    /// HTTP/2: by ALPN over TLS, with prior knowledge (RFC 9113 §3.3) without.
    Http2,
}

/// Certificates of authorities, in PEM. Cheap to clone and to compare.
#[derive(Clone)]
pub struct CaBundle {
    pub(crate) pem: Arc<[u8]>,
    pub(crate) fingerprint: [u8; 32],
}

impl CaBundle {
    /// Wraps the text of a PEM file. It is parsed at the first use.
    #[must_use]
    pub fn from_pem(pem: &[u8]) -> Self {
        Self { pem: pem.into(), fingerprint: Sha256::digest(pem).into() }
    }
}

impl fmt::Debug for CaBundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CaBundle({} bytes)", self.pem.len())
    }
}

/// One request.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// The method.
    pub method: Method,
    /// The whole URL; its fragment is not sent. User and password in it become basic authorization.
    pub url: Url,
    /// Header fields in order. Values marked sensitive are shown as `***`.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// What stands in Host instead of the URL's own. Default: none.
    pub host_override: Option<String>,
    /// The body.
    pub body: OutBody,
    /// The request for people, with secrets masked: `GET /ready`.
    pub shown: String,
    /// The body for people, with secrets masked; none: it is taken to hold no secret.
    pub shown_body: Option<String>,
}

impl Outgoing {
    /// A request without headers and body, shown as it is.
    #[must_use]
    pub fn new(method: Method, url: Url) -> Self {
        let query = url.query().map(|q| format!("?{q}")).unwrap_or_default();
        let shown = format!("{method} {}{query}", url.path());
        Self { method, url, headers: Vec::new(), host_override: None, body: OutBody::Empty, shown, shown_body: None }
    }

    /// A plain GET.
    #[must_use]
    pub fn get(url: Url) -> Self {
        Self::new(Method::GET, url)
    }

    /// The same with one more header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The same with a body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = OutBody::Bytes(body.into());
        self
    }

    /// Sending it again does no harm (RFC 9110 §9.2.2), so a connection that may be dead can be tried first.
    pub(crate) fn idempotent(&self) -> bool {
        matches!(self.method, Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE | Method::TRACE)
    }
}

/// Makes the stream of a body; called once per attempt.
pub type BodyFactory = Arc<dyn Fn() -> BoxStream<'static, io::Result<Bytes>> + Send + Sync>;

/// The body of a request.
#[derive(Clone, Default)]
pub enum OutBody {
    /// None. `content-length: 0` is sent with methods that expect one.
    #[default]
    Empty,
    /// Bytes in memory.
    Bytes(Bytes),
    /// Made while it is sent.
    Stream {
        /// Its length in bytes; none: sent chunked.
        len: Option<u64>,
        /// Makes the stream.
        factory: BodyFactory,
    },
}

impl fmt::Debug for OutBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("Empty"),
            Self::Bytes(bytes) => write!(f, "Bytes({})", bytes.len()),
            Self::Stream { len, .. } => write!(f, "Stream({len:?})"),
        }
    }
}

/// How an answer is to be had.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// Dial anew, and leave nothing for others to reuse. Default: false.
    pub fresh: bool,
    /// Say `connection: close`. Default: false.
    pub close: bool,
    /// What is read at most.
    pub limits: Caps,
    /// How long is waited at most.
    pub timeouts: Timeouts,
    /// Offer `gzip, br, deflate` (unless an Accept-Encoding is given) and undo what comes. Default: false.
    pub decode: bool,
    /// Follow this many redirects of the same origin, at most 5. Default: 0.
    pub follow_redirects: u8,
    /// Hash the whole body, as it is handed on (decoded). Default: false.
    pub sha256: bool,
    /// Where the addresses of one check are kept, so that all its requests go to the same one. Default: none.
    pub pins: Option<Pins>,
    /// The size of the receive buffer of a connection that is made for this (`SO_RCVBUF`, set before it connects; Linux doubles it)
    /// and, with HTTP/2, the window of its streams. In bytes. Default: the system's.
    pub receive_buffer: Option<u32>,
}

/// What is read at most.
#[derive(Clone, Copy, Debug)]
pub struct Caps {
    /// Bytes of one head, status line and end included. Default: 64 KiB.
    pub head: usize,
    /// Header fields of one head. Default: 256.
    pub headers: usize,
    /// Bytes of the body that are kept. Default: 1 MiB.
    pub body_keep: usize,
    /// Bytes of the body that are read. Default: 64 MiB.
    pub body_max: u64,
    /// Informational answers before the final one, beside one for each 4 KiB of a body that was sent. Default: 32.
    pub informational: usize,
}

impl Default for Caps {
    fn default() -> Self {
        Self { head: 64 << 10, headers: 256, body_keep: 1 << 20, body_max: 64 << 20, informational: 32 }
    }
}

/// How long is waited at most. Waiting for a permit never counts.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// For the name, the connection, and again for the TLS handshake. Default: 5 s.
    pub connect: Duration,
    /// From the last byte of the request to the whole head of the final answer. Default: 30 s.
    pub first_byte: Duration,
    /// For everything, redirects included. Default: 30 s.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), first_byte: Duration::from_secs(30), total: Duration::from_secs(30) }
    }
}

/// The outcome of most steps of an exchange.
pub(crate) type Step<T> = Result<T, Trouble>;
