//! What it says that not even a small body was taken: where nobody gets in, sizes say nothing.

use super::{Found, is_noise};
use crate::checks::size_limit::look::{Observation, Shot};
use crate::checks::size_limit::show;
use crate::checks::size_limit::spec::{Framing, Spec};
use crate::checks::size_limit::table::ACCEPTS;
use std::num::NonZeroU32;

/// Why nothing more was sent, by name.
pub(super) fn why(first: &Shot) -> String {
    let what = match (first.seen.answered(), &first.seen.trouble) {
        (Some(401 | 407), _) => "the endpoint needs a login".to_owned(),
        (Some(403), _) => "the endpoint is forbidden to this caller".to_owned(),
        (Some(300..=399), _) => {
            let place =
                first.seen.header("location").map(|l| format!(" to {}", l.chars().take(120).collect::<String>())).unwrap_or_default();
            format!("the endpoint redirects{place}")
        }
        (Some(404 | 410), _) => "there is no such endpoint".to_owned(),
        (Some(405), _) => "the endpoint does not take this method".to_owned(),
        (Some(429), _) => "the endpoint limits the rate of requests".to_owned(),
        (Some(status @ (411 | 417)), _) if first.framing.is_some_and(|f| f != Framing::ContentLength) => {
            let word = first.framing.map_or("", Framing::word);
            let other = if status == 411 { "wants the length told" } else { "does not take `Expect`" };
            format!("the endpoint {other}: where that is meant, leave `{word}` out of `framings`")
        }
        (Some(415), _) => "the endpoint does not take bodies of this type".to_owned(),
        (Some(_), _) => "the endpoint does not take it".to_owned(),
        (None, Some(snag)) if matches!(snag.name.as_str(), "eof" | "reset" | "write-failed") => {
            "the connection is closed without an answer".to_owned()
        }
        (None, Some(snag)) if snag.name.ends_with("timeout") => "nobody answers".to_owned(),
        (None, _) => "there is no answer".to_owned(),
    };
    format!("{what} ({} to a body of {}), so nothing can be said of sizes", first.seen.brief(), show::bytes(first.bytes))
}

/// The first body as a reading of `size/accepts`.
pub(super) fn first(spec: &Spec, seen: &Observation, first: &Shot) -> Found {
    if let Some(why) = &first.unsure {
        return Found::Unsure { why: why.clone(), wants: None };
    }
    let finding = match &first.wrong {
        Some((expected, observed)) => first.seen.finding(expected.clone(), observed.clone()),
        None => first.seen.finding(format!("2xx to {}", show::bytes(first.bytes)), why(first)),
    };
    if !is_noise(first) {
        return Found::Proof(finding);
    }
    let case = seen.cases.iter().find(|case| case.clause == ACCEPTS.0);
    let (bad, near) = case.map_or((1, 0), |case| (case.bad, case.near));
    let of = NonZeroU32::new(case.map_or(1, |case| case.of)).unwrap_or(NonZeroU32::MIN);
    Found::Counted { bad, near, of, worst: finding, repeatable: spec.a.is_repeatable() }
}
