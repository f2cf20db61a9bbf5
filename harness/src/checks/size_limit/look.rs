//! What the probes of `size-limit` saw: case by case how often, and the worst of each; bounded, the evidence of every verdict.

use super::spec::Framing;
use crate::kind::{Context, Seen, Weight};
use crate::model::ClauseId;
use crate::transport::{Counter, Sent};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Instant;

/// Everything that was seen over all rounds.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Observation {
    /// When the check began.
    #[serde(skip)]
    pub(super) origin: Option<Instant>,
    /// The clauses that were looked at.
    pub(super) asked: Vec<String>,
    /// The limit that is held against: declared, or found.
    pub(super) limit: Option<u64>,
    /// The first small body, where it was not taken: then nothing more was sent.
    pub(super) first: Option<Shot>,
    /// What was seen of each case, in the order in which it was looked at.
    pub(super) cases: Vec<Case>,
    /// The largest body that was taken and the smallest that was refused, by framing.
    pub(super) edges: BTreeMap<String, Edge>,
    /// How the edge was looked for, where it was.
    pub(super) hunt: Option<Hunt>,
    /// How an answer to a body that was taken describes itself.
    pub(super) taken_by: Option<Face>,
    /// A refusal as it was declared.
    pub(super) refusal: Option<Shot>,
    /// The most bytes that had left this machine when such a refusal came, and who had counted them.
    pub(super) most_sent: Option<(u64, Counter)>,
    /// Bodies above the limit that were taken.
    pub(super) taken_above: u32,
    /// Whether the traces ever told of anything, and how often they were read for that while a body was there that had been taken.
    pub(super) trace_moved: bool,
    pub(super) trace_looks: u32,
    /// What moved in the traces though nothing was sent.
    pub(super) restless: Option<String>,
    /// Connections that were closed with a refusal, and those on which another request was answered behind one.
    pub(super) closed: u32,
    pub(super) kept: u32,
    /// Framings of which no body is taken at all, as the service itself says: none but the first ones were sent in them.
    pub(super) unwilling: Vec<Framing>,
    /// Bodies that were sent, to their end or not.
    pub(super) bodies: u64,
    /// Bytes of them that were handed over.
    pub(super) bytes: u64,
    /// What is stored was asked for in vain for all the time that it is given.
    pub(super) waited_in_vain: bool,
    /// Who asked to come again later asked so again then.
    pub(super) throttled: bool,
    /// Things that were made and could not be removed again.
    pub(super) left: u32,
    /// The first of those, and why it stays.
    pub(super) left_why: Option<String>,
}

/// What was seen of one case of a clause.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Case {
    /// The clause.
    pub(super) clause: String,
    /// The case: `B+1/chunked`.
    pub(super) case: String,
    /// How many were looked at.
    pub(super) of: u32,
    /// How many were bad in a way that noise could forge.
    pub(super) bad: u32,
    /// How many of the others may be this machine's doing.
    pub(super) near: u32,
    /// The first bad one.
    pub(super) worst: Option<Shot>,
    /// One that noise cannot forge.
    pub(super) proof: Option<Shot>,
    /// Why it was not looked at, or why what was seen of it proves nothing.
    pub(super) not: Option<Not>,
    /// Why it cannot be told whose doing it is.
    pub(super) unsure: Option<String>,
}

/// Why a case was not looked at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Not {
    /// The environment does not allow it.
    Permitted(String),
    /// It could not come to pass.
    There(String),
}

/// One body and its answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Shot {
    /// Bytes of what is sized.
    pub(super) bytes: u64,
    /// How it was framed; none for a request without a generated body.
    pub(super) framing: Option<Framing>,
    /// The answer.
    pub(super) seen: Seen,
    /// How much was sent before it.
    pub(super) sent: Sent,
    /// What is wrong beside the status: expected, and seen in its place.
    pub(super) wrong: Option<(String, String)>,
    /// What is wrong beside the status could be noise.
    pub(super) shaky: bool,
    /// Why it cannot be told whose doing it is.
    pub(super) unsure: Option<String>,
}

/// What a shot says of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Fine,
    /// Noise could forge it.
    Noise,
    Proof,
    /// It says nothing: whose doing it is cannot be told.
    Unsure,
}

/// Where the edge lies, as far as bodies of one framing have shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Edge {
    /// The largest body that was taken.
    pub(super) taken: Option<u64>,
    /// The smallest that was refused with the declared status.
    pub(super) refused: Option<u64>,
}

/// How the edge was looked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Hunt {
    /// The edge: this many bytes are taken, one more is refused.
    pub(super) edge: Option<u64>,
    /// Bodies that it took.
    pub(super) bodies: u32,
    /// Why it ended without the edge.
    pub(super) not: Option<Not>,
    /// An answer that is neither.
    pub(super) strange: Option<Shot>,
}

/// How an answer describes who gave it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Face {
    /// Its `Server`.
    pub(super) server: Option<String>,
    /// Its media type.
    pub(super) media_type: Option<String>,
}

impl Observation {
    /// When the check began; the first caller sets it.
    pub(super) fn origin(&mut self, cx: &Context) -> Instant {
        *self.origin.get_or_insert_with(|| cx.stopwatch().now())
    }

    /// What was seen of a case, which is begun if it was not.
    pub(super) fn case(&mut self, clause: ClauseId, case: &str) -> &mut Case {
        let at = self.cases.iter().position(|c| c.clause == clause.0 && c.case == case).unwrap_or_else(|| {
            self.cases.push(Case { clause: clause.0.to_owned(), case: case.to_owned(), ..Case::default() });
            self.cases.len() - 1
        });
        &mut self.cases[at]
    }

    /// Notes where the edge cannot lie any more.
    pub(super) fn edge(&mut self, framing: Framing, bytes: u64, is_taken: bool) {
        let edge = self.edges.entry(framing.word().to_owned()).or_default();
        if is_taken {
            edge.taken = Some(edge.taken.map_or(bytes, |b| b.max(bytes)));
        } else {
            edge.refused = Some(edge.refused.map_or(bytes, |b| b.min(bytes)));
        }
    }
}

impl Case {
    /// Adds one shot.
    pub(super) fn add(&mut self, shot: Shot, verdict: Verdict) {
        self.of = self.of.saturating_add(1);
        match verdict {
            Verdict::Fine => {}
            Verdict::Noise if shot.seen.maybe_ours() => {
                self.near = self.near.saturating_add(1);
                self.worst.get_or_insert(shot);
            }
            Verdict::Noise => {
                self.bad = self.bad.saturating_add(1);
                self.worst.get_or_insert(shot);
            }
            Verdict::Proof => _ = self.proof.get_or_insert(shot),
            Verdict::Unsure => {
                self.of = self.of.saturating_sub(1);
                self.unsure = self.unsure.take().or(shot.unsure);
            }
        }
    }

    /// Whether nothing more is to be learnt in this round.
    pub(super) fn is_settled(&self, enough_bad: u32) -> bool {
        self.proof.is_some() || self.not.is_some() || self.unsure.is_some() || self.bad >= enough_bad.max(1)
    }
}

impl Shot {
    /// The body was taken: 2xx.
    pub(super) fn is_taken(&self) -> bool {
        self.seen.answered().is_some_and(|status| (200..300).contains(&status))
    }

    /// What it is that this came in the place of the right answer.
    pub(super) fn weight(&self) -> Verdict {
        match self.seen.weight() {
            _ if self.unsure.is_some() => Verdict::Unsure,
            _ if self.wrong.is_some() => {
                if self.shaky {
                    Verdict::Noise
                } else {
                    Verdict::Proof
                }
            }
            Weight::Confusable => Verdict::Noise,
            Weight::Proof => Verdict::Proof,
        }
    }

    /// The outcome in short: `413@1,048,577` or the trouble, with the bytes that were sent by then.
    pub(super) fn outcome(&self) -> String {
        let sent = super::show::exact(self.sent.left);
        match (self.seen.answered(), &self.seen.trouble) {
            (Some(status), _) => format!("{status}@{sent}"),
            (None, Some(snag)) => format!("{}@{sent}", snag.name),
            (None, None) => "nothing".to_owned(),
        }
    }
}

impl Face {
    pub(super) fn of(seen: &Seen) -> Self {
        Self { server: seen.header("server").map(str::to_owned), media_type: seen.media_type() }
    }
}
