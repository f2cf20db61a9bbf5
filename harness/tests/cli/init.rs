//! `allclear init`: what it writes is what was seen, it holds for that service and fails for a broken one, and it never harms a file.

use super::case::{Case, Seen};
use super::program::{Reference, free_port};
use super::server::{Server, reply, until_gone};
use super::signals::{Child, signal};

const JSON: &str = "content-type: application/json\r\n";

/// The reference service.
fn reference(args: &[&str]) -> (Reference, String) {
    let reference = Reference::start(args).expect("the reference service starts");
    let url = format!("http://{}", reference.address);
    (reference, url)
}

/// A server that answers these paths by 200 and this JSON, and everything else by 404.
fn service(paths: &'static [(&'static str, &'static str)]) -> Server {
    Server::start(move |came, stream| match paths.iter().find(|(path, _)| *path == came.path()) {
        Some((_, body)) => reply(stream, 200, JSON, body),
        None => reply(stream, 404, JSON, "{}"),
    })
}

fn init(case: &Case, args: &[&str]) -> Seen {
    let args: Vec<&str> = ["init"].iter().chain(args).copied().collect();
    case.call(&args)
}

/// The files in the folder, by their paths.
fn files(case: &Case) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![case.folder().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(case.folder()).unwrap().display().to_string());
            }
        }
    }
    found.sort();
    found
}

/// Nothing was written, for this reason.
#[track_caller]
fn refused(args: &[&str], code: i32, told: &[&str]) {
    let case = Case::new(&[]);
    let mut seen = init(&case, args).ends(code);
    for text in told {
        seen = seen.tells(text);
    }
    assert_eq!(files(&case), Vec::<String>::new());
    assert!(!case.has("suites"), "an empty folder was left");
}

#[test]
fn what_is_written_lints_passes_and_fails_for_a_service_that_is_broken() {
    let (first, url) = reference(&["--git-sha", "3f9c2ab"]);
    let case = Case::new(&[]);
    let seen = init(&case, &[&url, "--name", "shop"]).ends(0);
    seen.tells("/health").tells("/ready").tells("/version").tells("/metrics").tells("next   allclear run suites/shop.suite.yaml -e shop");
    assert_eq!(
        files(&case),
        ["suites/environment.schema.json", "suites/environments/shop.env.yaml", "suites/shop.suite.yaml", "suites/suite.schema.json"]
    );
    let suite = case.read("suites/shop.suite.yaml");
    assert!(suite.starts_with("# yaml-language-server: $schema=./suite.schema.json\n"), "{suite}");
    for line in [
        "get: /health",
        "expect: { json: { $.status: healthy } }",
        "get: /ready",
        "expect: { json: { $.status: ready } }",
        "$.git_sha: present",
        "body: { contains: \"# TYPE \" }",
        "# Nothing is claimed of `aiAvailability`.",
    ] {
        assert!(suite.contains(line), "{line}\n{suite}");
    }
    assert_eq!(case.read("suites/suite.schema.json"), case.call(&["schema"]).out);
    assert_eq!(case.read("suites/environment.schema.json"), case.call(&["schema", "environment"]).out);
    let environment = case.read("suites/environments/shop.env.yaml");
    assert!(environment.lines().all(|line| !line.starts_with("allows")), "reading was all that was asked for: {environment}");

    case.call(&["lint", "suites", "-e", "shop"]).ends(0).tells("ok: 1 suite, 4 checks");
    case.call(&["run", "suites", "-e", "shop"]).ends(0).tells("passed=4 failed=0 unsure=0 errors=0 blocked=0 skipped=0");
    // One broken service after the other in its place; what was left to decide is decided.
    drop(first);
    case.write("suites/shop.suite.yaml", &suite.replace("# within: 30s", "within: 2s"));
    for (defect, clause) in [("health-body-says-down", "health/code"), ("ready-never", "ready/becomes"), ("health-206", "health/code")] {
        let (_broken, its) = reference(&["--defect", defect]);
        case.write("suites/environments/shop.env.yaml", &environment.replace(&url, &its));
        case.call(&["run", "suites", "-e", "shop", "--filter", "the process is up", "--filter", "it is ready"]).ends(1).tells(clause);
    }
}

#[test]
fn only_gets_are_sent_and_few_of_them() {
    let server = service(&[("/health", r#"{"status":"ok"}"#), ("/version", r#"{"version":"1.2.3"}"#)]);
    let case = Case::new(&[]);
    init(&case, &[&server.url()]).ends(0).tells("19 GETs in").tells("wrote  suites/service.suite.yaml");
    let came = server.came();
    assert!(
        came.iter().all(|c| c.line().starts_with("GET ")) && came.len() == 19,
        "{:?}",
        came.iter().map(|c| c.line()).collect::<Vec<_>>()
    );
    case.call(&["run", "suites", "-e", "service"]).ends(0).tells("passed=2");
}

#[test]
fn plain_words_other_successes_and_paths_of_ones_own_are_claimed_as_they_are() {
    let server = Server::start(|came, stream| match came.path() {
        "/base/healthz" => reply(stream, 200, "content-type: Text/Plain; charset=utf-8\r\n", "OK\n"),
        "/base/internal/ready?deep=${x}" => drop(std::io::Write::write_all(stream, b"HTTP/1.1 204 X\r\nconnection: close\r\n\r\n")),
        _ => reply(stream, 404, "", ""),
    });
    let (url, case) = (format!("{}/base/", server.url()), Case::new(&[]));
    init(&case, &[&url, "--name", "on", "--ready", "/internal/ready?deep=${x}", "--out", "a/b"]).ends(0).tells("wrote  a/b/on.suite.yaml");
    let suite = case.read("a/b/on.suite.yaml");
    for line in ["suite: \"on\"", "expect: { body: { contains: OK } }", "get: \"/internal/ready?deep=$${x}\"", "expect: { status: 204 }"] {
        assert!(suite.contains(line), "{line}\n{suite}");
    }
    case.call(&["run", "a/b", "-e", "on"]).ends(0).tells("passed=2");
}

#[test]
fn the_edge_that_is_measured_is_written_to_the_byte() {
    let (_reference, url) = reference(&["--max-upload", "70001"]);
    let case = Case::new(&[]);
    let seen = init(&case, &[&url, "--name", "shop", "--find-size-limit", "POST /api/v1/uploads", "--upload-limit", "64MiB"]).ends(0);
    seen.tells("measuring POST /api/v1/uploads: bodies are sent, at most 64MiB in all").tells("accepts 70,001 bytes, refuses 70,002 bytes");
    let suite = case.read("suites/shop.suite.yaml");
    assert!(suite.contains("limit: 70001B") && suite.contains("# 70001 bytes are taken, 70002 are refused"), "{suite}");
    let environment = case.read("suites/environments/shop.env.yaml");
    for line in ["allows: load\n", "hosts: [\"127.0.0.1\"]\n", "limits: { upload: 64MiB }"] {
        assert!(environment.contains(line), "{line}\n{environment}");
    }
    case.call(&["run", "suites", "-e", "shop"]).ends(0).tells("passed=5 failed=0 unsure=0 errors=0 blocked=0 skipped=0");
    // The same suite where one byte more is taken.
    let (_other, other) = reference(&["--max-upload", "70002"]);
    case.write("suites/environments/other.env.yaml", &environment.replace("environment: shop", "environment: other").replace(&url, &other));
    case.call(&["run", "suites", "-e", "other", "--filter", "POST /api/v1/uploads"]).ends(1).tells("size/refuses");
}

#[test]
fn a_framing_in_which_the_limit_does_not_hold_is_told_and_left_out() {
    let (_reference, url) = reference(&["--max-upload", "70000", "--defect", "size-only-content-length"]);
    let case = Case::new(&[]);
    let seen = init(&case, &[&url, "--name", "shop", "--find-size-limit", "POST /api/v1/uploads"]).ends(0);
    seen.tells("NOT SO with chunked");
    let suite = case.read("suites/shop.suite.yaml");
    assert!(suite.contains("framings: [content-length, expect-continue]") && suite.contains("# NOT SO with chunked"), "{suite}");
    case.call(&["run", "suites", "-e", "shop"]).ends(0);
}

/// Takes bodies of 1 to 70,001 bytes whose length is told, and answers larger ones so.
fn particular(refusal: u16) -> Server {
    Server::start(move |came, stream| {
        let len: u64 = came.header("content-length").and_then(|n| n.parse().ok()).unwrap_or_default();
        match came.path() {
            "/health" => reply(stream, 200, JSON, r#"{"status":"ok"}"#),
            "/uploads" if came.header("transfer-encoding").is_some() => reply(stream, 411, JSON, "{}"),
            "/uploads" if came.header("expect").is_some() => reply(stream, 417, JSON, "{}"),
            "/uploads" if len == 0 => reply(stream, 400, JSON, r#"{"error":"the file is empty"}"#),
            "/uploads" if len > 70_001 => reply(stream, refusal, JSON, "{}"),
            "/uploads" => reply(stream, 201, JSON, "{}"),
            _ => reply(stream, 404, JSON, "{}"),
        }
    })
}

#[test]
fn a_service_that_takes_no_empty_body_and_not_every_framing_gets_a_suite_that_it_keeps() {
    let server = particular(413);
    let case = Case::new(&[]);
    let seen = init(&case, &[&server.url(), "--name", "shop", "--find-size-limit", "POST /uploads"]).ends(0);
    let seen = seen
        .tells("accepts 70001 bytes, refuses 70002")
        .tells("NOT SO with an empty body, which `least: 1B` leaves out: expected 2xx to 0 bytes");
    seen.tells("NOT SO with chunked").tells("leave `expect-continue` out of `framings`");
    let suite = case.read("suites/shop.suite.yaml");
    for line in ["limit: 70001B", "least: 1B", "framings: [content-length]"] {
        assert!(suite.contains(line), "{line}\n{suite}");
    }
    case.call(&["run", "suites", "-e", "shop"]).ends(0).tells("passed=2 failed=0");
    let given = ["--find-size-limit", "POST /uploads least=1B", "--force"];
    init(&case, &[&[server.url().as_str(), "--name", "shop"], &given[..]].concat()).ends(0).hides("empty body");
    assert!(case.read("suites/shop.suite.yaml").contains("least: 1B"));
    case.call(&["run", "suites", "-e", "shop"]).ends(0).tells("passed=2 failed=0");
}

#[test]
fn another_refusal_than_413_is_told_with_the_words_that_declare_it() {
    let server = particular(400);
    let case = Case::new(&[]);
    let seen = init(&case, &[&server.url(), "--name", "shop", "--find-size-limit", "POST /uploads"]).ends(0);
    let _ = seen.tells("say `refused: 400`, here 'POST /uploads refused=400'");
    assert!(case.read("suites/shop.suite.yaml").contains("say `refused: 400`"));
    init(&case, &[&server.url(), "--name", "shop", "--force", "--find-size-limit", "POST /uploads refused=400"])
        .ends(0)
        .tells("accepts 70001 bytes");
}

#[test]
fn where_no_edge_is_found_it_is_said_and_nothing_is_claimed() {
    let (_reference, url) = reference(&["--max-upload", "50MiB"]);
    let case = Case::new(&[]);
    let wishes = ["--find-size-limit", "POST /api/v1/uploads", "--find-size-limit", "PUT /nothing/here", "--upload-limit", "300KiB"];
    let args: Vec<&str> = [url.as_str(), "--name", "shop"].into_iter().chain(wishes).collect();
    init(&case, &args).ends(0).tells("no limit is claimed").tells("--upload-limit gives more").tells("there is no such endpoint");
    let suite = case.read("suites/shop.suite.yaml");
    assert!(
        suite.contains("# POST /api/v1/uploads: no limit is claimed: ") && suite.contains("# PUT /nothing/here: no limit is claimed: "),
        "{suite}"
    );
    assert!(!suite.contains("size-limit:"), "{suite}");
    // What nothing needs is not allowed.
    assert!(!case.read("suites/environments/shop.env.yaml").contains("\nallows: load"));
    case.call(&["run", "suites", "-e", "shop"]).ends(0).tells("passed=4");
}

#[test]
fn a_token_opens_what_needs_one_and_stands_in_no_file() {
    const TOKEN: &str = "hunter2-hunter2";
    let server = Server::start(|came, stream| {
        let may = came.header("authorization") == Some("Bearer hunter2-hunter2");
        match came.path() {
            "/health" => reply(stream, if came.header("authorization").is_some() { 500 } else { 200 }, JSON, r#"{"status":"ok"}"#),
            "/version" if may => reply(stream, 200, JSON, r#"{"version":"hunter2-hunter2"}"#),
            "/version" => reply(stream, 401, JSON, "{}"),
            _ => reply(stream, 404, JSON, "{}"),
        }
    });
    let (url, case) = (server.url(), Case::new(&[]));
    let header = ["-H", "authorization: Bearer ${api_token}", "--name", "shop"];
    let with = |more: &[&str]| -> Vec<String> { [url.as_str()].iter().chain(&header).chain(more).map(|s| (*s).to_owned()).collect() };
    let given = format!("api_token={TOKEN}");
    let args = with(&["--secret", &given]);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    init(&case, &args).ends(0).tells("/version").tells("needs  API_TOKEN in the environment").hides(TOKEN);
    for file in files(&case) {
        assert!(!case.read(&file).contains(TOKEN), "{file}");
    }
    let environment = case.read("suites/environments/shop.env.yaml");
    assert!(
        environment.contains("authorization: \"Bearer ${api_token}\"") && environment.contains("api_token: { env: API_TOKEN }"),
        "{environment}"
    );
    case.call_with(&[("API_TOKEN", TOKEN)], &["run", "suites", "-e", "shop"]).ends(0).tells("passed=2");
    // The variable does as well, and without either there is nothing to send.
    let args = with(&["--force"]);
    let args: Vec<&str> = ["init"].into_iter().chain(args.iter().map(String::as_str)).collect();
    case.call_with(&[("API_TOKEN", TOKEN)], &args).ends(0);
    case.call(&args).ends(2).tells("`${api_token}` has no value").tells("--secret api_token=…");
    // A token that would be written down is refused, and not repeated.
    let bare = format!("authorization: Bearer {TOKEN}");
    refused(&[&url, "-H", &bare], 2, &["would be written into a file", "--secret"]);
    init(&case, &[&url, "--force", "-H", &bare]).ends(2).hides(TOKEN);
}

#[test]
fn nothing_that_is_there_is_overwritten_unless_that_is_said() {
    let server = service(&[("/health", r#"{"status":"ok"}"#)]);
    let url = server.url();
    let files = [("suites/shop.suite.yaml", "mine"), ("suites/suite.schema.json", "{}")];
    let case = Case::new(&files);
    init(&case, &[&url, "--name", "shop"]).ends(2).tells("suites/shop.suite.yaml: is there already").tells("--force");
    assert_eq!((case.read("suites/shop.suite.yaml").as_str(), server.dials()), ("mine", 0), "nothing was sent, nothing was written");
    assert!(!case.has("suites/environments"));
    // A schema of another version is no reason to stop, and none to be replaced.
    init(&case, &[&url, "--name", "other"]).ends(0).tells("left   suites/suite.schema.json");
    assert_eq!(case.read("suites/suite.schema.json"), "{}");
    init(&case, &[&url, "--name", "shop", "--force"]).ends(0).tells("wrote  suites/shop.suite.yaml");
    assert!(case.read("suites/shop.suite.yaml").contains("get: /health"));
    assert_ne!(case.read("suites/suite.schema.json"), "{}");
}

#[test]
fn a_folder_that_takes_no_files_is_told_before_anything_is_sent() {
    let server = service(&[("/health", r#"{"status":"ok"}"#)]);
    let case = Case::new(&[("file", "x")]);
    for folder in ["/proc/nowhere", "file/below"] {
        init(&case, &[&server.url(), "--out", folder]).ends(3).tells("nothing was sent").tells("--out DIR");
    }
    assert_eq!(server.dials(), 0);
}

#[test]
fn mistakes_on_the_command_line_are_told_with_the_way_out() {
    refused(&["localhost:8080"], 2, &["expected the base URL", "write http://localhost:8080"]);
    refused(&["http://h/?a=b"], 2, &["with a query"]);
    refused(&["http://127.0.0.1:1", "--name", "../shop"], 2, &["--name ../shop: expected letters"]);
    refused(&["http://127.0.0.1:1", "--health", "health"], 2, &["--health: expected a path that begins with `/`, got `health`"]);
    refused(&["http://127.0.0.1:1", "--find-size-limit", "GET /x"], 2, &["expected POST, PUT or PATCH, got `GET`"]);
    refused(&["http://127.0.0.1:1", "--upload-limit", "10"], 2, &["--upload-limit"]);
    refused(&["http://127.0.0.1:1", "--secret", "token=0123456789"], 2, &["--secret token: no header uses it"]);
    refused(&[], 2, &["<URL>"]);
}

#[test]
fn a_service_that_does_not_answer_is_told_and_nothing_is_written() {
    let nobody = format!("http://127.0.0.1:{}", free_port());
    refused(&[&nobody], 2, &["expected an answer, got none: connection refused by", "nothing was written", "allclear wait"]);
    refused(&["http://no-such-name.invalid"], 2, &["does not resolve"]);
    let silent = Server::silent();
    refused(&[&silent.url(), "--timeout", "2s"], 2, &["got none: connected and sent, but no byte of an answer"]);
    let garbage = Server::start(|_, stream| {
        let _ = std::io::Write::write_all(stream, b"SSH-2.0-OpenSSH_9\r\n\r\n");
    });
    refused(&[&garbage.url()], 2, &["expected an answer, got none"]);
}

#[test]
fn answers_that_say_nothing_are_told_and_nothing_is_written() {
    let page = Server::start(|_, stream| reply(stream, 200, "content-type: text/html\r\n", "<html>welcome</html>"));
    refused(&[&page.url()], 2, &["every path is answered alike (200 text/html), also one that does not exist", "--health PATH"]);
    let closed = Server::json(401, "{}");
    refused(&[&closed.url()], 2, &["every path needs a login (401)", "--header"]);
    let moved = Server::start(|_, stream| reply(stream, 301, "location: https://shop.example.org/\r\n", ""));
    refused(&[&moved.url()], 2, &["every path redirects (301), this one to https://shop.example.org/"]);
    let empty = Server::json(404, "{}");
    refused(&[&empty.url()], 2, &["at none of these paths", "/health"]);
    refused(&[&empty.url(), "--ready", "/there"], 2, &["/there: expected an answer of 2xx", "there is nothing (404)"]);
    // A path that is named counts even then, and how little it says is told.
    let case = Case::new(&[]);
    init(&case, &[&page.url(), "--health", "/", "--name", "page"]).ends(0).tells("so it says little");
    assert!(case.read("suites/page.suite.yaml").contains("says little"));
}

#[test]
fn what_is_ill_or_changes_is_told_and_not_claimed() {
    let nth = std::sync::atomic::AtomicUsize::new(0);
    let server = Server::start(move |came, stream| match came.path() {
        "/health" => reply(stream, 200, JSON, r#"{"status":"ok"}"#),
        "/ready" => reply(stream, 503, JSON, r#"{"status":"not ready"}"#),
        "/version" if nth.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 1 => reply(stream, 500, JSON, "{}"),
        "/version" => reply(stream, 200, JSON, r#"{"version":"1"}"#),
        "/livez" => reply(stream, 307, "location: /health\r\n", ""),
        _ => reply(stream, 404, JSON, "{}"),
    });
    let case = Case::new(&[]);
    let seen = init(&case, &[&server.url(), "--name", "shop"]).ends(0);
    seen.tells("not claimed: answers 503").tells("not claimed: now 200 application/json, now 500").tells("redirects to /health (307)");
    let suite = case.read("suites/shop.suite.yaml");
    assert!(suite.contains("# Seen, and not claimed:") && !suite.contains("get: /version") && !suite.contains("get: /ready"), "{suite}");
    case.call(&["run", "suites", "-e", "shop"]).ends(0).tells("passed=1");
}

#[test]
fn text_of_a_service_can_neither_act_nor_forge_a_line_of_the_suite() {
    let server = Server::start(|came, stream| match came.path() {
        "/health" => reply(stream, 200, JSON, "{\"status\":\"ok\",\"a\\n- name: forged\":1,\"\\u001b[31m\":2,\"state\":\"up ${x}\"}"),
        "/livez" => reply(stream, 302, "location: /\u{9b}31m\u{202e}${x}\r\n", ""),
        _ => reply(stream, 404, "content-type: x/y: z # {\r\n", "{}"),
    });
    let case = Case::new(&[]);
    let seen = init(&case, &[&server.url(), "--name", "shop"]).ends(0);
    let suite = case.read("suites/shop.suite.yaml");
    for text in [&seen.err, &suite] {
        assert!(!text.contains(['\u{1b}', '\u{9b}', '\u{202e}']) && !text.contains("\n- name: forged"), "{text:?}");
    }
    case.call(&["run", "suites", "-e", "shop"]).ends(0).tells("passed=1");
}

#[test]
fn an_interrupt_while_bodies_are_sent_leaves_nothing_behind() {
    let server = Server::start(|came, stream| match came.path() {
        "/health" => reply(stream, 200, JSON, r#"{"status":"ok"}"#),
        "/uploads" => until_gone(stream),
        _ => reply(stream, 404, JSON, "{}"),
    });
    let case = Case::new(&[]);
    let child = Child::start(case.command(&["init", &server.url(), "--find-size-limit", "POST /uploads"]));
    while server.came().iter().all(|came| came.path() != "/uploads") {
        server.wait_for_one();
    }
    signal(child.id(), "INT");
    child.ends().ends(130).tells("interrupted; nothing was written");
    assert!(!case.has("suites"));
}
