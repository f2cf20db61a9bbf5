//! Holds what the client hands on against what came.

use super::{super::Event, heard::Difference};
use std::{
    collections::VecDeque,
    hash::{DefaultHasher, Hash, Hasher},
};

/// Events that came and that the client has not handed on; it reads the same bytes, so it is at most one read behind.
#[derive(Default)]
pub(super) struct Compare {
    due: VecDeque<Print>,
    /// Events that came on this connection.
    came: u64,
    /// Events that the client handed on, on all connections.
    pub handed_on: u64,
}

/// Enough of an event to know it again.
struct Print {
    number: u64,
    name: String,
    data: u64,
    own_id: Option<String>,
}

impl Compare {
    /// Our parser found an event.
    pub(super) fn came<T>(&mut self, event: &Event<T>) {
        self.came += 1;
        let Event { name, data, id, .. } = event;
        self.due.push_back(Print { number: self.came, name: name.clone(), data: hash(data), own_id: id.clone() });
    }

    /// The client hands one on. An id that it has from an earlier event is not compared: that shows when it connects again.
    pub(super) fn handed_on(&mut self, name: &str, data: &str, id: Option<&str>) -> Option<Difference> {
        self.handed_on += 1;
        let Some(due) = self.due.pop_front() else { return Some(Difference::Event { number: None, what: "an event" }) };
        let what = match due {
            _ if due.name != name => "type",
            _ if due.data != hash(data) => "data",
            _ if due.own_id.is_some() && due.own_id.as_deref() != id => "id",
            _ => return None,
        };
        Some(Difference::Event { number: Some(due.number), what })
    }

    /// The client goes on to another connection: what it has not handed on by now it never will.
    pub(super) fn settle(&mut self) -> Option<Difference> {
        let events = self.due.len() as u64;
        self.due.clear();
        self.came = 0;
        (events > 0).then_some(Difference::Missed { events })
    }
}

fn hash(data: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    data.hash(&mut hasher);
    hasher.finish()
}
