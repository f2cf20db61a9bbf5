//! How streams open, and whether what they say can be read: `sse/type`, `sse/utf8`, `sse/opens`.

use super::{brief, counted, finding, nothing, number};
use crate::checks::sse::look::{Ended, Observation, Tape};
use crate::checks::sse::spec::Spec;
use crate::kind::Weight;
use crate::model::interval::Against;
use crate::model::quantity::show_duration;
use crate::model::{Found, Unseen};

/// The head of every stream.
pub(super) fn head(spec: &Spec, seen: &Observation) -> Found {
    const EXPECTED: &str = "200 and `text/event-stream`";
    let all: Vec<&Tape> = seen.streams().collect();
    let bad: Vec<&Tape> = all.iter().copied().filter(|t| !t.is_event_stream()).collect();
    let told = |tape: &Tape| {
        let mut observed = brief(tape);
        if tape.head.status == Some(204) {
            observed += ", which tells a client never to come back";
        } else if tape.head.status.is_some_and(|s| (300..400).contains(&s)) {
            observed = format!("{observed}, a redirect to {}", tape.head.header("location").unwrap_or("nowhere"));
        }
        finding(tape, EXPECTED, observed)
    };
    if let Some(proof) = bad.iter().find(|t| t.head.status == Some(200) || t.head.weight() == Weight::Proof) {
        return Found::Proof(told(proof));
    }
    let ours = bad.iter().filter(|t| t.head.maybe_ours()).count();
    counted(number(bad.len() - ours), number(ours), number(all.len()), spec.a.is_repeatable(), || told(bad[0]))
}

/// What came after the heads.
pub(super) fn stream(seen: &Observation) -> Found {
    const EXPECTED: &str = "lines that a client can read, for as long as the stream is open";
    let all: Vec<&Tape> = seen.tapes().filter(|t| t.is_event_stream()).collect();
    for tape in &all {
        for name in ["line-over-cap", "event-over-cap"] {
            if let Some(slip) = tape.slipped(name) {
                return Found::Proof(finding(tape, EXPECTED, slip.text.clone()).detail("when", format!("+{}", show_duration(slip.at))));
            }
        }
        if tape.retry == Some(0) {
            let observed = "`retry: 0`: every client that loses the stream comes back at once, and all together";
            return Found::Proof(finding(tape, "a time to reconnect above 0", observed));
        }
        if let Some(Ended::Broken { snag, .. }) =
            tape.ended.as_ref().filter(|e| matches!(e, Ended::Broken { snag, .. } if !snag.confusable))
        {
            return Found::Proof(finding(tape, EXPECTED, format!("after {} bytes: {}", tape.bytes, snag.text)));
        }
    }
    let read: Vec<&&Tape> = all.iter().filter(|t| t.bytes > 0 || t.ended.is_some()).collect();
    if read.is_empty() {
        return silent(&all);
    }
    let broken: Vec<&Tape> = read.iter().filter(|t| matches!(t.ended, Some(Ended::Broken { .. }))).map(|t| **t).collect();
    counted(number(broken.len()), 0, number(read.len()), true, || {
        let observed = match &broken[0].ended {
            Some(Ended::Broken { snag, .. }) => format!("after {} bytes: {}", broken[0].bytes, snag.text),
            _ => String::new(),
        };
        finding(broken[0], EXPECTED, observed)
    })
}

/// Nothing came that could be read, and nothing had to come: that is not a doubt, nor a skip, but not judged either.
fn silent(open: &[&Tape]) -> Found {
    match open.is_empty() {
        true => nothing("no stream opened: sse/type tells more"),
        false => Found::Unseen { why: Unseen::NotDue("the stream was silent, so there was nothing to read".to_owned()) },
    }
}

/// Every byte of every stream.
pub(super) fn utf8(seen: &Observation) -> Found {
    let all: Vec<&Tape> = seen.tapes().filter(|t| t.is_event_stream()).collect();
    if let Some((tape, slip)) = all.iter().find_map(|t| Some((t, t.slipped("utf8")?))) {
        let found = finding(tape, "valid UTF-8", slip.text.clone()).detail("when", format!("+{}", show_duration(slip.at)));
        return Found::Proof(found);
    }
    match all.iter().filter(|t| t.bytes > 0).count() {
        0 => silent(&all),
        n => Found::held(n, "no byte came"),
    }
}

/// The time to the head of every stream.
pub(super) fn opens(spec: &Spec, seen: &Observation) -> Found {
    let Some(within) = &spec.b.open_within else { return Found::Unseen { why: Unseen::Deadline } };
    let limit = within.value.0;
    // A head that never came is late for sure, if we waited for longer than the limit; another answer than a stream is none.
    let timed: Vec<&Tape> = seen.opened.iter().filter(|t| t.is_event_stream() || t.is_headless()).collect();
    if timed.is_empty() && !seen.opened.is_empty() {
        return nothing("no stream opened: sse/type tells more");
    }
    let of = |against: Against| number(timed.iter().filter(|t| t.took.against(limit) == against).count());
    counted(of(Against::Beyond), of(Against::Near), number(timed.len()), spec.a.is_repeatable(), || {
        let worst = timed.iter().max_by_key(|t| t.took.lo).expect("one of them is bad or near");
        let observed = match worst.is_event_stream() {
            true => format!("the headers came after {}", worst.took),
            false => format!("no headers within {}", worst.took),
        };
        let mut times: Vec<_> = timed.iter().map(|t| t.took).collect();
        times.sort_by_key(|t| std::cmp::Reverse(t.hi));
        let times = times.iter().take(5).map(ToString::to_string).collect::<Vec<_>>().join(", ");
        finding(worst, format!("the headers within {}, also when no event is due", show_duration(limit)), observed)
            .detail("slowest", times)
            .at(within.at)
    })
}
