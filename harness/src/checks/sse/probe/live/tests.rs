//! What is noted of a drive, on streams made by hand.

use super::*;
use crate::checks::sse::Sse;
use crate::checks::sse::look::Arrival;
use crate::kind::testing::{context, spec};

#[tokio::test]
async fn an_event_that_waited_for_our_own_reading_is_not_late() {
    let kind = spec::<Sse>("{ get: /events, drive: { post: /jobs, id: $.id }, identify: { job: $.job }, timely-within: 50ms }");
    let cx = context(([127, 0, 0, 1], 1).into());
    let (work, origin) = (AtWork::default(), cx.stopwatch().now());
    let job = Job { id: "a".to_owned(), sent: Duration::ZERO, answered: Duration::from_micros(1) };
    let mut subscriber = Subscriber::default();
    work.during(&cx, async {
        // Another stream has much to be read first.
        std::thread::sleep(Duration::from_millis(80));
        let at = cx.stopwatch().now() - origin;
        subscriber.tape.keep(Arrival { at, job: Some("a".to_owned()), ..Arrival::default() });
        take_in(&kind.spec, &mut subscriber, &mut Got::default(), &[job], &work, &cx, origin);
    })
    .await;
    let took = subscriber.delays[0].took;
    assert!(took.hi >= Duration::from_millis(80) && took.hi - took.lo >= Duration::from_millis(80), "{took:?}");
}
