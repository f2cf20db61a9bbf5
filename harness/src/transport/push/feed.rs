//! Hands a generated body to the sending half of an exchange, cut and framed as asked, and held back where it has to wait.

use super::{Cut, Leaving, Pieces, Push};
use bytes::{Bytes, BytesMut};
use std::{
    future::Future as _,
    ops::Range,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::time::{Sleep, sleep};

/// How many bytes at the end of a body are sent in chunks of one byte; what stands before them travels in larger ones.
pub(super) const TINY: u64 = 64 << 10;
/// How many chunks of one byte travel together: a write for each would measure system calls.
const TOGETHER: usize = 4096;
/// How long a plain client pauses before each piece behind its hold: long enough for a reset to come back from near by.
const PAUSE: Duration = Duration::from_millis(10);
/// How long it pauses before the second of them, which is the one that breaks where the first was answered by a reset: in times of what it
/// took to connect, which is one way there and back, and at most.
const WAYS: u32 = 2;
const LONGEST: Duration = Duration::from_secs(1);
/// The last chunk (RFC 9112 §7.1).
const LAST: &[u8] = b"0\r\n\r\n";

/// What comes next on the wire.
pub(crate) struct Fed {
    pub bytes: Bytes,
    /// Which of the bytes belong to the body.
    pub body: Range<usize>,
    /// Every how many bytes of that range one byte of the body stands, at its place `3`; 0: all belong to it.
    pub stride: usize,
}

/// The rest of a generated body.
pub(crate) struct Feed {
    pieces: Pieces,
    /// What is left of the piece that was begun.
    rest: Bytes,
    cut: Cut,
    len: u64,
    given: u64,
    expect: Option<Pin<Box<Sleep>>>,
    hold: Option<(u64, Duration)>,
    holding: Option<Pin<Box<Sleep>>>,
    /// Until all has left that was given before the hold.
    leaving: Option<Leaving>,
    /// What comes before each piece behind the hold, where it is a plain client's; how long the one takes that waits for a reset, and how
    /// many there were.
    pausing: Option<Pin<Box<Sleep>>>,
    pause: Option<Duration>,
    paused: u32,
    /// Lets whoever reads have a look between two pieces.
    yields: bool,
    turn: bool,
    ended: bool,
    /// The wait for `100 Continue` ran out.
    pub unanswered: bool,
    /// `100 Continue` came.
    pub invited: bool,
    /// The time at its hold ran out.
    pub silent: bool,
    /// Whether the kernel is asked how much has left.
    pub counts: bool,
}

impl Feed {
    /// For a connection that it took so long to make.
    pub(crate) fn new(push: &Push, connect: Duration) -> Self {
        let pause = (connect * WAYS).clamp(PAUSE, LONGEST);
        Self {
            pieces: push.body.pieces(),
            rest: Bytes::new(),
            cut: push.cut,
            len: push.body.len(),
            given: 0,
            expect: push.expect().map(|time| Box::pin(sleep(time))),
            hold: push.hold,
            holding: None,
            leaving: None,
            pausing: None,
            pause: (push.plain && push.hold.is_some()).then_some(pause),
            paused: 0,
            yields: !push.plain,
            turn: false,
            ended: false,
            unanswered: false,
            invited: false,
            silent: false,
            counts: !push.plain && push.next.is_none(),
        }
    }

    /// The other side wants the body: `100 Continue` came.
    pub(crate) fn go(&mut self) {
        self.expect = None;
        self.invited = true;
    }

    /// What keeps the body back is taken away: whoever waited has its answer.
    pub(crate) fn release(&mut self) {
        (self.expect, self.hold, self.holding, self.leaving) = (None, None, None, None);
    }

    /// Whether it waits at its hold, or for that to begin, so that a client that does not read may look whether there is something to read.
    pub(crate) fn is_holding(&self) -> bool {
        self.holding.is_some() || self.leaving.is_some()
    }

    /// Whether it is held back, there or before the word to go on.
    pub(crate) fn is_waiting(&self) -> bool {
        self.expect.is_some() || self.holding.is_some()
    }

    /// The next piece; none: all was given. A hold begins once so many bytes as were given before it are `leaving` no more: on a slow way
    /// that takes longer than the hold itself.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>, leaving: &dyn Fn(u64) -> Leaving) -> Poll<Option<Fed>> {
        if let Some(wait) = &mut self.expect {
            ready!(wait.as_mut().poll(cx));
            // RFC 9110 §10.1.1: a client should not wait for ever.
            self.expect = None;
            self.unanswered = true;
        }
        if let Some((at, time)) = self.hold
            && self.given >= at.min(self.len)
        {
            if self.holding.is_none() {
                let wait = self.leaving.get_or_insert_with(|| leaving(self.given));
                ready!(wait.as_mut().poll(cx));
            }
            let wait = self.holding.get_or_insert_with(|| Box::pin(sleep(time)));
            ready!(wait.as_mut().poll(cx));
            (self.hold, self.holding, self.leaving) = (None, None, None);
            self.silent = true;
        }
        if let Some(pause) = self.pause.filter(|_| self.hold.is_none() && self.given < self.len) {
            let time = if self.paused == 1 { pause } else { PAUSE };
            let wait = self.pausing.get_or_insert_with(|| Box::pin(sleep(time)));
            ready!(wait.as_mut().poll(cx));
            self.pausing = None;
            self.paused += 1;
        }
        // With the last byte goes the end, so that who has all of it is known to have it.
        if self.yields && self.given < self.len {
            self.turn = !self.turn;
            if !self.turn {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
        Poll::Ready(self.next())
    }

    fn next(&mut self) -> Option<Fed> {
        if self.ended {
            return None;
        }
        let Some(bytes) = self.cut_off() else {
            self.ended = true;
            let end = if self.cut == Cut::Whole { Bytes::new() } else { Bytes::from_static(LAST) };
            return Some(Fed { body: 0..0, bytes: end, stride: 0 });
        };
        Some(match self.cut {
            Cut::Whole => Fed { body: 0..bytes.len(), bytes, stride: 0 },
            Cut::Tiny if self.is_tiny() => tiny(&bytes),
            Cut::Tiny | Cut::Chunks => chunk(&bytes),
        })
    }

    /// Whether the piece that was just taken lies among the last bytes.
    fn is_tiny(&self) -> bool {
        self.len - self.given < TINY
    }

    /// Takes the next bytes of the body, up to wherever something changes.
    fn cut_off(&mut self) -> Option<Bytes> {
        if self.rest.is_empty() {
            self.rest = self.pieces.next()?;
        }
        let mut most = self.rest.len();
        let mut until = |place: u64, given: u64| {
            if place > given {
                most = most.min(usize::try_from(place - given).unwrap_or(usize::MAX));
            }
        };
        if let Some((at, _)) = self.hold {
            until(at, self.given);
        }
        if self.cut == Cut::Tiny {
            let begins = self.len.saturating_sub(TINY);
            until(begins, self.given);
            if self.given >= begins {
                most = most.min(TOGETHER);
            }
        }
        self.given += most as u64;
        Some(self.rest.split_to(most))
    }
}

fn chunk(bytes: &Bytes) -> Fed {
    let size = format!("{:x}\r\n", bytes.len());
    let mut framed = BytesMut::with_capacity(size.len() + bytes.len() + 2);
    framed.extend_from_slice(size.as_bytes());
    let body = framed.len()..framed.len() + bytes.len();
    framed.extend_from_slice(bytes);
    framed.extend_from_slice(b"\r\n");
    Fed { bytes: framed.freeze(), body, stride: 0 }
}

/// Each byte in a chunk of its own: `1 CR LF byte CR LF`.
fn tiny(bytes: &Bytes) -> Fed {
    let framed: Vec<u8> = bytes.iter().flat_map(|b| [b'1', b'\r', b'\n', *b, b'\r', b'\n']).collect();
    Fed { body: 0..framed.len(), bytes: framed.into(), stride: 6 }
}

impl Cut {
    /// Bytes on the wire of a body of this length, framing included: never below what is really sent.
    #[must_use]
    pub fn on_the_wire(self, len: u64) -> u64 {
        // A chunk of a block may be cut once more at a hold or where the tiny ones begin.
        let large = |len: u64| len + (len / 1024 + 4) * 20;
        match self {
            Self::Whole => len,
            Self::Chunks => large(len),
            Self::Tiny => large(len.saturating_sub(TINY)) + len.min(TINY) * 6,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::push::Runs;
    use futures_util::future::poll_fn;
    use tokio::time::sleep_until;

    const NEAR: Duration = Duration::ZERO;

    fn at_once(_: u64) -> Leaving {
        Box::pin(std::future::ready(()))
    }

    async fn fed(push: Push) -> (Vec<u8>, u64) {
        let mut feed = Feed::new(&push, NEAR);
        let (mut wire, mut body) = (Vec::new(), 0);
        while let Some(fed) = poll_fn(|cx| feed.poll_next(cx, &at_once)).await {
            body += fed.body.len().checked_div(fed.stride).unwrap_or(fed.body.len()) as u64;
            wire.extend_from_slice(&fed.bytes);
        }
        (wire, body)
    }

    fn runs(len: usize) -> Runs {
        Runs::new([(vec![b'a'; 1000].into(), (len / 1000) as u64), (vec![b'z'; len % 1000].into(), 1)])
    }

    /// The body of a chunked message, by the plainest reading.
    fn unchunked(mut wire: &[u8]) -> (Vec<u8>, usize) {
        let (mut body, mut chunks) = (Vec::new(), 0);
        loop {
            let end = wire.windows(2).position(|w| w == b"\r\n").expect("a size line");
            let size = usize::from_str_radix(std::str::from_utf8(&wire[..end]).unwrap(), 16).unwrap();
            wire = &wire[end + 2..];
            body.extend_from_slice(&wire[..size]);
            assert_eq!(&wire[size..size + 2], b"\r\n");
            wire = &wire[size + 2..];
            if size == 0 {
                assert!(wire.is_empty());
                return (body, chunks);
            }
            chunks += 1;
        }
    }

    #[tokio::test]
    async fn every_cut_carries_the_same_bytes_and_no_more_than_was_told() {
        for len in [0, 1, 999, 65_535, 65_536, 70_001, 200_000] {
            let expected: Vec<u8> = runs(len).pieces().flat_map(|b| b.to_vec()).collect();
            for cut in [Cut::Whole, Cut::Chunks, Cut::Tiny] {
                let (wire, counted) = fed(Push { cut, ..Push::new(runs(len)) }).await;
                assert!(wire.len() as u64 <= cut.on_the_wire(len as u64), "{cut:?} {len}: {}", wire.len());
                let body = if cut == Cut::Whole { wire } else { unchunked(&wire).0 };
                assert_eq!((body.len(), counted), (len, len as u64), "{cut:?}");
                assert!(body == expected, "{cut:?} of {len} bytes");
            }
        }
    }

    #[tokio::test]
    async fn tiny_chunks_hold_one_byte_each_at_the_end_of_the_body() {
        let (wire, _) = fed(Push { cut: Cut::Tiny, ..Push::new(runs(70_000)) }).await;
        let (_, chunks) = unchunked(&wire);
        assert!((65_536..65_546).contains(&chunks), "{chunks}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_hold_gives_exactly_so_many_bytes_and_then_waits() {
        let mut feed = Feed::new(&Push { hold: Some((1500, Duration::from_secs(5))), ..Push::new(runs(4000)) }, NEAR);
        let began = tokio::time::Instant::now();
        let mut before = 0;
        let mut all = 0;
        while let Some(fed) = poll_fn(|cx| feed.poll_next(cx, &at_once)).await {
            all += fed.body.len();
            if began.elapsed() < Duration::from_secs(5) {
                before = all;
            }
        }
        assert_eq!((before, all), (1500, 4000));
    }

    #[tokio::test(start_paused = true)]
    async fn a_hold_begins_when_all_before_it_has_left() {
        let mut feed = Feed::new(&Push { hold: Some((1500, Duration::from_secs(5))), ..Push::new(runs(4000)) }, NEAR);
        let began = tokio::time::Instant::now();
        let slow = |given| -> Leaving {
            assert_eq!(given, 1500);
            Box::pin(sleep_until(began + Duration::from_secs(7)))
        };
        let mut before = 0;
        while let Some(fed) = poll_fn(|cx| feed.poll_next(cx, &slow)).await {
            if began.elapsed() < Duration::from_secs(12) {
                before += fed.body.len();
            }
        }
        assert_eq!(before, 1500, "seven seconds on the way, and five of the hold");
    }

    #[tokio::test(start_paused = true)]
    async fn a_plain_client_that_is_far_away_waits_for_a_reset_to_come_back() {
        for (connect, pause) in [(0, 10), (160, 320), (9000, 1000)] {
            let push = Push { plain: true, hold: Some((1500, Duration::ZERO)), ..Push::new(runs(4000)) };
            let mut feed = Feed::new(&push, Duration::from_millis(connect));
            let began = tokio::time::Instant::now();
            let mut pieces = Vec::new();
            while let Some(fed) = poll_fn(|cx| feed.poll_next(cx, &at_once)).await {
                pieces.push((fed.body.len(), began.elapsed().as_millis()));
            }
            let at: Vec<_> = pieces.iter().skip_while(|(_, at)| *at == 0).filter(|(len, _)| *len > 0).map(|(_, at)| *at).collect();
            assert!(at.len() > 2, "{pieces:?}");
            assert!((10..20).contains(&at[0]) && (pause..pause + 10).contains(&(at[1] - at[0])), "{connect} ms: {pieces:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_waits_for_the_word_to_go_on_and_not_for_ever() {
        let push = Push { expect: Some(Duration::from_secs(1)), ..Push::new(runs(10)) };
        let mut feed = Feed::new(&push, NEAR);
        feed.go();
        assert!(poll_fn(|cx| feed.poll_next(cx, &at_once)).await.is_some() && !feed.unanswered);
        let mut feed = Feed::new(&push, NEAR);
        let began = tokio::time::Instant::now();
        assert!(poll_fn(|cx| feed.poll_next(cx, &at_once)).await.is_some() && feed.unanswered);
        assert!(began.elapsed() >= Duration::from_secs(1));
    }
}
