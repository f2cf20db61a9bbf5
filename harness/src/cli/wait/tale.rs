//! What a wait saw, folded: the same thing in a row is one entry with a count and a span of time.

use super::look::Look;
use crate::model::quantity::show_duration;
use crate::report::inert;
use std::{fmt::Write as _, time::Duration};

/// The last states that were seen, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Tale {
    looks: u64,
    states: Vec<State>,
}

#[derive(Debug)]
struct State {
    what: String,
    from: Duration,
    to: Duration,
    looks: u64,
}

/// More states than these are a flapping service: the newest tell most.
const KEPT: usize = 5;

impl Tale {
    /// Whether nothing was seen yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.states.is_empty()
    }

    /// Adds one look that ended so long after the start.
    pub(crate) fn add(&mut self, look: Look, at: Duration) {
        self.looks += 1;
        let what = look.to_string();
        match self.states.last_mut() {
            Some(last) if last.what == what => {
                last.to = at;
                last.looks += 1;
            }
            _ => {
                if self.states.len() == KEPT {
                    self.states.remove(0);
                }
                self.states.push(State { what, from: at, to: at, looks: 1 });
            }
        }
    }
}

/// Why the watch of one URL ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// What was waited for came.
    Reached,
    /// It did not come in time.
    TimeUp,
    /// A signal came first.
    Interrupted,
}

/// One URL after the wait.
#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) url: String,
    pub(crate) ended: Ended,
    pub(crate) took: Duration,
    pub(crate) tale: Tale,
}

impl Watched {
    /// One line when it was reached; otherwise that and what was seen.
    pub(crate) fn last_word(&self, gone: bool, timeout: Duration) -> String {
        let last = self.tale.states.last().map_or("nothing", |s| s.what.as_str());
        let looks = match self.tale.looks {
            1 => "1 look".to_owned(),
            n => format!("{n} looks"),
        };
        let last = inert::line(last);
        if self.ended == Ended::Reached {
            let word = if gone { "gone" } else { "there" };
            return format!("{word}  {}  after {} ({looks}; {last})", self.url, show_duration(self.took));
        }
        let wish = if gone { "still there" } else { "not there" };
        let (word, after) = match self.ended {
            Ended::Interrupted => ("STOPPED", self.took),
            _ => ("TIMEOUT", timeout),
        };
        let mut text = format!("{word}  {}  {wish} after {} ({looks}); last: {last}", self.url, show_duration(after));
        if self.tale.states.len() > 1 {
            for state in &self.tale.states {
                let _ = write!(
                    text,
                    "\n  +{} to +{}  {}{}",
                    show_duration(state.from),
                    show_duration(state.to),
                    inert::line(&state.what),
                    if state.looks > 1 { format!("  ({} times)", state.looks) } else { String::new() }
                );
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_says_what_was_seen_and_when_it_changed() {
        let mut tale = Tale::default();
        for ms in [50, 100, 150] {
            tale.add(Look::NotThere("connection refused".to_owned()), Duration::from_millis(ms));
        }
        tale.add(Look::NotThere("503".to_owned()), Duration::from_millis(200));
        let watched = Watched { url: "http://h/ready".to_owned(), ended: Ended::TimeUp, took: Duration::from_secs(1), tale };
        assert_eq!(
            watched.last_word(false, Duration::from_secs(1)),
            "TIMEOUT  http://h/ready  not there after 1.00 s (4 looks); last: 503\n  +50 ms to +150 ms  connection refused  (3 times)\n  +200 ms to +200 ms  503"
        );
    }

    #[test]
    fn one_state_is_told_in_one_line() {
        let mut tale = Tale::default();
        tale.add(Look::There("200".to_owned()), Duration::from_millis(3));
        let watched = Watched { url: "tcp://h:1".to_owned(), ended: Ended::Reached, took: Duration::from_millis(3), tale };
        assert_eq!(watched.last_word(false, Duration::from_secs(1)), "there  tcp://h:1  after 3.0 ms (1 look; 200)");
    }
}
