//! nginx that lets so many through at once (`limit_conn`), before a service that would take more: its edge is found exactly.

use super::program::{Reference, Running, allclear, expect_code, free_port, record};
use std::path::Path;
use std::process::Command;

/// What nginx lets through.
const LIMIT: u32 = 3;

pub(crate) fn nginx_that_limits_connections_is_judged_at_its_exact_edge(nginx: &Path) -> Result<(), String> {
    let service = Reference::start(&["--max-requests=100"])?;
    let (_running, ports, _folder) = start(nginx, &service.address)?;
    for (port, version) in ports.into_iter().zip(["1.1", "2"]) {
        edge(&format!("http://127.0.0.1:{port}"), version).map_err(|e| format!("HTTP/{version}: {e}"))?;
    }
    Ok(())
}

/// The limit is kept where it is, and broken one below and one above.
fn edge(address: &str, version: &str) -> Result<(), String> {
    let held = run(address, version, LIMIT, "promises: [limit/retry-after, limit/returns]", 0)?;
    for clause in ["limit/exact", "limit/status", "limit/retry-after", "limit/returns", "limit/alive"] {
        let verdicts: Vec<_> = held.iter().filter(|c| c["clause"] == clause).map(|c| c["verdict"].as_str().unwrap_or_default()).collect();
        if verdicts.is_empty() || verdicts.iter().any(|v| *v != "held") {
            return Err(format!("{clause} must hold: {verdicts:?}"));
        }
    }
    broken(&run(address, version, LIMIT - 1, "", 1)?, &format!("{LIMIT} of {LIMIT} were admitted at once"))?;
    broken(&run(address, version, LIMIT + 1, "", 1)?, &format!("only {LIMIT} of {} were admitted at once, and 1 refused: 429", LIMIT + 1))
}

fn broken(clauses: &[serde_json::Value], observed: &str) -> Result<(), String> {
    let exact = clauses.iter().find(|c| c["clause"] == "limit/exact" && c["verdict"] == "broken").ok_or("limit/exact is not broken")?;
    match exact["finding"]["observed"].as_str() {
        Some(told) if told.starts_with(observed) => Ok(()),
        told => Err(format!("expected {observed:?}, told {told:?}")),
    }
}

/// Judges the limit against nginx; gives the clauses of the one check.
fn run(address: &str, version: &str, limit: u32, promises: &str, code: i32) -> Result<Vec<serde_json::Value>, String> {
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let suite = format!(
        "suite: slots\nchecks:\n  - name: so many at once\n    {promises}\n    concurrency-limit:\n      post: /api/v1/work\n      json: {{ work-ms: 400 }}\n      limit: {limit}\n      refused: 429\n      alive: {{ get: /health, within: 2s }}\n      fails: {{ post: /api/v1/work, json: {{ work-ms: 10, fail: true }} }}\n"
    );
    let environment =
        format!("environment: here\nallows: load\nhosts: [127.0.0.1]\ntargets: {{ api: {{ url: '{address}', http: {version} }} }}\n");
    std::fs::write(folder.path().join("slots.suite.yaml"), suite).map_err(|e| e.to_string())?;
    std::fs::write(folder.path().join("here.env.yaml"), environment).map_err(|e| e.to_string())?;
    let judged = || {
        let arguments = ["run", "slots.suite.yaml", "--env", "here.env.yaml", "--report", "json=run.json"];
        allclear().current_dir(folder.path()).args(arguments).output().map_err(|e| e.to_string())
    };
    // A machine that stood still cannot tell; it is asked again, never believed.
    let mut output = judged()?;
    for _ in 0..2 {
        if output.status.code() == Some(4) {
            output = judged()?;
        }
    }
    expect_code(&output, code)?;
    let record = record(folder.path())?;
    record["checks"][0]["clauses"].as_array().cloned().ok_or_else(|| format!("no clauses: {record}"))
}

/// nginx in the foreground, with HTTP/1.1 on one port and HTTP/2 on the other; health is not limited.
fn start(nginx: &Path, service: &str) -> Result<(Running, [u16; 2], tempfile::TempDir), String> {
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let (port, second) = (free_port(), free_port());
    let at = folder.path().display();
    let limited = format!(
        "location /api/ {{ limit_conn all {LIMIT}; limit_conn_status 429; error_page 429 @full; proxy_pass http://{service}; }} location @full {{ add_header Retry-After 1 always; return 429; }} location /health {{ proxy_pass http://{service}; }}"
    );
    let config = format!(
        "daemon off;\nmaster_process off;\npid {at}/pid;\nerror_log {at}/error.log;\nevents {{}}\nhttp {{\n  access_log off;\n  limit_conn_zone $server_name zone=all:1m;\n  client_body_temp_path {at}/body;\n  proxy_temp_path {at}/proxy;\n  fastcgi_temp_path {at}/fastcgi;\n  uwsgi_temp_path {at}/uwsgi;\n  scgi_temp_path {at}/scgi;\n  server {{ listen 127.0.0.1:{port}; listen 127.0.0.1:{second} http2; server_name slots; {limited} }}\n}}\n"
    );
    let file = folder.path().join("nginx.conf");
    std::fs::write(&file, config).map_err(|e| e.to_string())?;
    let running = Running::start(Command::new(nginx).arg("-p").arg(folder.path()).arg("-c").arg(&file))?;
    let waited = allclear().args(["wait", &format!("tcp://127.0.0.1:{port}"), "--timeout", "20s"]).output().map_err(|e| e.to_string())?;
    expect_code(&waited, 0).map_err(|e| {
        let log = std::fs::read_to_string(folder.path().join("error.log")).unwrap_or_default();
        format!("nginx does not start: {e}\n{log}")
    })?;
    Ok((running, [port, second], folder))
}
