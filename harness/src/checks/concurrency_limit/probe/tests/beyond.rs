//! What is beyond the limit: seen where it hides, and not taken for seen where nothing may be sent.

use super::house::{Flaw, House};
use super::{EXACT, REQUESTS, all_have, spec};
use crate::kind::testing::{look_in, setting, told};
use crate::kind::{Context, Setting};
use crate::transport::{Exchange, Options, Permits};

#[tokio::test]
async fn a_limit_of_how_often_work_begins_is_found_late_in_its_time_and_over_several_processes() {
    let pair = "post: /work, json: { work-ms: 400 }, limit: 3, refused: 429, replicas: { count: 2 }";
    all_have(&[
        (Flaw::LimitsStartsLong, REQUESTS, &[EXACT], &["k: held", "k+1: counted 3+0/"]),
        (Flaw::LimitsStartsOfPair, pair, &[EXACT], &["k: held", "k+1: held", "2k+10: counted 3+0/"]),
    ])
    .await;
}

#[tokio::test]
async fn as_many_as_the_limit_prove_no_limit_where_no_more_may_be_sent() {
    const ALL: &[&str] = &[EXACT, "limit/status", "limit/retry-after", "limit/no-effect", "limit/alive"];
    let address = House::open(Flaw::Absent, 3, super::WORK).await;
    let exchange = Exchange::new(Options { permits: Permits::new(None, Some(5), None) });
    let told = told(&look_in(&spec(&format!("{{ {REQUESTS} }}")), &Context::new(Setting { exchange, ..setting(address) }), ALL).await);
    let why = "unseen 3 at once were admitted; that one more is not cannot be shown: the environment allows 5 connections at once, and 6 are needed";
    assert!(told.len() == ALL.len() && told.iter().all(|t| t.ends_with(why)), "{told:#?}");
}
