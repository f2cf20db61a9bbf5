//! Watches this process itself: when it did not run, or its runtime lagged, no time is blamed on the service.
//!
//! Two tickers beat every 10 ms: a task tells when the runtime is late, a thread tells when the process or its cores are
//! (SIGSTOP, a starved machine). Measured on two cores that others were building on: half of the beats of the task were at
//! most 1.3 ms late (timers count in milliseconds) and 99 of 100 1.7 ms, those of the thread 0.1 and 0.2 ms; the worst of
//! 3,000 were 54 and 6 ms late. So what is more than 5 ms late is a stall, which only widens intervals, and from 250 ms on
//! it is told.

use crate::kind::{Stalls, Stopwatch};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A stall from which on it is told as an event.
pub(crate) const TOLD: Duration = Duration::from_millis(250);
/// Most stalls that are told; the record of stalls itself goes on.
const MOST_TOLD: usize = 20;

/// The two tickers; at rest when it is dropped.
pub(crate) struct SelfWatch {
    stalls: Arc<Stalls>,
    task: tokio::task::JoinHandle<()>,
    over: Arc<AtomicBool>,
}

impl SelfWatch {
    /// Starts both tickers on this record of stalls. `tell` is called with each long stall.
    pub(crate) fn start(stalls: Arc<Stalls>, tell: impl Fn(Duration) + Send + 'static) -> Self {
        let watch = Stopwatch::new(stalls.clone());
        let over = Arc::new(AtomicBool::new(false));
        let task = tokio::spawn({
            let (stalls, watch) = (stalls.clone(), watch.clone());
            async move {
                let mut told = 0;
                loop {
                    let lost = stalls.beat(0, watch.now());
                    if lost >= TOLD && told < MOST_TOLD {
                        told += 1;
                        tell(lost);
                    }
                    tokio::time::sleep(Stalls::PERIOD).await;
                }
            }
        });
        let thread = {
            let (stalls, over) = (stalls.clone(), over.clone());
            move || {
                while !over.load(Ordering::Relaxed) {
                    stalls.beat(1, watch.now());
                    std::thread::sleep(Stalls::PERIOD);
                }
                stalls.rest(1);
            }
        };
        // Without the thread a stop is still seen by the task, only less sharply.
        let _ = std::thread::Builder::new().name("allclear-self-watch".to_owned()).stack_size(64 * 1024).spawn(thread);
        Self { stalls, task, over }
    }
}

impl Drop for SelfWatch {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        self.task.abort();
        self.stalls.rest(0);
    }
}
