//! Every way in which a request can end without a valid answer, each with a name that stays and a sentence for people.

use crate::model::quantity::show_duration;
use serde::{Deserialize, Serialize};
use std::{fmt, io, time::Duration};

/// Why there is no valid answer. Everything but [`Trouble::Own`] is what the service, or the way to it, did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trouble {
    /// The name does not resolve.
    Dns {
        /// The name that was asked for.
        host: String,
        /// The resolver's own words.
        detail: String,
    },
    /// The address answered that nobody listens there.
    ConnectRefused {
        /// Every address that was tried.
        to: String,
    },
    /// No answer to the attempt to connect.
    ConnectTimeout {
        /// Every address that was tried.
        to: String,
        /// How long was waited.
        after: Duration,
    },
    /// No way to the address: network or host unreachable.
    Unreachable {
        /// Every address that was tried.
        to: String,
        /// The system's own words.
        detail: String,
    },
    /// Connected, but no trusted, encrypted connection came of it.
    Tls {
        /// What is wrong, by name.
        fault: TlsFault,
        /// The library's own words.
        detail: String,
    },
    /// The connection died while the request was being sent, and no answer came.
    WriteFailed {
        /// Body bytes that had been handed to the system by then.
        sent: u64,
        /// The system's own words.
        detail: String,
    },
    /// Connected, the request sent, and not one byte came back.
    FirstByteTimeout {
        /// How long was waited, from the last byte of the request.
        after: Duration,
    },
    /// The head of the answer began and did not end in time.
    HeadTimeout {
        /// How long was waited, from the last byte of the request.
        after: Duration,
        /// Bytes of the head that had come.
        got: u64,
    },
    /// The whole exchange did not end in time.
    TotalTimeout {
        /// How long was waited.
        after: Duration,
        /// What was going on at that moment.
        stage: Stage,
        /// Bytes of the body that had come.
        got: u64,
    },
    /// The connection was reset.
    Reset {
        /// In which part of the answer.
        stage: Stage,
    },
    /// The connection was closed before the head of the answer was whole.
    Eof {
        /// Bytes of the head that had come; 0: no answer at all.
        got: u64,
    },
    /// The body ended before it was whole.
    Truncated {
        /// Bytes of the body that came.
        got: u64,
        /// Bytes that the head announced; none: chunked, and the last chunk is missing.
        told: Option<u64>,
    },
    /// The body goes on beyond the cap.
    BodyOverCap {
        /// The cap, in bytes.
        cap: u64,
    },
    /// The head goes on beyond the cap.
    HeadOverCap {
        /// The cap, in bytes.
        cap: u64,
    },
    /// More header fields than the cap.
    TooManyHeaders {
        /// The cap.
        cap: u64,
    },
    /// More informational (1xx) answers than the cap, and no final one.
    TooManyInformational {
        /// The cap.
        cap: u64,
    },
    /// The bytes are not valid HTTP.
    Framing {
        /// What is wrong, by name.
        fault: FramingFault,
        /// What was seen.
        detail: String,
    },
    /// The content coding cannot be undone.
    Decode {
        /// What is wrong, by name.
        fault: DecodeFault,
        /// What was seen.
        detail: String,
    },
    /// Redirects did not come to an end.
    RedirectLoop {
        /// How many were followed.
        hops: u8,
    },
    /// The proxy refused, or could not be spoken to.
    Proxy {
        /// What was seen.
        detail: String,
    },
    /// HTTP/2 was asked for and the service does not speak it.
    NotHttp2 {
        /// What it chose instead.
        detail: String,
    },
    /// The HTTP/2 connection or stream was ended by an error.
    Http2 {
        /// The error, with its causes.
        detail: String,
    },
    /// This machine's own fault: never the service's failure.
    Own(OwnTrouble),
}

/// The part of an exchange in which something happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Resolving, connecting or negotiating encryption.
    Connect,
    /// Sending the request.
    Send,
    /// Waiting for, or reading, the head of the answer.
    Head,
    /// Reading the body of the answer.
    Body,
}

/// What is wrong with the encryption.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TlsFault {
    /// The certificate's time is over.
    Expired,
    /// The certificate's time has not begun.
    NotYetValid,
    /// The certificate is for other names.
    WrongHost,
    /// Signed by nobody whom this machine trusts; self-signed certificates are among these.
    UnknownIssuer,
    /// The certificate was revoked.
    Revoked,
    /// The certificate cannot be used for another reason.
    BadCertificate,
    /// No protocol version, cipher or signature in common.
    Protocol,
    /// What answers does not speak TLS.
    NotTls,
    /// Closed or reset during the handshake.
    Closed,
    /// The handshake did not end in time.
    Timeout,
    /// The service refused us with an alert.
    Alert,
}

/// What is wrong with the bytes of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FramingFault {
    /// Does not begin with a status line: HTTP/0.9, or not HTTP.
    NotHttp,
    /// A protocol version other than 1.0 and 1.1.
    Version,
    /// The status is not three digits from 100.
    StatusLine,
    /// A line ends in LF without CR (RFC 9112 §2.2).
    BareLf,
    /// A header line is continued on the next (RFC 9112 §5.2).
    ObsFold,
    /// A header line has no valid name, or a control character in its value (RFC 9112 §5).
    Header,
    /// More than one Content-Length (RFC 9112 §6.3).
    TwoLengths,
    /// Content-Length is not a number (RFC 9110 §8.6).
    Length,
    /// Content-Length together with Transfer-Encoding (RFC 9112 §6.1).
    LengthAndChunked,
    /// A Transfer-Encoding other than one `chunked` (RFC 9112 §6.1).
    TransferEncoding,
    /// A chunk's size is not a hexadecimal number of at most 16 digits (RFC 9112 §7.1).
    ChunkSize,
    /// A chunk is not followed by the end of its line (RFC 9112 §7.1).
    ChunkEnd,
}

/// What is wrong with a content coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DecodeFault {
    /// A coding that was not offered, or several on top of each other.
    Coding,
    /// The bytes are not what the coding says, its checksum does not match, or it breaks off.
    Corrupt,
    /// Unpacks to so much more than was sent that it is taken for an attack.
    Bomb,
}

/// A fault of the machine that runs the checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OwnTrouble {
    /// No file descriptor left (EMFILE, ENFILE).
    Descriptors,
    /// No local port left (EADDRNOTAVAIL).
    Ports,
    /// No memory left (ENOMEM, ENOBUFS).
    Memory,
    /// This machine's resolver does not answer.
    Resolver,
    /// This machine forbids the connection (EPERM, EACCES).
    Forbidden,
    /// The bytes that the environment allows to be uploaded are spent.
    UploadSpent,
    /// This machine trusts no certificate authority at all.
    NoRoots,
    /// The certificates given as `ca` cannot be read.
    BadCa,
    /// The request itself cannot be sent: no host, or a body that cannot be read or is not as long as it says.
    Request,
}

impl Trouble {
    /// The stable name, for findings and for grouping. Never changes once published.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Dns { .. } => "dns",
            Self::ConnectRefused { .. } => "connect-refused",
            Self::ConnectTimeout { .. } => "connect-timeout",
            Self::Unreachable { .. } => "unreachable",
            Self::Tls { fault, .. } => fault.name(),
            Self::WriteFailed { .. } => "write-failed",
            Self::FirstByteTimeout { .. } => "first-byte-timeout",
            Self::HeadTimeout { .. } => "head-timeout",
            Self::TotalTimeout { .. } => "total-timeout",
            Self::Reset { stage: Stage::Body } => "reset-in-body",
            Self::Reset { .. } => "reset",
            Self::Eof { got: 0 } => "eof",
            Self::Eof { .. } => "eof-in-head",
            Self::Truncated { .. } => "truncated",
            Self::BodyOverCap { .. } => "body-over-cap",
            Self::HeadOverCap { .. } => "head-over-cap",
            Self::TooManyHeaders { .. } => "too-many-headers",
            Self::TooManyInformational { .. } => "too-many-informational",
            Self::Framing { fault, .. } => fault.name(),
            Self::Decode { fault, .. } => fault.name(),
            Self::RedirectLoop { .. } => "redirect-loop",
            Self::Proxy { .. } => "proxy",
            Self::NotHttp2 { .. } => "not-http2",
            Self::Http2 { .. } => "http2",
            Self::Own(own) => own.name(),
        }
    }

    /// The fault of the machine that runs the checks, where it is one: an error (exit 3), never the service's failure.
    #[must_use]
    pub fn own(&self) -> Option<OwnTrouble> {
        match self {
            Self::Own(own) => Some(*own),
            _ => None,
        }
    }

    /// Could also come from the way to the service or from a busy machine, so one instance proves nothing: timeouts, refusals,
    /// resets, early ends. The others (wrong framing, a bad certificate, a body without end) are proof at the first sight.
    #[must_use]
    pub fn confusable(&self) -> bool {
        match self {
            Self::Tls { fault, .. } => matches!(fault, TlsFault::Closed | TlsFault::Timeout),
            Self::Dns { .. }
            | Self::ConnectRefused { .. }
            | Self::ConnectTimeout { .. }
            | Self::Unreachable { .. }
            | Self::WriteFailed { .. }
            | Self::FirstByteTimeout { .. }
            | Self::HeadTimeout { .. }
            | Self::TotalTimeout { .. }
            | Self::Reset { .. }
            | Self::Eof { .. }
            | Self::Truncated { .. }
            | Self::Proxy { .. }
            | Self::Http2 { .. } => true,
            _ => false,
        }
    }

    pub(crate) fn framing(fault: FramingFault, detail: impl Into<String>) -> Self {
        Self::Framing { fault, detail: detail.into() }
    }
}

impl TlsFault {
    /// The stable name, as [`Trouble::name`] gives it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Expired => "tls-expired",
            Self::NotYetValid => "tls-not-yet-valid",
            Self::WrongHost => "tls-wrong-host",
            Self::UnknownIssuer => "tls-unknown-issuer",
            Self::Revoked => "tls-revoked",
            Self::BadCertificate => "tls-bad-certificate",
            Self::Protocol => "tls-protocol",
            Self::NotTls => "tls-not-tls",
            Self::Closed => "tls-closed",
            Self::Timeout => "tls-timeout",
            Self::Alert => "tls-alert",
        }
    }

    fn sentence(self) -> &'static str {
        match self {
            Self::Expired => "the certificate has expired",
            Self::NotYetValid => "the certificate is not valid yet",
            Self::WrongHost => "the certificate is for another host",
            Self::UnknownIssuer => "the certificate is signed by nobody this machine trusts (self-signed, or a private authority: `ca:`)",
            Self::Revoked => "the certificate was revoked",
            Self::BadCertificate => "the certificate cannot be used",
            Self::Protocol => "no protocol version, cipher or signature in common",
            Self::NotTls => "what answers there does not speak TLS",
            Self::Closed => "the connection was closed during the TLS handshake",
            Self::Timeout => "the TLS handshake did not end in time",
            Self::Alert => "the service refused the TLS handshake",
        }
    }
}

impl FramingFault {
    /// The stable name, as [`Trouble::name`] gives it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NotHttp => "framing-not-http",
            Self::Version => "framing-version",
            Self::StatusLine => "framing-status-line",
            Self::BareLf => "framing-bare-lf",
            Self::ObsFold => "framing-obs-fold",
            Self::Header => "framing-header",
            Self::TwoLengths => "framing-two-lengths",
            Self::Length => "framing-length",
            Self::LengthAndChunked => "framing-length-and-chunked",
            Self::TransferEncoding => "framing-transfer-encoding",
            Self::ChunkSize => "framing-chunk-size",
            Self::ChunkEnd => "framing-chunk-end",
        }
    }

    fn sentence(self) -> &'static str {
        match self {
            Self::NotHttp => "the answer does not begin with an HTTP status line",
            Self::Version => "the answer names a protocol version other than HTTP/1.0 and HTTP/1.1",
            Self::StatusLine => "the status line is not valid",
            Self::BareLf => "a line of the head ends in LF without CR",
            Self::ObsFold => "a header line is continued on the next",
            Self::Header => "a header line is not valid",
            Self::TwoLengths => "more than one Content-Length",
            Self::Length => "Content-Length is not a number",
            Self::LengthAndChunked => "Content-Length and Transfer-Encoding at once",
            Self::TransferEncoding => "Transfer-Encoding is not one `chunked`",
            Self::ChunkSize => "the size of a chunk is not valid",
            Self::ChunkEnd => "a chunk does not end where its size says",
        }
    }
}

impl DecodeFault {
    /// The stable name, as [`Trouble::name`] gives it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Coding => "decode-coding",
            Self::Corrupt => "decode-corrupt",
            Self::Bomb => "decode-bomb",
        }
    }
}

impl OwnTrouble {
    /// The stable name, as [`Trouble::name`] gives it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Descriptors => "own-descriptors",
            Self::Ports => "own-ports",
            Self::Memory => "own-memory",
            Self::Resolver => "own-resolver",
            Self::Forbidden => "own-forbidden",
            Self::UploadSpent => "own-upload-spent",
            Self::NoRoots => "own-no-roots",
            Self::BadCa => "own-bad-ca",
            Self::Request => "own-request",
        }
    }

    /// The fault behind a system error, where it is this machine's own.
    pub(crate) fn of(error: &io::Error) -> Option<Self> {
        use nix::errno::Errno;
        match Errno::from_raw(error.raw_os_error()?) {
            Errno::EMFILE | Errno::ENFILE => Some(Self::Descriptors),
            Errno::EADDRNOTAVAIL | Errno::EADDRINUSE => Some(Self::Ports),
            Errno::ENOMEM | Errno::ENOBUFS => Some(Self::Memory),
            Errno::EPERM | Errno::EACCES => Some(Self::Forbidden),
            _ => None,
        }
    }
}

impl fmt::Display for OwnTrouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Descriptors => "this machine has no file descriptor left (raise `ulimit -n`, or run fewer checks at once)",
            Self::Ports => "this machine has no local port left for new connections (reuse connections, or run fewer checks at once)",
            Self::Memory => "this machine has no memory left for a connection",
            Self::Resolver => "this machine's resolver does not answer",
            Self::Forbidden => "this machine forbids the connection",
            Self::UploadSpent => "the bytes that the environment allows to be uploaded are spent",
            Self::NoRoots => "this machine trusts no certificate authority (install ca-certificates, or name one with `ca:`)",
            Self::BadCa => "the file given as `ca` holds no readable PEM certificate",
            Self::Request => "the request cannot be sent as it stands",
        })
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |d: &Duration| show_duration(*d);
        match self {
            Self::Dns { host, detail } => write!(f, "the name {host} does not resolve: {detail}"),
            Self::ConnectRefused { to } => write!(f, "connection refused by {to}"),
            Self::ConnectTimeout { to, after } => write!(f, "no connection to {to} within {}", show(after)),
            Self::Unreachable { to, detail } => write!(f, "no way to {to}: {detail}"),
            Self::Tls { fault, detail } => write!(f, "TLS: {} ({detail})", fault.sentence()),
            Self::WriteFailed { sent, detail } => {
                write!(
                    f,
                    "the connection died while the request was being sent, after {sent} bytes of its body, and no answer came: {detail}"
                )
            }
            Self::FirstByteTimeout { after } => write!(f, "connected and sent, but no byte of an answer within {}", show(after)),
            Self::HeadTimeout { after, got } => write!(f, "the head of the answer was not whole within {} ({got} bytes came)", show(after)),
            Self::TotalTimeout { after, stage, got } => match stage {
                Stage::Body => write!(f, "the answer was not whole within {} ({got} bytes of its body came)", show(after)),
                Stage::Head => write!(f, "no whole head of an answer within {}", show(after)),
                Stage::Send => write!(f, "the request could not be sent within {}", show(after)),
                Stage::Connect => write!(f, "no connection within {}", show(after)),
            },
            Self::Reset { stage: Stage::Body } => f.write_str("the connection was reset in the middle of the body"),
            Self::Reset { .. } => f.write_str("the connection was reset before an answer came"),
            Self::Eof { got: 0 } => f.write_str("the connection was closed without any answer"),
            Self::Eof { got } => write!(f, "the connection was closed in the middle of the head, after {got} bytes"),
            Self::Truncated { got, told: Some(told) } => write!(f, "the body ended after {got} bytes; its head says {told}"),
            Self::Truncated { got, told: None } => write!(f, "the chunked body ended after {got} bytes without its last chunk"),
            Self::BodyOverCap { cap } => write!(f, "body over cap: it goes on beyond {cap} bytes"),
            Self::HeadOverCap { cap } => write!(f, "head over cap: it goes on beyond {cap} bytes"),
            Self::TooManyHeaders { cap } => write!(f, "more than {cap} header fields"),
            Self::TooManyInformational { cap } => write!(f, "more than {cap} informational answers and no final one"),
            Self::Framing { fault, detail } if detail.is_empty() => write!(f, "framing: {}", fault.sentence()),
            Self::Framing { fault, detail } => write!(f, "framing: {}: {detail}", fault.sentence()),
            Self::Decode { detail, .. } => write!(f, "the content coding cannot be undone: {detail}"),
            Self::RedirectLoop { hops } => write!(f, "still redirected after {hops} redirects"),
            Self::Proxy { detail } => write!(f, "the proxy: {detail}"),
            Self::NotHttp2 { detail } => write!(f, "HTTP/2 was asked for, the service chose {detail}"),
            Self::Http2 { detail } => write!(f, "HTTP/2: {detail}"),
            Self::Own(own) => own.fmt(f),
        }
    }
}

impl std::error::Error for Trouble {}
