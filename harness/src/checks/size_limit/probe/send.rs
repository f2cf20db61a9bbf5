//! Sends one body and notes what came of it: the answer, how much had left by then, what was stored.

use super::Probe;
use super::bodies::{above_by_name, case};
use super::hashing::Hashing;
use crate::checks::size_limit::look::{Face, Not, Observation, Shot, Verdict};
use crate::checks::size_limit::show;
use crate::checks::size_limit::spec::Framing;
use crate::checks::size_limit::table::REFUSES;
use crate::kind::{How, ProbeError, RetryAfter, Seen, Shape};
use crate::model::Size;
use crate::transport::{After, Push, Runs, Speak};
use bytes::Bytes;
use std::time::Duration;

/// How long `100 Continue` is waited for. A server that does not know it sends nothing, and each body would wait.
const CONTINUES: Duration = Duration::from_millis(1000);
/// Bytes a second that the way to the service carries at the least, for the time that one body is given.
const PACE: u64 = 1 << 20;
/// Most bytes of a body that is kept of an answer.
const KEPT: usize = 4096;
/// How long a body with another request behind it stops just above the limit.
const A_MOMENT: Duration = Duration::from_millis(100);
/// How long a 429 without a time is waited for.
const A_WHILE: Duration = Duration::from_secs(1);

/// How much longer an exchange may take that carries so many bytes.
pub(super) fn time_for(bytes: u64) -> Duration {
    Duration::from_secs(bytes / PACE)
}

/// One body that is to be sent.
#[derive(Clone, Copy)]
pub(super) struct Order {
    pub(super) bytes: u64,
    pub(super) framing: Framing,
    pub(super) manner: Manner,
}

/// How it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// As fast as it goes, listening all the while.
    Straight,
    /// The same, with a stop after so many bytes.
    Hold(u64, Duration),
    /// As a plain client that does not listen, with a look at that place.
    Plain(u64, Duration),
    /// With another request behind it, on the same connection, if that is not closed within so long; it holds requests itself, and stops
    /// for a moment after so many bytes, so that who refuses there has none of the rest yet.
    Next(u64, Duration),
}

/// What came of it, or why it was not sent.
pub(super) type Sending = Result<(Shot, Option<After>), Not>;

impl Probe<'_> {
    /// Sends one body of this framing and size.
    pub(super) async fn straight(&self, bytes: u64, framing: Framing, seen: &mut Observation) -> Result<Result<Shot, Not>, ProbeError> {
        let sent = self.send(Order { bytes, framing, manner: Manner::Straight }, seen).await?;
        Ok(sent.map(|(shot, _)| shot))
    }

    /// Sends one body. Who asks to come again later is asked once more then.
    pub(super) async fn send(&self, order: Order, seen: &mut Observation) -> Result<Sending, ProbeError> {
        let sent = self.send_once(order, seen).await?;
        let Some(wait) = sent.as_ref().ok().and_then(|(shot, _)| self.comes_again(shot)).filter(|_| !seen.throttled) else {
            return Ok(sent);
        };
        self.cx.saw(format!("asked to come again in {wait:?}"));
        self.cx.pause(wait).await;
        let sent = self.send_once(order, seen).await?;
        seen.throttled = matches!(&sent, Ok((shot, _)) if self.comes_again(shot).is_some());
        Ok(sent)
    }

    /// How long to wait where the answer says so, and it is not how bodies are refused here. Never longer than for an answer.
    fn comes_again(&self, shot: &Shot) -> Option<Duration> {
        let status = shot.seen.answered().filter(|status| !self.spec.b.refused().fits(*status))?;
        let wait = match (status, RetryAfter::of(&shot.seen)) {
            (429 | 503, RetryAfter::For(wait)) => wait,
            (429, _) => A_WHILE,
            _ => return None,
        };
        (wait <= self.patience()).then_some(wait)
    }

    /// Why it cannot be told whose doing an answer is, or that there is none.
    pub(super) fn whose(&self, shot: &Shot) -> Option<String> {
        if shot.sent.slow {
            return Some(format!(
                "{} of {} were sent when the time was over, and more was still going out: the way, or the service, takes less than 1 MiB a \
                 second; give the check a longer `timeout`",
                show::exact(shot.sent.left),
                show::bytes(shot.bytes),
            ));
        }
        let is_throttled = shot.seen.answered() == Some(429) && !self.spec.b.refused().fits(429);
        is_throttled
            .then(|| format!("{}: it limits the rate of requests; set `limits.rate` of the environment below that", shot.seen.brief()))
    }

    /// Sends one body, once.
    pub(super) async fn send_once(&self, order: Order, seen: &mut Observation) -> Result<Sending, ProbeError> {
        let Order { bytes, framing, manner } = order;
        let sized = self.filler.body(bytes, seen.bodies, framing == Framing::Gzip);
        if let Some(not) = self.not_allowed(bytes, framing) {
            return Ok(Err(not));
        }
        let hash = self.hash(&sized, bytes, seen);
        let mut how = How::caller(self.patience());
        how.wishes.timeouts.total += time_for(bytes);
        how.wishes.limits.body_keep = 64 << 10;
        let next = match (manner, &self.spec.b.next) {
            (Manner::Next(..), Some(next)) => Some(next.a.clone()),
            _ => None,
        };
        let is_next = matches!(manner, Manner::Next(..)) && next.is_none();
        let small = is_next.then(|| self.filler.body(self.spec.b.small(), seen.bodies + 1, false));
        let mut len = u64::MAX;
        let shape = |out: &crate::transport::Outgoing| {
            let inner = match manner {
                Manner::Next(..) if framing != Framing::Gzip => Some(self.inner(&out.url, seen.bodies)),
                _ => None,
            };
            let sized = inner.as_ref().map_or_else(|| sized.clone(), |inner| self.filler.requests(bytes, inner));
            let made = self.filler.made(self.spec, out, &sized, framing)?;
            len = made.whole.len();
            let mut push = Push { cut: framing.cut(), ..Push::new(made.whole) };
            if framing == Framing::ExpectContinue {
                push.expect = Some(CONTINUES.min(self.patience()));
            }
            match manner {
                Manner::Hold(at, time) => push.hold = Some((at + made.before, time)),
                Manner::Plain(at, time) => (push.hold, push.plain) = (Some((at + made.before, time)), true),
                Manner::Next(at, lull) => (push.hold, push.lull) = (Some((at + made.before, A_MOMENT)), lull),
                Manner::Straight => {}
            }
            if let Some(small) = &small {
                let made = self.filler.made(self.spec, out, small, Framing::ContentLength)?;
                let mut next = out.clone().body(whole(&made.whole));
                next.headers.retain(|(name, _)| made.headers.iter().all(|(n, _)| n != name));
                next.headers.extend(made.headers);
                push.next = Some(next);
            }
            let packed = if framing == Framing::Gzip { " | gzip" } else { "" };
            let source = match &inner {
                // The requests in it are what matters, and line ends are what lies between.
                Some(inner) => format!(
                    "{{ printf '{}'; yes '' | head -c {}; }}",
                    String::from_utf8_lossy(inner).replace('\r', "\\r").replace('\n', "\\n").replace('%', "%%").replace('\'', ""),
                    bytes.saturating_sub(inner.len() as u64)
                ),
                None => format!("head -c {bytes} /dev/zero{packed}"),
            };
            Ok(Shape { push, headers: made.headers, curl: made.curl, source, next })
        };
        let Some(pushed) = self.cx.push(&self.spec.a, &how, shape).await? else {
            return Ok(Err(Not::Permitted("the environment's `limits.upload` was spent before the body was sent".to_owned())));
        };
        seen.bodies += 1;
        seen.bytes += pushed.sent.handed;
        let mut shot = Shot {
            bytes,
            framing: Some(framing),
            seen: Seen::of(&pushed.call, self.cx.stopwatch(), self.origin),
            sent: pushed.sent,
            ..Shot::default()
        };
        shot.seen.body.shorten(KEPT);
        // With HTTP/2 the end is a frame of its own, and an answer may come before that was asked for.
        shot.sent.whole |= shot.sent.handed >= len;
        shot.unsure = self.whose(&shot);
        if shot.is_taken() {
            seen.taken_by.get_or_insert_with(|| Face::of(&shot.seen));
            if let Some(limit) = seen.limit.filter(|limit| bytes > *limit) {
                // Whatever it was sent for: a larger body was taken.
                seen.taken_above += 1;
                seen.case(REFUSES, &case(above_by_name(limit, bytes), framing)).add(shot.clone(), Verdict::Proof);
            } else if !shot.sent.whole {
                self.half_taken(&mut shot);
            }
            if shot.sent.whole {
                seen.edge(framing, bytes, true);
            }
            self.taken(&mut shot, pushed.call.answer.as_ref().ok(), hash, seen).await?;
        } else if shot.seen.answered().is_some_and(|status| self.spec.b.refused().fits(status)) {
            seen.edge(framing, bytes, false);
            let most = (shot.sent.left, shot.sent.by);
            seen.most_sent = Some(seen.most_sent.map_or(most, |before| before.max(most)));
            seen.refusal.get_or_insert_with(|| shot.clone());
        }
        if let (Some(After::Answered(answer)), true) = (&pushed.next, is_next)
            && (200..300).contains(&answer.status)
        {
            seen.bodies += 1;
            self.remove(answer, seen).await?;
        }
        Ok(Ok((shot, pushed.next)))
    }

    /// The request that stands in a body: whoever reads the body as requests answers it, and to all others it is filling. It asks for
    /// nothing that is there.
    fn inner(&self, url: &url::Url, number: u64) -> Bytes {
        let host = &url[url::Position::BeforeHost..url::Position::AfterPort];
        format!("GET /allclear-{}-{number} HTTP/1.1\r\nhost: {host}\r\n\r\n", self.cx.run_id()).into()
    }

    /// Who takes what he does not have yet has taken nothing.
    fn half_taken(&self, shot: &mut Shot) {
        if self.speaks() == Speak::Http2 {
            // What was still to be sent is not told apart from what he did not want.
            shot.unsure = Some(format!(
                "{} before all of the body was sent, and with HTTP/2 it is not told whether the rest was read",
                shot.seen.brief()
            ));
            return;
        }
        let observed = format!("{} after {} were sent, and the rest was not read", shot.seen.brief(), show::bytes(shot.sent.left));
        shot.wrong = Some((format!("2xx once all {} are there", show::bytes(shot.bytes)), observed));
    }

    /// Why this body must not be sent, if so: the environment leaves no room for all of it.
    fn not_allowed(&self, bytes: u64, framing: Framing) -> Option<Not> {
        let left = self.cx.exchange().permits().upload_left()?;
        (framing.cost(bytes) > left).then(|| {
            Not::Permitted(format!(
                "{} are more than the environment lets be sent: `limits.upload` leaves {}",
                show::bytes(bytes),
                Size(left)
            ))
        })
    }

    /// The hash of what is sent, where something will be held against it.
    fn hash(&self, sized: &Runs, bytes: u64, seen: &Observation) -> Option<Hashing> {
        let is_due = self.spec.b.stored.is_some() && seen.limit.is_none_or(|limit| bytes <= limit);
        is_due.then(|| Hashing::begin(sized))
    }
}

/// A small body in one piece.
fn whole(runs: &Runs) -> Vec<u8> {
    runs.pieces().flat_map(|piece| piece.to_vec()).collect()
}
