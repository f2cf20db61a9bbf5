//! What a kind's judge says of one clause: held, proven broken, counted, unsure, or not seen.

use super::{ClauseId, Finding};
use std::{borrow::Cow, fmt, num::NonZeroU32, time::Duration};

/// Which experiment of a clause: `db/blackhole`, `B+1/chunked`; empty where a clause has only one.
pub type Case = Cow<'static, str>;

/// One clause, one case, what was found.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The clause.
    pub clause: ClauseId,
    /// The case within it.
    pub case: Case,
    /// What was found.
    pub found: Found,
}

impl Reading {
    /// A reading of a clause that has only one case.
    #[must_use]
    pub fn of(clause: ClauseId, found: Found) -> Self {
        Self { clause, case: Case::Borrowed(""), found }
    }
}

/// What was found of a clause, over all rounds so far.
#[derive(Clone, Debug)]
pub enum Found {
    /// Held in every one of `n` observations. Never vacuous, by type.
    Held {
        /// How many observations.
        n: NonZeroU32,
    },
    /// Evidence of which one instance is enough: a wrong hash, a planted secret seen.
    Proof(Finding),
    /// Evidence that noise could forge (a timeout, a reset, a 5xx, a time over its limit): counted.
    Counted {
        /// How many were bad for sure. For times: `lo > limit`.
        bad: u32,
        /// How many could not be told. For times: the limit lies inside the interval.
        near: u32,
        /// How many were looked at.
        of: NonZeroU32,
        /// The worst of them.
        worst: Finding,
        /// Whether the request may be sent again. If not, the first bad one is final, marked "seen once, not repeated".
        repeatable: bool,
    },
    /// Could not be told.
    Unsure {
        /// Why.
        why: String,
        /// What would help, if anything.
        wants: Option<Want>,
    },
    /// Was never looked at.
    Unseen {
        /// Why.
        why: Unseen,
    },
}

impl Found {
    /// Held in `n` observations; with none it is unseen, for a reason.
    #[must_use]
    pub fn held(n: usize, or_else: &str) -> Self {
        match u32::try_from(n).ok().and_then(NonZeroU32::new) {
            Some(n) => Self::Held { n },
            None => Self::Unseen { why: Unseen::NothingToJudge(or_else.to_owned()) },
        }
    }
}

/// What would make an unsure reading sure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// So many more samples.
    Samples(NonZeroU32),
    /// A finer poll step.
    Finer(Duration),
}

/// Why a clause was not looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unseen {
    /// The check's or the run's deadline came first.
    Deadline,
    /// The run was cancelled.
    Cancelled,
    /// Not permitted or not possible here: impact, a stand that cannot inject the fault.
    NotPermitted(String),
    /// What it is about did not occur: no sample, an empty stream, the state was never reached.
    NothingToJudge(String),
    /// What it is about did not occur, and nobody promised that it would: a stream on which nothing happens has no bytes to read. It is
    /// neither a doubt nor a policy; a check of which nothing else was judged has judged nothing.
    NotDue(String),
}

impl fmt::Display for Unseen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deadline => f.write_str("the deadline came before it could be judged"),
            Self::Cancelled => f.write_str("the run was interrupted before it could be judged"),
            Self::NotPermitted(why) | Self::NothingToJudge(why) | Self::NotDue(why) => f.write_str(why),
        }
    }
}
