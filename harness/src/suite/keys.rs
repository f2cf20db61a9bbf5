//! The keys of a check beside its kind: their types, their words for editors, and which of them a file may give as defaults.

use crate::model::{Impact, Severity};
use crate::reader::{Complaint, Dur, Many, Sp, Tree, parse_duration};
use crate::words::{Expect, Request};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{
    Deserialize,
    de::{self, value::MapAccessDeserializer},
};
use std::{borrow::Cow, fmt};

/// Keys that are read before selection: they say which check this is.
pub(crate) const EARLY: &[&str] = &["name", "needs", "tags", "for-each"];
/// Keys that are read after values were put in.
pub(crate) const LATE: &[&str] =
    &["about", "runbook", "target", "gate", "timeout", "eventually", "consistently", "promises", "impact", "severity", "cleanup"];
/// Keys of a check that `defaults` may give.
pub(crate) const DEFAULTS: &[&str] = &["target", "tags", "timeout", "severity", "impact", "about", "runbook"];
/// Keys of a request that `defaults` may give, to every kind that takes them.
pub(crate) const REQUEST_DEFAULTS: &[&str] = &["query", "headers", "auth", "follow-redirects", "http", "repeatable"];

/// Which check it is.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Early {
    /// Unique in the suite; what reports show, stable over runs. Only `for-each` variables may stand in it.
    pub(crate) name: Sp<String>,
    /// Checks of this suite that must pass first; else this one is blocked. Selection pulls them in.
    #[serde(default)]
    pub(crate) needs: Many<Sp<String>>,
    /// Words for `--tag` and `--skip-tag`.
    #[serde(default)]
    pub(crate) tags: Many<Sp<String>>,
    /// The check stands once for each: `{ service: [a, b] }`, or a list of variable sets. It is expanded before the rest is read.
    #[serde(default, rename = "for-each")]
    _for_each: Option<Tree>,
}

impl Early {
    /// A check of which only a name is known.
    pub(crate) fn unnamed(name: Sp<String>) -> Self {
        Self { name, needs: Many(Vec::new()), tags: Many(Vec::new()), _for_each: None }
    }
}

/// Everything else that is said of a check.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Late {
    /// Why it matters; shown when it fails.
    #[serde(default)]
    pub(crate) about: Option<String>,
    /// A link for the person on call; shown when it fails.
    #[serde(default)]
    pub(crate) runbook: Option<String>,
    /// Which target relative URLs belong to. Default: the first.
    #[serde(default)]
    pub(crate) target: Option<Sp<String>>,
    /// Until it passes, nothing else on its target runs, in any suite. Default: false.
    #[serde(default)]
    pub(crate) gate: Option<Sp<bool>>,
    /// Hard deadline for the whole check; never below the durations that it declares. Default: 30s, or what those need.
    #[serde(default)]
    pub(crate) timeout: Option<Sp<Dur>>,
    /// Poll until all expectations hold: a duration, or a map. Only for kinds that send one request.
    #[serde(default)]
    pub(crate) eventually: Option<Sp<EventuallyKeys>>,
    /// Must hold at every poll for this long. Only for kinds that send one request.
    #[serde(default)]
    pub(crate) consistently: Option<Sp<Dur>>,
    /// Clauses that need no parameter: `[health/open, health/bounded]`.
    #[serde(default)]
    pub(crate) promises: Many<Sp<String>>,
    /// Raises what it does to the target: read, write, load or disrupt.
    #[serde(default)]
    pub(crate) impact: Option<Sp<Impact>>,
    /// Whether it decides the exit code. Default: required.
    #[serde(default)]
    pub(crate) severity: Option<Sp<Severity>>,
    /// Requests that run on every way out once their captures exist; their failure is reported.
    #[serde(default)]
    pub(crate) cleanup: Vec<Sp<Request>>,
}

/// `eventually`: what is promised to become true.
#[derive(Debug)]
pub(crate) struct EventuallyKeys {
    pub(crate) within: Dur,
    pub(crate) every: Option<Sp<Dur>>,
    pub(crate) fails_on: Option<Expect>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct EventuallyMap {
    /// Deadline of the polling.
    within: Dur,
    /// Time between polls. Default: 50 ms, later a fortieth of the elapsed time, at most 1 s.
    #[serde(default)]
    every: Option<Sp<Dur>>,
    /// When this holds, the check has failed and polling ends.
    #[serde(default)]
    fails_on: Option<Expect>,
}

impl<'de> Deserialize<'de> for EventuallyKeys {
    fn deserialize<D: de::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct V;
        const EXPECTED: &str = "a duration such as 30s, or a map with `within`";
        fn complaint<E: de::Error>(write: Option<String>) -> E {
            let complaint = Complaint::expected(EXPECTED);
            E::custom(match write {
                Some(write) => complaint.write(write),
                None => complaint,
            })
        }
        impl<'de> de::Visitor<'de> for V {
            type Value = EventuallyKeys;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(EXPECTED)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<EventuallyKeys, E> {
                let within = parse_duration(text).map_err(|e| complaint(e.write))?;
                Ok(EventuallyKeys { within: Dur(within), every: None, fails_on: None })
            }

            fn visit_u64<E: de::Error>(self, n: u64) -> Result<EventuallyKeys, E> {
                self.visit_str(&n.to_string())
            }

            fn visit_f64<E: de::Error>(self, n: f64) -> Result<EventuallyKeys, E> {
                self.visit_str(&n.to_string())
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<EventuallyKeys, A::Error> {
                let EventuallyMap { within, every, fails_on } = EventuallyMap::deserialize(MapAccessDeserializer::new(map))?;
                Ok(EventuallyKeys { within, every, fails_on })
            }
        }
        d.deserialize_any(V)
    }
}

impl JsonSchema for EventuallyKeys {
    fn schema_name() -> Cow<'static, str> {
        "Eventually".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (duration, map) = (generator.subschema_for::<Dur>(), generator.subschema_for::<EventuallyMap>());
        schemars::json_schema!({ "anyOf": [duration, map] })
    }
}
