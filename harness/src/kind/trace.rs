//! The trace that this run belongs to, where whoever started it hands one down (W3C Trace Context).

use std::fmt;
use std::str::FromStr;

/// A parent that every request of the run belongs to: `TRACEPARENT` of the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceParent {
    /// 32 hexadecimal digits, never all zeros.
    trace: String,
    /// The flags that this version of the specification gives a meaning: sampled (bit 0), random trace id (bit 1).
    flags: u8,
}

/// A text that is no trace parent; it is to be ignored, and a new trace begun (§4.3 of W3C Trace Context).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no trace parent (W3C Trace Context)")]
pub struct NoTraceParent;

/// What is sent on of the flags: others are to be zero (§3.2.2.5).
const KNOWN_FLAGS: u8 = 0b11;

impl TraceParent {
    /// The trace id that every request carries.
    pub(super) fn trace(&self) -> &str {
        &self.trace
    }

    /// The `traceparent` header of one request, which is a span of its own.
    pub(super) fn header(&self, span: u64) -> String {
        header(&self.trace, span, self.flags)
    }
}

/// A `traceparent` header of version 00.
pub(super) fn header(trace: &str, span: u64, flags: u8) -> String {
    format!("00-{trace}-{span:016x}-{flags:02x}")
}

impl FromStr for TraceParent {
    type Err = NoTraceParent;

    /// `VERSION-TRACE-PARENT-FLAGS` in lower-case hexadecimal (§3.2). A later version may have more behind; `ff` is none.
    fn from_str(text: &str) -> Result<Self, NoTraceParent> {
        let is_hex = |part: &str, len: usize| part.len() == len && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let is_id = |part: &str, len: usize| is_hex(part, len) && part.bytes().any(|b| b != b'0');
        let mut parts = text.trim().splitn(5, '-');
        let mut part = || parts.next().unwrap_or_default();
        let (version, trace, parent, flags, more) = (part(), part(), part(), part(), parts.next());
        let is_version = is_hex(version, 2) && version != "ff" && (version != "00" || more.is_none());
        match u8::from_str_radix(flags, 16) {
            Ok(flags_) if is_version && is_id(trace, 32) && is_id(parent, 16) && is_hex(flags, 2) => {
                Ok(Self { trace: trace.to_owned(), flags: flags_ & KNOWN_FLAGS })
            }
            _ => Err(NoTraceParent),
        }
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.trace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    #[track_caller]
    fn check(text: &str, header: Option<&str>) {
        assert_eq!(text.parse::<TraceParent>().ok().map(|parent| parent.header(7)).as_deref(), header, "{text}");
    }

    #[test]
    fn a_parent_gives_its_trace_and_its_flags_and_each_request_a_span_of_its_own() {
        check(&format!("00-{TRACE}-00f067aa0ba902b7-01"), Some(&format!("00-{TRACE}-0000000000000007-01")));
        check(&format!("00-{TRACE}-00f067aa0ba902b7-00"), Some(&format!("00-{TRACE}-0000000000000007-00")));
        check(&format!("00-{TRACE}-00f067aa0ba902b7-ff\n"), Some(&format!("00-{TRACE}-0000000000000007-03")));
        check(&format!("cc-{TRACE}-00f067aa0ba902b7-01-what-comes-later"), Some(&format!("00-{TRACE}-0000000000000007-01")));
    }

    #[test]
    fn what_is_none_is_refused() {
        let zeros = "0".repeat(32);
        for text in [
            "",
            "00",
            &format!("00-{zeros}-00f067aa0ba902b7-01"),
            &format!("00-{TRACE}-0000000000000000-01"),
            &format!("ff-{TRACE}-00f067aa0ba902b7-01"),
            &format!("00-{TRACE}-00f067aa0ba902b7-01-more"),
            &format!("00-{}-00f067aa0ba902b7-01", TRACE.to_uppercase()),
            &format!("00-{TRACE}-00f067aa0ba902b7-1"),
            &format!("00-{TRACE}-00f067aa0ba902b7-+1"),
            &format!("00-{TRACE}-00f067aa0ba902b-01"),
        ] {
            check(text, None);
        }
    }
}
