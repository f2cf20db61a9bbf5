//! What a suite says of `size-limit`: keys, units, defaults, and the mistakes that only the whole shows.

use super::table::EARLY;
use crate::kind::{Demands, Mistake};
use crate::model::{At, Impact};
use crate::reader::{Bytes, Many, Sp, With};
use crate::transport::{Cut, Speak};
use crate::words::{Body, Expect, Path, Request, Sample, Status};
use http::{HeaderValue, Method};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::time::Duration;

/// The request that carries the bodies, and what is promised of it.
pub(super) type Spec = With<Request, Own>;

/// Keys of `size-limit` beside those of its request.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Own {
    /// The largest body that is taken, such as 50MiB. Needed, unless `find` is true.
    #[serde(default)]
    pub(super) limit: Option<Sp<Bytes>>,
    /// Measure where the edge lies, by bisection. Declares `size/edge`. Default: false.
    #[serde(default)]
    pub(super) find: Option<Sp<bool>>,
    /// What a larger body is answered by. Default: 413.
    #[serde(default)]
    pub(super) refused: Option<Sp<Status>>,
    /// The part of a multipart body that is sized. Default: the whole body is.
    #[serde(default)]
    pub(super) field: Option<Sp<String>>,
    /// The media type of the body, or of the part. Default: that of the sample, else application/octet-stream.
    #[serde(default, rename = "type")]
    pub(super) media_type: Option<Sp<String>>,
    /// A sample with which every body begins; it is padded to size. Default: noise.
    #[serde(default)]
    pub(super) from: Option<Sample>,
    /// The smallest body that is taken. Default: 0, with `from` the size of the sample.
    #[serde(default)]
    pub(super) least: Option<Sp<Bytes>>,
    /// How bodies are framed. Default: content-length, chunked, tiny-chunks and expect-continue; with HTTP/2 the first two.
    #[serde(default)]
    pub(super) framings: Option<Many<Sp<Framing>>>,
    /// JSONPath of the id in the answer to a body that was taken: `${id}` in `stored` and `remove`.
    #[serde(default)]
    pub(super) id: Option<Sp<Path>>,
    /// What is stored of a body that was taken.
    #[serde(default)]
    pub(super) stored: Option<With<Request, Stored>>,
    /// The request that takes away what a body has left that was taken, sent after each.
    #[serde(default)]
    pub(super) remove: Option<Request>,
    /// Where refused bodies would leave a trace. Declares `size/no-trace`.
    #[serde(default)]
    pub(super) trace: Option<Many<With<Request, Trace>>>,
    /// An ordinary request, for `size/in-sync` and `size/unharmed`. Default: a small body to the same place.
    #[serde(default)]
    pub(super) next: Option<With<Request, Next>>,
}

/// Keys of `stored` beside those of its request.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Stored {
    /// JSONPath of the SHA-256 in hex. Default: the body of the answer is what was stored.
    #[serde(default)]
    pub(super) sha256: Option<Sp<Path>>,
}

/// Keys of one `trace` beside those of its request: one of `at` and `gauges`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Trace {
    /// JSONPath of a count, or of the things themselves.
    #[serde(default)]
    pub(super) at: Option<Sp<Path>>,
    /// Names of gauges in Prometheus text; samples of one name are added up.
    #[serde(default)]
    pub(super) gauges: Option<Many<Sp<String>>>,
    /// By how much a number may grow, as a gauge of memory does. Default: 0.
    #[serde(default)]
    pub(super) slack: Option<Sp<Bytes>>,
}

/// Keys of `next` beside those of its request.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Next {
    /// What its answer is. Default: any 2xx.
    #[serde(default)]
    pub(super) expect: Option<Expect>,
}

/// How a body is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Framing {
    /// Its length is told.
    ContentLength,
    /// In chunks of 64 KiB.
    Chunked,
    /// In chunks, the last 64 KiB in chunks of one byte.
    TinyChunks,
    /// Its length is told, and `100 Continue` is waited for.
    ExpectContinue,
    /// In the gzip coding; the limit holds for what is unpacked.
    Gzip,
}

impl Framing {
    /// As it stands in a suite, and in cases.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::ContentLength => "content-length",
            Self::Chunked => "chunked",
            Self::TinyChunks => "tiny-chunks",
            Self::ExpectContinue => "expect-continue",
            Self::Gzip => "gzip",
        }
    }

    /// How it is cut for the wire.
    pub(super) fn cut(self) -> Cut {
        match self {
            Self::ContentLength | Self::ExpectContinue | Self::Gzip => Cut::Whole,
            Self::Chunked => Cut::Chunks,
            Self::TinyChunks => Cut::Tiny,
        }
    }

    /// Bytes that a body of this size takes of what the environment lets be sent, at most.
    pub(super) fn cost(self, bytes: u64) -> u64 {
        match self {
            Self::Gzip => Cut::Whole.on_the_wire(bytes / 500 + (64 << 10)),
            other => other.cut().on_the_wire(bytes),
        }
    }
}

const DEFAULT: [Framing; 4] = [Framing::ContentLength, Framing::Chunked, Framing::TinyChunks, Framing::ExpectContinue];

impl Own {
    /// The declared limit in bytes.
    pub(super) fn limit(&self) -> Option<u64> {
        self.limit.as_ref().map(|l| l.value.0.0)
    }

    /// Bytes without which nothing is known of a limit: a body as large as it is and one that is larger, in the framing that costs least.
    pub(super) fn least_upload(limit: u64, framings: &[Framing]) -> u64 {
        let both = |framing: &Framing| framing.cost(limit).saturating_add(framing.cost(limit.saturating_add(1)));
        framings.iter().map(both).min().unwrap_or_default()
    }

    pub(super) fn finds(&self) -> bool {
        self.find.as_ref().is_some_and(|f| f.value)
    }

    /// What a larger body is answered by.
    pub(super) fn refused(&self) -> Cow<'_, Status> {
        self.refused.as_ref().map_or_else(|| Cow::Owned(Status::exactly(413)), |s| Cow::Borrowed(&s.value))
    }

    /// The smallest body that is taken, in bytes.
    pub(super) fn least(&self) -> u64 {
        let sample = self.from.as_ref().map_or(0, |s| s.bytes.len() as u64);
        self.least.as_ref().map_or(sample, |l| l.value.0.0)
    }

    /// The smallest body that says something: one byte, or the least that is taken.
    pub(super) fn small(&self) -> u64 {
        self.least().max(1)
    }

    /// The media type of body or part.
    pub(super) fn media_type(&self) -> &str {
        let sample = || self.from.as_ref().map_or("application/octet-stream", Sample::media_type);
        self.media_type.as_ref().map_or_else(sample, |t| &t.value)
    }

    /// The framings that are tried with this version of HTTP.
    pub(super) fn framings(&self, speaks: Speak) -> Vec<Framing> {
        match &self.framings {
            Some(some) => some.iter().map(|f| f.value).collect(),
            None if speaks == Speak::Http2 => DEFAULT[..2].to_vec(),
            None => DEFAULT.to_vec(),
        }
    }
}

impl Trace {
    /// By how much a number may grow.
    pub(super) fn slack(&self) -> f64 {
        self.slack.as_ref().map_or(0.0, |s| s.value.0.0 as f64)
    }
}

/// Of a body that was taken: what stands at `id` in its answer.
pub(super) const ID: &str = "id";

/// Why nobody can refuse a packed body early.
pub(super) const PACKED: &str = "`framings` names gzip alone, and a packed body is so small that all of it is there before an answer can be: add `content-length` or `chunked`";

/// What the plan must know, from the spec alone.
pub(super) fn demands(spec: &Spec) -> Demands {
    let own = &spec.b;
    let uploads = own.limit().map_or(0, |limit| Own::least_upload(limit, &own.framings(Speak::Http11)));
    let mut demands = Demands {
        impact: Impact::Load,
        certain: certain(own),
        requests: requests(own),
        uploads,
        mistakes: mistakes(spec),
        ..Demands::default()
    };
    if own.framings.as_ref().is_some_and(|all| !all.is_empty() && all.iter().all(|f| f.value == Framing::Gzip)) {
        demands.pointless.push((EARLY, PACKED));
    }
    let stored = own.stored.as_ref().map(|s| &s.a);
    let next = own.next.as_ref().map(|n| &n.a);
    let traces = own.trace.iter().flat_map(|t| t.iter()).map(|t| &t.a);
    for request in [Some(&spec.a), stored, next, own.remove.as_ref()].into_iter().flatten().chain(traces) {
        demands.uses.extend(request.captures_used().into_iter().filter(|(name, _)| name != ID));
        demands.files.extend(request.files());
        demands.hosts.extend(request.absolute_host());
    }
    if let Some(sample) = &own.from {
        demands.files.push((sample.name.clone(), sample.at));
    }
    if let Some(expect) = own.next.as_ref().and_then(|n| n.b.expect.as_ref()) {
        demands.uses.extend(expect.captures_used());
        demands.files.extend(expect.files());
    }
    demands
}

/// Bytes a second that a service takes at the least, for the time that a check is given.
const PACE: u64 = 32 << 20;

/// Time for all bodies that a service may read to their end, and for the waits of a bad one.
fn certain(own: &Own) -> Duration {
    let limit = own.limit().unwrap_or(if own.finds() { 64 << 20 } else { 0 });
    // Two up to the limit in each of five framings, 40 plain clients, and a few more for the rest.
    let bodies = if own.finds() { 90 } else { 60 };
    // A trace is read when all has settled, and again and again 3 s after a refusal and 3 s after none.
    let traces = if own.trace.is_some() { 40 } else { 0 };
    Duration::from_secs(30 + traces) + Duration::from_secs(limit.saturating_mul(bodies) / PACE)
}

/// Requests of a good service, where all clauses are promised.
fn requests(own: &Own) -> u32 {
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let framings = count(own.framings(Speak::Http11).len());
    let hunted = if own.finds() { 40 } else { 0 };
    let taken = framings * 4 + hunted / 2;
    let each_taken = u32::from(own.stored.is_some()) + u32::from(own.remove.is_some());
    // Before, when all has settled and after, and while bodies that were taken are looked for there.
    let traces = own.trace.as_ref().map_or(0, |t| count(t.len())) * 10;
    // Three sizes above the limit, the smallest five times; early, plain clients, pairs on one connection; ordinary ones.
    let refused = framings * (3 + 4) + 3 + 40 + 20 + 8;
    1 + hunted + taken * (1 + each_taken) + refused + traces
}

fn mistakes(spec: &Spec) -> Vec<Mistake> {
    let (request, own) = (&spec.a, &spec.b);
    let mut all = Vec::new();
    let mut say = |at: At, what: String, help: &str| all.push(Mistake { at, what, help: help.to_owned() });
    if !matches!(*request.method(), Method::POST | Method::PUT | Method::PATCH) {
        say(request.at(), format!("a {} carries no body whose size could be judged", request.method()), "use post, put or patch");
    }
    match (request.body(), &own.field) {
        (Body::Empty, _) | (Body::Multipart(_), Some(_)) => {}
        (Body::Multipart(_), None) => {
            say(request.at(), "multipart: no part is said to be the one that is sized".to_owned(), "add `field: file`")
        }
        (_, _) => say(
            request.at(),
            "the request has a body of its own, and here bodies are made to size".to_owned(),
            "take it out; `from: SAMPLE` is what bodies begin with",
        ),
    }
    match (&own.limit, own.finds()) {
        (None, false) => {
            say(request.at(), "limit: how large may a body be?".to_owned(), "write `limit: 50MiB`, or `find: true` to have it measured")
        }
        (Some(limit), _) if limit.value.0.0 == 0 => {
            say(limit.at, "limit: expected more than 0".to_owned(), "write the size of the largest body that is taken")
        }
        (Some(limit), _) if own.least() > limit.value.0.0 => {
            let what = format!("limit: {} is less than the {} bytes of the smallest body that is taken", limit.value.0, own.least());
            say(limit.at, what, "use a smaller sample, or a smaller `least`");
        }
        _ => {}
    }
    if let Some(least) = &own.least
        && own.from.as_ref().is_some_and(|s| (least.value.0.0) < s.bytes.len() as u64)
    {
        say(
            least.at,
            "least: is less than the sample with which every body begins".to_owned(),
            "leave it out: the sample's own size is the default",
        );
    }
    let stored = own.stored.as_ref().map(|s| &s.a);
    let mut of_one = [stored, own.remove.as_ref()].into_iter().flatten().flat_map(|request| request.captures_used());
    if let Some((_, at)) = of_one.find(|(name, _)| name == ID && own.id.is_none()) {
        say(at, "`${id}` is the id in the answer to a body, and where it stands there is not said".to_owned(), "add `id: $.id`");
    }
    if let Some(refused) = own.refused.as_ref().filter(|r| (200..300).any(|code| r.value.fits(code))) {
        say(refused.at, format!("refused: {} would be an acceptance", refused.value), "write the status of a refusal, such as 413");
    }
    if let Some(field) = own.field.as_ref().filter(|f| f.value.is_empty()) {
        say(field.at, "field: has no name".to_owned(), "write the name of the part, such as `file`");
    }
    if let Some(kind) = own.media_type.as_ref().filter(|t| HeaderValue::from_str(&t.value).is_err() || !t.value.contains('/')) {
        say(kind.at, format!("type: `{}` is no media type", kind.value), "write one such as image/png");
    }
    framings(own, request.version(), &mut say);
    if let Some(stored) = own.stored.as_ref().filter(|s| !s.a.is_repeatable()) {
        say(stored.a.at(), "stored: its request may not be sent again".to_owned(), "use get, or say `repeatable: true`");
    }
    if own.trace.as_ref().is_some_and(|t| t.is_empty()) {
        say(
            request.at(),
            "trace: names no place".to_owned(),
            "write where refused bodies would show: `trace: { get: /uploads, at: $.count }`",
        );
    }
    for trace in own.trace.iter().flat_map(|t| t.iter()) {
        match (&trace.b.at, &trace.b.gauges) {
            (None, None) => {
                say(trace.a.at(), "trace: says nothing of the answer".to_owned(), "add `at: $.count`, or `gauges: [upload_temp_files]`")
            }
            (Some(at), Some(_)) => {
                say(at.at, "trace: `at` and `gauges` are two ways to read an answer".to_owned(), "make it two entries of the list")
            }
            (None, Some(gauges)) if gauges.is_empty() => {
                say(trace.a.at(), "trace.gauges: names no gauge".to_owned(), "name one, such as upload_temp_files")
            }
            _ => {}
        }
        if !trace.a.is_repeatable() {
            say(trace.a.at(), "trace: its request may not be sent again, and it is read before and after".to_owned(), "use get");
        }
    }
    all
}

fn framings(own: &Own, version: Option<Speak>, say: &mut impl FnMut(At, String, &str)) {
    let Some(framings) = &own.framings else { return };
    if framings.is_empty() {
        say(At::default(), "framings: names none".to_owned(), "leave it out: the default is all but gzip");
    }
    for (i, framing) in framings.iter().enumerate() {
        if framings[..i].iter().any(|before| before.value == framing.value) {
            say(framing.at, format!("framings: `{}` stands twice", framing.value.word()), "name each once");
        }
        if version == Some(Speak::Http2) && matches!(framing.value, Framing::TinyChunks | Framing::ExpectContinue) {
            say(
                framing.at,
                format!("framings: HTTP/2 has no `{}`", framing.value.word()),
                "take it out, or make a check of its own for HTTP/1.1",
            );
        }
    }
}
