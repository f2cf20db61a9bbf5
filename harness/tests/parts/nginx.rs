//! nginx as the service, and as the proxy before a service that is dead.

use super::program::{Running, allclear, expect_code, free_port, record, run_suite};
use std::path::Path;
use std::process::Command;

pub(crate) fn nginx_that_serves_its_health_passes(nginx: &Path) -> Result<(), String> {
    let (_running, port, _folder) = start(
        nginx,
        &Listen::default(),
        r#"location = /health { default_type application/json; add_header Cache-Control no-store; return 200 '{"status":"healthy"}'; }"#,
    )?;
    let suite = format!(
        "suite: nginx\ntargets: {{ api: {{ url: 'http://127.0.0.1:{port}' }} }}\nchecks:\n  - name: the process is up\n    promises: [health/open, health/fresh, health/bounded, health/agrees]\n    health: {{ get: /health, within: 2s, expect: {{ json: {{ $.status: healthy }} }} }}\n  - name: an unknown path is not found\n    http: {{ get: /nowhere, expect: {{ status: 404, headers: {{ server: {{ starts-with: nginx }} }} }} }}\n"
    );
    let (output, _folder) = run_suite(&suite)?;
    expect_code(&output, 0)
}

pub(crate) fn nginx_before_a_dead_service_fails_by_status(nginx: &Path) -> Result<(), String> {
    let dead = free_port();
    let (_running, port, _folder) = start(nginx, &Listen::default(), &format!("location / {{ proxy_pass http://127.0.0.1:{dead}; }}"))?;
    let suite = format!(
        "suite: nginx\ntargets: {{ api: {{ url: 'http://127.0.0.1:{port}' }} }}\nchecks:\n  - name: the process is up\n    health: {{ get: /health }}\n"
    );
    let (output, folder) = run_suite(&suite)?;
    expect_code(&output, 1)?;
    let record = record(folder.path())?;
    let clause = &record["checks"][0]["clauses"][0];
    if clause["clause"] != "health/code" || !clause["finding"]["observed"].to_string().contains("502") {
        return Err(format!("expected health/code with 502: {clause}"));
    }
    Ok(())
}

/// How nginx listens.
#[derive(Default)]
pub(super) struct Listen {
    /// Behind the address: ` ssl http2`.
    pub(super) options: &'static str,
    /// Further directives of the server block.
    pub(super) also: String,
}

/// nginx in the foreground with one server block; ready when it accepts connections.
pub(super) fn start(nginx: &Path, listen: &Listen, location: &str) -> Result<(Running, u16, tempfile::TempDir), String> {
    start_with(nginx, "", listen, location)
}

/// The same with directives before the server block.
pub(super) fn start_with(nginx: &Path, http: &str, listen: &Listen, location: &str) -> Result<(Running, u16, tempfile::TempDir), String> {
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let port = free_port();
    let at = folder.path().display();
    let config = format!(
        "daemon off;\nmaster_process off;\npid {at}/pid;\nerror_log {at}/error.log;\nevents {{}}\nhttp {{\n  access_log off;\n  client_body_temp_path {at}/body;\n  proxy_temp_path {at}/proxy;\n  fastcgi_temp_path {at}/fastcgi;\n  uwsgi_temp_path {at}/uwsgi;\n  scgi_temp_path {at}/scgi;\n{http}\n  server {{ listen 127.0.0.1:{port}{}; {} {location} }}\n}}\n",
        listen.options, listen.also
    );
    let file = folder.path().join("nginx.conf");
    std::fs::write(&file, config).map_err(|e| e.to_string())?;
    let running = Running::start(Command::new(nginx).arg("-p").arg(folder.path()).arg("-c").arg(&file))?;
    let waited = allclear().args(["wait", &format!("tcp://127.0.0.1:{port}"), "--timeout", "20s"]).output().map_err(|e| e.to_string())?;
    expect_code(&waited, 0).map_err(|e| {
        let log = std::fs::read_to_string(folder.path().join("error.log")).unwrap_or_default();
        format!("nginx does not start: {e}\n{log}")
    })?;
    Ok((running, port, folder))
}
