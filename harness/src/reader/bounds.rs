//! Hostile and large files: whatever the bytes are, reading ends soon, within its limits, and never panics.

use crate::reader::{Kind, Node, Problem, Resolver, Tree, Value, expand, open, parse, read};
use proptest::prelude::*;
use std::fmt::Write as _;

struct Deferring;

impl Resolver for Deferring {
    fn value(&self, name: &str) -> Value {
        match name {
            "a" => Value::Plain("${b}$".to_owned(), "a test".to_owned()),
            _ => Value::Deferred,
        }
    }
}

/// Reads as far as it goes and draws every problem.
fn read_all(bytes: &[u8]) -> Result<Node, Vec<String>> {
    let told = |p: &Problem| p.to_string();
    let source = open("s.yaml", bytes).map_err(|p| vec![told(&p)])?;
    let mut doc = parse(&source).map_err(|p| vec![told(&p)])?;
    let mut problems: Vec<_> = doc.problems.iter().map(told).collect();
    problems.extend(expand(&source, &mut doc.root, "", &Deferring).iter().map(told));
    _ = read::<std::collections::BTreeMap<String, u16>>(&source, &doc.root, "").map_err(|p| problems.extend(p.iter().map(told)));
    if problems.is_empty() { Ok(doc.root) } else { Err(problems) }
}

#[track_caller]
fn refused(text: &str, message: &str) {
    let told = read_all(text.as_bytes()).map(|_| ()).unwrap_err();
    assert!(told[0].contains(message), "{}", told[0].chars().take(400).collect::<String>());
}

/// `depth` lists, each of ten aliases of the one before.
fn laughs(depth: usize) -> String {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for i in 1..depth {
        let items = vec![format!("*a{}", i - 1); 10].join(", ");
        _ = writeln!(text, "a{i}: &a{i} [{items}]");
    }
    text
}

#[test]
fn a_billion_laughs_are_refused_before_they_are_built() {
    refused(&laughs(12), "more than 400,000 values, with what aliases bring in");
    let merges: String = (1..60).map(|i| format!("m{i}: &m{i} {{ <<: [*m{p}, *m{p}], k{i}: 1 }}\n", p = i - 1)).collect();
    refused(&format!("m0: &m0 {{ k: 1 }}\n{merges}"), "more than 400,000 values");
}

#[test]
fn a_few_laughs_are_only_a_list() {
    let source = open("s.yaml", laughs(3).as_bytes()).unwrap();
    let doc = parse(&source).unwrap();
    let third = doc.root.get("a2").unwrap();
    assert_eq!(third.items().unwrap().len(), 10);
    assert_eq!(third.items().unwrap()[9].items().unwrap()[9].items().unwrap()[9].text(), Some("x"));
    let mut ids = Vec::new();
    fn collect(node: &Node, ids: &mut Vec<u32>) {
        ids.push(node.id);
        match &node.kind {
            Kind::Scalar { .. } => {}
            Kind::Seq(items) => items.iter().for_each(|n| collect(n, ids)),
            Kind::Map(entries) => entries.iter().for_each(|(k, v)| {
                collect(k, ids);
                collect(v, ids);
            }),
        }
    }
    collect(&doc.root, &mut ids);
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count, "every occurrence has an id of its own");
}

#[test]
fn depth_is_bounded_also_through_aliases() {
    refused(&format!("a: {}{}", "[".repeat(70), "]".repeat(70)), "nested deeper than 64 levels");
    refused(&format!("a: {}{}", "[".repeat(100_000), "]".repeat(100_000)), "nested deeper than 64 levels");
    let half = format!("a: &a {}{}\nb: {}*a{}\n", "[".repeat(40), "]".repeat(40), "[".repeat(40), "]".repeat(40));
    refused(&half, "nested deeper than 64 levels, with what this alias brings in");
    let block: String = (0..300).map(|i| format!("{}a:\n", " ".repeat(i))).collect();
    refused(&block, "nested deeper than 64 levels");
}

#[test]
fn aliases_and_merge_keys_bring_values_in_and_own_keys_win() {
    let source = open("s.yaml", b"x: &x { a: 1, b: 2 }\ny: &y { b: 3, c: 4 }\nz: { <<: [*x, *y], a: 0 }\nw: *x\n").unwrap();
    let doc = parse(&source).unwrap();
    let z = doc.root.get("z").unwrap();
    let text = |k: &str| z.get(k).and_then(Node::text).unwrap();
    assert_eq!((text("a"), text("b"), text("c")), ("0", "2", "4"));
    let b = z.get("b").unwrap();
    assert_eq!((b.at.line, b.at.column), (1, 18), "where it was defined");
    assert_eq!(b.via.as_ref().map(|v| (v.line, v.column)), Some((3, 11)), "where it stands");
    assert!(doc.root.get("w").unwrap().via.is_some() && doc.root.get("x").unwrap().via.is_none());
}

#[test]
fn ten_thousand_checks_are_read_and_each_keeps_its_line() {
    let mut text = "suite: s\nchecks:\n".to_owned();
    for i in 0..10_000 {
        _ = writeln!(text, "- name: c{i}\n  health: {{ get: /h, within: 200ms, expect: {{ json: {{ $.status: up }} }} }}");
    }
    let source = open("s.yaml", text.as_bytes()).unwrap();
    let doc = parse(&source).unwrap();
    let checks = doc.root.get("checks").and_then(Node::items).unwrap();
    assert_eq!(checks.len(), 10_000);
    assert_eq!(checks[9_999].get("name").unwrap().at.line, 2 + 9_999 * 2 + 1);
    assert!(checks.iter().all(|c| read::<std::collections::BTreeMap<String, Tree>>(&source, c, "").is_ok()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        _ = read_all(&bytes);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[-a-c0-9:{}\\[\\],#&*!|>'\"%@`$~<\\\\ \n\té名\u{301}.]{0,80}") {
        _ = read_all(text.as_bytes());
    }

    #[test]
    fn a_text_keeps_itself_through_quotes_and_expansion(text in "[ -~é名]{1,40}") {
        // A literal `${` is written `$${`; nothing else changes.
        let written = text.replace("${", "$${");
        prop_assume!(!written.contains("$$${"));
        let yaml = format!("a: '{}'\n", written.replace('\'', "''"));
        let source = open("s.yaml", yaml.as_bytes()).unwrap();
        let mut doc = parse(&source).unwrap();
        prop_assert!(expand(&source, &mut doc.root, "", &Deferring).is_empty());
        prop_assert!(expand(&source, &mut doc.root, "", &Deferring).is_empty(), "a second time changes nothing");
        prop_assert_eq!(doc.root.get("a").and_then(Node::text), Some(text.as_str()));
    }

    #[test]
    fn every_span_holds_the_text_of_its_word(words in proptest::collection::vec("[a-z名é]{1,6}", 1..8)) {
        let yaml: String = words.iter().enumerate().map(|(i, w)| format!("k{i}: {w}   # c\n")).collect();
        let source = open("s.yaml", yaml.as_bytes()).unwrap();
        let doc = parse(&source).unwrap();
        for (i, w) in words.iter().enumerate() {
            let at = doc.root.get(&format!("k{i}")).unwrap().at;
            prop_assert_eq!(&source.text()[at.start as usize..(at.start + at.len) as usize], w);
            prop_assert_eq!((at.line as usize, at.column as usize), (i + 1, format!("k{i}: ").len() + 1));
        }
    }
}
