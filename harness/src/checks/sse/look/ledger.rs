//! What was produced: the jobs that the service acknowledged, each with the time in which it must have taken them on.

use crate::kind::Seen;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::time::Duration;

/// The jobs of one experiment.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::checks::sse) struct Ledger {
    /// Those that were acknowledged, in the order of their answers.
    pub(in crate::checks::sse) jobs: Vec<Job>,
    /// The ids among them, while jobs are made.
    #[serde(skip)]
    pub(in crate::checks::sse) known: HashSet<String>,
    /// Submits that were answered with the id of a job that was there: the service made one job of several.
    #[serde(default)]
    pub(in crate::checks::sse) repeated: u32,
    /// Submits in all.
    pub(in crate::checks::sse) sent: u32,
    /// Submits that gave no job id.
    pub(in crate::checks::sse) refused: u32,
    /// The first of those.
    pub(in crate::checks::sse) refusal: Option<Seen>,
}

/// One job.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::checks::sse) struct Job {
    /// Its id.
    pub(in crate::checks::sse) id: String,
    /// When it was sent, since the check began.
    pub(in crate::checks::sse) sent: Duration,
    /// When it was acknowledged: it is produced by then.
    pub(in crate::checks::sse) answered: Duration,
}

impl Ledger {
    /// Writes an acknowledged job down, once.
    pub(in crate::checks::sse) fn add(&mut self, job: Job) {
        match self.known.insert(job.id.clone()) {
            true => self.jobs.push(job),
            false => self.repeated = self.repeated.saturating_add(1),
        }
    }

    /// The ids, for many questions.
    pub(in crate::checks::sse) fn ids(&self) -> HashSet<&str> {
        self.jobs.iter().map(|j| j.id.as_str()).collect()
    }

    /// Why there is no job to judge anything by.
    pub(in crate::checks::sse) fn emptiness(&self) -> String {
        match &self.refusal {
            Some(refusal) => format!("no job was made: {} was answered by {}", refusal.sent, refusal.brief()),
            None => "no job was made".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_that_is_answered_twice_is_one_job() {
        let mut ledger = Ledger::default();
        for id in ["a", "b", "a"] {
            ledger.add(Job { id: id.to_owned(), ..Job::default() });
        }
        assert_eq!((ledger.jobs.len(), ledger.repeated), (2, 1));
    }
}
