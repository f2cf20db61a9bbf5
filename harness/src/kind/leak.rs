//! Finds what must not stand in an answer: planted secrets, DSNs with passwords, keys, stack traces, paths of the host.

use super::Seen;
use crate::model::{Redactor, Secret};
use regex::{Regex, RegexSet};
use serde::{Deserialize, Serialize};
use std::sync::OnceLock;

/// Something that must not be there. The value itself is not kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leak {
    /// What it is: `a secret of this environment`.
    pub what: String,
    /// Where it stands: `the body`, `header x-debug`.
    pub place: String,
    /// What it looks like, shortened and with the secret part masked.
    pub looks_like: String,
}

/// One row: what it is, and the pattern that finds it. A group named `secret` is masked when it is shown.
const PATTERNS: &[(&str, &str)] = &[
    ("a URL with a password", r"(?i)\b[a-z][a-z0-9+.-]{1,20}://[^\s/:@\x22']{0,64}:(?P<secret>[^\s/@\x22'*$<{]{1,128})@[^\s\x22']{1,64}"),
    ("a private key", r"-----BEGIN (?:[A-Z]{1,16} ){0,2}PRIVATE KEY-----(?P<secret>[A-Za-z0-9+/=\s\\]{0,64})"),
    ("an AWS access key id", r"\b(?P<secret>(?:AKIA|ASIA)[0-9A-Z]{16})\b"),
    ("a GitHub token", r"\b(?P<secret>gh[pousr]_[A-Za-z0-9]{36,})\b"),
    ("a JSON web token", r"\b(?P<secret>eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,})"),
    (
        "a password",
        r"(?i)\b(?:password|passwd|pwd|client_secret|api_?key|secret_key)[\x22']?\s*[:=]\s*[\x22']?(?P<secret>[^\s\x22',;&*<{}]{4,128})",
    ),
    ("a stack trace (Python)", r"Traceback \(most recent call last\)|\bFile \\?\x22[^\x22]{1,200}\\?\x22, line \d+, in "),
    ("a stack trace (JVM)", r"\bat [\w$.]+\([\w$]+\.(?:java|kt|scala|groovy):\d+\)|\b(?:java|javax|org|com)\.[\w.]{3,80}(?:Exception|Error)\b: "),
    ("a stack trace (JavaScript)", r"\bat [^\n\r\\]{1,120} \((?:file://|node:)?[^()\s]{1,200}:\d+:\d+\)"),
    ("a stack trace (.NET)", r"\bat [\w.<>`\[\], ]{3,120}\([^)]{0,200}\) in [^\n:]{1,3}[^\n:]{1,200}:line \d+"),
    ("a stack trace (Go)", r"goroutine \d+ \[[a-z ,0-9]{1,40}\]:|panic: [^\n]{1,200}"),
    ("a stack trace (Rust)", r"thread '[^']{1,64}'(?: \(\d+\))? panicked at |\b\d+: [\w:<>{}$ ]{3,160}(?:\\n|\n)\s{1,40}at \S{1,200}\.rs:\d+"),
    ("a stack trace (Ruby or PHP)", r"\.rb:\d+:in ['`]|\bPHP (?:Fatal error|Warning)|\bStack trace:(?:\\n|\s)#0 "),
    ("a path of the host", r"(?:^|[\s\x22'(=:])(?P<path>(?:/(?:home|root|usr|var|etc|opt|srv|tmp|app|proc|Users|private|mnt)/[\w.@+-]{1,64}(?:/[\w.@+-]{1,64}){0,8})|(?:[A-Za-z]:\\{1,2}(?:Users|Windows|Program Files|inetpub)\\{1,2}[\w.\\ -]{1,120}))"),
];

struct Finder {
    set: RegexSet,
    each: Vec<Regex>,
}

fn finder() -> &'static Finder {
    static FINDER: OnceLock<Finder> = OnceLock::new();
    FINDER.get_or_init(|| Finder {
        set: RegexSet::new(PATTERNS.iter().map(|(_, p)| p)).expect("the patterns are constants, and a test compiles them"),
        each: PATTERNS.iter().map(|(_, p)| Regex::new(p).expect("the patterns are constants, and a test compiles them")).collect(),
    })
}

impl Leak {
    /// Most leaks told of one answer.
    const MOST: usize = 8;

    /// Everything in an answer that must not be there, in any state of the service. `canaries` knows every secret of the run.
    #[must_use]
    pub fn all(seen: &Seen, canaries: &Redactor) -> Vec<Self> {
        let mut leaks = Vec::new();
        look(&seen.body.head, "the body", canaries, &mut leaks);
        for (name, value) in &seen.headers {
            // What we sent ourselves comes back by contract and is no leak; a redirect's path is a URL, not a file.
            if !matches!(name.as_str(), "location" | "content-location" | "link" | "x-request-id" | "content-security-policy" | "set-cookie") {
                look(value, &format!("header {name}"), canaries, &mut leaks);
            } else if canaries.finds(value) {
                leaks.push(canary(value, &format!("header {name}"), canaries));
            }
        }
        leaks.truncate(Self::MOST);
        leaks
    }

    /// The leak in one sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        format!("{} in {}: {}", self.what, self.place, self.looks_like)
    }
}

fn canary(text: &str, place: &str, canaries: &Redactor) -> Leak {
    let masked = canaries.mask(text);
    let at = masked.find(Secret::MASK).unwrap_or(0);
    Leak { what: "a secret of this environment".to_owned(), place: place.to_owned(), looks_like: around(&masked, at, at + Secret::MASK.len()) }
}

fn look(text: &str, place: &str, canaries: &Redactor, leaks: &mut Vec<Leak>) {
    if text.is_empty() {
        return;
    }
    if canaries.finds(text) {
        leaks.push(canary(text, place, canaries));
    }
    let finder = finder();
    for index in finder.set.matches(text) {
        let Some(found) = finder.each[index].captures(text) else { continue };
        let whole = found.get(0).expect("a match has a whole");
        let looks_like = match found.name("secret") {
            Some(secret) => {
                let (before, after) = (&text[whole.start()..secret.start()], &text[secret.end()..whole.end()]);
                format!("{before}{}{after}", Secret::MASK)
            }
            None => around(text, whole.start(), whole.end()),
        };
        leaks.push(Leak { what: PATTERNS[index].0.to_owned(), place: place.to_owned(), looks_like: canaries.mask(&looks_like).into_owned() });
    }
}

/// The span with a little of what stands around it.
fn around(text: &str, from: usize, to: usize) -> String {
    let start = (0..=from.saturating_sub(20)).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
    let end = (0..=(to + 20).min(from + 160).min(text.len())).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(text.len());
    text.get(start..end).unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Excerpt;

    #[track_caller]
    fn check(body: &str, expected: Option<&str>) {
        let seen = Seen { status: Some(503), body: Excerpt::of(body.as_bytes(), Seen::BODY), ..Seen::default() };
        let canaries = Redactor::new([&Secret::new("canary-0123456789")]);
        let leaks = Leak::all(&seen, &canaries);
        assert_eq!(leaks.first().map(|l| l.what.as_str()), expected, "{body}: {leaks:?}");
        assert!(leaks.iter().all(|l| !l.looks_like.contains("canary-0123456789") && !l.looks_like.contains("hunter2")), "{leaks:?}");
    }

    #[test]
    fn each_kind_of_leak_is_found() {
        check(r#"{"token":"canary-0123456789"}"#, Some("a secret of this environment"));
        check(r#"{"auth":"Y2FuYXJ5LTAxMjM0NTY3ODk="}"#, Some("a secret of this environment"));
        check(r#"{"error":"cannot reach postgres://app:hunter2@db.internal:5432/app"}"#, Some("a URL with a password"));
        check(r#"{"error":"redis://:hunter2@10.0.0.3:6379"}"#, Some("a URL with a password"));
        check("-----BEGIN RSA PRIVATE KEY-----\nMIIE", Some("a private key"));
        check(r#"{"k":"AKIAIOSFODNN7EXAMPLE"}"#, Some("an AWS access key id"));
        check(r#"{"e":"host=db password=hunter2 user=app"}"#, Some("a password"));
        check("Traceback (most recent call last):\n", Some("a stack trace (Python)"));
        check("java.lang.IllegalStateException: no\n\tat com.x.Y.z(Y.java:12)", Some("a stack trace (JVM)"));
        check(r#"{"stack":"Error: no\n    at Object.run (/srv/app/index.js:10:5)"}"#, Some("a stack trace (JavaScript)"));
        check("thread 'main' panicked at src/main.rs:4:5:\nno", Some("a stack trace (Rust)"));
        check("goroutine 1 [running]:\nmain.main()", Some("a stack trace (Go)"));
        check(r#"{"config":"/etc/app/config.yaml"}"#, Some("a path of the host"));
        check(r#"{"file":"C:\\Users\\app\\x.cs"}"#, Some("a path of the host"));
    }

    #[test]
    fn ordinary_answers_hold_no_leak() {
        check(r#"{"status":"healthy","aiAvailability":"None"}"#, None);
        check(r#"{"status":"not ready","db":"down","migration":2}"#, None);
        check(r#"{"links":{"self":"/api/v1/health","docs":"https://example.org/home/docs"}}"#, None);
        check(r#"{"db":"postgres://db.internal:5432/app","at":"2026-01-02T03:04:05Z"}"#, None);
        check(r#"{"db":"postgres://app:***@db.internal/app"}"#, None);
        check(r#"{"password":"***"}"#, None);
        check(r#"{"message":"password required: see /docs/login"}"#, None);
        check("OK", None);
    }

    #[test]
    fn headers_are_searched_too_and_our_own_request_id_is_not() {
        let mut seen = Seen { status: Some(200), ..Seen::default() };
        seen.headers = vec![("x-request-id".to_owned(), "/home/x/y".to_owned())];
        assert_eq!(Leak::all(&seen, &Redactor::none()), []);
        seen.headers.push(("x-db".to_owned(), "postgres://app:hunter2@db/app".to_owned()));
        let leaks = Leak::all(&seen, &Redactor::none());
        assert_eq!(leaks[0].place, "header x-db");
        assert!(leaks[0].looks_like.contains("***"), "{leaks:?}");
    }
}
