//! Times to come again that are too long to be waited for.

use super::super::super::ConcurrencyLimit;
use super::super::super::look::Turned;
use super::super::{Bench, Books};
use super::Door;
use crate::kind::testing::{context, round, spec};
use crate::kind::{ProbeError, Seen};
use std::time::Duration;

/// Refuses all, with this time.
struct Refuses(&'static str);

impl Door for Refuses {
    async fn ask(&mut self) -> Result<Seen, ProbeError> {
        let headers = vec![("retry-after".to_owned(), self.0.to_owned())];
        Ok(Seen { status: Some(429), headers, ..Seen::default() })
    }

    async fn freed(&mut self) -> Result<(), ProbeError> {
        Ok(())
    }
}

#[tokio::test]
async fn a_year_is_not_waited_for() {
    let kind = spec::<ConcurrencyLimit>("{ post: /work, limit: 2, refused: 429 }");
    let cx = context(([127, 0, 0, 1], 1).into());
    let (round, books) = (round::<ConcurrencyLimit>(&[]), Books::default());
    let bench = Bench { spec: &kind.spec, cx: &cx, round: &round, origin: cx.stopwatch().now(), books: &books };
    let mut door = Refuses("31536000");
    let told = bench.come_again(&mut door, Duration::from_millis(500), Duration::from_millis(1));
    let told = tokio::time::timeout(Duration::from_secs(60), told).await.expect("it is given up").expect("no trouble of ours");
    let Turned::Void(why) = told.turned else { panic!("{told:?}") };
    assert!(why.starts_with("Retry-After told ") && why.ends_with("is the longest that is waited for here"), "{why}");
}
