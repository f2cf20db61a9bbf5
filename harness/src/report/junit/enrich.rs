//! One streaming pass over the plain XML that adds what readers need and `junit-report` cannot say.

use super::Profile;
use super::cases::{Case, Ended, Suite, cdata};
use quick_xml::events::{BytesCData, BytesEnd, BytesStart, Event};
use quick_xml::{Reader, Writer};

/// Adds totals to the root and to suites, whole milliseconds, timestamps in seconds, properties, `line`, and the text of
/// `skipped`. Suites and cases stand in the XML in the order of `suites`.
pub(super) fn pass(plain: &[u8], name: &str, suites: &[Suite], profile: Profile) -> Result<Vec<u8>, String> {
    let mut reader = Reader::from_reader(plain);
    let mut pass = Pass {
        writer: Writer::new_with_indent(Vec::with_capacity(plain.len() + plain.len() / 2), b' ', 1),
        profile,
        cases: suites.iter().flat_map(|s| &s.cases),
        case: None,
    };
    let mut next_suite = suites.iter();
    loop {
        match reader.read_event().map_err(|e| e.to_string())? {
            Event::Eof => break,
            Event::Start(e) if e.name().as_ref() == b"testsuites" => pass.root(name, suites, false)?,
            Event::Empty(e) if e.name().as_ref() == b"testsuites" => pass.root(name, suites, true)?,
            Event::Start(e) if e.name().as_ref() == b"testsuite" => {
                pass.suite(&e, next_suite.next().ok_or("a suite too many was written")?)?;
            }
            Event::Start(e) if e.name().as_ref() == b"testcase" => pass.start_case(&e, false)?,
            Event::Empty(e) if e.name().as_ref() == b"testcase" => pass.start_case(&e, true)?,
            Event::Empty(e) | Event::Start(e) if e.name().as_ref() == b"skipped" => pass.skipped(&e)?,
            Event::End(e) if e.name().as_ref() == b"skipped" => {}
            other => pass.put(other)?,
        }
    }
    let mut bytes = pass.writer.into_inner();
    bytes.push(b'\n');
    Ok(bytes)
}

struct Pass<'s, I: Iterator<Item = &'s Case>> {
    writer: Writer<Vec<u8>>,
    profile: Profile,
    cases: I,
    case: Option<&'s Case>,
}

impl<'s, I: Iterator<Item = &'s Case>> Pass<'s, I> {
    fn put(&mut self, event: Event<'_>) -> Result<(), String> {
        self.writer.write_event(event).map_err(|e| e.to_string())
    }

    fn root(&mut self, name: &str, suites: &[Suite], empty: bool) -> Result<(), String> {
        let mut root = BytesStart::new("testsuites");
        // The Ant schema allows no attribute here.
        if self.profile == Profile::Reader {
            let all = Totals::of(suites.iter().flat_map(|s| &s.cases));
            root.push_attribute(("name", name));
            for (key, value) in all.attributes() {
                root.push_attribute((key, value.as_str()));
            }
        }
        self.put(if empty { Event::Empty(root) } else { Event::Start(root) })
    }

    fn suite(&mut self, written: &BytesStart<'_>, suite: &Suite) -> Result<(), String> {
        let totals = Totals::of(suite.cases.iter());
        let mut start = BytesStart::new("testsuite");
        for attribute in written.attributes() {
            let attribute = attribute.map_err(|e| e.to_string())?;
            match attribute.key.as_ref() {
                b"time" => start.push_attribute(("time", seconds(totals.millis).as_str())),
                // A run that never started has no time to tell; the strict schema wants one all the same.
                b"timestamp" if suite.seconds == 0 && self.profile == Profile::Reader => {}
                b"timestamp" if self.profile == Profile::Strict => {
                    let zoned = String::from_utf8_lossy(&attribute.value);
                    start.push_attribute(("timestamp", zoned.trim_end_matches('Z')));
                }
                _ => start.push_attribute(attribute),
            }
        }
        start.push_attribute(("skipped", totals.skipped.to_string().as_str()));
        self.put(Event::Start(start))?;
        self.properties(&suite.properties)
    }

    fn start_case(&mut self, written: &BytesStart<'_>, empty: bool) -> Result<(), String> {
        let case = self.cases.next().ok_or("a case too many was written")?;
        self.case = Some(case);
        let mut start = BytesStart::new("testcase");
        for attribute in written.attributes() {
            let attribute = attribute.map_err(|e| e.to_string())?;
            match attribute.key.as_ref() {
                b"time" => start.push_attribute(("time", seconds(case.millis).as_str())),
                _ => start.push_attribute(attribute),
            }
        }
        let extended = self.profile == Profile::Reader;
        if let (Some(line), true) = (case.line, extended) {
            start.push_attribute(("line", line.to_string().as_str()));
        }
        let properties = extended && !case.properties.is_empty();
        if empty && !properties {
            return self.put(Event::Empty(start));
        }
        self.put(Event::Start(start))?;
        if properties {
            self.properties(&case.properties)?;
        }
        if empty { self.put(Event::End(BytesEnd::new("testcase"))) } else { Ok(()) }
    }

    /// `junit-report` writes no text here, and GitLab reads nothing else.
    fn skipped(&mut self, written: &BytesStart<'_>) -> Result<(), String> {
        let mut start = BytesStart::new("skipped");
        for attribute in written.attributes() {
            let attribute = attribute.map_err(|e| e.to_string())?;
            if attribute.key.as_ref() != b"type" || self.profile == Profile::Reader {
                start.push_attribute(attribute);
            }
        }
        self.put(Event::Start(start))?;
        if let Some(Case { ended: Ended::Skipped { text, .. }, .. }) = self.case {
            self.put(Event::CData(BytesCData::new(cdata(text))))?;
        }
        self.put(Event::End(BytesEnd::new("skipped")))
    }

    fn properties(&mut self, properties: &[(String, String)]) -> Result<(), String> {
        if properties.is_empty() {
            return self.put(Event::Empty(BytesStart::new("properties")));
        }
        self.put(Event::Start(BytesStart::new("properties")))?;
        for (name, value) in properties {
            let mut property = BytesStart::new("property");
            property.push_attribute(("name", name.as_str()));
            property.push_attribute(("value", value.as_str()));
            self.put(Event::Empty(property))?;
        }
        self.put(Event::End(BytesEnd::new("properties")))
    }
}

#[derive(Default)]
struct Totals {
    tests: usize,
    failures: usize,
    errors: usize,
    skipped: usize,
    millis: i64,
}

impl Totals {
    fn of<'c>(cases: impl Iterator<Item = &'c Case>) -> Self {
        let mut totals = Self::default();
        for case in cases {
            totals.tests += 1;
            match case.ended {
                Ended::Passed => {}
                Ended::Failure { .. } => totals.failures += 1,
                Ended::Error { .. } => totals.errors += 1,
                Ended::Skipped { .. } => totals.skipped += 1,
            }
            totals.millis += case.millis;
        }
        totals
    }

    fn attributes(&self) -> [(&'static str, String); 5] {
        [
            ("tests", self.tests.to_string()),
            ("failures", self.failures.to_string()),
            ("errors", self.errors.to_string()),
            ("skipped", self.skipped.to_string()),
            ("time", seconds(self.millis)),
        ]
    }
}

/// Seconds with three decimals: Jenkins' schema refuses an exponent, and more digits say nothing.
fn seconds(millis: i64) -> String {
    format!("{}.{:03}", millis / 1000, millis % 1000)
}
