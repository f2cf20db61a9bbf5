//! A harness that is stopped for five seconds in the middle of a run blames nobody.

use crate::checks::fake::Fake;
use crate::model::{Impact, Verdict};
use crate::plan::{Entry, Plan};
use crate::run::testing::{Heard, Reply, TestServer, edit, entry_of, plan};
use crate::run::{Options, Session};
use crate::suite::Eventually;
use crate::transport::process::{Process, Program};
use nix::sys::signal::Signal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Where the child finds its server.
const ADDRESS: &str = "ALLCLEAR_TEST_ADDRESS";

/// The child's part: a run with many sorts of checks against the parent's server. Any `fail` is a false alarm.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the child of the test below"]
async fn child() {
    #[expect(clippy::disallowed_methods, reason = "a child test is told its server's address by its parent")]
    let address = std::env::var(ADDRESS).expect("the parent gives the address").parse().unwrap();
    let quick = |i: usize| {
        let fake = Fake { within: Some(Duration::from_millis(500)), timeout: Duration::from_millis(1500), samples: 40, ..Fake::default() };
        entry_of(&format!("quick{i}"), fake)
    };
    let polled = |name: &str| entry_of(name, Fake { samples: 1, timeout: Duration::from_millis(1500), ..Fake::default() });
    let mut consistently = polled("consistently");
    edit(&mut consistently).consistently = Some(Duration::from_secs(3));
    let mut eventually = polled("eventually");
    edit(&mut eventually).eventually = Some(Eventually { within: Duration::from_secs(3), every: None, fails_on: None });
    let mut entries: Vec<Entry> = (0..8).map(quick).collect();
    entries.extend([consistently, eventually]);
    // The first bad answer of these is final: had the stop forged one, they would fail.
    for i in 0..4 {
        let fake = Fake { timeout: Duration::from_millis(1500), samples: 40, repeatable: false, ..Fake::default() };
        let mut once = entry_of(&format!("once{i}"), fake);
        once.asked.iter_mut().for_each(|ask| ask.impact = Impact::Write);
        entries.push(once);
    }
    let heard = Heard::default();
    let folder = std::env::temp_dir().join("allclear-tests");
    let plan = Plan { jobs: entries.len(), ..plan(address, entries) };
    Session::new(Arc::new(plan), Options::new(folder), heard.sink()).run_all().await;
    let failed: Vec<_> = heard.outcomes().into_iter().filter(|o| o.verdict == Verdict::Fail).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    assert!(heard.lines().iter().any(|l| l.contains("stood still for ")), "a stop of five seconds is told: {:?}", heard.lines());
}

#[tokio::test]
async fn a_run_that_is_stopped_for_five_seconds_gives_no_fail() {
    let is_stopped = Arc::new(AtomicBool::new(false));
    let (asked, mut asks) = tokio::sync::mpsc::unbounded_channel();
    let held = is_stopped.clone();
    let server = TestServer::start(move |n, _| {
        let _ = asked.send(n);
        // While its client stands still this server loses patience, as real ones do.
        if held.load(Ordering::SeqCst) { Reply::Reset } else { Reply::After(Duration::from_millis(20)) }
    })
    .await;
    let program = Program {
        path: std::env::current_exe().unwrap(),
        args: ["--exact", "run::tests::stopped::child", "--ignored", "--nocapture"].map(Into::into).into(),
        env: vec![(ADDRESS.into(), server.address.to_string().into())],
    };
    let mut child = Process::start(&program).unwrap();
    while asks.recv().await.expect("the child asks") < 60 {}
    child.signal(Signal::SIGSTOP);
    is_stopped.store(true, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_secs(5)).await;
    is_stopped.store(false, Ordering::SeqCst);
    child.signal(Signal::SIGCONT);
    let status = tokio::time::timeout(Duration::from_secs(100), child.wait()).await.expect("the child ends").unwrap();
    assert!(status.success(), "{}", child.last_lines().join("\n"));
}
