//! What the environment allows the harness to do to a service: requests in a time, connections at once, bytes uploaded.

use super::trouble::{OwnTrouble, Trouble};
use crate::model::Rate;
use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, sleep_until},
};

/// The limits of a run, shared by all its requests. Cheap to clone; clones share what is used. Default: no limit.
#[derive(Clone, Debug, Default)]
pub struct Permits(Arc<State>);

#[derive(Debug, Default)]
struct State {
    rate: Option<Pace>,
    connections: Option<Arc<Semaphore>>,
    /// What those who hold several connections side by side have been promised, of the same number.
    claims: Option<Arc<Semaphore>>,
    most: Option<usize>,
    waiting: AtomicUsize,
    upload: Option<Upload>,
}

#[derive(Debug)]
struct Pace {
    gap: Duration,
    next: Mutex<Option<Instant>>,
}

#[derive(Debug)]
struct Upload {
    left: AtomicU64,
}

/// The right to hold one connection; given back when dropped.
#[derive(Debug, Default)]
pub(crate) struct Held(
    #[expect(dead_code, reason = "held for its drop, which gives the place back")] Option<OwnedSemaphorePermit>,
    #[expect(dead_code, reason = "the same, of the claim to it")] Claim,
);

/// The promise that so many connections can be held side by side; it ends when dropped. The places themselves are taken as ever.
#[derive(Debug, Default)]
#[must_use]
pub struct Claim(Option<OwnedSemaphorePermit>);

impl Permits {
    /// With these limits; none means without.
    #[must_use]
    pub fn new(rate: Option<Rate>, connections: Option<usize>, upload: Option<u64>) -> Self {
        // Even spacing: a burst, however small, could exceed the rate in some window of its length.
        let pace = |rate: Rate| Pace { gap: rate.per / rate.count.max(1), next: Mutex::new(None) };
        let places = || connections.map(|n| Arc::new(Semaphore::new(n.clamp(1, Semaphore::MAX_PERMITS))));
        Self(Arc::new(State {
            rate: rate.map(pace),
            connections: places(),
            claims: places(),
            most: connections,
            waiting: AtomicUsize::new(0),
            upload: upload.map(|n| Upload { left: AtomicU64::new(n) }),
        }))
    }

    /// Waits until one more request may be sent.
    pub async fn request(&self) {
        if let Some(pace) = &self.0.rate {
            sleep_until(pace.slot(Instant::now())).await;
        }
    }

    /// Waits until one more connection may be held. `make_room` closes an idle one, if there is any.
    pub(crate) async fn connection(&self, make_room: impl Fn()) -> Held {
        let Some(semaphore) = &self.0.connections else { return Held::default() };
        if let Ok(permit) = semaphore.clone().try_acquire_owned() {
            return Held(Some(permit), Claim::default());
        }
        let _waiting = Waiting::new(&self.0.waiting);
        make_room();
        Held(Some(semaphore.clone().acquire_owned().await.expect("the semaphore is never closed")), Claim::default())
    }

    /// Waits until so many connections can be held side by side, and keeps others from holding so many that they could not: whoever holds
    /// some and waits for one more would otherwise wait for others who do the same. It counts all that are wanted at a time, also the one
    /// that a request beside them takes; while it lasts, no other claim is made. None where so many are never allowed.
    pub async fn claim(&self, count: usize) -> Option<Claim> {
        let Some(semaphore) = &self.0.claims else { return Some(Claim::default()) };
        let wanted = u32::try_from(count).ok().filter(|_| self.most_connections().is_none_or(|most| count <= most))?;
        Some(Claim(Some(semaphore.clone().acquire_many_owned(wanted).await.expect("the semaphore is never closed"))))
    }

    /// Waits until so many connections may be held, and takes all their places at once: whoever took them one by one could wait for
    /// another who does the same. None where so many are never allowed.
    pub(crate) async fn connections(&self, count: usize, make_room: impl Fn()) -> Option<Vec<Held>> {
        let mut claim = self.claim(count).await?;
        let Some(semaphore) = &self.0.connections else { return Some((0..count).map(|_| Held::default()).collect()) };
        let wanted = u32::try_from(count).ok()?;
        let mut all = match semaphore.clone().try_acquire_many_owned(wanted) {
            Ok(all) => all,
            Err(_) => {
                let _waiting = Waiting::new(&self.0.waiting);
                (0..count).for_each(|_| make_room());
                semaphore.clone().acquire_many_owned(wanted).await.expect("the semaphore is never closed")
            }
        };
        Some((0..count).map(|_| Held(all.split(1), Claim(claim.0.as_mut().and_then(|claim| claim.split(1))))).collect())
    }

    /// The most connections that may be held at once; none: as many as wanted.
    #[must_use]
    pub fn most_connections(&self) -> Option<usize> {
        self.0.most
    }

    /// The time between two requests that is always kept; none: none.
    #[must_use]
    pub fn gap(&self) -> Option<Duration> {
        self.0.rate.as_ref().map(|pace| pace.gap)
    }

    /// Somebody waits for a connection, so none may be kept idle.
    pub(crate) fn wanted(&self) -> bool {
        self.0.waiting.load(SeqCst) > 0
    }

    /// Bytes that may still be uploaded; none: without limit.
    #[must_use]
    pub fn upload_left(&self) -> Option<u64> {
        self.0.upload.as_ref().map(|upload| upload.left.load(SeqCst))
    }

    /// Takes that many bytes from what may be uploaded.
    ///
    /// # Errors
    /// Where fewer are left; nothing is taken then.
    pub fn upload(&self, bytes: u64) -> Result<(), Trouble> {
        let Some(upload) = &self.0.upload else { return Ok(()) };
        let taken = upload.left.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(bytes));
        taken.map(drop).map_err(|_| Trouble::Own(OwnTrouble::UploadSpent))
    }
}

impl Pace {
    /// The next moment at which a request may be sent, taken by whoever asks.
    fn slot(&self, now: Instant) -> Instant {
        // A poisoned lock holds nothing worse than the last slot given.
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = next.map_or(now, |next| next.max(now));
        *next = Some(slot + self.gap);
        slot
    }
}

/// Counts somebody who waits, also when the waiting is given up.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, SeqCst);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_spaced_evenly_and_the_first_does_not_wait() {
        let pace = Pace { gap: Duration::from_millis(50), next: Mutex::new(None) };
        let now = Instant::now();
        let slots = [now, now, now, now + Duration::from_secs(1)].map(|at| (pace.slot(at) - now).as_millis());
        assert_eq!(slots, [0, 50, 100, 1000], "an idle time earns no burst");
    }

    #[tokio::test]
    async fn a_connection_beyond_the_limit_waits_for_one_that_is_given_back() {
        let permits = Permits::new(None, Some(1), None);
        let first = permits.connection(|| unreachable!("there is room")).await;
        let waiter = tokio::spawn({
            let permits = permits.clone();
            async move { permits.connection(|| {}).await }
        });
        while !permits.wanted() {
            tokio::task::yield_now().await;
        }
        assert!(!waiter.is_finished());
        drop(first);
        waiter.await.expect("the waiter gets its place");
        assert!(!permits.wanted());
    }

    #[tokio::test]
    async fn many_places_are_taken_at_once_or_not_at_all() {
        let permits = Permits::new(None, Some(3), None);
        assert_eq!(permits.most_connections(), Some(3));
        assert!(permits.connections(4, || unreachable!("it would not help")).await.is_none(), "it never may");
        let mut all = Vec::new();
        for _ in 0..3 {
            all.push(permits.connection(|| unreachable!("there is room")).await);
        }
        let waiter = tokio::spawn({
            let permits = permits.clone();
            async move { permits.connections(2, || {}).await }
        });
        while !permits.wanted() {
            tokio::task::yield_now().await;
        }
        all.pop();
        tokio::task::yield_now().await;
        assert!(!waiter.is_finished(), "one place is not two");
        all.pop();
        assert_eq!(waiter.await.expect("it ends").expect("it may").len(), 2);
    }

    #[tokio::test]
    async fn who_has_claimed_what_it_holds_waits_for_no_other_who_does_the_same() {
        let permits = Permits::new(None, Some(4), None);
        assert!(permits.claim(5).await.is_none(), "it never may");
        let two = async |permits: Permits| {
            let _claim = permits.claim(3).await.expect("it may");
            let mut held = Vec::new();
            for _ in 0..3 {
                held.push(permits.connection(|| {}).await);
                tokio::task::yield_now().await;
            }
        };
        // Without the claims, each would hold two of the four places and wait for a third.
        let both = async { tokio::join!(two(permits.clone()), two(permits.clone())) };
        tokio::time::timeout(Duration::from_secs(20), both).await.expect("both had their three");
        let salvo = permits.connections(2, || {}).await.expect("it may");
        assert!(tokio::time::timeout(Duration::from_millis(20), permits.claim(3)).await.is_err(), "a salvo claims what it holds");
        drop(salvo);
        let _all = permits.claim(4).await.expect("all was given back");
    }

    #[test]
    fn the_upload_that_goes_beyond_what_is_allowed_is_refused_whole() {
        let permits = Permits::new(None, None, Some(10));
        assert_eq!(permits.upload(6), Ok(()));
        assert_eq!(permits.upload(5), Err(Trouble::Own(OwnTrouble::UploadSpent)));
        assert_eq!(permits.upload(4), Ok(()));
        assert_eq!(Permits::default().upload(u64::MAX), Ok(()));
    }
}
