//! The heart of the project: for each defect of the reference service the clauses that must catch it, and those that may.
//! Every other clause must hold, and the known-good service must pass them all.

#![expect(clippy::disallowed_methods, reason = "tests start the real binary")]

#[path = "parts/program.rs"]
#[expect(dead_code, reason = "shared with the other test binaries, which use the rest")]
mod program;
#[path = "faults/table.rs"]
mod table;
#[path = "faults/verdicts.rs"]
mod verdicts;

use libtest_mimic::{Arguments, Failed, Trial};
use program::{Reference, allclear};
use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;
use table::{ROWS, Row};
use verdicts::{of_clause, verdicts, wrong};

/// Clauses that are not judged where the service was not started by the run: they need a dependency that can be cut.
const NEEDS_A_FAULT: &[&str] = &["health/independent", "ready/falls", "ready/recovers", "ready/soft", "ready/leaves-first"];

fn main() -> ExitCode {
    let mut trials: Vec<Trial> =
        interleaved(ROWS).into_iter().map(|row| Trial::test(row.title(), move || try_row(row).map_err(Failed::from))).collect();
    for row in table::GIVEN_UP {
        trials.push(Trial::test(row.title(), move || is_in_doubt(row).map_err(Failed::from)));
    }
    trials.push(Trial::test("every_defect_has_a_row", || every_defect_has_a_row().map_err(Failed::from)));
    trials.push(Trial::test("every_clause_is_caught_broken_by_some_row", || every_clause_has_a_twin().map_err(Failed::from)));
    let mut arguments = Arguments::from_args();
    // Services and their runs side by side keep both cores busy; more would only make each other slow.
    arguments.test_threads.get_or_insert(6);
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// The rows of each suite evenly among all: some suites keep the machine busy, others only wait, and side by side they take the least time.
fn interleaved(rows: &'static [Row]) -> Vec<&'static Row> {
    let mut of_suite = BTreeMap::<&str, usize>::new();
    rows.iter().for_each(|row| *of_suite.entry(row.suite).or_default() += 1);
    let mut before = BTreeMap::<&str, usize>::new();
    let mut placed: Vec<(usize, &Row)> = Vec::with_capacity(rows.len());
    for row in rows {
        let n = before.entry(row.suite).or_default();
        placed.push(((*n * 2 + 1) * 10_000 / of_suite[row.suite], row));
        *n += 1;
    }
    placed.sort_by_key(|(place, _)| *place);
    placed.into_iter().map(|(_, row)| row).collect()
}

/// How often a row is run that could not tell because this machine stood still.
const TURNS: u32 = 5;

/// Holds every clause against the table. A run that is in doubt, and says that this machine stood still meanwhile, proves nothing either way:
/// it is done again. A wrong verdict never is.
fn try_row(row: &Row) -> Result<(), String> {
    let mut turn = 1;
    loop {
        let (wrong, screen) = run_row(row)?;
        if wrong.is_empty() {
            return Ok(());
        }
        let is_doubt = wrong.iter().all(|w| w.ends_with(" is unsure")) && screen.contains("this machine stood still for ");
        if !is_doubt || turn == TURNS {
            return Err(format!("{}\n{screen}", wrong.join("\n")));
        }
        turn += 1;
    }
}

/// Runs the row's suite against the reference service with the row's defect: what is wrong by the table, and the screen.
fn run_row(row: &Row) -> Result<(Vec<String>, String), String> {
    let mut args: Vec<&str> = row.args.to_vec();
    let defect = format!("--defect={}", row.defect);
    if !row.defect.is_empty() {
        args.push(&defect);
    }
    let service = if row.is_provisioned() { None } else { Some(Reference::start(&args)?) };
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let world = match &service {
        Some(service) => {
            format!("allows: load\nhosts: [127.0.0.1]\ntargets: {{ api: {{ url: 'http://{}' }} }}\n{}", service.address, row.limits())
        }
        None => provision(&args),
    };
    let secrets = "secrets: { service_token: { env: TABLE_TOKEN }, db_password: { env: TABLE_PASSWORD } }\n";
    let environment = format!("environment: table\n{world}{secrets}");
    let file = folder.path().join("table.env.yaml");
    std::fs::write(&file, environment).map_err(|e| e.to_string())?;
    let record = folder.path().join("run.json");
    let suite = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/faults/").to_owned() + row.suite;
    let output = allclear()
        .current_dir(folder.path())
        .env("TABLE_TOKEN", "reference-token-0123456789")
        .env("TABLE_PASSWORD", "reference-db-password-0123456789")
        .arg("run")
        .arg(&suite)
        .arg("--env")
        .arg(&file)
        .arg(format!("--report=json={}", record.display()))
        .output()
        .map_err(|e| e.to_string())?;
    let screen = String::from_utf8_lossy(&output.stderr).into_owned();
    let text = std::fs::read_to_string(&record).map_err(|e| format!("no record: {e}\n{screen}"))?;
    if text.contains("reference-token-0123456789") || text.contains("reference-db-password-0123456789") || screen.contains("-0123456789") {
        return Err("a secret stands in a report".to_owned());
    }
    let record: serde_json::Value = serde_json::from_str(&text).map_err(|e| e.to_string())?;
    let is_excused = |clause: &str| !row.is_provisioned() && NEEDS_A_FAULT.contains(&clause);
    Ok((wrong(row, &verdicts(&record), is_excused), screen))
}

/// What the service gives up while it is held says nothing of its limit: it is in doubt, neither broken nor held.
fn is_in_doubt(row: &Row) -> Result<(), String> {
    let (wrong, screen) = run_row(row)?;
    let told = "the service gave ";
    if wrong == ["limit/exact must hold and is unsure", "limit/exact:2k+10 must hold and is unsure"] && screen.contains(told) {
        Ok(())
    } else {
        Err(format!("{}\n{screen}", wrong.join("\n")))
    }
}

/// A world of the run's own: two dependencies that can be cut, and the service with its flaw.
fn provision(args: &[&str]) -> String {
    let dependency =
        |name: &str| format!("    {name}: {{ embedded: reference-dependency, sets: {{ {name}: \"${{host}}:${{port}}\" }} }}\n");
    let args: String = args.iter().map(|arg| format!(", \"{arg}\"")).collect();
    let service =
        format!("  service: {{ embedded: reference-service, args: [--db, \"${{db}}\", --cache, \"${{cache}}\"{args}], target: api }}\n");
    format!("allows: disrupt\nprovision:\n  dependencies:\n{}{}{service}", dependency("db"), dependency("cache"))
}

fn every_defect_has_a_row() -> Result<(), String> {
    let output = allclear().args(["serve-reference", "defects"]).output().map_err(|e| e.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let listed: BTreeSet<&str> = text.lines().filter_map(|l| l.split('\t').next()).collect();
    let rows: BTreeSet<&str> = ROWS.iter().map(|r| r.defect).filter(|d| !d.is_empty()).collect();
    let missing: Vec<_> = listed.symmetric_difference(&rows).collect();
    if listed.len() >= 20 && missing.is_empty() {
        Ok(())
    } else {
        Err(format!("{} defects listed; not in both: {missing:?}", listed.len()))
    }
}

/// Each clause that these suites judge is caught broken by at least one defect: a clause that cannot fail proves nothing.
fn every_clause_has_a_twin() -> Result<(), String> {
    let caught: BTreeSet<&str> = ROWS.iter().flat_map(|r| r.must).map(|id| of_clause(id)).collect();
    let untried = |c: &String| !caught.contains(c.as_str()) && !table::PROVEN_ELSEWHERE.contains(&c.as_str());
    let untried: Vec<_> = clauses()?.into_iter().filter(untried).collect();
    if untried.is_empty() { Ok(()) } else { Err(format!("no defect breaks {untried:?}")) }
}

/// Every clause that there is.
fn clauses() -> Result<Vec<String>, String> {
    let output = allclear().arg("explain").output().map_err(|e| e.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(text.lines().filter_map(|l| l.split_whitespace().next()).filter(|w| w.contains('/')).map(str::to_owned).collect())
}
