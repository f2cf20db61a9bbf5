//! Exit codes: each by a situation that really leads to it, and which one wins when several hold.

use super::case::{Case, Seen, suite};
use super::program::free_port;
use super::server::{Server, reply, until_gone};
use super::signals::{Child, signal, until};
use std::io::Write as _;
use std::time::{Duration, Instant};

const UP: &str = "- name: it is up\n  http: { get: /up }\n";

#[test]
fn a_service_that_keeps_its_contract_is_0() {
    let server = Server::json(200, "{}");
    let case = Case::suite(&server.url(), UP);
    case.call(&["run", "it.suite.yaml"]).ends(0).tells("CLEAR  verdict=pass exit=0 passed=1 ");
    assert_eq!(server.came()[0].line(), "GET /up");
}

#[test]
fn a_broken_contract_is_1_whatever_else_holds() {
    let server = Server::start(|came, stream| if came.path() == "/silent" { until_gone(stream) } else { reply(stream, 404, "", "") });
    let case = Case::suite(
        &server.url(),
        "- name: it is up\n  http: { get: /up }\n\
         - name: it answers\n  http: { get: /silent, wait: 20s }\n\
         - name: a write\n  http: { post: /write }\n",
    );
    let seen = case.call(&["run", "it.suite.yaml", "--deadline", "1s", "--deny-skips"]);
    seen.ends(1).tells("NOT CLEAR  verdict=fail exit=1 passed=0 failed=1 unsure=2 ");
}

#[test]
fn a_service_that_is_not_there_is_1_and_not_unknown() {
    let case = Case::suite(&format!("http://127.0.0.1:{}", free_port()), UP);
    case.call(&["run", "it.suite.yaml"]).ends(1).tells("refused");
}

#[test]
fn what_never_started_is_2_and_sends_nothing() {
    let server = Server::json(200, "{}");
    let case = Case::new(&[("it.suite.yaml", &suite("it", &server.url(), UP)), ("bad.suite.yaml", "suite: bad\nchekcs: []\n")]);
    for (args, told) in [
        (&["run", "."][..], "bad.suite.yaml:2:1"),
        (&["run", "it.suite.yaml", "nowhere.suite.yaml"], "no such file or folder"),
        (&["run", "it.suite.yaml", "--env", "stage"], "there is no environment `stage`"),
        (&["run", "it.suite.yaml", "--var", "nope=1"], "no suite uses `${nope}`"),
        (&["run", "it.suite.yaml", "--var", "nope"], "expected NAME=VALUE"),
        (&["run", "it.suite.yaml", "--shard", "3/2"], "expected a part of a whole such as 1/3, got `3/2`"),
        (&["run", "it.suite.yaml", "--report", "pdf=x.pdf"], "expected a report format"),
        (&["run", "it.suite.yaml", "--report", "junit"], "expected FORMAT=PATH"),
        (&["run", "it.suite.yaml", "--report", "junit="], "the path is empty"),
        (&["run", "it.suite.yaml", "--deadline", "5"], "5"),
        (&["run", "it.suite.yaml", "-j", "0"], "0"),
        (&["run", "it.suite.yaml", "--fail-fst"], "--fail-fast"),
        (&["run", "it.suite.yaml", "-q", "-v"], "cannot be used with"),
        (&["run", "it.suite.yaml", "--service-arg=--defect=x"], "starts no embedded service"),
        (&["rum"], "run"),
    ] {
        case.call(args).ends(2).tells(told);
    }
    assert_eq!(server.dials(), 0);
}

#[test]
fn nothing_to_judge_is_5_with_its_reason() {
    let server = Server::json(200, "{}");
    let case = Case::suite(&server.url(), UP);
    std::fs::create_dir(case.path("empty")).unwrap();
    case.call(&["run", "empty"]).ends(5).tells("the folder is empty");
    case.call(&["run", "it.suite.yaml", "--filter", "nothing like it"]).ends(5).tells("none of the 1 checks matches");
    case.call(&["run", "it.suite.yaml", "--tag", "smoke"]).ends(5).tells("no check has this tag");
    case.call(&["run", "it.suite.yaml", "--dry-run", "--filter", "nothing like it"]).ends(5);
    case.call(&["list", "it.suite.yaml", "--filter", "nothing like it"]).ends(5);
    case.call(&["lint", "empty"]).ends(2).tells("the folder is empty");
    assert_eq!(server.dials(), 0);
}

#[test]
fn all_skipped_is_5_and_denied_skips_are_4() {
    let server = Server::json(200, "{}");
    let case = Case::suite(&server.url(), "- name: it writes\n  http: { post: /jobs, json: {} }\n");
    let seen = case.call(&["run", "it.suite.yaml"]);
    seen.ends(5).tells("NOT CLEAR  verdict=nothing-judged exit=5").tells("without an environment file nothing above `read` is allowed");
    let seen = case.call(&["run", "it.suite.yaml", "--deny-skips"]);
    seen.ends(4).tells("verdict=inconclusive exit=4").tells("nothing above `read`");
    assert_eq!(server.dials(), 0);
}

#[test]
fn a_clause_that_may_not_be_judged_here_is_told_and_denied_it_is_4() {
    let server = Server::start(|_, stream| reply(stream, 200, "cache-control: no-store\r\n", ""));
    let case = Case::suite(&server.url(), "- name: it is up\n  health: { get: /up, independent-of: [db], outage: 1s }\n");
    case.call(&["run", "it.suite.yaml"]).ends(0).tells("1 clause was not judged: -v says which and why");
    case.call(&["run", "it.suite.yaml", "-v"]).ends(0).tells("health/independent   without an environment file");
    case.call(&["run", "it.suite.yaml", "--deny-skips"]).ends(4).tells("verdict=inconclusive");
}

#[test]
fn advisory_only_is_5_passed_or_not() {
    for status in [200, 404] {
        let server = Server::json(status, "{}");
        let case = Case::suite(&server.url(), "- name: it is up\n  severity: advisory\n  http: { get: /up }\n");
        case.call(&["run", "it.suite.yaml"]).ends(5).tells("verdict=nothing-judged");
    }
}

#[test]
fn an_advisory_check_beside_a_required_one_never_is_the_exit_code() {
    let server = Server::start(|came, stream| reply(stream, if came.path() == "/up" { 200 } else { 404 }, "", ""));
    let case = Case::suite(&server.url(), &format!("{UP}- name: it is nice\n  severity: advisory\n  http: {{ get: /nice }}\n"));
    case.call(&["run", "it.suite.yaml"]).ends(0).tells("NOTE").tells("advisory=1");
}

#[test]
fn what_could_not_be_told_is_4() {
    // Bad once in twenty: seen by the first look, and too rare for a verdict.
    let nth = std::sync::atomic::AtomicUsize::new(0);
    let server = Server::start(move |_, stream| {
        let bad = nth.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0;
        reply(stream, if bad { 503 } else { 200 }, "", "");
    });
    let case = Case::suite(&server.url(), UP);
    case.call(&["run", "it.suite.yaml"]).ends(4).tells("verdict=inconclusive exit=4").tells("intermittent (1 of 6");
}

#[test]
fn fewer_clauses_than_expected_is_4() {
    let server = Server::json(200, "{}");
    let text = format!("expect-clauses: 9\n{}", suite("it", &server.url(), UP));
    let case = Case::new(&[("it.suite.yaml", &text)]);
    case.call(&["run", "it.suite.yaml"]).ends(4).tells("shrunk");
    case.call(&["run", "it.suite.yaml", "--filter", "up"]).ends(0);
}

#[test]
fn what_is_blocked_counts_as_its_root() {
    let server = Server::json(404, "{}");
    let case = Case::suite(&server.url(), &format!("{UP}- name: it works\n  needs: it is up\n  http: {{ get: /work }}\n"));
    case.call(&["run", "it.suite.yaml"]).ends(1).tells("failed=1 unsure=0 errors=0 blocked=1");
    assert!(server.came().iter().all(|c| c.path() == "/up"), "what is blocked sends nothing");
}

#[test]
fn a_machine_at_its_limits_is_3_and_not_the_services_fault() {
    // Nobody is answered before four are there, and this machine has descriptors for fewer.
    let server = Server::start(|_, stream| until_gone(stream));
    let checks: String = (0..40).map(|n| format!("- name: it is {n}\n  http: {{ get: /{n}, wait: 2s }}\n")).collect();
    let case = Case::suite(&server.url(), &checks);
    let command = format!("ulimit -n 16; exec '{}' run it.suite.yaml -j 64 --deadline 1s", env!("CARGO_BIN_EXE_allclear"));
    let output = std::process::Command::new("sh").current_dir(case.folder()).args(["-c", &command]).output().unwrap();
    Seen::from(output).ends(3).tells("this machine has no file descriptor left (raise `ulimit -n`").tells("failed=0");
}

#[test]
fn checking_ends_at_the_deadline_whatever_a_server_does() {
    let silent = Server::silent();
    let endless = Server::start(|_, stream| {
        let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        let mut going = stream.write_all(head).is_ok();
        while going {
            going = stream.write_all(b"1\r\nx\r\n").is_ok();
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    let slow_head = Server::start(|_, stream| {
        let mut going = stream.write_all(b"HTTP/1.1 200 OK\r\n").is_ok();
        while going {
            going = stream.write_all(b"x: y\r\n").is_ok();
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    let deaf = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let deaf_url = format!("http://{}", deaf.local_addr().unwrap());
    for url in [silent.url(), endless.url(), slow_head.url(), deaf_url] {
        let case = Case::suite(
            &url,
            "- name: one\n  http: { get: /a, wait: 25s }\n\
             - name: two\n  needs: one\n  http: { get: /b }\n\
             - name: three\n  ready: { get: /c, within: 25s }\n\
             - name: four\n  health: { get: /d }\n\
             - name: five\n  eventually: 25s\n  http: { get: /e }\n",
        );
        let began = Instant::now();
        let seen = case.call(&["run", "it.suite.yaml", "--deadline", "1s", "--report", "json=run.json", "--report", "junit=junit.xml"]);
        let took = began.elapsed();
        seen.ends(4).tells("the run's deadline came").tells("passed=0 failed=0 unsure=");
        // The promise is 1 s after the deadline; the rest is room for a busy machine.
        assert!(took < Duration::from_secs(6), "{took:?}");
        let record = case.json("run.json");
        assert_eq!(record["end"]["out_of_time"], true);
        assert_eq!(record["checks"].as_array().unwrap().len(), 5);
        assert!(case.read("junit.xml").contains("<error"));
    }
}

#[test]
fn an_interrupted_run_writes_every_report_and_is_130_or_143() {
    for (name, code) in [("INT", 130), ("TERM", 143)] {
        let server = Server::start(|came, stream| if came.path() == "/up" { reply(stream, 404, "", "") } else { until_gone(stream) });
        let case = Case::suite(
            &server.url(),
            "- name: it hangs\n  http: { get: /hangs, wait: 25s }\n\
             - name: it is behind\n  needs: it hangs\n  http: { get: /behind }\n",
        );
        let formats = ["junit=j.xml", "json=run.json", "jsonl=e.jsonl", "tap=t.tap", "github=g.txt", "markdown=m.md"];
        let mut args = vec!["run", "it.suite.yaml"];
        formats.iter().for_each(|f| args.extend(["--report", f]));
        let child = Child::start(case.command(&args));
        server.wait_for_one();
        signal(child.id(), name);
        let seen = child.ends();
        let seen = seen.ends(code).tells(&format!("by SIG{name}")).tells(&format!("verdict=interrupted exit={code}"));
        assert!(seen.err.contains("unsure=") && !seen.err.contains("panic"));
        let junit = case.read("j.xml");
        assert_eq!(junit.matches("<error").count(), 2, "{junit}");
        assert_eq!(case.json("run.json")["exit"], code);
        for file in ["e.jsonl", "t.tap", "g.txt", "m.md"] {
            assert!(case.has(file), "{file}");
        }
        // What the stream tells later is the same.
        case.call(&["report", "e.jsonl"]).ends(code);
    }
}

#[test]
fn an_interrupt_wins_over_a_broken_contract() {
    let server = Server::start(|came, stream| if came.path() == "/up" { reply(stream, 404, "", "") } else { until_gone(stream) });
    let case = Case::suite(&server.url(), &format!("{UP}- name: it hangs\n  http: {{ get: /hangs, wait: 25s }}\n"));
    let child = Child::start(case.command(&["run", "it.suite.yaml", "--report", "jsonl=e.jsonl"]));
    until("one check is broken", || case.has("e.jsonl") && case.read("e.jsonl").contains("\"verdict\":\"fail\""));
    signal(child.id(), "INT");
    child.ends().ends(130).tells("verdict=interrupted exit=130 passed=0 failed=1 ");
}

#[test]
fn a_second_signal_ends_a_run_at_once() {
    // The clean-up hangs, so the first signal alone would take as long as undoing may.
    let server = Server::start(|came, stream| match came.path() {
        "/made" => reply(stream, 200, "content-type: application/json\r\n", "{\"id\": \"7\"}"),
        _ => until_gone(stream),
    });
    let case = Case::new(&[
        (
            "it.suite.yaml",
            &suite(
                "it",
                &server.url(),
                "- name: it makes one\n  http: { post: /made, capture: { made: $.id } }\n  cleanup: [{ delete: '/made/${made}' }]\n\
                 - name: it hangs\n  needs: it makes one\n  http: { get: /hangs, wait: 25s }\n",
            ),
        ),
        ("here.env.yaml", "environment: here\nallows: write\nhosts: [127.0.0.1]\n"),
    ]);
    let child = Child::start(case.command(&["run", "it.suite.yaml", "--env", "here.env.yaml"]));
    server.wait_for_one();
    server.wait_for_one();
    signal(child.id(), "INT");
    server.wait_for_one();
    assert_eq!(server.came().last().unwrap().line(), "DELETE /made/7");
    let began = Instant::now();
    signal(child.id(), "INT");
    child.ends().ends(130);
    // Undoing may take 20 s.
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

#[test]
fn the_table_of_exit_codes_is_printed() {
    let seen = Case::new(&[]).call(&["explain", "exit-codes"]).ends(0);
    for row in ["    0  clear", "    1  a contract", "    2  never started", "    3  the harness", "    4  could not", "    5  nothing"] {
        assert!(seen.out.contains(row), "{row}");
    }
    seen.prints("130  interrupted by SIGINT; 143: by SIGTERM").prints("When several hold: 130 or 143, then 1, 3, 4, 5.");
}

#[test]
fn what_a_check_needs_of_this_machine_is_told_before_anything_is_sent() {
    let server = Server::json(200, "{}");
    let many = "- name: many watch\n  sse:\n    get: /events\n    fan-out: 400\n    drive: { post: /jobs, id: $.id }\n    identify: { job: $.job }\n";
    let case = Case::suite(&server.url(), &format!("{UP}{many}"));
    case.write("environments/local.env.yaml", "environment: local\nallows: load\nhosts: [127.0.0.1]\n");
    let run_in = |limit: &str, what: &str| {
        let command = format!("ulimit {limit}; exec '{}' run it.suite.yaml {what}", env!("CARGO_BIN_EXE_allclear"));
        Seen::from(std::process::Command::new("sh").current_dir(case.folder()).args(["-c", &command]).output().unwrap())
    };
    const NEED: &str = "`fan-out`: 464 connections at once need ";
    const WAY_OUT: &str = " open files, and this machine allows 300: raise `ulimit -n`, or ask for fewer";
    let run = |what: &str| run_in("-n 300", what);
    let planned = run("--dry-run").ends(0).out;
    assert!(planned.contains(NEED) && planned.contains(&format!("{WAY_OUT}; this check is not carried out")), "{planned}");
    assert!(server.came().is_empty(), "nothing was sent");
    let seen = run("").ends(3).tells(NEED).tells(WAY_OUT).tells("passed=1 failed=0 unsure=0 errors=1");
    let place = seen.err.find("it.suite.yaml:").expect("the key has a place");
    assert!(place < seen.err.find("it is up").unwrap_or(usize::MAX), "it is told before the first check: {}", seen.err);
    assert!(server.came().iter().all(|c| c.path() == "/up"), "what cannot be had is not begun");
    run_in("-Hn 700 && ulimit -Sn 64", "--dry-run").ends(0).hides("open files");
}
