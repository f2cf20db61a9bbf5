//! Reads the id of the process before and after an outage: a service that restarts to recover drops what it was doing.

use super::super::look::Outage;
use super::super::spec::Spec;
use super::outage::replica_of;
use crate::kind::{Context, How, ProbeError, Seen};
use crate::words::{Document, Json};
use std::time::Duration;

/// Longest wait for an answer that holds the id of the process.
const PATIENCE: Duration = Duration::from_secs(5);

/// The id of the process by replica, before the loss.
pub(super) async fn before(spec: &Spec, outage: &mut Outage, cx: &Context) -> Result<(), ProbeError> {
    for _ in 0..reads(outage) {
        match boot(spec, cx).await? {
            (_, Ok((replica, id))) => {
                outage.boot.before.insert(replica, id);
            }
            (_, Err(why)) => outage.boot.unreadable = Some(why),
        }
    }
    Ok(())
}

/// The same once it is ready again, held against what was before.
pub(super) async fn after(spec: &Spec, outage: &mut Outage, cx: &Context) -> Result<(), ProbeError> {
    if spec.b.boot_id.is_none() {
        return Ok(());
    }
    for _ in 0..reads(outage) {
        let (answer, read) = boot(spec, cx).await?;
        let boot = &mut outage.boot;
        match read {
            Ok((replica, id)) => match boot.before.get(&replica) {
                Some(before) if *before == id => boot.same += 1,
                Some(before) => boot.changed = Some((answer, format!("boot id {id}, and {before} before"))),
                None => {}
            },
            Err(why) => boot.unreadable = Some(why),
        }
    }
    Ok(())
}

/// Replicas are drawn by whatever stands before them: four readings for each meet nearly all.
fn reads(outage: &Outage) -> usize {
    match outage.up.turned.len() {
        0 | 1 => 1,
        n => (n * 4).min(40),
    }
}

/// The answer with the id of the process: its replica and the id, or why there is none.
async fn boot(spec: &Spec, cx: &Context) -> Result<(Seen, Result<(String, String), String>), ProbeError> {
    let asked = spec.b.boot_id.as_ref().expect("called where it is declared");
    let mut how = How::caller(PATIENCE);
    how.wishes.fresh = true;
    let call = cx.call(&asked.a, &how).await?;
    let answer = Seen::of(&call, cx.stopwatch(), call.began);
    let by_header = asked.b.header.as_ref().and_then(|header| answer.header(&header.value.to_ascii_lowercase())).map(str::to_owned);
    let by_path = asked.b.at.as_ref().and_then(|path| {
        let document = Document::read(&call.answer.as_ref().ok()?.body).ok()?;
        match path.value.select(&document).ok()?.as_slice() {
            [one] => Some(match one.node {
                Json::String(text) => text.clone(),
                other => other.brief(100),
            }),
            _ => None,
        }
    });
    let read = match by_header.or(by_path) {
        Some(id) => Ok((replica_of(spec, &answer).to_owned(), id)),
        None => Err(format!("{} holds no boot id: {}", answer.sent, answer.brief())),
    };
    Ok((answer, read))
}
