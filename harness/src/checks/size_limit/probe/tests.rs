//! Each experiment on a service of this process that is good, and on one with just that flaw.

mod http2;
mod service;

use super::super::{Observation, SizeLimit};
use crate::kind::testing::{answer, context, look, look_in, round, serve, setting, spec, told};
use crate::kind::{CheckKind as _, Context, Round, Setting};
use crate::model::{Found, Reading, Unseen};
use crate::transport::{Exchange, Options, Permits};
use service::{Flaw, LIMIT, Service};
use std::num::NonZeroU32;
use std::time::Duration;

const ALWAYS: &[&str] = &["size/accepts", "size/refuses"];
const ALL: &[&str] =
    &["size/accepts", "size/refuses", "size/early", "size/answer-arrives", "size/no-trace", "size/in-sync", "size/unharmed", "size/edge"];
/// `${id}` is known only at run time; the tests of a kind read specs without a suite around them, so nothing is stored here by id.
const FULL: &str = "{ post: /uploads, limit: 100KiB, find: true, framings: [content-length, chunked, tiny-chunks, expect-continue, gzip], \
                    next: { get: /health }, trace: [{ get: /uploads, at: $.count }, { get: /metrics, gauges: [temp_files] }, \
                    { get: /metrics, gauges: [memory], slack: 1MiB }] }";
const PART: &str = "{ post: /uploads, field: file, limit: 100KiB, framings: [content-length, chunked, expect-continue] }";

async fn readings(yaml: &str, flaw: Flaw, clauses: &[&str]) -> Vec<Reading> {
    let service = Service::start(flaw).await;
    look(&spec::<SizeLimit>(yaml), service.address, clauses).await
}

/// `size/refuses B+1/chunked: proof …`, for those that are not held.
fn bad(readings: &[Reading]) -> Vec<String> {
    let told = told(readings);
    readings
        .iter()
        .zip(told)
        .filter(|(r, _)| !matches!(r.found, Found::Held { .. }))
        .map(|(r, told)| format!("{} {told}", r.clause))
        .collect()
}

#[track_caller]
fn only(readings: &[Reading], expected: &[&str]) {
    let bad = bad(readings);
    assert!(!readings.is_empty());
    assert!(bad.iter().all(|b| expected.iter().any(|e| b.starts_with(e))), "{bad:#?}");
    assert!(expected.iter().all(|e| bad.iter().any(|b| b.starts_with(e))), "{expected:?} is not all in {bad:#?}");
}

#[tokio::test]
async fn a_limit_that_is_exact_early_and_lingering_is_held_in_every_clause() {
    for flaw in [Flaw::None, Flaw::Deaf, Flaw::Drains] {
        let service = Service::start(flaw).await;
        let kind = spec::<SizeLimit>(FULL);
        let mut seen = Observation::default();
        kind.probe(&round::<SizeLimit>(ALL), &context(service.address), &mut seen).await.unwrap();
        let readings = kind.judge(&seen);
        assert_eq!(bad(&readings), Vec::<String>::new(), "{flaw:?}");
        assert!(readings.len() > 40, "{}: five framings with seven sizes, and the rest", readings.len());
        assert_eq!(kind.tell(&seen).summary, "accepts 102,400 bytes (100KiB), refuses 102,401 bytes");
        let names: Vec<_> = kind.tell(&seen).measurements.iter().map(|m| m.name.clone()).collect();
        assert!(names.contains(&"edge".to_owned()) && names.iter().any(|n| n.starts_with("sent_before_refusal_by_")), "{names:?}");
    }
    let clauses: Vec<_> = ALL.iter().copied().filter(|c| !matches!(*c, "size/no-trace" | "size/edge")).collect();
    only(&readings(PART, Flaw::None, &clauses).await, &[]);
}

#[tokio::test]
async fn a_limit_at_another_place_is_told_with_its_edge() {
    let low = readings(FULL, Flaw::OneLess, ALL).await;
    only(&low, &["size/accepts B/", "size/edge"]);
    assert!(bad(&low).iter().any(|b| b == "size/edge proof accepts 102,399 bytes, refuses 102,400 bytes (100KiB)"), "{:#?}", bad(&low));
    let high = readings(FULL, Flaw::OneMore, &["size/accepts", "size/refuses", "size/edge"]).await;
    only(&high, &["size/refuses B+1/", "size/edge proof accepts 102,401 bytes"]);
    let decimal = readings(FULL, Flaw::Decimal, &["size/accepts", "size/refuses", "size/edge"]).await;
    only(&decimal, &["size/accepts B/", "size/accepts B-1/", "size/edge"]);
    assert!(
        bad(&decimal)
            .iter()
            .any(|b| b.ends_with("accepts 100,000 bytes (100kB), refuses 100,001 bytes: 100KiB was read in powers of ten: 100kB"))
    );
}

#[tokio::test]
async fn the_other_reading_of_a_unit_is_told_without_being_asked_for() {
    let kind = spec::<SizeLimit>("{ post: /uploads, limit: 100KiB, framings: [content-length] }");
    let service = Service::start(Flaw::Decimal).await;
    let mut seen = Observation::default();
    kind.probe(&round::<SizeLimit>(ALWAYS), &context(service.address), &mut seen).await.unwrap();
    let finding = kind.judge(&seen).into_iter().find_map(|r| if let Found::Proof(f) = r.found { Some(f) } else { None }).unwrap();
    let edge = finding.details.iter().find(|(label, _)| label == "edge").unwrap().1.clone();
    assert_eq!(edge, "accepts 100,000 bytes (100kB), refuses 100,001 bytes; 100KiB was read in powers of ten: 100kB");
}

#[tokio::test]
async fn no_limit_at_all_is_proof_in_every_framing_and_ten_times_as_much_is_not_sent() {
    let service = Service::start(Flaw::NoLimit).await;
    let kind = spec::<SizeLimit>(FULL);
    let readings = look(&kind, service.address, &ALL[..7]).await;
    only(
        &readings,
        &[
            "size/refuses B+1/",
            "size/refuses 2B/",
            "size/early unseen",
            "size/answer-arrives unseen",
            "size/no-trace unseen",
            "size/in-sync unseen",
            "size/unharmed unseen no body was refused",
        ],
    );
    assert!(service.received() < 8 * 5 * LIMIT, "{}", service.received());
}

#[tokio::test]
async fn a_limit_of_one_framing_alone_is_told_by_the_others() {
    only(
        &readings(FULL, Flaw::OnlyLength, ALWAYS).await,
        &[
            "size/refuses B+1/chunked: proof",
            "size/refuses 2B/chunked: proof",
            "size/refuses B+1/tiny-chunks: proof",
            "size/refuses 2B/tiny-chunks: proof",
        ],
    );
    only(&readings(FULL, Flaw::Bomb, ALWAYS).await, &["size/refuses B+1/gzip: proof", "size/refuses 2B/gzip: proof"]);
    only(&readings(PART, Flaw::CountsOverhead, ALWAYS).await, &["size/accepts B/", "size/accepts B-1/"]);
}

#[tokio::test]
async fn a_body_that_is_cut_off_and_taken_is_a_body_that_was_taken() {
    only(&readings(FULL, Flaw::Truncates, ALWAYS).await, &["size/refuses B+1/", "size/refuses 2B/"]);
    only(&readings(FULL, Flaw::Status500, ALWAYS).await, &["size/refuses B+1/", "size/refuses 2B/", "size/refuses 10B/"]);
}

#[tokio::test]
async fn what_is_stored_is_held_against_what_was_sent() {
    // Ids count from 1, and the first body is the second upload's neighbour: with one framing the largest body has a known id.
    let yaml = |id: u32| {
        format!(
            "{{ post: /uploads, limit: 100KiB, framings: [content-length], id: $.id, stored: {{ get: /uploads/{id}, sha256: $.sha256 }} }}"
        )
    };
    let told = bad(&readings(&yaml(1), Flaw::None, &["size/accepts"]).await);
    assert!(
        told.iter().any(|t| t.starts_with("size/accepts B/content-length: proof sha256 ")),
        "another upload's hash is not its own: {told:?}"
    );
    assert!(!told.iter().any(|t| t.contains(" 1/content-length")), "the first upload has id 1: {told:?}");
    let told = bad(&readings(&yaml(4), Flaw::WrongHash, &["size/accepts"]).await);
    assert!(told.iter().any(|t| t.starts_with("size/accepts B/content-length: proof sha256 ")), "{told:?}");
}

#[tokio::test]
async fn a_refusal_that_wants_the_whole_body_or_is_lost_is_counted() {
    only(
        &readings(FULL, Flaw::Late, &["size/refuses", "size/early"]).await,
        &[
            "size/early content-length: counted 1+0/1",
            "size/early chunked: counted 1+0/1",
            "size/early expect-continue: proof `100 Continue`, and 413 once",
        ],
    );
    let lost = readings(FULL, Flaw::NoLinger, &["size/refuses", "size/answer-arrives"]).await;
    only(&lost, &["size/answer-arrives content-length: counted 3+0/3", "size/answer-arrives chunked: counted 3+0/3"]);
    // Slower than a plain client waits: all is written by then, and the answer comes, and a reset behind it.
    let slow = readings(FULL, Flaw::NoLingerSlowly, &["size/refuses", "size/answer-arrives"]).await;
    only(&slow, &["size/answer-arrives content-length: counted 3+0/3", "size/answer-arrives chunked: counted 3+0/3"]);
    let told = bad(&readings(FULL, Flaw::ResetsInstead, &["size/accepts", "size/refuses"]).await);
    assert!(told.iter().any(|t| t.starts_with("size/refuses B+1/content-length: counted 1+0/1")), "{told:?}");
}

#[tokio::test]
async fn what_refused_bodies_leave_behind_is_counted_and_looked_for_again() {
    for flaw in [Flaw::LeavesEntry, Flaw::LeavesFile, Flaw::Grows] {
        let service = Service::start(flaw).await;
        let kind = spec::<SizeLimit>(FULL);
        let (mut seen, cx, first) =
            (Observation::default(), context(service.address), round::<SizeLimit>(&["size/refuses", "size/no-trace"]));
        kind.probe(&first, &cx, &mut seen).await.unwrap();
        only(&kind.judge(&seen), &["size/no-trace counted 1+0/1"]);
        if flaw != Flaw::LeavesFile {
            continue;
        }
        let focus = Some([(super::super::table::NO_TRACE, "".into())].into());
        let again = Round { number: 1, focus, samples: NonZeroU32::new(60), step: Duration::from_millis(5), ..first };
        kind.probe(&again, &cx, &mut seen).await.unwrap();
        only(&kind.judge(&seen), &["size/no-trace counted 3+0/3"]);
    }
}

/// One framing, and what refused bodies leave.
const TRACED: &str = "{ post: /uploads, limit: 100KiB, framings: [content-length], trace: [{ get: /uploads, at: $.count }, \
                      { get: /metrics, gauges: [temp_files] }] }";

#[tokio::test]
async fn what_refused_bodies_leave_later_or_behind_what_others_leave_for_a_while_is_seen() {
    for flaw in [Flaw::LeavesLater, Flaw::LazyFiles] {
        let told = readings(TRACED, flaw, &["size/refuses", "size/no-trace"]).await;
        only(&told, &["size/no-trace counted 1+0/1"]);
    }
}

#[tokio::test]
async fn what_somebody_else_leaves_is_not_blamed_on_refused_bodies() {
    let service = Service::start(Flaw::Others).await;
    let (kind, cx, mut seen) = (spec::<SizeLimit>(TRACED), context(service.address), Observation::default());
    let first = round::<SizeLimit>(&["size/refuses", "size/no-trace"]);
    kind.probe(&first, &cx, &mut seen).await.unwrap();
    only(&kind.judge(&seen), &["size/no-trace counted 1+0/1"]);
    let focus = Some([(super::super::table::NO_TRACE, "".into())].into());
    let again = Round { number: 1, focus, samples: NonZeroU32::new(60), step: Duration::from_millis(5), ..first };
    kind.probe(&again, &cx, &mut seen).await.unwrap();
    let told = bad(&kind.judge(&seen));
    assert!(told.len() == 1 && told[0].starts_with("size/no-trace unsure $.count is "), "{told:?}");
    assert!(told[0].ends_with("later and without any body: somebody else moves it"), "{told:?}");
}

#[tokio::test]
async fn what_a_clause_that_holds_does_not_prove_is_told() {
    let advised = async |yaml: &str, flaw: Flaw, clauses: &[&'static str]| {
        let service = Service::start(flaw).await;
        let (kind, mut seen) = (spec::<SizeLimit>(yaml), Observation::default());
        kind.probe(&round::<SizeLimit>(clauses), &context(service.address), &mut seen).await.unwrap();
        assert_eq!(bad(&kind.judge(&seen)), Vec::<String>::new());
        kind.advises(&seen).into_iter().map(|advice| advice.what).collect::<Vec<_>>()
    };
    let one = "{ post: /uploads, limit: 100KiB, framings: [content-length] }";
    let told = advised(one, Flaw::None, &["size/in-sync"]).await;
    assert_eq!(told, ["3 of 3 connections were closed with the refusal, so no other request was ever sent on one"]);
    assert!(advised(one, Flaw::Drains, &["size/in-sync"]).await.is_empty(), "there they were sent");
    let gauge = "{ post: /uploads, limit: 100KiB, framings: [content-length], trace: { get: /metrics, gauges: [temp_files] } }";
    let told = advised(gauge, Flaw::None, &["size/no-trace"]).await;
    assert!(told.len() == 1 && told[0].starts_with("nothing that is read there ever moved"), "{told:?}");
    assert!(advised(TRACED, Flaw::None, &["size/no-trace"]).await.is_empty(), "the listing showed what was taken");
}

#[tokio::test]
async fn a_body_that_is_read_as_the_next_request_is_proof() {
    let told = readings(FULL, Flaw::ParsesOn, &["size/in-sync"]).await;
    only(&told, &["size/in-sync content-length: proof 413", "size/in-sync chunked: proof 413", "size/in-sync expect-continue: proof 413"]);
    only(&readings("{ post: /uploads, limit: 100KiB }", Flaw::ParsesOn, &["size/in-sync"]).await, &["size/in-sync "]);
    only(&readings("{ post: /uploads, limit: 100KiB }", Flaw::Drains, &["size/in-sync"]).await, &[]);
}

#[tokio::test]
async fn who_reads_on_in_the_body_and_only_answers_what_is_a_request_there_is_met_by_one() {
    let told = readings("{ post: /uploads, limit: 100KiB }", Flaw::ParsesOnQuietly, &["size/in-sync"]).await;
    only(&told, &["size/in-sync content-length: proof 413", "size/in-sync chunked: unsure 413", "size/in-sync expect-continue: proof 413"]);
    let form = "{ post: /uploads, field: file, limit: 100KiB, framings: [content-length] }";
    only(&readings(form, Flaw::ParsesOn, &["size/in-sync"]).await, &["size/in-sync content-length: proof 413"]);
}

#[tokio::test]
async fn who_closes_without_a_word_once_more_has_come_is_neither_in_order_nor_out_of_it() {
    let told = readings("{ post: /uploads, limit: 100KiB, framings: [content-length] }", Flaw::GivesUp, &["size/in-sync"]).await;
    only(&told, &["size/in-sync content-length: unsure 413 {}, and the connection was closed without a word once the rest"]);
}

#[test]
fn a_refusal_of_packed_bodies_cannot_be_promised_to_be_early() {
    let pointless = |yaml: &str| spec::<SizeLimit>(yaml).demands().pointless.len();
    assert_eq!(pointless("{ post: /u, limit: 1MiB, framings: [gzip] }"), 1);
    assert_eq!(pointless("{ post: /u, limit: 1MiB, framings: [gzip, chunked] }"), 0);
}

#[tokio::test]
async fn a_service_that_refusals_have_harmed_is_told() {
    let told =
        readings("{ post: /uploads, limit: 100KiB, next: { get: /health } }", Flaw::DiesOfIt, &["size/accepts", "size/unharmed"]).await;
    only(&told, &["size/unharmed counted 3+0/3"]);
}

#[tokio::test]
async fn an_endpoint_where_nobody_gets_in_is_named_and_nothing_more_is_sent() {
    for (flaw, accepts, why) in [
        (Flaw::Login, "size/accepts proof the endpoint needs a login (401", "the endpoint needs a login"),
        (Flaw::Redirects, "size/accepts proof the endpoint redirects to /login (302", "redirects"),
        (Flaw::ClosesAtOnce, "size/accepts counted 1+0/1 once", "the connection is closed without an answer"),
    ] {
        let service = Service::start(flaw).await;
        let told = bad(&look(&spec::<SizeLimit>(FULL), service.address, ALWAYS).await);
        assert!(told.len() == 2 && told[0].starts_with(accepts) && told[1].contains(why), "{told:?}");
        assert_eq!(service.received(), 0);
    }
    let all = readings(FULL, Flaw::TakesAll, ALWAYS).await;
    // Who takes everything before it is there has taken nothing.
    only(&all, &["size/accepts ", "size/refuses B+1/", "size/refuses 2B/"]);
    let silent = Service::start(Flaw::Silent).await;
    let cx = Context::new(Setting { patience: Duration::from_millis(300), ..setting(silent.address) });
    let told = bad(&look_in(&spec::<SizeLimit>(FULL), &cx, ALWAYS).await);
    assert!(told.len() == 2 && told[0] == "size/accepts counted 1+0/1 once" && told[1].contains("nobody answers"), "{told:?}");
}

#[tokio::test]
async fn a_framing_that_is_not_taken_at_all_is_told_once_with_its_way_out_and_nothing_more_is_sent_in_it() {
    let yaml = "{ post: /uploads, limit: 100KiB, next: { get: /health } }";
    let clauses = ["size/accepts", "size/refuses", "size/early", "size/answer-arrives", "size/in-sync", "size/unharmed"];
    let told = bad(&readings(yaml, Flaw::WantsLength, &clauses).await);
    let (proof, unseen): (Vec<_>, Vec<_>) = told.iter().partition(|t| t.contains(": proof "));
    assert_eq!(proof.len(), 3, "{told:#?}");
    for (case, status, framing) in
        [("1/chunked", 411, "chunked"), ("1/tiny-chunks", 411, "tiny-chunks"), ("1/expect-continue", 417, "expect-continue")]
    {
        let told = format!(
            "size/accepts {case}: proof {status} {{}}: bodies in this framing are not taken at all; where that is meant, leave `{framing}` out of `framings`"
        );
        assert!(proof.iter().any(|p| **p == told), "{proof:#?}");
    }
    assert!(unseen.iter().all(|t| t.contains("whatever their size: size/accepts tells it once")), "{unseen:#?}");
    let alone = "{ post: /uploads, limit: 100KiB, framings: [chunked, content-length] }";
    let told = bad(&readings(alone, Flaw::WantsLength, ALWAYS).await);
    assert!(told[0].contains("the endpoint wants the length told: where that is meant, leave `chunked` out of `framings`"), "{told:?}");
}

#[tokio::test]
async fn what_the_environment_leaves_no_room_for_is_not_sent_and_not_judged() {
    let service = Service::start(Flaw::None).await;
    let permits = Permits::new(None, None, Some(5 * LIMIT));
    let exchange = Exchange::new(Options { permits: permits.clone() });
    let cx = Context::new(Setting { exchange, ..setting(service.address) });
    let kind = spec::<SizeLimit>("{ post: /uploads, limit: 100KiB, framings: [content-length] }");
    let readings = look_in(&kind, &cx, ALWAYS).await;
    only(
        &readings,
        &[
            "size/refuses 10B/content-length: unseen 1,024,000 bytes (1000KiB) are more than the environment lets be sent: `limits.upload` leaves ",
        ],
    );
    assert!(permits.upload_left().unwrap() < 5 * LIMIT && service.received() <= 5 * LIMIT);
}

/// One look at these clauses with so many bytes that may be sent.
async fn with_room(yaml: &str, service: &Service, upload: u64, clauses: &[&str]) -> Vec<Reading> {
    let permits = Permits::new(None, None, Some(upload));
    let cx = Context::new(Setting { exchange: Exchange::new(Options { permits }), ..setting(service.address) });
    look_in(&spec::<SizeLimit>(yaml), &cx, clauses).await
}

#[tokio::test]
async fn without_room_for_a_body_at_the_limit_and_one_above_it_nothing_is_sent_and_nothing_is_held() {
    let service = Service::start(Flaw::NoLimit).await;
    let clauses: Vec<_> = ALL.iter().copied().filter(|c| *c != "size/no-trace").collect();
    for upload in [10, LIMIT, 2 * LIMIT] {
        let readings = with_room(FULL.replace(", gzip", "").as_str(), &service, upload, &clauses).await;
        assert_eq!(readings.len(), clauses.len());
        let why = "102,400 bytes (100KiB) and one that is larger take 204,801 bytes: `limits.upload` leaves ";
        assert!(
            readings.iter().all(|r| matches!(&r.found, Found::Unseen { why: Unseen::NotPermitted(w) } if w.contains(why))),
            "{readings:?}"
        );
    }
    assert_eq!(service.received(), 0);
}

#[tokio::test]
async fn where_there_is_little_room_the_edge_comes_first_and_no_limit_at_all_is_still_proof() {
    let yaml = "{ post: /uploads, limit: 100KiB, framings: [content-length, chunked] }";
    for upload in [2 * LIMIT + 100, 3 * LIMIT, 5 * LIMIT] {
        let all = with_room(yaml, &Service::start(Flaw::NoLimit).await, upload, ALWAYS).await;
        let told = bad(&all);
        assert!(
            told.iter().any(|t| t.starts_with("size/refuses B+1/content-length: proof 102,401 bytes were taken")),
            "{upload}: {told:?}"
        );
        let all = with_room(yaml, &Service::start(Flaw::None).await, upload, ALWAYS).await;
        assert!(bad(&all).iter().all(|t| t.contains(": unseen ") && t.contains("`limits.upload` leaves ")), "{upload}: {:?}", bad(&all));
        let held = |case: &str| all.iter().any(|r| r.case == case && matches!(r.found, Found::Held { .. }));
        assert!(held("B/content-length") && held("B+1/content-length"), "{upload}: {:?}", bad(&all));
    }
}

#[tokio::test]
async fn a_larger_body_that_is_taken_is_proof_whatever_it_was_sent_for() {
    let told =
        readings("{ post: /uploads, limit: 100KiB, framings: [content-length] }", Flaw::Third, &["size/refuses", "size/answer-arrives"])
            .await;
    only(
        &told,
        &[
            "size/refuses B+128KiB/content-length: proof 233,472 bytes (228KiB) were taken",
            "size/answer-arrives content-length: unseen bodies above",
        ],
    );
}

#[tokio::test]
async fn one_of_several_services_with_another_limit_is_met_by_bodies_just_above_it() {
    let told = readings("{ post: /uploads, limit: 100KiB, framings: [content-length] }", Flaw::ThirdOfNext, ALWAYS).await;
    only(&told, &["size/refuses B+1/content-length: proof 102,401 bytes were taken"]);
}

#[tokio::test]
async fn another_answer_than_the_declared_one_is_no_refusal_whatever_it_was_sent_for() {
    let yaml = "{ post: /uploads, limit: 100KiB, framings: [content-length] }";
    let told = readings(yaml, Flaw::Drowns, &["size/refuses", "size/early", "size/answer-arrives", "size/in-sync"]).await;
    only(&told, &["size/early content-length: counted 1+0/1", "size/answer-arrives content-length: counted 3+0/3"]);
}

#[tokio::test]
async fn fewer_plain_clients_than_are_promised_prove_nothing() {
    let yaml = "{ post: /uploads, limit: 100KiB, framings: [content-length] }";
    let service = Service::start(Flaw::None).await;
    let told = bad(&with_room(yaml, &service, 24 * LIMIT, &["size/refuses", "size/answer-arrives"]).await);
    assert!(
        told.len() == 1 && told[0].contains("size/answer-arrives content-length: unseen ") && told[0].contains(" of 20 are no proof, and "),
        "{told:?}"
    );
}

#[tokio::test]
async fn a_body_that_is_said_to_be_taken_before_it_was_read_is_proof_that_it_was_not() {
    let hasty = serve(|head, _| {
        let len: u64 = head.lines().find_map(|l| l.strip_prefix("content-length: ")).and_then(|l| l.parse().ok()).unwrap_or_default();
        answer(if len > 64 << 20 { 413 } else { 201 }, &[], "{}")
    })
    .await;
    let readings = look(&spec::<SizeLimit>("{ post: /uploads, limit: 64MiB, framings: [content-length] }"), hasty, ALWAYS).await;
    only(&readings, &["size/accepts B/content-length: proof 201 {} after ", "size/accepts B-1/content-length: proof 201 {} after "]);
}

#[tokio::test]
async fn what_was_left_out_for_an_answer_that_did_not_come_is_not_held_and_is_sent_once_it_comes() {
    let service = Service::start(Flaw::SilentOnce).await;
    let kind = spec::<SizeLimit>("{ post: /uploads, limit: 100KiB, repeatable: true, framings: [content-length] }");
    let cx = Context::new(Setting { patience: Duration::from_secs(3), ..setting(service.address) });
    let (mut seen, first) = (Observation::default(), round::<SizeLimit>(ALWAYS));
    kind.probe(&first, &cx, &mut seen).await.unwrap();
    let left_out = "unseen 0/content-length was not answered in all the time there was, so this was not sent";
    only(
        &kind.judge(&seen),
        &[
            "size/accepts 0/content-length: counted 1+0/1",
            &format!("size/accepts B-1/content-length: {left_out}"),
            &format!("size/accepts B/content-length: {left_out}"),
        ],
    );
    let focus = Some([(super::super::table::ACCEPTS, "0/content-length".into())].into());
    let again = Round { number: 1, focus, samples: NonZeroU32::new(5), step: Duration::from_millis(5), ..first };
    kind.probe(&again, &cx, &mut seen).await.unwrap();
    only(&kind.judge(&seen), &["size/accepts 0/content-length: counted 1+0/6"]);
}

#[tokio::test]
async fn who_asks_to_come_again_later_is_asked_then_and_a_rate_limit_is_no_broken_size_limit() {
    let yaml = "{ post: /uploads, limit: 100KiB, framings: [content-length] }";
    only(&readings(yaml, Flaw::Throttles, ALWAYS).await, &[]);
    let told = readings(yaml, Flaw::Shuts, ALWAYS).await;
    let unsure = bad(&told).iter().filter(|t| t.contains(": unsure 429 {}: it limits the rate of requests")).count();
    assert!(unsure > 0 && unsure == bad(&told).len(), "{:?}", bad(&told));
}

#[tokio::test]
async fn what_is_stored_later_than_it_was_taken_is_waited_for() {
    let yaml = "{ post: /uploads, limit: 100KiB, least: 100KiB, framings: [content-length], id: $.id, \
                stored: { get: /uploads/1, sha256: $.sha256 } }";
    let kind = spec::<SizeLimit>(yaml);
    let service = Service::start(Flaw::StoresLate).await;
    assert_eq!(bad(&look(&kind, service.address, &["size/accepts"]).await), Vec::<String>::new());
}

#[tokio::test]
async fn an_undeclared_limit_is_found_to_the_byte() {
    for (flaw, edge) in [(Flaw::None, LIMIT), (Flaw::OneLess, LIMIT - 1), (Flaw::OneMore, LIMIT + 1), (Flaw::Decimal, 100_000)] {
        let service = Service::start(flaw).await;
        let kind = spec::<SizeLimit>("{ post: /uploads, find: true, framings: [content-length, chunked] }");
        let mut seen = Observation::default();
        kind.probe(&round::<SizeLimit>(&["size/accepts", "size/refuses", "size/edge"]), &context(service.address), &mut seen)
            .await
            .unwrap();
        assert_eq!((bad(&kind.judge(&seen)), seen.limit), (Vec::new(), Some(edge)), "{flaw:?}");
        let most = if flaw == Flaw::OneMore { 30 } else { 12 };
        let bodies = seen.hunt.unwrap().bodies;
        assert!(bodies <= most, "{bodies}: round sizes are tried first");
    }
    let service = Service::start(Flaw::NoLimit).await;
    let exchange = Exchange::new(Options { permits: Permits::new(None, None, Some(4 << 20)) });
    let cx = Context::new(Setting { exchange, ..setting(service.address) });
    let told = told(&look_in(&spec::<SizeLimit>("{ post: /uploads, find: true }"), &cx, &["size/refuses", "size/edge"]).await);
    assert!(told.len() == 2 && told.iter().all(|t| t.contains("`limits.upload` leaves")), "{told:?}");
}

#[tokio::test]
async fn what_was_taken_is_removed_again_or_told() {
    let service = Service::start(Flaw::None).await;
    let kind = spec::<SizeLimit>("{ post: /uploads, limit: 100KiB, framings: [content-length], id: $.id, remove: { delete: /uploads/2 } }");
    let mut seen = Observation::default();
    kind.probe(&round::<SizeLimit>(ALWAYS), &context(service.address), &mut seen).await.unwrap();
    assert_eq!((seen.left, service.stored()), (0, 3), "the second of four was removed; what is gone is clean");
    let kind =
        spec::<SizeLimit>("{ post: /uploads, limit: 100KiB, framings: [content-length], id: $.name, remove: { delete: /uploads/2 } }");
    let mut seen = Observation::default();
    kind.probe(&round::<SizeLimit>(ALWAYS), &context(service.address), &mut seen).await.unwrap();
    assert!(seen.left == 4 && kind.tell(&seen).summary.contains("4 left behind: no id: nothing at "), "{}", kind.tell(&seen).summary);
}

#[tokio::test]
async fn a_bad_body_that_may_be_sent_again_is_looked_at_again() {
    let service = Service::start(Flaw::ResetsInstead).await;
    let kind = spec::<SizeLimit>("{ post: /uploads, limit: 100KiB, framings: [chunked] }");
    let (mut seen, cx, first) = (Observation::default(), context(service.address), round::<SizeLimit>(&["size/refuses"]));
    kind.probe(&first, &cx, &mut seen).await.unwrap();
    let focus = Some([(super::super::table::REFUSES, "B+1/chunked".into())].into());
    let again = Round { number: 1, focus, samples: NonZeroU32::new(60), step: Duration::from_millis(5), ..first };
    kind.probe(&again, &cx, &mut seen).await.unwrap();
    assert!(bad(&kind.judge(&seen)).iter().any(|t| t == "size/refuses B+1/chunked: counted 3+0/3"), "{:?}", bad(&kind.judge(&seen)));
}
