//! The hash of a body, made on a thread of its own while the body is sent.

use crate::kind::ProbeError;
use crate::transport::Runs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use tokio::task::{JoinHandle, spawn_blocking};

/// A hash that is being made. Dropped, it is given up: of a body that was refused nobody wants it, and a long one would keep a core busy
/// beside what is timed next.
pub(super) struct Hashing {
    thread: JoinHandle<Option<String>>,
    unwanted: Arc<AtomicBool>,
}

impl Hashing {
    pub(super) fn begin(body: &Runs) -> Self {
        let (body, unwanted) = (body.clone(), Arc::<AtomicBool>::default());
        let flag = Arc::clone(&unwanted);
        Self { thread: spawn_blocking(move || body.sha256_unless(&flag)), unwanted }
    }

    /// Waits for it.
    pub(super) async fn done(mut self) -> Result<String, ProbeError> {
        let hash = (&mut self.thread).await.map_err(|e| ProbeError(format!("the hash of a body could not be made: {e}")))?;
        hash.ok_or_else(|| ProbeError("the hash of a body was given up".to_owned()))
    }
}

impl Drop for Hashing {
    fn drop(&mut self) {
        self.unwanted.store(true, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn a_hash_that_nobody_waits_for_is_given_up() {
        // A petabyte: whoever went on would go on for days.
        let body = Runs::new([(vec![1; 1 << 16].into(), 1 << 34)]);
        let mut hashing = Hashing::begin(&body);
        let thread = std::mem::replace(&mut hashing.thread, spawn_blocking(|| None));
        drop(hashing);
        let given_up = tokio::time::timeout(Duration::from_secs(60), thread).await;
        assert_eq!(given_up.expect("it stops").expect("it does not panic"), None);
        let small = Runs::new([("a".into(), 3)]);
        assert_eq!(Hashing::begin(&small).done().await.expect("it is made"), small.sha256());
    }
}
