//! Every matcher with values that it takes and values that it must not take.

use super::{Matcher, Nodes, Not, Subject};
use crate::words::{Document, Json, Path, Values, testing::node};

const BODY: &str = r#"{"state":"queued","n":3,"big":9007199254740993,"score":0.5,"nil":null,"list":[1,2,3],"words":["car","bus"],
    "empty":[],"boxes":[{"label":"car","w":[1]},{"label":"bus","w":[1,2]}],"o":{"a":1,"b":2},"id":"job-17","text":"","nested":[[1,5],[2]]}"#;

fn hold(path: &str, matcher: &str) -> Result<(), Not> {
    let document = Document::read(BODY.as_bytes()).expect("the body is valid");
    let values = Values::default().with("id", Json::String("job-17".into()), false).with("num", Json::Number(3.into()), false);
    let path = Path::parse(path).expect(path);
    let subject = if path.is_singular() { Subject::One } else { Subject::Some };
    let matcher = Matcher::of_subject(&node(matcher), subject).unwrap_or_else(|e| panic!("{matcher}: {e:?}"));
    let nodes = path.select(&document).expect("no duplicates");
    Nodes { nodes: &nodes, name: path.text(), is_one: path.is_singular(), is_text: false, values: &values }.hold(&matcher)
}

#[track_caller]
fn check(path: &str, holds: &str, broken: &str) {
    assert_eq!(hold(path, holds), Ok(()), "{path}: {holds}");
    assert!(matches!(hold(path, broken), Err(Not::Miss(_) | Not::Unfit(_))), "{path}: {broken}");
}

#[test]
fn every_matcher_takes_what_it_should_and_refuses_its_broken_twin() {
    check("$.state", "queued", "done");
    check("$.state", "{ equals: queued }", "{ equals: Queued }");
    check("$.n", "3.0", "'3'");
    check("$.big", "9007199254740993", "9007199254740992");
    check("$.nil", "null", "'null'");
    check("$.list", "[1, 2, 3]", "[3, 2, 1]");
    check("$.o", "{ equals: { b: 2, a: 1 } }", "{ equals: { a: 1 } }");
    check("$.state", "{ not: None }", "{ not: queued }");
    check("$.nil", "present", "absent");
    check("$.gone", "absent", "present");
    check("$.gone", "{ absent: true }", "{ absent: false }");
    check("$.gone", "{ not: present }", "{ not: absent }");
    check("$.n", "{ at-least: 3 }", "{ at-least: 3.0001 }");
    check("$.n", "{ at-most: 3 }", "{ at-most: 2 }");
    check("$.n", "{ above: 2 }", "{ above: 3 }");
    check("$.n", "{ below: 4 }", "{ below: 3 }");
    check("$.score", "{ at-least: 0.5, below: 1 }", "{ at-least: 0.5, below: 0.5 }");
    check("$.list", "{ length: 3 }", "{ length: 2 }");
    check("$.list", "{ length: { at-least: 3 } }", "{ length: { above: 3 } }");
    check("$.id", "{ length: 6 }", "{ length: 5 }");
    check("$.o", "{ length: 2 }", "{ length: 1 }");
    check("$.text", "{ length: 0 }", "{ length: { at-least: 1 } }");
    check("$.state", "{ one-of: [a, queued] }", "{ one-of: [a, b] }");
    check("$.id", "{ matches: '^job-[0-9]+$' }", "{ matches: '^job-[0-9]$' }");
    check("$.id", "{ contains: ob-1 }", "{ contains: OB }");
    check("$.words", "{ contains: car }", "{ contains: ca }");
    check("$.o", "{ contains: { a: 1 } }", "{ contains: { a: 2 } }");
    check("$.id", "{ starts-with: job- }", "{ starts-with: ob }");
    check("$.id", "{ ends-with: '17' }", "{ ends-with: '1' }");
    check("$.boxes[*].label", "{ all: { one-of: [car, bus] } }", "{ all: { one-of: [car] } }");
    check("$.boxes[*].label", "{ one-of: [car, bus] }", "{ one-of: [car] }");
    check("$.boxes[*].label", "{ any: bus }", "{ any: tram }");
    check("$.boxes[*].label", "{ count: 2 }", "{ count: 1 }");
    check("$.boxes[?@.label == 'tram']", "{ count: 0 }", "{ count: { at-least: 1 } }");
    check("$.words", "{ all: { length: 3 } }", "{ all: car }");
    check("$.words", "{ any: car }", "{ any: tram }");
    check("$.boxes[*].w", "{ any: { length: 2 } }", "{ any: { length: 3 } }");
    check("$.boxes[*].w", "{ all: { contains: 1 } }", "{ all: { contains: 2 } }");
    check("$.nested[*]", "{ all: { any: { at-most: 2 } } }", "{ all: { any: { above: 2 } } }");
    check("$.nested", "{ any: { count: 1 } }", "{ any: { count: 3 } }");
    check("$.boxes[*].label", "{ not: { any: tram } }", "{ not: { any: bus } }");
    check("$.boxes[*].label", "{ not: { count: 3 } }", "{ not: { count: 2 } }");
    check("$.boxes[*].label", "{ not: tram }", "{ not: car }");
}

#[test]
fn captures_stand_in_matchers() {
    check("$.id", "'${id}'", "'x${id}'");
    check("$.id", "{ matches: '^${id}$' }", "{ matches: '^${id}0$' }");
    check("$.n", "'${num}'", "'${three}'");
    check("$.n", "{ at-least: '${num}' }", "{ above: '${num}' }");
    check("$.list", "{ length: '${num}' }", "{ not: { length: '${num}' } }");
    for matcher in ["'${later}'", "{ not: '${later}' }", "{ not: { any: { equals: '${later}' } } }", "{ any: '${later}' }"] {
        assert!(matches!(hold("$.list", matcher), Err(Not::Unknown(_))), "a missing capture is told and never inverted: {matcher}");
    }
}

#[test]
fn nothing_selected_is_never_a_pass() {
    for matcher in [
        "x",
        "null",
        "{ not: x }",
        "{ not: null }",
        "{ all: x }",
        "{ any: x }",
        "{ not: { any: x } }",
        "{ not: { all: x } }",
        "{ not: { not: x } }",
        "{ at-least: 0 }",
        "{ length: 0 }",
        "{ matches: '.*' }",
        "{ not: { contains: x } }",
        "present",
    ] {
        assert!(matches!(hold("$.gone", matcher), Err(Not::Miss(_))), "$.gone: {matcher}");
        assert!(matches!(hold("$.empty[*]", matcher), Err(Not::Miss(_))), "$.empty[*]: {matcher}");
    }
    for matcher in ["{ all: x }", "{ any: x }", "{ not: { any: x } }", "{ not: { all: x } }"] {
        assert!(hold("$.empty", matcher).is_err(), "an empty array has nothing to compare: {matcher}");
    }
}

#[test]
fn a_value_that_cannot_be_compared_is_a_miss_under_not_too() {
    for (path, matcher) in [
        ("$.state", "{ above: 3 }"),
        ("$.nil", "{ at-least: 0 }"),
        ("$.n", "{ contains: 3 }"),
        ("$.n", "{ matches: 3 }"),
        ("$.nil", "{ length: 0 }"),
        ("$.o", "{ all: 1 }"),
        ("$.list", "{ any: { matches: a } }"),
    ] {
        assert!(matches!(hold(path, matcher), Err(Not::Unfit(_))), "{path}: {matcher}");
        assert!(matches!(hold(path, &format!("{{ not: {matcher} }}")), Err(Not::Unfit(_))), "{path}: not {matcher}");
    }
}

#[track_caller]
fn told(path: &str, matcher: &str, expected: &str, place: &str, observed: &str) {
    let Err(Not::Miss(seen) | Not::Unfit(seen)) = hold(path, matcher) else { panic!("{path}: {matcher}: holds") };
    let describe = Matcher::of(&node(matcher)).expect(matcher).describe(&Values::default());
    assert_eq!((describe.as_str(), seen.path.as_str(), seen.observed.as_str()), (expected, place, observed));
}

#[test]
fn a_miss_says_what_was_expected_where_and_what_was_there() {
    told("$.state", "done", "\"done\"", "$.state", "\"queued\"");
    told("$.gone", "done", "\"done\"", "$.gone", "nothing there");
    told("$.boxes[*].label", "{ one-of: [car] }", "one of \"car\"", "$.boxes[1].label", "\"bus\"");
    told("$.boxes[*].label", "tram", "\"tram\"", "$.boxes[0].label", "\"car\", and 1 more of 2 do not hold");
    told("$.boxes[*].label", "{ any: tram }", "any \"tram\"", "$.boxes[*].label", "none of 2; the first is \"car\"");
    told("$.list", "{ length: { at-least: 4 } }", "a length of at least 4", "$.list", "3 items");
    told("$.score", "{ at-least: 0.6, below: 1 }", "at least 0.6 and below 1", "$.score", "0.5");
    told("$.state", "{ above: 3 }", "above 3", "$.state", "\"queued\", a text");
    told("$.words", "{ all: car }", "all \"car\"", "$.words[1]", "\"bus\"");
    told("$.boxes[*]", "{ count: 3 }", "a count of 3", "$.boxes[*]", "2 of them");
    told("$.id", "{ matches: '^x' }", "a text matching `^x`", "$.id", "\"job-17\"");
    told("$.id", "{ not: { starts-with: job } }", "not a text that starts with \"job\"", "$.id", "\"job-17\"");
    told("$.id", "'${secret}'", "\"***\"", "$.id", "\"job-17\"");
}

#[track_caller]
fn refuse(matcher: &str, subject: Subject, message: &str) {
    let complaint = Matcher::of_subject(&node(matcher), subject).expect_err(matcher);
    let text = if complaint.what.is_empty() { format!("expected {}", complaint.expected) } else { complaint.what.to_string() };
    let help = if complaint.help.is_empty() { String::new() } else { format!(" ({})", complaint.help) };
    assert_eq!(format!("{text}{help}"), message);
}

#[test]
fn a_mistake_in_a_matcher_is_told_with_the_way_out() {
    refuse(
        "{ atleast: 3 }",
        Subject::One,
        "unknown matcher `atleast` (did you mean `at-least`? To compare with an object, write `equals: { … }`)",
    );
    refuse("{ at-least: x }", Subject::One, "expected a number");
    refuse("{ at-least: '3' }", Subject::One, "expected a number");
    refuse("{ one-of: a }", Subject::One, "expected a list with at least one value");
    refuse("{ one-of: [] }", Subject::One, "expected a list with at least one value");
    refuse("{ contains: '' }", Subject::One, "everything contains that: it would prove nothing");
    refuse("{ matches: '' }", Subject::One, "every text matches that: it would prove nothing");
    refuse("{ starts-with: '' }", Subject::One, "every text begins and ends so: it would prove nothing");
    refuse("{ present: maybe }", Subject::One, "expected true or false");
    refuse("{ length: x }", Subject::One, "expected a whole number, or matchers for one such as `{ at-least: 3 }`");
    refuse(
        "{ count: 3 }",
        Subject::One,
        "`count` here is at most 1: this path selects at most one value (count the items with a path that ends in `[*]`, or use `length`)",
    );
    assert!(Matcher::of(&node("{ at-least: '${three}' }")).is_ok(), "a variable in quotes is a number where one is asked for");
}

#[test]
fn absent_and_present_are_matchers_unquoted_and_text_when_quoted() {
    for word in ["absent", "present"] {
        assert!(!matches!(Matcher::of(&node(word)), Ok(Matcher::Equals(_))), "{word}");
        assert!(matches!(Matcher::of(&node(&format!("'{word}'"))), Ok(Matcher::Equals(_))), "{word}");
    }
}
