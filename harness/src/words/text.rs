//! Text that is sent or compared: literal pieces, secrets, and names known only at run time.

use super::{
    json::{Json, write_string},
    values::{UnknownCapture, Values},
};
use crate::{
    model::{At, Secret},
    reader::{Complaint, Kind, Node, Part, Tree},
};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, de};
use std::{borrow::Cow, fmt, sync::Arc};

/// A text of a suite. Cheap to clone. `Debug` and `Display` show `***` for secrets and `${name}` for captures.
#[derive(Clone, PartialEq, Eq)]
pub struct Text(Pieces);

#[derive(Clone, PartialEq, Eq)]
enum Pieces {
    /// The usual case: nothing to put in.
    Literal(Arc<str>),
    Parts(Arc<[Part]>),
}

/// A text with its values in it.
#[derive(Clone, PartialEq, Eq)]
pub struct Rendered {
    /// For the wire and for comparing. May hold secrets.
    pub wire: String,
    /// For people: `***` where a secret stands.
    pub shown: String,
    /// Whether a secret stands in it.
    pub is_secret: bool,
}

/// How a secret or captured value is written into the text around it. The literal pieces always stand for themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encode {
    /// As it is.
    Raw,
    /// Percent-encoded but for the unreserved characters of RFC 3986 §2.3, so that it stays one segment or parameter.
    UrlComponent,
    /// Escaped for the inside of a JSON string.
    Json,
    /// Escaped so that a regular expression takes it literally.
    Regex,
}

impl Text {
    /// Reads a scalar: text, or a number or boolean, which then stands as it was written.
    ///
    /// # Errors
    /// For lists, maps and null.
    pub fn of(node: &Node) -> Result<Self, Complaint> {
        let Some(text) = node.text().filter(|_| !node.is_null()) else {
            return Err(Complaint::expected("text").at(node));
        };
        Ok(match parts(node) {
            Some(parts) => Self(Pieces::Parts(parts.into())),
            None => Self(Pieces::Literal(text.into())),
        })
    }

    /// The text, if nothing is left to put in and no secret stands in it.
    #[must_use]
    pub fn literal(&self) -> Option<&str> {
        match &self.0 {
            Pieces::Literal(text) => Some(text),
            Pieces::Parts(_) => None,
        }
    }

    /// The names that are known only at run time, in order, each as often as it stands.
    pub fn captures(&self) -> impl Iterator<Item = &str> {
        self.parts().iter().filter_map(|part| match part {
            Part::Deferred(name) => Some(name.as_str()),
            _ => None,
        })
    }

    /// The secrets in it.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        self.parts().iter().filter_map(|part| match part {
            Part::Secret { value, .. } => Some(value),
            _ => None,
        })
    }

    /// The name, if the text is exactly one capture.
    #[must_use]
    pub fn only_capture(&self) -> Option<&str> {
        match self.parts() {
            [Part::Deferred(name)] => Some(name),
            _ => None,
        }
    }

    /// Whether a capture stands first, so that the whole may be a URL that a service gave.
    pub(super) fn begins_with_capture(&self) -> bool {
        matches!(self.parts().first(), Some(Part::Deferred(_)))
    }

    pub(super) fn begins_with_secret(&self) -> bool {
        matches!(self.parts().first(), Some(Part::Secret { .. }))
    }

    /// Puts the values in. What a value holds is never expanded again.
    ///
    /// # Errors
    /// When a capture has no value.
    pub fn render(&self, values: &Values, encode: Encode) -> Result<Rendered, UnknownCapture> {
        self.render_with(values, |_| encode)
    }

    /// The same for a URL: what begins it may be a whole URL (a captured `location`) and stays as it is, everything later is
    /// percent-encoded.
    pub(super) fn render_url(&self, values: &Values) -> Result<Rendered, UnknownCapture> {
        self.render_with(values, |i| if i == 0 { Encode::Raw } else { Encode::UrlComponent })
    }

    fn render_with(&self, values: &Values, encode: impl Fn(usize) -> Encode) -> Result<Rendered, UnknownCapture> {
        let mut out = Rendered { wire: String::new(), shown: String::new(), is_secret: false };
        match &self.0 {
            Pieces::Literal(text) => out.add(text, false),
            Pieces::Parts(parts) => {
                for (i, part) in parts.iter().enumerate() {
                    match part {
                        Part::Literal(text) => out.add(text, false),
                        Part::Secret { value, .. } => out.add(&encoded(value.expose(), encode(i)), true),
                        Part::Deferred(name) => {
                            let captured = values.get(name)?;
                            out.add(&encoded(&plain(&captured.json), encode(i)), captured.is_secret);
                        }
                    }
                }
            }
        }
        Ok(out)
    }

    fn parts(&self) -> &[Part] {
        match &self.0 {
            Pieces::Literal(_) => &[],
            Pieces::Parts(parts) => parts,
        }
    }
}

impl Rendered {
    fn add(&mut self, text: &str, is_secret: bool) {
        self.wire.push_str(text);
        self.shown.push_str(if is_secret { Secret::MASK } else { text });
        self.is_secret |= is_secret;
    }
}

/// The pieces of a scalar, when one of them is a secret or known only at run time.
pub(super) fn parts(node: &Node) -> Option<&[Part]> {
    match &node.kind {
        Kind::Scalar { parts: Some(parts), .. } => Some(parts),
        _ => None,
    }
}

/// Refuses a scalar that is not known before the run, or that is a secret, where it would be read as a number, path or file name.
pub(super) fn known(node: &Node) -> Result<&str, Complaint> {
    for part in parts(node).unwrap_or_default() {
        let complaint = match part {
            Part::Literal(_) => continue,
            Part::Secret { name, .. } => Complaint::new(format!("`${{{name}}}` is a secret and cannot stand here"))
                .help("secrets may stand only in text that is sent or compared"),
            Part::Deferred(name) => Complaint::new(format!("`${{{name}}}` is known only at run time and cannot stand here"))
                .help("write the value itself, or a variable"),
        };
        return Err(complaint.at(node));
    }
    node.text().filter(|_| !node.is_null()).ok_or_else(|| Complaint::expected("text").at(node))
}

/// Every name below a node that is known only at run time, with its place.
pub(super) fn deferred(node: &Node, found: &mut Vec<(String, At)>) {
    match &node.kind {
        Kind::Scalar { .. } => found.extend(parts(node).unwrap_or_default().iter().filter_map(|part| match part {
            Part::Deferred(name) => Some((name.clone(), node.at)),
            _ => None,
        })),
        Kind::Seq(items) => items.iter().for_each(|item| deferred(item, found)),
        Kind::Map(entries) => entries.iter().for_each(|(_, value)| deferred(value, found)),
    }
}

/// A captured value as text: a string is its characters, anything else its JSON.
fn plain(json: &Json) -> Cow<'_, str> {
    match json {
        Json::String(text) => text.into(),
        other => other.to_string().into(),
    }
}

fn encoded(text: &str, encode: Encode) -> Cow<'_, str> {
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
    const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    match encode {
        Encode::Raw => text.into(),
        Encode::UrlComponent => utf8_percent_encode(text, RESERVED).into(),
        Encode::Json => {
            let mut quoted = String::with_capacity(text.len() + 2);
            write_string(&mut quoted, text).expect("a String takes any text");
            quoted[1..quoted.len() - 1].to_owned().into()
        }
        Encode::Regex => regex::escape(text).into(),
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(Pieces::Literal(text.into()))
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Self::of(&Tree::deserialize(d)?.0).map_err(de::Error::custom)
    }
}

impl JsonSchema for Text {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({ "type": ["string", "number", "boolean"] })
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Pieces::Literal(text) => f.write_str(text),
            Pieces::Parts(parts) => parts.iter().try_for_each(|part| match part {
                Part::Literal(text) => f.write_str(text),
                Part::Secret { .. } => f.write_str(Secret::MASK),
                Part::Deferred(name) => write!(f, "${{{name}}}"),
            }),
        }
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

impl fmt::Debug for Rendered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rendered({:?})", self.shown)
    }
}

#[cfg(test)]
mod tests {
    use super::{Encode, Text};
    use crate::words::{Json, Values, testing::node};

    fn values() -> Values {
        Values::default()
            .with("id", Json::String("a/b ${other}?\"x\"".into()), false)
            .with("n", Json::Number(crate::words::Number::parse("1.50").expect("a number")), false)
            .with("token", Json::String("correct horse".into()), true)
    }

    #[track_caller]
    fn check(yaml: &str, encode: Encode, wire: &str, shown: &str) {
        let rendered = Text::of(&node(yaml)).expect(yaml).render(&values(), encode).expect(yaml);
        assert_eq!((rendered.wire.as_str(), rendered.shown.as_str()), (wire, shown), "{yaml}");
    }

    #[test]
    fn values_are_put_in_once_and_encoded_for_where_they_stand() {
        check("'/jobs/${id}'", Encode::Raw, "/jobs/a/b ${other}?\"x\"", "/jobs/a/b ${other}?\"x\"");
        check(
            "'/jobs/${id}?a=b'",
            Encode::UrlComponent,
            "/jobs/a%2Fb%20%24%7Bother%7D%3F%22x%22?a=b",
            "/jobs/a%2Fb%20%24%7Bother%7D%3F%22x%22?a=b",
        );
        check("'x ${id}'", Encode::Json, "x a/b ${other}?\\\"x\\\"", "x a/b ${other}?\\\"x\\\"");
        check("'^${id}$'", Encode::Regex, "^a/b \\$\\{other\\}\\?\"x\"$", "^a/b \\$\\{other\\}\\?\"x\"$");
        check("'${n}'", Encode::Raw, "1.50", "1.50");
        check("12", Encode::Raw, "12", "12");
        check("'$${id} $5'", Encode::Raw, "${id} $5", "${id} $5");
    }

    #[test]
    fn secrets_go_to_the_wire_and_are_never_shown() {
        check("'Bearer ${secret}'", Encode::Raw, "Bearer hunter2-hunter2", "Bearer ***");
        check("'a ${token}'", Encode::UrlComponent, "a correct%20horse", "a ***");
        let text = Text::of(&node("'Bearer ${secret} ${id}'")).expect("a text");
        assert_eq!(format!("{text} {text:?}"), "Bearer *** ${id} \"Bearer *** ${id}\"");
        let rendered = text.render(&values(), Encode::Raw).expect("all values are there");
        assert!(!format!("{rendered:?}").contains("hunter2"));
    }

    #[test]
    fn a_capture_without_a_value_is_named() {
        let error = Text::of(&node("'${later}'")).expect("a text").render(&values(), Encode::Raw).expect_err("no value");
        assert_eq!(error.name, "later");
    }

    #[test]
    fn lists_maps_and_null_are_no_text() {
        for yaml in ["[a]", "{ a: b }", "null", "~"] {
            assert!(Text::of(&node(yaml)).is_err(), "{yaml}");
        }
        assert_eq!(Text::of(&node("'null'")).expect("a text").literal(), Some("null"));
    }
}
