//! Undoes what checks have made: their clean-up requests, on every way out, within a budget of their own.

use crate::kind::{Context, How};
use crate::model::quantity::show_duration;
use crate::suite::Check;
use futures_util::StreamExt as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// For everything that is undone once a run is over.
const OVERALL: Duration = Duration::from_secs(20);
/// For the clean-up of one check while the run goes on, and for one request in any case.
const ONE: Duration = Duration::from_secs(10);
/// Clean-ups side by side.
const SIDE_BY_SIDE: usize = 8;

/// The time that is left for undoing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget(Instant);

impl Budget {
    /// The budget of the whole run, from now on.
    pub(crate) fn overall() -> Self {
        Self(Instant::now() + OVERALL)
    }

    /// The budget of one check while the run goes on.
    pub(crate) fn one() -> Self {
        Self(Instant::now() + ONE)
    }

    /// What is left of it.
    pub(crate) fn left(&self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }
}

/// The clean-up of one check, with the captures that it uses.
pub(crate) struct Owed {
    /// Where and with which values its requests are sent.
    pub(crate) cx: Context,
    /// The check.
    pub(crate) check: Arc<Check>,
}

/// Runs the clean-up of many checks. Answers with what failed.
pub(crate) async fn all(owed: impl Iterator<Item = Owed>, budget: Budget) -> Vec<String> {
    let name = |owed: &Owed, note: String| format!("“{}”: {note}", owed.check.id.name);
    futures_util::stream::iter(owed)
        .map(|owed| async move { one(&owed, budget).await.into_iter().map(|note| name(&owed, note)).collect::<Vec<_>>() })
        .buffered(SIDE_BY_SIDE)
        .concat()
        .await
}

/// Runs the clean-up of one check: every request whose captures exist. Answers with what failed.
pub(crate) async fn one(owed: &Owed, budget: Budget) -> Vec<String> {
    let mut notes = Vec::new();
    for request in &owed.check.cleanup {
        if request.captures_used().iter().any(|(name, _)| owed.cx.values().get(name).is_err()) {
            continue;
        }
        let left = budget.left().min(ONE);
        let called = tokio::time::timeout(left, owed.cx.call(request, &How::caller(left))).await;
        let trouble = match called {
            Err(_) => format!("no answer within {}", show_duration(left)),
            Ok(Err(e)) => e.to_string(),
            Ok(Ok(call)) => match call.answer {
                Err(failed) => format!("{}: {failed}", call.sent),
                // What is gone already is clean.
                Ok(answer) if answer.status >= 400 && !matches!(answer.status, 404 | 410) => {
                    format!("{}: answered {}", call.sent, answer.status)
                }
                Ok(_) => continue,
            },
        };
        notes.push(format!("clean-up failed: {trouble}"));
    }
    notes
}
