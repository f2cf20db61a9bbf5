//! Writes the head of an HTTP/1 request.

use super::ask::{OutBody, Outgoing, Wishes};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderValue, Method, header};
use std::io::Write as _;
use url::{Position, Url};

/// How we call ourselves where no User-Agent is given.
pub(crate) const USER_AGENT: &str = concat!("allclear/", env!("CARGO_PKG_VERSION"));

/// The fields of a request in order: those that HTTP asks for, those that everyone sends, and the given ones, which win.
pub(crate) fn fields(out: &Outgoing, wishes: &Wishes, http2: bool) -> Vec<(header::HeaderName, HeaderValue)> {
    let given = |name: &header::HeaderName| out.headers.iter().any(|(n, _)| n == name);
    let mut fields = Vec::with_capacity(out.headers.len() + 6);
    if !http2 && !given(&header::HOST) {
        fields.push((header::HOST, value(&authority(out))));
    }
    if !given(&header::USER_AGENT) {
        fields.push((header::USER_AGENT, HeaderValue::from_static(USER_AGENT)));
    }
    if !given(&header::ACCEPT) {
        fields.push((header::ACCEPT, HeaderValue::from_static("*/*")));
    }
    if wishes.decode && !given(&header::ACCEPT_ENCODING) {
        fields.push((header::ACCEPT_ENCODING, HeaderValue::from_static(super::decode::OFFER)));
    }
    if let (Some(basic), false) = (basic(&out.url), given(&header::AUTHORIZATION)) {
        fields.push((header::AUTHORIZATION, basic));
    }
    if wishes.close && !http2 && !given(&header::CONNECTION) {
        fields.push((header::CONNECTION, HeaderValue::from_static("close")));
    }
    if !given(&header::CONTENT_LENGTH) && !given(&header::TRANSFER_ENCODING) {
        match &out.body {
            OutBody::Bytes(bytes) => fields.push((header::CONTENT_LENGTH, bytes.len().into())),
            OutBody::Stream { len: Some(len), .. } => fields.push((header::CONTENT_LENGTH, (*len).into())),
            OutBody::Stream { len: None, .. } if http2 => {}
            OutBody::Stream { len: None, .. } => fields.push((header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"))),
            // A method that usually carries a body says that there is none (RFC 9110 §8.6).
            OutBody::Empty if matches!(out.method, Method::POST | Method::PUT | Method::PATCH) => {
                fields.push((header::CONTENT_LENGTH, 0.into()));
            }
            OutBody::Empty => {}
        }
    }
    fields.extend(out.headers.iter().cloned());
    fields
}

/// The bytes of the head, its empty line included. A plain proxy is given the whole URL as the target (RFC 9112 §3.2.2).
pub(crate) fn head(out: &Outgoing, wishes: &Wishes, through: Option<&Url>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(512);
    let url = &out.url;
    let method = out.method.as_str();
    match through {
        None => write!(bytes, "{method} {} HTTP/1.1\r\n", &url[Position::BeforePath..Position::AfterQuery]),
        Some(_) => {
            let origin = (&url[..Position::BeforeUsername], &url[Position::BeforeHost..Position::AfterQuery]);
            write!(bytes, "{method} {}{} HTTP/1.1\r\n", origin.0, origin.1)
        }
    }
    .expect("writing to a Vec does not fail");
    let mut line = |name: &[u8], value: &[u8]| {
        bytes.extend_from_slice(name);
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value);
        bytes.extend_from_slice(b"\r\n");
    };
    for (name, value) in fields(out, wishes, false) {
        line(name.as_str().as_bytes(), value.as_bytes());
    }
    if let Some(basic) = through.and_then(basic) {
        line(b"proxy-authorization", basic.as_bytes());
    }
    bytes.extend_from_slice(b"\r\n");
    bytes
}

/// What the request says it wants to speak to: host, and port where it is not the scheme's own.
pub(crate) fn authority(out: &Outgoing) -> String {
    out.host_override.clone().unwrap_or_else(|| out.url[Position::BeforeHost..Position::AfterPort].to_owned())
}

/// Basic authorization from the user and password of a URL.
pub(crate) fn basic(url: &Url) -> Option<HeaderValue> {
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let plain = |text: &str| percent_encoding::percent_decode_str(text).collect::<Vec<u8>>();
    let pair = [plain(url.username()), plain(url.password().unwrap_or_default())].join(&b':');
    let mut basic = value(&format!("Basic {}", STANDARD.encode(pair)));
    basic.set_sensitive(true);
    Some(basic)
}

/// Control characters cannot be sent; what is left of them is an empty value, which the service will refuse.
fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}
