//! `expect`: what an answer must be, judged part by part.

use super::{
    answered::{Answered, Miss, Part},
    body::BodyExpectation,
    capture::{header_name, path},
    json::Json,
    matcher::{Matcher, Nodes, Not, Subject},
    path::{Located, Path},
    schema::Schema,
    status::Status,
    text::deferred,
    values::{UnknownCapture, Values},
};
use crate::{
    model::At,
    reader::{Complaint, Dur, Node, Sp, Tree},
};
use http::HeaderName;
use schemars::{JsonSchema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};
use std::{borrow::Cow, time::Duration};

/// What an answer must be. With nothing said: a status of 2xx.
#[derive(Clone, Debug, Default)]
pub struct Expect {
    status: Option<Sp<Status>>,
    within: Option<Sp<Dur>>,
    /// Header fields, by name.
    pub headers: Vec<HeaderExpectation>,
    /// Values in a JSON body, by path.
    pub json: Vec<JsonExpectation>,
    /// The body as text and bytes.
    pub body: Option<BodyExpectation>,
    /// A JSON Schema that the body follows.
    pub schema: Option<Sp<Schema>>,
    captures: Vec<(String, At)>,
}

/// What the fields of one name must be. Several fields of that name: all must hold, as with the nodes of a path.
#[derive(Clone, Debug)]
pub struct HeaderExpectation {
    /// The name.
    pub name: HeaderName,
    /// What its values must be.
    pub matcher: Matcher,
    /// Where the suite asks for it.
    pub at: At,
}

/// What the nodes of one path must be.
#[derive(Clone, Debug)]
pub struct JsonExpectation {
    /// The path.
    pub path: Path,
    /// What its nodes must be.
    pub matcher: Matcher,
    /// Where the suite asks for it.
    pub at: At,
}

impl Expect {
    /// Every key it knows.
    pub const KEYS: &'static [&'static str] = &["status", "within", "headers", "json", "body", "schema"];

    /// Holds an answer against everything but `within`; what does not hold, in the order of the suite. The status is always judged, so
    /// an empty list never means that nothing was.
    ///
    /// # Errors
    /// When a capture that an expectation holds has no value: nothing can be said then.
    pub fn judge(&self, seen: &Answered<'_>, values: &Values) -> Result<Vec<Miss>, UnknownCapture> {
        let mut misses = Vec::new();
        self.judge_status(seen, &mut misses);
        self.judge_headers(seen, values, &mut misses)?;
        self.judge_json(seen, values, &mut misses)?;
        if let Some(body) = &self.body {
            body.judge(seen, values, &mut misses)?;
        }
        self.judge_schema(seen, &mut misses);
        Ok(misses)
    }

    /// How many expectations [`judge`](Self::judge) holds against every answer, by part; a part that is not asked for is not here.
    pub fn counts(&self) -> impl Iterator<Item = (Part, usize)> {
        [
            (Part::Status, 1),
            (Part::Headers, self.headers.len()),
            (Part::Json, self.json.len()),
            (Part::Body, self.body.as_ref().map_or(0, BodyExpectation::count)),
            (Part::Schema, usize::from(self.schema.is_some())),
        ]
        .into_iter()
        .filter(|(_, n)| *n > 0)
    }

    /// The status that is declared, with its place; `None` where nothing is said.
    #[must_use]
    pub fn declared_status(&self) -> Option<&Sp<Status>> {
        self.status.as_ref()
    }

    /// The status that is expected: 2xx where nothing is said.
    #[must_use]
    pub fn status(&self) -> Cow<'_, Status> {
        self.status.as_ref().map_or_else(|| Cow::Owned(Status::default()), |s| Cow::Borrowed(&s.value))
    }

    /// Longest time to the last byte, if any. Judged by the kind, which has measured it.
    #[must_use]
    pub fn within(&self) -> Option<Duration> {
        self.within.as_ref().map(|w| w.value.0)
    }

    /// Where `within` stands; nowhere if it is not there.
    #[must_use]
    pub fn within_at(&self) -> At {
        self.within.as_ref().map(|w| w.at).unwrap_or_default()
    }

    /// Whether the SHA-256 of the whole body is needed.
    #[must_use]
    pub fn wants_sha256(&self) -> bool {
        self.body.as_ref().is_some_and(BodyExpectation::wants_sha256)
    }

    /// The names that are known only at run time, and where each stands.
    #[must_use]
    pub fn captures_used(&self) -> Vec<(String, At)> {
        self.captures.clone()
    }

    /// The files that it needs.
    #[must_use]
    pub fn files(&self) -> Vec<(String, At)> {
        self.schema.iter().map(|s| (s.value.name().to_owned(), s.at)).collect()
    }

    fn judge_status(&self, seen: &Answered<'_>, misses: &mut Vec<Miss>) {
        let status = self.status();
        if !status.fits(seen.status) {
            let reason = http::StatusCode::from_u16(seen.status).ok().and_then(|s| s.canonical_reason());
            let observed = reason.map_or_else(|| seen.status.to_string(), |reason| format!("{} {reason}", seen.status));
            misses.push(Miss {
                part: Part::Status,
                name: String::new(),
                expected: status.to_string(),
                observed,
                at: self.status.as_ref().map(|s| s.at).unwrap_or_default(),
            });
        }
    }

    fn judge_headers(&self, seen: &Answered<'_>, values: &Values, misses: &mut Vec<Miss>) -> Result<(), UnknownCapture> {
        for HeaderExpectation { name, matcher, at } in &self.headers {
            let fields: Vec<Json> = seen.header(name.as_str()).map(|v| Json::String(String::from_utf8_lossy(v).into_owned())).collect();
            let nodes: Vec<Located<'_>> = fields.iter().map(|node| Located { steps: Vec::new(), node }).collect();
            let nodes = Nodes { nodes: &nodes, name: name.as_str(), is_one: false, is_text: true, values };
            misses.extend(miss(Part::Headers, nodes, matcher, *at)?);
        }
        Ok(())
    }

    fn judge_json(&self, seen: &Answered<'_>, values: &Values, misses: &mut Vec<Miss>) -> Result<(), UnknownCapture> {
        let Some(first) = self.json.first() else { return Ok(()) };
        let document = match seen.document() {
            Ok(document) => document,
            Err(why) => {
                misses.push(Miss {
                    part: Part::Json,
                    name: String::new(),
                    expected: format!("a JSON body with {}", first.path),
                    observed: why.to_string(),
                    at: first.at,
                });
                return Ok(());
            }
        };
        for JsonExpectation { path, matcher, at } in &self.json {
            match path.select(document) {
                Ok(nodes) => {
                    let nodes = Nodes { nodes: &nodes, name: path.text(), is_one: path.is_singular(), is_text: false, values };
                    misses.extend(miss(Part::Json, nodes, matcher, *at)?);
                }
                Err(why) => misses.push(Miss {
                    part: Part::Json,
                    name: path.text().to_owned(),
                    expected: matcher.describe(values),
                    observed: why.to_string(),
                    at: *at,
                }),
            }
        }
        Ok(())
    }

    fn judge_schema(&self, seen: &Answered<'_>, misses: &mut Vec<Miss>) {
        let Some(Sp { at, value: schema }) = &self.schema else { return };
        let expected = format!("a body that follows {}", schema.name());
        let mut add = |name: String, observed: String| {
            misses.push(Miss { part: Part::Schema, name, expected: expected.clone(), observed, at: *at });
        };
        match seen.document() {
            Err(why) => add(String::new(), why.to_string()),
            Ok(document) if !document.duplicates.is_empty() => {
                add(super::path::show(&document.duplicates[0]), "ambiguous: this key is there more than once".to_owned());
            }
            Ok(document) => schema.broken_by(&document.root).into_iter().for_each(|b| add(b.path, format!("{} (`{}`)", b.what, b.keyword))),
        }
    }
}

/// The miss of one matcher, if it does not hold.
pub(super) fn miss(part: Part, nodes: Nodes<'_>, matcher: &Matcher, at: At) -> Result<Option<Miss>, UnknownCapture> {
    match nodes.hold(matcher) {
        Ok(()) => Ok(None),
        Err(Not::Unknown(unknown)) => Err(unknown),
        Err(Not::Miss(seen) | Not::Unfit(seen)) => {
            Ok(Some(Miss { part, name: seen.path, expected: matcher.describe(nodes.values), observed: seen.observed, at }))
        }
    }
}

/// The keys as they are typed; what needs its own rules is read from the tree.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    status: Option<Tree>,
    within: Option<Sp<Dur>>,
    headers: Option<Tree>,
    json: Option<Tree>,
    body: Option<Tree>,
    schema: Option<Tree>,
}

impl TryFrom<Raw> for Expect {
    type Error = Complaint;

    fn try_from(raw: Raw) -> Result<Self, Complaint> {
        let mut expect = Self { within: raw.within, ..Self::default() };
        for tree in [&raw.status, &raw.headers, &raw.json, &raw.body].into_iter().flatten() {
            deferred(&tree.0, &mut expect.captures);
        }
        if let Some(Tree(node)) = &raw.status {
            expect.status = Some(Sp { at: node.at, value: Status::of(node)? });
        }
        if let Some(Tree(node)) = &raw.headers {
            for (key, value) in entries(node, "`content-type: application/json`")? {
                if value.is_null() {
                    return Err(Complaint::new("a header is never null")
                        .help("write `absent` for a header that must not be there")
                        .at(value));
                }
                let matcher = Matcher::of_subject(value, Subject::Text)?;
                expect.headers.push(HeaderExpectation { name: header_name(key)?, matcher, at: key.at });
            }
        }
        if let Some(Tree(node)) = &raw.json {
            for (key, value) in entries(node, "`$.status: healthy`")? {
                let path = path(key)?;
                let subject = if path.is_singular() { Subject::One } else { Subject::Some };
                let matcher = Matcher::of_subject(value, subject)?;
                expect.json.push(JsonExpectation { path, matcher, at: key.at });
            }
        }
        expect.body = raw.body.map(|Tree(node)| BodyExpectation::of(&node)).transpose()?;
        expect.schema = raw.schema.map(|Tree(node)| Ok::<_, Complaint>(Sp { at: node.at, value: Schema::of(&node)? })).transpose()?;
        Ok(expect)
    }
}

/// The entries of a map; an empty one would prove nothing.
fn entries<'n>(node: &'n Node, such_as: &str) -> Result<&'n [(Node, Node)], Complaint> {
    match node.entries() {
        Some(entries) if !entries.is_empty() => Ok(entries),
        Some(_) => Err(Complaint::new("it asks for nothing, so it would prove nothing").help(format!("such as {such_as}")).at(node)),
        None => Err(Complaint::expected(format!("a map such as {such_as}")).at(node)),
    }
}

impl<'de> Deserialize<'de> for Expect {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Raw::deserialize(d)?.try_into().map_err(de::Error::custom)
    }
}

impl JsonSchema for Expect {
    fn schema_name() -> Cow<'static, str> {
        "Expect".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> schemars::Schema {
        let matcher = generator.subschema_for::<Matcher>();
        json_schema!({
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "status": generator.subschema_for::<Status>(),
                "within": { "allOf": [generator.subschema_for::<Dur>()], "description": "Longest time to the last byte." },
                "headers": { "type": "object", "minProperties": 1, "additionalProperties": matcher, "description": "What headers must be, by name." },
                "json": {
                    "type": "object", "minProperties": 1, "propertyNames": { "pattern": r"^\$" }, "additionalProperties": matcher,
                    "description": "What values of a JSON body must be, by JSONPath (RFC 9535)."
                },
                "body": generator.subschema_for::<BodyExpectation>(),
                "schema": { "type": "string", "description": "A JSON Schema that the body follows: a file beside the suite." }
            }
        })
    }
}

#[cfg(test)]
#[path = "expect_tests.rs"]
mod tests;
