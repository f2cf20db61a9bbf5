//! How many checks work at once: a check that only waits gives its place to others and takes one again before it goes on.

use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// All places of a run (`-j`).
#[derive(Clone, Debug)]
pub struct Jobs {
    places: Arc<Semaphore>,
    /// One check at a time waits for its first place, so that those that come back wait behind at most one that begins.
    door: Arc<Semaphore>,
}

/// The place of one check. Others may have it while the check is in [`Job::pause`].
#[derive(Debug)]
pub struct Job {
    places: Arc<Semaphore>,
    held: Mutex<Option<OwnedSemaphorePermit>>,
}

impl Jobs {
    /// So many places, at least one.
    #[must_use]
    pub fn new(places: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(places.clamp(1, Semaphore::MAX_PERMITS))), door: Arc::new(Semaphore::new(1)) }
    }

    /// Waits for a place. First come, first served, but a check that comes back from a pause goes before those that have not
    /// begun: what has begun is polled at its own pace however many wait.
    pub async fn enter(&self) -> Arc<Job> {
        let door = self.door.acquire().await.expect("the door is never closed");
        let place = take(&self.places).await;
        drop(door);
        Arc::new(Job { places: self.places.clone(), held: Mutex::new(Some(place)) })
    }
}

impl Job {
    /// Sleeps without its place, and comes back with one. Dropped in between, it has none: what is left to do then is to judge.
    ///
    /// Of several pauses of one check at the same time the first gives its place away; the others only sleep.
    pub async fn pause(&self, time: Duration) {
        let had = self.leave();
        tokio::time::sleep(time).await;
        if had {
            let place = take(&self.places).await;
            *self.held.lock().expect("no panic while a place is held") = Some(place);
        }
    }

    /// Gives the place away for good. Answers whether there was one.
    pub fn leave(&self) -> bool {
        self.held.lock().expect("no panic while a place is held").take().is_some()
    }
}

async fn take(places: &Arc<Semaphore>) -> OwnedSemaphorePermit {
    places.clone().acquire_owned().await.expect("the places of a run are never closed")
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::mpsc;
    use tokio::task::yield_now;

    async fn let_others_run() {
        for _ in 0..16 {
            yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_place_is_taken_by_one_check_only() {
        let jobs = Jobs::new(1);
        let first = jobs.enter().await;
        let second = tokio::spawn(async move { jobs.enter().await });
        let_others_run().await;
        assert!(!second.is_finished(), "the place is taken");
        assert!(first.leave());
        second.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_lends_its_place_and_ends_only_with_one() {
        let jobs = Jobs::new(1);
        let first = jobs.enter().await;
        let pausing = tokio::spawn({
            let first = first.clone();
            async move { first.pause(Duration::from_secs(1)).await }
        });
        let second = jobs.enter().await;
        assert!(!pausing.is_finished());
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert!(!pausing.is_finished(), "its time is over and its place is taken");
        assert!(second.leave());
        pausing.await.unwrap();
        assert!(first.leave(), "it has a place again");
    }

    #[tokio::test(start_paused = true)]
    async fn who_comes_back_goes_before_those_that_have_not_begun() {
        let jobs = Jobs::new(1);
        let returning = jobs.enter().await;
        let (tell, mut told) = mpsc::unbounded_channel();
        let pausing = tokio::spawn({
            let tell = tell.clone();
            async move {
                returning.pause(Duration::from_secs(1)).await;
                tell.send("returning".to_owned()).unwrap();
                returning.leave();
            }
        });
        let holding = jobs.enter().await;
        for name in ["first", "second", "third"] {
            let (jobs, tell) = (jobs.clone(), tell.clone());
            tokio::spawn(async move {
                let job = jobs.enter().await;
                tell.send(name.to_owned()).unwrap();
                yield_now().await;
                job.leave();
            });
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
        holding.leave();
        pausing.await.unwrap();
        drop(tell);
        let mut order = Vec::new();
        while let Some(name) = told.recv().await {
            order.push(name);
        }
        assert_eq!(order, ["first", "returning", "second", "third"], "behind at most one that begins");
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_that_is_dropped_loses_no_place() {
        let jobs = Jobs::new(1);
        let first = jobs.enter().await;
        let _ = tokio::time::timeout(Duration::from_millis(1), first.pause(Duration::from_secs(1))).await;
        assert!(!first.leave(), "its place was given away");
        let second = jobs.enter().await;
        let waiting = tokio::time::timeout(Duration::from_secs(1), jobs.enter()).await;
        assert!(waiting.is_err(), "one place is one place");
        assert!(second.leave());
        jobs.enter().await;
    }
}
