//! Meets the replicas on fresh connections and notes what each says of itself.

use super::super::look::Observation;
use super::super::spec::{Build, Replicas, Spec};
use super::poll;
use crate::kind::{Context, How, ProbeError, Round, Seen};
use crate::reader::With;
use crate::words::{Document, Json, Path, Request};
use std::time::Duration;

/// Most replicas that are told apart; more names than that are no names of replicas.
const MOST: usize = 256;

pub(super) async fn replicas(spec: &Spec, asked: &Replicas, round: &Round, cx: &Context, seen: &mut Observation) -> Result<(), ProbeError> {
    let header = asked.header.value.to_ascii_lowercase();
    for _ in 0..round.samples_or(asked.probes()) {
        let now = poll(spec, cx, seen).await?;
        if now.seen.status.is_some() {
            match now.seen.header(&header).map(str::to_owned) {
                Some(name) if seen.replicas.len() < MOST || seen.replicas.contains_key(&name) => {
                    let replica = seen.replicas.entry(name).or_default();
                    if replica.example.status.is_none() || !now.ready {
                        replica.example = now.seen.clone();
                    }
                    if now.ready { replica.ready += 1 } else { replica.not_ready += 1 }
                }
                Some(_) => {}
                None => seen.nameless += 1,
            }
        }
        if let Some(build) = &asked.build {
            note_build(build, &header, cx, seen).await?;
        }
    }
    Ok(())
}

/// Asks for the build on a connection of its own; the answer itself says which replica it came from.
async fn note_build(build: &With<Request, Build>, header: &str, cx: &Context, seen: &mut Observation) -> Result<(), ProbeError> {
    let origin = seen.origin(cx);
    let mut how = How::caller(Duration::from_secs(5));
    how.wishes.fresh = true;
    let call = cx.call(&build.a, &how).await?;
    let answer = Seen::of(&call, cx.stopwatch(), origin);
    let value = call.answer.as_ref().ok().and_then(|a| value_at(&a.body, &build.b.at));
    match (answer.header(header), value) {
        (Some(name), Some(value)) => {
            if seen.replicas.len() < MOST || seen.replicas.contains_key(name) {
                let replica = seen.replicas.entry(name.to_owned()).or_default();
                if replica.example.status.is_none() {
                    replica.example = answer.clone();
                }
                if replica.builds.len() < 8 {
                    replica.builds.insert(value);
                }
            }
        }
        (None, _) => seen.no_build = Some(format!("{} named no replica in `{header}`", answer.sent)),
        (_, None) => seen.no_build = Some(format!("{} has no `{}`: {}", answer.sent, build.b.at.text(), answer.brief())),
    }
    Ok(())
}

fn value_at(body: &[u8], path: &Path) -> Option<String> {
    let document = Document::read(body).ok()?;
    let found = path.select(&document).ok()?;
    match found.as_slice() {
        [one] => Some(match one.node {
            Json::String(text) => text.clone(),
            other => other.brief(100),
        }),
        _ => None,
    }
}
