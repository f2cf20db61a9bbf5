//! PostgreSQL and Redis as the dependencies of the reference service, started and broken as the shipped environment `real` says.

use super::program::{allclear, expect_code};
use super::table::{ROWS, Row};
use super::verdicts::{verdicts, wrong};
use allclear::kind::Stand as _;
use allclear::model::FaultKind;
use allclear::plan::{Inputs, make};
use allclear::provision::{PartSpec, Provisioned, Spec, start};
use allclear::suite::{Given, Part};
use std::path::Path;
use std::process::Output;
use std::time::Duration;

const SUITES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../suites");
const ENVIRONMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../suites/environments/real.env.yaml");
const OUTAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/faults/outage.suite.yaml");
/// The password that the environment gives to the database.
pub(crate) const PASSWORD: &str = "local-password-0123456789";
/// What comes in any case; only a broken test waits for so long.
const LONG: Duration = Duration::from_secs(60);

/// Where the programs are: values of the variables of the environment.
fn vars(postgres: &Path) -> [String; 2] {
    let folder = postgres.parent().unwrap_or(Path::new("/"));
    [format!("postgresql={}", folder.display()), format!("allclear={}", env!("CARGO_BIN_EXE_allclear"))]
}

/// Runs this suite in this environment; gives the output and the record.
fn run(postgres: &Path, suite: &str, environment: &str) -> Result<(Output, serde_json::Value), String> {
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let [one, other] = vars(postgres);
    let output = allclear()
        .current_dir(folder.path())
        .args(["run", suite, "--env", environment, "--var", &one, "--var", &other, "--out", "out", "--report", "json=run.json"])
        .env("TABLE_TOKEN", "local-token-0123456789")
        .env("TABLE_PASSWORD", PASSWORD)
        .output()
        .map_err(|e| e.to_string())?;
    let left = std::fs::read_dir(folder.path().join("out/leases")).map_or(0, |files| files.count());
    if left > 0 {
        return Err(format!("{left} leases are left"));
    }
    let text = std::fs::read_to_string(folder.path().join("run.json"));
    let text = text.map_err(|e| format!("no record: {e}\n{}", String::from_utf8_lossy(&output.stderr)))?;
    Ok((output, serde_json::from_str(&text).map_err(|e| e.to_string())?))
}

/// The shipped suites, unchanged, with every fault clause of `health` and `ready`.
pub(crate) fn the_shipped_suites_pass_with_real_dependencies(postgres: &Path) -> Result<(), String> {
    let (output, record) = run(postgres, SUITES, ENVIRONMENT)?;
    expect_code(&output, 0)?;
    let seen = verdicts(&record);
    for clause in ["health/independent", "ready/falls", "ready/recovers", "ready/soft", "ready/truthful", "ready/first-request"] {
        if seen.get(clause).map(String::as_str) != Some("held") {
            return Err(format!("{clause} is {:?}", seen.get(clause)));
        }
    }
    Ok(())
}

/// What the table says of this defect must show with real dependencies too.
fn shows(postgres: &Path, defect: &str) -> Result<(), String> {
    let row: &Row = ROWS.iter().find(|row| row.defect == defect && OUTAGE.ends_with(row.suite)).ok_or("no such row")?;
    let text = std::fs::read_to_string(ENVIRONMENT).map_err(|e| e.to_string())?;
    let mut args = row.args.to_vec();
    let switch = format!("--defect={defect}");
    if !defect.is_empty() {
        args.push(&switch);
    }
    let args: String = args.iter().map(|arg| format!("        - {arg}\n")).collect();
    let text = text.replace("        - --parent-watch\n", &format!("        - --parent-watch\n{args}"));
    // What leaks must be found by what it is: the password is a secret here.
    let text = text.replace(&format!("  db_password: {PASSWORD}\n"), "");
    let secrets = "secrets: { db_password: { env: TABLE_PASSWORD }, service_token: { env: TABLE_TOKEN } }";
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let file = folder.path().join("real.env.yaml");
    std::fs::write(&file, format!("{text}\n{secrets}\n")).map_err(|e| e.to_string())?;
    let (output, record) = run(postgres, OUTAGE, &file.display().to_string())?;
    let screen = String::from_utf8_lossy(&output.stderr).into_owned();
    if screen.contains(PASSWORD) || record.to_string().contains(PASSWORD) {
        return Err("a secret stands in a report".to_owned());
    }
    let wrong = wrong(row, &verdicts(&record), |_| false);
    if wrong.is_empty() { Ok(()) } else { Err(format!("{}\n{screen}", wrong.join("\n"))) }
}

pub(crate) fn the_good_service_holds_everything_through_outages(postgres: &Path) -> Result<(), String> {
    shows(postgres, "")
}

pub(crate) fn a_pool_that_never_recovers_is_caught(postgres: &Path) -> Result<(), String> {
    shows(postgres, "pool-never-recovers")
}

pub(crate) fn a_liveness_that_touches_the_database_is_caught(postgres: &Path) -> Result<(), String> {
    shows(postgres, "health-touches-db")
}

pub(crate) fn a_middleware_that_touches_the_database_is_caught(postgres: &Path) -> Result<(), String> {
    shows(postgres, "middleware-touches-db")
}

pub(crate) fn a_readiness_that_hangs_with_the_database_is_caught(postgres: &Path) -> Result<(), String> {
    shows(postgres, "ready-hangs-with-db")
}

pub(crate) fn a_connection_string_with_its_password_is_caught(postgres: &Path) -> Result<(), String> {
    shows(postgres, "ready-leaks-when-failing")
}

/// Cuts, and what a process can suffer: each is felt by the service, and it is well again afterwards.
pub(crate) fn every_fault_of_both_is_felt_and_undone(postgres: &Path) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(|e| e.to_string())?;
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let spec = spec(postgres, folder.path())?;
    runtime.block_on(async {
        let world = start(&spec).await.map_err(|e| format!("{e:?}"))?;
        becomes(&world, 200, r#""status":"ready""#).await?;
        let cuts = [FaultKind::Blackhole, FaultKind::Swallow, FaultKind::Refuse, FaultKind::Reset, FaultKind::Slow];
        for fault in cuts.into_iter().chain([FaultKind::Pause, FaultKind::Kill]) {
            for (part, status, told) in [("db", 503, r#""db":"down""#), ("cache", 200, r#""status":"degraded""#)] {
                let lease = world.inject(part, fault).await.map_err(|e| format!("{fault} of {part}: {e}"))?;
                becomes(&world, status, told).await.map_err(|e| format!("{fault} of {part}: {e}"))?;
                lease.mend().await.map_err(|e| format!("{fault} of {part}: {e}"))?;
                becomes(&world, 200, r#""status":"ready""#).await.map_err(|e| format!("after {fault} of {part}: {e}"))?;
            }
        }
        for part in ["db", "cache"] {
            // Over before it could be felt for certain; what counts is that it is the same database afterwards.
            world.inject(part, FaultKind::Restart).await.map_err(|e| e.to_string())?.mend().await.map_err(|e| e.to_string())?;
            becomes(&world, 200, r#""status":"ready""#).await.map_err(|e| format!("after a restart of {part}: {e}"))?;
        }
        world.well().await.map_err(|e| e.why)?;
        match world.stop(LONG).await.as_slice() {
            [] => Ok(()),
            left => Err(format!("still there: {left:?}")),
        }
    })?;
    match std::fs::read_dir(folder.path()).map_err(|e| e.to_string())?.count() {
        0 => Ok(()),
        left => Err(format!("{left} leases are left")),
    }
}

/// What the shipped environment starts.
pub(crate) fn spec(postgres: &Path, leases: &Path) -> Result<Spec, String> {
    let vars =
        vars(postgres).iter().filter_map(|var| var.split_once('=')).map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let given = Given { vars, ..Given::default() };
    let inputs = Inputs { paths: vec![SUITES.into()], environment: Some(ENVIRONMENT.to_owned()), given, ..Inputs::default() };
    let plan = make(&inputs).map_err(|refused| refused.to_string())?;
    let provision = plan.provision.as_ref().ok_or("it provisions nothing")?;
    let part = |part: &Part| PartSpec { name: part.name.clone(), how: part.how.clone(), sets: part.sets.clone() };
    Ok(Spec {
        dependencies: provision.dependencies.iter().map(part).collect(),
        service: part(&provision.service),
        target: provision.target.clone(),
        executable: env!("CARGO_BIN_EXE_allclear").into(),
        leases: leases.to_owned(),
        run: "R1".into(),
    })
}

/// Waits until `/ready` answers so.
async fn becomes(world: &Provisioned, status: u16, told: &str) -> Result<(), String> {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut last = String::new();
    let wait = async {
        loop {
            let asked = async {
                let mut stream = tokio::net::TcpStream::connect(world.address()).await?;
                stream.write_all(b"GET /ready HTTP/1.1\r\nhost: it\r\nconnection: close\r\n\r\n").await?;
                last.clear();
                stream.read_to_string(&mut last).await
            };
            if asked.await.is_ok() && last.starts_with(&format!("HTTP/1.1 {status} ")) && last.contains(told) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let came = tokio::time::timeout(LONG, wait).await;
    came.map_err(|_| format!("/ready never became {status} with {told}; last {last:?}; {:?}", world.last_lines("service")))
}
