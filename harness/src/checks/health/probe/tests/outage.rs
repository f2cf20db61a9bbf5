//! A liveness that knows nothing of its dependency, and ones that do, while the dependency is really cut.

use crate::checks::health::Health;
use crate::kind::CheckKind as _;
use crate::kind::faulty::{Dependency, Faulty, Watcher};
use crate::kind::testing::{Reply, json, look_in, round, serve, spec, told};
use crate::model::FaultKind;
use std::time::Duration;

const CLAUSE: &str = "health/independent";
const GOOD: &str = r#"{"status":"healthy"}"#;
const SUITE: &str = "{ get: /health, within: 400ms, independent-of: [db], outage: 400ms }";

/// A liveness that asks its dependency first, and waits so long for it.
fn asks(db: &Dependency, patience: Duration) -> Reply {
    let db = db.clone();
    Reply::Soon(Box::pin(async move { if db.answers(patience).await { json(200, GOOD) } else { json(503, r#"{"status":"down"}"#) } }))
}

async fn tell(stand: &Faulty, yaml: &str, clauses: &[&str], reply: impl Fn(&str, usize) -> Reply + Send + Sync + 'static) -> Vec<String> {
    let address = serve(reply).await;
    told(&look_in(&spec::<Health>(yaml), &stand.context(address), clauses).await)
}

#[track_caller]
fn check(told: &[String], expected: &[&str]) {
    assert_eq!(told.len(), expected.len(), "{told:?}");
    assert!(told.iter().zip(expected).all(|(told, part)| told.starts_with(part)), "{told:?}");
}

#[tokio::test]
async fn a_liveness_that_knows_nothing_of_its_dependency_is_held_in_every_outage() {
    let stand = Faulty::with(&["db"]).await;
    let told = tell(&stand, SUITE, &[CLAUSE], |_, _| json(200, GOOD)).await;
    check(&told, &["db/blackhole: held", "db/refuse: held", "db/slow: held", "db/reset: held"]);
    assert!(stand.is_whole());
}

#[tokio::test]
async fn a_liveness_that_asks_its_dependency_is_broken_by_every_way_of_losing_it() {
    let stand = Faulty::with(&["db"]).await;
    let db = stand.dependencies["db"].clone();
    let told = tell(&stand, SUITE, &[CLAUSE], move |_, _| asks(&db, Duration::from_secs(5))).await;
    check(&told, &["db/blackhole: counted 3", "db/refuse: counted 3", "db/slow: counted 3", "db/reset: counted 3"]);
    assert!(stand.is_whole());
}

#[tokio::test]
async fn a_black_hole_shows_what_refusing_hides() {
    let stand = Faulty::with(&["db"]).await;
    let db = stand.dependencies["db"].clone();
    let waits = move |_: &str, _| {
        let db = db.clone();
        Reply::Soon(Box::pin(async move {
            db.answers(Duration::from_secs(5)).await;
            json(200, GOOD)
        }))
    };
    let told = tell(&stand, SUITE, &[CLAUSE], waits).await;
    check(&told, &["db/blackhole: counted 3", "db/refuse: held", "db/slow: counted 3", "db/reset: held"]);
}

#[tokio::test]
async fn only_the_dependency_that_it_asks_is_named() {
    let stand = Faulty::with(&["db", "cache"]).await;
    let cache = stand.dependencies["cache"].clone();
    let yaml = "{ get: /health, independent-of: [db, cache], outage: 200ms }";
    let told = tell(&stand, yaml, &[CLAUSE], move |_, _| asks(&cache, Duration::from_millis(100))).await;
    assert!(told[..4].iter().all(|t| t.ends_with("held")) && told[4].starts_with("cache/blackhole: counted 3"), "{told:?}");
}

#[tokio::test]
async fn another_valid_answer_during_an_outage_is_proof() {
    let stand = Faulty::with(&["db"]).await;
    let watcher = Watcher::of(&stand.dependencies["db"], |up| up);
    let told = tell(&stand, SUITE, &[CLAUSE], move |_, _| if watcher.is_up() { json(200, GOOD) } else { json(404, "{}") }).await;
    assert!(told[0].starts_with("db/blackhole: proof 404"), "{told:?}");
}

#[tokio::test]
async fn what_fails_without_an_outage_too_is_not_blamed_on_it() {
    let stand = Faulty::with(&["db"]).await;
    let told = tell(&stand, SUITE, &[CLAUSE], |_, n| if n % 3 == 0 { json(503, "{}") } else { json(200, GOOD) }).await;
    assert!(told[0].starts_with("db/blackhole: unsure it failed 2 of 5 times with `db` at hand too"), "{told:?}");
}

#[tokio::test]
async fn a_liveness_that_stays_down_ends_the_outages_and_says_why() {
    let stand = Faulty::with(&["db"]).await;
    let mut lost = false;
    let watcher = Watcher::of(&stand.dependencies["db"], move |up| {
        lost |= !up;
        !lost
    });
    let address = serve(move |_, _| if watcher.is_up() { json(200, GOOD) } else { json(503, "{}") }).await;
    let kind = spec::<Health>(SUITE);
    let mut seen = super::Observation::default();
    let cx = stand.context(address);
    kind.probe(&round::<Health>(&[CLAUSE]), &cx, &mut seen).await.unwrap();
    let told = told(&kind.judge(&seen));
    assert!(told[0].starts_with("db/blackhole: counted 3"), "{told:?}");
    assert!(told[1].contains("unseen it did not answer as before for 1.00 s after db/blackhole"), "{told:?}");
}

#[tokio::test]
async fn failing_answers_are_searched_for_secrets_and_held_against_their_words() {
    let stand = Faulty::with(&["db"]).await;
    let watcher = Watcher::of(&stand.dependencies["db"], |up| up);
    let leaks = |body: &'static str| {
        let watcher = watcher.clone();
        move |_: &str, _: usize| if watcher.is_up() { json(200, GOOD) } else { json(503, body) }
    };
    let yaml = "{ get: /health, independent-of: [db], outage: 300ms }";
    let clauses = &["health/agrees", "health/no-leak", CLAUSE];
    let told = tell(&stand, yaml, clauses, leaks(r#"{"status":"down","dsn":"canary-0123456789"}"#)).await;
    assert!(told[0] == "held" && told[5].starts_with("proof a secret of this environment"), "{told:?}");
    let told = tell(&stand, yaml, clauses, leaks(GOOD)).await;
    assert!(told[0].starts_with("proof 503 and a body that says `healthy`") && told[5] == "held", "{told:?}");
}

#[tokio::test]
async fn a_deadline_in_mid_outage_judges_what_was_seen_and_mends() {
    let stand = Faulty::with(&["db"]).await;
    let address = serve(|_, _| json(200, GOOD)).await;
    let kind = spec::<Health>("{ get: /health, independent-of: [db], outage: 60s }");
    let (mut seen, cx) = (super::Observation::default(), stand.context(address));
    let clauses = round::<Health>(&[CLAUSE]);
    {
        let probing = kind.probe(&clauses, &cx, &mut seen);
        let cut = async {
            while stand.dependencies["db"].fault() != Some(FaultKind::Blackhole) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        };
        tokio::select! {
            _ = probing => panic!("the outage is a minute long"),
            () = cut => {}
        }
    }
    stand.dependencies["db"].is_back().await;
    let told = told(&kind.judge(&seen));
    assert!(seen.outages[0].count() > 0 && told.iter().all(|t| t.contains("unseen the deadline came")), "{told:?}");
}

#[tokio::test]
async fn a_fault_that_cannot_be_had_is_trouble_of_the_harness_and_no_verdict() {
    let stand = Faulty::default();
    let address = serve(|_, _| json(200, GOOD)).await;
    let kind = spec::<Health>(SUITE);
    let mut seen = super::Observation::default();
    let trouble = kind.probe(&round::<Health>(&[CLAUSE]), &stand.context(address), &mut seen).await.unwrap_err();
    assert_eq!(trouble.to_string(), "blackhole of `db`: there is no `db`");
    let told = told(&kind.judge(&seen));
    assert!(told.iter().all(|t| t.contains("unseen `db` could not be lost")), "{told:?}");
}
