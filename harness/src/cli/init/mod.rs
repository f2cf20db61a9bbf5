//! `allclear init`: looks at a running service and writes a first suite for it, of nothing but what was seen.

mod claims;
mod edge;
mod facts;
mod files;
mod look;
mod place;
mod text;
#[cfg(test)]
mod text_tests;
mod tour;
mod wish;
mod yaml;

use super::World;
use super::args::Init;
use super::failure::Failure;
use super::inputs;
use crate::model::Redactor;
use crate::model::quantity::show_duration;
use crate::report::{inert, writer};
use claims::Claims;
use edge::{Edge, Ended};
use files::{Draft, Files};
use place::Place;
use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use tour::{Route, Tour};
use wish::Wish;

/// Looks, measures what is asked for, and writes. Nothing is written where nothing can be claimed.
pub(super) fn init(args: &Init, world: &World) -> Result<ExitCode, Failure> {
    let place = Place::read(args, world)?;
    writer::learn(Arc::new(Redactor::new(place.secrets.values())));
    let name = name(args, &place)?;
    let wishes = args.find_size_limit.iter().map(|text| Wish::read(text)).collect::<Result<Vec<_>, _>>()?;
    if let Some(twice) = wishes.iter().enumerate().find(|(i, wish)| wishes[..*i].iter().any(|w| w.shown() == wish.shown())) {
        return Err(Failure::NeverStarted(format!("--find-size-limit `{}`: stands twice\n  help: name each once", twice.1.shown())));
    }
    let path = |flag: &str, path: &Option<String>| path.as_deref().map(|p| wish::checked_path(flag, p)).transpose();
    let route = Route { health: path("--health", &args.health)?, ready: path("--ready", &args.ready)?, timeout: args.timeout };
    if route.timeout.is_zero() {
        return Err(Failure::NeverStarted(
            "--timeout 0 can see nothing: give the time for all looks, for example --timeout 30s".to_owned(),
        ));
    }
    let files = Files::new(&args.out, &name, args.force);
    files.look_over()?;

    let tour = look_around(&place, &route)?;
    let claims = Claims::of(&tour);
    if let Some((visit, why)) = claims.named_in_vain(&tour) {
        return Err(Failure::NeverStarted(format!(
            "{}{}: expected an answer of 2xx that stays the same, got: {why}; nothing was written\n  help: name the path that has it, or leave the flag out: the usual paths are tried",
            place.shown(),
            inert::line(&visit.path)
        )));
    }
    if claims.is_empty() && wishes.is_empty() {
        return Err(nothing(&place, &tour, &claims));
    }
    tell_looks(&place, &tour, &claims);
    let edges = if wishes.is_empty() {
        Vec::new()
    } else {
        let shown: Vec<String> = wishes.iter().map(Wish::shown).collect();
        writer::err(&format!("measuring {}: bodies are sent, at most {} in all\n", inert::line(&shown.join(", ")), args.upload_limit));
        match edge::measure(&name, &place, wishes, args.upload_limit, world)? {
            Ended::Well(edges) => edges,
            Ended::Interrupted(code) => {
                writer::err("interrupted; nothing was written\n");
                return Ok(ExitCode::from(code));
            }
        }
    };
    tell_edges(&edges);
    let is_loaded = edges.iter().any(|(_, edge)| matches!(edge, Edge::Measured(_)));
    if claims.is_empty() && !is_loaded {
        return Err(nothing(&place, &tour, &claims));
    }
    let draft = Draft {
        suite: text::suite(&name, &claims, &edges),
        environment: text::environment(&name, &place, is_loaded.then_some(args.upload_limit)),
    };
    draft.plan(&name, &place, world, inputs::plan)?;
    let written = files.write(&draft)?;
    tell_files(&files, &name, &place, &written);
    Ok(ExitCode::SUCCESS)
}

/// The name of suite and environment: as given, else the first word of the host.
fn name(args: &Init, place: &Place) -> Result<String, Failure> {
    let is_good = |name: &str| {
        name.len() <= 64
            && name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    match &args.name {
        Some(name) if is_good(name) => Ok(name.clone()),
        Some(name) => Err(Failure::NeverStarted(format!(
            "--name {name}: expected letters, digits, `-` and `_`, at most 64\n  help: it names NAME.suite.yaml and environments/NAME.env.yaml: `--name shop`"
        ))),
        None => {
            let first = match place.url.host() {
                Some(url::Host::Domain(domain)) => domain.split('.').next().filter(|word| is_good(word) && *word != "localhost"),
                _ => None,
            };
            Ok(first.unwrap_or("service").to_owned())
        }
    }
}

fn look_around(place: &Place, route: &Route) -> Result<Tour, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::Harness(format!("the runtime cannot start: {e}")))?;
    let tour = runtime.block_on(tour::tour(place, route));
    // A name that is still being resolved holds a thread: nobody waits for it.
    runtime.shutdown_background();
    tour
}

/// Why there is nothing to write down, with the way out.
fn nothing(place: &Place, tour: &Tour, claims: &Claims) -> Failure {
    let seen: Vec<_> =
        std::iter::once(&tour.nowhere).chain(tour.visits.iter().flat_map(|v| &v.looks)).filter_map(|came| came.answer()).collect();
    let all = |is: &dyn Fn(u16) -> bool| !seen.is_empty() && seen.iter().all(|look| is(look.status));
    let (what, help) = if all(&|status| matches!(status, 401 | 403 | 407)) {
        (
            format!("every path needs a login ({})", seen[0].status),
            "health and readiness are asked without one, as an orchestrator asks: name theirs by --health PATH and --ready PATH; for the rest \
             give --header 'authorization: Bearer ${api_token}' --secret api_token=…"
                .to_owned(),
        )
    } else if all(&|status| (300..400).contains(&status)) {
        let to = seen[0].location.as_deref().unwrap_or("nowhere");
        (
            format!("every path redirects ({}), this one to {}", seen[0].status, claims::shortened(to)),
            "give the URL that answers itself".to_owned(),
        )
    } else if tour.nowhere.answer().is_some_and(|look| look.is_good()) && all(&|status| (200..300).contains(&status)) {
        (
            format!("every path is answered alike ({}), also one that does not exist, so nothing can be told of any", seen[0].brief()),
            "is it the service, or a page in front of it? If its answers are like that, name its paths by --health PATH, --ready PATH"
                .to_owned(),
        )
    } else {
        let paths: Vec<&str> = tour.visits.iter().map(|visit| visit.path.as_str()).collect();
        (
            format!("it answers, and at none of these paths by a 2xx that says something: {}", inert::line(&paths.join(" "))),
            "name its own by --health PATH and --ready PATH".to_owned(),
        )
    };
    let mut text = format!("{}: {what}; nothing was written\n", place.shown());
    for (path, why) in &claims.notes {
        let _ = writeln!(text, "  {}  {why}", inert::line(path));
    }
    let _ = write!(text, "  help: {help}");
    Failure::NeverStarted(text)
}

fn tell_looks(place: &Place, tour: &Tour, claims: &Claims) {
    let mut out = format!("looked at {}: {} GETs in {}\n", place.shown(), tour.gets, show_duration(tour.took));
    let claimed = [
        (&claims.live, "the process is up"),
        (&claims.ready, "it is ready"),
        (&claims.build, "it tells which build is running"),
        (&claims.metrics, "it tells its metrics"),
    ];
    let mut lines: Vec<(&str, String)> = Vec::new();
    lines.extend(claimed.iter().filter_map(|(claim, what)| claim.as_ref().map(|c| (c.path.as_str(), format!("{what}; {}", c.seen())))));
    lines.extend(claims.notes.iter().map(|(path, why)| (path.as_str(), format!("not claimed: {why}"))));
    let width = lines.iter().map(|(path, _)| path.chars().count()).max().unwrap_or_default().min(40);
    for (path, what) in lines {
        let _ = writeln!(out, "  {:<width$}  {what}", inert::line(path));
    }
    for (claim, flag, what) in [(&claims.live, "--health", "up"), (&claims.ready, "--ready", "ready")] {
        if claim.is_none() {
            let _ = writeln!(out, "  no path was found that says it is {what}: name it by {flag} PATH, with --force once files are there");
        }
    }
    writer::err(&out);
}

fn tell_edges(edges: &[(Wish, Edge)]) {
    let mut out = String::new();
    for (wish, edge) in edges {
        let shown = wish.shown();
        match edge {
            Edge::Measured(measured) => {
                let _ = writeln!(out, "  {}  {}", inert::line(&shown), inert::line(&measured.summary));
                if let Some(why) = &measured.not_empty {
                    let _ = writeln!(out, "    NOT SO with an empty body, which `least: 1B` leaves out: {}", inert::line(why));
                }
                for (framing, why) in &measured.left_out {
                    let _ = writeln!(out, "    NOT SO with {framing}, which is left out: {}", inert::line(why));
                }
            }
            Edge::Unknown { why } => {
                let more = match (why.contains("limits.upload"), why.split_once("say `refused: ")) {
                    (true, _) => "; --upload-limit gives more".to_owned(),
                    (false, Some((_, status))) => format!(", here '{shown} refused={}'", status.trim_end_matches('`')),
                    (false, None) => String::new(),
                };
                let _ = writeln!(out, "  {}  no limit is claimed: {}{}", inert::line(&shown), inert::line(why), inert::line(&more));
            }
        }
    }
    if !out.is_empty() {
        out.push_str("  What was taken of these bodies was left there.\n");
    }
    writer::err(&out);
}

fn tell_files(files: &Files, name: &str, place: &Place, written: &files::Written) {
    let mut out = String::new();
    for path in &written.files {
        let _ = writeln!(out, "wrote  {}", inert::line(&path.display().to_string()));
    }
    for path in &written.old {
        let shown = path.display().to_string();
        let _ = writeln!(out, "left   {}  (another version's; `allclear schema` prints this one's)", inert::line(&shown));
    }
    for secret in place.secrets.keys() {
        let _ = writeln!(out, "needs  {} in the environment, for ${{{secret}}}", place::variable(secret));
    }
    let _ = writeln!(out, "next   allclear run {} -e {name}", inert::line(&files.suite().display().to_string()));
    writer::err(&out);
}
