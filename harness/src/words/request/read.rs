//! Reads a request from a suite, each mistake at its own place.

use super::{Auth, Body, FormBody, MultipartBody, Request, outgoing};
use crate::{
    reader::{Complaint, Keys, Node, Tree},
    transport::Speak,
    words::{
        capture::{header_name, unknown},
        files, form,
        template::Template,
        text::{Text, deferred, known},
    },
};
use http::{HeaderName, Method};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};
use std::borrow::Cow;

/// The keys as they stand; each is read from its tree by its own rules.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Raw {
    get: Option<Tree>,
    head: Option<Tree>,
    options: Option<Tree>,
    post: Option<Tree>,
    put: Option<Tree>,
    patch: Option<Tree>,
    delete: Option<Tree>,
    query: Option<Tree>,
    headers: Option<Tree>,
    auth: Option<Tree>,
    #[serde(default, deserialize_with = "with_null")]
    json: Option<Tree>,
    form: Option<Tree>,
    multipart: Option<Tree>,
    text: Option<Tree>,
    sample: Option<Tree>,
    follow_redirects: Option<bool>,
    http: Option<Tree>,
    repeatable: Option<bool>,
}

/// `json: null` is a body, not a key without a value.
fn with_null<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Tree>, D::Error> {
    Tree::deserialize(d).map(Some)
}

impl TryFrom<Raw> for Request {
    type Error = Complaint;

    fn try_from(raw: Raw) -> Result<Self, Complaint> {
        let mut captures = Vec::new();
        let trees = [
            &raw.get,
            &raw.head,
            &raw.options,
            &raw.post,
            &raw.put,
            &raw.patch,
            &raw.delete,
            &raw.query,
            &raw.headers,
            &raw.auth,
            &raw.json,
            &raw.form,
            &raw.multipart,
            &raw.text,
        ];
        trees.into_iter().flatten().for_each(|tree| deferred(&tree.0, &mut captures));
        let calls = [
            (Method::GET, raw.get),
            (Method::HEAD, raw.head),
            (Method::OPTIONS, raw.options),
            (Method::POST, raw.post),
            (Method::PUT, raw.put),
            (Method::PATCH, raw.patch),
            (Method::DELETE, raw.delete),
        ];
        let mut calls = calls.into_iter().filter_map(|(method, tree)| Some((method, tree?.0)));
        let Some((method, node)) = calls.next() else {
            let all = Self::METHODS.map(|m| format!("`{m}`")).join(", ");
            return Err(Complaint::new(format!("which call? one of {all} is needed")).help("such as `get: /health`"));
        };
        if let Some((second, node)) = calls.next() {
            let (first, second) = (word(&method), word(&second));
            return Err(Complaint::new(format!("two calls, `{first}` and `{second}`: a request is one")).help("take one out").at(&node));
        }
        let mut files = Vec::new();
        let body = body(&method, [raw.json, raw.form, raw.multipart, raw.text, raw.sample], &mut files)?;
        let headers = raw.headers.map_or(Ok(Vec::new()), |tree| headers(&tree.0))?;
        let auth = raw.auth.map(|tree| auth(&tree.0)).transpose()?;
        Ok(Self {
            url: url(&node)?,
            at: node.at,
            method,
            query: raw.query.map_or(Ok(Vec::new()), |tree| form::fields(&tree.0))?,
            headers,
            auth,
            body,
            follow_redirects: raw.follow_redirects.unwrap_or(false),
            version: raw.http.map(|tree| version(&tree.0)).transpose()?,
            repeatable: raw.repeatable,
            captures,
            files,
        })
    }
}

fn word(method: &Method) -> String {
    method.as_str().to_ascii_lowercase()
}

fn url(node: &Node) -> Result<Text, Complaint> {
    let url = Text::of(node)?;
    let told = |what: &str| Complaint::expected("a path such as /health, or an absolute http or https URL").help(what).at(node);
    if url.begins_with_capture() {
        return Ok(url);
    }
    let shown = url.to_string();
    let head = shown.split("${").next().unwrap_or_default();
    let is_secret_first = url.begins_with_secret();
    if is_secret_first || shown.starts_with('/') && !shown.starts_with("//") {
        return Ok(url);
    }
    if !outgoing::is_absolute(&shown) {
        return Err(match shown.split_once("://") {
            Some((scheme, _)) => told(&format!("`{scheme}` is no scheme to send to")),
            None => told(&format!("write `/{}` for a path of the target", shown.trim_start_matches('/'))),
        });
    }
    // `https://${host}/x`: who is asked must be known before the run, or the rules on hosts could not hold.
    let host_ends = head.get(8..).is_some_and(|rest| rest.contains(['/', '?']));
    if !host_ends && url.captures().next().is_some() {
        return Err(Complaint::new("the host is known only at run time").help("write the host itself, or a variable").at(node));
    }
    match outgoing::absolute(&url) {
        Some(url) if url.host_str().is_some() => Ok(()),
        _ => Err(told("this URL has no valid host or port")),
    }?;
    Ok(url)
}

fn headers(node: &Node) -> Result<Vec<(HeaderName, Option<Text>)>, Complaint> {
    let entries = node.entries().ok_or_else(|| Complaint::expected("a map of headers").at(node))?;
    let mut headers: Vec<(HeaderName, Option<Text>)> = Vec::new();
    for (key, value) in entries {
        let name = header_name(key)?;
        if matches!(name.as_str(), "content-length" | "transfer-encoding" | "connection") {
            return Err(Complaint::new(format!("`{name}` belongs to the transport: it follows from the body")).at(key));
        }
        if headers.iter().any(|(n, _)| *n == name) {
            return Err(Complaint::new(format!("the header `{name}` is given twice; names know no case")).at(key));
        }
        let text = if value.is_null() { None } else { Some(Text::of(value)?) };
        if text.as_ref().and_then(Text::literal).is_some_and(|t| http::HeaderValue::from_str(t).is_err()) {
            return Err(Complaint::new("it has characters that HTTP forbids in a header").at(value));
        }
        headers.push((name, text));
    }
    Ok(headers)
}

fn auth(node: &Node) -> Result<Auth, Complaint> {
    let expected = || Complaint::expected("`none`, `{ bearer: TOKEN }` or `{ basic: { user: …, password: … } }`").at(node);
    match node.entries() {
        None if node.text() == Some("none") => Ok(Auth::None),
        Some([(key, value)]) => match key.text() {
            Some("bearer") => Ok(Auth::Bearer(Text::of(value)?)),
            Some("basic") => {
                let (mut user, mut password) = (None, None);
                for (key, value) in value.entries().ok_or_else(|| Complaint::expected("a map with `user` and `password`").at(value))? {
                    match key.text().unwrap_or_default() {
                        "user" => user = Some(Text::of(value)?),
                        "password" => password = Some(Text::of(value)?),
                        other => return Err(unknown(other, &["user", "password"]).at(key)),
                    }
                }
                match (user, password) {
                    (Some(user), Some(_)) if user.literal().is_some_and(|u| u.contains(':')) => {
                        Err(Complaint::new("a user name with a colon cannot be told from its password (RFC 7617 §2)").at(value))
                    }
                    (Some(user), Some(password)) => Ok(Auth::Basic { user, password }),
                    _ => Err(Complaint::expected("a map with `user` and `password`").at(value)),
                }
            }
            Some(other) => Err(unknown(other, &["bearer", "basic"]).at(key)),
            None => Err(expected()),
        },
        _ => Err(expected()),
    }
}

/// The one body among `json`, `form`, `multipart`, `text` and `sample`.
fn body(method: &Method, trees: [Option<Tree>; 5], files: &mut Vec<(String, crate::model::At)>) -> Result<Body, Complaint> {
    const NAMES: [&str; 5] = ["json", "form", "multipart", "text", "sample"];
    let mut bodies = NAMES.into_iter().zip(trees).filter_map(|(name, tree)| Some((name, tree?.0)));
    let Some((name, node)) = bodies.next() else { return Ok(Body::Empty) };
    if let Some((second, node)) = bodies.next() {
        return Err(Complaint::new(format!("two bodies, `{name}` and `{second}`: a request has one")).help("take one out").at(&node));
    }
    if matches!(*method, Method::GET | Method::HEAD) {
        let complaint = Complaint::new(format!("a {method} has no body: it has no meaning there (RFC 9110 §9.3.1)"));
        return Err(complaint.help("use `post`, or `query` for parameters").at(&node));
    }
    Ok(match name {
        "json" => Body::Json(Template::of(&node)?),
        "form" => Body::Form(FormBody(form::fields(&node)?)),
        "multipart" => Body::Multipart(MultipartBody(form::parts(&node, files)?)),
        "text" => Body::Text(Text::of(&node)?),
        _ => {
            let (name, bytes) = files::sample(&node)?;
            files.push((name.clone(), node.at));
            Body::Sample { name, bytes }
        }
    })
}

fn version(node: &Node) -> Result<Speak, Complaint> {
    match known(node)? {
        "1.1" => Ok(Speak::Http11),
        "2" => Ok(Speak::Http2),
        _ => Err(Complaint::expected("1.1 or 2").at(node)),
    }
}

impl<'de> Deserialize<'de> for Request {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Raw::deserialize(d)?.try_into().map_err(de::Error::custom)
    }
}

impl JsonSchema for Request {
    fn schema_name() -> Cow<'static, str> {
        "Request".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let text = generator.subschema_for::<Text>();
        let one_or_many = serde_json::json!({ "anyOf": [text, { "type": "array", "items": text }] });
        let flag = |about: &str| {
            serde_json::json!({
                "anyOf": [{ "type": "boolean" }, { "type": "string", "pattern": r"^\$\{[a-z][a-z0-9_]*\}$" }], "description": about
            })
        };
        let file = serde_json::json!({
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "sample": { "type": "string", "description": "A file: beside the suite, in --samples, in ./media-samples." },
                "file": { "type": "string", "description": "The same as `sample`." },
                "name": { "type": "string", "description": "The file name that is sent." },
                "type": { "type": "string", "description": "The media type that is sent." }
            }
        });
        let part = serde_json::json!({ "anyOf": [text, file] });
        let mut properties = serde_json::json!({
            "query": { "type": "object", "additionalProperties": one_or_many, "description": "Parameters, percent-encoded and added to the URL." },
            "headers": {
                "type": "object", "additionalProperties": { "anyOf": [text, { "type": "null" }] },
                "description": "Headers; null takes one out that the target would add."
            },
            "auth": {
                "description": "What goes into the authorization header.",
                "anyOf": [
                    { "const": "none" },
                    { "type": "object", "additionalProperties": false, "required": ["bearer"], "properties": { "bearer": { "type": "string" } } },
                    {
                        "type": "object", "additionalProperties": false, "required": ["basic"],
                        "properties": { "basic": {
                            "type": "object", "additionalProperties": false, "required": ["user", "password"],
                            "properties": { "user": text, "password": text }
                        } }
                    }
                ]
            },
            "json": { "description": "A JSON body; a text that is exactly one capture keeps its JSON type." },
            "form": { "type": "object", "additionalProperties": one_or_many, "description": "A URL-encoded body." },
            "multipart": {
                "type": "object", "minProperties": 1, "additionalProperties": { "anyOf": [part, { "type": "array", "items": part }] },
                "description": "A multipart body (RFC 7578): texts and files."
            },
            "text": { "allOf": [text], "description": "A plain text as body." },
            "sample": { "type": "string", "description": "A file as body." },
            "follow-redirects": flag("Follow redirects of the same origin, at most 5. Default: no."),
            "http": { "enum": [1.1, 2, "1.1", "2"], "description": "The protocol version. Default: the target's." },
            "repeatable": flag("May be sent again. Default: only get, head and options.")
        });
        if let Some(properties) = properties.as_object_mut() {
            for method in Self::METHODS {
                let about = format!("{}: a path of the target, or an absolute URL.", method.to_ascii_uppercase());
                properties.insert(method.to_owned(), serde_json::json!({ "type": "string", "description": about }));
            }
        }
        let one_of: Vec<_> = Self::METHODS.map(|m| serde_json::json!({ "required": [m] })).to_vec();
        debug_assert_eq!(properties.as_object().map(serde_json::Map::len), Some(Self::KEYS.len()), "every key is in the schema");
        json_schema!({ "type": "object", "additionalProperties": false, "properties": properties, "oneOf": one_of })
    }
}
