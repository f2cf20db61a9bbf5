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
    // Written for every request, so that a finding has it; a single text, because most are never shown.
    let mut command = String::with_capacity(256);
    command.push_str("curl -isS");
    if out.method == Method::HEAD {
        command.push_str(" -I");
    }
    let mut option = |name: &str, value: &[&str]| {
        command.push(' ');
        command.push_str(name);
        command.push(' ');
        quote(&mut command, value);
    };
    match out.method {
        Method::GET | Method::HEAD => {}
        _ => option("-X", &[out.method.as_str()]),
    }
    if let Some(host) = &out.host_override {
        option("-H", &["host: ", host]);
    }
    for (name, value) in &out.headers {
        let value = if value.is_sensitive() { Secret::MASK.into() } else { String::from_utf8_lossy(value.as_bytes()) };
        option("-H", &[name.as_str(), ": ", &value]);
    }
    if request::basic(&out.url).is_some() {
        option("-u", &[out.url.username(), ":", Secret::MASK]);
    }
    let body = match (&out.shown_body, &out.body) {
        (_, OutBody::Empty) => None,
        (Some(shown), _) => Some(shown.as_str()),
        (None, OutBody::Bytes(bytes)) => std::str::from_utf8(bytes).ok(),
        (None, OutBody::Stream { .. }) => None,
    };
    match body {
        Some(body) if body.len() <= BODY && !body.contains('\0') => option("--data-binary", &[body]),
        _ if matches!(out.body, OutBody::Empty) => {}
        _ => option("--data-binary", &["@BODY"]),
    }
    if let Some(path) = &endpoint.unix {
        option("--unix-socket", &[&path.display().to_string()]);
    }
    for line in &endpoint.resolve {
        let ip = if line.ip.is_ipv6() { format!("[{}]", line.ip) } else { line.ip.to_string() };
        option("--resolve", &[&format!("{}:{}:{ip}", line.host, line.port)]);
    }
    if let Some(proxy) = &endpoint.proxy {
        option("-x", &[&proxy[..Position::BeforeUsername], &proxy[Position::BeforeHost..Position::AfterPort]]);
    }
    if endpoint.ca.is_some() {
        option("--cacert", &["CA.pem"]);
    }
    if endpoint.insecure {
        command.push_str(" -k");
    }
    if endpoint.version == Speak::Http2 {
        command.push_str(if out.url.scheme() == "https" { " --http2" } else { " --http2-prior-knowledge" });
    }
    command.push(' ');
    quote(&mut command, &shown_url(out));
    command
}

/// The URL with the path as it is shown, and without user and password.
fn shown_url(out: &Outgoing) -> [&str; 3] {
    let url = &out.url;
    let (scheme, host) = (&url[..Position::BeforeUsername], &url[Position::BeforeHost..Position::AfterPort]);
    match out.shown.split_once(' ') {
        Some((_, path)) if path.starts_with('/') => [scheme, host, path],
        Some((_, whole)) if whole.contains("://") => [whole, "", ""],
        _ => [scheme, host, &url[Position::BeforePath..Position::AfterQuery]],
    }
}

/// One word for a POSIX shell, given in pieces.
pub(super) fn quote(command: &mut String, word: &[&str]) {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/' | b':' | b'@' | b'%' | b'+' | b'=' | b',');
    if word.iter().any(|piece| !piece.is_empty()) && word.iter().all(|piece| piece.bytes().all(plain)) {
        command.extend(word.iter().copied());
        return;
    }
    command.push('\'');
    for part in word.iter().flat_map(|piece| piece.split_inclusive('\'')) {
        match part.strip_suffix('\'') {
            Some(text) => {
                command.push_str(text);
                command.push_str(r"'\''");
            }
            None => command.push_str(part),
        }
    }
    command.push('\'');
}
