//! What a body says of the state of the service, in the words that health endpoints use.

use super::Seen;
use crate::words::{Document, Json};

/// What the body says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Says {
    /// It is well: the word that says so.
    Well(String),
    /// It is not well: the word that says so.
    Ill(String),
    /// It contradicts itself: one key twice, with both words.
    Both(String, String),
    /// Nothing that we know: no status word, or one that fits any code (`degraded`, `starting`).
    Nothing,
}

/// Words that say all is well, in lower case, with `_` and `-` as spaces.
const WELL: &[&str] = &[
    "ok",
    "okay",
    "up",
    "pass",
    "passed",
    "passing",
    "healthy",
    "ready",
    "alive",
    "live",
    "running",
    "serving",
    "available",
    "online",
    "green",
    "success",
];
/// Words that say it is not.
const ILL: &[&str] = &[
    "down",
    "fail",
    "failed",
    "failing",
    "failure",
    "error",
    "unhealthy",
    "not healthy",
    "not ready",
    "unready",
    "unavailable",
    "not serving",
    "out of service",
    "dead",
    "offline",
    "critical",
    "red",
    "fatal",
    "not ok",
    "ko",
    "not available",
    "not alive",
];
/// Keys at the top of a document that speak for the whole service.
const KEYS: &[&str] = &["status", "state", "health", "healthy", "ready", "ok", "alive", "result"];

impl Says {
    /// Keys at the top of a document that speak for the whole service, in lower case.
    pub(crate) const KEYS: &'static [&'static str] = KEYS;

    /// Reads the body of a whole answer. Only the top level speaks for the service: a check below it may be ill while it is well.
    #[must_use]
    pub fn of(seen: &Seen) -> Self {
        if !seen.body_kept() || !seen.utf8 {
            return Self::Nothing;
        }
        Self::in_text(&seen.body.head)
    }

    /// The same of a bare text.
    #[must_use]
    pub fn in_text(text: &str) -> Self {
        let text = text.trim_start_matches('\u{feff}').trim();
        if text.starts_with(['{', '"', '[']) {
            return Self::in_json(text);
        }
        // A plain body speaks only if it is one short phrase: `OK`, `Service Unavailable`.
        if text.len() > 40 || text.contains('<') {
            return Self::Nothing;
        }
        Self::word(text.strip_prefix("Service ").or_else(|| text.strip_prefix("service ")).unwrap_or(text).trim_end_matches(['.', '!']))
    }

    fn in_json(text: &str) -> Self {
        let members = match Document::read(text.as_bytes()).map(|document| document.root) {
            Ok(Json::Object(members)) => members,
            Ok(Json::String(word)) => return Self::word(&word),
            _ => return Self::Nothing,
        };
        let mut said: Option<Self> = None;
        for (key, value) in &members {
            if !KEYS.contains(&key.to_ascii_lowercase().as_str()) {
                continue;
            }
            let now = match value {
                Json::String(word) => Self::word(word),
                Json::Bool(yes) if *yes => Self::Well(format!("{key}: true")),
                Json::Bool(_) => Self::Ill(format!("{key}: false")),
                _ => continue,
            };
            said = match (said, now) {
                (None, now) => Some(now),
                (Some(before), Self::Nothing) => Some(before),
                (Some(Self::Nothing), now) => Some(now),
                (Some(Self::Well(a)), Self::Ill(b)) | (Some(Self::Ill(a)), Self::Well(b)) => return Self::Both(a, b),
                (Some(before), _) => Some(before),
            };
        }
        said.unwrap_or(Self::Nothing)
    }

    fn word(word: &str) -> Self {
        let plain = word.trim().to_lowercase().replace(['_', '-'], " ");
        if WELL.contains(&plain.as_str()) {
            Self::Well(word.to_owned())
        } else if ILL.contains(&plain.as_str()) {
            Self::Ill(word.to_owned())
        } else {
            Self::Nothing
        }
    }

    /// Whether the two say the same of the state; what says nothing contradicts nothing.
    #[must_use]
    pub fn fits(&self, other: &Self) -> bool {
        !matches!((self, other), (Self::Well(_), Self::Ill(_)) | (Self::Ill(_), Self::Well(_)))
    }

    /// What is wrong between the word and the code, if anything: a 2xx that says it is ill, an error that says it is well.
    #[must_use]
    pub fn against(&self, status: u16) -> Option<String> {
        match self {
            Self::Ill(word) if (200..300).contains(&status) => Some(format!("{status} and a body that says `{word}`")),
            Self::Well(word) if status >= 400 => Some(format!("{status} and a body that says `{word}`")),
            Self::Both(a, b) => Some(format!("{status} and a body that says both `{a}` and `{b}`")),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(body: &str, status: u16, contradiction: bool) {
        assert_eq!(Says::in_text(body).against(status).is_some(), contradiction, "{status} {body}: {:?}", Says::in_text(body));
    }

    #[test]
    fn a_word_that_fits_its_code_is_no_contradiction_and_one_that_does_not_is() {
        check(r#"{"status":"healthy"}"#, 200, false);
        check(r#"{"status":"down"}"#, 200, true);
        check(r#"{"status":"unhealthy"}"#, 200, true);
        check(r#"{"status":"not ready","db":"ok"}"#, 503, false);
        check(r#"{"status":"UP"}"#, 503, true);
        check(r#"{"status":"OUT_OF_SERVICE"}"#, 200, true);
        check(r#"{"healthy":false}"#, 200, true);
        check(r#"{"healthy":true}"#, 200, false);
        check("OK", 200, false);
        check("OK", 503, true);
        check("Service Unavailable", 200, true);
        check("Service Unavailable", 503, false);
    }

    #[test]
    fn only_the_top_level_speaks_for_the_service() {
        check(r#"{"status":"ok","components":{"cache":{"status":"down"}}}"#, 200, false);
        check(r#"{"db":"down"}"#, 200, false);
    }

    #[test]
    fn words_that_fit_any_code_say_nothing() {
        check(r#"{"status":"degraded"}"#, 200, false);
        check(r#"{"status":"starting"}"#, 503, false);
        check("<html>error</html>", 200, false);
        check("", 200, false);
    }

    #[test]
    fn one_key_twice_with_two_words_contradicts_itself() {
        check(r#"{"status":"healthy","status":"down"}"#, 200, true);
        check(r#"{"status":"healthy","status":"ok"}"#, 200, false);
    }
}
