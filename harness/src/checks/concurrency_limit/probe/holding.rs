//! Which jobs hold a slot and which wait for one, at one moment.

use super::super::look::Observation;
use super::Bench;
use super::jobs::Life;
use crate::kind::ProbeError;
use std::collections::BTreeSet;

/// Pairs of looks at which jobs work and which wait, since they may change while they are asked for.
const PAIRS: u32 = 5;

/// Which jobs hold slots at one moment.
pub(super) struct Holding {
    /// Those that do.
    pub(super) open: BTreeSet<String>,
    /// Those that wait for one.
    pub(super) waiting: BTreeSet<String>,
    /// They were the same twice, so that there was such a moment.
    pub(super) is_certain: bool,
}

impl Bench<'_> {
    /// Which of these hold slots now. Where the suite names states of waiting it is looked twice, since one may end and another begin while they
    /// are asked for one by one; and they are given half of a job's time to begin.
    pub(super) async fn holding(&self, ids: &[String], seen: &mut Observation) -> Result<Holding, ProbeError> {
        let is_queue = self.spec.b.outcome.as_ref().is_some_and(|o| o.b.waiting.is_some());
        let enough = ids.len().min(self.spec.b.k() as usize);
        let (watch, every) = (self.cx.stopwatch(), self.spec.b.outcome.as_ref().map(|o| o.b.every()).unwrap_or_default());
        let (began, patience) = (watch.now(), seen.takes() / 2);
        let mut pairs = 0;
        loop {
            let lives = self.lives(ids, seen).await?;
            let all = |wanted: Life| lives.iter().filter(|(_, life)| *life == wanted).map(|(id, _)| id.clone()).collect::<BTreeSet<_>>();
            let mut holding = Holding { open: all(Life::Open), waiting: all(Life::Waiting), is_certain: true };
            if !is_queue {
                return Ok(holding);
            }
            let is_begun = holding.open.len() >= enough || holding.waiting.is_empty() || watch.since(began).lo >= patience;
            if is_begun {
                holding.is_certain = self.lives(ids, seen).await? == lives;
                pairs += 1;
                if holding.is_certain || pairs >= PAIRS {
                    return Ok(holding);
                }
            }
            tokio::time::sleep(every).await;
        }
    }
}

/// An id that several submissions were answered by, and how many.
pub(super) fn shared(ids: &[String]) -> Option<(usize, &String)> {
    let count = |id: &String| ids.iter().filter(|other| *other == id).count();
    let mut known = BTreeSet::new();
    ids.iter().find(|id| !known.insert(*id)).map(|id| (count(id), id))
}
