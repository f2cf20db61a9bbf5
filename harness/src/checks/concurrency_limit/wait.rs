//! What a refusal says of when to come again: `Retry-After` (RFC 9110 §10.2.3).

use crate::kind::Seen;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What is said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Wait {
    /// Come again after so long.
    For(Duration),
    /// Not a positive time: what is wrong with it.
    Wrong(String),
    /// A date in an answer without one of its own: how long that is cannot be told.
    Unknown(String),
}

impl Wait {
    /// Reads it off an answer.
    pub(super) fn of(seen: &Seen) -> Self {
        let all: Vec<&str> = seen.headers.iter().filter(|(name, _)| name == "retry-after").map(|(_, value)| value.trim()).collect();
        let text = match all.as_slice() {
            [] => return Self::Wrong("no Retry-After".to_owned()),
            [one] => *one,
            several => return Self::Wrong(format!("{} Retry-After: {}", several.len(), several.join(" and "))),
        };
        if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
            return match text.parse::<u64>() {
                Ok(0) => Self::Wrong("Retry-After: 0".to_owned()),
                Ok(seconds) if seconds <= LONGEST => Self::For(Duration::from_secs(seconds)),
                _ => Self::Wrong(format!("Retry-After: {text}, which is more than a year")),
            };
        }
        let Some(then) = seconds_of(text) else {
            return Self::Wrong(format!("Retry-After: {text:?}, which is neither whole seconds nor a date"));
        };
        let Some(now) = seen.header("date").and_then(seconds_of) else {
            return Self::Unknown(format!("Retry-After: {text}, and the answer has no Date of its own to count from"));
        };
        match then.checked_sub(now).filter(|seconds| *seconds > 0) {
            Some(seconds) => Self::For(Duration::from_secs(seconds)),
            None => Self::Wrong(format!("Retry-After: {text}, which is not after its own Date")),
        }
    }
}

/// Whoever asks to come again in a year says that he does not know.
const LONGEST: u64 = 366 * 86_400;

/// Seconds since 1970 of a date such as `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 §5.6.7); none for anything else.
fn seconds_of(text: &str) -> Option<u64> {
    if !text.ends_with(" GMT") {
        return None;
    }
    let at = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    u64::try_from(at.as_second()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(headers: &[(&str, &str)], expected: &str) {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let told = match Wait::of(&Seen { headers, ..Seen::default() }) {
            Wait::For(time) => format!("{} s", time.as_secs()),
            Wait::Wrong(what) => what,
            Wait::Unknown(_) => "unknown".to_owned(),
        };
        assert_eq!(told, expected);
    }

    #[test]
    fn a_time_to_come_again_is_positive_seconds_or_a_date_after_its_own() {
        const DATE: (&str, &str) = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        check(&[("retry-after", "1")], "1 s");
        check(&[("retry-after", " 120 ")], "120 s");
        check(&[DATE, ("retry-after", "Sun, 06 Nov 1994 08:50:37 GMT")], "60 s");
        check(&[("retry-after", "Sun, 06 Nov 1994 08:50:37 GMT")], "unknown");
        check(&[], "no Retry-After");
        check(&[("retry-after", "0")], "Retry-After: 0");
        check(&[DATE, DATE, ("retry-after", "1"), ("retry-after", "2")], "2 Retry-After: 1 and 2");
        check(
            &[DATE, ("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT")],
            "Retry-After: Sun, 06 Nov 1994 08:49:37 GMT, which is not after its own Date",
        );
        check(&[("retry-after", "99999999999999999999")], "Retry-After: 99999999999999999999, which is more than a year");
        for bad in ["-1", "1.5", "soon", "", "1s", "Sun, 06 Nov 1994"] {
            check(&[DATE, ("retry-after", bad)], &format!("Retry-After: {bad:?}, which is neither whole seconds nor a date"));
        }
    }
}
