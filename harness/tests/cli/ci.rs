//! What a CI system changes: how a run is shown, and the trace that it belongs to. Never what is judged.

use super::case::{Case, Seen, suite};
use super::server::{Server, reply};

const CHECKS: &str = "- name: it is up\n  http: { get: /up }\n- name: it is there\n  http: { get: /gone }\n";
const GITHUB: (&str, &str) = ("GITHUB_ACTIONS", "true");

/// One check that passes and one that fails.
fn case() -> (Case, Server) {
    let server = Server::start(|came, stream| reply(stream, if came.path() == "/up" { 200 } else { 404 }, "", "::error::forged"));
    (Case::suite(&server.url(), CHECKS), server)
}

fn run(vars: &[(&str, &str)], more: &[&str]) -> (Case, Seen) {
    let (case, _server) = case();
    let seen = case.call_with(vars, &[&["run", "it.suite.yaml"], more].concat()).ends(1);
    (case, seen)
}

#[test]
fn github_gets_annotations_and_a_group_without_being_asked() {
    let (_, seen) = run(&[("CI", "true"), GITHUB], &[]);
    assert_eq!(seen.out.lines().count(), 1, "{}", seen.out);
    assert!(seen.out.starts_with("::error file=it.suite.yaml,line=7,"), "{}", seen.out);
    let lines: Vec<&str> = seen.err.lines().collect();
    let begin = lines.iter().position(|l| *l == "::group::2 checks").expect("a group begins");
    let end = lines.iter().position(|l| *l == "::endgroup::").expect("it ends");
    let inside = &lines[begin + 1..end];
    assert!(
        inside.len() == 2 && inside.iter().any(|l| l.starts_with("PASS")) && inside.iter().any(|l| l.starts_with("FAIL")),
        "{}",
        seen.err
    );
    // What is folded away is told once more below.
    assert!(lines[end..].iter().any(|l| l.starts_with("FAIL")) && lines[end..].last().unwrap().starts_with("NOT CLEAR"), "{}", seen.err);
    assert!(!seen.err.contains("\u{1b}["), "no colour in a log");
}

#[test]
fn what_was_asked_for_on_standard_output_stays_alone_there() {
    let (_, seen) = run(&[GITHUB], &["--report", "json=-"]);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&seen.out).unwrap()["exit"], 1);
    let (case, seen) = run(&[GITHUB], &["--report", "github=g.txt"]);
    assert!(seen.out.is_empty() && case.read("g.txt").starts_with("::error"), "{}", seen.out);
    let (_, seen) = run(&[], &[]);
    assert!(seen.out.is_empty() && !seen.err.contains("::group::"));
}

#[test]
fn the_summary_of_a_step_gets_the_whole_table_behind_what_stands_there() {
    let (case, _server) = case();
    case.write("summary.md", "# theirs\n");
    let path = case.path("summary.md");
    let vars = [GITHUB, ("GITHUB_STEP_SUMMARY", path.to_str().unwrap())];
    case.call_with(&vars, &["run", "it.suite.yaml"]).ends(1);
    let text = case.read("summary.md");
    assert!(text.starts_with("# theirs\n\n## Not clear: fail\n") && text.contains("it is there"), "{text}");
    // Asked for by name, it is a report like any other, and told once.
    case.call_with(&vars, &["run", "it.suite.yaml", "--report", "markdown=./summary.md"]).ends(1);
    assert_eq!(case.read("summary.md").matches("## Not clear").count(), 1);
    // It is theirs: one that cannot be written is told, and nothing else changes.
    let folder = case.folder().to_str().unwrap().to_owned();
    let seen = case.call_with(&[GITHUB, ("GITHUB_STEP_SUMMARY", &folder)], &["run", "it.suite.yaml"]).ends(1);
    seen.tells("notice").tells("was not written");
    case.call_with(&[("GITHUB_STEP_SUMMARY", "elsewhere.md")], &["run", "it.suite.yaml"]).ends(1);
    assert!(!case.has("elsewhere.md"), "only where GitHub runs it");
}

#[test]
fn what_never_started_is_an_annotation_too() {
    let case = Case::new(&[("bad.suite.yaml", "suite: bad\n")]);
    let seen = case.call_with(&[GITHUB], &["run", "bad.suite.yaml"]).ends(2);
    assert!(seen.out.starts_with("::error title=allclear::the run never started%0Abad.suite.yaml:1:1"), "{}", seen.out);
    let seen = case.call_with(&[GITHUB], &["run", "--no-such-flag"]).ends(2);
    assert!(seen.out.starts_with("::error title=allclear::the run never started%0Aerror: unexpected"), "{}", seen.out);
    let seen = case.call_with(&[GITHUB], &["list", "bad.suite.yaml"]).ends(2);
    assert!(seen.out.is_empty(), "{}", seen.out);
    case.call_with(&[GITHUB], &["run", "--dry-run", "bad.suite.yaml"]).ends(2).hides("::error");
}

#[test]
fn gitlab_gets_a_section_that_ends_before_what_went_wrong() {
    let (_, seen) = run(&[("CI", "true"), ("GITLAB_CI", "true")], &[]);
    let (start, rest) = seen.err.split_once("\u{1b}[0Ksection_start:").expect("a section begins");
    let (title, rest) = rest.split_once('\n').unwrap();
    let (time, name) = title.strip_suffix("\r\u{1b}[0K2 checks").expect("it has a title").split_once(':').unwrap();
    assert!(!start.contains('\u{1b}') && time.parse::<u64>().is_ok() && name.starts_with("allclear_01"), "{title}");
    let (inside, after) = rest.split_once("\u{1b}[0Ksection_end:").expect("it ends");
    assert_eq!(inside.lines().count(), 2, "{inside}");
    assert!(after.lines().next().unwrap().ends_with(&format!(":{name}\r\u{1b}[0K")), "{after}");
    assert!(after.contains("http/status") && seen.out.is_empty(), "{after}");
    let (_, seen) = run(&[("GITLAB_CI", "true")], &["-q"]);
    assert!(!seen.err.contains("section_"), "with nothing to fold there is no section");
}

#[test]
fn a_verdict_is_the_same_wherever_it_is_shown() {
    for vars in [&[][..], &[("CI", "true")], &[GITHUB], &[("GITLAB_CI", "true")]] {
        let (case, seen) = run(vars, &["--report", "json=run.json"]);
        let record = case.json("run.json");
        assert_eq!((&record["verdict"], &record["counts"]["passed"]), (&"fail".into(), &1.into()), "{vars:?}");
        assert!(seen.err.lines().last().unwrap().starts_with("NOT CLEAR  verdict=fail exit=1 passed=1 failed=1 "), "{vars:?}");
    }
}

#[test]
fn a_run_is_part_of_the_trace_that_it_is_handed() {
    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    let server = Server::start(|came, stream| {
        let header = format!("traceresponse: {}\r\n", came.header("traceparent").unwrap_or_default());
        reply(stream, if came.path() == "/up" { 200 } else { 404 }, &header, "");
    });
    let checks = format!("{CHECKS}- name: it echoes\n  http: {{ get: /up, echoes: [trace-id] }}\n");
    let case = Case::new(&[("it.suite.yaml", &suite("it", &server.url(), &checks))]);
    let parent = format!("00-{TRACE}-00f067aa0ba902b7-00");
    let seen = case.call_with(&[("TRACEPARENT", &parent)], &["run", "it.suite.yaml"]).ends(1);
    let sent: Vec<String> = server.came().iter().map(|c| c.header("traceparent").unwrap().to_owned()).collect();
    assert!(sent.iter().all(|t| t.starts_with(&format!("00-{TRACE}-")) && t.ends_with("-00")), "{sent:?}");
    let spans: std::collections::BTreeSet<&String> = sent.iter().collect();
    assert!(spans.len() == sent.len() && !sent.contains(&parent), "each is a span of its own: {sent:?}");
    seen.tells(&format!("trace {TRACE}")).hides("TRACEPARENT");
    // Without one each request is a trace of its own; one that is none is told and not used.
    let traces = |value: &str| {
        let before = server.came().len();
        let seen = case.call_with(&[("TRACEPARENT", value)], &["run", "it.suite.yaml"]).ends(1);
        let came = server.came();
        let sent: Vec<&str> = came[before..].iter().map(|c| c.header("traceparent").unwrap().split('-').nth(1).unwrap()).collect();
        assert_eq!(sent.iter().collect::<std::collections::BTreeSet<_>>().len(), sent.len(), "{sent:?}");
        seen
    };
    traces("").hides("TRACEPARENT");
    traces("00-nonsense").tells("TRACEPARENT is ignored: it is no trace parent");
}
