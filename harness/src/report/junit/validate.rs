//! A validator of our own for both profiles: well-formed XML 1.0 with the elements, attributes, order and totals we promise.

use super::Profile;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use std::collections::{BTreeMap, HashSet};

/// What may stand in an element: required attributes, optional ones, and its children in their order.
struct Rule {
    required: &'static [&'static str],
    optional: &'static [&'static str],
    children: &'static [&'static str],
    text: bool,
}

fn rule(element: &str, profile: Profile) -> Option<Rule> {
    let strict = profile == Profile::Strict;
    let root: &[&str] = if strict { &[] } else { &["name", "time", "tests", "failures", "errors", "skipped"] };
    let rule = |required, optional, children, text| Some(Rule { required, optional, children, text });
    match element {
        "testsuites" => rule(root, &[], &["testsuite"], false),
        "testsuite" => rule(
            if strict {
                &["id", "name", "package", "tests", "errors", "failures", "hostname", "timestamp", "time", "skipped"]
            } else {
                &["id", "name", "package", "tests", "errors", "failures", "hostname", "time", "skipped"]
            },
            &["timestamp"],
            if strict { &["properties", "testcase", "system-out", "system-err"] } else { &["properties", "testcase"] },
            false,
        ),
        "properties" => rule(&[], &[], &["property"], false),
        "property" => rule(&["name", "value"], &[], &[], false),
        "testcase" if strict => rule(&["name", "classname", "time"], &[], &["skipped", "error", "failure"], false),
        "testcase" => rule(&["name", "classname", "time"], &["file", "line"], &["properties", "skipped", "error", "failure"], false),
        "failure" | "error" => rule(&["type", "message"], &[], &[], true),
        "skipped" if strict => rule(&["message"], &[], &[], true),
        "skipped" => rule(&["message", "type"], &[], &[], true),
        "system-out" | "system-err" => rule(&[], &[], &[], true),
        _ => None,
    }
}

struct Open {
    name: String,
    children: Vec<String>,
    attributes: BTreeMap<String, String>,
    found: [usize; 4],
}

/// Holds the text against the profile.
///
/// # Errors
/// The first thing that is wrong.
pub(crate) fn check(xml: &str, profile: Profile) -> Result<(), String> {
    if let Some(c) = xml.chars().find(|c| !matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)) {
        return Err(format!("U+{:04X} is no character of XML 1.0", u32::from(c)));
    }
    let mut reader = Reader::from_str(xml);
    reader.config_mut().check_end_names = true;
    let mut open: Vec<Open> = Vec::new();
    let mut pairs = HashSet::new();
    let mut roots = 0;
    loop {
        match reader.read_event().map_err(|e| format!("at byte {}: {e}", reader.error_position()))? {
            Event::Eof => break,
            Event::Decl(_) if open.is_empty() && roots == 0 => {}
            Event::Start(e) => {
                roots += usize::from(open.is_empty());
                let element = start(&e, &mut open, profile, &mut pairs)?;
                open.push(element);
            }
            Event::Empty(e) => {
                roots += usize::from(open.is_empty());
                let element = start(&e, &mut open, profile, &mut pairs)?;
                end(element, &mut open, profile)?;
            }
            Event::End(_) => {
                let element = open.pop().ok_or("an end without a start")?;
                end(element, &mut open, profile)?;
            }
            Event::Text(text) => {
                let blank = text.iter().all(u8::is_ascii_whitespace);
                let allowed = open.last().and_then(|o| rule(&o.name, profile)).is_some_and(|r| r.text);
                if !blank && !allowed {
                    return Err(format!("text where none may stand: {text:?}"));
                }
            }
            Event::CData(_) if open.last().and_then(|o| rule(&o.name, profile)).is_some_and(|r| r.text) => {}
            other => return Err(format!("not expected: {other:?}")),
        }
    }
    if roots == 1 && open.is_empty() { Ok(()) } else { Err("there is not exactly one whole root".into()) }
}

fn start(e: &BytesStart<'_>, open: &mut [Open], profile: Profile, pairs: &mut HashSet<(String, String)>) -> Result<Open, String> {
    let name = String::from_utf8_lossy(e.name().as_ref()).into_owned();
    let rule = rule(&name, profile).ok_or_else(|| format!("unknown element {name}"))?;
    match open.last_mut() {
        Some(parent) => parent.children.push(name.clone()),
        None if name != "testsuites" => return Err(format!("the root is {name}")),
        None => {}
    }
    let mut attributes = BTreeMap::new();
    for attribute in e.attributes() {
        let attribute = attribute.map_err(|e| e.to_string())?;
        let key = String::from_utf8_lossy(attribute.key.as_ref()).into_owned();
        let raw = String::from_utf8_lossy(&attribute.value).into_owned();
        if raw.contains(['<', '"', '\n']) {
            return Err(format!("raw markup in {name}/@{key}: {raw:?}"));
        }
        let value = quick_xml::escape::unescape(&raw).map_err(|e| e.to_string())?.into_owned();
        if !rule.required.contains(&key.as_str()) && !rule.optional.contains(&key.as_str()) {
            return Err(format!("{name}/@{key} is not allowed"));
        }
        attributes.insert(key, value);
    }
    if let Some(missing) = rule.required.iter().find(|r| !attributes.contains_key(**r)) {
        return Err(format!("{name}/@{missing} is missing"));
    }
    for key in ["tests", "failures", "errors", "skipped", "id", "line"] {
        if attributes.get(key).is_some_and(|v| v.parse::<u32>().is_err()) {
            return Err(format!("{name}/@{key} is no number"));
        }
    }
    if let Some(time) = attributes.get("time") {
        let whole = time
            .split_once('.')
            .is_some_and(|(s, ms)| !s.is_empty() && ms.len() == 3 && s.bytes().chain(ms.bytes()).all(|b| b.is_ascii_digit()));
        if !whole {
            return Err(format!("{name}/@time is {time:?}"));
        }
    }
    if let Some(stamp) = attributes.get("timestamp") {
        let zoned = if profile == Profile::Strict { format!("{stamp}Z") } else { stamp.clone() };
        if zoned.len() != 20 || zoned.parse::<jiff::Timestamp>().is_err() {
            return Err(format!("timestamp is {stamp:?}"));
        }
    }
    if name == "testcase" && !pairs.insert((attributes["classname"].clone(), attributes["name"].clone())) {
        return Err(format!("twice: {attributes:?}"));
    }
    if ["testsuite", "testcase", "property"].contains(&name.as_str()) && attributes["name"].trim().is_empty() {
        return Err(format!("a {name} without a name"));
    }
    Ok(Open { name, children: Vec::new(), attributes, found: [0; 4] })
}

fn end(element: Open, open: &mut [Open], profile: Profile) -> Result<(), String> {
    let rule = rule(&element.name, profile).ok_or("it was known when it started")?;
    let order: Vec<_> = element.children.iter().map(|c| rule.children.iter().position(|r| r == c)).collect();
    if order.contains(&None) || !order.is_sorted() {
        return Err(format!("{} holds {:?}", element.name, element.children));
    }
    let mut found = element.found;
    if element.name == "testcase" {
        let told: Vec<_> = element.children.iter().filter(|c| *c != "properties").collect();
        if told.len() > 1 {
            return Err(format!("one case is told as {told:?}"));
        }
        let result = told.first().map(|s| s.as_str());
        found = [1, usize::from(result == Some("failure")), usize::from(result == Some("error")), usize::from(result == Some("skipped"))];
    } else if element.attributes.contains_key("tests") {
        for (key, n) in ["tests", "failures", "errors", "skipped"].iter().zip(found) {
            if element.attributes[*key] != n.to_string() {
                return Err(format!("{}/@{key} is {} and {n} were found", element.name, element.attributes[*key]));
            }
        }
    }
    if profile == Profile::Strict && element.name == "testsuite" {
        for needed in ["properties", "system-out", "system-err"] {
            if element.children.iter().filter(|c| *c == needed).count() != 1 {
                return Err(format!("a suite without exactly one {needed}"));
            }
        }
    }
    if let Some(parent) = open.last_mut() {
        parent.found.iter_mut().zip(found).for_each(|(sum, n)| *sum += n);
    }
    Ok(())
}
