//! Redis as something to wait for, until it is there and until it is gone.

use super::program::{Running, allclear, expect_code, free_port};
use std::fs;
use std::path::Path;
use std::process::Command;

pub(crate) fn wait_sees_redis_come_and_go(redis: &Path) -> Result<(), String> {
    let port = free_port();
    let url = format!("tcp://127.0.0.1:{port}");
    let early = allclear().args(["wait", &url, "--timeout", "200ms"]).output().map_err(|e| e.to_string())?;
    expect_code(&early, 1)?;
    let told = String::from_utf8_lossy(&early.stderr).into_owned();
    if !told.contains("refused") {
        return Err(format!("the last word does not say what was seen: {told}"));
    }
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let mut server = Running::start(Command::new(redis).current_dir(folder.path()).args([
        "--port",
        &port.to_string(),
        "--bind",
        "127.0.0.1",
        "--save",
        "",
        "--appendonly",
        "no",
    ]))?;
    let there = allclear().args(["wait", &url, "--timeout", "20s", "--", "sh", "-c", "exit 7"]).output().map_err(|e| e.to_string())?;
    expect_code(&there, 7)?;
    let still = allclear().args(["wait", &url, "--gone", "--timeout", "200ms"]).output().map_err(|e| e.to_string())?;
    expect_code(&still, 1)?;
    server.end();
    let gone = allclear().args(["wait", &url, "--gone", "--timeout", "20s"]).output().map_err(|e| e.to_string())?;
    expect_code(&gone, 0)
}

/// Redis as a dependency that a run starts, kills, starts again and ends; the twin has an option that it refuses.
pub(crate) fn redis_is_started_as_a_dependency_and_its_refusal_is_shown(redis: &Path) -> Result<(), String> {
    for (option, code, told) in [("--save", 0, "passed=1"), ("--no-such-option", 3, "the dependency `cache` could not be started")] {
        let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
        let environment = format!(
            "environment: local\nallows: disrupt\nprovision:\n  dependencies:\n    cache:\n      process: {{ run: [{}, --port, \"${{port}}\", --bind, 127.0.0.1, {option}, \"\"], cwd: ., ready: {{ line: Ready to accept connections }} }}\n      sets: {{ cache: \"${{host}}:${{port}}\" }}\n  service: {{ embedded: reference-service, target: api }}\n",
            redis.display()
        );
        let suite = "suite: it\nchecks:\n- name: it is up\n  http: { get: /health }\n";
        fs::write(folder.path().join("it.suite.yaml"), suite).map_err(|e| e.to_string())?;
        fs::create_dir(folder.path().join("environments")).map_err(|e| e.to_string())?;
        fs::write(folder.path().join("environments/local.env.yaml"), environment).map_err(|e| e.to_string())?;
        let run =
            allclear().current_dir(folder.path()).args(["run", "it.suite.yaml", "--out", "out"]).output().map_err(|e| e.to_string())?;
        expect_code(&run, code)?;
        let screen = String::from_utf8_lossy(&run.stderr).into_owned();
        let left = fs::read_dir(folder.path().join("out/leases")).map_or(0, |files| files.count());
        if !screen.contains(told) || left > 0 {
            return Err(format!("{left} leases left, or not told: {told}\n{screen}"));
        }
        if code == 3 && !screen.contains("no-such-option") {
            return Err(format!("what it said itself is not shown:\n{screen}"));
        }
    }
    Ok(())
}
