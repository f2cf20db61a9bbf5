//! From a record to suites and cases, and from those to the plain XML of `junit-report`.

use super::Profile;
use super::size::{Detail, attribute, name, text};
use crate::model::event::RunInfo;
use crate::model::{ClauseVerdict, Outcome, Record, Severity, Verdict};
use crate::report::console::verdict_name;
use crate::report::story::{self, Depth};
use junit_report as jr;
use std::collections::{HashMap, HashSet};

/// One `testsuite`. All text is inert and cut.
#[derive(Debug)]
pub(super) struct Suite {
    pub(super) name: String,
    /// Start, in seconds since the Unix epoch.
    pub(super) seconds: i64,
    pub(super) properties: Vec<(String, String)>,
    pub(super) cases: Vec<Case>,
}

/// One `testcase`.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) name: String,
    pub(super) class: String,
    pub(super) file: Option<String>,
    pub(super) line: Option<u32>,
    pub(super) millis: i64,
    pub(super) ended: Ended,
    pub(super) properties: Vec<(String, String)>,
}

/// What a case says of its check.
#[derive(Debug)]
pub(super) enum Ended {
    Passed,
    Failure { kind: String, message: String, text: String },
    Error { kind: String, message: String, text: String },
    Skipped { kind: &'static str, message: String, text: String },
}

/// The suites of a record, in the order in which they were read, and one more where the run itself went wrong.
pub(super) fn of(record: &Record, detail: &Detail) -> Vec<Suite> {
    let mut taken = HashSet::new();
    let mut by_suite: HashMap<&str, usize> = HashMap::new();
    let mut suites: Vec<Suite> = Vec::new();
    let run_seconds = record.run.at.as_second();
    let open = |suites: &mut Vec<Suite>, shown: &str| {
        suites.push(Suite { name: suite_name(shown, detail), seconds: run_seconds, properties: about_run(record), cases: Vec::new() });
        suites.len() - 1
    };
    // Suites first, so that their order is that of the run and not that of the first check to finish.
    let checked: HashSet<&str> = record.checks.iter().map(|o| &*o.check.suite).collect();
    for suite in record.run.suites.iter().filter(|s| checked.contains(s.name.as_str())) {
        if !by_suite.contains_key(suite.name.as_str()) {
            by_suite.insert(&suite.name, open(&mut suites, &suite.name));
        }
    }
    for outcome in &record.checks {
        let at = *by_suite.entry(&outcome.check.suite).or_insert_with(|| open(&mut suites, &outcome.check.suite));
        let mut case = case(outcome, &record.run, detail);
        set_apart(&mut case, &mut taken);
        let suite = &mut suites[at];
        if !matches!(outcome.verdict, Verdict::Blocked | Verdict::Skip) {
            let started = outcome.started.as_second();
            suite.seconds = if suite.cases.iter().any(|c| c.millis > 0) { suite.seconds.min(started) } else { started };
        }
        suite.cases.push(case);
    }
    if let (Some(message), true) = (story::of_an_empty_shard(record), record.checks.is_empty()) {
        // Readers take a report without any case for one that broke off.
        let at = open(&mut suites, "allclear");
        suites[at].cases.push(Case {
            name: "this shard has something to judge".to_owned(),
            class: "allclear".to_owned(),
            file: None,
            line: None,
            millis: 0,
            ended: Ended::Skipped { kind: "skip", message: attribute(&message, 2_000), text: attribute(&message, 8_000) },
            properties: Vec::new(),
        });
    }
    let run = story::of_the_run(record);
    if !run.is_empty() {
        let at = open(&mut suites, "allclear");
        for (name, message) in run {
            let mut case = Case {
                name: name.to_owned(),
                class: "allclear".to_owned(),
                file: None,
                line: None,
                millis: 0,
                ended: Ended::Error { kind: "run".to_owned(), message: attribute(&message, 2_000), text: attribute(&message, 8_000) },
                properties: Vec::new(),
            };
            set_apart(&mut case, &mut taken);
            suites[at].cases.push(case);
        }
    }
    suites
}

/// A suite without a name crashes one popular reader.
fn suite_name(shown: &str, detail: &Detail) -> String {
    if shown.trim().is_empty() { "(no name)".to_owned() } else { name(shown, detail.name.min(120)) }
}

/// Readers drop the second of two cases with the same class and name.
fn set_apart(case: &mut Case, taken: &mut HashSet<(String, String)>) {
    let plain = case.name.clone();
    let mut n = 1u32;
    while !taken.insert((case.class.clone(), case.name.clone())) {
        n += 1;
        case.name = format!("{plain} ({n})");
    }
}

fn case(outcome: &Outcome, run: &RunInfo, detail: &Detail) -> Case {
    let shown = if outcome.check.name.trim().is_empty() { "(no name)" } else { &*outcome.check.name };
    // Ten years are more than any run takes, and sums of them stay inside what the writer can add.
    let millis = ((outcome.took.as_secs_f64() * 1000.0).round() as i64).clamp(0, 315_360_000_000);
    Case {
        name: name(shown, detail.name),
        class: suite_name(&outcome.check.suite, detail),
        file: (detail.place && !outcome.place.file.is_empty()).then(|| attribute(&outcome.place.file, detail.name)),
        line: (detail.place && outcome.place.line > 0).then_some(outcome.place.line),
        millis,
        ended: ended(outcome, run, detail),
        properties: if detail.properties { about_case(outcome) } else { Vec::new() },
    }
}

/// Below so many bytes only the message is told: half a story helps nobody.
const LEAST_STORY: usize = 300;

fn ended(outcome: &Outcome, run: &RunInfo, detail: &Detail) -> Ended {
    if outcome.verdict == Verdict::Pass {
        return Ended::Passed;
    }
    let said = story::message(outcome);
    let message = attribute(&said, detail.message);
    // GitLab shows the text alone and never the message, so the message stands in the text as well.
    let whole = |story: bool| {
        let mut whole = said.clone();
        if story && detail.text >= LEAST_STORY {
            let depth = Depth { value_chars: Depth::REPORT.value_chars.min(detail.text), ..Depth::REPORT };
            let mut lines = story::lines(outcome, &story::again(outcome, run), &[], depth);
            // A story that begins with the same words need not be told them before.
            if lines.first().is_some_and(|l| l.text.trim_start() == said) {
                lines.remove(0);
            }
            whole.push('\n');
            for line in lines {
                whole.push('\n');
                whole.push_str(&line.text);
            }
        }
        text(&whole, detail.text)
    };
    let kind = |fallback: &str| attribute(outcome.troubles().next().map_or(fallback, |c| &c.clause), 100);
    match outcome.verdict {
        _ if story::is_note(outcome) => Ended::Skipped { kind: "advisory", message, text: whole(true) },
        Verdict::Fail => Ended::Failure { kind: kind("fail"), message, text: whole(true) },
        Verdict::Inconclusive => Ended::Error { kind: kind("inconclusive"), message, text: whole(true) },
        Verdict::Error => Ended::Error { kind: "error".to_owned(), message, text: whole(true) },
        Verdict::Blocked => {
            Ended::Skipped { kind: "blocked", message: attribute(&format!("blocked: {said}"), detail.message), text: whole(false) }
        }
        Verdict::Pass | Verdict::Skip => Ended::Skipped { kind: "skip", message, text: whole(false) },
    }
}

fn about_run(record: &Record) -> Vec<(String, String)> {
    let run = &record.run;
    let mut properties = vec![
        ("allclear.version".to_owned(), attribute(&run.version, 100)),
        ("allclear.run".to_owned(), attribute(&run.run, 100)),
        ("allclear.verdict".to_owned(), verdict_name(record.verdict).to_owned()),
        ("allclear.exit".to_owned(), record.exit.to_string()),
        ("environment".to_owned(), attribute(&run.environment, 200)),
    ];
    for (target, url) in run.targets.iter().take(50) {
        properties.push((format!("target.{}", attribute(target, 100)), attribute(url, 500)));
    }
    properties.extend(run.warnings.iter().take(50).map(|w| ("warning".to_owned(), attribute(w, 500))));
    properties.extend(record.notices.iter().take(50).map(|n| ("notice".to_owned(), attribute(n, 500))));
    properties
}

/// Which clauses were judged and which were not, on how much, and what was measured.
fn about_case(outcome: &Outcome) -> Vec<(String, String)> {
    let mut properties = vec![("kind".to_owned(), attribute(&outcome.kind, 100))];
    if outcome.severity == Severity::Advisory {
        properties.push(("severity".to_owned(), "advisory".to_owned()));
    }
    for clause in outcome.clauses.iter().take(200) {
        let said = match (clause.verdict, &clause.why) {
            (ClauseVerdict::NotJudged | ClauseVerdict::Unsure, Some(why)) => {
                format!("{}: {}", story::clause_word(clause.verdict), attribute(why, 300))
            }
            (ClauseVerdict::Broken | ClauseVerdict::Intermittent, _) => {
                format!("{}, {} of {}", story::clause_word(clause.verdict), clause.bad.max(1), clause.observations.max(1))
            }
            (verdict, _) => format!("{}, n={}", story::clause_word(verdict), clause.observations),
        };
        properties.push((format!("clause.{}", attribute(&story::clause_name(clause), 200)), said));
    }
    // The story of a check that did not pass has them; what passed has no story.
    properties.extend(outcome.notes.iter().take(50).map(|note| ("note".to_owned(), attribute(note, 500))));
    for m in outcome.measurements.iter().take(50) {
        let unit = if m.unit == "1" { String::new() } else { format!(" {}", attribute(&m.unit, 20)) };
        let name = attribute(&m.name, 100);
        properties.push((
            format!("measured.{name}"),
            format!("p50={}{unit} p95={}{unit} p99={}{unit} max={}{unit} n={}", m.p50, m.p95, m.p99, m.max, m.n),
        ));
    }
    properties
}

/// The XML as `junit-report` writes it.
pub(super) fn plain(suites: &[Suite], profile: Profile) -> Result<Vec<u8>, String> {
    let mut report = jr::Report::new();
    for suite in suites {
        let mut built = jr::TestSuite::new(&suite.name);
        // Outside these years the writer has no text for a time.
        let seconds = suite.seconds.clamp(0, 253_402_300_799);
        built.set_timestamp(jr::OffsetDateTime::from_unix_timestamp(seconds).map_err(|e| e.to_string())?);
        if profile == Profile::Strict {
            // The Ant schema requires both, also empty.
            built.set_system_out("");
            built.set_system_err("");
        }
        built.add_testcases(suite.cases.iter().map(|c| plain_case(c, profile)));
        report.add_testsuite(built);
    }
    let mut bytes = Vec::new();
    report.write_xml(&mut bytes).map_err(|e| e.to_string())?;
    Ok(bytes)
}

fn plain_case(case: &Case, profile: Profile) -> jr::TestCase {
    let time = jr::Duration::milliseconds(case.millis);
    let mut built = match &case.ended {
        Ended::Passed => jr::TestCaseBuilder::success(&case.name, time),
        Ended::Failure { kind, message, text } => {
            let mut built = jr::TestCaseBuilder::failure(&case.name, time, kind, message);
            built.set_trace(&cdata(text));
            built
        }
        Ended::Error { kind, message, text } => {
            let mut built = jr::TestCaseBuilder::error(&case.name, time, kind, message);
            built.set_trace(&cdata(text));
            built
        }
        Ended::Skipped { kind, message, .. } => jr::TestCaseBuilder::skipped_with_cause(&case.name, kind, message),
    };
    built.set_classname(&case.class);
    if let (Some(file), Profile::Reader) = (&case.file, profile) {
        built.set_filepath(file);
    }
    built.build()
}

/// `junit-report` writes character data as it is: an end inside it is split over two sections.
pub(super) fn cdata(text: &str) -> String {
    text.replace("]]>", "]]]]><![CDATA[>")
}
