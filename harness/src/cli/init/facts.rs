//! What bodies say: the words, the members and the lines in them that are the same in every look. Pure.

use crate::kind::Says;
use crate::report::inert;
use crate::words::{Document, Json};

/// What a body said in every look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fact {
    /// A member of the document is this word: `status` is `healthy`.
    Word(String, String),
    /// A member of the document is true.
    True(String),
    /// A member of the document is there, and not empty.
    There(String),
    /// The text holds this.
    Text(String),
}

/// The document, if the text is an object in which no key stands twice.
pub(super) fn object(text: &str) -> Option<Json> {
    let document = Document::read(text.as_bytes()).ok()?;
    (matches!(document.root, Json::Object(_)) && document.duplicates.is_empty()).then_some(document.root)
}

pub(super) fn all_members(object: &Json) -> Vec<&str> {
    let Json::Object(members) = object else { return Vec::new() };
    let mut names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    names
}

/// The members that can be named in a suite without quoting.
pub(super) fn members(object: &Json) -> Vec<String> {
    let Json::Object(members) = object else { return Vec::new() };
    members.iter().map(|(name, _)| name.clone()).filter(|name| is_plain(name)).collect()
}

fn is_plain(name: &str) -> bool {
    name.len() <= 40
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Words that say that all is well, the same in every look.
pub(super) fn words(documents: &[Json]) -> Option<Vec<Fact>> {
    let speaks = |name: &String| Says::KEYS.contains(&name.to_ascii_lowercase().as_str());
    let fact = |name: String| {
        let value = documents[0].member(&name)?;
        let is_constant = documents.iter().all(|document| document.member(&name) == Some(value));
        match value {
            Json::String(word) if is_constant && matches!(Says::in_text(&quoted(word)), Says::Well(_)) => {
                Some(Fact::Word(name, word.clone()))
            }
            Json::Bool(true) if is_constant => Some(Fact::True(name)),
            _ => None,
        }
    };
    let facts: Vec<Fact> = members(documents.first()?).into_iter().filter(speaks).filter_map(fact).collect();
    (!facts.is_empty()).then_some(facts)
}

fn quoted(word: &str) -> String {
    Json::String(word.to_owned()).to_string()
}

/// A whole body that is one word for being well.
pub(super) fn text(bodies: &[&str], looks: usize) -> Option<Vec<Fact>> {
    let word = bodies.first()?.trim();
    let is_constant = bodies.len() == looks && bodies.iter().all(|body| body.trim() == word);
    (is_constant && matches!(Says::in_text(word), Says::Well(_)) && !word.starts_with(['"', '{', '[']) && !word.contains(inert::acts))
        .then(|| vec![Fact::Text(word.to_owned())])
}

/// Names, without their separators, under which a build tells what it is.
const BUILD: [&str; 16] = [
    "version",
    "gitsha",
    "sha",
    "commit",
    "gitcommit",
    "commitsha",
    "commitid",
    "revision",
    "gitrevision",
    "build",
    "buildid",
    "buildnumber",
    "tag",
    "release",
    "image",
    "gitversion",
];

/// What tells the build, the same in every look.
pub(super) fn builds(documents: &[Json]) -> Vec<Fact> {
    let Some(first) = documents.first() else { return Vec::new() };
    let tells = |name: &String| BUILD.contains(&name.to_ascii_lowercase().replace('_', "").as_str());
    let is_there = |name: &String| {
        let value = first.member(name);
        let is_value = match value {
            Some(Json::String(text)) => !text.is_empty(),
            Some(Json::Number(_)) => true,
            _ => false,
        };
        is_value && documents.iter().all(|document| document.member(name) == value)
    };
    members(first).into_iter().filter(|name| tells(name) && is_there(name)).map(Fact::There).collect()
}

/// What every page of Prometheus text holds.
pub(super) fn metrics(bodies: &[&str], looks: usize) -> Vec<Fact> {
    const MARK: &str = "# TYPE ";
    let is_text = |body: &&str| body.lines().any(|line| line.starts_with(MARK));
    if bodies.len() == looks && bodies.iter().all(is_text) { vec![Fact::Text(MARK.to_owned())] } else { Vec::new() }
}
