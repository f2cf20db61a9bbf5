//! Redis as something to wait for, until it is there and until it is gone.

use super::program::{Running, allclear, expect_code, free_port};
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
