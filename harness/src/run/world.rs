//! The world that checks run in: the targets as they really are, and what this run starts for itself before the first of them.

use super::session::Options;
use crate::kind::{Bare, Stand, Target, Unwell};
use crate::model::{CheckId, ClauseOutcome, ClauseVerdict, Finding, Outcome, Place, Secret, Severity, Verdict};
use crate::plan::{Limits, Plan};
use crate::provision::{Amiss, Provisioned, Spec, StartError, clean, start};
use crate::suite::{Part, Provision};
use crate::transport::{self, Endpoint, Exchange, Permits};
use crate::words::{Json, Values};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Targets and stand of checks: the common one of a run, or one that a single check breaks.
pub(crate) struct World {
    /// The targets by name, with the addresses of what was started.
    pub(crate) targets: BTreeMap<Arc<str>, Arc<Target>>,
    /// What can be broken.
    pub(crate) stand: Arc<dyn Stand>,
    /// What the parts set, with their own addresses.
    pub(crate) values: Values,
    /// What has to be stopped at the end.
    pub(crate) provisioned: Option<Arc<Provisioned>>,
    /// The case "the service starts", where it did not.
    pub(crate) broken: Option<Outcome>,
    /// What is worth telling: processes of earlier runs that were ended.
    pub(crate) notices: Vec<String>,
}

impl World {
    /// The common world: ends what runs that are gone have left, then starts what the plan wants started. Without that the
    /// world is what it is.
    pub(crate) async fn begin(plan: &Plan, options: &Options, run: &Arc<str>) -> Self {
        let notices = match plan.provision.as_ref().map(|provision| spec(provision, options, run)) {
            Some(Ok(spec)) => clean(&spec).await,
            Some(Err(_)) | None => Vec::new(),
        };
        Self { notices, ..Self::anew(plan, options, run).await }
    }

    /// A world of its own for one check.
    pub(crate) async fn anew(plan: &Plan, options: &Options, run: &Arc<str>) -> Self {
        let targets = plan.targets.clone();
        let mut world =
            Self { targets, stand: Arc::new(Bare), values: Values::default(), provisioned: None, broken: None, notices: Vec::new() };
        let Some(provision) = &plan.provision else { return world };
        let started = match spec(provision, options, run) {
            Ok(spec) => start(&spec).await,
            Err(why) => Err(StartError::Other { part: None, why }),
        };
        match started {
            Ok(provisioned) => {
                let target = moved(plan.targets.get(&provision.target), &provision.target, provisioned.address());
                world.targets.insert(provision.target.clone(), Arc::new(target));
                let value = |values: Values, (name, value): (&str, &str)| values.with(name, Json::String(value.into()), false);
                world.values = provisioned.values().fold(Values::default(), value);
                let provisioned = Arc::new(provisioned);
                world.stand = provisioned.clone();
                world.provisioned = Some(provisioned);
            }
            Err(StartError::Service { observed, lines }) => {
                world.broken = Some(starts(plan, provision.service.origin.place(), Verdict::Fail, &observed, lines));
            }
            Err(StartError::Other { part, why }) => {
                let dependency = provision.dependencies.iter().find(|dependency| Some(&*dependency.name) == part.as_deref());
                let place = dependency.unwrap_or(&provision.service).origin.place();
                world.broken = Some(starts(plan, place, Verdict::Error, &why, Vec::new()));
            }
        }
        world
    }

    /// What has gone wrong since then with what was started for it.
    pub(crate) fn amiss(&self, since: tokio::time::Instant) -> Vec<Amiss> {
        self.provisioned.as_ref().map(|provisioned| provisioned.amiss(since)).unwrap_or_default()
    }

    /// Stops what was started for it. Answers with what could not be undone or stopped.
    pub(crate) async fn stop(&self, budget: Duration) -> Vec<String> {
        match &self.provisioned {
            Some(provisioned) => provisioned.stop(budget).await,
            None => Vec::new(),
        }
    }
}

fn spec(provision: &Provision, options: &Options, run: &Arc<str>) -> Result<Spec, String> {
    let executable = match &options.executable {
        Some(path) => path.clone(),
        None => std::env::current_exe().map_err(|e| format!("this executable cannot be found: {e}"))?,
    };
    Ok(Spec {
        dependencies: provision.dependencies.iter().map(Part::spec).collect(),
        service: provision.service.spec(),
        target: provision.target.clone(),
        executable,
        leases: options.leases.clone(),
        run: run.clone(),
    })
}

/// The engine of a run, with the caps of its environment.
pub(crate) fn exchange(limits: &Limits) -> Exchange {
    let permits = Permits::new(limits.rate, Some(limits.connections), limits.upload.map(|size| size.0));
    Exchange::new(transport::Options { permits })
}

/// The captured values that must never be shown.
pub(crate) fn secrets(captures: &Values) -> impl Iterator<Item = Secret> {
    captures.iter().filter(|(_, value)| value.is_secret).map(|(_, value)| match &value.json {
        Json::String(text) => Secret::new(text.as_str()),
        other => Secret::new(other.to_string()),
    })
}

/// The target that the plan has, with the address that the service took.
fn moved(planned: Option<&Arc<Target>>, name: &Arc<str>, address: SocketAddr) -> Target {
    let root = url::Url::parse(&format!("http://{address}/")).expect("a socket address makes a URL");
    match planned {
        Some(target) => {
            let mut target = (**target).clone();
            let mut url = target.base.url.clone();
            let placed =
                url.set_scheme("http").is_ok() && url.set_ip_host(address.ip()).is_ok() && url.set_port(Some(address.port())).is_ok();
            target.base.url = if placed { url } else { root };
            target.endpoint.url = target.base.url.clone();
            target
        }
        None => Target { name: name.clone(), base: base(root.clone()), endpoint: Endpoint::new(root) },
    }
}

fn base(url: url::Url) -> crate::words::Base {
    crate::words::Base { url, headers: Vec::new() }
}

/// The case "the service starts": told only where it did not, because a start proves nothing about a contract.
fn starts(plan: &Plan, place: Place, verdict: Verdict, observed: &str, lines: Vec<String>) -> Outcome {
    let expected = "the service starts, and says where it listens";
    let mut outcome = case(plan, place, "the service starts", "provision/starts", verdict, expected, observed);
    for finding in outcome.clauses.iter_mut().filter_map(|c| c.finding.as_mut()) {
        finding.details = lines.iter().map(|line| ("log".to_owned(), line.clone())).collect();
    }
    outcome
}

/// The case "the stand is well again": told only where it is not, since everything that comes after would be blamed wrongly.
pub(crate) fn not_well(plan: &Plan, after: &CheckId, unwell: &Unwell) -> Outcome {
    let expected = format!("everything answers again once “{}” has put back what it broke", after.name);
    let place = plan.provision.as_ref().expect("only what is provisioned is broken and put back").service.origin.place();
    let verdict = if unwell.is_service { Verdict::Fail } else { Verdict::Error };
    case(plan, place, "the stand is well again", "provision/recovers", verdict, &expected, &unwell.why)
}

/// A case of its own beside the checks, about what was provisioned.
fn case(plan: &Plan, place: Place, name: &str, clause: &str, verdict: Verdict, expected: &str, observed: &str) -> Outcome {
    let mut finding = Finding::new(expected, observed);
    finding.place = Some(place.clone());
    let is_service = verdict == Verdict::Fail;
    let clause = ClauseOutcome {
        clause: clause.to_owned(),
        case: String::new(),
        verdict: ClauseVerdict::Broken,
        observations: 1,
        bad: 1,
        why: None,
        finding: Some(finding),
    };
    let suite = if plan.environment.is_empty() { "environment" } else { &plan.environment };
    Outcome {
        check: CheckId { suite: suite.into(), name: name.into() },
        kind: "provision".to_owned(),
        verdict,
        severity: Severity::Required,
        place,
        reason: (!is_service).then(|| observed.to_owned()),
        root: None,
        summary: String::new(),
        clauses: if is_service { vec![clause] } else { Vec::new() },
        measurements: Vec::new(),
        rounds: 1,
        started: super::clock::now(),
        took: Duration::ZERO,
        notes: Vec::new(),
        observation: None,
        about: None,
        runbook: None,
    }
}
