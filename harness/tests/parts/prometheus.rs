//! Prometheus as the service: nobody here wrote its `/-/healthy` and `/-/ready`.

use super::program::{Running, allclear, expect_code, free_port, record, run_suite};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::path::Path;
use std::process::Command;

/// What it promises: by its documentation, and by how it behaves.
const SUITE: &str = r#"suite: prometheus
checks:
  - name: the process is up
    gate: true
    promises: [health/open, health/bounded, health/no-leak]
    health: { get: /-/healthy, within: 1s }
  - name: it is ready, and means it
    promises: [ready/no-leak]
    ready: { get: /-/ready, within: 60s, steady-for: 1s, real: { get: "/api/v1/query?query=vector(1)" } }
  - name: a query is answered
    http: { get: /api/v1/query, query: { query: "vector(1)" }, expect: { json: { $.status: success } } }
"#;

const ENVIRONMENT: &str = r#"environment: local
allows: disrupt
provision:
  service:
    process:
      prepare: [[sh, -c, "echo 'global: {}' > prometheus.yml"]]
      run:
        - PROMETHEUS
        - --config.file=prometheus.yml
        - --storage.tsdb.path=data
        - --web.listen-address=${host}:${port}
      cwd: "${dir}"
      ready: { get: /-/healthy }
    target: api
"#;

/// Started by the run, in a folder of its own, judged and ended.
pub(crate) fn prometheus_is_started_and_keeps_its_promises(prometheus: &Path) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).map_err(|e| e.to_string());
    write("it.suite.yaml", SUITE)?;
    write("local.env.yaml", &ENVIRONMENT.replace("PROMETHEUS", &prometheus.display().to_string()))?;
    let run = allclear()
        .current_dir(folder.path())
        .env("TMPDIR", folder.path())
        .args(["run", "it.suite.yaml", "--env", "local.env.yaml", "--out", "out"])
        .output()
        .map_err(|e| e.to_string())?;
    expect_code(&run, 0)?;
    let left = |name: &str| std::fs::read_dir(folder.path().join(name)).map_or(0, |entries| entries.count());
    let parts = std::fs::read_dir(folder.path()).map_err(|e| e.to_string())?.flatten();
    let folders = parts.filter(|entry| entry.file_name().to_string_lossy().starts_with("allclear-part-")).count();
    match (left("out/leases"), folders) {
        (0, 0) => Ok(()),
        (leases, folders) => Err(format!("{leases} leases and {folders} folders are left")),
    }
}

/// Stopped, it accepts connections and says nothing: the same suite must tell.
pub(crate) fn a_prometheus_that_is_stopped_is_told_broken(prometheus: &Path) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    std::fs::write(folder.path().join("prometheus.yml"), "global: {}\n").map_err(|e| e.to_string())?;
    let port = free_port();
    let mut command = Command::new(prometheus);
    command.current_dir(folder.path()).args(["--config.file=prometheus.yml", "--storage.tsdb.path=data"]);
    let running = Running::start(command.arg(format!("--web.listen-address=127.0.0.1:{port}")))?;
    let ready = format!("http://127.0.0.1:{port}/-/ready");
    let waited = allclear().args(["wait", &ready, "--timeout", "60s"]).output().map_err(|e| e.to_string())?;
    expect_code(&waited, 0)?;
    let target = format!("targets: {{ api: {{ url: 'http://127.0.0.1:{port}' }} }}\nchecks:");
    let suite = SUITE.replace("checks:", &target).replace("within: 60s", "within: 1s");
    let judge = |code: i32| {
        let (output, folder) = run_suite(&suite)?;
        expect_code(&output, code)?;
        record(folder.path())
    };
    judge(0)?;
    let pid = Pid::from_raw(i32::try_from(running.id()).map_err(|e| e.to_string())?);
    kill(pid, Signal::SIGSTOP).map_err(|e| e.to_string())?;
    let stopped = judge(1)?;
    kill(pid, Signal::SIGCONT).map_err(|e| e.to_string())?;
    judge(0)?;
    let clause = &stopped["checks"][0]["clauses"][0];
    if clause["clause"] == "health/code" && clause["verdict"] == "broken" {
        Ok(())
    } else {
        Err(format!("expected health/code to be broken: {}", stopped["checks"][0]))
    }
}
