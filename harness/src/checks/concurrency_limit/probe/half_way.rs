//! One more while as many as the limit are half-way: whoever only limits how often work begins takes it.

use super::super::count::{Landed, count, one_more};
use super::super::look::Observation;
use super::given_up::Held;
use super::wave::{Came, SETTLE, Waved, headed, is_silent, served, void, worst};
use super::{Bench, ONE_MORE, PATIENCE};
use crate::kind::{Call, ProbeError, Seen};
use crate::model::Interval;
use futures_util::future::join;
use std::time::Instant;

impl Bench<'_> {
    /// Whether the next wave of one more sends that later than the others: by turns, as soon as the turn before was good.
    pub(super) fn is_half_way_next(&self, seen: &Observation) -> bool {
        let good = || seen.trials.get(ONE_MORE).into_iter().flat_map(|trial| &trial.waves).filter(|wave| wave.is_good());
        let later = good().filter(|wave| wave.half_way.is_some()).count();
        later < good().count() - later
    }

    /// As many requests as the limit, and one more when half of what the work takes is over. That one is sent whole only then, since some count
    /// a request from its head on.
    pub(super) async fn half_way(&self, seen: &mut Observation) -> Result<Waved, ProbeError> {
        let (k, takes) = (self.spec.b.k(), seen.takes());
        let patience = self.patience(k + 1, takes) + seen.lone.tail * (k + 1);
        let salvo = self.cx.hold(&self.spec.a, &super::alone(PATIENCE), k as usize).await?;
        let stuck = salvo.settled(SETTLE).await.err();
        // So that the one more need not wait for its turn.
        tokio::time::sleep(self.cx.exchange().permits().gap().unwrap_or_default()).await;
        let flown = salvo.release().await;
        let (held, began, spread) = (Held::of(&flown), flown.began, flown.ended - flown.began);
        let later = async {
            tokio::time::sleep_until((began + takes / 2).into()).await;
            self.once(&self.spec.a, self.cx, patience).await
        };
        let (all, later) = join(self.land_timed(flown, patience), later).await;
        let (mut all, later) = (all?, later?);
        let terms = self.terms(takes, spread);
        let mut landed: Vec<Landed> = all.iter().map(|came| self.landed(came, began, seen)).collect();
        let (mut wave, mut fates) = count(&landed, &terms);
        void(&mut wave, stuck);
        held.judge(&self.spec.b, &mut wave, all.iter().map(|came| &came.seen));
        let (sent, one) = self.sent_at(&later);
        wave.half_way = Some(sent - began);
        let late = self.landed(&one, began, seen);
        fates.push(one_more(&mut wave, &late, self.cx.stopwatch().between(began, sent), &terms));
        landed.push(late);
        // The one more is what tells most of too many.
        all.insert(0, one);
        fates.rotate_right(1);
        let told = || all.iter().map(|came| &came.seen).zip(&fates);
        self.take_refusals(ONE_MORE, &wave, told(), takes, seen);
        let worst = worst(&wave, told()).cloned();
        Ok(Waved { wave, worst, served: served(&landed), silent: is_silent(&landed), after: None })
    }

    /// When a request that was not held was sent at the latest, and its answer.
    fn sent_at(&self, call: &Call) -> (Instant, Came) {
        let phases = call.answer.as_ref().map_or_else(|failed| failed.phases, |answer| answer.phases);
        let sent = call.began + phases.dns + phases.connect + phases.tls;
        let (headed, ended) = (headed(call).map(|head| sent + head), call.began + call.took.hi);
        // What it took to connect is not the service's time to a refusal: the others were connected before.
        let seen = Seen { took: self.cx.stopwatch().between(sent.min(ended), ended), ..self.seen(call) };
        (sent, Came { seen, ended, headed })
    }

    /// How long an answer took, without the time to connect.
    pub(super) fn once_sent(&self, call: &Call) -> Interval {
        self.sent_at(call).1.seen.took
    }
}
