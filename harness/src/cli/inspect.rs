//! `lint`, `list` and `render`: everything that reads suites and sends nothing.

use super::failure::Failure;
use super::inputs::{inputs, plan};
use super::{World, args, print};
use crate::plan::{self, Inputs, Plan};
use crate::report::{inert, writer};
use std::fmt::Write as _;
use std::process::ExitCode;

/// Reads everything and tells every mistake, and which clauses cannot be judged in this environment.
pub(super) fn lint(args: &args::Lint, world: &World) -> Result<ExitCode, Failure> {
    let given = inputs(&args.inputs, world)?;
    // Nothing to run is nothing to mend: lint knows only 0 and 2.
    let made = plan(&given).map_err(|failure| Failure::NeverStarted(failure.to_string()))?;
    let listed = plan::list(&made);
    let judged: usize = listed.iter().map(|check| check.judged.len()).sum();
    let mut text = String::new();
    for check in &listed {
        for (clause, why) in &check.not_judged {
            let _ = writeln!(text, "{}: not judged here: {clause}: {}", check.place, inert::line(why));
        }
    }
    for warning in &made.warnings {
        let _ = writeln!(text, "warning: {}", inert::line(warning));
    }
    let _ = writeln!(text, "ok: {}, {}, {}", count(made.suites.len(), "suite"), count(listed.len(), "check"), count(judged, "clause"));
    writer::err(&text);
    Ok(ExitCode::SUCCESS)
}

/// One line a check, or one JSON document.
pub(super) fn list(args: &args::List, world: &World) -> Result<ExitCode, Failure> {
    let mut given = inputs(&args.inputs, world)?;
    given.given.listing = true;
    let made = plan(&given)?;
    if args.json {
        let json = serde_json::to_string_pretty(&plan::list(&made)).expect("a list of checks is plain JSON");
        return print(json);
    }
    print(lines(&made))
}

/// Every check as it will run.
pub(super) fn render(args: &args::Inputs, world: &World) -> Result<ExitCode, Failure> {
    let made = plan(&Inputs { keep_resolved: true, ..inputs(args, world)? })?;
    print(plan::render(&made))
}

/// The plan for people: what `list` and `run --dry-run` print.
pub(super) fn lines(plan: &Plan) -> String {
    let mut out = String::new();
    let mut suite = String::new();
    let listed = plan::list(plan);
    for check in &listed {
        if suite != check.suite {
            suite.clone_from(&check.suite);
            let _ = writeln!(out, "{}", inert::line(&suite));
        }
        let mut words = vec![check.kind.clone(), check.impact.to_string()];
        if check.gate {
            words.push("gate".to_owned());
        }
        words.extend(check.tags.iter().map(|tag| format!("#{tag}")));
        let _ = writeln!(out, "  {}  [{}]", inert::line(&check.name), words.join(", "));
        if !check.needs.is_empty() {
            let _ = writeln!(out, "      needs       {}", inert::line(&check.needs.join(", ")));
        }
        match &check.skip {
            Some(why) => {
                let _ = writeln!(out, "      skipped     {}", inert::line(why));
            }
            None => {
                let _ = writeln!(out, "      judged      {}", check.judged.join(", "));
                for (clause, why) in &check.not_judged {
                    let _ = writeln!(out, "      not judged  {clause}: {}", inert::line(why));
                }
            }
        }
    }
    let _ = writeln!(out, "{} in {}; nothing was sent", count(listed.len(), "check"), count(plan.suites.len(), "suite"));
    out
}

fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}
