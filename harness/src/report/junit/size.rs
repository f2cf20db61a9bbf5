//! How much one JUnit file may say: readers refuse files of 30 MB and more, whatever is in them.

use crate::model::{Outcome, Record, Verdict};
use crate::report::inert;
use sha2::{Digest as _, Sha256};

/// GitLab drops reports of 30 MB and more; some room is left below.
pub(super) const MOST_BYTES: usize = 26_000_000;
/// What all texts of failures may take together at the first step.
const ALL_TEXTS: usize = 12_000_000;

/// What is said of each case. Limits are in bytes of the written XML.
#[derive(Clone, Copy, Debug)]
pub(super) struct Detail {
    /// Clauses and measurements as properties of a case.
    pub(super) properties: bool,
    /// File and line of a case.
    pub(super) place: bool,
    /// Longest name; a longer one ends with a hash, so that it stays unique and the same from run to run.
    pub(super) name: usize,
    /// Longest message.
    pub(super) message: usize,
    /// Longest text.
    pub(super) text: usize,
}

impl Detail {
    /// From all that is known to the least that still names every case and its fate. Steps that cannot fit are left out.
    pub(super) fn steps(record: &Record) -> impl Iterator<Item = Self> + use<'_> {
        let troubled = record.checks.iter().filter(|o| o.verdict != Verdict::Pass).count().max(1);
        let share = (ALL_TEXTS / troubled).max(80);
        let last = Self { properties: false, place: false, name: 48, message: 24, text: 48 };
        [
            Self { properties: true, place: true, name: 400, message: 2_000.min(share), text: share.min(64 * 1024) },
            Self { properties: false, place: true, name: 200, message: 300.min(share), text: share.min(4 * 1024) },
            Self { properties: false, place: true, name: 100, message: 100.min(share), text: 200.min(share) },
        ]
        .into_iter()
        .filter(|detail| detail.at_least(record) <= MOST_BYTES)
        .chain([last])
    }

    /// What the file takes at least: tags, names, places, and a few words for what did not pass.
    fn at_least(&self, record: &Record) -> usize {
        let of = |o: &Outcome| {
            let names = o.check.name.len().min(self.name) + o.check.suite.len().min(120);
            let place = if self.place { o.place.file.len().min(self.name) + 18 } else { 0 };
            let properties = if self.properties { 80 + 50 * o.clauses.len().min(200) } else { 0 };
            let told = if o.verdict == Verdict::Pass { 0 } else { 70 + self.message.min(40) + self.text.min(40) };
            50 + names + place + properties + told
        };
        record.checks.iter().map(of).sum()
    }
}

/// Made inert and at most `most` bytes long when it is written as an attribute.
pub(super) fn attribute(text: &str, most: usize) -> String {
    let text = inert::line(text);
    match cut_at(&text, most, escaped_bytes) {
        None => text.into_owned(),
        Some(at) => format!("{}…", &text[..at]),
    }
}

/// The same for a name: a cut one ends with a hash of the whole.
pub(super) fn name(text: &str, most: usize) -> String {
    let shown = inert::line(text);
    match cut_at(&shown, most.saturating_sub(12), escaped_bytes) {
        Some(at) if cut_at(&shown, most, escaped_bytes).is_some() => {
            let hash = Sha256::digest(text.as_bytes());
            format!("{}… {:02x}{:02x}{:02x}{:02x}", &shown[..at], hash[0], hash[1], hash[2], hash[3])
        }
        _ => shown.into_owned(),
    }
}

/// Text of several lines, already inert, cut to `most` bytes.
pub(super) fn text(text: &str, most: usize) -> String {
    match cut_at(text, most, char::len_utf8) {
        None => text.to_owned(),
        // Where space is that short, saying what is missing would take as much as saying it.
        Some(at) if most < 300 => format!("{}…", &text[..at]),
        Some(at) => format!("{}…\n({} more bytes; the record has them)", &text[..at], text.len() - at),
    }
}

fn escaped_bytes(c: char) -> usize {
    if matches!(c, '&' | '<' | '>' | '"' | '\'') { 6 } else { c.len_utf8() }
}

/// Where to cut so that what stands before is at most `most` bytes by `weight`; `None` if all of it fits.
fn cut_at(text: &str, most: usize, weight: fn(char) -> usize) -> Option<usize> {
    if text.len().saturating_mul(6) <= most {
        return None;
    }
    let mut used = 0;
    for (at, c) in text.char_indices() {
        used += weight(c);
        if used > most {
            return Some(at);
        }
    }
    None
}
