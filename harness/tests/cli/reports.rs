//! Reports: told before the run if they cannot be written, never stale, the same later as at once, and merged from shards.

use super::case::{Case, suite};
use super::server::{Server, reply, until_gone};
use super::signals::{Child, until};

const UP: &str = "- name: it is up\n  http: { get: /up }\n";
const FORMATS: [&str; 6] = ["junit=j.xml", "json=run.json", "jsonl=e.jsonl", "tap=t.tap", "github=g.txt", "markdown=m.md"];

#[test]
fn a_path_that_cannot_be_written_is_3_and_nothing_was_sent() {
    let server = Server::json(200, "{}");
    let case = Case::suite(&server.url(), UP);
    case.write("file", "");
    std::fs::create_dir(case.path("folder")).unwrap();
    for path in ["file/below.xml", "folder", "/proc/nowhere/junit.xml", "/dev/full"] {
        for format in ["junit", "jsonl", "json"] {
            case.call(&["run", "it.suite.yaml", "--report", &format!("{format}={path}")]).ends(3).tells(path);
        }
        let seen = case.call(&["run", "it.suite.yaml", "--report-junit", path]);
        seen.ends(3).tells("cannot be written");
    }
    case.call(&["run", "it.suite.yaml", "--out", "file/below"]).ends(3).tells("file/below");
    assert_eq!(server.dials(), 0);
}

#[test]
fn a_default_report_that_cannot_be_written_is_only_told() {
    let server = Server::json(200, "{}");
    let case = Case::suite(&server.url(), UP);
    case.write("Cargo.lock", "");
    case.write("target", "a file where the folder would be");
    case.call(&["run", "it.suite.yaml"]).ends(0).tells("cannot be written");
}

#[test]
fn default_reports_go_into_a_cargo_workspace_and_nowhere_else() {
    let server = Server::json(200, "{}");
    let case = Case::suite(&server.url(), UP);
    case.call(&["run", "it.suite.yaml"]).ends(0);
    assert_eq!(std::fs::read_dir(case.folder()).unwrap().count(), 1, "nothing is written beside the suite");
    case.write("Cargo.lock", "");
    case.call(&["run", "it.suite.yaml"]).ends(0);
    for name in ["junit.xml", "run.json", "events.jsonl"] {
        assert!(case.has(&format!("target/allclear/{name}")), "{name}");
    }
    case.call(&["run", "it.suite.yaml", "--out", "elsewhere"]).ends(0);
    assert!(case.has("elsewhere/run.json"));
}

#[test]
fn no_stale_green_report_is_left_behind_whatever_ends_the_run() {
    let server = Server::json(200, "{}");
    let case = Case::new(&[("it.suite.yaml", &suite("it", &server.url(), UP)), ("bad.suite.yaml", "suite: bad\n")]);
    let args = |path: &'static str| {
        let mut args = vec!["run", path];
        FORMATS.iter().for_each(|f| args.extend(["--report", f]));
        args
    };
    for (path, code) in [("bad.suite.yaml", 2), ("nowhere", 2), ("empty", 5)] {
        std::fs::create_dir_all(case.path("empty")).unwrap();
        case.call(&args("it.suite.yaml")).ends(0);
        assert!(case.read("j.xml").contains("errors=\"0\""));
        case.call(&args(path)).ends(code);
        for old in ["run.json", "e.jsonl", "t.tap", "g.txt", "m.md"] {
            assert!(!case.has(old), "{old} is stale after {path}");
        }
        let junit = case.read("j.xml");
        assert_eq!((junit.matches("<error").count(), junit.matches("<testcase").count()), (1, 1), "{junit}");
        assert!(junit.contains("errors=\"1\""), "{junit}");
    }
    // The same for reports that are made later.
    case.call(&args("it.suite.yaml")).ends(0);
    case.call(&["report", "nowhere.json", "--report", "junit=j.xml", "--report", "tap=t.tap"])
        .ends(2)
        .tells("nowhere.json: cannot be read");
    assert_eq!(case.read("j.xml").matches("<error").count(), 1);
    assert!(!case.has("t.tap"));
}

/// Reports as a green run would have left them, and files that are none.
fn stale() -> Case {
    let text = suite("it", "http://127.0.0.1:1", UP);
    let case = Case::new(&[("it.suite.yaml", &text), ("vars.txt", "path=up\n"), ("stage.yaml", "environment: stage\n")]);
    for name in ["j.xml", "k.xml", "run.json", "out/junit.xml", "out/run.json", "out/events.jsonl"] {
        case.write(name, "old and green");
    }
    case
}

/// It says in one error that there was no run.
#[track_caller]
fn tells_that_nothing_ran(case: &Case, name: &str, why: &str) {
    let junit = case.read(name);
    assert_eq!((junit.matches("<error").count(), junit.matches("<testcase").count()), (1, 1), "{junit}");
    assert!(junit.contains("errors=\"1\"") && junit.contains(why) && !junit.contains("green"), "{junit}");
}

#[test]
fn a_mistake_on_the_command_line_leaves_no_stale_report() {
    for (args, why) in [
        (&["run", "it.suite.yaml", "--report", "junit=j.xml", "--no-such-flag"][..], "--no-such-flag"),
        (&["run", "it.suite.yaml", "--no-such-flag", "--report", "junit=j.xml"], "--no-such-flag"),
        (&["run", "it.suite.yaml", "--report=junit=j.xml", "--no-such-flag=2"], "--no-such-flag"),
        (&["run", "it.suite.yaml", "--report-junit", "j.xml", "--deadline", "5"], "--deadline"),
        (&["run", "it.suite.yaml", "-j", "0", "--report-junit=j.xml", "--durable"], "--jobs"),
        (&["run", "it.suite.yaml", "--report", "junit=j.xml", "-q", "-v"], "cannot be used with"),
        (&["run", "it.suite.yaml", "--report", "junit=j.xml", "--report"], "--report"),
        (&["run", "it.suite.yaml", "--report", "junit=j.xml", "--report", "pdf=x.pdf"], "expected a report format"),
        (&["run", "it.suite.yaml", "--report", "junit=j.xml", "--report", "json=./j.xml"], "two reports go to"),
        (&["report", "run.json", "--report", "junit=j.xml", "--shards", "many"], "--shards"),
        (&["rum", "it.suite.yaml", "--report", "junit=j.xml"], "rum"),
        (&["--report", "junit=j.xml"], "--report"),
    ] {
        let case = stale();
        case.call(args).ends(2);
        tells_that_nothing_ran(&case, "j.xml", why);
        assert_eq!(case.read("run.json"), "old and green", "{args:?}: nobody asked for this one");
    }
    // A variable that stands for a flag is part of it.
    let case = stale();
    case.call_with(&[("ALLCLEAR_JOBS", "0"), ("ALLCLEAR_OUT", "out")], &[]).ends(2);
    tells_that_nothing_ran(&case, "out/junit.xml", "--jobs");
    assert!(!case.has("out/run.json") && !case.has("out/events.jsonl"));
}

#[test]
fn every_report_of_a_mistaken_command_line_is_new_or_gone() {
    let case = stale();
    let reports = ["--report", "junit=j.xml", "--report=junit=k.xml", "--report", "json=run.json", "--out", "out"];
    case.call(&[&["run", "it.suite.yaml", "--no-such-flag"], &reports[..]].concat()).ends(2);
    for name in ["j.xml", "k.xml", "out/junit.xml"] {
        tells_that_nothing_ran(&case, name, "--no-such-flag");
    }
    assert!(!case.has("run.json") && !case.has("out/run.json") && !case.has("out/events.jsonl"));
    let seen = case.call(&["run", "--no-such-flag", "--report", "junit=-"]).ends(2);
    assert!(seen.out.contains("<error"), "{}", seen.out);
}

#[test]
fn a_mistaken_command_line_touches_nothing_that_is_no_report() {
    let case = stale();
    std::fs::create_dir(case.path("folder")).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink("vars.txt", case.path("link.xml")).unwrap();
    let read: Vec<(&str, String)> = ["it.suite.yaml", "vars.txt", "stage.yaml"].map(|name| (name, case.read(name))).into();
    for report in ["it.suite.yaml", "./it.suite.yaml", "vars.txt", "stage.yaml", "other.env.yml", "folder"] {
        let report = format!("junit={report}");
        let args = ["run", "it.suite.yaml", "--var-file=vars.txt", "-e", "stage.yaml", "--report", &report, "--no-such-flag"];
        case.call(&args).ends(2).tells("--no-such-flag");
    }
    for (name, text) in read {
        assert_eq!(case.read(name), text);
    }
    assert!(case.path("folder").is_dir() && !case.has("other.env.yml"));
    // A link is replaced; what it points at is not touched.
    #[cfg(unix)]
    {
        case.call(&["run", "--report", "junit=link.xml", "--no-such-flag"]).ends(2);
        tells_that_nothing_ran(&case, "link.xml", "--no-such-flag");
        assert_eq!(case.read("vars.txt"), "path=up\n");
    }
    // What is not to be written is not touched: a dry run, another command, the words of another program.
    case.call(&["run", "it.suite.yaml", "--report", "junit=j.xml", "--dry-run", "--no-such-flag"]).ends(2);
    case.call(&["run", "it.suite.yaml", "--report", "junit=j.xml", "--dry-run"]).ends(0);
    case.call(&["lint", "it.suite.yaml", "--report", "junit=j.xml"]).ends(2);
    case.call(&["wait", "--nope", "tcp://127.0.0.1:1", "--", "cmd", "--report", "junit=j.xml"]).ends(2);
    case.call(&["run", "--no-such-flag", "--", "--report", "junit=j.xml"]).ends(2);
    case.call(&["run", "--help", "--report", "junit=j.xml"]).ends(0);
    assert_eq!((case.read("j.xml"), case.read("out/junit.xml")), ("old and green".to_owned(), "old and green".to_owned()));
}

#[test]
fn an_old_report_that_cannot_be_taken_away_is_told() {
    let case = stale();
    std::fs::create_dir(case.path("folder")).unwrap();
    let seen = case.call(&["run", "--no-such-flag", "--report", "junit=folder"]).ends(2);
    seen.tells("--no-such-flag").tells("report folder: cannot be written: it is a folder");
}

#[test]
fn two_reports_to_one_path_are_refused_however_it_is_spelt() {
    let server = Server::json(200, "{}");
    let case = Case::suite(&server.url(), UP);
    std::fs::create_dir(case.path("sub")).unwrap();
    let whole = format!("json={}", case.path("out").display());
    for other in ["json=out", "json=./out", "json=sub/../out", &whole] {
        case.call(&["run", "it.suite.yaml", "--report", "junit=out", "--report", other]).ends(2).tells("two reports go to");
    }
    case.call(&["run", "it.suite.yaml", "--report", "junit=-", "--report", "json=-"]).ends(2).tells("two reports go to standard output");
    case.call(&["run", "it.suite.yaml", "--report", "tap=out", "--report-junit", "out"]).ends(2);
    assert_eq!(server.dials(), 0);
}

#[test]
fn a_report_never_replaces_what_is_read() {
    let server = Server::json(200, "{}");
    let text = suite("it", &server.url(), &UP.replace("/up", "'/${path}'"));
    let case = Case::new(&[("it.suite.yaml", &text), ("vars.txt", "path=up\n"), ("a.env.yaml", "environment: a\n")]);
    for path in ["it.suite.yaml", "./it.suite.yaml", "vars.txt", "a.env.yaml", "other.suite.yml"] {
        let report = format!("json={path}");
        let seen = case.call(&["run", "it.suite.yaml", "--var-file", "vars.txt", "--report", &report]);
        seen.ends(2).tells("this file is read, a report would replace it");
    }
    assert_eq!(case.read("it.suite.yaml"), text);
    case.call(&["run", "it.suite.yaml", "--var-file", "vars.txt", "--report", "json=run.json"]).ends(0);
    case.call(&["report", "run.json", "--report", "junit=run.json"]).ends(2);
    assert_eq!(case.json("run.json")["exit"], 0);
}

#[test]
fn one_report_on_standard_output_is_all_that_stands_there() {
    let server = Server::json(200, "{}");
    let case = Case::suite(&server.url(), UP);
    let seen = case.call(&["run", "it.suite.yaml", "--report", "json=-"]).ends(0);
    let record: serde_json::Value = serde_json::from_str(&seen.out).unwrap();
    assert_eq!(record["verdict"], "pass");
    let seen = case.call(&["run", "it.suite.yaml", "--report", "jsonl=-"]).ends(0);
    assert!(seen.out.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()), "{}", seen.out);
}

/// A run with a verdict of every kind.
fn mixed() -> (Case, Server) {
    let server = Server::start(|came, stream| match came.path() {
        "/up" => reply(stream, 200, "content-type: application/json\r\n", "{\"a\": 1}"),
        "/silent" => until_gone(stream),
        _ => reply(stream, 404, "", "no ]]> <such> & page\u{1b}[31m"),
    });
    let checks = "- name: it is up\n  tags: [smoke]\n  http: { get: /up }\n\
         - name: it is there\n  http: { get: /gone }\n\
         - name: it works\n  needs: it is there\n  http: { get: /work }\n\
         - name: it is nice\n  severity: advisory\n  http: { get: /nice }\n\
         - name: it writes\n  http: { post: /write }\n\
         - name: it answers\n  http: { get: /silent, wait: 1s }\n";
    (Case::suite(&server.url(), checks), server)
}

#[test]
fn a_report_made_later_is_the_one_that_the_run_wrote() {
    let (case, _server) = mixed();
    let mut args = vec!["run", "it.suite.yaml"];
    FORMATS.iter().for_each(|f| args.extend(["--report", f]));
    let told = case.call(&args).ends(1);
    for source in ["run.json", "e.jsonl"] {
        let later: Vec<String> = FORMATS.iter().map(|f| f.replace('=', "=later/")).flat_map(|f| ["--report".to_owned(), f]).collect();
        let mut args = vec!["report", source];
        args.extend(later.iter().map(String::as_str));
        let seen = case.call(&args).ends(1);
        for file in ["j.xml", "run.json", "t.tap", "g.txt", "m.md"] {
            assert_eq!(case.read(file), case.read(&format!("later/{file}")), "{file} made from {source}");
        }
        assert_eq!(seen.err.lines().last(), told.err.lines().last());
        case.call(&["report", "later/e.jsonl"]).ends(1);
    }
}

#[test]
fn a_report_that_cannot_be_written_later_is_3_and_starves_no_other() {
    let server = Server::json(200, "{}");
    let case = Case::suite(&server.url(), UP);
    case.write("file", "");
    case.call(&["run", "it.suite.yaml", "--report", "json=run.json"]).ends(0);
    let seen = case.call(&["report", "run.json", "--report", "tap=file/below.tap", "--report", "junit=j.xml"]);
    seen.ends(3).tells("file/below.tap").tells("exit=3");
    let seen = case.call(&["report", "run.json", "--report", "tap=/dev/full", "--report", "junit=j.xml"]);
    seen.ends(3).tells("/dev/full");
}

#[test]
fn what_is_no_record_is_2() {
    let case = Case::new(&[("a.json", "{}"), ("b.json", "not json"), ("c.jsonl", "{\"stream\":\"allclear\",\"format\":1}\n")]);
    case.call(&["report", "a.json"]).ends(2).tells("a.json: it is not a record");
    case.call(&["report", "b.json"]).ends(2).tells("b.json: it is not JSON");
    case.call(&["report", "c.jsonl"]).ends(2).tells("c.jsonl: it is not a record of allclear: the run never started");
    case.call(&["report"]).ends(2);
}

#[test]
fn a_killed_run_can_be_told_and_does_not_pass() {
    let server = Server::start(|came, stream| if came.path() == "/up" { reply(stream, 200, "", "") } else { until_gone(stream) });
    let case = Case::suite(&server.url(), &format!("{UP}- name: it hangs\n  needs: it is up\n  http: {{ get: /hangs, wait: 25s }}\n"));
    let child = Child::start(case.command(&["run", "it.suite.yaml", "--report", "jsonl=e.jsonl"]));
    until("the second check starts", || case.has("e.jsonl") && case.read("e.jsonl").matches("check-started").count() == 2);
    child.kill();
    let seen = case.call(&["report", "e.jsonl", "--report", "junit=j.xml"]);
    seen.ends(4).tells("killed").tells("it was running when the run was killed").tells("passed=1 failed=0 unsure=1");
    assert_eq!(case.read("j.xml").matches("<testcase").count() - case.read("j.xml").matches("<error").count(), 1);
}

#[test]
fn shards_are_merged_and_a_missing_one_is_4() {
    let server = Server::json(200, "{}");
    let checks: String = "- name: the gate\n  gate: true\n  http: { get: /gate }\n".to_owned()
        + &["a", "b", "c", "d", "e"].map(|n| format!("- name: it is {n}\n  http: {{ get: /{n} }}\n")).concat();
    let case = Case::suite(&server.url(), &checks);
    let names = ["1", "2", "3"];
    for part in names {
        let (shard, report) = (format!("{part}/3"), format!("json={part}.json"));
        case.call(&["run", "it.suite.yaml", "--shard", &shard, "--report", &report]).ends(0);
    }
    // The gate stands in every shard; each other check in one.
    assert_eq!(server.came().iter().filter(|c| c.path() == "/gate").count(), 3);
    assert_eq!(server.came().iter().filter(|c| c.path() == "/c").count(), 1);
    let seen = case.call(&["report", "1.json", "2.json", "3.json", "--report", "json=all.json"]);
    seen.ends(0).tells("verdict=pass exit=0 passed=6 ");
    assert_eq!(case.json("all.json")["checks"].as_array().unwrap().len(), 6);
    case.call(&["report", "all.json"]).ends(0);
    case.call(&["report", "1.json", "3.json"]).ends(4).tells("shard 2/3 is missing").tells("verdict=inconclusive exit=4");
    case.call(&["report", "1.json", "--shards", "3"]).ends(4).tells("shard 3/3 is missing");
    case.call(&["report", "1.json", "2.json", "--report", "json=two.json", "--report", "junit=two.xml"]).ends(4);
    case.call(&["report", "two.json"]).ends(4).tells("shard 3/3 is missing");
    assert!(case.read("two.xml").contains("shard 3/3 is missing"));
    case.call(&["report", "1.json", "1.json"]).ends(2).tells("two of them are shard 1/3");
    case.call(&["report", "1.json", "2.json", "3.json", "--shards", "4"]).ends(2);
    case.call(&["run", "it.suite.yaml", "--shard", "1/2", "--report", "json=half.json"]).ends(0);
    case.call(&["report", "1.json", "half.json"]).ends(2).tells("different splits");
}

#[test]
fn a_broken_shard_is_a_broken_run_even_with_one_missing() {
    let server = Server::start(|came, stream| reply(stream, if came.path() == "/b" { 404 } else { 200 }, "", ""));
    let checks = ["a", "b", "c"].map(|n| format!("- name: it is {n}\n  http: {{ get: /{n} }}\n")).concat();
    let case = Case::suite(&server.url(), &checks);
    let mut codes = Vec::new();
    for part in 1..=3 {
        codes.push(case.call(&["run", "it.suite.yaml", "--shard", &format!("{part}/3"), "--report", &format!("json={part}.json")]).code);
    }
    let broken = codes.iter().position(|c| *c == Some(1)).expect("one of them is broken") + 1;
    let other = broken % 3 + 1;
    case.call(&["report", &format!("{broken}.json"), &format!("{other}.json")]).ends(1).tells("is missing");
}

#[test]
fn what_is_advised_is_told_everywhere_and_changes_no_verdict() {
    // Ready only after two seconds of looks, though real requests work from the first moment on.
    let looks = std::sync::atomic::AtomicUsize::new(0);
    let server = Server::start(move |came, stream| {
        let is_early = came.path() == "/ready" && looks.fetch_add(1, std::sync::atomic::Ordering::SeqCst) < 40;
        reply(stream, if is_early { 503 } else { 200 }, "content-type: application/json\r\n", "{}");
    });
    let case = Case::suite(&server.url(), "- name: it is ready\n  ready: { get: /ready, within: 60s, real: { get: /jobs } }\n");
    let seen = case.call(&["run", "it.suite.yaml", "--report", "json=run.json", "--report", "junit=junit.xml"]).ends(0);
    let advice = "advisory: ready/truthful: over-strict: not ready, yet GET /jobs worked";
    seen.tells(advice).tells("before it was ready").tells("passed=1 ");
    assert!(case.json("run.json")["checks"][0]["notes"][0].as_str().is_some_and(|note| note.starts_with(advice)));
    assert!(case.read("junit.xml").contains(advice));
}
