//! The screen on a real terminal, by tmux: the live line says what is waited for.

use super::program::{free_port, say};
use std::path::Path;
use std::process::Command;

pub(crate) fn a_terminal_shows_what_is_waited_for(tmux: &Path) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let port = free_port();
    let suite = format!(
        "suite: screen\ntargets: {{ api: {{ url: 'http://127.0.0.1:{port}' }} }}\nchecks:\n  - name: it comes up\n    ready: {{ get: /ready, within: 20s }}\n"
    );
    std::fs::write(folder.path().join("it.suite.yaml"), suite).map_err(|e| e.to_string())?;
    let socket = folder.path().join("tmux.sock");
    let run = |args: &[&str]| {
        let output = Command::new(tmux).arg("-S").arg(&socket).args(args).output().map_err(|e| e.to_string())?;
        Ok::<_, String>(String::from_utf8_lossy(&output.stdout).into_owned())
    };
    // In a pipeline there would be no live line.
    let command = format!(
        "unset CI GITHUB_ACTIONS GITLAB_CI; cd '{}' && '{}' run it.suite.yaml; sleep 60",
        folder.path().display(),
        env!("CARGO_BIN_EXE_allclear")
    );
    run(&["new-session", "-d", "-x", "120", "-y", "30", "-s", "it", &command])?;
    let mut last = String::new();
    let mut seen = false;
    for _ in 0..200 {
        last = run(&["capture-pane", "-p", "-t", "it"])?;
        if last.contains("it comes up") && last.contains("refused") {
            seen = true;
            break;
        }
        // The screen of another process can only be looked at again.
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    run(&["kill-server"])?;
    if seen {
        Ok(())
    } else {
        say(&last);
        Err("the live line never said what is waited for".to_owned())
    }
}
