//! One request many times at once, as kinds use it: held before its last byte, released in one loop, answered one by one.

use super::context::Prepared;
use super::{Call, Context, How, ProbeError};
use crate::transport::held::{self, Flight, Order, Settled};
use crate::transport::{Failed, OwnTrouble, Stage, TlsFault, Trouble};
use crate::words::Request;
use std::time::{Duration, Instant};

/// Copies of a request that wait for their last byte. Dropped, they are given up.
pub struct Salvo {
    cx: Context,
    inner: held::Salvo,
    /// Before the first connection was opened.
    since: Instant,
    prepared: Vec<Prepared<'static>>,
}

/// A salvo that is on its way.
pub struct Flown {
    /// Each copy, in order.
    pub shots: Vec<Shot>,
    /// Before the first last byte was written.
    pub began: Instant,
    /// After the last one was.
    pub ended: Instant,
    /// How long the first of them had waited for its last byte, at most.
    pub held: Duration,
    /// How many were answered, or lost, before their last byte was sent.
    pub early: usize,
    /// How many the other side did not take in, in the time for it: no connection, or no encryption of it.
    pub unopened: usize,
    /// How many were not sent but for their last byte, in the time for it.
    pub unsent: usize,
}

/// One copy on its way.
pub struct Shot {
    cx: Context,
    prepared: Prepared<'static>,
    flight: Result<Flight, Box<Failed>>,
}

impl Context {
    /// Opens `count` connections and sends everything of the request but its last byte on each, as fast as the environment's limits allow.
    ///
    /// # Errors
    /// [`ProbeError`] as from [`Context::call`], and where the environment never allows so many connections.
    pub async fn hold(&self, request: &Request, how: &How, count: usize) -> Result<Salvo, ProbeError> {
        let prepared = self.prepare_copies(request, how, count)?;
        let orders: Vec<Order> = prepared
            .iter()
            .map(|prepared| Order {
                endpoint: prepared.endpoint.clone().into_owned(),
                out: prepared.out.clone(),
                wishes: how.wishes.clone(),
            })
            .collect();
        let since = self.stopwatch().now();
        let inner = self.exchange().hold(&orders).await.map_err(|trouble| match trouble {
            Trouble::Own(OwnTrouble::Request) => ProbeError(format!("{count} connections at once are more than the environment allows")),
            other => ProbeError(other.to_string()),
        })?;
        if let Some(own) = inner.lost().find(|failed| failed.trouble.own().is_some()).map(ToString::to_string) {
            return Err(ProbeError(own));
        }
        Ok(Salvo { cx: self.clone(), inner, since, prepared })
    }
}

impl Salvo {
    /// How many copies wait for their last byte; the others could not be brought so far, and [`Shot::land`] tells why.
    #[must_use]
    pub fn held(&self) -> usize {
        self.inner.held()
    }

    /// Waits until the other side has everything but the last bytes. How many connections had not, where the time was over before.
    pub async fn settled(&self, within: Duration) -> Result<(), usize> {
        match self.inner.settled(within).await {
            Settled::Acknowledged | Settled::Accepted => Ok(()),
            Settled::Stuck(count) => Err(count),
        }
    }

    /// Sends all the last bytes in one loop.
    pub async fn release(self) -> Flown {
        let Self { cx, inner, since, prepared } = self;
        let late = |wanted: Stage| inner.lost().filter(|failed| late_in(&failed.trouble) == Some(wanted)).count();
        let (unopened, unsent) = (late(Stage::Connect), late(Stage::Send));
        let released = inner.release().await;
        let (began, ended) = (released.began.into_std(), released.ended.into_std());
        let early = released.flights.iter().flatten().filter(|flight| flight.early).count();
        let shots =
            released.flights.into_iter().zip(prepared).map(|(flight, prepared)| Shot { cx: cx.clone(), prepared, flight }).collect();
        Flown { shots, began, ended, held: began - since, early, unopened, unsent }
    }

    /// Gives every copy up with its last byte unsent: by closing, or by a reset.
    pub fn abort(self, reset: bool) {
        self.inner.abort(reset);
    }
}

impl Shot {
    /// Waits for the whole answer, at most so long from the release on. Its time counts from there.
    ///
    /// # Errors
    /// As [`Context::call`].
    pub async fn land(self, within: Duration) -> Result<Call, ProbeError> {
        let answer = match self.flight {
            Ok(flight) => {
                let end = flight.at + within;
                flight.answer(end).await
            }
            Err(failed) => Err(failed),
        };
        self.cx.told(self.prepared, answer)
    }

    /// Goes away without the answer: by closing, or by a reset.
    pub fn abort(self, reset: bool) {
        if let Ok(flight) = self.flight {
            flight.abort(reset);
        }
    }
}

/// What the time ran out in before a request waited for its last byte, if that is what is wrong.
fn late_in(trouble: &Trouble) -> Option<Stage> {
    match trouble {
        Trouble::ConnectTimeout { .. } | Trouble::Tls { fault: TlsFault::Timeout, .. } => Some(Stage::Connect),
        Trouble::TotalTimeout { stage: stage @ (Stage::Connect | Stage::Send), .. } => Some(*stage),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{kind::testing::context, model::Source, transport::OutBody};
    use std::sync::Arc;

    #[test]
    fn copies_share_one_body_and_have_ids_of_their_own() {
        let source = Arc::new(Source::new("test.yaml", "{ post: /a, multipart: { note: a long text } }"));
        let document = crate::reader::parse(&source).expect("it is YAML");
        let request: Request = crate::reader::read(&source, &document.root, "").expect("it is a request");
        let cx = context(([127, 0, 0, 1], 1).into());
        let copies = cx.prepare_copies(&request, &How::caller(Duration::from_secs(1)), 3).expect("it can be sent");
        let bodies: Vec<_> = copies
            .iter()
            .map(|copy| match &copy.out.body {
                OutBody::Bytes(bytes) => bytes.as_ptr(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!((bodies.len(), bodies[0], bodies[1]), (3, bodies[1], bodies[2]));
        for copy in &copies {
            let sent = copy.out.headers.iter().filter(|(name, _)| name == "x-request-id").map(|(_, value)| value.as_bytes());
            assert_eq!(sent.collect::<Vec<_>>(), [copy.ids.request.as_bytes()]);
        }
        assert!(copies[0].ids.request != copies[1].ids.request && copies[1].ids.request != copies[2].ids.request);
    }
}
