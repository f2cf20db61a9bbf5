//! Odd surroundings: no terminal, no colour, no reader, arguments that are no text, and numbers that are too large.

use super::case::Case;
use super::server::Server;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::process::Stdio;

const UP: &str = "- name: it is up\n  http: { get: /up }\n";

#[test]
fn off_a_terminal_there_is_no_colour_and_no_motion() {
    let server = Server::json(404, "{}");
    let case = Case::suite(&server.url(), UP);
    for vars in [&[][..], &[("TERM", "xterm-256color"), ("CI", "true")]] {
        let seen = case.call_with(vars, &["run", "it.suite.yaml"]).ends(1);
        assert!(seen.err.starts_with(&format!("allclear {}   127.0.0.1:", env!("CARGO_PKG_VERSION"))), "{}", seen.err);
        assert!(!seen.err.contains('\u{1b}') && !seen.err.contains('\r'), "{:?}", seen.err);
        assert_eq!(seen.out, "");
        assert!(seen.err.lines().last().unwrap().starts_with("NOT CLEAR  verdict=fail exit=1 "));
    }
}

#[test]
fn colour_comes_when_it_is_asked_for_and_no_color_wins_over_a_guess_only() {
    let server = Server::json(200, "{}");
    let case = Case::suite(&server.url(), UP);
    let has_colour = |vars: &[(&str, &str)], args: &[&str]| {
        let args: Vec<&str> = ["run", "it.suite.yaml"].iter().chain(args).copied().collect();
        case.call_with(vars, &args).ends(0).err.contains('\u{1b}')
    };
    assert!(has_colour(&[], &["--color", "always"]));
    assert!(has_colour(&[("NO_COLOR", "1")], &["--color", "always"]));
    assert!(has_colour(&[("ALLCLEAR_COLOR", "always")], &[]));
    assert!(!has_colour(&[("ALLCLEAR_COLOR", "always")], &["--color", "never"]));
    assert!(!has_colour(&[("NO_COLOR", "1")], &[]));
    assert!(!has_colour(&[], &["--color", "auto"]));
}

#[test]
fn a_reader_that_goes_away_is_no_panic() {
    let server = Server::json(200, "{}");
    let case = Case::suite(&server.url(), &(0..500).map(|n| format!("- name: it is {n}\n  http: {{ get: /{n} }}\n")).collect::<String>());
    for args in [
        &["list", "it.suite.yaml"][..],
        &["explain"],
        &["schema"],
        &["completions", "bash"],
        &["--help"],
        &["run", "it.suite.yaml", "--report", "json=-"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = case.command(args).stdout(writer).stderr(Stdio::piped()).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{args:?}: {told}");
        assert!(!told.contains("panic") && !told.contains("internal error"), "{told}");
    }
    // And one of standard error.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = case.command(&["run", "it.suite.yaml", "--report", "json=run.json"]).stderr(writer).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(case.json("run.json")["verdict"], "pass");
}

#[test]
fn a_full_disk_behind_standard_output_is_3() {
    let case = Case::new(&[]);
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = case.command(&["explain"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("standard output"));
}

#[test]
fn arguments_that_are_no_text_are_told_and_paths_may_be_any_bytes() {
    let server = Server::json(200, "{}");
    let case = Case::suite(&server.url(), UP);
    let odd = OsStr::from_bytes(b"odd-\xff.suite.yaml");
    std::fs::copy(case.path("it.suite.yaml"), case.folder().join(odd)).unwrap();
    let report = OsStr::from_bytes(b"j-\xff.xml");
    let output = case.command(&["run"]).arg(odd).arg("--report-junit").arg(report).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(case.folder().join(report).exists(), "the report lies where it was asked for");
    for flag in ["--tag", "--env", "--var", "--report"] {
        let output = case.command(&["run", "it.suite.yaml", flag]).arg(OsStr::from_bytes(b"\xff")).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{flag}");
        assert!(!String::from_utf8_lossy(&output.stderr).contains("internal error"));
    }
    let output = case.command(&[]).arg(OsStr::from_bytes(b"\xff")).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn huge_numbers_are_taken_or_told() {
    let server = Server::json(200, "{}");
    let case = Case::suite(&server.url(), UP);
    case.call(&["run", "it.suite.yaml", "-j", "18446744073709551615"]).ends(0);
    case.call(&["run", "it.suite.yaml", "-j", "99999999999999999999999"]).ends(2);
    case.call(&["run", "it.suite.yaml", "--deadline", "8760h"]).ends(0);
    case.call(&["run", "it.suite.yaml", "--shard", "1/4294967295"]).hides("internal error");
    case.call(&["run", "it.suite.yaml", "--shard", "1/99999999999999999999"]).ends(2);
    case.call(&["wait", &server.url(), "--timeout", "8760h"]).ends(0);
    case.call(&["run", "it.suite.yaml", "--deadline", "0s"]).hides("internal error");
}

#[test]
fn text_of_a_service_cannot_act_on_a_terminal_or_a_workflow() {
    let server = Server::start(|_, stream| {
        super::server::reply(stream, 404, "x: \u{9b}31m\r\n", "\u{1b}]0;owned\u{7}\n::error::owned\n##vso[task]\r\u{202e}x")
    });
    let case = Case::suite(&server.url(), "- name: \"it is \\e[31m up\"\n  http: { get: /up, expect: { body: { contains: fine } } }\n");
    for format in ["github", "tap", "markdown", "json", "jsonl"] {
        let seen = case.call(&["run", "it.suite.yaml", "-v", "--report", &format!("{format}=-")]);
        for text in [&seen.out, &seen.err] {
            assert!(!text.contains('\u{1b}') && !text.contains('\u{9b}') && !text.contains('\u{202e}') && !text.contains('\r'), "{text:?}");
            let foreign = text.lines().find(|l| l.trim_start().starts_with("::error::owned") || l.trim_start().starts_with("##vso"));
            assert_eq!(foreign, None);
        }
    }
}

#[test]
fn quiet_says_what_did_not_pass_and_the_last_line() {
    let server = Server::json(200, "{}");
    let case = Case::suite(&server.url(), UP);
    let seen = case.call(&["run", "it.suite.yaml", "-q"]).ends(0);
    assert_eq!(seen.err.lines().count(), 1, "{}", seen.err);
    assert!(seen.err.starts_with("CLEAR  verdict=pass exit=0"));
    let verbose = case.call(&["run", "it.suite.yaml", "-v"]).ends(0);
    assert!(verbose.err.contains("http/status, 1 observation"), "{}", verbose.err);
}
