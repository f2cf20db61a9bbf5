//! The kind over HTTP/2: a small service that is good, and one whose seams are not.

use super::has;
use crate::checks::sse::Sse;
use crate::kind::Target;
use crate::kind::testing::{context_of, look_in, spec, told};
use crate::transport::{Endpoint, Speak};
use crate::words::Base;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Version, header::CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::stream::unfold;
use std::convert::Infallible;
use std::sync::Arc;
use tokio::sync::watch;

const DRIVEN: &str = "{ get: /events, open-within: 5s, drive: { post: /jobs, id: $.id, jobs: 20, rate: 50/s }, \
                      identify: { job: $.job, order: [event-id, $.n] }, cuts: 5, ends-with: done, drains-within: 10s }";

const ALL: &[&str] = &["sse/type", "sse/utf8", "sse/opens", "sse/ordered", "sse/identified", "sse/ends", "sse/replay"];

/// Everything that was ever told, and whether who comes back is told the last event again.
struct Hub {
    events: watch::Sender<Vec<String>>,
    twice: bool,
}

/// A job is accepted and done at once: two events.
async fn submit(State(hub): State<Arc<Hub>>) -> impl IntoResponse {
    let mut id = 0;
    hub.events.send_modify(|events| {
        id = events.len();
        for (n, name) in ["accepted", "done"].into_iter().enumerate() {
            events.push(format!("id: {}\nevent: {name}\ndata: {{\"job\":\"j{id}\",\"n\":{n}}}\n\n", events.len() + 1));
        }
    });
    (StatusCode::ACCEPTED, Json(serde_json::json!({ "id": format!("j{id}") })))
}

async fn events(State(hub): State<Arc<Hub>>, version: Version, headers: HeaderMap) -> Response {
    assert_eq!(version, Version::HTTP_2, "nothing else is spoken here");
    let told = hub.events.subscribe();
    let after = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse::<usize>().ok());
    let from = after.map_or_else(|| told.borrow().len(), |id| id - usize::from(hub.twice));
    let body = unfold((told, from, true), |(mut told, from, is_new)| async move {
        if is_new {
            return Some((Ok::<_, Infallible>(": hello\n\n".to_owned()), (told, from, false)));
        }
        let all = told.wait_for(|all| all.len() > from).await.ok()?;
        let (text, to) = (all[from..].concat(), all.len());
        drop(all);
        Some((Ok(text), (told, to, false)))
    });
    ([(CONTENT_TYPE, "text/event-stream")], Body::from_stream(body)).into_response()
}

/// What is told of that service.
async fn tell(twice: bool) -> Vec<String> {
    let hub = Arc::new(Hub { events: watch::Sender::default(), twice });
    let router = Router::new().route("/jobs", post(submit)).route("/events", get(events)).with_state(hub);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port on loopback");
    let url = url::Url::parse(&format!("http://{}/", listener.local_addr().expect("it is bound"))).expect("an address makes a URL");
    tokio::spawn(axum::serve(listener, router).into_future());
    let endpoint = Endpoint { version: Speak::Http2, ..Endpoint::new(url.clone()) };
    let cx = context_of(Target { name: "api".into(), base: Base { url, headers: Vec::new() }, endpoint });
    told(&look_in(&spec::<Sse>(DRIVEN), &cx, ALL).await)
}

#[tokio::test]
async fn a_good_service_is_held_over_http2() {
    let told = tell(false).await;
    assert!(told.len() >= ALL.len() && told.iter().all(|t| t.ends_with("held")), "{told:?}");
}

#[tokio::test]
async fn an_event_twice_at_a_seam_is_found_over_http2() {
    has(&tell(true).await, "proof an event twice at a seam");
}
