//! Faults by name and offset, equality, duplicates, and agreement with `serde_json`.

use super::{Document, Json, JsonFault, Step};
use proptest::prelude::*;

#[track_caller]
fn check(text: &[u8], fault: JsonFault, offset: usize) {
    let error = Document::read(text).expect_err("a fault");
    assert_eq!((error.fault, error.offset), (fault, offset), "{}", String::from_utf8_lossy(text));
}

fn json(text: &str) -> Json {
    Document::read(text.as_bytes()).expect(text).root
}

#[test]
fn every_fault_has_its_name_and_offset() {
    check(b"", JsonFault::Empty, 0);
    check(b" \n\t ", JsonFault::Empty, 0);
    check(b"\xEF\xBB\xBF{}", JsonFault::ByteOrderMark, 0);
    check(b"\xFF\xFE{\0}\0", JsonFault::ByteOrderMark, 0);
    check(b"\"a\xFFb\"", JsonFault::NotUtf8, 2);
    check(b"\"\xED\xA0\x80\"", JsonFault::NotUtf8, 1);
    check(b"{\"a\":1", JsonFault::EndsEarly, 6);
    check(b"[1,", JsonFault::EndsEarly, 3);
    check(b"\"abc", JsonFault::EndsEarly, 4);
    check(b"\"\\u12", JsonFault::EndsEarly, 1);
    check(b"tru", JsonFault::EndsEarly, 3);
    check(b"{} x", JsonFault::Trailing, 3);
    check(b"{}\0", JsonFault::Trailing, 2);
    check(b"1 2", JsonFault::Trailing, 2);
    check(b"<html>", JsonFault::Unexpected, 0);
    check(b"[1 2]", JsonFault::Unexpected, 3);
    check(b"[1,]", JsonFault::Unexpected, 3);
    check(b"{\"a\" 1}", JsonFault::Unexpected, 5);
    check(b"NaN", JsonFault::Unexpected, 0);
    check(b"{a:1}", JsonFault::Key, 1);
    check(b"{\"a\":1,}", JsonFault::Key, 7);
    check(b"{'a':1}", JsonFault::Key, 1);
    check(b"[01]", JsonFault::Number, 1);
    check(b"-", JsonFault::Number, 0);
    check(b"[1.]", JsonFault::Number, 1);
    check(b"\"a\nb\"", JsonFault::Control, 2);
    check(b"\"a\0b\"", JsonFault::Control, 2);
    check(b"\"\\x\"", JsonFault::Escape, 1);
    check(b"\"\\u12G4\"", JsonFault::Escape, 1);
    check(b"\"\\uD800\"", JsonFault::LoneSurrogate, 1);
    check(b"\"\\uDC00\"", JsonFault::LoneSurrogate, 1);
    check(b"\"\\uD800\\u0041\"", JsonFault::LoneSurrogate, 1);
}

#[test]
fn depth_is_capped_and_the_cap_itself_is_read() {
    let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
    assert!(Document::read(nested(128).as_bytes()).is_ok());
    check(nested(129).as_bytes(), JsonFault::TooDeep, 128);
    check("[".repeat(100_000).as_bytes(), JsonFault::TooDeep, 128);
    check("{\"a\":".repeat(100_000).as_bytes(), JsonFault::TooDeep, 640);
}

#[test]
fn escapes_are_undone_and_written_again() {
    assert_eq!(json(r#""\ud83d\ude00 \u0000 \/ é""#), Json::String("😀 \0 / é".into()));
    assert_eq!(json(r#""\ud83d\ude00 \u0000 \/\n""#).to_string(), "\"😀 \\u0000 /\\n\"");
}

#[test]
fn duplicate_keys_are_found_with_their_path() {
    let find = |text: &str| Document::read(text.as_bytes()).expect(text).duplicates;
    let name = |s: &str| Step::Name(s.into());
    assert_eq!(find(r#"{"a":{"b":[0,{"c":1,"c":2}]}}"#), [vec![name("a"), name("b"), Step::Index(1), name("c")]]);
    assert_eq!(find(r#"{"a":1,"\u0061":2}"#), [vec![name("a")]]);
    assert!(find(r#"{"a":{"b":1},"b":1}"#).is_empty());
    let large: String = (0..40).map(|i| format!("\"k{i}\":0,")).collect();
    assert_eq!(find(&format!("{{{large}\"k3\":1}}")), [vec![name("k3")]]);
    assert_eq!(find(&format!("[{}]", vec![r#"{"a":1,"a":1}"#; 200].join(","))).len(), Document::MOST_DUPLICATES);
}

#[test]
fn equality_is_by_value_and_knows_no_order_of_members() {
    assert_eq!(json(r#"{"a":1,"b":[1.0,"x"]}"#), json(r#"{"b":[1e0,"x"],"a":1.00}"#));
    assert_ne!(json(r#"{"a":1}"#), json(r#"{"a":1,"b":2}"#));
    assert_ne!(json("9007199254740993"), json("9007199254740992"));
    assert_ne!(json("\"1\""), json("1"));
    assert_ne!(json("null"), json("0"));
    let members = |order: &mut dyn Iterator<Item = usize>, last: u8| {
        json(&format!("{{{},\"z\":{last}}}", order.map(|i| format!("\"k{i}\":{i}")).collect::<Vec<_>>().join(",")))
    };
    assert_eq!(members(&mut (0..500), 1), members(&mut (0..500).rev(), 1));
    assert_ne!(members(&mut (0..500), 1), members(&mut (0..500).rev(), 2));
}

#[test]
fn a_large_value_is_shown_cut() {
    assert_eq!(json(&format!("[\"{}\"]", "é".repeat(1_000_000))).brief(9), "[\"ééé…");
    assert_eq!(json("[1]").brief(9), "[1]");
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused_and_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        _ = Document::read(&bytes);
    }

    #[test]
    fn near_json_is_refused_where_serde_refuses_and_read_where_it_reads(text in "[\\[\\]{}\",:0-9eE+. \\\\udtrn-]{0,24}") {
        let theirs: Result<serde_json::Value, _> = serde_json::from_str(&text);
        match (Document::read(text.as_bytes()), theirs) {
            (Ok(ours), Ok(theirs)) => if ours.duplicates.is_empty() { prop_assert_eq!(ours.root.to_serde(), theirs) },
            (Err(_), Err(_)) => {}
            // serde_json refuses numbers beyond a double; we keep them.
            (Ok(_), Err(e)) => prop_assert!(e.to_string().contains("out of range"), "{e}"),
            (Err(e), Ok(_)) => prop_assert_eq!(e.fault, JsonFault::Number, "serde takes an exponent of any length"),
        }
    }

    #[test]
    fn what_is_written_is_read_again(value in value()) {
        let ours = Json::from(&value);
        let again = Document::read(ours.to_string().as_bytes()).expect("we read what we write");
        prop_assert_eq!(&again.root, &ours);
        prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&ours.to_string()).expect("so does serde_json"), value);
    }
}

fn value() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::{Value, json};
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u32>().prop_map(|n| json!(f64::from(n) / 8.0)),
        any::<String>().prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::btree_map(any::<String>(), inner, 0..5).prop_map(|m| Value::Object(m.into_iter().collect()))
        ]
    })
}
