//! A good service and flawed ones while their dependencies are really cut, on real sockets.

use crate::checks::ready::{Observation, Ready};
use crate::kind::CheckKind as _;
use crate::kind::faulty::{Faulty, Watcher, standing};
use crate::kind::testing::{Reply, answer, json, look_in, round, serve, spec, told};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

/// Long limits, which a good service never comes near: it is left as soon as it has shown what it is.
const PATIENT: &str = "{ get: /ready, within: 30s, hard: [db], falls-within: 4s, recovers-within: 4s, real: { get: /jobs } }";
/// Short ones, for services that are over them by far.
const STRICT: &str = "{ get: /ready, within: 30s, hard: [db], falls-within: 300ms, recovers-within: 300ms, real: { get: /jobs } }";

fn is_ready_probe(head: &str) -> bool {
    head.starts_with("GET /ready")
}

/// A service that watches `db` as it should, and real requests that need it.
fn good(db: &Watcher) -> impl Fn(&str, usize) -> Reply + Send + Sync + 'static {
    let db = db.clone();
    move |head, _| match (is_ready_probe(head), db.is_up()) {
        (true, up) => standing(up, true),
        (false, true) => json(200, "[]"),
        (false, false) => json(500, "{}"),
    }
}

async fn tell(stand: &Faulty, yaml: &str, clauses: &[&str], reply: impl Fn(&str, usize) -> Reply + Send + Sync + 'static) -> Vec<String> {
    let address = serve(reply).await;
    let told = told(&look_in(&spec::<Ready>(yaml), &stand.context(address), clauses).await);
    assert!(stand.is_whole(), "every loss is undone");
    told
}

async fn db() -> (Faulty, Watcher) {
    let stand = Faulty::with(&["db"]).await;
    let watcher = Watcher::of(&stand.dependencies["db"], |up| up);
    (stand, watcher)
}

/// The service knows the state of `db` only as `bend` makes it.
async fn bent(bend: impl FnMut(bool) -> bool + Send + 'static) -> (Faulty, Watcher) {
    let stand = Faulty::with(&["db"]).await;
    let watcher = Watcher::of(&stand.dependencies["db"], bend);
    (stand, watcher)
}

#[track_caller]
fn has(told: &[String], part: &str) {
    assert!(told.iter().any(|t| t.contains(part)), "{part} is not in {told:?}");
}

#[track_caller]
fn lacks(told: &[String], part: &str) {
    assert!(!told.iter().any(|t| t.contains(part)), "{part} is in {told:?}");
}

#[tokio::test]
async fn a_good_service_falls_and_recovers_twice_by_each_loss() {
    let (stand, db) = db().await;
    let told = tell(&stand, PATIENT, &["ready/falls", "ready/recovers"], good(&db)).await;
    let expected = [
        "db/blackhole: held",
        "db/blackhole/again: held",
        "db/refuse: held",
        "db/refuse/again: held",
        "db/blackhole/body: held",
        "db/refuse/body: held",
        "db/blackhole: held",
        "db/blackhole/again: held",
        "db/refuse: held",
        "db/refuse/again: held",
        "db/blackhole/real: held",
        "db/refuse/real: held",
    ];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn without_a_promise_of_recovery_one_cycle_is_enough() {
    let (stand, db) = db().await;
    let yaml = "{ get: /ready, within: 30s, hard: [db], falls-within: 4s }";
    let told = tell(&stand, yaml, &["ready/falls"], good(&db)).await;
    assert_eq!(told, ["db/blackhole: held", "db/refuse: held", "db/blackhole/body: held", "db/refuse/body: held"]);
}

#[tokio::test]
async fn ready_while_the_dependency_is_held_down_is_proof_and_a_lie() {
    let (stand, _) = db().await;
    let asked = stand.dependencies["db"].clone();
    let blind = move |head: &str, _: usize| {
        if is_ready_probe(head) {
            return standing(true, true);
        }
        let asked = asked.clone();
        Reply::Soon(Box::pin(async move { json(if asked.answers(Duration::from_millis(50)).await { 200 } else { 500 }, "{}") }))
    };
    let told = tell(&stand, STRICT, &["ready/falls", "ready/recovers", "ready/truthful"], blind).await;
    has(&told, "db/blackhole: proof 200");
    has(&told, "db/refuse/again: proof 200");
    has(&told, "db/blackhole: unseen it never fell, so there was nothing to recover from");
    has(&told, "db/blackhole: proof ready, and GET /jobs: 500 {}, twice in a row");
}

#[tokio::test]
async fn a_readiness_that_hangs_with_its_dependency_is_broken_and_by_refusing_it_is_not() {
    let (stand, _) = db().await;
    let asked = stand.dependencies["db"].clone();
    let asks = move |_: &str, _: usize| {
        let asked = asked.clone();
        Reply::Soon(Box::pin(async move { standing(asked.answers(Duration::from_secs(60)).await, true) }))
    };
    let yaml = "{ get: /ready, within: 30s, answers-within: 200ms, hard: [db], falls-within: 4s }";
    let told = tell(&stand, yaml, &["ready/falls"], asks).await;
    assert!(told[0].starts_with("db/blackhole: counted 3") && told[1] == "db/refuse: held", "{told:?}");
}

#[tokio::test]
async fn a_fall_that_comes_too_late_is_counted_poll_by_poll() {
    let mut since = 0;
    let slow = move |up: bool| {
        since = if up { 0 } else { since + 1 };
        since < 8
    };
    let (stand, db) = bent(slow).await;
    let yaml = "{ get: /ready, within: 30s, hard: [db], falls-within: 50ms }";
    let told = tell(&stand, yaml, &["ready/falls"], good(&db)).await;
    assert!(told[0].starts_with("db/blackhole: counted ") || told[0].starts_with("db/blackhole: proof"), "{told:?}");
}

#[tokio::test]
async fn a_fall_by_another_code_or_without_the_name_is_caught() {
    let (stand, db) = db().await;
    let yaml = "{ get: /ready, within: 30s, hard: [db], falls-within: 4s }";
    let watched = db.clone();
    let told = tell(&stand, yaml, &["ready/falls"], move |_, _| if watched.is_up() { standing(true, true) } else { json(500, "{}") }).await;
    assert!(told[0].starts_with("db/blackhole: counted 3"), "{told:?}");
    let told = tell(&stand, yaml, &["ready/falls"], move |_, _| match db.is_up() {
        true => standing(true, true),
        false => json(503, r#"{"status":"not ready"}"#),
    })
    .await;
    has(&told, "db/blackhole: held");
    has(&told, r#"db/blackhole/body: proof 503 {"status":"not ready"}"#);
}

#[tokio::test]
async fn an_address_or_a_connection_string_in_the_failing_body_is_proof() {
    let (stand, db) = db().await;
    let at = stand.dependencies["db"].address;
    let yaml = "{ get: /ready, within: 30s, hard: [db], falls-within: 4s }";
    let telling = |body: String| {
        let db = db.clone();
        move |_: &str, _: usize| if db.is_up() { standing(true, true) } else { json(503, &body) }
    };
    let body = format!(r#"{{"status":"not ready","db":"no answer from {at}"}}"#);
    let told = tell(&stand, yaml, &["ready/falls", "ready/no-leak"], telling(body)).await;
    has(&told, &format!("db/blackhole/body: proof `{at}` in the body"));
    let body = r#"{"status":"not ready","db":"postgres://app:canary-0123456789@db/app"}"#.to_owned();
    let told = tell(&stand, yaml, &["ready/falls", "ready/no-leak"], telling(body)).await;
    has(&told, "proof a secret of this environment");
    has(&told, "db/refuse/body: proof `postgres://");
}

#[tokio::test]
async fn who_never_recovers_is_broken_and_is_cut_no_more() {
    let mut lost = false;
    let (stand, db) = bent(move |up| {
        lost |= !up;
        !lost
    })
    .await;
    let told =
        tell(&stand, STRICT.replace("falls-within: 300ms", "falls-within: 4s").as_str(), &["ready/falls", "ready/recovers"], good(&db))
            .await;
    has(&told, "db/blackhole: held");
    assert!(told.iter().any(|t| t.starts_with("db/blackhole: counted")), "{told:?}");
    has(&told, "db/refuse: unseen it was not ready again");
}

#[tokio::test]
async fn a_status_that_recovers_alone_is_caught_by_real_requests() {
    let lost = Arc::new(AtomicBool::new(false));
    let seen = lost.clone();
    let (stand, db) = bent(move |up| {
        seen.fetch_or(!up, Ordering::SeqCst);
        up
    })
    .await;
    let fails = move |head: &str, _: usize| match is_ready_probe(head) {
        true => standing(db.is_up(), true),
        false => json(if lost.load(Ordering::SeqCst) { 500 } else { 200 }, "{}"),
    };
    let told = tell(&stand, PATIENT, &["ready/falls", "ready/recovers"], fails).await;
    has(&told, "db/blackhole/real: counted ");
    lacks(&told, "db/blackhole: counted");
}

#[tokio::test]
async fn a_checker_that_dies_after_the_first_cycle_is_caught_by_the_second() {
    let (mut lost, mut dead) = (false, false);
    let (stand, db) = bent(move |up| {
        dead |= lost && up;
        lost |= !up;
        up || dead
    })
    .await;
    let told =
        tell(&stand, STRICT.replace("falls-within: 300ms", "falls-within: 3s").as_str(), &["ready/falls", "ready/recovers"], good(&db))
            .await;
    assert_eq!(told[0], "db/blackhole: held");
    assert!(told[1].starts_with("db/blackhole/again: proof"), "{told:?}");
}

#[tokio::test]
async fn another_process_after_an_outage_is_proof() {
    let boots = Arc::new(AtomicU32::new(0));
    let (seen, mut was) = (boots.clone(), true);
    let (stand, db) = bent(move |up| {
        seen.fetch_add(u32::from(up && !was), Ordering::SeqCst);
        was = up;
        up
    })
    .await;
    let yaml = "{ get: /ready, within: 30s, hard: [db], recovers-within: 4s, boot-id: { get: /version, at: $.boot } }";
    let restarts = move |head: &str, _: usize| match is_ready_probe(head) {
        true => standing(db.is_up(), true),
        false => json(200, &format!(r#"{{"boot":"b{}"}}"#, boots.load(Ordering::SeqCst))),
    };
    let told = tell(&stand, yaml, &["ready/recovers"], restarts).await;
    has(&told, "db/blackhole/process: proof boot id b1, and b0 before");
    let (stand, db) = self::db().await;
    let stays = move |head: &str, _: usize| if is_ready_probe(head) { standing(db.is_up(), true) } else { json(200, r#"{"boot":"b0"}"#) };
    let told = tell(&stand, yaml, &["ready/recovers"], stays).await;
    has(&told, "db/blackhole/process: held");
}

#[tokio::test]
async fn flapping_while_it_is_lost_is_counted_and_one_fall_is_none() {
    let yaml = "{ get: /ready, within: 30s, steady-for: 500ms, hard: [db], falls-within: 4s }";
    let (stand, db) = db().await;
    let told = tell(&stand, yaml, &["ready/falls", "ready/steady"], good(&db)).await;
    has(&told, "db/blackhole: held");
    lacks(&told, "counted");
    let mut turn = 0;
    let (stand, db) = bent(move |up| {
        turn += 1;
        up || turn % 2 == 0
    })
    .await;
    let told = tell(&stand, yaml, &["ready/steady", "ready/falls"], good(&db)).await;
    assert!(told.iter().any(|t| t.starts_with("db/blackhole: counted ")), "{told:?}");
}

/// What the clause of soft dependencies says of a service that answers so, by the state of its cache.
async fn soft(yaml: &str, says: impl Fn(bool) -> Reply + Send + Sync + 'static) -> Vec<String> {
    let stand = Faulty::with(&["cache"]).await;
    let cache = Watcher::of(&stand.dependencies["cache"], |up| up);
    tell(&stand, yaml, &["ready/soft"], move |_, _| says(cache.is_up())).await
}

#[tokio::test]
async fn a_soft_dependency_is_told_and_does_not_take_it_out_of_traffic() {
    let yaml = "{ get: /ready, within: 30s, soft: [cache] }";
    let told = soft(yaml, |up| standing(true, up)).await;
    let of = |fault: &str| ["", "/told", "/back"].map(|part| format!("cache/{fault}{part}: held"));
    assert_eq!(told, [of("blackhole"), of("refuse")].concat());
    let told = soft(yaml, |up| standing(up, up)).await;
    assert!(told[0].starts_with("cache/blackhole: counted 3") && told[1] == "cache/blackhole/told: held", "{told:?}");
}

#[tokio::test]
async fn a_soft_dependency_that_is_lost_in_silence_is_proof() {
    let yaml = "{ get: /ready, within: 30s, hard: [db], falls-within: 300ms, soft: [cache] }";
    let told = soft(yaml, |_| standing(true, true)).await;
    assert_eq!(told[0], "cache/blackhole: held");
    assert!(told[1].starts_with("cache/blackhole/told: proof 200"), "{told:?}");
}

#[tokio::test]
async fn a_report_that_is_never_taken_back_is_not_taken_for_the_next() {
    let yaml = "{ get: /ready, within: 30s, hard: [db], falls-within: 1500ms, recovers-within: 300ms, soft: [cache] }";
    let lost = AtomicBool::new(false);
    let told = soft(yaml, move |up| standing(true, !lost.fetch_or(!up, Ordering::SeqCst) && up)).await;
    assert_eq!(told[1], "cache/blackhole/told: held");
    assert!(told[2].starts_with("cache/blackhole/back: counted "), "{told:?}");
    assert!(told[4].contains("unsure it told of an earlier loss"), "{told:?}");
}

#[tokio::test]
async fn a_trace_of_a_loss_beside_a_state_that_is_well_again_is_no_report() {
    let lost = AtomicBool::new(false);
    let told = soft("{ get: /ready, within: 30s, soft: [cache] }", move |up| {
        let trace = if lost.fetch_or(!up, Ordering::SeqCst) | !up { r#","cache_last_error":"timeout""# } else { "" };
        json(200, &format!(r#"{{"status":"ready","cache":"{}"{trace}}}"#, if up { "ok" } else { "down" }))
    })
    .await;
    assert!(told.iter().all(|t| t.ends_with("held")), "{told:?}");
}

/// What is advised of a service that answers so, by the state of this dependency.
async fn advised(name: &str, yaml: &str, says: impl Fn(bool, &str) -> Reply + Send + Sync + 'static) -> Vec<String> {
    let stand = Faulty::with(&[name]).await;
    let watcher = Watcher::of(&stand.dependencies[name], |up| up);
    let address = serve(move |head, _| says(watcher.is_up(), head)).await;
    let kind = spec::<Ready>(yaml);
    let mut seen = Observation::default();
    let clauses = ["ready/falls", "ready/soft", "ready/truthful"];
    kind.probe(&round::<Ready>(&clauses), &stand.context(address), &mut seen).await.unwrap();
    kind.advises(&seen).into_iter().map(|a| format!("{} {}: {}", a.clause, a.case, a.what)).collect()
}

#[tokio::test]
async fn not_ready_while_real_requests_work_throughout_is_advised_and_a_good_reason_is_not() {
    let over_strict = |up: bool, head: &str| if is_ready_probe(head) { standing(up, up) } else { json(200, "[]") };
    let reasonable = |up: bool, head: &str| match is_ready_probe(head) {
        true => standing(up, up),
        false => json(if up { 200 } else { 503 }, "[]"),
    };
    for (name, key) in [("db", "hard: [db], falls-within: 4s"), ("cache", "soft: [cache]")] {
        let yaml = format!("{{ get: /ready, within: 30s, {key}, real: {{ get: /jobs }} }}");
        let told = advised(name, &yaml, over_strict).await;
        let expected = |fault: &str| {
            format!("ready/truthful {name}/{fault}: over-strict: not ready, yet GET /jobs worked 3 of 3 times, while `{name}` was lost")
        };
        assert_eq!(told, [expected("blackhole"), expected("refuse")]);
        assert_eq!(advised(name, &yaml, reasonable).await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn one_replica_that_stays_ready_while_others_fall_is_named() {
    let yaml = "{ get: /ready, within: 30s, hard: [db], falls-within: 400ms, replicas: { header: x-replica } }";
    let farm = |stale: bool, db: Watcher| {
        move |_: &str, n: usize| {
            let name = format!("x-replica: r{}", n % 3);
            let lines = ["content-type: application/json", name.as_str()];
            match db.is_up() || stale && n % 3 == 2 {
                true => answer(200, &lines, r#"{"status":"ready","db":"ok"}"#),
                false => answer(503, &lines, r#"{"status":"not ready","db":"down"}"#),
            }
        }
    };
    let (stand, db) = db().await;
    let told = tell(&stand, &yaml.replace("400ms", "4s"), &["ready/replicas", "ready/falls"], farm(false, db.clone())).await;
    has(&told, "db/blackhole: held");
    lacks(&told, "counted");
    let told = tell(&stand, yaml, &["ready/replicas", "ready/falls"], farm(true, db)).await;
    assert!(told.iter().filter(|t| t.starts_with("db/blackhole: ") && !t.ends_with("held")).count() == 2, "{told:?}");
}

#[tokio::test]
async fn a_deadline_in_mid_outage_mends_and_judges_what_was_seen() {
    let (stand, db) = db().await;
    let address = serve(good(&db)).await;
    let kind = spec::<Ready>("{ get: /ready, within: 30s, hard: [db], falls-within: 60s, steady-for: 60s }");
    let (mut seen, cx) = (Observation::default(), stand.context(address));
    let wanted = round::<Ready>(&["ready/falls"]);
    {
        let probing = kind.probe(&wanted, &cx, &mut seen);
        let cut = async {
            while stand.is_whole() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::select! {
            _ = probing => panic!("it takes as long as it must be steady"),
            () = cut => {}
        }
    }
    stand.dependencies["db"].is_back().await;
    let told = told(&kind.judge(&seen));
    assert!(told.iter().all(|t| t.contains("unseen the deadline came")), "{told:?}");
}

#[tokio::test]
async fn a_fault_that_cannot_be_had_is_trouble_of_the_harness_and_no_verdict() {
    let address = serve(|_, _| standing(true, true)).await;
    let kind = spec::<Ready>(PATIENT);
    let mut seen = Observation::default();
    let trouble = kind.probe(&round::<Ready>(&["ready/falls"]), &Faulty::default().context(address), &mut seen).await.unwrap_err();
    assert_eq!(trouble.to_string(), "blackhole of `db`: there is no `db`");
    let told = told(&kind.judge(&seen));
    assert!(told.iter().all(|t| t.contains("unseen `db` could not be lost")), "{told:?}");
}
