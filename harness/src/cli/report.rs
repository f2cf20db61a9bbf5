//! `allclear report`: any report, made later from the record of a run; several records are merged as shards.

use super::failure::Failure;
use super::{World, args, reports};
use crate::model::{Record, record::RunVerdict};
use crate::report::{ReportFile, console, inert, json, jsonl, render, writer};
use std::process::ExitCode;

/// Reads, merges, writes, and ends with the merged verdict's code.
pub(super) fn report(args: &args::Report, world: &World) -> Result<ExitCode, Failure> {
    let wishes = reports::wishes(&args.reports, None)?;
    let records = args.records.iter().map(|path| read(path)).collect::<Result<Vec<_>, _>>()?;
    let found = records.len();
    let mut record = json::merge(records).map_err(|e| Failure::NeverStarted(inert::line(&e.to_string()).into_owned()))?;
    if let Some(expected) = args.shards
        && found != expected
    {
        record.notices.push(format!("{expected} shards were expected and {found} given"));
        if record.exit == 0 || record.exit == 5 {
            (record.verdict, record.exit) = (RunVerdict::Inconclusive, 4);
        }
    }
    let options = reports::options(&args.reports);
    for wish in &wishes {
        let text = render(wish.format, &record, &options).map_err(Failure::Harness)?;
        ReportFile::open(&wish.destination, options.durable)
            .and_then(|file| file.commit(text.as_bytes()))
            .map_err(|e| Failure::Harness(inert::line(&e.to_string()).into_owned()))?;
    }
    writer::err(&console::screen(&record, &reports::style(&args.show, world)));
    Ok(ExitCode::from(record.exit))
}

/// A record, or the event stream of a run (also of one that was killed).
fn read(path: &std::path::Path) -> Result<Record, Failure> {
    let shown = inert::line(&path.display().to_string()).into_owned();
    let text = std::fs::read_to_string(path).map_err(|e| Failure::NeverStarted(format!("{shown}: cannot be read: {e}")))?;
    let record = if jsonl::is_stream(&text) { jsonl::rebuild(&text) } else { json::read(&text) };
    record.map_err(|e| Failure::NeverStarted(format!("{shown}: {}", inert::line(&e.to_string()))))
}
