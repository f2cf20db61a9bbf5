//! Tables of what was seen, and what is said of it.

use super::super::SizeLimit;
use super::super::look::{Case, Edge, Not, Observation, Shot};
use super::super::spec::Framing;
use super::{edge_line, judge, summary};
use crate::kind::testing::{read, spec, told};
use crate::kind::{CheckKind as _, Seen, Snag};
use crate::model::{Found, Unseen};

const MIB: u64 = 1 << 20;

fn answered(status: u16, headers: &[(&str, &str)]) -> Seen {
    let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    Seen { status: Some(status), headers, utf8: true, ..Seen::default() }
}

fn shot(bytes: u64, seen: Seen) -> Shot {
    Shot { bytes, framing: Some(Framing::ContentLength), seen, ..Shot::default() }
}

fn seen_of(limit: u64, taken: Option<u64>, refused: Option<u64>) -> Observation {
    let edges = [("content-length".to_owned(), Edge { taken, refused })].into();
    Observation { limit: Some(limit), edges, ..Observation::default() }
}

#[test]
fn the_edge_is_named_with_who_refused_and_how_it_was_misread() {
    let mut seen = seen_of(50 * MIB, Some(50 * MIB), Some(50 * MIB + 1));
    assert_eq!(edge_line(&seen, None).unwrap(), "accepts 52,428,800 bytes (50MiB), refuses 52,428,801 bytes");
    seen.refusal = Some(shot(50 * MIB + 1, answered(413, &[("server", "nginx/1.22.1"), ("content-type", "text/html")])));
    seen.taken_by = Some(super::Face { server: Some("uvicorn".to_owned()), media_type: Some("application/json".to_owned()) });
    let line = edge_line(&seen, None).unwrap();
    assert!(line.ends_with("52,428,801 bytes, answered by the proxy in front (`Server: nginx/1.22.1`)"), "{line}");
    seen.taken_by = Some(super::Face { server: Some("nginx/1.22.1".to_owned()), media_type: Some("text/html".to_owned()) });
    assert!(edge_line(&seen, None).unwrap().ends_with(", answered (`Server: nginx/1.22.1`)"));
    let misread = seen_of(50 * MIB, Some(50_000_000), Some(50_000_001));
    assert!(edge_line(&misread, None).unwrap().ends_with("; 50MiB was read in powers of ten: 50MB"));
    assert_eq!(edge_line(&seen_of(MIB, Some(10), None), None).unwrap(), "accepts 10 bytes, and no body was refused");
    assert!(edge_line(&Observation::default(), None).is_none());
}

#[test]
fn framings_with_other_edges_are_told_apart() {
    let mut seen = seen_of(MIB, Some(64 << 10), Some((64 << 10) + 1));
    seen.edges.insert("chunked".to_owned(), Edge { taken: Some(MIB), refused: Some(MIB + 1) });
    assert_eq!(
        edge_line(&seen, None).unwrap(),
        "chunked: accepts 1,048,576 bytes (1MiB), refuses 1,048,577 bytes; content-length: accepts 65,536 bytes (64KiB), refuses 65,537 bytes"
    );
    // What was not sent in one framing is no other edge.
    seen.edges.insert("chunked".to_owned(), Edge { taken: Some(64 << 10), refused: None });
    assert_eq!(edge_line(&seen, None).unwrap(), "accepts 65,536 bytes (64KiB), refuses 65,537 bytes");
    let torn = seen_of(MIB, Some(2 * MIB), Some(MIB + 1));
    assert_eq!(edge_line(&torn, None).unwrap(), "took 2,097,152 bytes (2MiB), and refused 1,048,577 bytes: not one limit");
}

#[test]
fn where_small_bodies_alone_were_sent_nothing_is_held_at_the_edge() {
    let kind = spec::<SizeLimit>("{ post: /u, limit: 1MiB }");
    let case = |clause: &str, case: &str, of: u32| Case {
        clause: clause.to_owned(),
        case: case.to_owned(),
        of,
        not: (of == 0).then(|| Not::Permitted("no room".to_owned())),
        ..Case::default()
    };
    let cases = vec![
        case("size/accepts", "1/chunked", 1),
        case("size/accepts", "B/chunked", 0),
        case("size/refuses", "B+1/chunked", 0),
        case("size/refuses", "2B/chunked", 0),
    ];
    let asked = vec!["size/accepts".to_owned(), "size/refuses".to_owned()];
    let mut seen = Observation { asked, cases, bodies: 1, ..seen_of(MIB, Some(1), None) };
    let unjudged = |seen: &Observation| {
        let all = judge(&kind.spec, seen);
        all.iter()
            .filter(|r| matches!(r.found, Found::Unseen { why: Unseen::NothingToJudge(_) }))
            .map(|r| r.case.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(unjudged(&seen), ["B/chunked", "B+1/chunked", "2B/chunked"]);
    seen.cases[2] = case("size/refuses", "B+1/chunked", 1);
    assert_eq!(unjudged(&seen), ["B/chunked"], "one of its cases is enough for a clause");
    seen.cases[1] = case("size/accepts", "B/chunked", 1);
    assert_eq!(unjudged(&seen), Vec::<String>::new());
}

#[test]
fn a_case_is_held_counted_proof_or_unseen() {
    let kind = spec::<SizeLimit>("{ post: /u, limit: 1MiB }");
    let case = |of, bad, proof: Option<Shot>, worst: Option<Shot>| Case {
        clause: "size/refuses".to_owned(),
        case: "B+1/chunked".to_owned(),
        of,
        bad,
        proof,
        worst,
        ..Case::default()
    };
    let reset =
        Seen { trouble: Some(Snag { name: "reset".to_owned(), text: "it was reset".to_owned(), confusable: true }), ..Seen::default() };
    let check = |case: Case, expected: &str| {
        let seen = Observation { asked: vec!["size/refuses".to_owned()], cases: vec![case], ..seen_of(MIB, None, None) };
        assert_eq!(told(&judge(&kind.spec, &seen)), [expected]);
    };
    check(case(3, 0, None, None), "B+1/chunked: held");
    check(case(0, 0, None, None), "B+1/chunked: unseen the deadline came before it could be judged");
    check(case(4, 3, None, Some(shot(MIB + 1, reset))), "B+1/chunked: counted 3+0/4");
    let taken = shot(MIB + 1, answered(201, &[]));
    check(case(1, 0, Some(taken), None), "B+1/chunked: proof 1,048,577 bytes were taken: 201 without a body");
}

#[test]
fn who_does_not_get_in_is_told_why_and_nothing_is_said_of_sizes() {
    let kind = spec::<SizeLimit>("{ post: /u, limit: 1MiB }");
    let check = |status: u16, name: &str, noise: bool| {
        let first = shot(1, answered(status, &[("location", "/login")]));
        let asked = vec!["size/accepts".to_owned(), "size/refuses".to_owned()];
        let seen = Observation { asked, first: Some(first), ..Observation::default() };
        let told = told(&judge(&kind.spec, &seen));
        assert!(told[0].starts_with(if noise { "counted 1+0/1 once" } else { "proof " }), "{told:?}");
        assert!(told[1].starts_with("unseen ") && told[1].contains(name), "{told:?}");
        assert!(summary(&kind.spec, &seen).contains(name));
    };
    check(401, "needs a login", false);
    check(403, "forbidden", false);
    check(302, "redirects to /login", false);
    check(404, "no such endpoint", false);
    check(415, "bodies of this type", false);
    check(503, "does not take it", true);
}

#[track_caller]
fn mistaken(yaml: &str, what: Option<&str>) {
    match read::<SizeLimit>(yaml) {
        Ok(kind) => {
            let mistakes = kind.demands().mistakes;
            assert_eq!(mistakes.first().map(|m| m.what.as_str()), what, "{yaml}: {mistakes:?}");
        }
        Err(problems) => panic!("{yaml}: {problems:?}"),
    }
}

#[test]
fn mistakes_that_only_the_whole_shows_are_told() {
    mistaken("{ post: /u, limit: 50MiB }", None);
    mistaken("{ post: /u, find: true }", None);
    mistaken("{ post: /u }", Some("limit: how large may a body be?"));
    mistaken("{ get: /u, limit: 1B }", Some("a GET carries no body whose size could be judged"));
    mistaken("{ post: /u, limit: 0 }", Some("limit: expected more than 0"));
    mistaken(
        "{ post: /u, limit: 1MiB, least: 2MiB }",
        Some("limit: 1MiB is less than the 2097152 bytes of the smallest body that is taken"),
    );
    mistaken("{ post: /u, limit: 1MiB, json: { a: 1 } }", Some("the request has a body of its own, and here bodies are made to size"));
    mistaken("{ post: /u, limit: 1MiB, multipart: { a: b } }", Some("multipart: no part is said to be the one that is sized"));
    mistaken("{ post: /u, limit: 1MiB, multipart: { a: b }, field: file }", None);
    mistaken("{ post: /u, limit: 1MiB, refused: 2xx }", Some("refused: 2xx would be an acceptance"));
    mistaken("{ post: /u, limit: 1MiB, type: image }", Some("type: `image` is no media type"));
    mistaken("{ post: /u, limit: 1MiB, framings: [chunked, chunked] }", Some("framings: `chunked` stands twice"));
    mistaken("{ post: /u, http: 2, limit: 1MiB, framings: [tiny-chunks] }", Some("framings: HTTP/2 has no `tiny-chunks`"));
    mistaken("{ post: /u, limit: 1MiB, trace: { get: /t } }", Some("trace: says nothing of the answer"));
    mistaken(
        "{ post: /u, limit: 1MiB, trace: { get: /t, at: $.a, gauges: [b] } }",
        Some("trace: `at` and `gauges` are two ways to read an answer"),
    );
}
