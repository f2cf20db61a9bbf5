//! What becomes of a body that was taken: its id, what is stored of it, and its removal.

use super::Probe;
use super::hashing::Hashing;
use super::send::time_for;
use crate::checks::size_limit::look::{Observation, Shot};
use crate::kind::{How, ProbeError, Seen, Weight};
use crate::transport::Answer;
use crate::words::{Document, Json, Path, Values};
use std::time::Duration;

/// How often what is stored is asked for until it is there, and the time between: 3 s in all. Who answers 202 stores it later.
const TRIES: u32 = 30;
const BETWEEN: Duration = Duration::from_millis(100);
/// How often in all where the answer could be noise, or it was waited for in vain before.
const FEW: u32 = 3;

impl Probe<'_> {
    /// Holds what was stored against what was sent, and removes it.
    pub(super) async fn taken(
        &self,
        shot: &mut Shot,
        answer: Option<&Answer>,
        hash: Option<Hashing>,
        seen: &mut Observation,
    ) -> Result<(), ProbeError> {
        let Some(answer) = answer else { return Ok(()) };
        if let Some(hash) = hash.filter(|_| shot.sent.whole) {
            let sent = hash.done().await?;
            match self.values(answer) {
                Ok(values) => self.stored(shot, &sent, &values, seen).await?,
                Err(miss) => shot.wrong = Some(miss),
            }
        }
        self.remove(answer, seen).await
    }

    /// Takes away what was made. What stays is counted.
    pub(super) async fn remove(&self, answer: &Answer, seen: &mut Observation) -> Result<(), ProbeError> {
        let Some(remove) = &self.spec.b.remove else { return Ok(()) };
        self.look_at_traces(seen).await?;
        let why = match self.values(answer) {
            Err((_, observed)) => Some(format!("no id: {observed}")),
            Ok(values) => {
                let call = self.cx.with_values(values).call(remove, &How::caller(self.patience())).await?;
                match &call.answer {
                    // What is gone already is clean.
                    Ok(answer) if answer.status < 400 || matches!(answer.status, 404 | 410) => None,
                    Ok(answer) => Some(format!("{}: answered {}", call.sent, answer.status)),
                    Err(failed) => Some(format!("{}: {failed}", call.sent)),
                }
            }
        };
        if let Some(why) = why {
            seen.left += 1;
            seen.left_why.get_or_insert(why);
        }
        Ok(())
    }

    /// The values of this check with the id of what was made; or what was expected and what was there.
    fn values(&self, answer: &Answer) -> Result<Values, (String, String)> {
        let values = self.cx.values().clone();
        let Some(path) = &self.spec.b.id else { return Ok(values) };
        match one(&answer.body, &path.value) {
            Ok(id) => Ok(values.with("id", id, false)),
            Err(observed) => Err((format!("an id at {}", path.value), observed)),
        }
    }

    async fn stored(&self, shot: &mut Shot, sent: &str, values: &Values, seen: &mut Observation) -> Result<(), ProbeError> {
        let Some(stored) = &self.spec.b.stored else { return Ok(()) };
        let cx = self.cx.with_values(values.clone());
        let mut how = How::caller(self.patience());
        how.wishes.timeouts.total += time_for(shot.bytes);
        how.wishes.sha256 = true;
        how.wishes.limits.body_max = how.wishes.limits.body_max.max(shot.bytes + 1);
        let expected = format!("sha256 {sent} is stored");
        let (mut noise, most) = (0, if seen.waited_in_vain { FEW } else { TRIES });
        for turn in 1..=most {
            let call = cx.call(&stored.a, &how).await?;
            let answer = Seen::of(&call, self.cx.stopwatch(), self.origin);
            let told = match call.answer.as_ref().ok().filter(|a| (200..300).contains(&a.status)) {
                None => Err(format!("{} was answered by {}", call.sent, answer.brief())),
                Some(whole) => match &stored.b.sha256 {
                    None if whole.status == 202 => Err("nothing yet: 202".to_owned()),
                    None => whole.sha256.clone().ok_or_else(|| "a body that is not whole".to_owned()),
                    Some(path) => one(&whole.body, &path.value).and_then(|json| match json {
                        Json::String(text) => Ok(text),
                        other => Err(other.brief(80)),
                    }),
                },
            };
            match told {
                Ok(told) if told.trim_start_matches("sha256:").eq_ignore_ascii_case(sent) => (shot.wrong, shot.shaky) = (None, false),
                Ok(told) => (shot.wrong, shot.shaky) = (Some((expected, format!("sha256 {told} is"))), false),
                // It may not be there yet.
                Err(observed) => {
                    shot.shaky = answer.weight() == Weight::Confusable;
                    shot.wrong = Some((expected.clone(), observed));
                    noise += u32::from(shot.shaky);
                    if turn < most && noise < FEW {
                        self.cx.pause(BETWEEN).await;
                        continue;
                    }
                    seen.waited_in_vain |= noise < FEW;
                }
            }
            return Ok(());
        }
        Ok(())
    }
}

/// The one value at a place of a JSON body.
pub(super) fn one(body: &[u8], path: &Path) -> Result<Json, String> {
    let document = Document::read(body).map_err(|e| format!("no JSON: the body {e}"))?;
    let nodes = path.select(&document).map_err(|e| e.to_string())?;
    match nodes.as_slice() {
        [one] if !matches!(one.node, Json::Null) => Ok(one.node.clone()),
        [_] => Err(format!("null at {path}")),
        [] => Err(format!("nothing at {path}")),
        several => Err(format!("{} values at {path}", several.len())),
    }
}
