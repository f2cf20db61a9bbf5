//! A JSON value of a suite whose strings may hold values: a body to send, or a value to compare with.

use super::{
    json::Json,
    number::Number,
    text::{Encode, Text, parts},
    values::{UnknownCapture, Values},
};
use crate::{
    model::Secret,
    reader::{Complaint, Core, Kind, Node, Tree, doubtful},
};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, de};
use std::{borrow::Cow, fmt};

/// A JSON value with values still to be put in. A scalar that is exactly one capture takes the capture's JSON type; in any other
/// text captures stand as text. Numbers keep their exact text.
#[derive(Clone)]
pub enum Template {
    /// Complete as it is.
    Literal(Json),
    /// Text with a secret or a capture in it.
    Text(Text),
    /// A list with such a text in it.
    Array(Vec<Self>),
    /// Members with such a text in them.
    Object(Vec<(String, Self)>),
}

impl Template {
    /// Reads a value of a suite as JSON: unquoted `null`, `true`, `false` and numbers as JSON writes them are those, everything else is
    /// a string. Words that other readers take for a boolean or number (`no`, `08`) are refused unless they are quoted.
    ///
    /// # Errors
    /// The first scalar that cannot be read, at its own place.
    pub fn of(node: &Node) -> Result<Self, Complaint> {
        match &node.kind {
            Kind::Scalar { text, plain, given, .. } => {
                if parts(node).is_some() {
                    return Text::of(node).map(Self::Text);
                }
                if *plain
                    && given.is_none()
                    && let Some(meant) = doubtful(text)
                {
                    let complaint = Complaint::new(format!("`{text}` is a number or boolean to some readers and text to others"));
                    let or = meant.map(|m| format!(", or `{m}`")).unwrap_or_default();
                    return Err(complaint.help(format!("write `\"{text}\"` for the text{or}")).at(node));
                }
                Ok(Self::Literal(match node.core() {
                    Some(Core::Null) | None => Json::Null,
                    Some(Core::Bool(b)) => Json::Bool(b),
                    Some(Core::Number(n)) => Json::Number(
                        Number::parse(n).ok_or_else(|| Complaint::expected("a number with an exponent of at most 15 digits").at(node))?,
                    ),
                    Some(Core::Text(text)) => Json::String(text.to_owned()),
                }))
            }
            Kind::Seq(items) => {
                let items = items.iter().map(Self::of).collect::<Result<Vec<_>, _>>()?;
                if items.iter().all(|i| matches!(i, Self::Literal(_))) {
                    return Ok(Self::Literal(Json::Array(items.into_iter().filter_map(Self::into_literal).collect())));
                }
                Ok(Self::Array(items))
            }
            Kind::Map(entries) => {
                let members = entries
                    .iter()
                    .map(|(key, value)| Ok((key.text().unwrap_or_default().to_owned(), Self::of(value)?)))
                    .collect::<Result<Vec<_>, Complaint>>()?;
                if members.iter().all(|(_, v)| matches!(v, Self::Literal(_))) {
                    let members = members.into_iter().filter_map(|(k, v)| Some((k, v.into_literal()?))).collect();
                    return Ok(Self::Literal(Json::Object(members)));
                }
                Ok(Self::Object(members))
            }
        }
    }

    /// The value with everything in it, for the wire and for comparing. May hold secrets.
    ///
    /// # Errors
    /// When a capture has no value.
    pub fn fill(&self, values: &Values) -> Result<Cow<'_, Json>, UnknownCapture> {
        Ok(match self {
            Self::Literal(json) => Cow::Borrowed(json),
            other => Cow::Owned(other.build(values, false)?),
        })
    }

    /// The value for people: `***` for secrets, `${name}` for a capture that has no value yet.
    #[must_use]
    pub fn show(&self, values: &Values) -> Cow<'_, Json> {
        match self {
            Self::Literal(json) => Cow::Borrowed(json),
            other => Cow::Owned(other.build(values, true).unwrap_or_else(|_| Json::String(other.to_string()))),
        }
    }

    /// Every text in it that holds a secret or a capture.
    pub fn texts(&self) -> Vec<&Text> {
        match self {
            Self::Literal(_) => Vec::new(),
            Self::Text(text) => vec![text],
            Self::Array(items) => items.iter().flat_map(Self::texts).collect(),
            Self::Object(members) => members.iter().flat_map(|(_, v)| v.texts()).collect(),
        }
    }

    fn into_literal(self) -> Option<Json> {
        match self {
            Self::Literal(json) => Some(json),
            _ => None,
        }
    }

    fn build(&self, values: &Values, masked: bool) -> Result<Json, UnknownCapture> {
        Ok(match self {
            Self::Literal(json) => json.clone(),
            Self::Text(text) => match text.only_capture() {
                Some(name) => {
                    let captured = values.get(name)?;
                    if masked && captured.is_secret { Json::String(Secret::MASK.to_owned()) } else { captured.json.clone() }
                }
                None => {
                    let rendered = text.render(values, Encode::Raw)?;
                    Json::String(if masked { rendered.shown } else { rendered.wire })
                }
            },
            Self::Array(items) => Json::Array(items.iter().map(|i| i.build(values, masked)).collect::<Result<_, _>>()?),
            Self::Object(members) => {
                Json::Object(members.iter().map(|(k, v)| Ok((k.clone(), v.build(values, masked)?))).collect::<Result<_, UnknownCapture>>()?)
            }
        })
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Self::of(&Tree::deserialize(d)?.0).map_err(de::Error::custom)
    }
}

impl JsonSchema for Template {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Json".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        Schema::from(true)
    }
}

/// Compact JSON, with `***` for secrets and `${name}` for captures.
impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(json) => write!(f, "{json}"),
            Self::Text(text) => match text.only_capture() {
                Some(name) => write!(f, "${{{name}}}"),
                None => super::json::write_string(f, &text.to_string()),
            },
            Self::Array(items) => {
                let items: Vec<String> = items.iter().map(ToString::to_string).collect();
                write!(f, "[{}]", items.join(","))
            }
            Self::Object(members) => {
                let members: Vec<String> = members.iter().map(|(k, v)| format!("{}:{v}", Json::String(k.clone()))).collect();
                write!(f, "{{{}}}", members.join(","))
            }
        }
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::Template;
    use crate::words::{Document, Json, Values, testing::node};

    #[track_caller]
    fn check(yaml: &str, wire: &str, shown: &str) {
        let values = Values::default().with("id", Document::read(b"[1.50,{\"a\":null}]").expect("valid").root, false).with(
            "token",
            Json::String("correct horse".into()),
            true,
        );
        let template = Template::of(&node(yaml)).expect(yaml);
        assert_eq!(template.fill(&values).expect(yaml).to_string(), wire, "{yaml}");
        assert_eq!(template.show(&values).to_string(), shown, "{yaml}");
    }

    #[test]
    fn a_whole_capture_keeps_its_json_type_and_a_part_becomes_text() {
        check("{ a: '${id}' }", r#"{"a":[1.50,{"a":null}]}"#, r#"{"a":[1.50,{"a":null}]}"#);
        check("'x ${id}'", r#""x [1.50,{\"a\":null}]""#, r#""x [1.50,{\"a\":null}]""#);
        check(
            "['${token}', '${secret}', 'Bearer ${token}']",
            r#"["correct horse","hunter2-hunter2","Bearer correct horse"]"#,
            r#"["***","***","Bearer ***"]"#,
        );
    }

    #[test]
    fn scalars_are_what_json_would_write_and_numbers_keep_their_text() {
        check(
            "[1, 1.0, 9007199254740993, 1e400, true, null, ~, '1', None, 'no']",
            r#"[1,1.0,9007199254740993,1e400,true,null,null,"1","None","no"]"#,
            r#"[1,1.0,9007199254740993,1e400,true,null,null,"1","None","no"]"#,
        );
        check("'${three}'", r#""3""#, r#""3""#);
        check("${three}", "3", "3");
    }

    #[test]
    fn a_word_that_readers_disagree_on_is_refused_and_its_quoted_twin_is_not() {
        for word in ["no", "on", "08", "0x10", "1_000", ".5"] {
            assert!(Template::of(&node(&format!("[{word}]"))).is_err(), "{word}");
            assert!(Template::of(&node(&format!("['{word}']"))).is_ok(), "{word}");
        }
    }
}
