//! One answer, or the trouble in its place, as bounded evidence that reports can carry.

use super::{Call, Stopwatch};
use crate::model::{Excerpt, Finding, Interval, quantity::show_duration};
use crate::transport::{Answer, Failed};
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// What came of one request. Bounded: at most [`Seen::BODY`] bytes of a body and [`Seen::HEADERS`] bytes of headers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// When it was sent, since the check began; `lo` is less the stalls of this machine.
    pub at: Interval,
    /// From the dial to the last byte of the answer, or to the trouble.
    pub took: Interval,
    /// The status code; with trouble: of the head that came before it, if one did.
    pub status: Option<u16>,
    /// Why there is no whole, valid answer; none where there is one.
    pub trouble: Option<Snag>,
    /// Header fields in order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Length of the whole body, and the beginning of it.
    pub body: Excerpt,
    /// Whether the kept part of the body is UTF-8.
    pub utf8: bool,
    /// Bytes that came after the end of the answer: a body after HEAD, or more than was told.
    pub excess: u64,
    /// The address that answered, as `ip:port`.
    pub remote: Option<String>,
    /// What was sent, secrets masked: `GET /ready`.
    pub sent: String,
    /// One command that shows it again.
    pub again: String,
    /// The request id: the one that the service answered with, else the one that was sent.
    pub request_id: String,
    /// The trace id that was sent.
    pub trace_id: String,
}

/// Why a valid answer did not come, as it was told by the engine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snag {
    /// Its stable name: `connect-refused`.
    pub name: String,
    /// The sentence for people.
    pub text: String,
    /// Whether noise could forge it: timeouts, resets, refusals. A broken framing or certificate is proof.
    pub confusable: bool,
}

/// Whether an answer is the expected one, and what it proves if it is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// It could be noise: trouble on the way, 5xx, 408 and 429. Counted, never proof by itself.
    Confusable,
    /// No noise makes a service say this: one instance is enough.
    Proof,
}

impl Seen {
    /// Most bytes of a body that are kept: above the 10 KiB that a health answer may have.
    pub const BODY: usize = 16 * 1024;
    /// Most bytes of header names and values that are kept in all.
    pub const HEADERS: usize = 8 * 1024;

    /// Takes what reports need out of a call. `origin` is when the check began.
    #[must_use]
    pub fn of(call: &Call, watch: &Stopwatch, origin: Instant) -> Self {
        let base = Self {
            at: watch.between(origin, call.began),
            took: call.took,
            sent: call.sent.clone(),
            again: call.again.clone(),
            request_id: call.request_id.clone(),
            trace_id: call.trace_id.clone(),
            utf8: true,
            ..Self::default()
        };
        match &call.answer {
            Ok(answer) => base.with_answer(answer),
            Err(failed) => base.with_trouble(failed),
        }
    }

    fn with_trouble(self, failed: &Failed) -> Self {
        let trouble = &failed.trouble;
        let snag = Snag { name: trouble.name().to_owned(), text: failed.to_string(), confusable: trouble.confusable() };
        let mut seen = match &failed.partial {
            Some(partial) => self.with_answer(partial),
            None => self,
        };
        seen.trouble = Some(snag);
        seen
    }

    fn with_answer(mut self, answer: &Answer) -> Self {
        self.status = Some(answer.status).filter(|s| *s > 0);
        let mut room = Self::HEADERS;
        for (name, value) in &answer.headers {
            let Some(left) = room.checked_sub(name.len() + value.len()) else { break };
            room = left;
            self.headers.push((name.to_ascii_lowercase(), String::from_utf8_lossy(value).into_owned()));
        }
        let kept = &answer.body[..answer.body.len().min(Self::BODY)];
        self.utf8 = match std::str::from_utf8(kept) {
            Ok(_) => true,
            // A character cut in two by our own cap is no fault of the service.
            Err(e) => kept.len() < answer.body.len() && e.error_len().is_none(),
        };
        self.body = Excerpt::of(kept, Self::BODY);
        self.body.len = answer.body_len;
        self.excess = answer.excess;
        self.remote = answer.remote.map(|r| r.to_string());
        if let Some(id) = self.header("x-request-id") {
            self.request_id = id.chars().take(128).collect();
        }
        self
    }

    /// The value of the first header of that name (lower case).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// All values of that header (lower case), joined as RFC 9110 §5.3 allows.
    #[must_use]
    pub fn header_joined(&self, name: &str) -> Option<String> {
        let all: Vec<_> = self.headers.iter().filter(|(n, _)| n == name).map(|(_, v)| v.as_str()).collect();
        (!all.is_empty()).then(|| all.join(", "))
    }

    /// The media type without its parameters, in lower case.
    #[must_use]
    pub fn media_type(&self) -> Option<String> {
        self.header("content-type").map(|v| v.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
    }

    /// A valid and whole answer came.
    #[must_use]
    pub fn whole(&self) -> bool {
        self.trouble.is_none() && self.status.is_some()
    }

    /// Whether all of the body is kept, so that it can be read as a document.
    #[must_use]
    pub fn body_kept(&self) -> bool {
        self.whole() && self.body.len <= Self::BODY as u64
    }

    /// The status of a valid and whole answer.
    #[must_use]
    pub fn answered(&self) -> Option<u16> {
        self.status.filter(|_| self.trouble.is_none())
    }

    /// A timeout of which this machine slept through more than half: it may be its doing, and not the service's.
    ///
    /// A little of every wait is lost on a busy machine. As long as most of it was there for an answer to come in, it counts
    /// against the service; else nothing that hangs could ever be told on such a machine.
    #[must_use]
    pub fn maybe_ours(&self) -> bool {
        self.trouble.as_ref().is_some_and(|s| s.name.ends_with("timeout")) && self.took.is_mostly_ours()
    }

    /// What it weighs that this came in place of the expected answer.
    #[must_use]
    pub fn weight(&self) -> Weight {
        match (&self.trouble, self.status) {
            (Some(snag), _) if snag.confusable => Weight::Confusable,
            (None, Some(408 | 429 | 500..=599)) => Weight::Confusable,
            _ => Weight::Proof,
        }
    }

    /// What came, in a few words: `503 {"status":"down"}` or the trouble.
    #[must_use]
    pub fn brief(&self) -> String {
        match (&self.trouble, self.status) {
            (Some(snag), Some(status)) => format!("{status}, then {}", snag.text),
            (Some(snag), None) => snag.text.clone(),
            (None, Some(status)) => match one_line(&self.body.head, 120) {
                text if text.is_empty() => format!("{status} without a body"),
                text => format!("{status} {text}"),
            },
            (None, None) => "nothing".to_owned(),
        }
    }

    /// The same with its time: `503 {"status":"down"} at +1.20 s, after 3 ms`.
    #[must_use]
    pub fn line(&self) -> String {
        format!("{} at +{}, after {}", self.brief(), show_duration(self.at.hi), self.took)
    }

    /// A finding with everything that this call can tell.
    #[must_use]
    pub fn finding(&self, expected: impl Into<String>, observed: impl Into<String>) -> Finding {
        let mut finding = Finding::new(expected, observed);
        finding.sent = self.sent.clone();
        finding.again = Some(self.again.clone()).filter(|a| !a.is_empty());
        finding.request_id = Some(self.request_id.clone()).filter(|a| !a.is_empty());
        finding.trace_id = Some(self.trace_id.clone()).filter(|a| !a.is_empty());
        if let Some(status) = self.status {
            finding = finding.detail("status", status.to_string());
        }
        if let Some(snag) = &self.trouble {
            finding = finding.detail("trouble", snag.name.clone());
        }
        for name in ["content-type", "location", "retry-after", "server", "via"] {
            if let Some(value) = self.header(name) {
                finding = finding.detail(name, one_line(value, 200));
            }
        }
        if self.body.len > 0 {
            let more = if self.body.len > 2048 { format!(" … ({} bytes in all)", self.body.len) } else { String::new() };
            finding = finding.detail("body", format!("{}{more}", cut(&self.body.head, 2048)));
        }
        finding.detail("when", format!("+{}, took {}", show_duration(self.at.hi), self.took))
    }

    /// How far into the check the answer was there; the counterpart of [`Seen::at`].
    #[must_use]
    pub fn ended(&self) -> Duration {
        self.at.hi + self.took.hi
    }
}

/// The beginning of a text, at most `cap` bytes, cut at a character.
fn cut(text: &str, cap: usize) -> &str {
    if text.len() <= cap {
        return text;
    }
    &text[..boundary(text, cap)]
}

/// The last character boundary at or before a byte offset.
pub(super) fn boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0)
}

/// The text on one line, white space folded, at most `cap` bytes with an ellipsis.
fn one_line(text: &str, cap: usize) -> String {
    let folded = cut(text, cap * 2).split_whitespace().collect::<Vec<_>>().join(" ");
    if folded.len() > cap || text.len() > cap * 2 { format!("{}…", cut(&folded, cap).trim_end()) } else { folded }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16, body: &str) -> Seen {
        Seen { status: Some(status), body: Excerpt::of(body.as_bytes(), Seen::BODY), utf8: true, ..Seen::default() }
    }

    #[track_caller]
    fn check(seen: &Seen, weight: Weight, brief: &str) {
        assert_eq!((seen.weight(), seen.brief().as_str()), (weight, brief));
    }

    #[test]
    fn a_five_hundred_may_be_noise_and_a_redirect_may_not() {
        check(&answered(503, "{\n \"status\": \"down\"\n}"), Weight::Confusable, "503 { \"status\": \"down\" }");
        check(&answered(429, ""), Weight::Confusable, "429 without a body");
        check(&answered(302, ""), Weight::Proof, "302 without a body");
        check(&answered(206, "x"), Weight::Proof, "206 x");
    }

    #[test]
    fn trouble_weighs_as_its_kind_says() {
        let snag = |confusable| Some(Snag { name: "n".to_owned(), text: "it broke".to_owned(), confusable });
        check(&Seen { trouble: snag(true), ..answered(200, "") }, Weight::Confusable, "200, then it broke");
        check(&Seen { trouble: snag(false), status: None, ..Seen::default() }, Weight::Proof, "it broke");
    }

    #[track_caller]
    fn waited(lo: u64, hi: u64, trouble: &str, expected: bool) {
        let took = Interval { lo: Duration::from_millis(lo), hi: Duration::from_millis(hi) };
        let snag = Snag { name: trouble.to_owned(), text: "it broke".to_owned(), confusable: true };
        assert_eq!(Seen { took, trouble: Some(snag), ..Seen::default() }.maybe_ours(), expected, "{lo} to {hi} ms, {trouble}");
    }

    #[test]
    fn a_timeout_is_ours_only_where_we_slept_through_most_of_it() {
        waited(2000, 2000, "first-byte-timeout", false);
        waited(1790, 2000, "first-byte-timeout", false);
        waited(1000, 2000, "total-timeout", false);
        waited(990, 2000, "total-timeout", true);
        waited(0, 2000, "connect-timeout", true);
        waited(0, 2000, "reset", false);
    }

    #[test]
    fn a_cut_never_splits_a_character() {
        assert_eq!(cut("aäb", 2), "a");
        assert_eq!(one_line(&"ä ".repeat(500), 9), "ä ä ä…");
    }
}
