//! What one look is to look at, and how hard. Made by the core alone.

use crate::model::{Case, ClauseId};
use std::{collections::BTreeSet, num::NonZeroU32, sync::Arc, time::Duration};

/// One round of probing.
#[derive(Clone, Debug)]
pub struct Round {
    /// 0 for the first look.
    pub number: u8,
    /// The clauses that this check asks for and that may be judged here.
    pub clauses: Arc<BTreeSet<ClauseId>>,
    /// The cases to look at again; `None` in the first round: everything in `clauses`.
    pub focus: Option<BTreeSet<(ClauseId, Case)>>,
    /// How many fresh samples; `None`: as the spec says.
    pub samples: Option<NonZeroU32>,
    /// A focused case may stop early once so many samples were bad in all.
    pub enough_bad: u32,
    /// Poll step for what is polled.
    pub step: Duration,
}

impl Round {
    /// Whether this round looks at the clause, in any of its cases.
    #[must_use]
    pub fn wants(&self, clause: ClauseId) -> bool {
        self.clauses.contains(&clause) && self.focus.as_ref().is_none_or(|f| f.iter().any(|(c, _)| *c == clause))
    }

    /// Whether this round looks at this case of the clause.
    #[must_use]
    pub fn wants_case(&self, clause: ClauseId, case: &str) -> bool {
        self.clauses.contains(&clause) && self.focus.as_ref().is_none_or(|f| f.iter().any(|(c, k)| *c == clause && k == case))
    }

    /// Whether this round looks at any of the clauses.
    #[must_use]
    pub fn wants_any(&self, clauses: &[ClauseId]) -> bool {
        clauses.iter().any(|c| self.wants(*c))
    }

    /// How many samples to take where the spec says `otherwise`.
    #[must_use]
    pub fn samples_or(&self, otherwise: u32) -> u32 {
        self.samples.map_or(otherwise, NonZeroU32::get)
    }
}
