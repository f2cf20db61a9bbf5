//! Paths of every kind of RFC 9535, malformed ones, and ones that would blow up.

use super::{Path, PathFailure, Program, Weight};
use crate::words::Document;

const SHOP: &str = r#"{"store":{"book":[{"title":"A","price":8.95,"isbn":"1"},{"title":"B","price":12.99},{"title":"C","price":8.99,"isbn":"3"}],
    "bicycle":{"color":"red","price":399}},"a b":{"c.d":[1]},"big":9007199254740993,"huge":1e400,"é":true,"o":{"":0}}"#;

/// The paths and values that are selected, sorted, each `path=value`.
#[track_caller]
fn check(path: &str, expected: &[&str]) {
    let document = Document::read(SHOP.as_bytes()).expect("the document is valid");
    let found = Path::parse(path).expect(path).select(&document).expect(path);
    let mut shown: Vec<String> = found.iter().map(|n| format!("{}={}", n.path(), n.node)).collect();
    shown.sort();
    assert_eq!(shown, expected, "{path}");
}

#[test]
fn names_indexes_and_wildcards_select_exact_nodes() {
    check("$.store.book[0].title", &[r#"$.store.book[0].title="A""#]);
    check("$['store']['book'][-1]['price']", &["$.store.book[2].price=8.99"]);
    check("$.store.book[*].price", &["$.store.book[0].price=8.95", "$.store.book[1].price=12.99", "$.store.book[2].price=8.99"]);
    check("$[\"a b\"]['c.d'][0]", &["$['a b']['c.d'][0]=1"]);
    check("$.big", &["$.big=9007199254740993"]);
    check("$.huge", &["$.huge=1e400"]);
    check("$.é", &["$.é=true"]);
    check("$.o['']", &["$.o['']=0"]);
    for nothing in ["$.none", "$.store.book[3]", "$.store.book[-4]", "$.store[0]", "$.store.book.title", "$.big.x", "$.big[*]", "$.big[0]"]
    {
        check(nothing, &[]);
    }
}

#[test]
fn filters_slices_unions_and_descendants_select_exact_nodes() {
    check("$.store.book[?@.price < 10].title", &[r#"$.store.book[0].title="A""#, r#"$.store.book[2].title="C""#]);
    check("$.store.book[?@.isbn].price", &["$.store.book[0].price=8.95", "$.store.book[2].price=8.99"]);
    check(
        "$..price",
        &["$.store.bicycle.price=399", "$.store.book[0].price=8.95", "$.store.book[1].price=12.99", "$.store.book[2].price=8.99"],
    );
    check("$.store.book[0:2].title", &[r#"$.store.book[0].title="A""#, r#"$.store.book[1].title="B""#]);
    check("$.store.book[::-2].title", &[r#"$.store.book[0].title="A""#, r#"$.store.book[2].title="C""#]);
    check("$.store.book[0, 2].title", &[r#"$.store.book[0].title="A""#, r#"$.store.book[2].title="C""#]);
    check("$.store.book[?match(@.title, '[AB]')].title", &[r#"$.store.book[0].title="A""#, r#"$.store.book[1].title="B""#]);
    check("$.store.book[?length(@.title) == 1 && @.price > 12].title", &[r#"$.store.book[1].title="B""#]);
    check("$.store[?count(@.*) == 2].color", &[r#"$.store.bicycle.color="red""#]);
    check("$..[?@ == 9007199254740993]", &["$.big=9007199254740993"]);
    check("$.store.book[?@.price > 100]", &[]);
}

#[test]
fn the_short_way_and_the_full_parser_agree() {
    let document = Document::read(SHOP.as_bytes()).expect("the document is valid");
    for text in ["$", "$.store", "$.store.book[*]", "$['store'].*", "$.store.book[1]", "$.store.book[-1].isbn", "$[*]", "$.x.y"] {
        let path = Path::parse(text).expect(text);
        assert!(matches!(path.program, Program::Simple(_)), "{text}");
        let mut ours: Vec<_> = path.select(&document).expect(text).iter().map(|n| n.node.to_serde()).collect();
        let theirs = serde_json_path::JsonPath::parse(text).expect(text);
        let mut theirs: Vec<_> = theirs.query(document.value()).all().into_iter().cloned().collect();
        ours.sort_by_key(ToString::to_string);
        theirs.sort_by_key(ToString::to_string);
        assert_eq!(ours, theirs, "{text}");
    }
    for text in ["$.store ", "$..a", "$.a[1:2]", "$['a','b']", "$[?@.a]", "$['\\u0061']", "$ .a", "$.a [0]"] {
        assert!(super::simple(text).is_none(), "{text}");
    }
}

#[test]
fn only_a_path_that_selects_at_most_one_node_is_singular() {
    for (text, expected) in [("$.a[0]['b']", true), ("$", true), ("$.a[*]", false), ("$..a", false), ("$[0,0]", false), ("$[?@.a]", false)]
    {
        assert_eq!(Path::parse(text).expect(text).is_singular(), expected, "{text}");
    }
}

#[track_caller]
fn refuse(text: &str, expected: &str) {
    assert_eq!(Path::parse(text).expect_err(text).to_string(), expected);
}

#[test]
fn a_malformed_path_is_told_with_the_character() {
    refuse("store", "`store` is not a JSONPath (RFC 9535): it begins with `$`, at character 1");
    refuse("", "`` is not a JSONPath (RFC 9535): it begins with `$`, at character 1");
    let positions: Vec<(&str, usize)> = ["$.items[0", "$.choices[?@.x = 1]", "$.a[01]", "$.a-b", "$.", "$[-0]", "$.1", "$.a[?foo(@)]"]
        .map(|text| (text, Path::parse(text).expect_err(text).position))
        .to_vec();
    let expected = [
        ("$.items[0", 9),
        ("$.choices[?@.x = 1]", 15),
        ("$.a[01]", 5),
        ("$.a-b", 3),
        ("$.", 2),
        ("$[-0]", 1),
        ("$.1", 2),
        ("$.a[?foo(@)]", 5),
    ];
    assert_eq!(positions, expected);
    refuse(
        "$.choices[?@.x = 1]",
        "`$.choices[?@.x = 1]` is not a JSONPath (RFC 9535): in long-hand segment, expected closing ']', at character 15, after `$.choices[?@.x`",
    );
}

#[test]
fn a_path_that_would_keep_its_parser_busy_is_refused() {
    for text in [
        format!("${}{}", "[?@".repeat(40), "]".repeat(40)),
        format!("$[?{}@.a{}]", "(".repeat(100_000), ")".repeat(100_000)),
        format!("$..{}", "a".repeat(5_000)),
    ] {
        let error = Path::parse(&text).expect_err("refused");
        assert!(error.message.contains("at most"), "{}", error.message);
    }
    assert!(Path::parse("$[?@[?@[?@.a == ')))))((((([[[[[[[[[[']]]").is_ok());
    assert!(Path::parse(&format!("$.{}", "a".repeat(5_000))).is_ok(), "a simple path of any length is cheap");
}

#[test]
fn a_duplicate_key_on_the_way_makes_the_answer_ambiguous_and_one_elsewhere_does_not() {
    let document = Document::read(br#"{"a":{"b":1,"b":2},"c":{"d":3},"e":4,"e":{}}"#).expect("valid");
    let select = |text: &str| Path::parse(text).expect(text).select(&document).map(|nodes| nodes.len());
    assert_eq!(select("$.c.d"), Ok(1));
    assert_eq!(select("$.none"), Ok(0));
    assert_eq!(select("$.c[?@ > 0]"), Ok(1));
    assert_eq!(select("$.c..d"), Ok(1));
    for (text, twice) in [
        ("$.a.b", "$.a.b"),
        ("$.a", "$.a.b"),
        ("$", "$.a.b"),
        ("$.e.x", "$.e"),
        ("$..d", "$.a.b"),
        ("$.a.*", "$.a.b"),
        ("$.a[?@ > 0]", "$.a.b"),
        ("$.c[?$.a.b]", "$.a.b"),
    ] {
        assert_eq!(select(text), Err(PathFailure::Ambiguous(twice.into())), "{text}");
    }
}

#[test]
fn a_query_that_would_blow_up_is_refused_and_the_same_query_on_a_small_body_is_not() {
    let nested = format!("{}1{}", "[".repeat(120), "]".repeat(120));
    let wide = format!("[{}]", vec!["[1,2,3]"; 5_000].join(","));
    let small = Document::read(b"[[1,2],[3]]").expect("valid");
    for (text, body) in [("$..*..*..*..*..*", &nested), ("$[?count($..*) > 1]", &wide), ("$..[?count(@..*) > 1]", &wide)] {
        let path = Path::parse(text).expect(text);
        assert_eq!(path.select(&Document::read(body.as_bytes()).expect("valid")).map(|n| n.len()), Err(PathFailure::TooCostly), "{text}");
        assert!(path.select(&small).is_ok(), "{text}");
    }
    assert_eq!(Weight::of("$..a['..',\"?*\"][?@..b > 1 && @.* ]..c[*]"), Weight { descents: 2, inner: 2, fan: 2 });
}
