//! What a probe may use: the target, the HTTP engine, the stand, values, the stopwatch. Nothing else.

use super::{Stand, Stopwatch};
use crate::kind::ProbeError;
use crate::model::Interval;
use crate::transport::{Answer, Endpoint, Exchange, Failed, Trouble, Wishes};
use crate::words::{Base, Request, Values};
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
pub struct Context(Arc<Setting>);

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
    /// Unique id of the run; part of every request id.
    pub run_id: Arc<str>,
    /// Where live lines go: what the check last saw.
    pub saw: tokio::sync::watch::Sender<String>,
    /// Cancelled when the run is interrupted or out of time.
    pub cancelled: CancellationToken,
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
    pub answer: Result<Answer, Fault>,
    /// `GET /ready`, secrets masked.
    pub sent: String,
    /// One command that shows it again.
    pub again: String,
    /// The request id that was sent, and perhaps echoed.
    pub request_id: String,
    /// The trace id that was sent (W3C Trace Context).
    pub trace_id: String,
}

/// The service's trouble: why no valid answer came. Own trouble of this machine never gets here.
pub type Fault = Failed;

impl Context {
    /// Puts a context together.
    #[must_use]
    pub fn new(setting: Setting) -> Self {
        Self(Arc::new(setting))
    }

    /// The target of this check.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.0.target
    }

    /// What can be broken.
    #[must_use]
    pub fn stand(&self) -> &dyn Stand {
        &*self.0.stand
    }

    /// The engine itself, for kinds that need more than [`Context::call`].
    #[must_use]
    pub fn exchange(&self) -> &Exchange {
        &self.0.exchange
    }

    /// Captures of the checks that this one needs.
    #[must_use]
    pub fn values(&self) -> &Values {
        &self.0.values
    }

    /// The only clock of a kind.
    #[must_use]
    pub fn stopwatch(&self) -> &Stopwatch {
        &self.0.stopwatch
    }

    /// Cancelled when the run is interrupted or out of time.
    #[must_use]
    pub fn cancelled(&self) -> &CancellationToken {
        &self.0.cancelled
    }

    /// Unique id of the run.
    #[must_use]
    pub fn run_id(&self) -> &str {
        &self.0.run_id
    }

    /// Tells the live line what was last seen. Never part of a report.
    pub fn saw(&self, what: impl Into<String>) {
        self.0.saw.send_replace(what.into());
    }

    /// The same context with more captures.
    #[must_use]
    pub fn with_values(&self, values: Values) -> Self {
        Self::new(Setting { values, ..(*self.0).clone() })
    }

    /// The same context aimed at another server: how controls run the very same probe.
    #[must_use]
    pub fn aimed_at(&self, target: Target) -> Self {
        Self::new(Setting { target: Arc::new(target), ..(*self.0).clone() })
    }

    /// Sends one request and times it. Waiting for our own permits is not counted.
    ///
    /// # Errors
    /// [`ProbeError`] if the request cannot be made (a capture is missing, a sample cannot be read) or this machine
    /// is out of descriptors, ports or memory. Everything that the service does is in [`Call::answer`].
    pub async fn call(&self, request: &Request, how: &How) -> Result<Call, ProbeError> {
        let ids = crate::transport::Ids::fresh(&self.0.run_id);
        let mut out = request
            .outgoing(&self.0.target.base, &self.0.values, how.anonymous)
            .map_err(|e| ProbeError(e.to_string()))?;
        if how.head {
            out.become_head();
        }
        out.set_header("x-request-id", &ids.request);
        out.set_header("traceparent", &ids.traceparent());
        for (name, value) in &how.headers {
            out.set_header(name, value);
        }
        let endpoint = &self.0.target.endpoint;
        let permit = self.0.exchange.permit(&out).await.map_err(|e| ProbeError(e.to_string()))?;
        let timed = self.0.stopwatch.time(self.0.exchange.send(endpoint, &out, &how.wishes)).await;
        drop(permit);
        let answer = match timed.value {
            Err(Failed { trouble: Trouble::Own(own), .. }) => return Err(ProbeError(own.to_string())),
            other => other,
        };
        Ok(Call {
            took: timed.took,
            began: timed.began,
            answer,
            again: crate::transport::curl(endpoint, &out),
            sent: out.shown,
            request_id: ids.request,
            trace_id: ids.trace,
        })
    }
}

impl How {
    /// A fresh connection and no target headers, everything within `total`: as an orchestrator probes.
    #[must_use]
    pub fn probe(total: Duration) -> Self {
        Self { wishes: Wishes { fresh: true, ..Wishes::within(total) }, anonymous: true, headers: Vec::new(), head: false }
    }

    /// As an ordinary caller: connections are reused, target headers are sent.
    #[must_use]
    pub fn caller(total: Duration) -> Self {
        Self { wishes: Wishes::within(total), anonymous: false, headers: Vec::new(), head: false }
    }

    /// With one header replaced or added.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}
