//! `allclear report`: any report, made later from the record of a run; several records are merged as shards.

use super::failure::Failure;
use super::{World, args, reports};
use crate::model::Record;
use crate::report::{Closing, ReportError, ReportFile, console, inert, json, jsonl, render, reporters, writer};
use std::path::Path;
use std::process::ExitCode;

/// Reads, merges, writes, and ends with the merged verdict's code.
pub(super) fn report(args: &args::Report, world: &World) -> Result<ExitCode, Failure> {
    let read_from: Vec<&Path> = args.records.iter().map(std::path::PathBuf::as_path).collect();
    let wishes = reports::wishes(&(&args.reports).into(), None, &read_from)?;
    reports::remove_stale(&wishes)?;
    let options = reports::options(&args.reports);
    let record = merged(args).inspect_err(|failure| reports::tell_never_started(&wishes, failure, options.durable))?;
    let mut failures = Vec::new();
    for wish in &wishes {
        // One that cannot be written starves no other.
        let done = render(wish.format, &record, &options)
            .map_err(|why| ReportError::Render { to: wish.destination.to_string(), why })
            .and_then(|text| ReportFile::open(&wish.destination, options.durable)?.commit(text.as_bytes()));
        failures.extend(done.err());
    }
    let exit = reporters::exit_with(record.exit, &failures);
    let closing = Closing { record: &record, failures: &failures, exit };
    writer::err(&console::screen_of(&closing, &reports::style(&args.show, world)));
    Ok(ExitCode::from(exit))
}

fn merged(args: &args::Report) -> Result<Record, Failure> {
    let records = args.records.iter().map(|path| read(path)).collect::<Result<Vec<_>, _>>()?;
    json::merge(records, args.shards).map_err(|e| Failure::NeverStarted(inert::line(&e.to_string()).into_owned()))
}

/// A record, or the event stream of a run (also of one that was killed).
fn read(path: &Path) -> Result<Record, Failure> {
    let shown = inert::line(&path.display().to_string()).into_owned();
    let text = std::fs::read_to_string(path).map_err(|e| Failure::NeverStarted(format!("{shown}: cannot be read: {e}")))?;
    let record = if jsonl::is_stream(&text) { jsonl::rebuild(&text) } else { json::read(&text) };
    record.map_err(|e| Failure::NeverStarted(format!("{shown}: {}", inert::line(&e.to_string()))))
}
