//! Slots that come back, or do not, where that is not seen at once.

use super::house::Flaw;
use super::{REQUESTS, all_have};

const CLAUSE: &[&str] = &["limit/returns"];
const QUEUE: &str = "post: /work, json: { work-ms: 400 }, limit: 3";
const PAIR: &str =
    "post: /work, json: { work-ms: 400 }, limit: 3, refused: 429, replicas: { count: 2 }, fails: { post: /work, json: { fail: true } }";

#[tokio::test]
async fn a_slot_that_is_lost_to_who_waited_for_one_and_went_is_found() {
    all_have(&[
        (Flaw::Queues, QUEUE, CLAUSE, &["success: held", "abort: held"]),
        (Flaw::LeakOnWaiting, QUEUE, CLAUSE, &["success: held", "abort: counted 3+0/3 once"]),
    ])
    .await;
}

#[tokio::test]
async fn work_that_takes_longer_when_it_is_shared_is_waited_for() {
    all_have(&[(Flaw::Shares, REQUESTS, CLAUSE, &["success: held", "failure: held", "abort: held"])]).await;
}

#[tokio::test]
async fn one_slot_of_several_processes_that_is_lost_is_found() {
    all_have(&[
        (Flaw::Pair, PAIR, CLAUSE, &["success: held", "failure: held", "abort: held"]),
        (Flaw::PairLeaksOne, PAIR, CLAUSE, &["success: held", "failure: held", "abort: counted 5+0/5 once"]),
        // Nothing is certain of what is not limited.
        (Flaw::Absent, PAIR, CLAUSE, &["success: unseen before that it was not certain"]),
    ])
    .await;
}
