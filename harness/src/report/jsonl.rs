//! The event stream, one JSON object a line, written as it happens; and the record that can be made from it again.

use super::file::LiveFile;
use super::json::{Inert, RecordError};
use super::{Closing, ReportError, Reporter};
use crate::model::{CheckId, Event, Outcome, Place, Record, Severity, Verdict};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

/// The first line: what the stream is.
#[derive(Serialize, Deserialize)]
struct Head {
    stream: String,
    format: u32,
}

const STREAM: &str = "allclear";

/// Writes each event to its file as it comes: a run that is killed can still be told.
#[derive(Debug)]
pub struct Stream {
    file: LiveFile,
    begun: bool,
}

impl Stream {
    /// A stream into a file that is open.
    #[must_use]
    pub fn new(file: LiveFile) -> Self {
        Self { file, begun: false }
    }
}

impl Reporter for Stream {
    fn take(&mut self, event: &Event) -> Result<(), ReportError> {
        let mut lines = if self.begun { String::new() } else { head() };
        lines.push_str(&line(event).map_err(|why| ReportError::Render { to: "event stream".to_owned(), why })?);
        self.file.append(&lines)?;
        self.begun = true;
        Ok(())
    }

    fn finish(&mut self, _: &Closing<'_>) -> Result<(), ReportError> {
        self.file.close()
    }
}

fn head() -> String {
    line(&Head { stream: STREAM.to_owned(), format: Record::FORMAT }).expect("a string and a number are always written")
}

fn line(value: &impl Serialize) -> Result<String, String> {
    let mut bytes = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, Inert(serde_json::ser::CompactFormatter));
    value.serialize(&mut serializer).map_err(|e| e.to_string())?;
    bytes.push(b'\n');
    String::from_utf8(bytes).map_err(|e| e.to_string())
}

/// The stream that a record could have come from: starts of checks are not in it.
///
/// # Errors
/// The reason, if a number in it has no JSON form.
pub fn write(record: &Record) -> Result<String, String> {
    let mut out = head();
    out.push_str(&line(&Event::RunStarted(Box::new(record.run.clone())))?);
    for what in &record.notices {
        out.push_str(&line(&Event::Noticed { what: what.clone() })?);
    }
    for outcome in &record.checks {
        out.push_str(&line(&Event::CheckFinished(Box::new(outcome.clone())))?);
    }
    if let Some(end) = &record.end {
        out.push_str(&line(&Event::RunFinished(end.clone()))?);
    }
    Ok(out)
}

/// Whether the text is a stream and not a record.
#[must_use]
pub fn is_stream(text: &str) -> bool {
    text.lines().next().and_then(|l| serde_json::from_str::<Head>(l).ok()).is_some_and(|h| h.stream == STREAM)
}

/// Makes the record again. Of a run that was killed the last line may be cut; checks that had not finished are
/// inconclusive, so that the record never passes by what it does not know.
///
/// # Errors
/// [`RecordError`] if it is no stream, one of another format, or broken in the middle, with the number of the line.
pub fn rebuild(text: &str) -> Result<Record, RecordError> {
    let mut lines = text.split_inclusive('\n').zip(1u32..);
    let shape = |what: &str| RecordError::Shape(what.to_owned());
    let (first, _) = lines.next().ok_or_else(|| shape("the stream is empty"))?;
    let head: Head = serde_json::from_str(first).map_err(|_| shape("line 1: the head of an event stream was expected"))?;
    if head.stream != STREAM {
        return Err(shape("line 1: the head of an event stream was expected"));
    }
    if head.format != Record::FORMAT {
        return Err(RecordError::Format { found: head.format.to_string(), reads: Record::FORMAT });
    }
    let mut record: Option<Record> = None;
    let mut started = BTreeMap::new();
    for (line, number) in lines {
        let event: Event = match serde_json::from_str(line) {
            Ok(event) => event,
            Err(_) if !line.ends_with('\n') => break,
            Err(_) if line.trim().is_empty() => continue,
            Err(e) => return Err(RecordError::Shape(format!("line {number}: {e}"))),
        };
        match (&event, &mut record) {
            (Event::RunStarted(info), None) => record = Some(Record::started((**info).clone())),
            (_, None) => return Err(RecordError::Shape(format!("line {number}: an event before the run started"))),
            (event, Some(record)) => {
                if let Event::CheckStarted { check, at } = event {
                    started.insert(check.clone(), *at);
                }
                record.take(event);
            }
        }
    }
    let mut record = record.ok_or_else(|| shape("the run never started"))?;
    if record.end.is_none() {
        tell_the_rest(&mut record, &started);
        record.settle();
    }
    Ok(record)
}

/// What had not finished when a run was killed.
fn tell_the_rest(record: &mut Record, started: &BTreeMap<CheckId, jiff::Timestamp>) {
    let finished: HashSet<_> = record.checks.iter().map(|o| o.check.clone()).collect();
    for check in record.run.checks.iter().filter(|c| !finished.contains(c)) {
        let at = started.get(check);
        let reason = if at.is_some() { "it was running when the run was killed" } else { "the run was killed before it began" };
        let file = record.run.suites.iter().find(|s| *s.name == *check.suite).map_or_else(String::new, |s| s.file.clone());
        record.checks.push(Outcome {
            check: check.clone(),
            kind: String::new(),
            verdict: Verdict::Inconclusive,
            severity: Severity::Required,
            place: Place { file, line: 0, column: 0, width: 1, text: String::new() },
            reason: Some(reason.to_owned()),
            root: None,
            summary: String::new(),
            clauses: Vec::new(),
            measurements: Vec::new(),
            rounds: 0,
            started: at.copied().unwrap_or(record.run.at),
            took: Duration::ZERO,
            notes: Vec::new(),
            observation: None,
            about: None,
            runbook: None,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::file::Destination;
    use crate::report::inert::tests::{HOSTILE, assert_inert};
    use crate::report::samples::{events, mixed, record, soaked_record};

    fn stream_of(events: &[Event]) -> String {
        events.iter().fold(head(), |out, e| out + &line(e).unwrap())
    }

    #[test]
    fn the_stream_of_a_run_makes_its_record_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("events.jsonl");
        let mut stream = Stream::new(LiveFile::open(&Destination::File(path.clone()), false).unwrap());
        for event in events(mixed()) {
            stream.take(&event).unwrap();
        }
        let expected = record(mixed());
        stream.finish(&Closing { record: &expected, failures: &[], exit: expected.exit }).unwrap();
        let text = std::fs::read_to_string(path).unwrap();
        assert!(is_stream(&text));
        let back = rebuild(&text).unwrap();
        assert_eq!((back.checks, back.counts, back.end), (expected.checks, expected.counts, expected.end));
    }

    #[test]
    fn a_record_is_written_as_a_stream_and_made_again() {
        for text in HOSTILE {
            let record = soaked_record(text);
            let stream = write(&record).unwrap();
            assert_inert(&stream);
            assert_eq!(rebuild(&stream).unwrap().checks, record.checks);
        }
    }

    #[test]
    fn a_run_that_was_killed_anywhere_can_be_told_and_never_passes() {
        let all = record(mixed());
        let mut passing: Vec<_> = mixed();
        passing.iter_mut().for_each(|o| o.verdict = Verdict::Pass);
        let text = stream_of(&events(passing));
        let begun = text.match_indices('\n').nth(1).unwrap().0 + 1;
        let end = text[..text.len() - 1].rfind('\n').unwrap() + 1;
        for cut in (begun..end).filter(|at| text.is_char_boundary(*at)).step_by(7) {
            let record = rebuild(&text[..cut]).unwrap();
            assert_eq!(record.checks.len(), all.checks.len(), "every check of the plan is told");
            assert!(record.end.is_none());
            if record.counts.unsure > 0 {
                assert_eq!(record.exit, 4);
            }
        }
    }

    #[track_caller]
    fn refused(text: &str, expected: &str) {
        let error = rebuild(text).expect_err("it is no stream").to_string();
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn what_is_no_stream_is_refused_with_its_line() {
        refused("", "the stream is empty");
        refused("{\"format\":1}\n", "line 1: the head of an event stream was expected");
        refused("{\"stream\":\"allclear\",\"format\":9}\n", "format 9");
        refused(&head(), "the run never started");
        let mut text = stream_of(&events(mixed()));
        text.insert_str(text.match_indices('\n').nth(1).unwrap().0 + 1, "{\"event\":\"bogus\"}\n");
        refused(&text, "line 3: unknown variant");
    }
}
