//! One more while as many as the limit are half-way: whoever only limits how often work begins takes it.

use super::super::count::{Landed, Proves, count, one_more};
use super::super::look::Observation;
use super::given_up::Held;
use super::wave::{Came, SETTLE, Waved, headed, is_silent, served, void, worst};
use super::{Bench, MANY_MORE, ONE_MORE, PATIENCE};
use crate::kind::{Call, ProbeError, Seen};
use crate::model::Interval;
use futures_util::future::join;
use std::time::{Duration, Instant};

/// So often one more may come too late to tell anything; then it comes half-way.
const TOO_LATE: usize = 2;
/// Most waves of several processes.
const TRIES: u32 = 5;

impl Bench<'_> {
    /// Whether the next wave of one more sends that later than the others: by turns, as soon as the turn before was good.
    pub(super) fn is_half_way_next(&self, seen: &Observation) -> bool {
        let good = || seen.trials.get(ONE_MORE).into_iter().flat_map(|trial| &trial.waves).filter(|wave| wave.is_good());
        let later = good().filter(|wave| wave.half_way.is_some()).count();
        later < good().count() - later
    }

    /// When the one more is sent, after the others. Where a refusal is declared, late in their time and half-way by turns: a service that only limits
    /// how often work begins has forgotten the others the sooner. Where one may wait instead, the two would end at about the same time.
    fn half_way_at(&self, seen: &Observation) -> Duration {
        let (takes, waves) = (seen.takes(), || seen.trials.get(ONE_MORE).into_iter().flat_map(|trial| &trial.waves));
        let later = || waves().filter(|wave| wave.half_way.is_some());
        let too_late = later().filter(|wave| wave.half_way > Some(takes * 2 / 3) && !wave.is_good() && !wave.is_bad()).count();
        let is_late = later().filter(|wave| wave.is_good()).count().is_multiple_of(2);
        if self.spec.b.refused.is_some() && is_late && too_late < TOO_LATE { takes * 5 / 6 } else { takes / 2 }
    }

    /// One more while all slots of several processes are held, behind the wave far beyond the limit: until it was refused once, or admitted three times.
    pub(super) async fn half_way_of_all(&self, seen: &mut Observation) -> Result<(), ProbeError> {
        let (count, enough) = (self.spec.b.overload(), self.round.enough_bad.max(1));
        let mut bad = 0;
        for _ in 0..TRIES {
            if self.lacks(&self.spec.a, count, count.saturating_add(1))?.is_some() {
                break;
            }
            tokio::time::sleep(self.settle(seen)).await;
            self.quiet().await;
            let Waved { wave, worst, silent, .. } = self.half_way(count, seen).await?;
            self.cx.saw(wave.line());
            if silent {
                self.books.busy_until(self.cx.stopwatch().now() + seen.takes() * 2);
            }
            // What found a free slot, or may have, is nobody's fault.
            if !wave.is_good() && !wave.is_bad() {
                continue;
            }
            let (is_good, trial) = (wave.is_good(), seen.trial(MANY_MORE));
            trial.worst = trial.worst.take().or(worst.filter(|_| !is_good));
            trial.waves.push(wave);
            bad += u32::from(!is_good);
            if bad >= enough || is_good && bad == 0 {
                break;
            }
        }
        Ok(())
    }

    /// `count` requests, and one more when half of what the work takes is over, or more. That one is sent whole only then, since some count
    /// a request from its head on.
    pub(super) async fn half_way(&self, count_of_all: u32, seen: &mut Observation) -> Result<Waved, ProbeError> {
        let (takes, after) = (seen.takes(), self.half_way_at(seen));
        let patience = self.patience(count_of_all + 1, takes) + seen.lone.tail * (count_of_all + 1);
        let salvo = self.cx.hold(&self.spec.a, &self.how(PATIENCE), count_of_all as usize).await?;
        let stuck = salvo.settled(SETTLE).await.err();
        // So that the one more need not wait for its turn.
        tokio::time::sleep(self.cx.exchange().permits().gap().unwrap_or_default()).await;
        let flown = salvo.release().await;
        let (held, began, spread) = (Held::of(&flown), flown.began, flown.ended - flown.began);
        let later = async {
            tokio::time::sleep_until((began + after).into()).await;
            self.once(&self.spec.a, self.cx, patience).await
        };
        let (all, later) = join(self.land_timed(flown, patience), later).await;
        let (mut all, later) = (all?, later?);
        let terms = self.terms(takes, spread);
        let mut landed: Vec<Landed> = all.iter().map(|came| self.landed(came, began, seen)).collect();
        let (mut wave, mut fates) = count(&landed, &terms);
        void(&mut wave, stuck);
        held.judge(&self.spec.b, &mut wave, all.iter().map(|came| &came.seen));
        let all_slots = self.spec.b.in_all();
        if wave.is_good() && (wave.admitted < all_slots || wave.queued > 0) {
            wave.proves = Proves::Void(format!("only {} of {all_slots} slots were seen to be taken", wave.admitted));
        }
        let (sent, one) = self.sent_at(&later);
        wave.half_way = Some(sent - began);
        let late = self.landed(&one, began, seen);
        fates.push(one_more(&mut wave, &late, self.cx.stopwatch().between(began, sent), &terms));
        landed.push(late);
        // The one more is what tells most of too many.
        all.insert(0, one);
        fates.rotate_right(1);
        let case = if self.spec.b.replicas() == 1 { ONE_MORE } else { MANY_MORE };
        let told = || all.iter().map(|came| &came.seen).zip(&fates);
        self.take_refusals(case, &wave, told(), takes, seen);
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
