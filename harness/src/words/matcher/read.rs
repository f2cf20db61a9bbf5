//! Reads matchers from a suite, each mistake at its own place.

use super::{Bound, Expression, Matcher};
use crate::{
    reader::{Complaint, Core, Kind, Node, Tree, nearest},
    words::{json::Json, pattern::Pattern, template::Template, text::Text},
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};
use std::borrow::Cow;

/// What a matcher will be held against, as far as the suite tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::words) enum Subject {
    /// A path that selects at most one node.
    One,
    /// A path that may select several nodes, or a value inside another matcher.
    Some,
    /// A header or a body: text, in which a number is what it reads as.
    Text,
}

impl Matcher {
    /// Reads a matcher: a map of the words of the format, `absent`, `present`, or a plain value or list to be equal to.
    ///
    /// # Errors
    /// The first mistake, at its own place, with the word that was probably meant.
    pub fn of(node: &Node) -> Result<Self, Complaint> {
        Self::of_subject(node, Subject::Some)
    }

    pub(in crate::words) fn of_subject(node: &Node, subject: Subject) -> Result<Self, Complaint> {
        match &node.kind {
            Kind::Scalar { text, plain: true, given: None, parts: None } if text == "absent" => Ok(Self::Absent),
            Kind::Scalar { text, plain: true, given: None, parts: None } if text == "present" => Ok(Self::Present),
            Kind::Map(entries) => Self::of_entries(node, entries, subject),
            _ => Template::of(node).map(Self::Equals),
        }
    }

    /// Reads the entries of a map as matchers that must all hold.
    pub(in crate::words) fn of_entries(node: &Node, entries: &[(Node, Node)], subject: Subject) -> Result<Self, Complaint> {
        if entries.is_empty() {
            return Err(Complaint::expected(format!("one of {}", listed()))
                .help("to compare with an empty object, write `equals: {}`")
                .at(node));
        }
        let mut matchers = entries.iter().map(|(key, value)| Self::of_entry(key, value, subject)).collect::<Result<Vec<_>, _>>()?;
        Ok(if matchers.len() == 1 { matchers.remove(0) } else { Self::Every(matchers) })
    }

    fn of_entry(key: &Node, value: &Node, subject: Subject) -> Result<Self, Complaint> {
        let boxed = |subject| Self::of_subject(value, subject).map(Box::new);
        let inner = if subject == Subject::Text { Subject::Text } else { Subject::Some };
        let word = key.text().unwrap_or_default();
        Ok(match word {
            "equals" => Self::Equals(Template::of(value)?),
            "not" => Self::Not(boxed(subject)?),
            "present" if flag(value)? => Self::Present,
            "present" => Self::Absent,
            "absent" if flag(value)? => Self::Absent,
            "absent" => Self::Present,
            "at-least" => Self::Compare(Bound::AtLeast, number(value)?),
            "at-most" => Self::Compare(Bound::AtMost, number(value)?),
            "above" => Self::Compare(Bound::Above, number(value)?),
            "below" => Self::Compare(Bound::Below, number(value)?),
            "length" => Self::Length(boxed(Subject::Some).and_then(|m| of_numbers(m, value))?),
            "one-of" => match value.items() {
                Some(items) if !items.is_empty() => Self::OneOf(items.iter().map(Template::of).collect::<Result<_, _>>()?),
                _ => return Err(Complaint::expected("a list with at least one value").at(value)),
            },
            "matches" if value.text() == Some("") => {
                return Err(Complaint::new("every text matches that: it would prove nothing").at(value));
            }
            "matches" => Self::Matches(Expression(Pattern::of(value)?)),
            "contains" => Self::Contains(filled(value, Template::of(value)?)?),
            "starts-with" => Self::StartsWith(text(value)?),
            "ends-with" => Self::EndsWith(text(value)?),
            "all" => Self::All(boxed(inner)?),
            "any" => Self::Any(boxed(inner)?),
            "count" if subject == Subject::One => {
                return Err(Complaint::new("`count` here is at most 1: this path selects at most one value")
                    .help("count the items with a path that ends in `[*]`, or use `length`")
                    .at(key));
            }
            "count" => Self::Count(boxed(Subject::Some).and_then(|m| of_numbers(m, value))?),
            _ => return Err(unknown(word).at(key)),
        })
    }
}

fn listed() -> String {
    Matcher::WORDS.map(|w| format!("`{w}`")).join(", ")
}

fn unknown(word: &str) -> Complaint {
    let help = match nearest(word, Matcher::WORDS) {
        Some(near) => format!("did you mean `{near}`? To compare with an object, write `equals: {{ … }}`"),
        None => format!("to compare with an object, write `equals: {{ … }}`; matchers are {}", listed()),
    };
    Complaint::new(format!("unknown matcher `{word}`")).help(help)
}

fn flag(node: &Node) -> Result<bool, Complaint> {
    match node.core() {
        Some(Core::Bool(b)) => Ok(b),
        _ => Err(Complaint::expected("true or false").at(node)),
    }
}

/// A number, or a capture that will be one.
fn number(node: &Node) -> Result<Template, Complaint> {
    let template = Template::of(node)?;
    match &template {
        Template::Literal(Json::Number(_)) => Ok(template),
        Template::Text(text) if text.only_capture().is_some() => Ok(template),
        Template::Literal(Json::String(text)) if crate::words::Number::parse(text).is_some() => {
            // A variable that was put into quotes is a number all the same: the field is typed.
            match &node.kind {
                Kind::Scalar { given: Some(_), .. } => {
                    Ok(Template::Literal(Json::Number(crate::words::Number::parse(text).expect("tested in the guard"))))
                }
                _ => Err(Complaint::expected("a number").got(format!("the text \"{text}\"")).write(text.as_str()).at(node)),
            }
        }
        _ => Err(Complaint::expected("a number").at(node)),
    }
}

/// Refuses a matcher under `length` and `count` that no number can meet.
fn of_numbers(matcher: Box<Matcher>, node: &Node) -> Result<Box<Matcher>, Complaint> {
    fn fits(matcher: &Matcher) -> bool {
        let whole = |t: &Template| match t {
            Template::Literal(json) => matches!(json, Json::Number(n) if n.to_u64().is_some()),
            Template::Text(text) => text.only_capture().is_some(),
            _ => false,
        };
        match matcher {
            Matcher::Every(list) => list.iter().all(fits),
            Matcher::Not(inner) => fits(inner),
            Matcher::Equals(value) => whole(value),
            Matcher::OneOf(list) => list.iter().all(whole),
            Matcher::Compare(..) => true,
            _ => false,
        }
    }
    let is_given = matches!(&node.kind, Kind::Scalar { given: Some(_), .. });
    if let (true, Matcher::Equals(Template::Literal(Json::String(text)))) = (is_given, &*matcher)
        && let Some(number) = crate::words::Number::parse(text)
    {
        return Ok(Box::new(Matcher::Equals(Template::Literal(Json::Number(number)))));
    }
    if fits(&matcher) {
        Ok(matcher)
    } else {
        Err(Complaint::expected("a whole number, or matchers for one such as `{ at-least: 3 }`").at(node))
    }
}

/// Refuses an empty text: every text contains it.
fn filled(node: &Node, template: Template) -> Result<Template, Complaint> {
    let is_empty = match &template {
        Template::Literal(Json::String(text)) => text.is_empty(),
        Template::Literal(Json::Object(members)) => members.is_empty(),
        _ => false,
    };
    if is_empty { Err(Complaint::new("everything contains that: it would prove nothing").at(node)) } else { Ok(template) }
}

fn text(node: &Node) -> Result<Text, Complaint> {
    let text = Text::of(node)?;
    if text.literal() == Some("") {
        return Err(Complaint::new("every text begins and ends so: it would prove nothing").at(node));
    }
    Ok(text)
}

impl<'de> Deserialize<'de> for Matcher {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Self::of(&Tree::deserialize(d)?.0).map_err(de::Error::custom)
    }
}

impl JsonSchema for Matcher {
    fn schema_name() -> Cow<'static, str> {
        "Matcher".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let this = generator.subschema_for::<Self>();
        let number = json_schema!({ "type": ["number", "string"], "pattern": r"^-?[0-9.eE+-]+$|^\$\{[a-z][a-z0-9_]*\}$" });
        json_schema!({
            "description": "A plain value to be equal to, `absent`, `present`, or matchers that must all hold.",
            "anyOf": [
                { "type": ["string", "number", "boolean", "null", "array"] },
                { "type": "object", "additionalProperties": false, "minProperties": 1, "properties": object_properties(&this, &number) }
            ]
        })
    }
}

/// The words of the format, each with its own schema and a sentence for editors.
fn object_properties(this: &Schema, number: &Schema) -> serde_json::Value {
    let text = serde_json::json!({ "type": ["string", "number", "boolean"] });
    let with = |schema: &Schema, about: &str| serde_json::json!({ "allOf": [schema], "description": about });
    serde_json::json!({
        "equals": { "description": "The same JSON value; for objects." },
        "not": with(this, "Not that."),
        "present": { "type": "boolean", "description": "Something is there; null counts." },
        "absent": { "type": "boolean", "description": "Nothing is there; null counts as something." },
        "at-least": with(number, "A number, this or more."),
        "at-most": with(number, "A number, this or less."),
        "above": with(number, "A number, more than this."),
        "below": with(number, "A number, less than this."),
        "length": with(this, "How many characters, items or members."),
        "one-of": { "type": "array", "minItems": 1, "description": "Equal to one of these." },
        "matches": { "type": "string", "description": "A text in which this regular expression is found." },
        "contains": { "description": "A text with this in it, an array with this item, an object with these members." },
        "starts-with": { "type": text["type"], "description": "A text that begins so." },
        "ends-with": { "type": text["type"], "description": "A text that ends so." },
        "all": with(this, "Every node, or every item of an array."),
        "any": with(this, "At least one node, or one item of an array."),
        "count": with(this, "How many nodes the path selects.")
    })
}
