//! What is told while a wait goes on: a live line on a terminal, now and then a line in a log, every change with `-v`.

use super::super::World;
use super::super::args::Wait;
use super::look::Look;
use crate::model::quantity::show_duration;
use crate::report::{inert, writer};
use std::convert::Infallible;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How often the live line of a terminal is drawn anew.
const LIVE: Duration = Duration::from_millis(250);
/// When a log first hears of a wait that goes on, and how often after that.
const FIRST: Duration = Duration::from_secs(10);
const AGAIN: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Quiet,
    Log,
    Live { width: usize },
    EveryChange,
}

/// The state of every URL as it was last seen.
pub(super) struct Progress<'a> {
    how: How,
    gone: bool,
    started: Instant,
    last: Mutex<Vec<(&'a str, Option<Look>)>>,
}

impl<'a> Progress<'a> {
    pub(super) fn new(urls: impl Iterator<Item = &'a str>, args: &Wait, world: &World) -> Self {
        let is_dumb = world.vars.get("TERM").is_some_and(|term| term == "dumb");
        let how = match (args.quiet, args.verbose, world.stderr_is_terminal && !is_dumb) {
            (true, ..) => How::Quiet,
            (_, true, _) => How::EveryChange,
            (_, _, true) => How::Live { width: world.width.unwrap_or(80) },
            _ => How::Log,
        };
        Self { how, gone: args.gone, started: Instant::now(), last: Mutex::new(urls.map(|url| (url, None)).collect()) }
    }

    fn last(&self) -> MutexGuard<'_, Vec<(&'a str, Option<Look>)>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what a look at one URL saw.
    pub(super) fn saw(&self, url: usize, look: &Look, at: Duration) {
        let mut last = self.last();
        let (name, before) = &mut last[url];
        if before.as_ref() == Some(look) {
            return;
        }
        if self.how == How::EveryChange {
            let what = look.to_string();
            writer::err(&format!("+{}  {name}  {}\n", show_duration(at), inert::line(&what)));
        }
        *before = Some(look.clone());
    }

    /// Tells what is waited for, for as long as it is polled.
    pub(super) async fn keep_telling(&self) -> Infallible {
        match self.how {
            How::Quiet | How::EveryChange => std::future::pending().await,
            How::Live { width } => loop {
                tokio::time::sleep(LIVE).await;
                // The last column stays free: some terminals wrap when it is filled.
                let line: String = self.line().chars().take(width.saturating_sub(1)).collect();
                writer::err(&format!("\r\u{1b}[K{line}"));
            },
            How::Log => {
                tokio::time::sleep(FIRST).await;
                loop {
                    writer::err(&format!("{}\n", self.line()));
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
    }

    /// Takes the live line away.
    pub(super) fn clear(&self) {
        if matches!(self.how, How::Live { .. }) {
            writer::err("\r\u{1b}[K");
        }
    }

    /// Every URL that is still waited for and what it last said, in one line; on a terminal only the first fits.
    fn line(&self) -> String {
        let last = self.last();
        let is_waited_for = |look: &Option<Look>| matches!(look, Some(Look::There(_))) == self.gone || look.is_none();
        let mut states: Vec<String> = last
            .iter()
            .filter(|(_, look)| is_waited_for(look))
            .map(|(url, look)| {
                let what = look.as_ref().map_or_else(|| "no answer yet".to_owned(), ToString::to_string);
                format!("{url}  {}", inert::line(&what))
            })
            .collect();
        let more = match self.how {
            How::Live { .. } if states.len() > 1 => format!(" (+{} more)", states.len() - 1),
            _ => String::new(),
        };
        if !more.is_empty() {
            states.truncate(1);
        }
        format!("waiting  {}{more}  {}", show_duration(self.started.elapsed()), states.join("; "))
    }
}
