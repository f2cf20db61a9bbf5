//! How a body is refused: early, so that plain clients hear it, without losing track of the connection, and without harm.

use super::Probe;
use super::bodies::not_there;
use super::send::{Manner, Order};
use crate::checks::size_limit::look::{Not, Observation, Shot, Verdict};
use crate::checks::size_limit::show;
use crate::checks::size_limit::spec::{Framing, PACKED};
use crate::checks::size_limit::table::{ANSWER_ARRIVES, EARLY, IN_SYNC, UNHARMED};
use crate::kind::{How, ProbeError, Seen};
use crate::model::{ClauseId, Excerpt};
use crate::transport::{After, Answer, Speak};
use crate::words::Answered;
use std::time::Duration;

/// How far above the limit a body stops for its refusal, and how far it would go.
const STOPS: u64 = 64 << 10;
pub(super) const GOES: u64 = 128 << 10;
/// How long a refusal is waited for before the rest is sent.
const HOLD: Duration = Duration::from_millis(1500);
/// How long a plain client waits there for something that it does not read.
const LOOKS: Duration = Duration::from_millis(300);
/// The same, once it is known that nothing comes.
const BRIEFLY: Duration = Duration::from_millis(20);
/// Plain clients of a first look.
const CLIENTS: u32 = 20;
/// Connections of a first look that are tried with another request.
const CONNECTIONS: u32 = 3;
/// How long a close is waited for before the rest of a body is sent, and the same once one has come later than that.
const LULLS: [Duration; 2] = [Duration::from_millis(50), Duration::from_secs(1)];
/// Ordinary requests after a refusal.
pub(super) const AFTER: u32 = 3;

impl Probe<'_> {
    /// Whether bodies are refused before their end.
    pub(super) async fn early(&self, limit: u64, seen: &mut Observation) -> Result<(), ProbeError> {
        if self.framings() == [Framing::Gzip] {
            not_there(seen, EARLY, Not::Permitted(PACKED.to_owned()));
            return Ok(());
        }
        self.each(EARLY, &self.framings_that_wait(), 1, limit, seen).await
    }

    /// Whether plain clients see the refusal.
    pub(super) async fn answer_arrives(&self, limit: u64, seen: &mut Observation) -> Result<(), ProbeError> {
        if self.speaks() == Speak::Http2 {
            let why = "with HTTP/2 nobody sends without listening".to_owned();
            not_there(seen, ANSWER_ARRIVES, Not::Permitted(why));
            return Ok(());
        }
        self.each(ANSWER_ARRIVES, &self.plain_framings(), CLIENTS, limit, seen).await
    }

    /// Whether the next request on the same connection is answered as one.
    pub(super) async fn in_sync(&self, limit: u64, seen: &mut Observation) -> Result<(), ProbeError> {
        if self.speaks() == Speak::Http2 {
            let why = "with HTTP/2 every request has a stream of its own".to_owned();
            not_there(seen, IN_SYNC, Not::Permitted(why));
            return Ok(());
        }
        let shot = self.ordinary(seen).await?;
        if shot.is_none_or(|(_, verdict)| verdict != Verdict::Fine) {
            let why = "the other request is not answered as it should be on a connection of its own".to_owned();
            not_there(seen, IN_SYNC, Not::There(why));
            return Ok(());
        }
        self.each(IN_SYNC, &self.framings_that_wait(), CONNECTIONS, limit, seen).await
    }

    /// The plain framings, and the one that asks before it sends.
    fn framings_that_wait(&self) -> Vec<Framing> {
        let mut framings = self.plain_framings();
        framings.extend(self.framings().contains(&Framing::ExpectContinue).then_some(Framing::ExpectContinue));
        framings.dedup();
        framings
    }

    /// One experiment in each of these framings, so many times, until enough are bad.
    async fn each(&self, clause: ClauseId, framings: &[Framing], times: u32, limit: u64, seen: &mut Observation) -> Result<(), ProbeError> {
        if let Some(not) = Self::no_refusal(seen) {
            not_there(seen, clause, not);
            return Ok(());
        }
        let willing: Vec<_> = framings.iter().filter(|framing| !seen.unwilling.contains(framing)).collect();
        if willing.is_empty() {
            not_there(
                seen,
                clause,
                Not::There("no body is taken in a framing that this could be seen in: size/accepts tells which".to_owned()),
            );
        }
        for framing in willing {
            self.manner_again(clause, framing.word(), times, limit, seen).await?;
        }
        Ok(())
    }

    /// The same in one framing, which is the case.
    pub(super) async fn manner_again(
        &self,
        clause: ClauseId,
        case: &str,
        times: u32,
        limit: u64,
        seen: &mut Observation,
    ) -> Result<(), ProbeError> {
        let Some(framing) = self.framings().into_iter().find(|f| f.word() == case) else { return Ok(()) };
        let (bytes, stop) = (limit.saturating_add(GOES), limit.saturating_add(STOPS));
        let manner = match clause {
            EARLY => Manner::Hold(stop, HOLD),
            ANSWER_ARRIVES => Manner::Plain(stop, LOOKS),
            _ => Manner::Next(limit.saturating_add(1), LULLS[0]),
        };
        let (mut waited, mut is_late) = (0, false);
        for turn in 1..=times {
            self.cx.saw(format!("{clause} {case}: {turn} of {times}"));
            // Who has let three wait without a word wants the whole body first: waiting longer shows no more.
            let manner = match manner {
                Manner::Plain(..) if waited == 3 => Manner::Plain(stop, BRIEFLY),
                Manner::Next(at, _) if is_late => Manner::Next(at, LULLS[1]),
                other => other,
            };
            let sent = self.send(Order { bytes, framing, manner }, seen).await?;
            waited += u32::from(waited < 3 && matches!(&sent, Ok((shot, _)) if shot.sent.silent));
            if !is_late && times > 1 && matches!(&sent, Ok((_, Some(After::ClosedLater)))) {
                // It may have been on its way already: the next ones are waited for.
                is_late = true;
                continue;
            }
            match sent {
                Err(not) => {
                    let case = seen.case(clause, case);
                    // Some of them in the place of all are no proof of what is promised of all; of a second look they are more than there were.
                    if self.round.number == 0 || case.of == 0 {
                        case.not = Some(too_few(not, case.of, times));
                    }
                    break;
                }
                Ok((shot, _)) if shot.is_taken() => {
                    seen.case(clause, case).not = Self::no_refusal(seen);
                }
                Ok((mut shot, after)) => {
                    let verdict = match clause {
                        EARLY => self.early_enough(&mut shot),
                        ANSWER_ARRIVES => self.arrived(&mut shot),
                        _ => {
                            seen.closed += u32::from(matches!(after, Some(After::Closed)));
                            seen.kept += u32::from(matches!(after, Some(After::Answered(_))));
                            self.synced(&mut shot, after.as_ref())?
                        }
                    };
                    seen.case(clause, case).add(shot, verdict);
                }
            }
            // What one connection leaves open another may show.
            let goes_on = clause == IN_SYNC && seen.case(clause, case).proof.is_none() && seen.case(clause, case).unsure.is_some();
            if !goes_on && seen.case(clause, case).is_settled(self.round.enough_bad) {
                break;
            }
        }
        Ok(())
    }

    /// Whether a plain client has seen the refusal, and not only since all was written before it came.
    fn arrived(&self, shot: &mut Shot) -> Verdict {
        match self.refused(shot) {
            Verdict::Fine if shot.sent.torn => {
                let expected = format!("the rest of {} is read before the connection is closed", show::bytes(shot.bytes));
                let observed = format!("{}, and a reset behind it: a client that still writes then sees no answer", shot.seen.brief());
                (shot.wrong, shot.shaky) = (Some((expected, observed)), true);
                Verdict::Noise
            }
            other => other,
        }
    }

    /// Whether the answer came while the rest of the body was held back, and none of it was invited whose length was told. Of a form
    /// the length is told, and not that of the part in it.
    fn early_enough(&self, shot: &mut Shot) -> Verdict {
        match shot.seen.answered() {
            Some(status) if shot.framing == Some(Framing::ExpectContinue) && shot.sent.invited && self.spec.b.field.is_none() => {
                let expected = format!("{status} in place of `100 Continue`: the length was told");
                shot.wrong = Some((expected, format!("`100 Continue`, and {status} once {} were sent", show::bytes(shot.sent.handed))));
                Verdict::Proof
            }
            Some(_) if !shot.sent.whole => self.refused(shot),
            _ if shot.unsure.is_some() => Verdict::Unsure,
            _ => Verdict::Noise,
        }
    }

    /// What came of the other request. Its answer takes the place of the refusal in the evidence.
    fn synced(&self, shot: &mut Shot, after: Option<&After>) -> Result<Verdict, ProbeError> {
        let expected = || "the next request on this connection is answered as on one of its own, or the connection is closed".to_owned();
        let refusal = shot.seen.brief();
        if shot.unsure.is_some() {
            return Ok(Verdict::Unsure);
        }
        Ok(match after {
            // No answer came that could leave a connection open: size/refuses tells that.
            None => shot.weight(),
            Some(After::Closed) => Verdict::Fine,
            Some(After::ClosedLater) => {
                shot.unsure = Some(format!(
                    "{refusal}, and the connection was closed without a word once the rest of the body had come: whether that was read as a \
                     request cannot be told. Whoever does not read it says `Connection: close`, and whoever does leaves the connection open"
                ));
                Verdict::Unsure
            }
            Some(After::Unasked(bytes)) => {
                shot.seen.body = Excerpt::of(bytes, Seen::BODY);
                let line = String::from_utf8_lossy(bytes).lines().next().unwrap_or_default().to_owned();
                shot.wrong = Some((
                    expected(),
                    format!("{refusal}, and then `{line}` before anything else was asked: the rest of the body was read as a request"),
                ));
                Verdict::Proof
            }
            Some(After::Answered(answer)) if self.is_fine(answer)? => Verdict::Fine,
            Some(After::Answered(answer)) => {
                shot.wrong = Some((
                    expected(),
                    format!("{refusal}, and then {} to the next request: the rest of the body was read as a part of it", answer.status),
                ));
                shot.shaky = matches!(answer.status, 408 | 429 | 500..=599);
                if shot.shaky { Verdict::Noise } else { Verdict::Proof }
            }
            Some(After::Broken(trouble)) => {
                shot.wrong = Some((expected(), format!("{refusal}, and then to the next request: {trouble}")));
                shot.shaky = trouble.confusable();
                if shot.shaky { Verdict::Noise } else { Verdict::Proof }
            }
        })
    }

    /// Whether the answer to an ordinary request is as declared.
    fn is_fine(&self, answer: &Answer) -> Result<bool, ProbeError> {
        match self.spec.b.next.as_ref().and_then(|next| next.b.expect.as_ref()) {
            Some(expect) => {
                let misses = expect.judge(&Answered::of(answer), self.cx.values()).map_err(|e| ProbeError(e.to_string()))?;
                Ok(misses.is_empty())
            }
            None => Ok((200..300).contains(&answer.status)),
        }
    }

    /// One ordinary request on a connection of its own. None: the environment leaves no room for it.
    async fn ordinary(&self, seen: &mut Observation) -> Result<Option<(Shot, Verdict)>, ProbeError> {
        let Some(next) = &self.spec.b.next else {
            // Who asks to come again later is not as he was before.
            let order = Order { bytes: self.spec.b.small(), framing: self.framings()[0], manner: Manner::Straight };
            let shot = self.send_once(order, seen).await?.ok().map(|(shot, _)| shot);
            return Ok(shot.map(|shot| {
                let verdict = if shot.is_taken() { Verdict::Fine } else { shot.weight() };
                (shot, verdict)
            }));
        };
        let mut how = How::caller(self.patience());
        how.wishes.fresh = true;
        let call = self.cx.call(&next.a, &how).await?;
        let mut shot = Shot { seen: Seen::of(&call, self.cx.stopwatch(), self.origin), ..Shot::default() };
        shot.unsure = self.whose(&shot);
        let verdict = match &call.answer {
            Ok(answer) if self.is_fine(answer)? => Verdict::Fine,
            _ => shot.weight(),
        };
        Ok(Some((shot, verdict)))
    }

    /// Ordinary requests after a refusal, three and three.
    pub(super) async fn unharmed(&self, times: u32, seen: &mut Observation) -> Result<(), ProbeError> {
        for turn in 0..times {
            if turn % AFTER == 0 {
                self.refuse_one(turn / AFTER, seen).await?;
            }
            match self.ordinary(seen).await? {
                Some((shot, verdict)) => seen.case(UNHARMED, "").add(shot, verdict),
                None => {
                    let why = "the environment's `limits.upload` leaves no room for an ordinary request".to_owned();
                    not_there(seen, UNHARMED, Not::Permitted(why));
                }
            }
            if seen.case(UNHARMED, "").is_settled(self.round.enough_bad) {
                break;
            }
        }
        if seen.refusal.is_none() {
            not_there(seen, UNHARMED, Not::There("no body was refused that could have done harm".to_owned()));
        }
        Ok(())
    }

    /// One refusal just before them, so that harm which passes by itself is met. Where the environment has no room for it, or bodies above
    /// the limit are taken, it has to do without.
    async fn refuse_one(&self, turn: u32, seen: &mut Observation) -> Result<(), ProbeError> {
        let (Some(limit), None) = (seen.limit, Self::no_refusal(seen)) else { return Ok(()) };
        let framings = self.willing(seen);
        let framing = framings[turn as usize % framings.len()];
        for _ in 0..=AFTER {
            match self.straight(limit.saturating_add(1), framing, seen).await? {
                // What an earlier refusal has harmed is not refused as it should be, and is none.
                Ok(shot) if self.refused(&shot) != Verdict::Fine => {}
                _ => break,
            }
        }
        Ok(())
    }
}

/// Why fewer of a kind were sent than are promised.
fn too_few(not: Not, of: u32, times: u32) -> Not {
    match not {
        Not::Permitted(why) if of > 0 => Not::Permitted(format!("{of} of {times} are no proof, and {why}")),
        other => other,
    }
}
