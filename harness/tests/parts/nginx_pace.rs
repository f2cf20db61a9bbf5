//! nginx as the one who limits: how often one may call (`limit_req`), and how long one may take (its timeouts), edge by edge.

use super::program::{Reference, Running, allclear, expect_code, free_port, record};
use std::path::Path;
use std::process::Command;

/// Five a second, three more at once: a bucket of four that fills within 800 ms.
const ZONE: &str = "limit_req_zone $binary_remote_addr zone=calls:1m rate=5r/s; limit_req_status 429;";
const LIMITED: &str = "location = /limited { limit_req zone=calls burst=3 nodelay; empty_gif; }";

pub(crate) fn the_edge_of_limit_req_is_where_it_was_declared(nginx: &Path) -> Result<(), String> {
    let world = World::start(nginx, ZONE, LIMITED)?;
    // The same rate of five a second: what differs is how many of them at once.
    let check = |(name, quota): (&str, u32)| {
        format!(
            "  - name: {name}\n    promises: [rate/key, rate/edge]\n    rate-limit: {{ get: /limited, quota: {quota}, window: {}ms, windows: refill }}\n",
            quota * 200
        )
    };
    let checks: String = [("three", 3), ("four", 4), ("five", 5)].map(check).concat();
    let run = world.run(&checks, 1)?;
    run.expect("four", "rate/quota", "held", "")?;
    run.expect("four", "rate/key", "held", "")?;
    run.expect("four", "rate/edge", "held", "")?;
    run.expect("three", "rate/quota", "broken", "4 were admitted within")?;
    run.expect("five", "rate/quota", "broken", "only 4 were admitted after a window of silence, then 429")
}

pub(crate) fn limit_req_refuses_by_another_status_and_tells_no_time_unless_it_is_told_to(nginx: &Path) -> Result<(), String> {
    let world = World::start(nginx, &ZONE.replace("limit_req_status 429;", ""), LIMITED)?;
    let check = "  - name: refused\n    promises: [rate/retry-after]\n    rate-limit: { get: /limited, quota: 4, window: 800ms, windows: refill, refused: 429 }\n";
    let run = world.run(check, 1)?;
    run.expect("refused", "rate/quota", "broken", "503")?;
    run.expect("refused", "rate/retry-after", "broken", "no Retry-After")
}

pub(crate) fn a_limit_req_by_a_header_that_callers_write_is_caught(nginx: &Path) -> Result<(), String> {
    let zone = "map $http_x_forwarded_for $caller { '' $binary_remote_addr; default $http_x_forwarded_for; }\n\
                limit_req_zone $caller zone=calls:1m rate=5r/s; limit_req_status 429;";
    let world = World::start(nginx, zone, LIMITED)?;
    let check = "  - name: key\n    promises: [rate/key]\n    rate-limit: { get: /limited, quota: 4, window: 800ms, windows: refill, refused: 429 }\n";
    let run = world.run(check, 1)?;
    run.expect("key", "rate/quota", "held", "")?;
    run.expect("key", "rate/key", "broken", "`x-forwarded-for` of another address were admitted")
}

pub(crate) fn a_limit_of_how_often_is_no_limit_of_how_many_at_once(nginx: &Path) -> Result<(), String> {
    let service = Reference::start(&["--max-requests=100"])?;
    // Four at once, and another one every quarter of a second, while the work takes a second.
    let zone = "limit_req_zone $binary_remote_addr zone=calls:1m rate=4r/s; limit_req_status 429;";
    let place = format!("location / {{ limit_req zone=calls burst=3 nodelay; proxy_pass http://{}; }}", service.address);
    let world = World::start(nginx, zone, &place)?;
    let check = "  - name: slots\n    concurrency-limit: { post: /api/v1/work, json: { work-ms: 1000 }, limit: 4, refused: 429 }\n";
    world.run(check, 1)?.expect("slots", "limit/exact", "broken", "5 of 5 were admitted: one more ")
}

/// A place that answers, and one that waits for a body: nobody is behind it, and a body that never ends never comes so far.
fn places() -> String {
    format!("location = /health {{ empty_gif; }} location = /upload {{ proxy_pass http://127.0.0.1:{}; }}", free_port())
}

const SLOW_BODY: &str =
    "slow-body: { post: /upload, text: 'a body of which half is sent, and then perhaps a byte now and then, for long enough', after: 2s";

pub(crate) fn the_timeouts_of_nginx_are_kept_to_the_half_second(nginx: &Path) -> Result<(), String> {
    let times = "client_header_timeout 2s; client_body_timeout 2s; keepalive_timeout 3s;";
    let world = World::start(nginx, times, &places())?;
    let checks = format!(
        "  - name: kept\n    time-limit: {{ get: /health, slow-headers: 2s, {SLOW_BODY} }}, idle: 3s, unused: 2s }}\n\
         \x20 - name: other times\n    time-limit: {{ get: /health, slow-headers: 3s, idle: 2s, {SLOW_BODY}, dripping: true }} }}\n"
    );
    let run = world.run(&checks, 1)?;
    for clause in ["time/served", "time/slow-headers", "time/slow-body", "time/idle"] {
        run.expect("kept", clause, "held", "")?;
    }
    run.expect("other times", "time/slow-headers", "broken", "closed after")?;
    run.expect("other times", "time/idle", "broken", "after")?;
    // nginx counts from one read to the next.
    run.expect("other times", "time/slow-body", "broken", "still open after")
}

/// nginx with one server block, and the folder that it runs in.
struct World {
    _running: Running,
    port: u16,
    folder: tempfile::TempDir,
}

/// What a run told.
struct Told {
    record: serde_json::Value,
    screen: String,
}

impl World {
    /// In the foreground; ready when it accepts connections.
    fn start(nginx: &Path, http: &str, server: &str) -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
        let port = free_port();
        let at = folder.path().display();
        let config = format!(
            "daemon off;\nmaster_process off;\npid {at}/pid;\nerror_log {at}/error.log;\nevents {{}}\nhttp {{\n  access_log off;\n  client_body_temp_path {at}/body;\n  proxy_temp_path {at}/proxy;\n  fastcgi_temp_path {at}/fastcgi;\n  uwsgi_temp_path {at}/uwsgi;\n  scgi_temp_path {at}/scgi;\n{http}\n  server {{ listen 127.0.0.1:{port}; {server} }}\n}}\n"
        );
        let file = folder.path().join("nginx.conf");
        std::fs::write(&file, config).map_err(|e| e.to_string())?;
        let running = Running::start(Command::new(nginx).arg("-p").arg(folder.path()).arg("-c").arg(&file))?;
        let waited =
            allclear().args(["wait", &format!("tcp://127.0.0.1:{port}"), "--timeout", "20s"]).output().map_err(|e| e.to_string())?;
        expect_code(&waited, 0).map_err(|e| {
            let log = std::fs::read_to_string(folder.path().join("error.log")).unwrap_or_default();
            format!("nginx does not start: {e}\n{log}")
        })?;
        Ok(Self { _running: running, port, folder })
    }

    /// Runs these checks where load is allowed.
    fn run(&self, checks: &str, code: i32) -> Result<Told, String> {
        let folder = self.folder.path();
        let environment = format!(
            "environment: nginx\nallows: load\nhosts: [127.0.0.1]\ntargets: {{ api: {{ url: 'http://127.0.0.1:{}' }} }}\n",
            self.port
        );
        std::fs::write(folder.join("nginx.env.yaml"), environment).map_err(|e| e.to_string())?;
        std::fs::write(folder.join("it.suite.yaml"), format!("suite: nginx\nchecks:\n{checks}")).map_err(|e| e.to_string())?;
        let output = allclear()
            .current_dir(folder)
            .args(["run", "it.suite.yaml", "--env", "nginx.env.yaml", "--report", "json=run.json"])
            .output()
            .map_err(|e| e.to_string())?;
        expect_code(&output, code)?;
        Ok(Told { record: record(folder)?, screen: String::from_utf8_lossy(&output.stderr).into_owned() })
    }
}

impl Told {
    /// A case of the clause in that check has this verdict, and its finding says this; with `held` all of its cases have.
    fn expect(&self, check: &str, clause: &str, verdict: &str, observed: &str) -> Result<(), String> {
        let checks = self.record["checks"].as_array().into_iter().flatten();
        let of_it = checks
            .filter(|c| c["check"]["name"] == check)
            .flat_map(|c| c["clauses"].as_array().into_iter().flatten())
            .filter(|c| c["clause"] == clause);
        let all: Vec<_> = of_it.collect();
        let fits =
            |c: &&serde_json::Value| c["verdict"] == verdict && c["finding"]["observed"].as_str().unwrap_or_default().contains(observed);
        let is_told = if verdict == "held" { !all.is_empty() && all.iter().all(fits) } else { all.iter().any(fits) };
        if is_told { Ok(()) } else { Err(format!("{check}: {clause} is not {verdict} by `{observed}`: {all:#?}\n{}", self.screen)) }
    }
}
