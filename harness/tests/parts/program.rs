//! Finds, starts and ends real programs; runs the binary under test.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// Says one line to whoever runs the tests.
pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Where a part is, if it is here: on PATH, in the places of servers, or as a Python module.
pub(crate) fn find(part: &str) -> Option<PathBuf> {
    let program = match part {
        "redis" => "redis-server",
        "postgres" => return beside_the_path().or_else(|| on_path("postgres")),
        "junitparser" => {
            let python = on_path("python3")?;
            let there = Command::new(&python).args(["-c", "import junitparser, lxml"]).stderr(Stdio::null()).status().ok()?.success();
            return there.then_some(python);
        }
        other => other,
    };
    on_path(program)
}

/// Debian keeps the programs of each version of PostgreSQL in a folder of its own; the newest that is here.
fn beside_the_path() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?.flatten().filter_map(|entry| {
        let version: u32 = entry.file_name().to_str()?.parse().ok()?;
        Some((version, entry.path().join("bin/postgres")))
    });
    versions.filter(|(_, file)| file.is_file()).max().map(|(_, file)| file)
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]).map(|dir| dir.join(program)).find(|file| file.is_file())
}

/// A port that nothing listens on at this moment.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("loopback has a free port").port()
}

/// A program that ends with the test.
pub(crate) struct Running(Child);

impl Running {
    /// Starts it with its output thrown away.
    pub(crate) fn start(command: &mut Command) -> Result<Self, String> {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        child.map(Self).map_err(|e| format!("cannot start {command:?}: {e}"))
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Ends it now and waits until it is gone.
    pub(crate) fn end(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// The reference service in a process of its own, and its address.
pub(crate) struct Reference {
    _running: Running,
    /// `127.0.0.1:PORT`.
    pub(crate) address: String,
}

impl Reference {
    /// Starts it with these further arguments and waits for the line that tells its address.
    pub(crate) fn start(args: &[&str]) -> Result<Self, String> {
        let mut child = allclear()
            .args(["serve-reference", "serve", "--listen", "127.0.0.1:0"])
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|e| format!("the reference service does not start: {e}"))?;
        let mut line = String::new();
        let stdout = child.stdout.take().expect("piped above");
        BufReader::new(stdout).read_line(&mut line).map_err(|e| e.to_string())?;
        let running = Running(child);
        let told: serde_json::Value = serde_json::from_str(&line).map_err(|e| format!("{line:?}: {e}"))?;
        let address = told["listening"].as_str().ok_or("no address told")?.to_owned();
        Ok(Self { _running: running, address })
    }
}

/// The binary under test, with an environment of its own.
pub(crate) fn allclear() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_allclear"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("ALLCLEAR_") {
            command.env_remove(name);
        }
    }
    for name in ["CI", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITLAB_CI", "TRACEPARENT"] {
        command.env_remove(name);
    }
    command
}

/// Runs one suite text from a folder of its own; gives the output and the folder, in which `run.json` and `junit.xml` lie.
pub(crate) fn run_suite(text: &str) -> Result<(Output, tempfile::TempDir), String> {
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    std::fs::write(folder.path().join("it.suite.yaml"), text).map_err(|e| e.to_string())?;
    let output = allclear()
        .current_dir(folder.path())
        .args(["run", "it.suite.yaml", "--report", "json=run.json", "--report", "junit=junit.xml"])
        .output()
        .map_err(|e| e.to_string())?;
    Ok((output, folder))
}

/// The record that a run left in its folder.
pub(crate) fn record(folder: &Path) -> Result<serde_json::Value, String> {
    let text = std::fs::read_to_string(folder.join("run.json")).map_err(|e| format!("run.json: {e}"))?;
    serde_json::from_str(&text).map_err(|e| e.to_string())
}

/// Fails with everything that was seen unless the exit code is as expected.
pub(crate) fn expect_code(output: &Output, code: i32) -> Result<(), String> {
    if output.status.code() == Some(code) {
        return Ok(());
    }
    Err(format!(
        "exit {:?}, expected {code}\n{}\n{}",
        output.status.code(),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    ))
}
