//! Production by mistake is not possible: above `read` nothing is sent to a host that the environment does not list.

use super::case::{Case, Seen, suite};
use super::server::{Server, reply};

const WRITES: &str = "- name: it takes a job\n  http: { post: /jobs, json: { a: 1 } }\n";

fn case(url: &str, environment: &str, checks: &str) -> Case {
    Case::new(&[("it.suite.yaml", &suite("it", url, checks)), ("environments/here.env.yaml", environment)])
}

/// With this environment the write is skipped for this reason, and nothing reaches the server.
#[track_caller]
fn refused(environment: &str, checks: &str, why: &str) {
    let server = Server::json(200, "{}");
    let checks = checks.replace("URL", &server.url());
    let case = case(&server.url(), environment, &checks);
    case.call(&["run", "it.suite.yaml", "--env", "here", "-v"]).ends(5).tells("SKIP").tells(why);
    assert_eq!(server.dials(), 0, "something was sent");
    case.call(&["run", "it.suite.yaml", "--env", "here", "--deny-skips"]).ends(4);
    assert_eq!(server.dials(), 0, "something was sent");
}

#[test]
fn a_write_to_a_host_that_is_not_listed_is_skipped_and_not_sent() {
    refused("environment: here\nallows: write\n", WRITES, "`127.0.0.1` is not in `hosts` of environment `here`");
    refused("environment: here\nallows: disrupt\nhosts: [localhost, '*.example.org']\n", WRITES, "`127.0.0.1` is not in `hosts`");
    refused("environment: here\nhosts: [127.0.0.1]\n", WRITES, "allows nothing above `read`");
    refused("environment: here\nallows: read\nhosts: [127.0.0.1]\n", WRITES, "allows nothing above `read`");
}

#[test]
fn what_is_raised_or_cleans_up_counts_as_what_it_does() {
    let environment = "environment: here\nhosts: [127.0.0.1]\n";
    refused(environment, "- name: a\n  impact: write\n  http: { get: /recalculate }\n", "this needs `write`");
    refused(environment, "- name: a\n  http: { get: /a }\n  cleanup: [{ delete: /a }]\n", "this needs `write`");
    refused(environment, "- name: a\n  impact: load\n  http: { get: /a }\n", "this needs `load`");
    refused(
        "environment: here\nallows: write\nhosts: [127.0.0.1]\n",
        "- name: a\n  impact: load\n  http: { get: /a }\n",
        "this needs `load`",
    );
}

#[test]
fn an_absolute_url_does_not_lead_around_the_list() {
    refused(
        "environment: here\nallows: write\nhosts: [localhost]\n",
        "- name: a\n  http: { post: 'URL/jobs', json: {} }\n",
        "`127.0.0.1` is not",
    );
    let foreign = "- name: a\n  http: { get: /a }\n  cleanup: [{ delete: 'http://prod.example.org/a' }]\n";
    refused("environment: here\nallows: write\nhosts: [127.0.0.1]\n", foreign, "`prod.example.org` is not in `hosts`");
}

#[test]
fn a_listed_host_with_the_right_is_written_to() {
    let server = Server::json(200, "{}");
    let case = case(&server.url(), "environment: here\nallows: write\nhosts: [127.0.0.1]\n", WRITES);
    case.call(&["run", "it.suite.yaml", "--env", "here"]).ends(0);
    assert_eq!(server.came()[0].line(), "POST /jobs");
    // The same suite without the environment reads at most.
    case.call(&["run", "it.suite.yaml"]).ends(5).tells("without an environment file nothing above `read` is allowed");
    assert_eq!(server.came().len(), 1);
}

#[test]
fn a_variable_cannot_move_a_write_to_another_host() {
    let server = Server::json(200, "{}");
    let environment = "environment: here\nallows: write\nhosts: [stage.example.org]\nvars: { base: 'http://stage.example.org' }\n";
    let case = case("${base}", environment, WRITES);
    let moved = format!("base={}", server.url());
    case.call(&["run", "it.suite.yaml", "--env", "here", "--var", &moved]).ends(5).tells("`127.0.0.1` is not in `hosts`");
    case.call_with(&[("ALLCLEAR_VAR_base", &server.url())], &["run", "it.suite.yaml", "--env", "here"]).ends(5);
    assert_eq!(server.dials(), 0);
}

#[test]
fn neither_a_redirect_nor_a_captured_url_leaves_the_origin() {
    let elsewhere = Server::json(200, "{}");
    let there = elsewhere.url();
    let server = Server::start(move |came, stream| match came.path() {
        "/moved" => reply(stream, 307, &format!("location: {there}/jobs\r\n"), ""),
        "/where" => reply(stream, 200, "content-type: application/json\r\n", &format!("{{\"next\": \"{there}/jobs\"}}")),
        _ => reply(stream, 200, "", ""),
    });
    let checks = "- name: it moves\n  http: { post: /moved, json: {}, follow-redirects: true }\n\
         - name: it tells where\n  http: { get: /where, capture: { next: $.next } }\n\
         - name: it goes there\n  needs: it tells where\n  http: { post: '${next}', json: {} }\n";
    let case = case(&server.url(), "environment: here\nallows: write\nhosts: [127.0.0.1]\n", checks);
    case.call(&["run", "it.suite.yaml", "--env", "here"]).ends(1).tells("passed=1");
    assert_eq!(elsewhere.dials(), 0, "another origin was reached");
}

/// The reference service as a part of the run, with a suite that writes.
fn provisioned(checks: &str, args: &[&str]) -> Seen {
    let text = format!("suite: it\nchecks:\n{checks}");
    let environment = "environment: local\nallows: disrupt\nprovision:\n  service: { embedded: reference-service, target: api }\n";
    let case = Case::new(&[("it.suite.yaml", &text), ("environments/local.env.yaml", environment)]);
    let args: Vec<&str> = ["run", "it.suite.yaml"].iter().chain(args).copied().collect();
    case.call(&args)
}

#[test]
fn what_this_run_started_may_be_written_to_and_nothing_beside_it() {
    let up = "- name: it is up\n  impact: write\n  http: { get: /health }\n";
    provisioned(up, &[]).ends(0).tells("embedded reference-service");
    let server = Server::json(200, "{}");
    let beside = format!("- name: a write beside it\n  http: {{ post: '{}/jobs', json: {{}} }}\n", server.url());
    provisioned(&format!("{up}{beside}"), &[]).ends(0).tells("`127.0.0.1` is not in `hosts`").tells("skipped=1");
    assert_eq!(server.dials(), 0);
}

#[test]
fn a_provisioned_target_cannot_be_given_from_outside() {
    let server = Server::json(200, "{}");
    let up = "- name: it is up\n  impact: write\n  http: { get: /health }\n";
    for given in ["api", "url", "api_url"] {
        provisioned(up, &["--var", &format!("{given}={}", server.url())]).ends(2);
    }
    // A suite that names a URL for the same target does not win either.
    let text = suite("it", &server.url(), up);
    let environment = "environment: local\nallows: disrupt\nprovision:\n  service: { embedded: reference-service, target: api }\n";
    let case = Case::new(&[("it.suite.yaml", &text), ("environments/local.env.yaml", environment)]);
    let seen = case.call(&["run", "it.suite.yaml"]);
    assert_eq!(server.dials(), 0, "{}", seen.err);
    // What a provisioned part sets cannot be set by hand.
    let environment = "environment: local\nallows: disrupt\nprovision:\n  dependencies:\n    db:\n      embedded: reference-dependency\n      \
         sets: { db: '${host}:${port}' }\n  service: { embedded: reference-service, args: [--db, '${db}'], target: api }\n";
    let case = Case::new(&[("it.suite.yaml", &format!("suite: it\nchecks:\n{up}")), ("environments/local.env.yaml", environment)]);
    case.call(&["run", "it.suite.yaml", "--var", "db=prod.example.org:5432"]).ends(2).tells("sets this once it is started");
}

#[test]
fn a_service_that_does_not_start_is_a_failure_of_its_own() {
    let text = "suite: it\nchecks:\n- name: it is up\n  http: { get: /health }\n";
    let environment = "environment: local\nprovision:\n  service: { embedded: reference-service, args: [--no-such-flag], target: api }\n";
    let case = Case::new(&[("it.suite.yaml", text), ("environments/local.env.yaml", environment)]);
    case.call(&["run", "it.suite.yaml"]).ends(1).tells("the service starts");
}
