//! Variants of the plain request: garbage authorization, other Accept, the bare address as Host, conditions, HEAD.

use super::super::look::{Look, Observation};
use super::super::spec::Spec;
use super::super::table;
use super::{ask, how};
use crate::kind::{Context, How, ProbeError, Round};

/// Most answers that are kept of one variant.
const KEPT: usize = 128;

/// A variant by its case, and the header that makes it.
const VARIANTS: &[(&str, &str, &str)] = &[
    ("authorization-bearer", "authorization", "Bearer not-a-token-of-anyone"),
    ("authorization-basic", "authorization", "Basic bm9ib2R5Om5vdGhpbmc="),
    ("authorization-garbage", "authorization", "garbage"),
    ("accept-any", "accept", "*/*"),
    ("accept-json", "accept", "application/json"),
    ("accept-text", "accept", "text/plain"),
    ("accept-html", "accept", "text/html,application/xhtml+xml;q=0.9"),
    ("accept-picture", "accept", "image/png"),
];

/// One request for each variant; again and again for those that the round looks at again.
pub(super) async fn open(spec: &Spec, round: &Round, cx: &Context, seen: &mut Observation) -> Result<(), ProbeError> {
    let base = how(spec.b.patience());
    for (case, header, value) in VARIANTS {
        repeat(spec, round, cx, seen, case, &base.clone().with_header(header, value)).await?;
    }
    let remote = seen.plain.kept.iter().find_map(|l| l.seen.remote.clone());
    if let Some(address) = remote {
        repeat(spec, round, cx, seen, "host-address", &base.clone().with_header("host", &address)).await?;
        // On this machine the address may be what the suite says already; then its name is the other way to ask.
        if let Ok(socket) = address.parse::<std::net::SocketAddr>()
            && socket.ip().is_loopback()
        {
            repeat(spec, round, cx, seen, "host-localhost", &base.with_header("host", &format!("localhost:{}", socket.port()))).await?;
        }
    }
    Ok(())
}

async fn repeat(spec: &Spec, round: &Round, cx: &Context, seen: &mut Observation, case: &str, how: &How) -> Result<(), ProbeError> {
    if !round.wants_case(table::OPEN, case) {
        return Ok(());
    }
    for _ in 0..round.samples_or(1) {
        let look = ask(spec, cx, how, seen).await?;
        let looks = seen.variants.entry(case.to_owned()).or_default();
        keep(looks, look);
        if looks.iter().filter(|l| l.confusable()).count() >= round.enough_bad.max(1) as usize {
            break;
        }
    }
    Ok(())
}

/// A valid entity tag that no service gave: whoever answers 304 to it does not look at what it is asked. `*` would not do, since it
/// matches whatever is there, and 304 is the right answer to it (RFC 9110 §13.1.2).
const MADE_UP: &str = "\"allclear-made-this-up\"";

/// Conditional requests: with the validators of the plain answer, or with ones that no service gave.
pub(super) async fn conditional(spec: &Spec, round: &Round, cx: &Context, seen: &mut Observation) -> Result<(), ProbeError> {
    let validator = |name: &str| seen.plain.kept.iter().find_map(|l| l.seen.header(name).map(str::to_owned));
    let etag = validator("etag").unwrap_or_else(|| MADE_UP.to_owned());
    let modified = validator("last-modified").or(validator("date")).unwrap_or_else(|| "Fri, 01 Jan 2100 00:00:00 GMT".to_owned());
    let base = how(spec.b.patience());
    for _ in 0..round.samples_or(1) {
        for how in [base.clone().with_header("if-none-match", &etag), base.clone().with_header("if-modified-since", &modified)] {
            let look = ask(spec, cx, &how, seen).await?;
            keep(&mut seen.conditional, look);
        }
    }
    Ok(())
}

/// HEAD in place of GET.
pub(super) async fn head(spec: &Spec, round: &Round, cx: &Context, seen: &mut Observation) -> Result<(), ProbeError> {
    let how = How { head: true, ..how(spec.b.patience()) };
    for _ in 0..round.samples_or(1) {
        let look = ask(spec, cx, &how, seen).await?;
        keep(&mut seen.head, Look { missed: Vec::new(), ..look });
        if seen.head.iter().filter(|l| l.confusable()).count() >= round.enough_bad.max(1) as usize {
            break;
        }
    }
    Ok(())
}

fn keep(looks: &mut Vec<Look>, look: Look) {
    if looks.len() < KEPT || !look.right {
        looks.truncate(KEPT * 2);
        looks.push(look);
    }
}
