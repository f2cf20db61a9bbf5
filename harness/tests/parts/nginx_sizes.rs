//! `client_max_body_size` of nginx, found to the byte: on HTTP/1.1, under TLS, on HTTP/2, and where nginx does not linger.

use super::nginx::{Listen, start};
use super::program::{Reference, allclear, free_port};
use super::verdicts::verdicts;
use std::path::Path;

/// All that is promised of nginx's limit, which it holds by itself: 100 KiB to the byte.
const PROMISED: &str = "promises: [size/early, size/answer-arrives, size/in-sync, size/unharmed]";
const LIMITED: &str = "client_max_body_size 100k;";

/// What a run of one check showed: its exit code, its summary, its record, and the screen.
struct Ran {
    code: Option<i32>,
    summary: String,
    record: serde_json::Value,
    screen: String,
}

/// nginx with this limit before the reference service, whose own limit is far away; one check of uploads through it.
fn ran(nginx: &Path, limited: &str, check: &str) -> Result<Ran, String> {
    let service = Reference::start(&["--max-upload=4MiB"])?;
    let place = format!("location / {{ proxy_pass http://{}; }}", service.address);
    let (_running, port, _folder) = start(nginx, &Listen::default(), &format!("{limited} {place}"))?;
    looked(&format!("url: 'http://127.0.0.1:{port}'"), check)
}

fn looked(target: &str, check: &str) -> Result<Ran, String> {
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let file = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).map_err(|e| e.to_string());
    file("it.suite.yaml", &format!("suite: sizes\nchecks:\n  - name: uploads have a limit\n    timeout: 60s\n    {check}\n"))?;
    file("it.env.yaml", &format!("environment: it\nallows: load\nhosts: [127.0.0.1]\ntargets: {{ api: {{ {target} }} }}\n"))?;
    let output = allclear()
        .current_dir(folder.path())
        .args(["run", "it.suite.yaml", "--env", "it.env.yaml", "--report", "json=run.json"])
        .output()
        .map_err(|e| e.to_string())?;
    let screen = String::from_utf8_lossy(&output.stderr).into_owned();
    let text = std::fs::read_to_string(folder.path().join("run.json")).map_err(|e| format!("no record: {e}\n{screen}"))?;
    let record: serde_json::Value = serde_json::from_str(&text).map_err(|e| e.to_string())?;
    let summary = record["checks"][0]["summary"].as_str().unwrap_or_default().to_owned();
    Ok(Ran { code: output.status.code(), summary, record, screen })
}

impl Ran {
    fn held(&self, clauses: &[&str]) -> Result<(), String> {
        let seen = verdicts(&self.record);
        match clauses.iter().find(|clause| seen.get(**clause).map(String::as_str) != Some("held")) {
            None if self.code == Some(0) => Ok(()),
            other => Err(format!("exit {:?}, {other:?}: {seen:?}\n{}", self.code, self.screen)),
        }
    }

    fn says(&self, words: &[&str]) -> Result<(), String> {
        match words.iter().find(|word| !self.summary.contains(**word) && !self.screen.contains(**word)) {
            None => Ok(()),
            Some(word) => Err(format!("`{word}` is not said: {}\n{}", self.summary, self.screen)),
        }
    }
}

pub(crate) fn its_limit_is_exact_in_every_framing_and_named(nginx: &Path) -> Result<(), String> {
    let check = format!("{PROMISED}\n    size-limit: {{ post: /api/v1/uploads, limit: 100KiB, find: true, next: {{ get: /health }} }}");
    let ran = ran(nginx, LIMITED, &check)?;
    ran.held(&["size/accepts", "size/refuses", "size/early", "size/answer-arrives", "size/in-sync", "size/unharmed", "size/edge"])?;
    ran.says(&["accepts 102,400 bytes (100KiB), refuses 102,401 bytes, answered by the proxy in front (`Server: nginx"])
}

pub(crate) fn its_limit_is_found_where_none_is_declared(nginx: &Path) -> Result<(), String> {
    let ran = ran(
        nginx,
        "client_max_body_size 99997;",
        "size-limit: { post: /api/v1/uploads, find: true, framings: [content-length, chunked] }",
    )?;
    ran.held(&["size/accepts", "size/refuses", "size/edge"])?;
    ran.says(&["accepts 99,997 bytes, refuses 99,998 bytes, answered by the proxy in front"])
}

pub(crate) fn a_unit_that_was_misread_is_told(nginx: &Path) -> Result<(), String> {
    let ran = ran(nginx, LIMITED, "size-limit: { post: /api/v1/uploads, limit: 100kB, framings: [content-length, chunked] }")?;
    if ran.code != Some(1) || verdicts(&ran.record).get("size/refuses").map(String::as_str) != Some("broken") {
        return Err(format!("exit {:?}\n{}", ran.code, ran.screen));
    }
    ran.says(&["accepts 102,400 bytes (100KiB), refuses 102,401 bytes", "100kB was read in powers of two: 100KiB"])
}

/// Of a form nginx counts all: its limit is too low for the file in it, by the size of the framing.
pub(crate) fn a_form_is_limited_whole_and_that_is_caught(nginx: &Path) -> Result<(), String> {
    let check = "size-limit: { post: /api/v1/uploads, field: file, limit: 100KiB, framings: [content-length, chunked] }";
    let ran = ran(nginx, LIMITED, check)?;
    let seen = verdicts(&ran.record);
    let verdict = |clause: &str| seen.get(clause).map(String::as_str);
    if (ran.code, verdict("size/accepts"), verdict("size/refuses")) == (Some(1), Some("broken"), Some("held")) {
        Ok(())
    } else {
        Err(format!("exit {:?}: {seen:?}\n{}", ran.code, ran.screen))
    }
}

/// nginx throws away what comes of a refused body as long as it keeps coming; here it has no patience for that.
/// The answer is on the wire all the same: who listens while it sends sees it, who does not is told nothing but a broken pipe.
pub(crate) fn without_lingering_plain_clients_lose_the_answer_and_that_is_caught(nginx: &Path) -> Result<(), String> {
    let check = "promises: [size/answer-arrives]\n    size-limit: { post: /api/v1/uploads, limit: 100KiB, framings: [content-length] }";
    let ran = ran(nginx, &format!("{LIMITED} lingering_close off; lingering_timeout 1ms;"), check)?;
    let seen = verdicts(&ran.record);
    let verdict = |clause: &str| seen.get(clause).map(String::as_str);
    if (ran.code, verdict("size/answer-arrives"), verdict("size/refuses")) == (Some(1), Some("broken"), Some("held")) {
        Ok(())
    } else {
        Err(format!("exit {:?}: {seen:?}\n{}", ran.code, ran.screen))
    }
}

pub(crate) fn its_limit_is_the_same_under_tls_and_on_http2(nginx: &Path) -> Result<(), String> {
    let service = Reference::start(&["--max-upload=4MiB"])?;
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).map_err(|e| e.to_string())?;
    let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).map_err(|e| e.to_string())?;
    std::fs::write(&key, made.signing_key.serialize_pem()).map_err(|e| e.to_string())?;
    let (encrypted, plain) = (free_port(), free_port());
    let listens = format!(
        "listen 127.0.0.1:{encrypted} ssl http2; listen 127.0.0.1:{plain} http2; ssl_certificate {}; ssl_certificate_key {};",
        certificate.display(),
        key.display()
    );
    let place = format!("location / {{ proxy_pass http://{}; }}", service.address);
    let (_running, _, _folder) = start(nginx, &Listen::default(), &format!("{listens} {LIMITED} {place}"))?;
    let ca = format!("ca: '{}'", certificate.display());
    for target in [
        format!("url: 'https://127.0.0.1:{encrypted}', {ca}, http: 1.1"),
        format!("url: 'https://127.0.0.1:{encrypted}', {ca}, http: 2"),
        format!("url: 'http://127.0.0.1:{plain}', http: 2"),
    ] {
        let promised = "promises: [size/early, size/unharmed]";
        let check = format!("{promised}\n    size-limit: {{ post: /api/v1/uploads, limit: 100KiB, find: true, next: {{ get: /health }} }}");
        let ran = looked(&target, &check)?;
        ran.held(&["size/accepts", "size/refuses", "size/early", "size/unharmed", "size/edge"]).map_err(|e| format!("{target}: {e}"))?;
        ran.says(&["accepts 102,400 bytes (100KiB), refuses 102,401 bytes, answered by the proxy in front (`Server: nginx"])
            .map_err(|e| format!("{target}: {e}"))?;
    }
    Ok(())
}
