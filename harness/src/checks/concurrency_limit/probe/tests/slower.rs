//! Good services that take longer than one would think: side by side, now and then, to give a slot back, or to take in a connection.

use super::*;
use crate::kind::How;

#[tokio::test]
async fn work_that_shares_a_processor_is_given_the_time_that_it_needs() {
    // Twelve at once take twelve times as long as one alone, which is more than four times that and two seconds.
    let address = House::open(Flaw::OneProcessor, 12, WORK).await;
    let exchange = Exchange::new(Options { permits: Permits::new(None, Some(14), None) });
    let cx = Context::new(Setting { exchange, ..setting(address) });
    let told = told(&look_in(&spec("{ post: /work, limit: 12, refused: 429 }"), &cx, &[EXACT]).await);
    // One more is not allowed here, which would take as long again: what is told of them is that all were admitted.
    assert!(told.iter().any(|t| t.starts_with("unseen 12 at once were admitted")), "{told:#?}");
}

#[tokio::test]
async fn work_that_is_longer_now_and_then_is_no_queue() {
    let told = tell_of(Flaw::AbsentUneven, WORK, "post: /work, limit: 3", &[EXACT]).await;
    assert!(told.iter().any(|t| t.contains("unsure ") && t.contains("the same time each time")), "{told:#?}");
    assert!(!told.iter().any(|t| t.contains("counted ") || t.contains("held")), "{told:#?}");
}

#[tokio::test]
async fn a_slot_that_comes_back_a_moment_after_its_answer_is_no_lost_one() {
    let address = House::open(Flaw::FreesLate, 3, WORK).await;
    let kind = spec(&format!("{{ {REQUESTS} }}"));
    let mut seen = super::super::Observation::default();
    kind.probe(&round::<ConcurrencyLimit>(&[EXACT, "limit/returns"]), &context(address), &mut seen).await.unwrap();
    let told = told(&kind.judge(&seen));
    all_held(&told);
    assert!(kind.tell(&seen).summary.contains(" after the answers before: not counted"), "{}", kind.tell(&seen).summary);
}

#[tokio::test]
async fn what_the_other_side_does_not_take_in_is_counted_apart() {
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.bind(([127, 0, 0, 1], 0).into()).expect("a free port on loopback");
    // Nobody accepts, and the system keeps a few.
    let listener = socket.listen(1).expect("it listens");
    let cx = context(listener.local_addr().expect("a bound socket has an address"));
    let kind = spec("{ get: /work, limit: 1 }");
    let salvo = cx.hold(&kind.spec.a, &How::caller(Duration::from_secs(1)), 8).await.expect("the harness itself does not fail");
    let held = salvo.held();
    let flown = salvo.release().await;
    assert!(held > 0 && flown.unopened > 0, "{held} {}", flown.unopened);
    assert_eq!((flown.shots.len(), flown.unsent), (held + flown.unopened, 0));
}
