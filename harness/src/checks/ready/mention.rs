//! What a body says of one dependency by its name, and whether it says where that dependency lives. No I/O.

use crate::kind::Seen;
use crate::words::{Document, Json};
use regex::Regex;
use std::collections::BTreeSet;
use std::sync::OnceLock;

/// Keys at the top of a document that speak for the whole service.
const STATUS: &[&str] = &["status", "state", "health", "ready", "result"];
/// Longest text that is an item's name, and no message.
const LONGEST_NAME: usize = 64;

/// Whether a body names the dependency and says something else of it than before it was lost. Numbers are no news: a
/// latency is another one every time.
pub(super) fn names(name: &str, before: &Seen, now: &Seen) -> bool {
    let known = mentions(name, before);
    mentions(name, now).iter().any(|mention| !known.contains(mention))
}

/// The same, or another word for the state of the service as a whole.
pub(super) fn tells(name: &str, before: &Seen, now: &Seen) -> bool {
    let words = |seen| status_words(seen);
    names(name, before, now) || now.body_kept() && words(before) != words(now) && !words(now).is_empty()
}

/// Whether what a body said of a loss still stands: all of what it then said by the name, or the same word for the whole. A trace of the
/// loss that stays (`"last_error": "timeout"`) beside a state that is well again is none.
pub(super) fn still_tells(name: &str, before: &Seen, lost: &Seen, now: &Seen) -> bool {
    let (known, stands) = (mentions(name, before), mentions(name, now));
    let mut said = mentions(name, lost).into_iter().filter(|mention| !known.contains(mention)).peekable();
    let by_name = said.peek().is_some() && said.all(|mention| stands.contains(&mention));
    let word = status_words(lost);
    by_name || !word.is_empty() && word != status_words(before) && word == status_words(now)
}

/// An address of some machine in the body that was not there before: `10.0.0.3:5432`, `db:5432`, `redis://cache`. The
/// service's own address is none, and neither is a link.
pub(super) fn address(name: &str, before: &Seen, now: &Seen) -> Option<String> {
    let text = &now.body.head;
    let own = now.remote.as_deref().unwrap_or_default();
    let own_host = own.rsplit_once(':').map_or(own, |(host, _)| host);
    let is_news = |found: &str| !before.body.head.contains(found) && found != own && found != own_host;
    let by_look = pattern().find_iter(text).map(|m| m.as_str()).filter(|found| is_address(found)).find(|found| is_news(found));
    by_look.map(str::to_owned).or_else(|| with_port(name, text).filter(|found| is_news(found)))
}

fn pattern() -> &'static Regex {
    static PATTERN: OnceLock<Regex> = OnceLock::new();
    PATTERN.get_or_init(|| {
        let each = [
            r"\b(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?::[0-9]{1,5})?\b",
            r"\[[0-9a-f]*:[0-9a-f:.]*:[0-9a-f]*\](?::[0-9]{1,5})?",
            r"\blocalhost:[0-9]{2,5}\b",
            r"\b(?:[a-z0-9-]+\.)+[a-z]{2,}:[0-9]{4,5}\b",
            r"\b[a-z][a-z0-9+.-]*://[^\s\x22'<>\\]+",
        ];
        Regex::new(&format!("(?i){}", each.join("|"))).expect("a constant, and a test builds it")
    })
}

/// Four numbers are an address only below 256; a link leads people somewhere and is none.
fn is_address(found: &str) -> bool {
    if let Some((scheme, _)) = found.split_once("://") {
        return !matches!(scheme.to_ascii_lowercase().as_str(), "http" | "https" | "urn");
    }
    let host = found.split_once(':').map_or(found, |(host, _)| host);
    let is_dotted = host.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    !is_dotted || host.is_empty() || host.split('.').all(|part| part.parse::<u8>().is_ok())
}

/// `db:5432`: the name as the host of a port.
fn with_port(name: &str, text: &str) -> Option<String> {
    places(name, text).find_map(|(_, end)| {
        let digits = text[end..].strip_prefix(':')?.bytes().take_while(u8::is_ascii_digit).count();
        (2..=5).contains(&digits).then(|| format!("{name}:{}", &text[end + 1..end + 1 + digits]))
    })
}

/// Where the name stands as a word of its own, without regard to case: not `db` in `feedback`, but `db` in `primaryDb` and `db_state`.
fn places<'a>(name: &'a str, text: &'a str) -> impl Iterator<Item = (usize, usize)> + 'a {
    let (lower, wanted) = (text.to_ascii_lowercase(), name.to_ascii_lowercase());
    let mut from = 0;
    std::iter::from_fn(move || {
        while !wanted.is_empty() {
            let at = from + lower.get(from..)?.find(&wanted)?;
            let end = at + wanted.len();
            from = end;
            let begins = text[at..].chars().next().is_some_and(char::is_uppercase);
            let starts = text[..at].chars().next_back().is_none_or(|c| !c.is_alphanumeric() || c.is_lowercase() && begins);
            let ends = text[end..].chars().next().is_none_or(|c| !c.is_alphanumeric() || c.is_uppercase());
            if starts && ends {
                return Some((at, end));
            }
        }
        None
    })
}

fn has(name: &str, text: &str) -> bool {
    places(name, text).next().is_some()
}

/// Everything that a body says of the name: where, and what, without numbers.
fn mentions(name: &str, seen: &Seen) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    if !seen.whole() {
        return found;
    }
    match Document::read(seen.body.head.trim_start_matches('\u{feff}').as_bytes()).map(|document| document.root) {
        Ok(root @ (Json::Object(_) | Json::Array(_) | Json::String(_))) => in_json(name, "", &root, &mut found),
        _ => found.extend(seen.body.head.lines().filter(|line| has(name, line)).map(|line| plain(line.trim()))),
    }
    found
}

fn in_json(name: &str, path: &str, value: &Json, found: &mut BTreeSet<String>) {
    match value {
        Json::Object(members) => {
            // `{ "name": "db", "state": "down" }` speaks of it as a whole.
            let is_about = members.iter().any(|(_, v)| matches!(v, Json::String(text) if text.len() <= LONGEST_NAME && has(name, text)));
            if is_about && !path.is_empty() {
                found.insert(format!("{path}={}", signature(value)));
            }
            for (key, member) in members {
                let path = format!("{path}.{key}");
                if has(name, key) {
                    found.insert(format!("{path}={}", signature(member)));
                }
                in_json(name, &path, member, found);
            }
        }
        Json::Array(items) => items.iter().for_each(|item| in_json(name, &format!("{path}[]"), item, found)),
        Json::String(text) if has(name, text) => {
            found.insert(format!("{path}={}", signature(value)));
        }
        _ => {}
    }
}

/// What a value says, without numbers other than the flags 0 and 1.
fn signature(value: &Json) -> String {
    match value {
        Json::Null => "null".to_owned(),
        Json::Bool(b) => b.to_string(),
        Json::Number(n) if matches!(n.text(), "0" | "1") => n.text().to_owned(),
        Json::Number(_) => "#".to_owned(),
        Json::String(text) => plain(text),
        Json::Array(items) => items.iter().map(signature).collect::<Vec<_>>().join(","),
        Json::Object(members) => members.iter().map(|(k, v)| format!("{k}:{}", signature(v))).collect::<Vec<_>>().join(","),
    }
}

/// A text with every number in it made the same.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c.is_ascii_digit() {
            true if out.ends_with('#') => {}
            true => out.push('#'),
            false => out.push(c),
        }
    }
    out
}

/// The words for the whole service at the top of the document.
fn status_words(seen: &Seen) -> Vec<String> {
    let Ok(Json::Object(members)) = Document::read(seen.body.head.as_bytes()).map(|document| document.root) else {
        return Vec::new();
    };
    let speaks = |key: &str| STATUS.contains(&key.to_ascii_lowercase().as_str());
    let is_word = |value: &Json| matches!(value, Json::String(_) | Json::Bool(_));
    members.iter().filter(|(key, value)| speaks(key) && is_word(value)).map(|(_, value)| signature(value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Excerpt;

    fn body(text: &str) -> Seen {
        let remote = Some("127.0.0.1:8080".to_owned());
        Seen { status: Some(503), body: Excerpt::of(text.as_bytes(), Seen::BODY), utf8: true, remote, ..Seen::default() }
    }

    #[track_caller]
    fn check(before: &str, now: &str, expected: bool) {
        assert_eq!(names("db", &body(before), &body(now)), expected, "{before} -> {now}");
    }

    #[test]
    fn a_dependency_is_named_where_something_new_is_said_of_it() {
        check(r#"{"status":"ready","db":"ok"}"#, r#"{"status":"not ready","db":"down"}"#, true);
        check(r#"{"status":"ready"}"#, r#"{"status":"not ready","failed":["db"]}"#, true);
        check(r#"{"checks":[{"name":"db","state":"up"}]}"#, r#"{"checks":[{"name":"db","state":"down"}]}"#, true);
        check(r#"{"db":{"up":true,"ms":3}}"#, r#"{"db":{"up":false,"ms":3000}}"#, true);
        check(r#"{"status":"ready"}"#, r#"{"error":"the db does not answer"}"#, true);
        check("ready", "not ready: DB is down", true);
        check(r#"{"primaryDb":"ok"}"#, r#"{"primaryDb":"down"}"#, true);
    }

    #[test]
    fn a_name_that_says_what_it_said_before_is_no_news() {
        check(r#"{"status":"ready","db":"ok"}"#, r#"{"status":"not ready","db":"ok"}"#, false);
        check(r#"{"needs":["db","cache"]}"#, r#"{"needs":["db","cache"]}"#, false);
        check(r#"{"db":{"up":true,"ms":3}}"#, r#"{"db":{"up":true,"ms":45}}"#, false);
        check(r#"{"status":"ready"}"#, r#"{"status":"not ready"}"#, false);
        check("", "Service Unavailable", false);
        check("", "feedback, 0adb1f", false);
        check(r#"{"db":"ok"}"#, "", false);
    }

    #[test]
    fn a_soft_dependency_may_also_be_told_by_the_word_for_the_whole() {
        let tells = |before: &str, now: &str| tells("cache", &body(before), &body(now));
        assert!(tells(r#"{"status":"ready"}"#, r#"{"status":"degraded"}"#));
        assert!(tells(r#"{"status":"ready","cache":"ok"}"#, r#"{"status":"ready","cache":"down"}"#));
        assert!(!tells(r#"{"status":"ready","cache":"ok"}"#, r#"{"status":"ready","cache":"ok","id":7}"#));
        assert!(!tells("ok", "ok"));
        assert!(!tells(r#"{"status":"ready"}"#, ""));
    }

    #[test]
    fn a_report_stands_until_something_of_it_is_taken_back() {
        let lost = r#"{"status":"degraded","cache":"down","cache_error":"timeout 3"}"#;
        let stands = |now: &str| still_tells("cache", &body(r#"{"status":"ready","cache":"ok"}"#), &body(lost), &body(now));
        assert!(stands(r#"{"status":"degraded","cache":"down","cache_error":"timeout 9"}"#));
        assert!(stands(r#"{"status":"degraded","cache":"ok"}"#), "the word for the whole");
        assert!(stands(r#"{"status":"ready","cache":"down","cache_error":"timeout 9"}"#));
        assert!(!stands(r#"{"status":"ready","cache":"ok","cache_error":"timeout 9"}"#), "a trace of what was");
        assert!(!stands(r#"{"status":"ready","cache":"ok"}"#));
        assert!(!stands(""));
    }

    #[track_caller]
    fn leads(now: &str, expected: Option<&str>) {
        let before = body(r#"{"version":"1.2.3.4","peer":"10.1.1.1:80"}"#);
        assert_eq!(address("db", &before, &body(now)).as_deref(), expected, "{now}");
    }

    #[test]
    fn an_address_is_found_and_what_only_looks_like_one_is_not() {
        leads(r#"{"db":"no answer from 10.0.0.3:5432"}"#, Some("10.0.0.3:5432"));
        leads(r#"{"db":"dial tcp [fd00::1]:5432"}"#, Some("[fd00::1]:5432"));
        leads(r#"{"db":"localhost:5432 refused"}"#, Some("localhost:5432"));
        leads(r#"{"db":"db.internal:5432 refused"}"#, Some("db.internal:5432"));
        leads(r#"{"error":"cannot reach db:5432"}"#, Some("db:5432"));
        leads(r#"{"error":"redis://cache/0"}"#, Some("redis://cache/0"));
        leads(r#"{"db":"down","version":"1.2.3.4","peer":"10.1.1.1:80"}"#, None);
        leads(r#"{"db":"down","at":"2026-01-02T03:04:05Z","build":"999.1.2.3"}"#, None);
        leads(r#"{"db":"down","type":"https://errors.example.org/db","instance":"127.0.0.1:8080"}"#, None);
        leads(r#"{"db":5432,"ms":"took:5000"}"#, None);
        leads("db: 503", None);
    }
}
