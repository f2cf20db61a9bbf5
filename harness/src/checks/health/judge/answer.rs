//! Judges what a single answer shows: open to all, fresh, bounded, in agreement with itself, without secrets.

use super::super::look::{Look, Observation, declared};
use super::super::spec::Spec;
use super::super::table;
use super::{MOST_BODY, case, counted, last_three, more, nothing, same_state};
use crate::kind::{Says, Seen};
use crate::model::{Found, Reading, Size, Unseen};
use crate::words::Document;

/// Each variant against the plain answer.
pub(super) fn open(seen: &Observation) -> Vec<Reading> {
    let Some(plain) = seen.plain.kept.iter().find(|l| l.right).or(seen.plain.kept.iter().find(|l| l.seen.whole())) else {
        return vec![Reading::of(table::OPEN, nothing("the plain request got no answer to compare with: health/code tells why"))];
    };
    // Where the plain request itself fails now and then, a failing variant proves nothing about the variant.
    let plain_is_shaky = seen.plain.kept.iter().any(Look::confusable);
    let mut readings = Vec::new();
    for (name, looks) in &seen.variants {
        let differs = |look: &&Look| look.seen.whole() && !is_noise(look) && difference(name, plain, look).is_some();
        let found = match looks.iter().find(differs) {
            Some(look) => {
                let observed = difference(name, plain, look).unwrap_or_default();
                let finding = look
                    .seen
                    .finding(format!("the answer of the plain request: {}", plain.seen.brief()), observed)
                    .detail("variant", spoken(name));
                Found::Proof(finding)
            }
            None => {
                let noisy: Vec<&Look> = looks.iter().filter(|l| is_noise(l) || !l.seen.whole()).collect();
                let good = looks.len() - noisy.len();
                match (plain_is_shaky, good) {
                    (true, 0) => more("no valid answer came, and the plain request fails now and then too: health/code tells why", 5),
                    (true, good) => Found::held(good, ""),
                    (false, _) => counted(noisy.len(), 0, looks.len(), "the variant was not tried", || {
                        let worst = noisy.first().expect("a bad one was counted, so there is one");
                        let expected = format!("the answer of the plain request: {}", plain.seen.brief());
                        worst
                            .seen
                            .finding(expected, worst.seen.brief())
                            .detail("variant", spoken(name))
                            .detail("last", last_three(noisy.iter().copied()))
                    }),
                }
            }
        };
        readings.push(case(table::OPEN, name.clone(), found));
    }
    if readings.is_empty() {
        readings.push(Reading::of(table::OPEN, Found::Unseen { why: Unseen::Deadline }));
    }
    readings
}

/// A valid answer that may be noise and is not the declared one.
fn is_noise(look: &Look) -> bool {
    look.confusable()
}

/// What is different, if anything: the code, what is said of the state, and the media type unless another one was asked for.
fn difference(variant: &str, plain: &Look, look: &Look) -> Option<String> {
    if plain.seen.status != look.seen.status {
        return Some(look.seen.brief());
    }
    if !same_state(plain, look) {
        return Some(format!("{}: another state", look.seen.brief()));
    }
    let (before, now) = (plain.seen.media_type(), look.seen.media_type());
    if !variant.starts_with("accept") && before != now {
        let word = |t: Option<String>| t.unwrap_or_else(|| "no media type".to_owned());
        return Some(format!("{} instead of {}", word(now), word(before)));
    }
    None
}

fn spoken(variant: &str) -> String {
    variant.replace('-', " ")
}

/// Directives, the marks of caches, and conditional requests.
pub(super) fn fresh(seen: &Observation) -> Vec<Reading> {
    let whole: Vec<&Look> = seen.plain.kept.iter().filter(|l| l.seen.whole()).collect();
    if whole.is_empty() {
        return vec![Reading::of(table::FRESH, nothing("no answer came: health/code tells why"))];
    }
    let of = whole.len();
    let unmarked = whole.iter().find(|l| !forbids_caching(&l.seen));
    let directive = match unmarked {
        Some(look) => {
            let observed =
                look.seen.header_joined("cache-control").map_or("no cache-control".to_owned(), |v| format!("cache-control: {v}"));
            Found::Proof(look.seen.finding("cache-control with no-store or no-cache", observed))
        }
        None => Found::held(of, ""),
    };
    let cached = match whole.iter().find_map(|l| from_cache(&l.seen).map(|why| (l, why))) {
        Some((look, why)) => Found::Proof(look.seen.finding("an answer made for this request", format!("{why}: it comes from a cache"))),
        None => Found::held(of, ""),
    };
    let tried: Vec<&Look> = seen.conditional.iter().collect();
    let conditional = match tried.iter().find(|l| l.seen.answered() == Some(304)) {
        Some(look) => Found::Proof(
            look.seen.finding("a whole answer, also to a conditional request", "304: the caller is told to believe what it knows"),
        ),
        None if tried.is_empty() => Found::Unseen { why: Unseen::Deadline },
        None => match tried.iter().filter(|l| l.seen.whole()).count() {
            0 => more("no valid answer to a conditional request came: health/code tells why", 5),
            n => Found::held(n, ""),
        },
    };
    vec![case(table::FRESH, "directive", directive), case(table::FRESH, "cached", cached), case(table::FRESH, "conditional", conditional)]
}

/// RFC 9111 §5.2.2: `no-store` and `no-cache` without a list of fields.
fn forbids_caching(seen: &Seen) -> bool {
    seen.header_joined("cache-control")
        .is_some_and(|v| v.split(',').any(|d| matches!(d.trim().to_ascii_lowercase().as_str(), "no-store" | "no-cache")))
}

/// What shows that a cache answered: RFC 9111 §5.1 `Age` above 0, RFC 9211 `Cache-Status: …; hit`, and the usual private headers.
fn from_cache(seen: &Seen) -> Option<String> {
    if let Some(age) = seen.header("age")
        && age.trim().parse::<u64>().is_ok_and(|a| a > 0)
    {
        return Some(format!("age: {age}"));
    }
    for name in ["x-cache", "cf-cache-status", "x-cache-status", "x-proxy-cache"] {
        if let Some(value) = seen.header(name)
            && value.to_ascii_uppercase().split([' ', ',']).any(|w| w == "HIT" || w == "STALE" || w == "TCP_HIT")
        {
            return Some(format!("{name}: {value}"));
        }
    }
    let status = seen.header_joined("cache-status")?;
    status.split(',').any(|c| c.split(';').any(|p| p.trim().eq_ignore_ascii_case("hit"))).then(|| format!("cache-status: {status}"))
}

/// Size and end, media type, HEAD.
pub(super) fn bounded(spec: &Spec, seen: &Observation) -> Vec<Reading> {
    let mut readings = vec![case(table::BOUNDED, "size", size(seen))];
    // Where there is no body there is no type to hold it to; that no answer came at all is told by its size.
    if seen.plain.more > 0 || seen.plain.kept.iter().any(|l| l.seen.body.len > 0) {
        readings.push(case(table::BOUNDED, "type", media_type(seen)));
    }
    readings.push(case(table::BOUNDED, "head", head(spec, seen)));
    readings
}

fn size(seen: &Observation) -> Found {
    let looks = &seen.plain.kept;
    let expected = || format!("a whole body of at most {}", Size(MOST_BODY));
    if let Some(look) = looks.iter().find(|l| l.seen.body.len > MOST_BODY) {
        let end = if look.seen.whole() { "" } else { " and no end" };
        return Found::Proof(look.seen.finding(expected(), format!("{} bytes{end}", look.seen.body.len)));
    }
    // A body that ends early could be a broken connection; a broken framing could not, and says so by its weight.
    let cut: Vec<&Look> = looks.iter().filter(|l| l.seen.trouble.is_some() && l.seen.status.is_some()).collect();
    if let Some(look) = cut.iter().find(|l| !l.confusable()) {
        return Found::Proof(look.seen.finding(expected(), look.seen.brief()));
    }
    if let Some(look) = looks.iter().find(|l| l.seen.whole() && l.seen.excess > 0) {
        return Found::Proof(look.seen.finding(expected(), format!("{} bytes after the end of the answer", look.seen.excess)));
    }
    let of = cut.len() + seen.plain.whole();
    counted(cut.len(), 0, of, "no answer came: health/code tells why", || {
        let worst = cut.first().expect("a bad one was counted, so there is one");
        worst.seen.finding(expected(), worst.seen.brief())
    })
}

fn media_type(seen: &Observation) -> Found {
    let whole: Vec<&Look> = seen.plain.kept.iter().filter(|l| l.seen.body_kept() && l.seen.body.len > 0).collect();
    match whole.iter().find_map(|l| mislabelled(&l.seen).map(|(expected, observed)| (l, expected, observed))) {
        Some((look, expected, observed)) => Found::Proof(look.seen.finding(expected, observed)),
        None if whole.is_empty() && seen.plain.whole() > 0 => nothing("every body was too large to read"),
        None => Found::held(whole.len() + seen.plain.more as usize, "no answer came: health/code tells why"),
    }
}

/// What is wrong between the media type and the body: what was expected, what was there.
fn mislabelled(seen: &Seen) -> Option<(String, String)> {
    let text = seen.body.head.trim();
    let Some(declared) = seen.media_type().filter(|t| !t.is_empty()) else {
        return Some(("a content-type".to_owned(), "a body without one".to_owned()));
    };
    let is_json = declared == "application/json" || declared.ends_with("+json");
    if (is_json || declared.starts_with("text/")) && !seen.utf8 {
        return Some((format!("{declared} in UTF-8"), "bytes that are not UTF-8".to_owned()));
    }
    let read = || Document::read(text.as_bytes());
    if is_json {
        return match read() {
            Err(e) => Some((format!("{declared}: one JSON document"), format!("a body that is none: it {e}"))),
            Ok(document) if !document.duplicates.is_empty() => {
                Some((format!("{declared}: each key once"), "a key that stands twice: its value is ambiguous".to_owned()))
            }
            Ok(_) => None,
        };
    }
    // Every JSON document is plain text as well, and some frameworks call it so; no other type holds for it. A bare word under
    // `text/html` is a sloppy page and still one: what reads HTML reads it.
    if declared != "text/plain" && text.starts_with(['{', '[']) && read().is_ok() {
        return Some(("content-type: application/json for a JSON document".to_owned(), format!("content-type: {declared}")));
    }
    None
}

fn head(spec: &Spec, seen: &Observation) -> Found {
    let looks = &seen.head;
    if looks.is_empty() {
        return nothing("HEAD was not sent: the plain request got no answer, or the deadline came first");
    }
    let expected = || format!("{} and no body", declared(spec));
    let broken = |l: &&Look| l.seen.excess > 0 || l.seen.body.len > 0;
    if let Some(look) = looks.iter().find(broken) {
        let bytes = look.seen.excess.max(look.seen.body.len);
        let status = look.seen.status.unwrap_or_default();
        return Found::Proof(
            look.seen.finding(expected(), format!("{status} and {bytes} bytes of a body: a kept connection is now out of step")),
        );
    }
    if let Some(look) = looks.iter().find(|l| !l.right && !l.confusable()) {
        return Found::Proof(look.seen.finding(format!("{}, as to GET", declared(spec)), look.seen.brief()));
    }
    let bad: Vec<&Look> = looks.iter().filter(|l| !l.right).collect();
    if seen.plain.kept.iter().any(Look::confusable) {
        return match looks.len() - bad.len() {
            0 => more("no valid answer to HEAD came, and GET fails now and then too: health/code tells why", 5),
            n => Found::held(n, ""),
        };
    }
    counted(bad.len(), 0, looks.len(), "HEAD was not sent", || {
        let worst = bad.first().expect("a bad one was counted, so there is one");
        worst.seen.finding(expected(), worst.seen.brief())
    })
}

/// The word in the body against the code, in every state that was seen.
pub(super) fn agrees(seen: &Observation) -> Found {
    let mut spoke = 0;
    for look in seen.all().filter(|l| l.seen.whole()) {
        let says = look.says();
        if let Some(observed) = look.seen.status.and_then(|status| says.against(status)) {
            return Found::Proof(look.seen.finding("a status code and a status word that say the same", observed));
        }
        spoke += usize::from(says != Says::Nothing);
    }
    Found::held(spoke, "no body held a word for the state that is known, such as `\"status\": \"ok\"`")
}

/// Nothing secret in any answer, good or failing.
pub(super) fn no_leak(seen: &Observation) -> Found {
    let mut looked = seen.plain.more as usize;
    for look in seen.all().filter(|l| l.seen.status.is_some()) {
        if let Some(leak) = look.leaks.first() {
            let mut finding = look.seen.finding("no secret, DSN, key, stack trace or host path", leak.sentence());
            for other in look.leaks.iter().skip(1) {
                finding = finding.detail("also", other.sentence());
            }
            return Found::Proof(finding);
        }
        looked += 1;
    }
    Found::held(looked, "no answer came: health/code tells why")
}
