//! The client that users have, and what it gets over all its connections.

use crate::checks::sse::look::{Cut as Left, Ended, Leg, Tape};
use crate::checks::sse::probe::broken::broken;
use crate::checks::sse::probe::marks::Marks;
use crate::checks::sse::probe::reader::{head_of, opening, write};
use crate::checks::sse::spec::{LINE, Spec};
use crate::kind::{Context, Opened, ProbeError};
use crate::model::Interval;
use crate::transport::sse::client::{Client, Cut, End, Heard, How, Opener, Setup};
use crate::transport::sse::{Item, Limits};
use crate::transport::{Answer, Failed, OwnTrouble, Phases, Trouble};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long it is away after a cut, where the service says nothing: half of it at least.
const AWAY: Duration = Duration::from_millis(40);
/// How long it is away at most, whatever the service says.
const AWAY_MOST: Duration = Duration::from_millis(500);
/// Connections for each cut at most.
const CONNECTIONS: u32 = 4;
/// Remarks that are kept.
const REMARKS: usize = 20;

/// A connection that was opened, without its stream.
struct Dialled {
    took: Interval,
    began: Instant,
    sent: String,
    again: String,
    request_id: String,
    trace_id: String,
}

/// What the openings of connections leave behind: a request that could not be made, and how each was dialled.
#[derive(Default)]
struct Trace {
    error: Option<ProbeError>,
    dialled: VecDeque<Dialled>,
}

/// The client.
pub(super) struct User<'s> {
    client: Client,
    marks: Marks<'s>,
    origin: Instant,
    trace: Arc<Mutex<Trace>>,
    /// Cuts that are still to come.
    cuts: usize,
    is_gone: bool,
}

impl<'s> User<'s> {
    /// A client that will be cut so, and is away for as long as it takes to make a job: what is produced meanwhile is what it must get.
    pub(super) fn new(spec: &'s Spec, cx: &Context, origin: Instant, cuts: Vec<Cut>, step: Duration) -> Self {
        let trace = Arc::new(Mutex::new(Trace::default()));
        let attempts = u32::try_from(cuts.len()).unwrap_or(u32::MAX).saturating_mul(CONNECTIONS).saturating_add(8);
        let planned = cuts.len();
        let setup = Setup {
            limits: Limits { line: LINE, ..Limits::default() },
            wait: AWAY.max(step).min(AWAY_MOST),
            wait_most: AWAY_MOST,
            attempts,
            ..Setup::new(opener(spec, cx, trace.clone()))
        };
        Self { client: Client::new(setup.cut(cuts)), marks: Marks::of(spec), origin, trace, cuts: planned, is_gone: false }
    }

    /// No cut of the plan is left.
    pub(super) fn is_uncut(&self) -> bool {
        self.cuts == 0
    }

    /// It does not come back any more.
    pub(super) fn is_gone(&self) -> bool {
        self.is_gone
    }

    /// Cuts the connection that is open.
    pub(super) fn cut(&self, how: How) {
        self.client.cut(how);
    }

    /// Waits for what it comes across next, and writes it down. Whether that was an event or a connection.
    ///
    /// # Errors
    /// Where a request cannot be made.
    pub(super) async fn step(&mut self, cx: &Context, legs: &mut Vec<Leg>, remarks: &mut Vec<String>) -> Result<bool, ProbeError> {
        let Some(heard) = self.client.next().await else {
            self.is_gone = true;
            return Ok(false);
        };
        if let Some(error) = self.trace().error.take() {
            return Err(error);
        }
        Ok(match heard {
            Heard::Opened { last_id, answer, .. } => {
                legs.push(self.leg(last_id, Ok((*answer).clone()), cx));
                true
            }
            Heard::Failed { last_id, failed, .. } => {
                self.cuts = self.cuts.saturating_sub(1);
                legs.push(self.leg(last_id, Err(failed), cx));
                true
            }
            Heard::Item { item, .. } => {
                let is_event = matches!(item, Item::Event(_));
                let since = |at: tokio::time::Instant| at.into_std().saturating_duration_since(self.origin);
                if let Some(leg) = legs.last_mut() {
                    write(item, &since, &self.marks, &mut leg.tape, &mut |_, _| {});
                }
                is_event
            }
            Heard::Ended { end, tail, .. } => {
                // Each connection takes one cut from the plan, whether or not it lived to see it.
                self.cuts = self.cuts.saturating_sub(1);
                if let Some(leg) = legs.last_mut() {
                    end_of(end, tail.incomplete, cx.stopwatch().now().saturating_duration_since(self.origin), leg);
                }
                true
            }
            Heard::Differs { difference, .. } => {
                let text = difference.to_string();
                if remarks.len() < REMARKS && !remarks.contains(&text) {
                    remarks.push(text);
                }
                false
            }
            Heard::Stopped(_) => {
                self.is_gone = true;
                false
            }
        })
    }

    fn leg(&self, last_id: Option<String>, answer: Result<Answer, Box<Failed>>, cx: &Context) -> Leg {
        let mut tape = Tape { name: "client".to_owned(), ..Tape::default() };
        if let Some(dialled) = self.trace().dialled.pop_front() {
            tape.took = dialled.took;
            tape.opened = (dialled.began + dialled.took.hi).saturating_duration_since(self.origin);
            let Dialled { took, began, sent, again, request_id, trace_id } = dialled;
            tape.head = head_of(crate::kind::Call { took, began, answer, sent, again, request_id, trace_id }, cx, self.origin);
        }
        Leg { last_id, tape, cut: None }
    }

    fn trace(&self) -> std::sync::MutexGuard<'_, Trace> {
        self.trace.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Opens the connections of a client as all others of this check are opened.
fn opener(spec: &Spec, cx: &Context, trace: Arc<Mutex<Trace>>) -> Opener {
    let (request, cx, patience) = (spec.a.clone(), cx.clone(), spec.b.head());
    Arc::new(move |ask| {
        let (request, cx, trace) = (request.clone(), cx.clone(), trace.clone());
        Box::pin(async move {
            let (how, opening) = opening(patience, ask.last_id.as_deref(), false);
            let opened = cx.open(&request, &how, &opening).await;
            let mut trace = trace.lock().unwrap_or_else(PoisonError::into_inner);
            match opened {
                Ok(Opened { took, began, stream, sent, again, request_id, trace_id }) => {
                    trace.dialled.push_back(Dialled { took, began, sent, again, request_id, trace_id });
                    stream
                }
                Err(error) => {
                    trace.error = Some(error);
                    let now = tokio::time::Instant::now();
                    let trouble = Trouble::Own(OwnTrouble::Request);
                    Err(Box::new(Failed {
                        trouble,
                        partial: None,
                        phases: Phases::default(),
                        began: now,
                        ended: now,
                        remote: None,
                        reused: false,
                    }))
                }
            }
        })
    })
}

/// How a connection ended.
fn end_of(end: End, in_event: bool, at: Duration, leg: &mut Leg) {
    match end {
        End::Cut(how) => leg.cut = Some(Left { at, is_reset: how == How::WithReset, in_event }),
        End::Body(_) => leg.tape.ended = Some(Ended::Whole { in_event }),
        End::Broken(trouble) => leg.tape.ended = Some(broken(&trouble, in_event, &mut leg.tape)),
        End::OverCap | End::Left => {}
    }
}
