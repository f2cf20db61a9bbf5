//! Opens a stream: a request on a connection of its own, and the head of its answer.

use super::{
    super::{
        answer::{Answer, Failed},
        ask::{Endpoint, Outgoing, Speak, Step, Wishes},
        connect,
        exchange::{Exchange, Shared, failed, limit},
        h1, h2,
        permits::Held,
        pool::Key,
        request,
        trouble::{OwnTrouble, Trouble},
        upload::Upload,
    },
    Body, Gunzip, Opening, Streaming,
};
use http::{HeaderValue, Method, header::ACCEPT_ENCODING};
use std::{borrow::Cow, time::Duration};
use tokio::time::Instant;

impl Exchange {
    /// Sends one request and reads the head of its answer; the body is read from what comes back, while it comes. Always on a
    /// connection of its own; redirects are not followed. The time spent waiting for a permit does not count.
    ///
    /// # Errors
    /// [`Failed`], as from [`Exchange::send`]: no valid head came within `opening.timeouts`.
    pub async fn open(&self, endpoint: &Endpoint, out: &Outgoing, opening: &Opening) -> Result<Streaming, Box<Failed>> {
        // Boxed: it is large and soon over, and what waits on a stream for hours should not keep its place.
        Box::pin(open(&self.0, endpoint, out, opening)).await
    }
}

async fn open(shared: &Shared, endpoint: &Endpoint, out: &Outgoing, opening: &Opening) -> Result<Streaming, Box<Failed>> {
    shared.permits.request().await;
    let Some(key) = Key::of(endpoint, &out.url) else {
        let now = Instant::now();
        return Err(failed(Trouble::Own(OwnTrouble::Request), Answer::begun(now), now));
    };
    let make_room = || {
        shared.pool.evict();
        shared.http2.clear();
    };
    let held = shared.permits.connection(make_room).await;
    let mut answer = Box::new(Answer::begun(Instant::now()));
    let out = if opening.decode { offering_gzip(out) } else { Cow::Borrowed(out) };
    let wishes = opening.wishes();
    let opened = match endpoint.version {
        Speak::Http11 => http1(shared, &key, endpoint, &out, &wishes, &mut answer).await,
        Speak::Http2 => http2(shared, &key, endpoint, &out, &wishes, &mut answer).await,
    };
    let opened = opened.and_then(|body| Ok((body, if opening.decode { Gunzip::of(answer.header_all("content-encoding"))? } else { None })));
    answer.ended = Instant::now();
    answer.phases.total = answer.ended - answer.began;
    answer.headers.shrink_to_fit();
    match opened {
        Ok((body, gunzip)) => Ok(Streaming { answer, body, gunzip: gunzip.map(Box::new), received: 0, over: None, _held: held }),
        Err(trouble) => {
            let ended = answer.ended;
            Err(failed(trouble, *answer, ended))
        }
    }
}

async fn http1(shared: &Shared, key: &Key, endpoint: &Endpoint, out: &Outgoing, wishes: &Wishes, answer: &mut Answer) -> Step<Body> {
    let limit = limit(wishes, Duration::ZERO, answer);
    let wire = connect::open(key, endpoint, wishes, &shared.tls, limit.at, answer).await?;
    let mut conn = h1::Conn::new(wire, answer.remote, answer.tls.clone(), Held::default());
    let through = endpoint.proxy.as_ref().filter(|_| !key.https && endpoint.unix.is_none());
    let mut upload = Upload::new(request::head(out, wishes, through), &out.body, &shared.permits)?;
    let framed = h1::head(&mut conn, &mut upload, out.method == Method::HEAD, wishes, limit, answer).await?;
    Ok(Body::Http1(Box::new(super::h1::Body::new(conn, upload, framed, wishes.limits, answer))))
}

async fn http2(shared: &Shared, key: &Key, endpoint: &Endpoint, out: &Outgoing, wishes: &Wishes, answer: &mut Answer) -> Step<Body> {
    let limit = limit(wishes, Duration::ZERO, answer);
    let wire = connect::open(key, endpoint, wishes, &shared.tls, limit.at, answer).await?;
    let mut conn = h2::Conn::open(wire, answer.remote, answer.tls.clone(), None, wishes, limit).await?;
    let incoming = conn.head(out, wishes, limit, &shared.permits, answer).await?;
    Ok(Body::Http2(Box::new(super::h2::Body::new(incoming, conn))))
}

/// The same request, which says that gzip is taken; one that says what it takes stays as it is.
fn offering_gzip(out: &Outgoing) -> Cow<'_, Outgoing> {
    if out.headers.iter().any(|(name, _)| name == ACCEPT_ENCODING) {
        return Cow::Borrowed(out);
    }
    Cow::Owned(out.clone().header(ACCEPT_ENCODING, HeaderValue::from_static("gzip")))
}
