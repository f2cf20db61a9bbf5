//! What a probe may use: the target, the HTTP engine, the stand, values, the stopwatch. Nothing else.

use super::{Job, Stand, Stopwatch, TraceParent, ids::Ids};
use crate::kind::ProbeError;
use crate::model::{Interval, Redactor};
use crate::transport::{Answer, Endpoint, Exchange, Failed, OutBody, Outgoing, Timeouts, Wishes};
use crate::words::{Answered, Base, Expect, Request, Values};
use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::{sync::Arc, time::Duration, time::Instant};
use tokio_util::sync::CancellationToken;

/// Where relative URLs of a check belong.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its name in suites and environments.
    pub name: Arc<str>,
    /// Base URL, and the headers that go to its own origin only.
    pub base: Base,
    /// How it is reached: TLS options, pinned addresses, proxy, version.
    pub endpoint: Endpoint,
}

/// Everything that one check runs with. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    setting: Arc<Setting>,
    watched: Option<Arc<Watched>>,
    /// Set on a control: the base of the service. Requests are made for it, and sent to the control server.
    stands_for: Option<Arc<Base>>,
}

/// A state that ends a poll at once, and whether an answer has met it.
struct Watched {
    expect: Expect,
    is_met: AtomicBool,
}

/// The parts of a [`Context`], made by the core (or by a test).
#[derive(Clone)]
pub struct Setting {
    /// The target of this check.
    pub target: Arc<Target>,
    /// The one HTTP engine, with its permits.
    pub exchange: Exchange,
    /// What can be broken.
    pub stand: Arc<dyn Stand>,
    /// Captures of the checks that this one needs.
    pub values: Values,
    /// The only clock.
    pub stopwatch: Stopwatch,
    /// How long one request is waited for where its spec says nothing: a fraction of the check's own time, so that three that stay
    /// silent are seen before it is up.
    pub patience: Duration,
    /// Unique id of the run; part of every request id.
    pub run_id: Arc<str>,
    /// The trace that every request belongs to. `None`: each is one of its own.
    pub trace: Option<TraceParent>,
    /// Knows every secret of the run: `no-leak` looks for them in what the service says.
    pub canaries: Arc<Redactor>,
    /// Where live lines go: what the check last saw.
    pub saw: tokio::sync::watch::Sender<String>,
    /// Cancelled when the run is interrupted or out of time.
    pub cancelled: CancellationToken,
    /// The place of this check among those that run at once. None where nobody waits for one.
    pub job: Option<Arc<Job>>,
}

/// How a request is sent, beyond what the request itself says.
#[derive(Clone, Debug)]
pub struct How {
    /// What the engine is asked for: fresh connection, caps, timeouts.
    pub wishes: Wishes,
    /// Without the target's headers and authorization: as an orchestrator's probe would.
    pub anonymous: bool,
    /// Headers that replace or add to the request's own. `Host` is allowed.
    pub headers: Vec<(String, String)>,
    /// HEAD in place of the request's method.
    pub head: bool,
}

/// One request and what came of it.
#[derive(Debug)]
pub struct Call {
    /// From the first byte of the dial to the last byte of the answer (or to the trouble), less our stalls in `lo`.
    pub took: Interval,
    /// When it began; only for order and distance.
    pub began: Instant,
    /// The answer, or the trouble with what was seen of an answer.
    pub answer: Result<Answer, Box<Failed>>,
    /// `GET /ready`, secrets masked.
    pub sent: String,
    /// One command that shows it again.
    pub again: String,
    /// The request id that was sent, and perhaps echoed.
    pub request_id: String,
    /// The trace id that was sent (W3C Trace Context).
    pub trace_id: String,
}

/// A request that is ready to be sent.
pub(super) struct Prepared<'a> {
    pub ids: Ids,
    pub out: Outgoing,
    pub endpoint: Cow<'a, Endpoint>,
}

impl Context {
    /// Puts a context together.
    #[must_use]
    pub fn new(setting: Setting) -> Self {
        Self { setting: Arc::new(setting), watched: None, stands_for: None }
    }

    /// The target of this check.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.setting.target
    }

    /// What can be broken.
    #[must_use]
    pub fn stand(&self) -> &dyn Stand {
        &*self.setting.stand
    }

    /// The engine itself, for kinds that need more than [`Context::call`].
    #[must_use]
    pub fn exchange(&self) -> &Exchange {
        &self.setting.exchange
    }

    /// Captures of the checks that this one needs.
    #[must_use]
    pub fn values(&self) -> &Values {
        &self.setting.values
    }

    /// Knows every secret of the run.
    #[must_use]
    pub fn canaries(&self) -> &Redactor {
        &self.setting.canaries
    }

    /// The only clock of a kind.
    #[must_use]
    pub fn stopwatch(&self) -> &Stopwatch {
        &self.setting.stopwatch
    }

    /// How long one request is waited for where its spec says nothing.
    #[must_use]
    pub fn patience(&self) -> Duration {
        self.setting.patience
    }

    /// Cancelled when the run is interrupted or out of time.
    #[must_use]
    pub fn cancelled(&self) -> &CancellationToken {
        &self.setting.cancelled
    }

    /// Unique id of the run.
    #[must_use]
    pub fn run_id(&self) -> &str {
        &self.setting.run_id
    }

    /// Tells the live line what was last seen. Never part of a report.
    pub fn saw(&self, what: impl Into<String>) {
        self.setting.saw.send_replace(what.into());
    }

    /// Waits between two looks. Other checks run meanwhile, also where every job (`-j`) is taken; it may take longer than `time`
    /// until one is free again. Never while a request is under way: what comes in then would be timed by a clock that is late.
    pub async fn pause(&self, time: Duration) {
        match &self.setting.job {
            Some(job) => job.pause(time).await,
            None => tokio::time::sleep(time).await,
        }
    }

    /// The same context with more captures.
    #[must_use]
    pub fn with_values(&self, values: Values) -> Self {
        Self { setting: Arc::new(Setting { values, ..(*self.setting).clone() }), ..self.clone() }
    }

    /// The same context aimed at another server, one of our own: how controls run the very same probe. Every request goes there,
    /// also one with an absolute URL, and in the protocol version of that server. Its engine is a fresh one: what the environment
    /// allows is meant for the service.
    #[must_use]
    pub fn aimed_at(&self, target: Target) -> Self {
        let stands_for = self.stands_for.clone().unwrap_or_else(|| Arc::new(self.setting.target.base.clone()));
        let setting = Setting { target: Arc::new(target), exchange: Exchange::default(), ..(*self.setting).clone() };
        Self { setting: Arc::new(setting), watched: None, stands_for: Some(stands_for) }
    }

    /// The same context, watching every answer for this state.
    pub(crate) fn watching(&self, expect: Expect) -> Self {
        Self { watched: Some(Arc::new(Watched { expect, is_met: AtomicBool::new(false) })), ..self.clone() }
    }

    /// Whether an answer met the state that is watched for.
    pub(crate) fn is_met(&self) -> bool {
        self.watched.as_ref().is_some_and(|watched| watched.is_met.load(Ordering::Relaxed))
    }

    /// Sends one request and times it. Waiting for our own permits is not counted.
    ///
    /// # Errors
    /// [`ProbeError`] if the request cannot be made (a capture is missing, a sample cannot be read) or this machine
    /// is out of descriptors, ports or memory. Everything that the service does is in [`Call::answer`].
    pub async fn call(&self, request: &Request, how: &How) -> Result<Call, ProbeError> {
        let prepared = self.prepare(request, how)?;
        let answer = self.setting.exchange.send(&prepared.endpoint, &prepared.out, &how.wishes).await;
        self.told(prepared, answer)
    }

    /// How many bytes of a body the request would upload; none where it is made while it is sent, and its length is not known before.
    ///
    /// # Errors
    /// [`ProbeError`] if the request cannot be made.
    pub fn upload_of(&self, request: &Request, how: &How) -> Result<Option<u64>, ProbeError> {
        Ok(match &self.prepare(request, how)?.out.body {
            OutBody::Empty => Some(0),
            OutBody::Bytes(bytes) => Some(bytes.len() as u64),
            OutBody::Stream { len, .. } => *len,
        })
    }

    /// What came of a request: by [`Context::call`], or on a connection that its caller had opened before.
    ///
    /// # Errors
    /// As [`Context::call`].
    pub(super) fn told(&self, prepared: Prepared<'_>, answer: Result<Answer, Box<Failed>>) -> Result<Call, ProbeError> {
        let Prepared { ids, out, endpoint } = prepared;
        let (began, ended) = match &answer {
            Ok(answer) => (answer.began, answer.ended),
            Err(failed) => {
                if failed.trouble.own().is_some() {
                    return Err(ProbeError(format!("{}: {failed}", out.shown)));
                }
                (failed.began, failed.ended)
            }
        };
        if let (Some(watched), Ok(answer)) = (&self.watched, &answer) {
            let misses = watched.expect.judge(&Answered::of(answer), &self.setting.values).map_err(|e| ProbeError(e.to_string()))?;
            watched.is_met.fetch_or(misses.is_empty(), Ordering::Relaxed);
        }
        let began = began.into_std();
        Ok(Call {
            took: self.setting.stopwatch.between(began, ended.into_std()),
            began,
            answer,
            again: crate::transport::curl(&endpoint, &out),
            sent: out.shown,
            request_id: ids.request,
            trace_id: ids.trace,
        })
    }

    /// The request as it goes out, and where to.
    pub(super) fn prepare(&self, request: &Request, how: &How) -> Result<Prepared<'_>, ProbeError> {
        let own = &self.setting.target;
        let base = self.stands_for.as_deref().unwrap_or(&own.base);
        let mut out = request.outgoing(base, &self.setting.values, how.anonymous).map_err(|e| ProbeError(e.to_string()))?;
        if how.head {
            out.method = http::Method::HEAD;
            out.body = OutBody::Empty;
            out.shown = format!("HEAD {}", out.shown.split_once(' ').map_or("", |(_, path)| path));
        }
        let ids = self.identify(&mut out, how)?;
        for (name, value) in &how.headers {
            put_header(&mut out, name, value)?;
        }
        let mut endpoint = Cow::Borrowed(&own.endpoint);
        if self.stands_for.is_none() && out.url.origin() != base.url.origin() {
            // Another host gets nothing that was said of this target alone: neither its certificate's exemption nor its socket.
            let Endpoint { ca, resolve, proxy, version, .. } = own.endpoint.clone();
            endpoint = Cow::Owned(Endpoint { ca, resolve, proxy, version, ..Endpoint::new(out.url.clone()) });
        }
        match (&self.stands_for, request.version()) {
            (Some(_), _) => divert(&mut out, &own.base.url)?,
            (None, Some(version)) if version != endpoint.version => endpoint.to_mut().version = version,
            (None, _) => {}
        }
        Ok(Prepared { ids, out, endpoint })
    }

    /// The same request `count` times, each with ids of its own. It is rendered once: a thousand copies share one body.
    pub(super) fn prepare_copies(&self, request: &Request, how: &How, count: usize) -> Result<Vec<Prepared<'static>>, ProbeError> {
        let first = self.prepare(request, how)?.into_owned();
        let copy = |_| {
            let mut out = first.out.clone();
            Ok(Prepared { ids: self.identify(&mut out, how)?, out, endpoint: first.endpoint.clone() })
        };
        (0..count).map(copy).collect()
    }

    /// Puts fresh ids into the request, but where the caller has headers of his own for them.
    fn identify(&self, out: &mut Outgoing, how: &How) -> Result<Ids, ProbeError> {
        let ids = Ids::fresh(&self.setting.run_id, self.setting.trace.as_ref());
        for (name, value) in [("x-request-id", &ids.request), ("traceparent", &ids.traceparent)] {
            if !how.headers.iter().any(|(own, _)| own.eq_ignore_ascii_case(name)) {
                put_header(out, name, value)?;
            }
        }
        Ok(ids)
    }
}

impl Prepared<'_> {
    /// The same, for longer than its context.
    pub(super) fn into_owned(self) -> Prepared<'static> {
        Prepared { ids: self.ids, out: self.out, endpoint: Cow::Owned(self.endpoint.into_owned()) }
    }
}

impl How {
    /// A fresh connection and no target headers, everything within `total`: as an orchestrator probes.
    #[must_use]
    pub fn probe(total: Duration) -> Self {
        Self { wishes: Wishes { fresh: true, ..within(total) }, anonymous: true, headers: Vec::new(), head: false }
    }

    /// As an ordinary caller: connections are reused, target headers are sent.
    #[must_use]
    pub fn caller(total: Duration) -> Self {
        Self { wishes: within(total), anonymous: false, headers: Vec::new(), head: false }
    }

    /// Follows so many redirects of the same origin.
    #[must_use]
    pub fn following(mut self, redirects: u8) -> Self {
        self.wishes.follow_redirects = redirects;
        self
    }

    /// Undoes gzip, brotli and deflate, as ordinary clients do.
    #[must_use]
    pub fn decoding(mut self) -> Self {
        self.wishes.decode = true;
        self
    }

    /// With one header replaced or added.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// Waits for nothing longer than `total`; a connection gets the same, since `total` rules it.
fn within(total: Duration) -> Wishes {
    Wishes { timeouts: Timeouts { connect: total, first_byte: total, total }, ..Wishes::default() }
}

/// Sends the request to this origin and leaves everything else as it is.
fn divert(out: &mut Outgoing, to: &url::Url) -> Result<(), ProbeError> {
    let wrong = || ProbeError(format!("{} cannot be sent to a control server", out.shown));
    let mut url = out.url.clone();
    url.set_scheme(to.scheme()).map_err(|()| wrong())?;
    url.set_host(to.host_str()).map_err(|_| wrong())?;
    url.set_port(to.port()).map_err(|()| wrong())?;
    out.url = url;
    Ok(())
}

/// Replaces the header, or adds it. `Host` replaces what the URL says.
fn put_header(out: &mut Outgoing, name: &str, value: &str) -> Result<(), ProbeError> {
    if name.eq_ignore_ascii_case("host") {
        out.host_override = Some(value.to_owned());
        return Ok(());
    }
    let wrong = |what: &str| ProbeError(format!("header `{name}`: {what}"));
    let name: http::HeaderName = name.parse().map_err(|_| wrong("no header can have this name"))?;
    let value = value.parse().map_err(|_| wrong("the value has characters that HTTP forbids"))?;
    out.headers.retain(|(n, _)| *n != name);
    out.headers.push((name, value));
    Ok(())
}
