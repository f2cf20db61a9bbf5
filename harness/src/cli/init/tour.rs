//! The looks at a service: a path that is surely not there, then the named and the usual ones; what is there three times.

use super::super::failure::Failure;
use super::look::{Came, look};
use super::place::Place;
use crate::model::{Rate, quantity::show_duration};
use crate::report::inert;
use crate::transport::{Exchange, Options, Permits, Trouble};
use std::time::Duration;
use tokio::time::Instant;

/// What a path is looked at for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// The process is up.
    Live,
    /// It may be sent traffic.
    Ready,
    /// Which build is running.
    Build,
    /// Prometheus text.
    Metrics,
}

/// The usual paths, the narrowest meaning first: where `/livez` is, `/health` often asks dependencies too.
const USUAL: [(Role, &str); 14] = [
    (Role::Live, "/livez"),
    (Role::Live, "/health/live"),
    (Role::Live, "/healthz"),
    (Role::Live, "/health"),
    (Role::Live, "/actuator/health/liveness"),
    (Role::Live, "/actuator/health"),
    (Role::Live, "/up"),
    (Role::Ready, "/readyz"),
    (Role::Ready, "/health/ready"),
    (Role::Ready, "/ready"),
    (Role::Ready, "/actuator/health/readiness"),
    (Role::Build, "/version"),
    (Role::Metrics, "/metrics"),
    (Role::Metrics, "/actuator/prometheus"),
];

/// A path that no service has. What answers here answers anything.
pub(super) const NOWHERE: &str = "/no-such-path-says-allclear-init";
/// How often a path that is there is looked at, to see what stays the same.
const LOOKS: usize = 3;
/// Looks are no burst, wherever the service is.
const PACE: Rate = Rate { count: 50, per: Duration::from_secs(1) };
/// Longest time for one look.
const ONE: Duration = Duration::from_secs(5);

/// Paths that the command line names, and how long all looks may take.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) health: Option<String>,
    pub(super) ready: Option<String>,
    pub(super) timeout: Duration,
}

/// Everything that was seen.
#[derive(Debug)]
pub(super) struct Tour {
    /// What came at a path that is not there.
    pub(super) nowhere: Came,
    pub(super) visits: Vec<Visit>,
    /// Paths for which no time was left.
    pub(super) unseen: Vec<String>,
    pub(super) gets: usize,
    pub(super) took: Duration,
}

/// The looks at one path.
#[derive(Debug)]
pub(super) struct Visit {
    pub(super) role: Role,
    pub(super) path: String,
    /// The command line names it.
    pub(super) is_named: bool,
    /// What came, in order; at least one.
    pub(super) looks: Vec<Came>,
}

impl Route {
    fn stops(&self) -> Vec<(Role, String, bool)> {
        let named = [(Role::Live, &self.health), (Role::Ready, &self.ready)];
        let mut stops: Vec<_> = named.iter().filter_map(|(role, path)| Some((*role, (*path).clone()?, true))).collect();
        let is_named = |role: Role| named.iter().any(|(r, path)| *r == role && path.is_some());
        stops.extend(USUAL.iter().filter(|(role, _)| !is_named(*role)).map(|(role, path)| (*role, (*path).to_owned(), false)));
        stops
    }
}

/// Looks at all of it, one GET after the other.
///
/// # Errors
/// Where the service does not answer at all, or this machine is in trouble.
pub(super) async fn tour(place: &Place, route: &Route) -> Result<Tour, Failure> {
    let exchange = Exchange::new(Options { permits: Permits::new(Some(PACE), None, None) });
    let endpoint = place.endpoint();
    let started = Instant::now();
    let end = started + route.timeout.min(Duration::from_secs(86_400));
    let headers: Vec<_> = place.headers.iter().map(|h| (h.name.clone(), h.value.clone())).collect();
    let mut gets = 0;
    let mut ask = async |role: Option<Role>, path: &str| {
        // An orchestrator has no token: health and readiness are asked without, as their checks will.
        let headers = if matches!(role, Some(Role::Build | Role::Metrics)) { &headers[..] } else { &[] };
        let longest = ONE.min(end.saturating_duration_since(Instant::now()));
        gets += 1;
        match look(&exchange, &endpoint, path, headers, longest).await {
            Ok(Came::Nothing(trouble @ Trouble::Own(_))) => Err(Failure::Harness(format!("this machine: {trouble}; nothing was written"))),
            Ok(came) => Ok(came),
            Err(e) => Err(Failure::NeverStarted(format!("{}{path}: expected a URL, got what is none: {e}", place.shown()))),
        }
    };
    let nowhere = ask(None, NOWHERE).await?;
    if let Came::Nothing(trouble) = &nowhere
        && is_out_of_reach(trouble)
    {
        return Err(no_answer(place, trouble));
    }
    let (mut visits, mut unseen): (Vec<Visit>, Vec<String>) = (Vec::new(), Vec::new());
    for (role, path, is_named) in route.stops() {
        if Instant::now() >= end {
            unseen.push(path);
            continue;
        }
        let mut looks = vec![ask(Some(role), &path).await?];
        if let (Came::Nothing(_), Came::Nothing(trouble), true) = (&nowhere, &looks[0], visits.is_empty()) {
            // Nothing answers twice in a row: more of that would only take time.
            return Err(no_answer(place, trouble));
        }
        while looks.len() < LOOKS && looks[0].answer().is_some_and(|look| look.is_good()) && Instant::now() < end {
            looks.push(ask(Some(role), &path).await?);
        }
        visits.push(Visit { role, path, is_named, looks });
    }
    if visits.is_empty() {
        if let Came::Nothing(trouble) = &nowhere {
            return Err(no_answer(place, trouble));
        }
        let took = show_duration(started.elapsed());
        return Err(Failure::NeverStarted(format!(
            "{}: the time was up after {took}, before anything could be looked at; nothing was written\n  help: give more by --timeout 1m",
            place.shown()
        )));
    }
    Ok(Tour { nowhere, visits, unseen, gets, took: started.elapsed() })
}

/// No connection came of it, so no other path would fare better.
fn is_out_of_reach(trouble: &Trouble) -> bool {
    matches!(
        trouble,
        Trouble::Dns { .. }
            | Trouble::ConnectRefused { .. }
            | Trouble::ConnectTimeout { .. }
            | Trouble::Unreachable { .. }
            | Trouble::Tls { .. }
            | Trouble::Proxy { .. }
    )
}

fn no_answer(place: &Place, trouble: &Trouble) -> Failure {
    let help = match trouble {
        Trouble::Tls { .. } if !place.insecure => "where its certificate is nobody's, --insecure takes it all the same".to_owned(),
        Trouble::Framing { .. } if place.url.scheme() == "http" => "does it speak HTTPS there? Then write https://…".to_owned(),
        _ => format!("start it, and wait until it is there: allclear wait {}/health", place.shown()),
    };
    let why = trouble.to_string();
    Failure::NeverStarted(format!(
        "{}: expected an answer, got none: {}; nothing was written\n  help: {help}",
        place.shown(),
        inert::line(&why)
    ))
}
