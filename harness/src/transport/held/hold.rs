//! Opens the connections of a salvo and sends all but the last byte of each request.

use super::super::{
    answer::{Answer, Failed},
    ask::{Speak, Step},
    connect,
    exchange::Exchange,
    h1::Conn,
    permits::Held as Place,
    pool::Key,
    trouble::{OwnTrouble, Stage, Trouble},
    wire::Wire,
};
use super::order::Prepared;
use super::{Held, Order, Salvo, Single};
use futures_util::{FutureExt as _, StreamExt as _};
use std::{
    future::poll_fn,
    io,
    pin::Pin,
    task::{Poll, ready},
};
use tokio::{
    io::AsyncWrite as _,
    time::{Instant, timeout_at},
};

/// Connections that are opened side by side: fewer than the queue of any listener holds, so that none is turned away for our haste.
const SIDE_BY_SIDE: usize = 32;

impl Exchange {
    /// Opens a connection for each order and sends everything but its last byte, as fast as the permits allow. The places of all
    /// connections are taken at once, so that two salvos cannot wait for each other.
    ///
    /// # Errors
    /// [`OwnTrouble::Request`] where the environment never allows so many connections. What goes wrong with one of them is told by
    /// [`Salvo::lost`].
    pub async fn hold(&self, orders: &[Order]) -> Result<Salvo, Trouble> {
        let places = self.permits().connections(orders.len(), || self.make_room()).await.ok_or(Trouble::Own(OwnTrouble::Request))?;
        let mut opening = Vec::with_capacity(orders.len());
        for (i, (order, place)) in orders.iter().zip(places).enumerate() {
            opening.push(async move { (i, self.hold_one(order, place).await) }.boxed());
        }
        let mut held: Vec<_> = futures_util::stream::iter(opening).buffer_unordered(SIDE_BY_SIDE).collect().await;
        held.sort_by_key(|(i, _)| *i);
        Ok(Salvo(held.into_iter().map(|(_, held)| held).collect()))
    }

    async fn hold_one(&self, order: &Order, place: Place) -> Result<Held, Box<Failed>> {
        self.permits().request().await;
        let mut answer = Answer::begun(Instant::now());
        let outcome = match order.endpoint.version {
            Speak::Http11 => self.try_hold(order, place, &mut answer).await.map(Held::Bytes),
            Speak::Http2 => self.hold_stream(order, place, &mut answer).await.map(Held::Frames),
        };
        outcome.map_err(|trouble| failed(trouble, answer))
    }

    async fn try_hold(&self, order: &Order, place: Place, answer: &mut Answer) -> Step<Single> {
        let prepared = order.prepare()?;
        self.permits().upload(order.body_len())?;
        let key = Key::of(&order.endpoint, &order.out.url).ok_or(Trouble::Own(OwnTrouble::Request))?;
        let total = order.wishes.timeouts.total;
        let end = answer.began + total;
        let mut wire = connect::open(&key, &order.endpoint, &order.wishes, self.tls(), end, answer).await?;
        let sent = match timeout_at(end, send(&mut wire, &prepared)).await {
            Ok(sent) => sent.map_err(|e| OwnTrouble::of(&e).map_or(Trouble::Reset { stage: Stage::Send }, Trouble::Own))?,
            Err(_) => return Err(Trouble::TotalTimeout { after: total, stage: Stage::Send, got: 0 }),
        };
        let conn = Box::new(Conn::new(wire, answer.remote, answer.tls.clone(), place));
        let (sent_body, body) = (prepared.body_of(sent), prepared.body_of(prepared.len() + 1));
        // What is sent is not kept.
        let Prepared { last, to_head, wishes, .. } = prepared;
        Ok(Single { conn, last, body, to_head, wishes, sent_body })
    }
}

/// Hands the bytes to the system; fewer where the other side closed meanwhile: it may have answered already.
async fn send(wire: &mut Wire, prepared: &Prepared) -> io::Result<usize> {
    let mut at = 0;
    poll_fn(|cx| {
        while at < prepared.len() {
            let rest = match prepared.first.get(at..) {
                Some(rest) if !rest.is_empty() => rest,
                _ => &prepared.then[at - prepared.first.len()..],
            };
            let written = Pin::new(&mut *wire).poll_write(cx, rest);
            if wire.write_error().is_some() {
                return Poll::Ready(Ok(at));
            }
            at += ready!(written)?;
        }
        let flushed = Pin::new(&mut *wire).poll_flush(cx);
        if wire.write_error().is_some() { Poll::Ready(Ok(at)) } else { flushed.map_ok(|()| at) }
    })
    .await
}

/// What is told of a request of which no answer can come.
pub(super) fn failed(trouble: Trouble, mut answer: Answer) -> Box<Failed> {
    answer.ended = Instant::now();
    answer.phases.total = answer.ended - answer.began;
    let Answer { phases, began, ended, remote, reused, .. } = answer;
    Box::new(Failed { trouble, phases, began, ended, remote, reused, partial: (answer.status != 0).then_some(answer) })
}
