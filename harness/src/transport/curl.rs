//! Writes a request as a curl command that shows the same again, with secrets masked.

use super::{
    ask::{Endpoint, OutBody, Outgoing, Speak},
    request,
};
use crate::model::Secret;
use http::Method;
use url::Position;

/// Longest body that is written into a command, in bytes.
const BODY: usize = 2048;

/// The command for a POSIX shell. Sensitive header values and passwords are `***`; so is what is masked in [`Outgoing::shown`].
#[must_use]
pub fn curl(endpoint: &Endpoint, out: &Outgoing) -> String {
    let mut words = vec!["curl".to_owned(), "-isS".to_owned()];
    if out.method == Method::HEAD {
        words.push("-I".to_owned());
    }
    let mut option = |name: &str, value: &str| {
        words.push(name.to_owned());
        words.push(quoted(value));
    };
    match out.method {
        Method::GET | Method::HEAD => {}
        _ => option("-X", out.method.as_str()),
    }
    if let Some(host) = &out.host_override {
        option("-H", &format!("host: {host}"));
    }
    for (name, value) in &out.headers {
        let value = if value.is_sensitive() { Secret::MASK.into() } else { String::from_utf8_lossy(value.as_bytes()) };
        option("-H", &format!("{name}: {value}"));
    }
    if request::basic(&out.url).is_some() {
        option("-u", &format!("{}:{}", out.url.username(), Secret::MASK));
    }
    let body = match (&out.shown_body, &out.body) {
        (_, OutBody::Empty) => None,
        (Some(shown), _) => Some(shown.clone()),
        (None, OutBody::Bytes(bytes)) => std::str::from_utf8(bytes).ok().map(str::to_owned),
        (None, OutBody::Stream { .. }) => None,
    };
    match body {
        Some(body) if body.len() <= BODY && !body.contains('\0') => option("--data-binary", &body),
        _ if matches!(out.body, OutBody::Empty) => {}
        _ => option("--data-binary", "@BODY"),
    }
    if let Some(path) = &endpoint.unix {
        option("--unix-socket", &path.display().to_string());
    }
    for line in &endpoint.resolve {
        let ip = if line.ip.is_ipv6() { format!("[{}]", line.ip) } else { line.ip.to_string() };
        option("--resolve", &format!("{}:{}:{ip}", line.host, line.port));
    }
    if let Some(proxy) = &endpoint.proxy {
        option("-x", &format!("{}{}", &proxy[..Position::BeforeUsername], &proxy[Position::BeforeHost..Position::AfterPort]));
    }
    if endpoint.ca.is_some() {
        option("--cacert", "CA.pem");
    }
    if endpoint.insecure {
        words.push("-k".to_owned());
    }
    if endpoint.version == Speak::Http2 {
        words.push(if out.url.scheme() == "https" { "--http2" } else { "--http2-prior-knowledge" }.to_owned());
    }
    words.push(quoted(&shown_url(out)));
    words.join(" ")
}

/// The URL with the path as it is shown, and without user and password.
fn shown_url(out: &Outgoing) -> String {
    let url = &out.url;
    let origin = format!("{}{}", &url[..Position::BeforeUsername], &url[Position::BeforeHost..Position::AfterPort]);
    match out.shown.split_once(' ') {
        Some((_, path)) if path.starts_with('/') => origin + path,
        Some((_, whole)) if whole.contains("://") => whole.to_owned(),
        _ => origin + &url[Position::BeforePath..Position::AfterQuery],
    }
}

/// One word for a POSIX shell.
fn quoted(word: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_./:@%+=,".contains(&b);
    if !word.is_empty() && word.bytes().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}
