//! The spec of an `http` check, as it stands in a suite.

use crate::kind::{Demands, Mistake};
use crate::model::At;
use crate::reader::{Dur, Sp, With};
use crate::words::{Capture, CaptureFrom, Expect, Request};
use schemars::JsonSchema;
use serde::Deserialize;
use std::{borrow::Cow, time::Duration};

/// How long a call is waited for where nothing is said of time.
const WAIT: Duration = Duration::from_secs(10);
/// Most calls of a first look: beyond it is a load test, which this kind is not.
const MOST_SAMPLES: u32 = 1000;

/// One call and what its answer must be.
#[derive(Debug, Deserialize)]
#[serde(from = "With<Request, Own>")]
pub struct Http {
    pub(super) request: Request,
    pub(super) own: Own,
}

/// The keys beside the request's own.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Own {
    /// What the answer must be. Default: status 2xx.
    #[serde(default)]
    pub(super) expect: Expect,
    /// Which ids the answer must give back.
    #[serde(default)]
    pub(super) echoes: Option<Sp<Vec<Sp<Echo>>>>,
    /// Values that later checks use.
    #[serde(default)]
    pub(super) capture: Capture,
    /// How many calls the first look makes, at most 1000; a poll makes one. Default: 1.
    #[serde(default)]
    pub(super) samples: Option<Sp<u32>>,
    /// Longest time that one call is waited for. Default: twice `expect.within` and at least 1 s more; without it 10s, or a quarter
    /// of the check's time where that is less.
    #[serde(default)]
    pub(super) wait: Option<Sp<Dur>>,
}

/// An id that an answer can give back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Echo {
    /// The `x-request-id` header.
    RequestId,
    /// The trace id of `traceparent`, in `traceresponse` or `traceparent` of the answer.
    TraceId,
}

impl From<With<Request, Own>> for Http {
    fn from(with: With<Request, Own>) -> Self {
        Self { request: with.a, own: with.b }
    }
}

impl JsonSchema for Http {
    fn schema_name() -> Cow<'static, str> {
        "Http".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        With::<Request, Own>::json_schema(generator)
    }
}

impl Http {
    /// The declared limit of the answer's time.
    pub(super) fn within(&self) -> Option<Duration> {
        self.own.expect.within()
    }

    /// Where it stands.
    pub(super) fn within_at(&self) -> At {
        self.own.expect.within_at()
    }

    /// How long one call is waited for. `patience`: what the check's own time leaves for one.
    pub(super) fn wait(&self, patience: Duration) -> Duration {
        self.declared_wait().unwrap_or_else(|| WAIT.min(patience))
    }

    /// The same where the spec says something of time.
    fn declared_wait(&self) -> Option<Duration> {
        let long_enough = |within: Duration| (within * 2).max(within + Duration::from_secs(1));
        self.own.wait.as_ref().map(|wait| wait.value.0).or_else(|| self.within().map(long_enough))
    }

    /// Whether an expectation or a capture looks at the content of the body, for which all of it must be at hand.
    pub(super) fn reads_body(&self) -> bool {
        let Expect { json, body, schema, .. } = &self.own.expect;
        let text = body.as_ref().is_some_and(|body| body.matcher.is_some());
        let captured = self.own.capture.iter().any(|rule| matches!(rule.from, CaptureFrom::Json(_)));
        !json.is_empty() || schema.is_some() || text || captured
    }

    /// Most bytes that the body may have, if that is declared.
    pub(super) fn max_size(&self) -> Option<u64> {
        self.own.expect.body.as_ref().and_then(|body| body.max_size).map(|size| size.0)
    }

    /// How many calls the first look makes.
    pub(super) fn samples(&self) -> u32 {
        self.own.samples.as_ref().map_or(1, |s| s.value)
    }

    /// Whether the request may be sent again.
    pub(super) fn repeatable(&self) -> bool {
        self.request.is_repeatable()
    }

    /// The declared statuses, as people read them.
    pub(super) fn expected_status(&self) -> String {
        self.own.expect.status().to_string()
    }

    /// One status that is as declared, for controls.
    pub(super) fn accepts_status(&self) -> u16 {
        self.own.expect.status().one()
    }
}

/// What the plan needs to know.
pub(super) fn demands(spec: &Http) -> Demands {
    let declared = spec.declared_wait().unwrap_or_default();
    let least = spec.own.wait.as_ref().map(|wait| wait.value.0).or(spec.within()).unwrap_or_default();
    Demands {
        impact: spec.request.impact(),
        longest: least * spec.samples().clamp(1, MOST_SAMPLES),
        certain: if spec.repeatable() { declared * 3 } else { declared },
        sent_once: !spec.repeatable(),
        single_shot: true,
        uses: spec.request.captures_used().into_iter().chain(spec.own.expect.captures_used()).collect(),
        gives: spec.own.capture.names().map(str::to_owned).collect(),
        hosts: spec.request.absolute_host().into_iter().collect(),
        files: spec.request.files().into_iter().chain(spec.own.expect.files()).collect(),
        mistakes: mistakes(spec),
        ..Demands::default()
    }
}

/// What is well typed and makes no sense.
fn mistakes(spec: &Http) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    let mut told = |at: At, what: &str, help: &str| mistakes.push(Mistake { at, what: format!("http.{what}"), help: help.to_owned() });
    if let Some(samples) = &spec.own.samples {
        if samples.value == 0 {
            told(samples.at, "samples: no call is made with 0 samples", "write `samples: 1` or more");
        } else if samples.value > MOST_SAMPLES {
            told(
                samples.at,
                "samples: more than 1000 calls are a load test",
                "20 samples see a flaw in one call of five in 98.8 % of runs",
            );
        } else if samples.value > 1 && !spec.repeatable() {
            let help = "leave `samples` out, or say `repeatable: true` if it may be sent again";
            told(samples.at, "samples: this request is to be sent once", help);
        }
    }
    if let Some(echoes) = spec.own.echoes.as_ref().filter(|echoes| echoes.value.is_empty()) {
        told(echoes.at, "echoes: it asks for nothing, so it would prove nothing", "write `echoes: [request-id]`, or leave it out");
    }
    if spec.within().is_some_and(|within| within.is_zero()) {
        told(spec.within_at(), "expect.within: no answer can come in no time", "write a time, for example `within: 300ms`");
    }
    match (&spec.own.wait, spec.within()) {
        (Some(wait), _) if wait.value.0.is_zero() => {
            told(wait.at, "wait: no answer can come in no time", "write a time, or leave `wait` out")
        }
        (Some(wait), Some(within)) if wait.value.0 <= within => told(
            wait.at,
            "wait: a call that is not waited for longer than `expect.within` cannot be seen to be slow",
            "leave `wait` out, or make it longer than `expect.within`",
        ),
        _ => {}
    }
    mistakes
}
