//! What may be done where. Production by mistake is not possible: above `read` only where the environment lists the host,
//! or where this run started the service itself.

use crate::kind::{Bare, Scope, Stand, Target};
use crate::model::{ClauseId, FaultKind, Impact, Origin, Size};
use crate::reader::Problem;
use crate::suite::{Check, Environment};
use crate::transport::Speak;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use url::Host;

/// Bytes of request bodies, in all, to hosts beyond loopback where the environment gives no limit: 256 MiB.
pub(super) const GENTLE_UPLOAD: u64 = 256 << 20;

/// The rules of one environment.
pub(crate) struct Permit<'a> {
    environment: &'a Environment,
    targets: &'a BTreeMap<Arc<str>, Arc<Target>>,
}

/// The most that a check may do, and why not more.
pub(crate) struct Allowed {
    most: Impact,
    why: String,
}

impl<'a> Permit<'a> {
    pub(crate) fn new(environment: &'a Environment, targets: &'a BTreeMap<Arc<str>, Arc<Target>>) -> Self {
        Self { environment, targets }
    }

    /// The most that this check may do: its target and every other host that its requests name must be listed. A URL that a
    /// capture begins needs no rule here: it can only lead to the target's own origin.
    pub(crate) fn here(&self, check: &Check) -> Allowed {
        let environment = self.environment;
        if environment.name.is_empty() {
            return Allowed { most: Impact::Read, why: "without an environment file nothing above `read` is allowed".to_owned() };
        }
        let is_provisioned = environment.own_target() == Some(&check.target);
        let target = self.targets.get(&check.target).filter(|_| !is_provisioned).and_then(|t| t.base.url.host_str()).map(str::to_owned);
        let named = check.planning.demands.hosts.iter().map(|named| host_of(named));
        let cleaned = check.cleanup.iter().filter_map(crate::words::Request::absolute_host);
        for host in target.into_iter().chain(named).chain(cleaned) {
            if !environment.lists(&host) {
                let why =
                    format!("`{host}` is not in `hosts` of environment `{}`, so nothing above `read` is allowed there", environment.name);
                return Allowed { most: Impact::Read, why };
            }
        }
        Allowed {
            most: environment.allows,
            why: format!("environment `{}` allows nothing above `{}`", environment.name, environment.allows),
        }
    }

    /// Whether a clause may be judged here.
    pub(crate) fn scope(&self, check: &Check, clause: ClauseId, impact: Impact, allowed: &Allowed) -> Scope {
        if impact > allowed.most {
            return Scope::NotHere(format!("{}; this needs `{impact}`", allowed.why));
        }
        if check.planning.demands.starts_programs && !self.environment.allows_exec {
            return Scope::NotHere(self.no_programs());
        }
        let uploads = check.planning.demands.uploads;
        if let Some(most) = self.most_upload(check).filter(|most| *most < uploads) {
            let (uploads, most) = (Size(uploads), Size(most));
            return Scope::NotHere(format!(
                "it uploads at least {uploads}, and `limits.upload` of environment `{}` is {most}",
                self.environment.name
            ));
        }
        let mut faults = check.planning.demands.faults.iter().filter(|(c, ..)| *c == clause);
        match faults.find_map(|(_, dependency, fault)| self.cannot(dependency, *fault)) {
            Some(why) => Scope::NotHere(why),
            None => Scope::Here,
        }
    }

    /// How many times it takes its time, since it may not hold as many connections at once as it likes.
    pub(crate) fn turns(&self, check: &Check) -> u32 {
        let most = self.environment.limits.connections.map_or(usize::MAX, |most| (most as usize).max(1));
        u32::try_from(check.planning.demands.at_once.div_ceil(most).max(1)).unwrap_or(u32::MAX)
    }

    /// How long its requests wait for each other, since no more may be sent in a time.
    pub(crate) fn paced(&self, check: &Check) -> Duration {
        let gap = self.environment.limits.rate.map_or(Duration::ZERO, |rate| rate.per / rate.count.max(1));
        gap.saturating_mul(check.planning.demands.requests)
    }

    /// What is wrong where a check needs HTTP/1.1, does not say so, and has a target that speaks HTTP/2.
    pub(crate) fn speaks_otherwise(&self, check: &Check) -> Option<Problem> {
        let at = *check.planning.demands.http1.first()?;
        let target = self.targets.get(&check.target).filter(|t| t.endpoint.version == Speak::Http2)?;
        let what = format!("target `{}` speaks HTTP/2, and these requests are cut in pieces, which goes over HTTP/1.1 only", target.name);
        let problem = Problem::new(Origin { source: Arc::clone(&check.origin.source), at }, what).with_path(check.kind.name());
        Some(problem.with_help("say `http: 1.1` in each request of this check"))
    }

    /// Bytes that may be uploaded in a run that this check belongs to, as far as that is known from it alone.
    fn most_upload(&self, check: &Check) -> Option<u64> {
        let is_here = || {
            let target = self.targets.get(&check.target).and_then(|t| t.base.url.host().map(|host| is_loopback(&host)));
            self.environment.own_target().is_some() || target == Some(true)
        };
        self.environment.limits.upload.map(|size| size.0).or_else(|| (!is_here()).then_some(GENTLE_UPLOAD))
    }

    fn no_programs(&self) -> String {
        match &*self.environment.name {
            "" => "without an environment file no program is started".to_owned(),
            name => format!("environment `{name}` does not say `allows-exec: true`, so no program is started"),
        }
    }

    /// Why the fault cannot be had here, if so.
    fn cannot(&self, dependency: &str, fault: FaultKind) -> Option<String> {
        let can = match &self.environment.provision {
            Some(provision) => provision.can(dependency, fault),
            None => Bare.can(dependency, fault),
        };
        can.err().map(|why| why.0)
    }
}

/// The host of a URL, or the text itself where it is a host already.
fn host_of(named: &str) -> String {
    match url::Url::parse(named).ok().and_then(|url| url.host_str().map(str::to_owned)) {
        Some(host) => host,
        None => match named.rsplit_once(':') {
            Some((host, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) && !host.ends_with(':') => host.to_owned(),
            _ => named.to_owned(),
        },
    }
}

/// Whether a host is this machine, by its address alone: a name may lead anywhere.
pub(crate) fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Ipv4(ip) => ip.is_loopback(),
        Host::Ipv6(ip) => ip.is_loopback(),
        Host::Domain(name) => *name == "localhost",
    }
}
