//! Secrets leave in no form: planted, echoed by a service in every encoding, and looked for in every byte that is written.

use super::case::{Case, Seen, suite};
use super::server::{Server, reply};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

const SECRET: &str = "p4ss\"&<w>/ord é%21'x";
const TOKEN: &str = "plain-token-0123456789";

/// Every way in which a service may say the secret.
fn forms() -> Vec<(&'static str, String)> {
    let percent = percent_encoding::utf8_percent_encode(SECRET, percent_encoding::NON_ALPHANUMERIC).to_string();
    let json = serde_json::Value::from(SECRET).to_string();
    let xml = SECRET.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&apos;");
    let ascii = json.replace('é', "\\u00e9");
    let json_in_json = serde_json::Value::from(format!("{{\"a\": {json}}}")).to_string();
    let mut forms = vec![
        ("raw", SECRET.to_owned()),
        ("percent, lower case", percent.to_ascii_lowercase()),
        ("form", url_form()),
        ("percent", percent),
        ("json", json),
        ("json in ascii", ascii),
        ("json in json", json_in_json),
        ("xml", xml),
        ("token", TOKEN.to_owned()),
    ];
    for lead in ["", "u", "us"] {
        forms.push(("base64", STANDARD.encode(format!("{lead}{SECRET}:"))));
        forms.push(("base64 for URLs", URL_SAFE_NO_PAD.encode(format!("{lead}{SECRET}"))));
    }
    forms
}

fn url_form() -> String {
    url::form_urlencoded::byte_serialize(SECRET.as_bytes()).collect()
}

/// What would give the secret away: it itself, and the longest runs of its characters in each encoding.
fn traces() -> Vec<String> {
    let mut traces: Vec<String> = vec![SECRET.to_owned(), TOKEN.to_owned(), "p4ss".to_owned(), "%21'x".to_owned(), "%2521".to_owned()];
    for lead in 0..3 {
        // Whole groups of the middle depend on the secret alone.
        let bytes = &SECRET.as_bytes()[(3 - lead) % 3..];
        let whole = &bytes[..bytes.len() / 3 * 3];
        traces.push(STANDARD.encode(whole)[..12].to_owned());
    }
    traces
}

#[track_caller]
fn holds_no_secret(what: &str, text: &str) {
    for trace in traces() {
        if let Some(at) = text.find(&trace) {
            let from = text[..at].char_indices().rev().nth(80).map_or(0, |(i, _)| i);
            panic!("{what} holds `{trace}`: …{}", text[from..].chars().take(200).collect::<String>());
        }
    }
}

#[track_caller]
fn masked(what: &str, seen: &Seen) {
    holds_no_secret(&format!("stdout of {what}"), &seen.out);
    holds_no_secret(&format!("stderr of {what}"), &seen.err);
}

const VARS: &[(&str, &str)] = &[("IT_SECRET", SECRET), ("IT_TOKEN", TOKEN)];

fn case(server: &Server, checks: &str) -> Case {
    let environment =
        "environment: here\nallows: write\nhosts: [127.0.0.1]\nsecrets: { word: { env: IT_SECRET }, token: { env: IT_TOKEN } }\n";
    Case::new(&[("it.suite.yaml", &suite("it", &server.url(), checks)), ("environments/here.env.yaml", environment)])
}

fn run(case: &Case, what: &str) -> Seen {
    let reports = ["junit=r/j.xml", "json=r/run.json", "jsonl=r/e.jsonl", "tap=r/t.tap", "github=r/g.txt", "markdown=r/m.md"];
    let mut args = vec!["run", "it.suite.yaml", "--env", "here", "-v"];
    reports.iter().for_each(|r| args.extend(["--report", r]));
    let seen = case.call_with(VARS, &args);
    masked(&format!("run: {what}"), &seen);
    for entry in std::fs::read_dir(case.path("r")).unwrap().flatten() {
        let text = std::fs::read_to_string(entry.path()).unwrap();
        assert!(!text.is_empty());
        holds_no_secret(&format!("{what}: {}", entry.file_name().display()), &text);
    }
    for source in ["r/run.json", "r/e.jsonl"] {
        masked(&format!("report {source}: {what}"), &case.call(&["report", source, "-v", "--report", "junit=-"]));
    }
    seen
}

#[test]
fn a_secret_that_a_service_says_stands_nowhere() {
    for (name, form) in forms() {
        let said = form.clone();
        let server = Server::start(move |came, stream| {
            let body = match came.path() {
                "/json" => format!("{{\"told\": \"it is {}\", \"status\": \"down\"}}", said.replace('\\', "\\\\").replace('"', "\\\"")),
                _ => format!("it is {said} you know"),
            };
            // A header takes no line of its own from it: all of these are one line.
            reply(stream, 500, &format!("content-type: application/json\r\nx-told: {said}\r\nset-cookie: a={said}\r\n"), &body);
        });
        let checks = "- name: its body is short\n  http: { get: /a, expect: { status: 200, body: { contains: nothing } } }\n\
             - name: its head is plain\n  http: { get: /b, expect: { status: 500, headers: { x-told: other, set-cookie: other } } }\n\
             - name: its json is well\n  http: { get: /json, expect: { status: 500, json: { $.told: other } } }\n\
             - name: it is up\n  health: { get: /json, expect: { json: { $.told: up } } }\n\
             - name: it is ready\n  ready: { get: /json, within: 200ms }\n";
        let case = case(&server, checks);
        let seen = run(&case, name).ends(1);
        assert!(seen.err.contains("***"), "{name}: something was shown masked:\n{}", seen.err);
    }
}

#[test]
fn a_secret_that_is_sent_stands_nowhere() {
    let server = Server::start(|came, stream| {
        let body = serde_json::json!({ "path": came.path(), "body": came.body, "head": came.head }).to_string();
        reply(stream, 404, "content-type: application/json\r\n", &body);
    });
    let checks = "- name: in the URL\n  http: { get: '/find', query: { q: '${word}' }, expect: { json: { $.path: other } } }\n\
         - name: in the path\n  http: { get: '/find/${word}' }\n\
         - name: in a header\n  http: { get: /h, headers: { x-token: 'Key ${token}' } }\n\
         - name: as a bearer\n  http: { get: /b, auth: { bearer: '${token}' } }\n\
         - name: as basic\n  http: { get: /c, auth: { basic: { user: someone, password: '${token}' } } }\n\
         - name: as json\n  http: { post: /j, json: { deep: ['${word}'] }, expect: { json: { $.body: other } } }\n\
         - name: as a form\n  http: { post: /f, form: { a: '${word}' } }\n\
         - name: as text\n  http: { post: /t, text: 'the ${word} it is' }\n\
         - name: expected\n  http: { get: /e, expect: { status: 404, body: { contains: '${word}' }, headers: { x: '${token}' }, json: { $.path: '${word}' } } }\n";
    let case = case(&server, checks);
    let seen = run(&case, "sent");
    assert_eq!(seen.code, Some(1), "{}", seen.err);
    // It really was sent: the server has it.
    let came = server.came();
    assert!(came.iter().any(|c| c.body.contains("the p4ss")), "{came:?}");
    assert!(came.iter().any(|c| c.header("authorization") == Some(&format!("Bearer {TOKEN}"))));
    for args in [
        &["render", "it.suite.yaml", "--env", "here"][..],
        &["list", "it.suite.yaml", "--env", "here", "--json"],
        &["list", "it.suite.yaml", "--env", "here"],
        &["lint", "it.suite.yaml", "--env", "here"],
        &["run", "it.suite.yaml", "--env", "here", "--dry-run"],
    ] {
        let seen = case.call_with(VARS, args).ends(0);
        masked(args[0], &seen);
    }
    // What is rendered names the secret, where another value stands as it is.
    case.call_with(VARS, &["render", "it.suite.yaml", "--env", "here"]).prints("the ${word} it is");
}

#[test]
fn a_captured_secret_stands_nowhere_either() {
    let server = Server::start(|came, stream| match came.path() {
        "/login" => reply(stream, 200, "content-type: application/json\r\n", "{\"token\": \"plain-token-0123456789\"}"),
        _ => {
            let body = format!("you said {}", came.header("authorization").unwrap_or_default());
            reply(stream, 403, "", &body);
        }
    });
    let checks = "- name: it logs in\n  http: { get: /login, capture: { session: { json: $.token, secret: true } } }\n\
         - name: it lets in\n  needs: it logs in\n  http: { get: /in, auth: { bearer: '${session}' } }\n";
    let case = Case::new(&[("it.suite.yaml", &suite("it", &server.url(), checks)), ("environments/here.env.yaml", "environment: here\n")]);
    run(&case, "captured").ends(1);
    assert!(server.came().iter().any(|c| c.header("authorization") == Some(&format!("Bearer {TOKEN}"))));
}

#[test]
fn a_mistake_beside_a_secret_does_not_tell_it() {
    let server = Server::json(200, "{}");
    // Each of these is refused, and each has the secret at hand.
    for (checks, told) in [
        ("- name: a\n  timeout: '${word}'\n  http: { get: /a }\n", "timeout"),
        ("- name: a\n  http: { get: /a, expect: { status: '${token}' } }\n", "status"),
        ("- name: a\n  http: { get: /a, expect: { json: { $.a: { matches: '${word}(' } } } }\n", "matches"),
        ("- name: a\n  http: { get: '${word}://x y' }\n", ""),
        ("- name: a\n  http: { get: /a, headers: { 'x': \"${word}\\n\" } }\n", ""),
    ] {
        let case = case(&server, checks);
        for args in [&["run", "it.suite.yaml", "--env", "here", "--report", "junit=j.xml"][..], &["lint", "it.suite.yaml", "--env", "here"]]
        {
            let seen = case.call_with(VARS, args);
            masked(checks, &seen);
            assert!(seen.err.contains(told), "{checks}: {}", seen.err);
        }
        if case.has("j.xml") {
            holds_no_secret("junit of a refusal", &case.read("j.xml"));
        }
    }
}

#[test]
fn flags_that_are_wrong_do_not_repeat_a_secret() {
    let server = Server::json(200, "{}");
    let case = Case::suite(&server.url(), "- name: a\n  http: { get: '/${word}' }\n");
    let pair = format!("word={SECRET}");
    for args in [
        &["run", "it.suite.yaml", "--secret", SECRET][..],
        &["run", "it.suite.yaml", "--secret", &format!("Wrong={SECRET}")],
        &["run", "it.suite.yaml", "--secret", &pair, "--secret", &format!("other={SECRET}")],
        &["run", "it.suite.yaml", "--secret", &pair, "--var", &pair],
        &["run", "it.suite.yaml", &format!("--secre={pair}")],
        &["run", "it.suite.yaml", "--secrte", &pair],
        &["run", "it.suite.yaml", "--secret", &pair, "--no-such-flag"],
        &["lint", "it.suite.yaml", "--deadline", "5s", "--secret", &pair],
        &["wait", &format!("http://user:{TOKEN}@127.0.0.1:1/"), "--timeout", "100ms"],
        &["wait", "http://127.0.0.1:1/", "--timeout", "100ms", "-H", &format!("authorization {TOKEN}")],
        &["wait", "http://127.0.0.1:1/", "--timeout", "100ms", "-H", &format!("authorization: {TOKEN}\u{1}")],
        &["wait", &format!("http://user:{TOKEN}@[/"), "--timeout", "100ms"],
    ] {
        let seen = case.call(args);
        assert_ne!(seen.code, Some(0), "{args:?}");
        masked(&args.join(" "), &seen);
    }
    let seen = case.call(&["run", "it.suite.yaml", "--secret", &pair, "-v", "--report", "json=run.json"]).ends(0);
    masked("a secret given by a flag", &seen);
    holds_no_secret("the record", &case.read("run.json"));
}

#[test]
fn a_short_secret_is_refused_and_its_value_not_told() {
    let case = Case::suite("http://127.0.0.1:1", "- name: a\n  http: { get: '/${word}' }\n");
    let seen = case.call(&["run", "it.suite.yaml", "--secret", "word=sh0rt7"]);
    seen.ends(2).tells("too short to be masked").hides("sh0rt7");
}
