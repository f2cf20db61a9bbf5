//! Jobs that hold slots: submitted, known by their ids, looked at until they have ended.

use super::super::count::Ending;
use super::super::look::{Observation, ending};
use super::super::spec::ID;
use super::{Bench, PATIENCE};
use crate::kind::{Call, Context, ProbeError, Seen, Weight};
use crate::words::{Document, Json, Path};
use std::time::Duration;

/// What is known of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    /// It holds its slot.
    Open,
    /// It was accepted and waits for one.
    Waiting,
    /// It was asked to end, and is in a state since then of which nothing is known.
    Odd,
    /// It has ended well.
    Done,
    /// It has ended badly.
    Failed,
}

/// What came of a submission.
pub(super) struct Submitted {
    pub(super) seen: Seen,
    pub(super) ending: Ending,
    /// Of a job that was accepted.
    pub(super) id: Option<String>,
}

/// Most jobs that are waited for at the end of a check that was not cut short.
const WAITED_FOR: usize = 100;
/// Looks at one state where noise may have made the answer.
const LOOKS: u32 = 3;
/// Between them.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// Whoever was asked to end has done so by an eighth of what a job takes, and this at the most, or is waited for like any other.
const AT_ONCE: Duration = Duration::from_millis(250);
/// A job that was asked to end is waited for in a state that is not named for so long, and twice what one takes.
const ODD: Duration = Duration::from_secs(5);

impl Life {
    fn has_ended(self) -> bool {
        matches!(self, Self::Done | Self::Failed)
    }
}

impl Bench<'_> {
    /// Reads a submission, and notes the job that it began.
    pub(super) fn submitted(&self, call: &Call, seen: &mut Observation) -> Submitted {
        let evidence = self.seen(call);
        let ending = ending(&self.spec.b, &evidence);
        let at = self.spec.b.id.as_ref().map(|id| &id.value);
        let id = match (&call.answer, at) {
            (Ok(answer), Some(at)) if ending == Ending::Served => one(&answer.body, at).map(|json| plain(&json)),
            _ => None,
        };
        self.books.read();
        if ending == Ending::Served {
            seen.jobs.accepted += 1;
        }
        match &id {
            Some(id) => _ = seen.jobs.open.insert(id.clone()),
            None if may_have_begun(&evidence, ending) => {
                seen.jobs.unknown += 1;
                // Nobody can ask whether it goes on: the next wave waits for as long as a job takes.
                self.books.busy_until(self.cx.stopwatch().now() + seen.takes() * 5 / 4);
            }
            None => {}
        }
        Submitted { seen: evidence, ending, id }
    }

    /// The state of each job, asked for now; those that have ended are noted.
    pub(super) async fn lives(&self, ids: &[String], seen: &mut Observation) -> Result<Vec<(String, Life)>, ProbeError> {
        let mut lives = Vec::with_capacity(ids.len());
        for id in ids {
            let life = self.life(id, seen).await?;
            if life.has_ended() {
                seen.jobs.open.remove(id);
            }
            lives.push((id.clone(), life));
        }
        Ok(lives)
    }

    async fn life(&self, id: &str, seen: &mut Observation) -> Result<Life, ProbeError> {
        let Some(outcome) = &self.spec.b.outcome else { return Ok(Life::Open) };
        let mut looks = 1;
        let state = loop {
            let call = self.named(id).call(&outcome.a, &crate::kind::How::caller(PATIENCE)).await?;
            let evidence = self.seen(&call);
            let state = match &call.answer {
                Ok(answer) if (200..300).contains(&answer.status) => one(&answer.body, &outcome.b.at.value),
                // Whoever was asked to end, and is not known any more, has ended.
                Ok(answer) if is_gone(answer.status) && seen.jobs.cancelled.contains(id) => return Ok(Life::Failed),
                _ => None,
            };
            if let Some(state) = state {
                break plain(&state);
            }
            if evidence.weight() == Weight::Confusable && looks < LOOKS {
                looks += 1;
                seen.jobs.looked_again += 1;
                tokio::time::sleep(LOOK_AGAIN).await;
                continue;
            }
            let why = format!("the state of job {id} cannot be read at {}: {}", outcome.b.at.value.text(), evidence.brief());
            seen.jobs.unread.get_or_insert((why, evidence));
            return Ok(Life::Open);
        };
        let is_in = |states: &[String]| states.contains(&state);
        Ok(match (&outcome.b.failed, &outcome.b.waiting) {
            _ if is_in(&outcome.b.done) => Life::Done,
            (Some(failed), _) if is_in(failed) => Life::Failed,
            (_, Some(waiting)) if is_in(waiting) => Life::Waiting,
            _ if seen.jobs.is_odd(id, &state) => Life::Odd,
            _ => Life::Open,
        })
    }

    /// Waits until one of the jobs has ended, or for as long as one may live.
    pub(super) async fn until_one_ended(&self, ids: &[String], seen: &mut Observation) -> Result<bool, ProbeError> {
        self.until(ids, seen, |open| open < ids.len()).await.map(|lives| lives.iter().any(|(_, life)| life.has_ended()))
    }

    /// Waits until all of the jobs have ended, or for as long as one may live.
    pub(super) async fn until_ended(&self, ids: &[String], seen: &mut Observation) -> Result<Vec<(String, Life)>, ProbeError> {
        self.until(ids, seen, |open| open == 0).await
    }

    async fn until(
        &self,
        ids: &[String],
        seen: &mut Observation,
        enough: impl Fn(usize) -> bool,
    ) -> Result<Vec<(String, Life)>, ProbeError> {
        let Some(outcome) = &self.spec.b.outcome else { return Ok(Vec::new()) };
        let watch = self.cx.stopwatch();
        let began = watch.now();
        let mut lives: Vec<(String, Life)> = ids.iter().map(|id| (id.clone(), Life::Open)).collect();
        seen.jobs.unread = None;
        loop {
            // A service may forget a job that has ended, so whoever has is not asked for again.
            for (id, life) in lives.iter_mut().filter(|(_, life)| !life.has_ended()) {
                *life = self.life(id, seen).await?;
                if life.has_ended() {
                    seen.jobs.open.remove(id);
                }
            }
            let open = lives.iter().filter(|(_, life)| !life.has_ended()).count();
            // What is said of it then cannot be told from an end that the suite does not name: once is enough to wait for it.
            let is_odd = open > 0 && lives.iter().all(|(_, life)| life.has_ended() || *life == Life::Odd);
            if is_odd && (seen.jobs.stays.is_some() || watch.since(began).lo >= seen.takes() * 2 + ODD) {
                seen.jobs.stays = seen.jobs.stays.take().or(seen.jobs.odd.take());
                return Ok(lives);
            }
            // A state that is answered by something else, and not by noise, does not become one by waiting.
            let is_hopeless = seen.jobs.unread.as_ref().is_some_and(|(_, answer)| answer.weight() == Weight::Proof);
            if enough(open) || is_hopeless || watch.since(began).lo >= outcome.b.within() {
                return Ok(lives);
            }
            self.cx.saw(format!("{open} of {} jobs have not ended", ids.len()));
            tokio::time::sleep(outcome.b.every()).await;
        }
    }

    /// These jobs have served their purpose: they are ended by the declared request where there is one, and waited for where there is none.
    pub(super) async fn end(&self, ids: &[String], seen: &mut Observation) -> Result<(), ProbeError> {
        self.cancel(ids, seen).await?;
        let left: Vec<String> = ids.iter().filter(|id| seen.jobs.open.contains(*id)).cloned().collect();
        if !left.is_empty() {
            self.until_ended(&left, seen).await?;
        }
        Ok(())
    }

    /// Asks for the end of each, and looks whether it has come: no answer to that ends a job, only its state does. Whether there is a way to ask.
    pub(super) async fn cancel(&self, ids: &[String], seen: &mut Observation) -> Result<bool, ProbeError> {
        let Some(cancel) = &self.spec.b.cancel else { return Ok(false) };
        let (mut taken, mut unknown) = (Vec::new(), Vec::new());
        for id in ids {
            if !seen.jobs.open.contains(id) {
                continue;
            }
            let call = self.named(id).call(cancel, &crate::kind::How::caller(PATIENCE)).await?;
            let Ok(status) = call.answer.map(|answer| answer.status) else { continue };
            if (200..300).contains(&status) {
                taken.push(id.clone());
            } else if is_gone(status) {
                unknown.push(id.clone());
            } else {
                continue;
            }
            seen.jobs.cancelled.insert(id.clone());
        }
        for (id, life) in self.lives(&unknown, seen).await? {
            if !life.has_ended() {
                seen.jobs.not_known.get_or_insert(id);
            }
        }
        let (watch, longest) = (self.cx.stopwatch(), (seen.takes() / 8).min(AT_ONCE));
        let began = watch.now();
        loop {
            self.lives(&taken, seen).await?;
            taken.retain(|id| seen.jobs.open.contains(id));
            if taken.is_empty() || watch.since(began).lo >= longest {
                return Ok(true);
            }
            tokio::time::sleep(self.spec.b.outcome.as_ref().map_or(LOOK_AGAIN, |outcome| outcome.b.every()).min(LOOK_AGAIN)).await;
        }
    }

    /// Ends what has not ended: by the declared request where there is one, and waits for the rest.
    pub(super) async fn leave_nothing(&self, seen: &mut Observation) -> Result<(), ProbeError> {
        let open: Vec<String> = seen.jobs.open.iter().take(WAITED_FOR).cloned().collect();
        if open.is_empty() {
            return Ok(());
        }
        self.end(&open, seen).await
    }

    /// The context in which `${id}` is this job.
    fn named(&self, id: &str) -> Context {
        named(self.cx, id)
    }
}

/// The context in which `${id}` is this job.
pub(super) fn named(cx: &Context, id: &str) -> Context {
    cx.with_values(cx.values().clone().with(ID, Json::String(id.to_owned()), false))
}

/// Whether a submission without an id may have begun a job all the same: accepted, never answered, or answered by an accident on the way.
fn may_have_begun(seen: &Seen, ending: Ending) -> bool {
    match ending {
        Ending::Served | Ending::Silent => true,
        Ending::Refused => false,
        Ending::Broken => match &seen.trouble {
            Some(snag) => !snag.name.starts_with("connect"),
            None => seen.status.is_some_and(|status| status >= 500),
        },
    }
}

/// The one value that a path selects in a body.
pub(super) fn one(body: &[u8], path: &Path) -> Option<Json> {
    let document = Document::read(body).ok()?;
    match path.select(&document).ok()?.as_slice() {
        [one] if !matches!(one.node, Json::Null) => Some(one.node.clone()),
        _ => None,
    }
}

pub(super) fn is_gone(status: u16) -> bool {
    matches!(status, 404 | 410)
}

/// A value as it is compared and put into a URL: a word without its quotes.
pub(super) fn plain(json: &Json) -> String {
    match json {
        Json::String(text) => text.clone(),
        other => other.brief(200),
    }
}
