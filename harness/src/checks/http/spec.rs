//! The spec of an `http` check, as it stands in a suite.

use crate::kind::{Demands, Mistake};
use crate::model::At;
use crate::reader::{Dur, Sp, With};
use crate::words::{Capture, Expect, Request};
use schemars::JsonSchema;
use serde::Deserialize;
use std::{borrow::Cow, time::Duration};

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
    pub(super) echoes: Vec<Sp<Echo>>,
    /// Values that later checks use.
    #[serde(default)]
    pub(super) capture: Capture,
    /// How many calls the first look makes. Default: 1.
    #[serde(default)]
    pub(super) samples: Option<Sp<u32>>,
    /// Longest time that one call is waited for. Default: twice `expect.within` and at least 1 s more, else 10s.
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

    /// How long one call is waited for.
    pub(super) fn wait(&self) -> Duration {
        match (&self.own.wait, self.within()) {
            (Some(wait), _) => wait.value.0,
            (None, Some(within)) => (within * 2).max(within + Duration::from_secs(1)),
            (None, None) => Duration::from_secs(10),
        }
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
    let mut mistakes = Vec::new();
    if let Some(samples) = &spec.own.samples {
        if samples.value == 0 {
            mistakes.push(Mistake {
                at: samples.at,
                what: "no call is made with 0 samples".into(),
                help: "write `samples: 1` or more".into(),
            });
        } else if samples.value > 1 && !spec.repeatable() {
            mistakes.push(Mistake {
                at: samples.at,
                what: "this request is sent once: its method changes something".into(),
                help: "leave `samples` out, or say `repeatable: true` if it may be sent again".into(),
            });
        }
    }
    if let (Some(wait), Some(within)) = (&spec.own.wait, spec.within())
        && wait.value.0 <= within
    {
        mistakes.push(Mistake {
            at: wait.at,
            what: "a call that is not waited for longer than `expect.within` cannot be seen to be slow".into(),
            help: "leave `wait` out, or make it longer than `expect.within`".into(),
        });
    }
    // The default wait is no promise of the suite: a shorter `timeout` is no contradiction.
    let declares_time = spec.own.wait.is_some() || spec.within().is_some();
    Demands {
        impact: spec.request.impact(),
        longest: if declares_time { spec.wait() * spec.samples().max(1) } else { Duration::ZERO },
        single_shot: true,
        uses: spec.request.captures_used().into_iter().chain(spec.own.expect.captures_used()).collect(),
        gives: spec.own.capture.names().map(str::to_owned).collect(),
        hosts: spec.request.absolute_host().into_iter().collect(),
        files: spec.request.files().into_iter().chain(spec.own.expect.files()).collect(),
        mistakes,
        ..Demands::default()
    }
}
