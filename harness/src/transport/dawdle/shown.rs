//! A caller that is slow on purpose as one command for a shell.

use super::super::{
    ask::{Endpoint, OutBody, Outgoing},
    curl::quote,
    request,
};
use crate::model::Secret;
use std::time::Duration;
use url::Position;

/// How far a request that is shown as a command goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Nothing of it.
    Nothing,
    /// The head without its end.
    Head,
    /// The same, and a byte of it now and then.
    DrippingHead,
    /// The whole head, and no body.
    NoBody,
}

/// A command for a POSIX shell that dawdles in the same way for so long. Values that are sensitive are `***`.
#[must_use]
pub fn dawdling(endpoint: &Endpoint, out: &Outgoing, shown: Shown, time: Duration) -> String {
    let mut lines = vec![format!("{} {} HTTP/1.1", out.method, &out.url[Position::BeforePath..Position::AfterQuery])];
    if let Some((_, path)) = out.shown.split_once(' ').filter(|(_, path)| path.starts_with('/')) {
        lines[0] = format!("{} {path} HTTP/1.1", out.method);
    }
    lines.push(format!("host: {}", request::authority(out)));
    for (name, value) in &out.headers {
        let value = if value.is_sensitive() { Secret::MASK.into() } else { String::from_utf8_lossy(value.as_bytes()) };
        lines.push(format!("{name}: {value}"));
    }
    if let OutBody::Bytes(body) = &out.body {
        lines.push(format!("content-length: {}", body.len()));
    }
    if shown == Shown::NoBody {
        lines.push(String::new());
    }
    let seconds = time.as_secs() + 1;
    let mut command = String::from("{ ");
    if shown != Shown::Nothing {
        command.push_str("printf '%s\\r\\n'");
        for line in &lines {
            command.push(' ');
            quote(&mut command, &[line]);
        }
        command.push_str("; ");
    }
    match shown {
        Shown::DrippingHead => command.push_str("printf 'x-dawdle: '; while sleep 0.2; do printf a; done; } | "),
        _ => command.push_str(&format!("sleep {seconds}; }} | ")),
    }
    let host = out.url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let port = out.url.port_or_known_default().unwrap_or_default();
    command.push_str(&match (&endpoint.unix, out.url.scheme()) {
        (Some(path), _) => format!("nc -U {}", path.display()),
        (None, "https") => format!("openssl s_client -quiet -connect {host}:{port}"),
        (None, _) => format!("nc {host} {port}"),
    });
    command
}
