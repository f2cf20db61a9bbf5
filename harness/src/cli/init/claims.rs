//! What can be claimed of what was seen, and why the rest is not. Pure.

use super::facts::{self, Fact};
use super::look::{Came, Look};
use super::tour::{NOWHERE, Role, Tour, Visit};
use crate::kind::Says;
use crate::model::quantity::show_duration;
use crate::report::inert;
use crate::words::Json;
use std::time::Duration;

/// One path, and what it always answered.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Claim {
    pub(super) path: String,
    pub(super) status: u16,
    pub(super) media_type: Option<String>,
    /// What the body said each time.
    pub(super) facts: Vec<Fact>,
    /// Members of the document of which nothing is claimed.
    pub(super) others: Vec<String>,
    /// Both gauges of descriptors and threads are among the metrics.
    pub(super) has_growth_gauges: bool,
    pub(super) looks: usize,
    pub(super) fastest: Duration,
    pub(super) slowest: Duration,
}

/// Everything that is to be written down, and told.
#[derive(Debug, Default)]
pub(super) struct Claims {
    pub(super) live: Option<Claim>,
    pub(super) ready: Option<Claim>,
    pub(super) build: Option<Claim>,
    pub(super) metrics: Option<Claim>,
    /// What was seen and is not claimed: the path, and why.
    pub(super) notes: Vec<(String, String)>,
}

/// Why a path is not claimed.
enum Not {
    /// There is nothing, and nobody said that there should be.
    Silent,
    /// This is worth a word.
    Told(String),
}

impl Claims {
    /// Sorts what was seen.
    pub(super) fn of(tour: &Tour) -> Self {
        let mut claims = Self::default();
        for visit in &tour.visits {
            let claim = match claim(visit, &tour.nowhere) {
                Ok((claim, warning)) => {
                    claims.notes.extend(warning.map(|why| (visit.path.clone(), why)));
                    claim
                }
                Err(Not::Silent) => continue,
                Err(Not::Told(why)) => {
                    claims.notes.push((visit.path.clone(), why));
                    continue;
                }
            };
            let slot = match visit.role {
                Role::Live => &mut claims.live,
                Role::Ready => &mut claims.ready,
                Role::Build => &mut claims.build,
                Role::Metrics => &mut claims.metrics,
            };
            match slot {
                None => *slot = Some(claim),
                Some(first) => {
                    let why = format!("it is there too ({}): the check asks {}", brief(&claim), first.path);
                    claims.notes.push((visit.path.clone(), why));
                }
            }
        }
        for path in &tour.unseen {
            claims.notes.push((path.clone(), "not looked at: the time was up (--timeout)".to_owned()));
        }
        claims
    }

    /// Nothing can be claimed.
    pub(super) fn is_empty(&self) -> bool {
        self.live.is_none() && self.ready.is_none() && self.build.is_none() && self.metrics.is_none()
    }

    /// The path that the command line names and of which nothing can be claimed, with the reason.
    pub(super) fn named_in_vain<'a>(&'a self, tour: &'a Tour) -> Option<(&'a Visit, &'a str)> {
        let is_claimed = |visit: &Visit| match visit.role {
            Role::Live => self.live.is_some(),
            _ => self.ready.is_some(),
        };
        let visit = tour.visits.iter().find(|v| v.is_named && !is_claimed(v))?;
        let why = self.notes.iter().find(|(path, _)| *path == visit.path).map(|(_, why)| why.as_str());
        Some((visit, why.unwrap_or("nothing is there")))
    }
}

fn brief(claim: &Claim) -> String {
    claim.media_type.as_ref().map_or_else(|| claim.status.to_string(), |media_type| format!("{} {media_type}", claim.status))
}

/// What a path always answered, with a warning if one is due.
fn claim(visit: &Visit, nowhere: &Came) -> Result<(Claim, Option<String>), Not> {
    let first = match &visit.looks[0] {
        Came::Answer(look) => look,
        Came::Nothing(trouble) => {
            let why = trouble.to_string();
            return Err(Not::Told(inert::line(&why).into_owned()));
        }
    };
    if !first.is_good() {
        return Err(refused(visit, first, nowhere));
    }
    let mut looks: Vec<&Look> = Vec::new();
    for came in &visit.looks {
        match came {
            Came::Answer(look) if look.status == first.status && look.media_type == first.media_type => looks.push(look),
            Came::Answer(look) => {
                return Err(Not::Told(format!("now {}, now {}: it answers differently from look to look", first.brief(), look.brief())));
            }
            Came::Nothing(trouble) => {
                let why = trouble.to_string();
                return Err(Not::Told(format!("now {}, now no answer: {}", first.brief(), inert::line(&why))));
            }
        }
    }
    let mut warning = None;
    if let Some(elsewhere) = nowhere.answer().filter(|elsewhere| is_alike(first, elsewhere)) {
        let why = format!("answers as {NOWHERE} does ({}), so it says little", elsewhere.brief());
        if !visit.is_named {
            return Err(Not::Told(why));
        }
        warning = Some(why);
    }
    let bodies: Vec<&str> = looks.iter().filter_map(|look| look.text.as_deref()).collect();
    if let Some(against) = bodies.iter().find_map(|body| Says::in_text(body).against(first.status)) {
        return Err(Not::Told(inert::line(&against).into_owned()));
    }
    let documents: Vec<Json> = bodies.iter().filter_map(|body| facts::object(body)).collect();
    // A body that is a document in one look and none in another says nothing that is always so.
    let documents = if documents.len() == looks.len() { &documents[..] } else { &[] };
    let facts = match visit.role {
        Role::Live | Role::Ready => facts::words(documents).or_else(|| facts::text(&bodies, looks.len())).unwrap_or_default(),
        Role::Build => facts::builds(documents),
        Role::Metrics => facts::metrics(&bodies, looks.len()),
    };
    match visit.role {
        Role::Metrics if facts.is_empty() => return Err(Not::Told(format!("{}, and no Prometheus text", first.brief()))),
        Role::Build if facts.is_empty() => return Err(Not::Told(format!("{}, and nothing in it that names a build", first.brief()))),
        _ => {}
    }
    let claimed = |name: &String| facts.iter().any(|fact| matches!(fact, Fact::Word(n, _) | Fact::True(n) | Fact::There(n) if n == name));
    let others = documents.first().map(facts::members).unwrap_or_default().into_iter().filter(|name| !claimed(name)).take(8).collect();
    let claim = Claim {
        path: visit.path.clone(),
        status: first.status,
        media_type: first.media_type.clone(),
        others,
        has_growth_gauges: bodies.iter().all(|body| ["\nprocess_open_fds ", "\nprocess_threads "].iter().all(|gauge| body.contains(gauge))),
        looks: looks.len(),
        fastest: looks.iter().map(|look| look.took).min().unwrap_or_default(),
        slowest: looks.iter().map(|look| look.took).max().unwrap_or_default(),
        facts,
    };
    Ok((claim, warning))
}

impl Claim {
    /// How it was seen: `3 of 3 looks: 200 application/json, in 0.8 to 1.4 ms`.
    pub(super) fn seen(&self) -> String {
        let times = match (show_duration(self.fastest), show_duration(self.slowest)) {
            (fastest, slowest) if fastest == slowest => slowest,
            (fastest, slowest) => format!("{fastest} to {slowest}"),
        };
        format!("{} of {} looks: {}, in {times}", self.looks, self.looks, brief(self))
    }
}

/// What is said of a path that is not answered by 2xx.
fn refused(visit: &Visit, look: &Look, nowhere: &Came) -> Not {
    let is_nowhere = nowhere.answer().is_some_and(|elsewhere| elsewhere.status == look.status);
    let what = match look.status {
        300..=399 => {
            let to = look.location.as_deref().unwrap_or("nowhere");
            format!("redirects to {} ({}): name the path that answers itself", shortened(to), look.status)
        }
        401 | 403 | 407 => format!("needs a login ({})", look.status),
        404 | 405 | 410 | 501 if !visit.is_named => return Not::Silent,
        404 | 410 => format!("there is nothing ({})", look.status),
        503 => "answers 503: it is not well, or not ready, at this moment".to_owned(),
        status => format!("answers {status}"),
    };
    if is_nowhere && !visit.is_named { Not::Silent } else { Not::Told(what) }
}

/// A text of the service, inert and not too long.
pub(super) fn shortened(text: &str) -> String {
    let line = inert::line(text);
    let mut short: String = line.chars().take(100).collect();
    if short.len() < line.len() {
        short.push('…');
    }
    short
}

/// Whether an answer is that of a server which answers everything: the same page, or a document of the same members.
fn is_alike(look: &Look, elsewhere: &Look) -> bool {
    if look.status != elsewhere.status || look.media_type != elsewhere.media_type {
        return false;
    }
    let (Some(a), Some(b)) = (&look.text, &elsewhere.text) else { return look.text.is_none() && elsewhere.text.is_none() };
    let is_page = look.media_type.as_deref().is_some_and(|t| t.eq_ignore_ascii_case("text/html"));
    let same_members = || Some(facts::all_members(&facts::object(a)?) == facts::all_members(&facts::object(b)?));
    is_page || a == b || same_members() == Some(true)
}

#[cfg(test)]
#[path = "claims_tests.rs"]
mod tests;
