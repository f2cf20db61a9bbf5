//! Makes the plan: reads, selects, types, permits, orders. Nothing is sent.

use super::entry::{Alone, Entry, Limits, Plan};
use super::permit::{GENTLE_UPLOAD, Permit};
use super::select::{Selection, select};
use super::{gates, shard};
use crate::kind::{Asked, Scope};
use crate::model::{Impact, Origin, Rate, Redactor};
use crate::provision::How;
use crate::suite::{Check, Environment, Given, MARGIN, Reason, Refused, Suites, cleanup_impact};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

/// Everything that a plan is made from. Nothing else is looked at, but the files that these name.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// Suite files, and folders of them. Empty: `./suites`.
    pub paths: Vec<PathBuf>,
    /// `--env`: a name, or a path. `None`: `local` where it exists.
    pub environment: Option<String>,
    /// Values, and the environment variables of the process.
    pub given: Given,
    /// Which checks.
    pub selection: Selection,
    /// Most checks at once. `None`: four for each core, at least 8.
    pub jobs: Option<usize>,
    /// Deadline of the whole run.
    pub deadline: Option<Duration>,
    /// What is not permitted here makes the run inconclusive.
    pub deny_skips: bool,
    /// Stop starting checks after the first required one that fails.
    pub fail_fast: bool,
    /// Keep the resolved checks, so that [`super::render`] can show them.
    pub keep_resolved: bool,
}

/// Requests a second to hosts beyond loopback where the environment gives no limit.
const GENTLE_RATE: Rate = Rate { count: 50, per: Duration::from_secs(1) };
/// Open connections to hosts beyond loopback where the environment gives no limit.
const GENTLE_CONNECTIONS: usize = 64;
/// Open connections where the target is on this machine.
const CONNECTIONS: usize = 1024;
/// The hard deadline of a check that declares no longer duration.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Makes the plan.
///
/// # Errors
/// [`Refused`] with every problem at once: [`crate::suite::Meaning::Usage`] for mistakes in files and flags,
/// [`crate::suite::Meaning::NothingToRun`] where no suite is found or no check is selected.
pub fn make(inputs: &Inputs) -> Result<Plan, Refused> {
    let mut suites = Suites::read(&inputs.paths, inputs.environment.as_deref(), &inputs.given)?;
    let selected = match select(&suites, &inputs.selection) {
        Ok(selected) => selected,
        Err(refused) => return Err(suites.wrong().unwrap_or(refused)),
    };
    let redactor = Arc::new(Redactor::new(suites.secrets()));
    let infos = suites.infos(inputs.environment.as_deref(), &inputs.given);
    // The environment is needed after the suites were typed, and nothing of it that typing uses.
    let needs: HashMap<usize, Vec<usize>> = suites.checks().enumerate().map(|(i, about)| (i, about.needs().collect())).collect();
    let (finished, environment) = suites.finish(&selected, inputs.keep_resolved)?;

    let place: HashMap<usize, usize> = finished.checks.iter().enumerate().map(|(at, (i, ..))| (*i, at)).collect();
    let mut entries: Vec<Entry> = Vec::with_capacity(finished.checks.len());
    let permit = Permit::new(&environment, &finished.targets);
    let mut reasons = Vec::new();
    for (i, _, check) in &finished.checks {
        let needs = needs[i].iter().map(|n| place[n]).collect();
        reasons.extend(permit.speaks_otherwise(check).map(Reason::from));
        entries.push(entry(check, needs, &permit, &mut reasons));
    }
    if !reasons.is_empty() {
        return Err(Refused::usage(reasons));
    }
    gates::put_in(&mut entries);
    skip_what_needs_skipped(&mut entries);
    let mut elsewhere = 0;
    if let Some(shard) = inputs.selection.shard {
        let all = deciding(&entries);
        entries = shard::only(entries, shard);
        elsewhere = all - deciding(&entries);
    }
    let used: BTreeSet<Arc<str>> = entries.iter().map(|e| Arc::clone(&e.check.target)).collect();
    let targets: BTreeMap<_, _> = finished.targets.into_iter().filter(|(name, _)| used.contains(name)).collect();
    let here: BTreeSet<&str> = entries.iter().map(|e| &*e.check.id.suite).collect();
    let insecure = targets.values().filter(|t| t.endpoint.insecure);
    let warnings = insecure.map(|t| format!("target `{}`: certificates are not checked (`insecure`)", t.name)).collect();
    let is_local =
        environment.own_target().is_some() || targets.values().all(|t| t.base.url.host().is_some_and(|h| super::permit::is_loopback(&h)));
    Ok(Plan {
        environment: environment.name.clone(),
        aimed_at: aimed_at(&environment, &targets),
        // A shard or filter leaves suites out, and the guard against shrinking counts whole suites only.
        suites: {
            let whole = inputs.selection.is_everything();
            let of = infos.into_iter().filter(|info| here.contains(info.name.as_str()));
            of.map(|mut info| {
                info.expect_clauses = info.expect_clauses.filter(|_| whole);
                info
            })
            .collect()
        },
        targets,
        limits: limits(&environment, is_local),
        entries,
        shard: inputs.selection.shard.map(shard::Shard::info),
        elsewhere,
        deny_skips: inputs.deny_skips,
        intermittent_is_advisory: environment.intermittent_is_advisory,
        deadline: inputs.deadline,
        jobs: inputs.jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(8, |n| (n.get() * 4).max(8))).max(1),
        fail_fast: inputs.fail_fast,
        warnings,
        redactor,
        provision: environment.provision,
    })
}

/// One check with its clauses, each with its impact and whether it may be judged here.
fn entry(check: &Arc<Check>, needs: Vec<usize>, permit: &Permit<'_>, reasons: &mut Vec<Reason>) -> Entry {
    let least = check.planning.demands.impact.max(check.impact.unwrap_or_default()).max(cleanup_impact(check));
    let allowed = permit.here(check);
    let mut asked: Vec<Asked> = Vec::with_capacity(check.clauses.len());
    for (id, origin, always) in &check.clauses {
        let row = check.kind.clauses().iter().find(|c| c.id == *id).map_or(Impact::Read, |c| c.impact);
        let raised = check.planning.demands.raised.iter().find(|(c, _)| c == id).map_or(Impact::Read, |(_, i)| *i);
        let impact = row.max(raised).max(least);
        asked.push(Asked {
            clause: *id,
            origin: origin.clone(),
            always: *always,
            impact,
            scope: permit.scope(check, *id, impact, &allowed),
        });
    }
    let refused = |a: &&Asked| matches!(a.scope, Scope::NotHere(_));
    let why = asked
        .iter()
        .filter(|a| a.always)
        .find(refused)
        .or_else(|| asked.iter().find(refused).filter(|_| asked.iter().all(|a| refused(&a))));
    let skip = why.and_then(|a| match &a.scope {
        Scope::NotHere(why) => Some(why.clone()),
        Scope::Here => None,
    });
    if asked.is_empty() {
        let problem = crate::reader::Problem::new(Origin::clone(&check.origin), "this check asks for no clause, so it would prove nothing");
        reasons.push(problem.with_help(format!("promise something: `allclear explain {}` lists what can be", check.kind.name())).into());
    }
    let highest = asked.iter().filter(|a| !refused(a)).map(|a| a.impact).max().unwrap_or_default();
    let alone = match highest {
        Impact::Read | Impact::Write => Alone::No,
        Impact::Load => Alone::OnTarget,
        Impact::Disrupt => Alone::OnStand,
    };
    let longest = check.planning.longest.max(check.planning.demands.certain) * permit.turns(check) + permit.paced(check);
    let needed = if longest > Duration::ZERO { longest + MARGIN } else { Duration::ZERO };
    Entry { check: Arc::clone(check), skip, asked, needs, gates: Vec::new(), alone, timeout: check.timeout.unwrap_or(TIMEOUT.max(needed)) }
}

/// How many of these can make a run pass.
fn deciding(entries: &[Entry]) -> u32 {
    let decides = |e: &&Entry| e.skip.is_none() && e.check.severity == crate::model::Severity::Required;
    u32::try_from(entries.iter().filter(decides).count()).unwrap_or(u32::MAX)
}

/// What needs a skipped check is skipped with the same reason; so is what stands behind a gate that is skipped.
fn skip_what_needs_skipped(entries: &mut [Entry]) {
    let mut dependants: Vec<Vec<usize>> = vec![Vec::new(); entries.len()];
    for (i, entry) in entries.iter().enumerate() {
        for needed in entry.needs.iter().chain(&entry.gates) {
            dependants[*needed].push(i);
        }
    }
    let mut todo: Vec<usize> = (0..entries.len()).filter(|i| entries[*i].skip.is_some()).collect();
    while let Some(i) = todo.pop() {
        let Some(why) = entries[i].skip.clone() else { continue };
        let root = match why.split_once("; it needs ") {
            Some((why, rest)) => format!("{why}; it needs {rest}"),
            None => format!("{why}; it needs `{}`, which is skipped", entries[i].check.id.name),
        };
        for dependant in std::mem::take(&mut dependants[i]) {
            if entries[dependant].skip.is_none() {
                entries[dependant].skip = Some(root.clone());
                todo.push(dependant);
            }
        }
    }
}

fn aimed_at(environment: &Environment, targets: &BTreeMap<Arc<str>, Arc<crate::kind::Target>>) -> String {
    if let Some(provision) = &environment.provision {
        return match &provision.service.how {
            How::Embedded { what, .. } => format!("embedded {what}"),
            How::Process(process) => format!("process {}", process.run[0]),
        };
    }
    let authority = |t: &Arc<crate::kind::Target>| {
        let host = t.base.url.host_str().unwrap_or_default();
        t.base.url.port().map_or(host.to_owned(), |port| format!("{host}:{port}"))
    };
    targets.values().map(authority).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(", ")
}

fn limits(environment: &Environment, is_local: bool) -> Limits {
    let given = &environment.limits;
    Limits {
        rate: given.rate.or((!is_local).then_some(GENTLE_RATE)),
        upload: given.upload.or((!is_local).then_some(crate::model::Size(GENTLE_UPLOAD))),
        connections: given.connections.map_or(if is_local { CONNECTIONS } else { GENTLE_CONNECTIONS }, |n| n as usize),
    }
}
