//! Whatever a service sends in place of an event stream is named in a finding, and the run goes on.

use super::case::{Case, suite};
use super::server::{Came, Server, reply, until_gone};
use std::io::Write as _;
use std::net::TcpStream;
use std::time::Duration;

/// Each bad answer by its path, with what its finding says.
const BAD: &[(&str, &str)] = &[
    ("html", "200 text/html"),
    ("json", "200 application/json"),
    ("untyped", "200 without a content type"),
    ("empty", "204 without a body, which tells a client never to come back"),
    ("moved", "302 without a body, a redirect to /login"),
    ("stranger", "401 {\"error\":\"no token\"}"),
    ("down", "503 {\"status\":\"down\"}"),
    ("created", "201"),
    ("not-http", "does not begin with an HTTP status line"),
    ("gone", "closed"),
    ("latin", "bytes that are not UTF-8 at byte 9"),
    ("reset", "reset"),
    ("endless", "the line at byte 0 goes on beyond 1114112 bytes"),
    ("hammer", "`retry: 0`"),
];

fn answer(came: &Came, stream: &mut TcpStream) {
    const STREAM: &[u8] = b"HTTP/1.1 200 X\r\ncontent-type: text/event-stream\r\n\r\n";
    let mut say = |bytes: &[u8]| stream.write_all(bytes).is_ok();
    match came.path().trim_start_matches('/') {
        "html" => reply(stream, 200, "content-type: text/html\r\n", "<html>Please log in</html>"),
        "json" => reply(stream, 200, "content-type: application/json\r\n", "{}"),
        "untyped" => reply(stream, 200, "", "data: x\n\n"),
        "empty" => _ = say(b"HTTP/1.1 204 X\r\nconnection: close\r\n\r\n"),
        "moved" => reply(stream, 302, "location: /login\r\n", ""),
        "stranger" => reply(stream, 401, "content-type: application/json\r\n", r#"{"error":"no token"}"#),
        "down" => reply(stream, 503, "content-type: application/json\r\n", r#"{"status":"down"}"#),
        "created" => reply(stream, 201, "content-type: text/event-stream\r\n", "data: x\n\n"),
        "not-http" => _ = say(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"),
        "gone" => {}
        "latin" => {
            say(STREAM);
            say(b"data: caf\xe9\n\n");
            until_gone(stream);
        }
        "reset" => {
            say(STREAM);
            say(b": hello\n\ndata: ha");
            std::thread::sleep(Duration::from_millis(50));
            socket2::SockRef::from(&*stream).set_linger(Some(Duration::ZERO)).expect("a connected socket takes options");
        }
        "endless" => {
            say(STREAM);
            say(b"data: ");
            // Twice what is read of a line, and more than the sockets hold.
            for _ in 0..(32 << 4) {
                if !say(&[b'x'; 1 << 16]) {
                    break;
                }
            }
        }
        "hammer" => {
            say(STREAM);
            say(b"retry: 0\n\ndata: x\n\n");
            until_gone(stream);
        }
        "quiet" => {
            say(STREAM);
            until_gone(stream);
        }
        _ => {
            say(STREAM);
            say(b": hello\n\ndata: x\n\n");
            until_gone(stream);
        }
    }
}

#[test]
fn what_is_no_stream_is_named_in_a_finding_and_the_run_goes_on() {
    let server = Server::start(answer);
    let paths = BAD.iter().map(|(path, _)| *path).chain(["good"]);
    let checks: String = paths.map(|path| format!("- name: {path}\n  sse: {{ get: /{path}, open-within: 5s }}\n")).collect();
    let case = Case::suite(&server.url(), &checks);
    case.call(&["run", "it.suite.yaml", "--report", "json=run.json"]).ends(1);
    let record = case.json("run.json");
    let checks = record["checks"].as_array().expect("a record has checks");
    let of = |name: &str| {
        let check = checks.iter().find(|c| c["check"]["name"] == name).unwrap_or_else(|| panic!("{name}: {record:#}"));
        check["clauses"].as_array().expect("a check has clauses").clone()
    };
    for (name, text) in BAD {
        let clauses = of(name);
        let broken: Vec<String> = clauses
            .iter()
            .filter(|c| c["verdict"] == "broken")
            .map(|c| c["finding"]["observed"].to_string().replace("\\\"", "\""))
            .collect();
        assert!(broken.iter().any(|observed| observed.contains(text)), "{name}: expected {text} in {broken:#?}; {clauses:#?}");
    }
    assert!(of("good").iter().all(|c| c["verdict"] == "held"), "{:#?}", of("good"));
}

#[test]
fn a_quiet_stream_is_healthy_also_where_skips_are_denied_and_its_bytes_do_not_count() {
    let server = Server::start(answer);
    let checks = "- name: it opens\n  sse: { get: /quiet, open-within: 5s }\n";
    let case = Case::suite(&server.url(), checks);
    let seen = case.call(&["run", "it.suite.yaml", "--deny-skips", "-v"]);
    seen.ends(0).tells("the stream was silent, so there was nothing to read");
    for (expected, code) in [(2, 0), (3, 4)] {
        let text = format!("expect-clauses: {expected}\n{}", suite("it", &server.url(), checks));
        Case::new(&[("it.suite.yaml", &text)]).call(&["run", "it.suite.yaml"]).ends(code);
    }
}
