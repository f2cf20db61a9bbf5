//! The parser against the standard, vector by vector. Each is read whole, byte by byte and in several other cuts.

use super::{Event, Fault, Item, Limits, Parser, Tail};
use proptest::prelude::*;

/// What a stream comes to, without timestamps: `name|data|id of its own|last id`, `:comment`, `retry N`, `!fault`; then how it ended.
fn read(stream: &[u8], cuts: impl Iterator<Item = usize>, limits: Limits) -> (Vec<String>, Tail, String) {
    let mut parser = Parser::new(limits);
    let mut items = Vec::new();
    let mut rest = stream;
    for cut in cuts {
        let (piece, after) = rest.split_at(cut.min(rest.len()));
        parser.feed(piece, (), &mut |item| items.push(shown(item)));
        rest = after;
    }
    parser.feed(rest, (), &mut |item| items.push(shown(item)));
    let last = parser.last_event_id().to_owned();
    (items, parser.end(), last)
}

fn shown(item: Item<()>) -> String {
    match item {
        Item::Event(Event { name, data, id, last_id, .. }) => format!("{name}|{data}|{}|{last_id}", id.as_deref().unwrap_or("-")),
        Item::Comment { head, .. } => format!(":{head}"),
        Item::Retry { millis, .. } => format!("retry {millis}"),
        Item::Fault { fault, .. } => format!("!{} {}", fault.name(), fault.offset()),
    }
}

#[track_caller]
fn check(stream: impl AsRef<[u8]>, expected: &[&str]) -> Tail {
    let stream = stream.as_ref();
    let whole = read(stream, std::iter::empty(), Limits::default());
    assert_eq!(whole.0, expected, "{}", stream.escape_ascii());
    for step in [1, 2, 3, 5, 7] {
        let cut = read(stream, std::iter::repeat_n(step, stream.len()), Limits::default());
        assert_eq!(cut, whole, "{} in steps of {step}", stream.escape_ascii());
    }
    whole.1
}

#[test]
fn lines_end_in_lf_cr_or_both_in_any_mixture() {
    check("data: a\n\ndata: b\n\n", &["message|a|-|", "message|b|-|"]);
    check("data: a\r\rdata: b\r\r", &["message|a|-|", "message|b|-|"]);
    check("data: a\r\n\r\ndata: b\r\n\r\n", &["message|a|-|", "message|b|-|"]);
    check("data: a\rdata: b\ndata: c\r\n\n", &["message|a\nb\nc|-|"]);
    check("data: a\r\n\rdata: b\n\r", &["message|a|-|", "message|b|-|"]);
    check("data: a\n\r\n", &["message|a|-|"]);
    check("data: a\r\r\n", &["message|a|-|"]);
    check("\n\n\r\r\r\n\r\n", &[]);
    check("\r:\n:\n", &[":", ":"]);
    check("x\r\r:\n\r:\n", &[":", ":"]);
    check("data: a\u{85}b\u{2028}c\x0bd\x0ce\n\n", &["message|a\u{85}b\u{2028}c\x0bd\x0ce|-|"]);
}

#[test]
fn an_event_counts_from_its_cr_on_without_waiting_for_the_lf() {
    let mut parser = Parser::new(Limits::default());
    let mut count = 0;
    parser.feed(b"data: a\r\n\r", 1, &mut |item| {
        assert!(matches!(item, Item::Event(Event { at: 1, .. })));
        count += 1;
    });
    assert_eq!(count, 1);
    parser.feed(b"\n", 2, &mut |item| panic!("the LF belongs to the CR: {item:?}"));
    assert_eq!(parser.received(), 11);
    assert_eq!(parser.end(), Tail { incomplete: false, offset: 11, fault: None });
}

#[test]
fn a_byte_order_mark_is_dropped_at_the_very_beginning_only() {
    check("\u{feff}data: a\n\n", &["message|a|-|"]);
    check("\u{feff}\ndata: a\n\n", &["message|a|-|"]);
    check("\u{feff}\u{feff}data: a\ndata: b\n\n", &["message|b|-|"]);
    check("\n\u{feff}data: a\n\n", &[]);
    check("data: \u{feff}a\n\n", &["message|\u{feff}a|-|"]);
    check([&[0xef, 0xbb][..], b"data: a\n\n"].concat(), &["!utf8 0"]);
}

#[test]
fn data_lines_are_joined_and_an_event_needs_at_least_one() {
    check("data: a\ndata: b\n\n", &["message|a\nb|-|"]);
    check("data\n\n", &["message||-|"]);
    check("data:\n\n", &["message||-|"]);
    check("data\ndata\n\n", &["message|\n|-|"]);
    check("data:\ndata: a\ndata\n\n", &["message|\na\n|-|"]);
    check("event: x\n\ndata: a\n\n", &["message|a|-|"]);
    check("event: x\nid: 1\nretry: 2\n\n", &["retry 2"]);
    check("event: x\nevent: y\ndata: a\n\ndata: b\n\n", &["y|a|-|", "message|b|-|"]);
    check("event: x\nevent\ndata: a\n\n", &["message|a|-|"]);
    check("event:  x\ndata: a\n\n", &[" x|a|-|"]);
}

#[test]
fn exactly_one_space_behind_the_colon_belongs_to_nobody() {
    check("data:a\ndata: b\ndata:  c\ndata:\td\ndata: e \n\n", &["message|a\nb\n c\n\td\ne |-|"]);
    check("data: a: b:c\n\n", &["message|a: b:c|-|"]);
    check("data : a\n data: b\nDATA: c\ndatax: d\n\n", &[]);
}

#[test]
fn comments_are_told_and_unknown_fields_are_not() {
    check(": ping\n\n", &[": ping"]);
    check(":\n:ping\n::\n", &[":", ":ping", "::"]);
    check("data: a\n: between\ndata: b\n\n", &[": between", "message|a\nb|-|"]);
    check("foo: bar\n\nfoo\n\ncomment: x\n\ndata: later\n\n", &["message|later|-|"]);
    let long = format!(":{}é\n", "x".repeat(119));
    check(&long, &[&format!(":{}", "x".repeat(119))]);
}

#[test]
fn ids_last_and_an_id_alone_counts() {
    check("id: 1\ndata: a\n\ndata: b\n\n", &["message|a|1|1", "message|b|-|1"]);
    check("id: 5\n\ndata: a\n\n", &["message|a|-|5"]);
    check("id: 1\nid: 2\ndata: a\n\n", &["message|a|2|2"]);
    check("id: 1\ndata: a\n\nid\ndata: b\n\ndata: c\n\n", &["message|a|1|1", "message|b||", "message|c|-|"]);
    check("id: 1\ndata: a\n\nid:\ndata: b\n\n", &["message|a|1|1", "message|b||"]);
    check("data: a\nid: ü:1 \n\n", &["message|a|ü:1 |ü:1 "]);
    check("id: 1\ndata: a\n\nid: 2\0\ndata: b\n\n", &["message|a|1|1", "!id-with-nul 15", "message|b|-|1"]);
    check("id: \0\n\n", &["!id-with-nul 0"]);
}

#[test]
fn a_retry_counts_at_once_and_only_in_digits() {
    check("retry: 3000\n\n", &["retry 3000"]);
    check("retry: 0\n", &["retry 0"]);
    check("retry:1000000000000\n\n", &["retry 1000000000000"]);
    check("retry: 1\ndata: a\nretry: 2\n\n", &["retry 1", "retry 2", "message|a|-|"]);
    for bad in ["retry", "retry:", "retry: +5", "retry: -1", "retry: 5s", "retry: 1.5", "retry:  5"] {
        check(format!("{bad}\ndata: a\n\n"), &["!bad-retry 0", "message|a|-|"]);
    }
}

#[test]
fn what_has_no_empty_line_is_no_event_and_its_id_does_not_count() {
    for (stream, incomplete, offset) in [
        ("data: a\n\ndata: b\n", true, 9),
        ("data: a\n\ndata: b", true, 9),
        ("data: a\n\nid: 7\ndata: b\n", true, 9),
        ("data: a\n\nd", true, 9),
        ("data: a\n\n", false, 9),
        ("data: a\n\n: half a comm", false, 22),
        ("data: a\n\n: comment\n", false, 19),
        ("data: a\n\n\u{feff}", true, 9),
    ] {
        let tail = check(stream, if stream.contains("comment") { &["message|a|-|", ": comment"] } else { &["message|a|-|"] });
        assert_eq!((tail.incomplete, tail.offset), (incomplete, offset), "{stream:?}");
    }
    for (stream, tail) in [("", (false, 0)), ("\u{feff}", (false, 3)), ("data: a", (true, 0))] {
        let end = check(stream, &[]);
        assert_eq!((end.incomplete, end.offset), tail, "{stream:?}");
    }
    let (_, _, last) = read(b"id: 1\ndata: a\n\nid: 2\ndata: b\n", std::iter::empty(), Limits::default());
    assert_eq!(last, "1");
}

#[test]
fn characters_that_are_cut_in_two_are_whole_again() {
    check("data: äöü€😀\nid: 漢字\n\n", &["message|äöü€😀|漢字|漢字"]);
}

#[test]
fn bytes_that_are_not_utf8_are_told_once_a_line_and_read_as_the_standard_says() {
    check(b"data: ok\n\ndata: \xff\xfe\n\ndata: ok\n\n", &["message|ok|-|", "!utf8 16", "message|\u{fffd}\u{fffd}|-|", "message|ok|-|"]);
    // Half a character, and then the end of the line: the decoder gives the LF back.
    check(b"data: \xe2\x82\ndata: b\n\n", &["!utf8 6", "message|\u{fffd}\nb|-|"]);
    check(b"data: \xc0\xaf \xed\xa0\x80\n\n", &["!utf8 6", "message|\u{fffd}\u{fffd} \u{fffd}\u{fffd}\u{fffd}|-|"]);
    check(b": \xff\nfoo: \xff\n\n", &["!utf8 2", ": \u{fffd}", "!utf8 9"]);
    check(b"\xef\xbb\xbfdata: \xff\n\n", &["!utf8 9", "message|\u{fffd}|-|"]);
    let tail = check(b"data: \xe2\x82", &[]);
    assert_eq!(tail.fault, Some(Fault::Utf8 { offset: 6 }));
}

#[test]
fn what_goes_beyond_a_cap_is_named_and_nothing_is_read_after_it() {
    let limits = Limits { line: 10, event: 12 };
    for (stream, expected) in [
        ("data: abcd\n\ndata: e\n\n", &["message|abcd|-|", "message|e|-|"][..]),
        ("data: a\n\ndata: abcde\n\ndata: b\n\n", &["message|a|-|", "!line-over-cap 9"]),
        (":12345678901234\n\n", &["!line-over-cap 0"]),
        ("data: abcd\ndata: abcd\ndata:x\n\n", &["message|abcd\nabcd\nx|-|"]),
        ("\ndata: abcd\ndata: abcd\ndata:xyz\n\ndata: b\n\n", &["!event-over-cap 1"]),
    ] {
        let whole = read(stream.as_bytes(), std::iter::empty(), limits);
        assert_eq!(whole.0, expected, "{stream:?}");
        for step in 1..8 {
            assert_eq!(read(stream.as_bytes(), std::iter::repeat_n(step, 99), limits).0, expected, "{stream:?} in steps of {step}");
        }
    }
}

#[test]
fn a_line_without_end_is_held_up_to_the_cap_only() {
    let mut parser = Parser::new(Limits::default());
    let mut faults = Vec::new();
    for _ in 0..1024 {
        parser.feed(&[b'x'; 1 << 20], (), &mut |item| faults.push(item));
    }
    let fault = Fault::LineOverCap { cap: 1 << 20, offset: 0 };
    assert_eq!(faults, [Item::Fault { at: (), fault }], "told once, and the rest of the gigabyte is not kept");
    assert!(parser.is_done());
    assert_eq!(parser.received(), 0);
}

#[test]
fn an_event_knows_when_and_where_it_began_and_when_it_was_whole() {
    let mut parser = Parser::new(Limits::default());
    let mut events = Vec::new();
    for (at, piece) in [": ping\n", "\n: again\nda", "ta: a\nid: 1\n", "\nevent: x\ndata: b\n\n"].into_iter().enumerate() {
        parser.feed(piece.as_bytes(), at, &mut |item| {
            if let Item::Event(event) = item {
                events.push((event.began, event.at, event.offset, event.data));
            }
        });
    }
    assert_eq!(events, [(1, 3, 16, "a".to_owned()), (3, 3, 31, "b".to_owned())]);
}

#[test]
fn a_stream_that_goes_on_keeps_the_last_id_of_the_one_before() {
    let mut parser = Parser::resuming(Limits::default(), "41");
    let mut ids = Vec::new();
    parser.feed(b"data: a\n\nid: 42\ndata: b\n\n", (), &mut |item| {
        if let Item::Event(event) = item {
            ids.push((event.id, event.last_id));
        }
    });
    assert_eq!(ids, [(None, "41".to_owned()), (Some("42".to_owned()), "42".to_owned())]);
    assert_eq!(parser.last_event_id(), "42");
}

/// Bytes in which much happens.
fn streams() -> impl Strategy<Value = Vec<u8>> {
    const BITS: &[&[u8]] = &[
        b"data: ",
        b"data",
        b"event:",
        b"id: ",
        b"retry: ",
        b":",
        b" ",
        b"\n",
        b"\n\n",
        b"\r",
        b"\r\n",
        b"\r\n\r\n",
        b"7",
        b"x",
        b"\0",
        b"\xff",
        b"\xef\xbb\xbf",
        b"\xe2\x82",
        b"\xac",
        b"\xe2\x82\xac",
        b"a longer text without anything in it",
    ];
    prop::collection::vec(
        prop_oneof![8 => prop::sample::select(BITS).prop_map(<[u8]>::to_vec), 1 => prop::collection::vec(any::<u8>(), 0..8)],
        0..60,
    )
    .prop_map(|bits| bits.concat())
}

proptest! {
    #[test]
    fn any_cutting_gives_the_same(stream in streams(), cuts in prop::collection::vec(0usize..9, 0..80), line in 5usize..200, event in 5usize..200) {
        let limits = Limits { line, event };
        let whole = read(&stream, std::iter::empty(), limits);
        let cut = read(&stream, cuts.into_iter(), limits);
        prop_assert_eq!(&whole.0, &cut.0);
        prop_assert_eq!(whole.2, cut.2);
        // Behind a cap nothing is read, and how much was left of it depends on the cut.
        if !whole.0.iter().any(|item| item.contains("over-cap")) {
            prop_assert_eq!(whole.1, cut.1);
        }
    }
}
