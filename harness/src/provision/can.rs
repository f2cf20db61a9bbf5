//! Which fault can be had of which part: one rule for the plan, before anything is started, and for the stand.

use super::spec::PartSpec;
use crate::kind::Unavailable;
use crate::model::FaultKind;

/// The name that the service goes by beside that of its target.
pub(crate) const SERVICE: &str = "service";

/// Whether the fault can be injected into the part of this name.
///
/// # Errors
/// [`Unavailable`]: there is no such part; it is not reached through this run's relay; a service has no relay.
pub(crate) fn can(dependencies: &[PartSpec], service: &PartSpec, target: &str, name: &str, fault: FaultKind) -> Result<(), Unavailable> {
    let is_service = is_service(target, name);
    let dependency = dependencies.iter().find(|part| &*part.name == name);
    let is_cut = matches!(fault, FaultKind::Refuse | FaultKind::Blackhole | FaultKind::Swallow | FaultKind::Slow | FaultKind::Reset);
    match dependency {
        None if !is_service => {
            let known: Vec<String> = dependencies.iter().map(|part| format!("`{}`", part.name)).collect();
            let known = if known.is_empty() { "no dependency".to_owned() } else { known.join(", ") };
            Err(Unavailable(format!("`{name}` is not provisioned by this environment, so this run cannot {fault} it; it starts {known}")))
        }
        None if is_cut => {
            Err(Unavailable(format!("this run cannot {fault} the service itself: what checks send it goes through no relay")))
        }
        Some(part) if is_cut && !service.is_given(part) => {
            Err(Unavailable(format!("the service is started with nothing that `{name}` sets, so a relay to cut is not on its way to it")))
        }
        _ => Ok(()),
    }
}

/// Whether this name means the service.
pub(crate) fn is_service(target: &str, name: &str) -> bool {
    name == SERVICE || name == target
}

#[cfg(test)]
mod tests {
    use super::super::spec::How;
    use super::*;

    fn part(name: &str, what: &str, args: &[&str]) -> PartSpec {
        let args = args.iter().map(|a| (*a).to_owned()).collect();
        PartSpec { name: name.into(), how: How::Embedded { what: what.to_owned(), args }, sets: vec![(format!("{name}_url"), "x".into())] }
    }

    #[track_caller]
    fn check(args: &[&str], name: &str, fault: FaultKind, expected: Option<&str>) {
        let dependencies = [part("db", "reference-dependency", &[]), part("queue", "reference-dependency", &[])];
        let service = part("service", "reference-service", args);
        let why = can(&dependencies, &service, "api", name, fault).err().map(|e| e.0);
        assert_eq!(why.is_some(), expected.is_some(), "{why:?}");
        assert!(why.iter().all(|why| why.contains(expected.unwrap())), "{why:?}");
    }

    #[test]
    fn what_is_started_can_be_broken_where_the_service_reaches_it_through_the_relay() {
        check(&[], "db", FaultKind::Blackhole, None);
        check(&["--queue", "${queue_url}"], "queue", FaultKind::Refuse, None);
        check(&["--db=elsewhere:5432"], "db", FaultKind::Refuse, Some("started with nothing that `db` sets"));
        check(&["$${queue_url}"], "queue", FaultKind::Slow, Some("started with nothing that `queue` sets"));
        check(&[], "queue", FaultKind::Kill, None);
        check(&[], "cache", FaultKind::Kill, Some("it starts `db`, `queue`"));
        check(&[], "api", FaultKind::Terminate, None);
        check(&[], "service", FaultKind::Pause, None);
        check(&[], "api", FaultKind::Blackhole, Some("the service itself"));
    }
}
