//! The world that checks run in: the targets as they really are, and what this run starts for itself before the first of them.

use super::session::Options;
use crate::kind::{Bare, Stand, Target};
use crate::model::{CheckId, ClauseOutcome, ClauseVerdict, Finding, Outcome, Secret, Severity, Verdict};
use crate::plan::{Limits, Plan};
use crate::provision::{PartSpec, Provisioned, Spec, StartError, start};
use crate::suite::{Part, PartHow};
use crate::transport::{self, Endpoint, Exchange, Permits};
use crate::words::{Json, Values};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

/// Targets and stand of a run that has begun.
pub(crate) struct World {
    /// The targets by name, with the addresses of what was started.
    pub(crate) targets: BTreeMap<Arc<str>, Arc<Target>>,
    /// What can be broken.
    pub(crate) stand: Arc<dyn Stand>,
    /// What has to be stopped at the end.
    pub(crate) provisioned: Option<Arc<Provisioned>>,
    /// The case "the service starts", where it did not.
    pub(crate) broken: Option<Outcome>,
    /// What is worth telling: processes of earlier runs that were ended.
    pub(crate) notices: Vec<String>,
}

impl World {
    /// Starts what the plan wants started; without that the world is what it is.
    pub(crate) async fn begin(plan: &Plan, options: &Options, run: &Arc<str>) -> Self {
        let mut world = Self { targets: plan.targets.clone(), stand: Arc::new(Bare), provisioned: None, broken: None, notices: Vec::new() };
        let Some(provision) = &plan.provision else { return world };
        let executable = match &options.executable {
            Some(path) => path.clone(),
            None => match std::env::current_exe() {
                Ok(path) => path,
                Err(e) => {
                    world.broken = Some(did_not_start(plan, Verdict::Error, &format!("this executable cannot be found: {e}"), Vec::new()));
                    return world;
                }
            },
        };
        let spec = Spec {
            dependencies: provision.dependencies.iter().map(part).collect(),
            service: part(&provision.service),
            executable,
            leases: options.leases.clone(),
            run: run.clone(),
        };
        let (started, swept) = start(spec).await;
        world.notices = swept;
        match started {
            Ok(provisioned) => {
                if let Some(address) = provisioned.service {
                    let target = moved(plan.targets.get(&provision.target), &provision.target, address);
                    world.targets.insert(provision.target.clone(), Arc::new(target));
                }
                let provisioned = Arc::new(provisioned);
                world.stand = provisioned.clone();
                world.provisioned = Some(provisioned);
            }
            Err(StartError::Service { observed, lines }) => {
                world.broken = Some(did_not_start(plan, Verdict::Fail, &observed, lines));
            }
            Err(StartError::Other(why)) => world.broken = Some(did_not_start(plan, Verdict::Error, &why, Vec::new())),
        }
        world
    }
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

fn part(part: &Part) -> PartSpec {
    let PartHow::Embedded { what, args } = &part.how;
    PartSpec { name: part.name.clone(), what: what.clone(), args: args.clone(), sets: part.sets.clone() }
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
fn did_not_start(plan: &Plan, verdict: Verdict, observed: &str, lines: Vec<String>) -> Outcome {
    let provision = plan.provision.as_ref().expect("only what is provisioned can fail to start");
    let place = provision.service.origin.place();
    let mut finding = Finding::new("the service starts, and says where it listens", observed);
    finding.place = Some(place.clone());
    finding.details = lines.into_iter().map(|line| ("log".to_owned(), line)).collect();
    let is_service = verdict == Verdict::Fail;
    let clause = ClauseOutcome {
        clause: "provision/starts".to_owned(),
        case: String::new(),
        verdict: ClauseVerdict::Broken,
        observations: 1,
        bad: 1,
        why: None,
        finding: Some(finding),
    };
    let suite = if plan.environment.is_empty() { "environment" } else { &plan.environment };
    Outcome {
        check: CheckId { suite: suite.into(), name: "the service starts".into() },
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
        took: std::time::Duration::ZERO,
        notes: Vec::new(),
        observation: None,
        about: None,
        runbook: None,
    }
}
