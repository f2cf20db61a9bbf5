//! nginx before the event streams of the reference service: as it comes, as it has to be, and in every wire that users speak.

use super::nginx::{Listen, start};
use super::program::{Reference, allclear, expect_code, record};
use super::verdicts::verdicts;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What a proxy must say to let a stream through; without `proxy_buffering off` the header of the service says it.
const HTTP11: &str = "proxy_http_version 1.1; proxy_set_header Connection '';";
/// The header by which the service itself asks for no buffering does not count.
const DEAF: &str = "proxy_ignore_headers X-Accel-Buffering;";

/// As nginx comes: HTTP/1.0 to the service, and its answer in buffers.
pub(crate) fn a_stream_in_the_buffers_of_nginx_is_not_timely(nginx: &Path) -> Result<(), String> {
    let seen = judge(nginx, &format!("proxy_pass http://SERVICE; {DEAF}"), &Wire::plain(), &[])?;
    match (seen.code, seen.said("sse/timely")) {
        (Some(1), "broken") if seen.cases.contains(&"direct/batch".to_owned()) || seen.cases.contains(&"direct".to_owned()) => Ok(()),
        (code, timely) => Err(format!("expected exit 1 and a broken sse/timely: {code:?}, {timely}, {:?}\n{}", seen.cases, seen.screen)),
    }
}

/// HTTP/1.1, and no buffers by the proxy's own word.
pub(crate) fn a_stream_through_nginx_without_buffers_is_held(nginx: &Path) -> Result<(), String> {
    held(nginx, &format!("proxy_pass http://SERVICE; {HTTP11} {DEAF} proxy_buffering off;"), &Wire::plain())
}

/// HTTP/1.1, and no buffers because the service says `X-Accel-Buffering: no`.
pub(crate) fn a_stream_that_asks_nginx_for_no_buffers_is_held(nginx: &Path) -> Result<(), String> {
    held(nginx, &format!("proxy_pass http://SERVICE; {HTTP11}"), &Wire::plain())
}

/// HTTP/1.1 in TLS.
pub(crate) fn a_stream_in_tls_is_held(nginx: &Path) -> Result<(), String> {
    held(nginx, &format!("proxy_pass http://SERVICE; {HTTP11}"), &Wire::encrypted("1.1")?)
}

/// HTTP/2 in TLS.
pub(crate) fn a_stream_over_http2_is_held(nginx: &Path) -> Result<(), String> {
    held(nginx, &format!("proxy_pass http://SERVICE; {HTTP11}"), &Wire::encrypted("2")?)
}

/// Flaws are caught over HTTP/2 as they are over HTTP/1.1: events in batches.
pub(crate) fn a_batched_stream_is_caught_over_http2(nginx: &Path) -> Result<(), String> {
    caught(nginx, "sse-batched", "sse/timely")
}

/// An event twice after a reconnect.
pub(crate) fn a_bad_seam_is_caught_over_http2(nginx: &Path) -> Result<(), String> {
    caught(nginx, "sse-seam-duplicate", "sse/replay")
}

/// A stream that never beats.
pub(crate) fn a_silent_stream_is_caught_over_http2(nginx: &Path) -> Result<(), String> {
    caught(nginx, "sse-no-heartbeat", "sse/heartbeat")
}

/// How a client speaks to the proxy.
struct Wire {
    scheme: &'static str,
    version: &'static str,
    /// Certificate of the authority, and what nginx shows; they live as long as their folder.
    tls: Option<(PathBuf, PathBuf, PathBuf, tempfile::TempDir)>,
}

impl Wire {
    fn plain() -> Self {
        Self { scheme: "http", version: "1.1", tls: None }
    }

    /// TLS with a certificate for 127.0.0.1 by an authority of its own.
    fn encrypted(version: &'static str) -> Result<Self, String> {
        let told = |e: rcgen::Error| e.to_string();
        let mut authority = CertificateParams::new(Vec::new()).map_err(told)?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority_key = KeyPair::generate().map_err(told)?;
        let ca_text = authority.self_signed(&authority_key).map_err(told)?.pem();
        let key = KeyPair::generate().map_err(told)?;
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).map_err(told)?;
        let certificate = params.signed_by(&key, &Issuer::new(authority, authority_key)).map_err(told)?;
        let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).map(|()| path).map_err(|e| e.to_string())
        };
        let tls = (file("ca.pem", &ca_text)?, file("cert.pem", &certificate.pem())?, file("key.pem", &key.serialize_pem())?, folder);
        Ok(Self { scheme: "https", version, tls: Some(tls) })
    }

    fn listen(&self) -> Listen {
        match &self.tls {
            None => Listen::default(),
            Some((_, certificate, key, _)) => Listen {
                options: if self.version == "2" { " ssl http2" } else { " ssl" },
                also: format!("ssl_certificate {}; ssl_certificate_key {};", certificate.display(), key.display()),
            },
        }
    }
}

/// What a run said.
struct Seen {
    code: Option<i32>,
    verdicts: BTreeMap<String, String>,
    /// Cases of clauses that are broken.
    cases: Vec<String>,
    screen: String,
}

impl Seen {
    fn said(&self, clause: &str) -> &str {
        self.verdicts.get(clause).map_or("not asked for", String::as_str)
    }
}

/// Everything that is promised holds through this proxy.
fn held(nginx: &Path, location: &str, wire: &Wire) -> Result<(), String> {
    let seen = judge(nginx, location, wire, &[])?;
    match seen.code == Some(0) && seen.verdicts.len() >= 7 && seen.verdicts.values().all(|v| v == "held") {
        true => Ok(()),
        false => Err(format!("expected exit 0 and everything held: {:?}, {:?}\n{}", seen.code, seen.verdicts, seen.screen)),
    }
}

/// This flaw breaks this clause, over HTTP/2 in TLS.
fn caught(nginx: &Path, defect: &str, clause: &str) -> Result<(), String> {
    let location = format!("proxy_pass http://SERVICE; {HTTP11}");
    let seen = judge(nginx, &location, &Wire::encrypted("2")?, &[&format!("--defect={defect}")])?;
    match (seen.code, seen.said(clause)) {
        (Some(1), "broken") => Ok(()),
        _ => Err(format!("expected a broken {clause}: {:?}\n{}", seen.verdicts, seen.screen)),
    }
}

/// Runs a suite about streams against the reference service behind nginx.
fn judge(nginx: &Path, location: &str, wire: &Wire, flaws: &[&str]) -> Result<Seen, String> {
    let service = Reference::start(&[&["--heartbeat=300ms"], flaws].concat())?;
    let location = format!("location / {{ {} }}", location.replace("SERVICE", &service.address));
    let (_running, port, _folder) = start(nginx, &wire.listen(), &location)?;
    let ca = wire.tls.as_ref().map_or_else(String::new, |(ca, ..)| format!(", ca: '{}'", ca.display()));
    let target = format!("{{ url: '{}://127.0.0.1:{port}', http: '{}'{ca} }}", wire.scheme, wire.version);
    let environment = format!("environment: proxy\nallows: write\nhosts: [127.0.0.1]\ntargets: {{ api: {target} }}\n");
    let suite = "suite: streams\nchecks:\n  - name: streams come through\n    sse:\n      get: /api/v1/events\n      \
                 open-within: 500ms\n      heartbeat-within: 1200ms\n      timely-within: 600ms\n      \
                 drive: { post: /api/v1/jobs, json: { work-ms: 100 }, repeatable: true, id: $.id, jobs: 20, rate: 50/s }\n      \
                 identify: { job: $.job_id, order: [event-id, $.seq] }\n      drains-within: 5s\n      cuts: 5\n      ends-with: [done, failed]\n";
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    for (name, text) in [("it.suite.yaml", suite), ("it.env.yaml", &environment)] {
        std::fs::write(folder.path().join(name), text).map_err(|e| e.to_string())?;
    }
    let args = ["run", "it.suite.yaml", "--env", "it.env.yaml", "--report", "json=run.json"];
    let output = allclear().current_dir(folder.path()).args(args).output().map_err(|e| e.to_string())?;
    let screen = String::from_utf8_lossy(&output.stderr).into_owned();
    let code = output.status.code();
    if !matches!(code, Some(0 | 1)) {
        expect_code(&output, 1)?;
    }
    let record = record(folder.path())?;
    let clauses = record["checks"][0]["clauses"].as_array().cloned().unwrap_or_default();
    let broken = clauses.iter().filter(|c| c["clause"] == "sse/timely" && c["verdict"] == "broken");
    let cases = broken.filter_map(|c| c["case"].as_str()).map(str::to_owned).collect();
    Ok(Seen { code, verdicts: verdicts(&record), cases, screen })
}
