//! One PostgreSQL for several replicas of the reference service: its migrations are applied once.

use super::program::{Reference, allclear, expect_code};
use super::real;
use allclear::provision::{How, Provisioned, ReadyBy, start};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Started side by side.
const REPLICAS: usize = 4;
const LONG: Duration = Duration::from_secs(60);

/// While one applies the migrations the others wait for it, and nobody is ready.
pub(crate) fn replicas_that_start_at_once_migrate_once(postgres: &Path) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(|e| e.to_string())?;
    let leases = tempfile::tempdir().map_err(|e| e.to_string())?;
    let mut spec = real::spec(postgres, leases.path())?;
    spec.dependencies.retain(|part| &*part.name == "db");
    // The database alone is wanted of this world.
    let How::Process(service) = &mut spec.service.how else { return Err("the service is a program".to_owned()) };
    (service.run, service.ready) = (["sh", "-c", "echo up; cat"].map(str::to_owned).into(), ReadyBy::Line("up".to_owned()));
    let world = runtime.block_on(start(&spec)).map_err(|e| format!("{e:?}"))?;
    let seen = migrate(postgres, &world);
    let left = runtime.block_on(world.stop(LONG));
    seen.and(if left.is_empty() { Ok(()) } else { Err(format!("still there: {left:?}")) })
}

fn migrate(postgres: &Path, world: &Provisioned) -> Result<(), String> {
    let at = world.values().find(|(name, _)| *name == "db").ok_or("no address")?.1.to_owned();
    let url = format!("postgres://media:{}@{at}/postgres", real::PASSWORD);
    let args = [format!("--db={url}"), "--migration-takes=1s".to_owned()];
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let replicas: Vec<Reference> = (0..REPLICAS).map(|_| Reference::start(&args)).collect::<Result<_, _>>()?;
    for replica in &replicas {
        let ready = format!("http://{}/ready", replica.address);
        let waited = allclear().args(["wait", &ready, "--timeout", "60s"]).output().map_err(|e| e.to_string())?;
        expect_code(&waited, 0)?;
    }
    let question = "SELECT count(*), min(version), max(version), count(DISTINCT applied_by) FROM schema_migrations";
    let asked =
        Command::new(postgres.with_file_name("psql")).args(["-At", "-c", question]).arg(&url).output().map_err(|e| e.to_string())?;
    expect_code(&asked, 0)?;
    let told = String::from_utf8_lossy(&asked.stdout).trim().to_owned();
    let lines = world.last_lines("db");
    // Before there is a table, asking for it is an error that everyone makes; any other is a migration that was tried twice.
    let twice: Vec<&String> = lines.iter().filter(|line| line.contains("ERROR") && !line.contains("schema_migrations")).collect();
    match (told.as_str(), twice.as_slice()) {
        ("3|1|3|1", []) => Ok(()),
        _ => Err(format!("applied (count, first, last, by how many): {told}; {twice:?}")),
    }
}
