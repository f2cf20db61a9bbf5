//! Finds what must not stand in an answer: planted secrets, DSNs with passwords, keys, stack traces, paths of the host.

use super::seen::{Seen, boundary};
use crate::model::{Redactor, Secret};
use regex::bytes::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};
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

/// One row: what it is, and the pattern that finds it. A group named `secret` is masked when it is shown. Bytes, not
/// characters, and no counted repetitions: with them the patterns took 10 MiB and a tenth of a second to compile.
const PATTERNS: &[(&str, &str)] = &[
    ("a URL with a password", r"(?i)\b[a-z][a-z0-9+.-]+://[^\s/:@\x22']*:(?P<secret>[^\s/@\x22'*$<{]+)@[^\s\x22']+"),
    ("a private key", r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----(?P<secret>[A-Za-z0-9+/=\s\\]*)"),
    ("an AWS access key id", r"\b(?P<secret>(?:AKIA|ASIA)[0-9A-Z]{16})\b"),
    ("a GitHub token", r"\b(?P<secret>gh[pousr]_[A-Za-z0-9]{36,})\b"),
    ("a JSON web token", r"\b(?P<secret>eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,})"),
    (
        "a password",
        r"(?i)\b(?:password|passwd|pwd|client_secret|api_?key|secret_key)[\x22']?\s*[:=]\s*[\x22']?(?P<secret>[^\s\x22',;&*<{}]{4}[^\s\x22',;&*<{}]*)",
    ),
    ("a stack trace (Python)", r"Traceback \(most recent call last\)|\bFile \\?\x22[^\x22]+\\?\x22, line \d+, in "),
    (
        "a stack trace (JVM)",
        r"\bat [\w$.]+\([\w$]+\.(?:java|kt|scala|groovy):\d+\)|\b(?:java|javax|org|com)\.[\w.]+(?:Exception|Error)\b: ",
    ),
    ("a stack trace (JavaScript)", r"\bat [^\n\r\\(]+ \((?:file://|node:)?[^()\s]+:\d+:\d+\)"),
    ("a stack trace (.NET)", r"\bat [\w.<>`\[\], ]+\([^)]*\) in [^\n]+:line \d+"),
    ("a stack trace (Go)", r"goroutine \d+ \[[a-z ,0-9]+\]:|panic: [^\n]+(?:\n|\\n)"),
    ("a stack trace (Rust)", r"thread '[^']+'(?: \(\d+\))? panicked at |\b\d+: [\w:<>{}$ ]+(?:\\n|\n)\s+at \S+\.rs:\d+"),
    ("a stack trace (Ruby or PHP)", r"\.rb:\d+:in ['`]|\bPHP (?:Fatal error|Warning)|\bStack trace:(?:\\n|\s)#0 "),
    (
        "a path of the host",
        r"(?:^|[\s\x22'(=:])(?:/(?:home|root|usr|var|etc|opt|srv|tmp|proc|Users|private|mnt)(?:/[\w.@+-]+)+|[A-Za-z]:\\+(?:Users|Windows|Program Files|inetpub)\\[\w.\\ -]+)",
    ),
];

struct Finder {
    set: RegexSet,
    each: Vec<OnceLock<Regex>>,
}

fn finder() -> &'static Finder {
    static FINDER: OnceLock<Finder> = OnceLock::new();
    FINDER.get_or_init(|| Finder {
        set: RegexSetBuilder::new(PATTERNS.iter().map(|(_, p)| p))
            .unicode(false)
            .build()
            .expect("the patterns are constants, and a test builds them"),
        each: PATTERNS.iter().map(|_| OnceLock::new()).collect(),
    })
}

impl Finder {
    /// The pattern by itself, which tells where it stands; built only once it was found.
    fn one(&self, index: usize) -> &Regex {
        self.each[index].get_or_init(|| {
            RegexBuilder::new(PATTERNS[index].1).unicode(false).build().expect("the set of the same patterns was built before")
        })
    }
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
            if !matches!(
                name.as_str(),
                "location" | "content-location" | "link" | "x-request-id" | "content-security-policy" | "set-cookie"
            ) {
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
    Leak {
        what: "a secret of this environment".to_owned(),
        place: place.to_owned(),
        looks_like: around(&masked, at, at + Secret::MASK.len()),
    }
}

fn look(text: &str, place: &str, canaries: &Redactor, leaks: &mut Vec<Leak>) {
    if text.is_empty() {
        return;
    }
    if canaries.finds(text) {
        leaks.push(canary(text, place, canaries));
    }
    let finder = finder();
    for index in finder.set.matches(text.as_bytes()) {
        let Some(found) = finder.one(index).captures(text.as_bytes()) else { continue };
        let whole = found.get(0).expect("a match has a whole");
        let looks_like = match found.name("secret") {
            Some(secret) => {
                let part = |from: usize, to: usize| String::from_utf8_lossy(&text.as_bytes()[from..to]).into_owned();
                format!("{}{}{}", part(whole.start(), secret.start()), Secret::MASK, part(secret.end(), whole.end()))
            }
            None => around(text, whole.start(), whole.end()),
        };
        let shown = canaries.mask(&looks_like).chars().take(200).collect();
        leaks.push(Leak { what: PATTERNS[index].0.to_owned(), place: place.to_owned(), looks_like: shown });
    }
}

/// The span with a little of what stands around it.
fn around(text: &str, from: usize, to: usize) -> String {
    let start = boundary(text, from.saturating_sub(20));
    let end = boundary(text, (to + 20).min(from + 160));
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
