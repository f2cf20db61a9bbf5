//! What is read out of the data of an event: its job, its number, its progress.

use crate::checks::sse::look::Arrival;
use crate::checks::sse::spec::Spec;
use crate::transport::sse::Event;
use crate::words::{Document, Json, Path};
use std::hash::{DefaultHasher, Hasher as _};
use std::time::Duration;

/// Where the marks of an event stand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Marks<'s> {
    job: Option<&'s Path>,
    sequence: Option<&'s Path>,
    progress: Option<&'s Path>,
}

impl<'s> Marks<'s> {
    pub(super) fn of(spec: &'s Spec) -> Self {
        let own = &spec.b;
        Self {
            job: own.identify.as_ref().map(|i| &i.job.value),
            sequence: own.sequence(),
            progress: own.progress.as_ref().map(|p| &p.value),
        }
    }

    /// Reads an event that was whole at `at`.
    pub(super) fn read<T>(&self, event: &Event<T>, at: Duration) -> Arrival {
        let document = self.job.and_then(|_| Document::read(event.data.as_bytes()).ok());
        let one = |path: Option<&Path>| document.as_ref().zip(path).and_then(|(document, path)| one(document, path));
        let number = |json: &Json| match json {
            Json::Number(number) => number.text().parse::<f64>().ok(),
            Json::String(text) => text.trim().trim_end_matches('%').trim_end().parse().ok(),
            _ => None,
        };
        Arrival {
            at,
            offset: event.offset,
            name: event.name.clone(),
            id: event.id.clone(),
            job: one(self.job).and_then(text),
            sequence: one(self.sequence).and_then(|json| text(json)?.parse().ok()),
            progress: one(self.progress).and_then(number).filter(|n| n.is_finite()),
            len: event.data.len(),
            hash: hash(event.data.as_bytes()),
        }
    }
}

/// The one node that a path selects.
pub(super) fn one<'d>(document: &'d Document, path: &Path) -> Option<&'d Json> {
    match path.select(document).ok()?.as_slice() {
        [one] => Some(one.node),
        _ => None,
    }
}

/// A text, or a number as it was written.
pub(super) fn text(json: &Json) -> Option<String> {
    match json {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.text().to_owned()),
        _ => None,
    }
}

/// A fingerprint of data: enough to tell one from another, and cheap where others send megabytes.
fn hash(data: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    hasher.write(data);
    format!("{:016x}", hasher.finish())
}
