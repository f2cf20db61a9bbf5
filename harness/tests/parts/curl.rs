//! The command that a finding gives for seeing it again, tried with the real curl.

use super::program::{Reference, expect_code, record, run_suite};
use std::path::Path;
use std::process::Command;

pub(crate) fn the_command_of_a_finding_shows_it_again(_curl: &Path) -> Result<(), String> {
    let service = Reference::start(&[])?;
    let suite = format!(
        "suite: again\ntargets: {{ api: {{ url: 'http://{}' }} }}\nchecks:\n  - name: it is a teapot\n    http:\n      get: /health\n      query: {{ q: \"a b&c'd\" }}\n      headers: {{ x-odd: \"it's $HOME `x`\" }}\n      expect: {{ status: 418 }}\n",
        service.address
    );
    let (output, folder) = run_suite(&suite)?;
    expect_code(&output, 1)?;
    let record = record(folder.path())?;
    let again = record["checks"][0]["clauses"][0]["finding"]["again"].as_str().ok_or("no command in the finding")?.to_owned();
    let shown = Command::new("sh").arg("-c").arg(&again).output().map_err(|e| e.to_string())?;
    let text = String::from_utf8_lossy(&shown.stdout);
    if shown.status.success() && text.contains("healthy") {
        Ok(())
    } else {
        Err(format!("{again}\ngave {:?}: {text}\n{}", shown.status.code(), String::from_utf8_lossy(&shown.stderr)))
    }
}
