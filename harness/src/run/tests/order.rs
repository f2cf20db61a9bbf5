//! Who runs when: needs, gates, exclusive checks, the deadline, interrupts, and what each leaves behind.

use crate::checks::fake::{Fake, Instead};
use crate::model::event::RunEnd;
use crate::model::{Severity, Verdict};
use crate::plan::{Alone, Entry, Plan};
use crate::run::testing::{Heard, Reply, TestServer, edit, entry, entry_of, plan};
use crate::run::{Options, Session};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn options() -> Options {
    Options::new(std::env::temp_dir().join("allclear-tests"))
}

async fn good() -> TestServer {
    TestServer::start(|_, path| if path.contains("bad") { Reply::Status(500) } else { Reply::Status(200) }).await
}

async fn run(plan: Plan) -> (Heard, RunEnd) {
    let heard = Heard::default();
    let end = Session::new(Arc::new(plan), options(), heard.sink()).run_all().await;
    (heard, end)
}

fn needing(name: &str, needs: &[usize]) -> Entry {
    Entry { needs: needs.to_vec(), ..entry(name) }
}

fn behind(name: &str, gates: &[usize]) -> Entry {
    Entry { gates: gates.to_vec(), ..entry(name) }
}

#[track_caller]
fn check_verdicts(heard: &Heard, expected: &[(&str, Verdict)]) {
    let told: BTreeMap<String, Verdict> = heard.outcomes().iter().map(|o| (o.check.name.to_string(), o.verdict)).collect();
    assert_eq!(told, expected.iter().map(|(n, v)| ((*n).to_owned(), *v)).collect());
}

#[tokio::test]
async fn what_is_needed_runs_first_whatever_the_order_of_the_plan() {
    let server = good().await;
    let (heard, _) = run(plan(server.address, vec![needing("c", &[1]), needing("b", &[2]), entry("a")])).await;
    let lines = heard.lines();
    let ordered: Vec<&str> = lines.iter().map(String::as_str).collect();
    let expected = ["run", "started a", "finished a pass", "started b", "finished b pass", "started c", "finished c pass", "end"];
    assert_eq!(ordered, expected);
}

#[tokio::test]
async fn a_failure_blocks_what_needs_it_and_names_the_root_all_the_way_down() {
    let server = good().await;
    let (heard, _) = run(plan(server.address, vec![entry("bad"), needing("b", &[0]), needing("c", &[1]), entry("d")])).await;
    use Verdict::{Blocked, Fail, Pass};
    check_verdicts(&heard, &[("bad", Fail), ("b", Blocked), ("c", Blocked), ("d", Pass)]);
    assert_eq!(&*heard.outcome("c").root.unwrap().name, "bad");
    assert!(!heard.lines().contains(&"started b".to_owned()), "what is blocked sends nothing");
}

#[tokio::test]
async fn nothing_on_a_target_runs_before_its_gate_has_passed() {
    let server = good().await;
    let (heard, _) = run(plan(server.address, vec![behind("a", &[1]), entry("gate"), behind("b", &[1])])).await;
    assert_eq!(&heard.lines()[1..3], ["started gate", "finished gate pass"]);
    let (heard, _) = run(plan(server.address, vec![behind("a", &[1]), entry("bad-gate"), behind("b", &[1])])).await;
    check_verdicts(&heard, &[("a", Verdict::Blocked), ("bad-gate", Verdict::Fail), ("b", Verdict::Blocked)]);
}

#[tokio::test]
async fn gates_that_wait_for_each_other_or_for_what_waits_for_them_do_not_hang() {
    let server = good().await;
    let both = |name: &str, needs: &[usize], gates: &[usize]| Entry { needs: needs.to_vec(), gates: gates.to_vec(), ..entry(name) };
    // 0 and 1 are gates, 1 needs 2, and all of them stand behind both gates.
    let entries = vec![both("g0", &[], &[0, 1]), both("g1", &[2], &[0, 1]), both("n", &[], &[0, 1]), both("x", &[], &[0, 1])];
    let (heard, _) = run(plan(server.address, entries)).await;
    assert!(heard.outcomes().iter().all(|o| o.verdict == Verdict::Pass));
    let order: Vec<String> = heard.lines().into_iter().filter_map(|l| l.strip_prefix("started ").map(str::to_owned)).collect();
    assert_eq!(order, ["g0", "n", "g1", "x"]);
}

#[tokio::test]
async fn a_skip_is_told_and_what_needs_it_is_skipped_for_the_same_reason() {
    let server = good().await;
    let entries = || vec![Entry { skip: Some("production".into()), ..entry("a") }, needing("b", &[0]), entry("c")];
    let (heard, _) = run(plan(server.address, entries())).await;
    check_verdicts(&heard, &[("a", Verdict::Skip), ("b", Verdict::Skip), ("c", Verdict::Pass)]);
    assert_eq!(heard.outcome("b").reason.as_deref(), Some("production"));
    let (heard, _) = run(Plan { deny_skips: true, ..plan(server.address, entries()) }).await;
    check_verdicts(&heard, &[("a", Verdict::Inconclusive), ("b", Verdict::Blocked), ("c", Verdict::Pass)]);
}

/// A server that counts how many requests it holds at once, by path.
async fn counting(most: Arc<Mutex<BTreeMap<String, usize>>>) -> TestServer {
    let held = Arc::new(AtomicUsize::new(0));
    TestServer::start(move |_, path| {
        let now = held.fetch_add(1, Ordering::SeqCst) + 1;
        let mut most = most.lock().unwrap();
        let entry = most.entry(path.to_owned()).or_default();
        *entry = now.max(*entry);
        drop(most);
        // Held on the thread of the connection's task, so that overlap would be seen.
        std::thread::sleep(Duration::from_millis(5));
        held.fetch_sub(1, Ordering::SeqCst);
        Reply::Status(200)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_check_that_loads_its_target_has_it_for_itself() {
    for alone in [Alone::OnTarget, Alone::OnStand] {
        let most = Arc::new(Mutex::new(BTreeMap::new()));
        let server = counting(most.clone()).await;
        let mut entries: Vec<Entry> = (0..12).map(|i| entry(&format!("n{i}"))).collect();
        entries.insert(6, Entry { alone, ..entry("alone") });
        entries.insert(9, Entry { alone, ..entry("alone2") });
        let (heard, _) = run(plan(server.address, entries)).await;
        assert!(heard.outcomes().iter().all(|o| o.verdict == Verdict::Pass));
        let most = most.lock().unwrap();
        assert_eq!((most["/alone"], most["/alone2"]), (1, 1), "{most:?}");
    }
}

#[tokio::test]
async fn a_waiting_check_holds_no_job() {
    let server = good().await;
    let entries = vec![needing("c", &[1]), needing("b", &[2]), entry("a")];
    let (heard, _) = run(Plan { jobs: 1, ..plan(server.address, entries) }).await;
    assert!(heard.outcomes().iter().all(|o| o.verdict == Verdict::Pass));
}

/// Six checks that poll with two jobs, on a server that answers each path by how many paths have been asked for so far.
async fn polling(edit_one: impl Fn(&mut crate::suite::Check), reply: impl Fn(usize) -> Reply + Send + Sync + 'static) -> (Heard, usize) {
    let asked = Arc::new(Mutex::new(BTreeMap::<String, usize>::new()));
    let server = TestServer::start({
        let asked = asked.clone();
        move |_, path| {
            let mut asked = asked.lock().unwrap();
            *asked.entry(path.to_owned()).or_default() += 1;
            reply(asked.len())
        }
    })
    .await;
    let mut entries: Vec<Entry> = (0..6).map(|i| entry_of(&i.to_string(), Fake { path: format!("/{i}"), ..Fake::default() })).collect();
    entries.iter_mut().for_each(|entry| edit_one(edit(entry)));
    let (heard, _) = run(Plan { jobs: 2, ..plan(server.address, entries) }).await;
    let asked = asked.lock().unwrap().len();
    (heard, asked)
}

#[tokio::test]
async fn more_checks_than_jobs_poll_at_once_and_none_waits_for_another_to_end() {
    let within = |time| {
        move |check: &mut crate::suite::Check| {
            check.eventually = Some(crate::suite::Eventually { within: time, every: None, fails_on: None })
        }
    };
    // It holds for none before all six are polled: with two that keep their jobs, four would never be asked for.
    let (heard, _) = polling(within(Duration::from_secs(25)), |paths| Reply::Status(if paths == 6 { 200 } else { 503 })).await;
    assert!(heard.outcomes().iter().all(|o| o.verdict == Verdict::Pass), "{:?}", heard.lines());
    // And its twin: it never holds, and every one of them is told so.
    let (heard, _) = polling(within(Duration::from_millis(200)), |_| Reply::Status(503)).await;
    assert!(heard.outcomes().iter().all(|o| o.verdict == Verdict::Fail), "{:?}", heard.lines());
}

#[tokio::test]
async fn checks_that_must_hold_for_a_while_begin_while_others_are_still_held_to_it() {
    let (heard, paths) = polling(|check| check.consistently = Some(Duration::from_millis(500)), |_| Reply::Status(200)).await;
    assert_eq!(paths, 6);
    assert!(heard.outcomes().iter().all(|o| o.verdict == Verdict::Pass), "{:?}", heard.lines());
    let ended = heard.lines().iter().position(|l| l.starts_with("finished")).unwrap();
    assert!(heard.lines()[..ended].iter().filter(|l| l.starts_with("started")).count() > 2, "{:?}", heard.lines());
}

#[tokio::test]
async fn a_deadline_ends_checks_that_pause_and_those_that_wait_for_a_job() {
    let server = good().await;
    let mut entries: Vec<Entry> = (0..6).map(|i| entry(&i.to_string())).collect();
    entries.iter_mut().for_each(|entry| edit(entry).consistently = Some(Duration::from_secs(60)));
    let plan = Plan { deadline: Some(Duration::from_millis(300)), jobs: 1, ..plan(server.address, entries) };
    let (heard, end) = run(plan).await;
    assert!(end.out_of_time);
    assert_eq!(heard.outcomes().len(), 6);
    assert!(heard.outcomes().iter().all(|o| o.verdict == Verdict::Inconclusive), "{:?}", heard.lines());
}

#[tokio::test]
async fn the_run_s_deadline_ends_everything_and_every_check_has_an_outcome() {
    let server = TestServer::start(|_, _| Reply::Silence).await;
    let slow = Fake { timeout: Duration::from_secs(60), ..Fake::default() };
    let entries = vec![entry_of("a", slow.clone()), needing("b", &[0]), entry_of("c", slow)];
    let plan = Plan { deadline: Some(Duration::from_millis(200)), jobs: 1, ..plan(server.address, entries) };
    let (heard, end) = run(plan).await;
    assert!(end.out_of_time && end.interrupted.is_none());
    assert!(heard.outcomes().iter().all(|o| o.verdict == Verdict::Inconclusive), "{:?}", heard.lines());
    assert_eq!(heard.outcomes().len(), 3);
    assert!(heard.outcome("b").reason.unwrap().starts_with("not reached by the run's deadline of 200 ms"));
}

#[tokio::test]
async fn an_interrupt_ends_everything_and_every_check_has_an_outcome() {
    let server = TestServer::start(|_, _| Reply::Silence).await;
    let options = options();
    let interrupt = options.interrupt.clone();
    let heard = Heard::default();
    let slow = Fake { timeout: Duration::from_secs(60), ..Fake::default() };
    let session = Session::new(Arc::new(plan(server.address, vec![entry_of("a", slow), needing("b", &[0])])), options, heard.sink());
    let running = tokio::spawn({
        let session = session.clone();
        async move { session.run_all().await }
    });
    while server.hits() == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(&*session.waiting()[0].0.name, "a");
    interrupt.raise("SIGINT");
    interrupt.raise("SIGTERM");
    let end = running.await.unwrap();
    assert_eq!(end.interrupted.as_deref(), Some("SIGINT"), "the first signal counts");
    check_verdicts(&heard, &[("a", Verdict::Inconclusive), ("b", Verdict::Inconclusive)]);
    assert_eq!(heard.outcome("b").reason.as_deref(), Some("not reached: the run was ended by SIGINT"));
}

#[tokio::test]
async fn fail_fast_starts_nothing_after_a_required_failure() {
    let server = good().await;
    let mut advisory = entry("bad-advisory");
    edit(&mut advisory).severity = Severity::Advisory;
    let entries = vec![advisory, entry("bad"), entry("c")];
    let (heard, _) = run(Plan { fail_fast: true, jobs: 1, ..plan(server.address, entries) }).await;
    check_verdicts(&heard, &[("bad-advisory", Verdict::Fail), ("bad", Verdict::Fail), ("c", Verdict::Skip)]);
}

#[tokio::test]
async fn a_single_outcome_pulls_only_what_it_needs_and_is_computed_once() {
    let server = good().await;
    let heard = Heard::default();
    let entries = vec![needing("b", &[1]), entry("a"), entry("other")];
    let session = Session::new(Arc::new(plan(server.address, entries)), options(), heard.sink());
    let (first, again) = tokio::join!(session.outcome(0), session.outcome(0));
    assert!(Arc::ptr_eq(&first, &again));
    session.finish().await;
    check_verdicts(&heard, &[("a", Verdict::Pass), ("b", Verdict::Pass)]);
}

#[tokio::test]
async fn a_suite_that_judged_less_than_it_expects_is_told() {
    let server = good().await;
    for (expected, is_shrunk) in [(4, false), (5, true)] {
        let mut plan = plan(server.address, vec![entry("a"), entry("b")]);
        plan.suites[0].expect_clauses = Some(expected);
        assert_eq!(run(plan).await.1.shrunk.is_empty(), !is_shrunk);
    }
}

#[tokio::test]
async fn a_captured_secret_is_in_no_event() {
    let server = TestServer::start(|_, _| Reply::Body("leak")).await;
    let fake = Fake { gives: Some(("token".into(), "leak".into())), ..Fake::default() };
    let (heard, _) = run(plan(server.address, vec![entry_of("a", fake)])).await;
    let outcome = serde_json::to_string(&heard.outcome("a").clauses).unwrap();
    assert!(!outcome.contains("leak") && outcome.contains("***"), "{outcome}");
}

#[tokio::test]
async fn a_plan_of_many_checks_runs_through() {
    let server = good().await;
    let entries: Vec<Entry> =
        (0..2000).map(|i| entry_of(&i.to_string(), Fake { instead: Some(Instead::SeeNothing), ..Fake::default() })).collect();
    let (heard, _) = run(plan(server.address, entries)).await;
    assert_eq!(heard.outcomes().len(), 2000);
}
