//! The one HTTP engine: carries a request to a service and brings back the answer as it was, or the name of what went wrong.

use super::{
    answer::{Answer, Failed, Hop},
    ask::{Endpoint, Outgoing, Speak, Step, Wishes},
    connect,
    dial::Pins,
    h1::{self, Conn, Limit},
    h2,
    permits::Permits,
    pool::{Key, Pool},
    redirect::{self, Follow},
    request,
    tls::Configs,
    trouble::{OwnTrouble, Trouble},
    upload::Upload,
};
use http::Method;
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// What all requests of a run share: idle connections, TLS configurations, permits. Cheap to clone; clones share.
#[derive(Clone, Default)]
pub struct Exchange(pub(super) Arc<Shared>);

#[derive(Default)]
pub(super) struct Shared {
    pub(super) permits: Permits,
    pub(super) pool: Pool,
    pub(super) http2: h2::Pool,
    pub(super) tls: Configs,
}

/// How an [`Exchange`] is set up.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What the environment allows. Default: everything.
    pub permits: Permits,
}

impl Exchange {
    /// An engine without any connection.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self(Arc::new(Shared { permits: options.permits, ..Shared::default() }))
    }

    /// The permits, for what reaches the service by other ways than HTTP.
    #[must_use]
    pub fn permits(&self) -> &Permits {
        &self.0.permits
    }

    /// The TLS configurations of the run.
    pub(super) fn tls(&self) -> &Configs {
        &self.0.tls
    }

    /// Closes an idle connection, if there is one, so that its place is free.
    pub(super) fn make_room(&self) {
        self.0.pool.evict();
        self.0.http2.clear();
    }

    /// Sends one request and reads its answer, within `wishes.timeouts` whatever the service does; the time spent waiting for a
    /// permit does not count. Dropping the future closes the connection.
    ///
    /// A used connection is tried only for idempotent methods (RFC 9110 §9.2.2). If it dies before any byte of an answer, the
    /// request is sent once more on a new one, and [`Answer::redialed`] says so.
    ///
    /// # Errors
    /// [`Failed`], whose trouble says whether the service or this machine is to blame, and which holds what had come by then.
    pub async fn send(&self, endpoint: &Endpoint, out: &Outgoing, wishes: &Wishes) -> Result<Answer, Box<Failed>> {
        let most = wishes.follow_redirects.min(redirect::MOST);
        let mut hops = Vec::new();
        let mut spent = Duration::ZERO;
        let mut next: Option<Outgoing> = None;
        loop {
            let request = next.as_ref().unwrap_or(out);
            let mut answer = self.once(endpoint, request, wishes, spent).await.map_err(|mut failed| {
                failed.phases.total += spent;
                failed
            })?;
            let follow = if most > 0 { redirect::of(request, &answer) } else { Follow::No };
            spent += answer.phases.total;
            answer.phases.total = spent;
            match follow {
                Follow::No => {
                    answer.redirects = hops;
                    return Ok(answer);
                }
                Follow::To(..) if hops.len() >= usize::from(most) => {
                    let trouble = Trouble::RedirectLoop { hops: most };
                    let ended = answer.ended;
                    answer.redirects = hops;
                    return Err(failed(trouble, answer, ended));
                }
                Follow::To(to, location) => {
                    hops.push(Hop { status: answer.status, location });
                    next = Some(*to);
                }
            }
        }
    }

    async fn once(&self, endpoint: &Endpoint, out: &Outgoing, wishes: &Wishes, spent: Duration) -> Result<Answer, Box<Failed>> {
        let Shared { permits, .. } = &*self.0;
        permits.request().await;
        let mut answer = Answer::begun(Instant::now());
        let Some(key) = Key::of(endpoint, &out.url) else {
            let now = answer.began;
            return Err(failed(Trouble::Own(OwnTrouble::Request), answer, now));
        };
        let mut redialed = false;
        let mut spent = spent;
        if endpoint.version == Speak::Http11 && !wishes.fresh && out.idempotent() {
            let pinned = wishes.pins.as_ref().and_then(|pins: &Pins| pins.get(&key.host, key.port));
            if let Some(mut conn) = self.0.pool.take(&key, pinned).await {
                answer.reused = true;
                match self.talk(&mut conn, endpoint, out, wishes, spent, &mut answer).await {
                    Ok(again) => return Ok(self.done(key, conn, again, answer, wishes)),
                    Err(trouble) if died_unheard(&trouble, &answer) => {
                        redialed = true;
                        spent += answer.began.elapsed();
                    }
                    Err(trouble) => return Err(failed(trouble, answer, Instant::now())),
                }
            }
        }
        if endpoint.version == Speak::Http2 {
            return Box::pin(self.once_http2(key, endpoint, out, wishes, spent)).await;
        }
        let held = permits.connection(|| self.0.pool.evict()).await;
        let mut answer = Answer::begun(Instant::now());
        answer.redialed = redialed;
        let limit = limit(wishes, spent, &answer);
        // Boxed, as everything that few requests do: the future of a request on a used connection stays small.
        let opened = Box::pin(connect::open(&key, endpoint, wishes, &self.0.tls, limit.at, &mut answer)).await;
        let outcome = match opened {
            Ok(wire) => {
                let mut conn = Conn::new(wire, answer.remote, answer.tls.clone(), held);
                self.talk(&mut conn, endpoint, out, wishes, spent, &mut answer).await.map(|again| (conn, again))
            }
            Err(trouble) => Err(trouble),
        };
        match outcome {
            Ok((conn, again)) => Ok(self.done(key, conn, again, answer, wishes)),
            Err(trouble) => Err(failed(trouble, answer, Instant::now())),
        }
    }

    /// One exchange on a connection, new or used.
    async fn talk(
        &self,
        conn: &mut Conn,
        endpoint: &Endpoint,
        out: &Outgoing,
        wishes: &Wishes,
        spent: Duration,
        answer: &mut Answer,
    ) -> Step<bool> {
        let limit = limit(wishes, spent, answer);
        answer.remote = conn.remote;
        answer.tls.clone_from(&conn.tls);
        let through = endpoint.proxy.as_ref().filter(|_| out.url.scheme() == "http" && endpoint.unix.is_none());
        let mut upload = Upload::new(request::head(out, wishes, through), &out.body, &self.0.permits)?;
        let again = h1::exchange(conn, &mut upload, out.method == Method::HEAD, wishes, limit, answer).await;
        answer.ended = Instant::now();
        answer.phases.total = answer.ended - answer.began;
        again
    }

    /// Puts the connection away and hands the answer out.
    fn done(&self, key: Key, conn: Conn, again: bool, answer: Answer, wishes: &Wishes) -> Answer {
        if again && !wishes.fresh {
            self.0.pool.put(key, conn);
            // Whoever waits for a connection began to wait before this one was put, or finds it when making room.
            if self.0.permits.wanted() {
                self.0.pool.evict();
            }
        } else if !again && answer.excess == 0 {
            conn.linger();
        }
        answer
    }

    async fn once_http2(
        &self,
        key: Key,
        endpoint: &Endpoint,
        out: &Outgoing,
        wishes: &Wishes,
        spent: Duration,
    ) -> Result<Answer, Box<Failed>> {
        let mut redialed = false;
        let mut spent = spent;
        loop {
            let mut answer = Answer::begun(Instant::now());
            let used = if wishes.fresh || redialed || !out.idempotent() { None } else { self.0.http2.get(&key) };
            answer.reused = used.is_some();
            answer.redialed = redialed;
            let held = match used {
                Some(_) => None,
                None => Some(
                    self.0
                        .permits
                        .connection(|| {
                            self.0.pool.evict();
                            self.0.http2.clear()
                        })
                        .await,
                ),
            };
            if held.is_some() {
                // Waiting for the permit does not count.
                answer.began = Instant::now();
            }
            let limit = limit(wishes, spent, &answer);
            let outcome = async {
                let conn = match used {
                    Some(conn) => conn,
                    None => {
                        let wire = connect::open(&key, endpoint, wishes, &self.0.tls, limit.at, &mut answer).await?;
                        let conn = h2::Conn::open(wire, answer.remote, answer.tls.clone(), held, wishes, limit).await?;
                        if !wishes.fresh {
                            self.0.http2.put(key.clone(), &conn);
                        }
                        conn
                    }
                };
                conn.exchange(out, wishes, limit, &self.0.permits, &mut answer).await
            }
            .await;
            answer.ended = Instant::now();
            answer.phases.total = answer.ended - answer.began;
            match outcome {
                Ok(()) => return Ok(answer),
                Err(trouble) if died_unheard(&trouble, &answer) => {
                    redialed = true;
                    spent += answer.began.elapsed();
                }
                Err(trouble) => {
                    let ended = answer.ended;
                    return Err(failed(trouble, answer, ended));
                }
            }
        }
    }
}

/// The race that keep-alive allows: the service closed a used connection while we were sending on it (RFC 9112 §9.3.1).
fn died_unheard(trouble: &Trouble, answer: &Answer) -> bool {
    use super::trouble::Stage;
    let died = matches!(
        trouble,
        Trouble::Reset { stage: Stage::Head | Stage::Send } | Trouble::Eof { got: 0 } | Trouble::WriteFailed { .. } | Trouble::Http2 { .. }
    );
    answer.reused && died && answer.status == 0 && answer.phases.first_byte.is_zero()
}

pub(super) fn limit(wishes: &Wishes, spent: Duration, answer: &Answer) -> Limit {
    let total = wishes.timeouts.total;
    Limit { at: answer.began + total.saturating_sub(spent), total }
}

pub(super) fn failed(trouble: Trouble, mut answer: Answer, ended: Instant) -> Box<Failed> {
    answer.ended = ended;
    answer.phases.total = answer.phases.total.max(ended - answer.began);
    let Answer { phases, began, remote, reused, .. } = answer;
    Box::new(Failed { trouble, phases, began, ended, remote, reused, partial: (answer.status != 0).then_some(answer) })
}
