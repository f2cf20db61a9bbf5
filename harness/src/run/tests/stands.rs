//! Checks that break what the run has started: on stands of their own, on the common one, and on every way out.

use crate::checks::fake::{Fake, Instead};
use crate::model::event::RunEnd;
use crate::model::{FaultKind, Secret, Verdict};
use crate::plan::{Alone, Entry, Plan};
use crate::provision::{How, ProcessSpec, ReadyBy};
use crate::run::testing::{Heard, edit, entry_of, origin, plan};
use crate::run::{Options, Session};
use crate::suite::{Part, Provision};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const PART: &str = "ALLCLEAR_TEST_PART";
const CHILD: [&str; 4] = ["--exact", "provision::tests::part", "--ignored", "--nocapture"];

fn program(before: &[&str], args: &str) -> ProcessSpec {
    let own = std::env::current_exe().unwrap().display().to_string();
    ProcessSpec {
        run: before.iter().copied().chain([own.as_str()]).chain(CHILD).map(str::to_owned).collect(),
        env: vec![(PART.to_owned(), Secret::new(format!("{args} --listen ${{host}}:${{port}} --parent-watch")))],
        cwd: None,
        prepare: Vec::new(),
        drop_root_to: None,
        port: None,
        ready: ReadyBy::Tcp("${host}:${port}".to_owned()),
        within: Duration::from_secs(60),
    }
}

fn part(name: &str, how: ProcessSpec, sets: &[(&str, &str)]) -> Part {
    let sets = sets.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Part { name: name.into(), how: How::Process(Box::new(how)), sets, origin: origin() }
}

fn provisioned(service: ProcessSpec, entries: Vec<Entry>) -> Plan {
    let db = part("db", program(&[], "dependency"), &[("db", "${host}:${port}")]);
    let provision = Provision { dependencies: vec![db], service: part("service", service, &[]), target: "api".into() };
    // The service's own address takes the place of this one.
    Plan { provision: Some(provision), ..plan("127.0.0.1:1".parse().unwrap(), entries) }
}

fn breaking(name: &str, path: &str, breaks: (&'static str, FaultKind)) -> Entry {
    let fake = Fake { path: path.to_owned(), breaks: Some(breaks), ..Fake::default() };
    Entry { alone: Alone::OnStand, ..entry_of(name, fake) }
}

fn looking(name: &str, path: &str) -> Entry {
    entry_of(name, Fake { path: path.to_owned(), ..Fake::default() })
}

/// It uses what another check has captured: only the common stand has that.
fn sharing(mut entry: Entry) -> Entry {
    edit(&mut entry).planning.demands.uses.push(("job".to_owned(), origin().at));
    entry
}

async fn run(plan: Plan, folder: &Path) -> (Heard, RunEnd) {
    let heard = Heard::default();
    let end = Session::new(Arc::new(plan), Options::new(folder), heard.sink()).run_all().await;
    assert_eq!(end.left, Vec::<String>::new());
    let leases = std::fs::read_dir(folder.join("leases")).map_or(0, |files| files.count());
    assert_eq!(leases, 0, "everything that was started has ended");
    (heard, end)
}

#[track_caller]
fn check(heard: &Heard, expected: &[(&str, Verdict)]) {
    for (name, verdict) in expected {
        let outcome = heard.outcome(name);
        assert_eq!(outcome.verdict, *verdict, "{name}: {outcome:#?}");
    }
    assert_eq!(heard.outcomes().len(), expected.len(), "{:?}", heard.lines());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn checks_that_break_their_own_stand_disturb_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let entries = vec![
        breaking("cut", "/health", ("db", FaultKind::Blackhole)),
        breaking("killed", "/health", ("db", FaultKind::Kill)),
        breaking("ended", "/health", ("service", FaultKind::Restart)),
        looking("untouched", "/health"),
    ];
    let (heard, _) = run(provisioned(program(&[], "serve --db ${db}"), entries), folder.path()).await;
    use Verdict::Pass;
    check(&heard, &[("cut", Pass), ("killed", Pass), ("ended", Pass), ("untouched", Pass)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_shares_captures_breaks_the_common_stand_alone_and_leaves_it_well() {
    let folder = tempfile::tempdir().unwrap();
    let mut entries = vec![sharing(breaking("first", "/health", ("db", FaultKind::Kill)))];
    // Killed and never mended by the check itself.
    let mut hanging = sharing(breaking("hangs", "/health", ("service", FaultKind::Kill)));
    hanging.timeout = Duration::from_millis(500);
    if let crate::checks::Kind::Fake(fake) = &mut edit(&mut hanging).kind {
        fake.instead = Some(Instead::Hang);
    }
    entries.push(hanging);
    entries.push(Entry { needs: vec![0], ..looking("after", "/health") });
    let (heard, _) = run(provisioned(program(&[], "serve --db ${db}"), entries), folder.path()).await;
    check(&heard, &[("first", Verdict::Pass), ("hangs", Verdict::Inconclusive), ("after", Verdict::Pass)]);
}

/// Starts once and never again.
fn once(marker: &Path) -> ProcessSpec {
    let script = "if [ -e \"$1\" ]; then echo 'no second start' >&2; exit 9; fi; : > \"$1\"; shift; exec \"$@\"";
    program(&["/bin/sh", "-c", script, "sh", &marker.display().to_string()], "serve --db ${db}")
}

// One thread: which of two equal checks comes first is not promised, and here it must be the one that breaks.
#[tokio::test]
async fn a_stand_that_is_never_well_again_blocks_what_comes_after_with_that_root() {
    let folder = tempfile::tempdir().unwrap();
    let entries = vec![
        sharing(breaking("breaks", "/health", ("service", FaultKind::Kill))),
        // It is alone on the common stand too, so it comes later.
        sharing(breaking("later", "/health", ("db", FaultKind::Blackhole))),
    ];
    let plan = Plan { jobs: 1, ..provisioned(once(&folder.path().join("marker")), entries) };
    let (heard, _) = run(plan, folder.path()).await;
    check(&heard, &[("breaks", Verdict::Error), ("the stand is well again", Verdict::Fail), ("later", Verdict::Blocked)]);
    let told = heard.outcome("the stand is well again");
    assert!(told.clauses[0].finding.as_ref().unwrap().observed.contains("no second start"), "{told:#?}");
    assert_eq!(&*heard.outcome("later").root.unwrap().name, "the stand is well again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_does_not_start_on_a_stand_of_its_own_blocks_that_check_and_is_told_once() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (("db", FaultKind::Refuse), ("db", FaultKind::Reset));
    let entries = vec![looking("common", "/health"), breaking("one", "/health", one), breaking("other", "/health", other)];
    let mut plan = provisioned(once(&folder.path().join("marker")), entries);
    // The common stand takes the one start.
    plan.entries[1].needs = vec![0];
    plan.entries[2].needs = vec![0];
    let (heard, _) = run(plan, folder.path()).await;
    use Verdict::{Blocked, Fail, Pass};
    check(&heard, &[("common", Pass), ("the service starts", Fail), ("one", Blocked), ("other", Blocked)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupt_in_mid_fault_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let mut own = breaking("own", "/health", ("db", FaultKind::Pause));
    let mut common = sharing(breaking("common", "/health", ("db", FaultKind::Kill)));
    for entry in [&mut own, &mut common] {
        if let crate::checks::Kind::Fake(fake) = &mut edit(entry).kind {
            fake.instead = Some(Instead::Hang);
        }
    }
    let plan = provisioned(program(&[], "serve --db ${db}"), vec![own, common]);
    let options = Options::new(folder.path());
    let interrupt = options.interrupt.clone();
    let heard = Heard::default();
    let session = Session::new(Arc::new(plan), options, heard.sink());
    let watched = session.clone();
    let raising = tokio::spawn(async move {
        let in_force = |lines: &[(crate::model::CheckId, Duration, String)]| lines.iter().filter(|(.., saw)| saw == "in force").count();
        while in_force(&watched.waiting()) < 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        interrupt.raise("SIGINT");
    });
    let end = tokio::time::timeout(Duration::from_secs(100), session.run_all()).await.unwrap();
    raising.await.unwrap();
    assert_eq!((end.interrupted.as_deref(), end.left), (Some("SIGINT"), Vec::new()));
    assert_eq!(std::fs::read_dir(folder.path().join("leases")).unwrap().count(), 0, "every process has ended");
}

/// Ends the program behind it, and itself with code 5, once there is such a file. A shell gives nothing to read to what it runs beside
/// itself, and that program ends where it has nothing to read.
fn until(marker: &Path, args: &str) -> ProcessSpec {
    let script = "m=$1; shift; exec 3<&0; \"$@\" <&3 & p=$!; while [ ! -e \"$m\" ]; do sleep 0.05; done; kill -9 $p; wait $p; echo 'out of memory'; exit 5";
    program(&["/bin/sh", "-c", script, "sh", &marker.display().to_string()], args)
}

/// The verdict on a check of `/ready` that asks for five seconds while the part ends that was told to.
async fn without(is_dependency: bool) -> (Verdict, String) {
    let folder = tempfile::tempdir().unwrap();
    let marker = folder.path().join("marker");
    let mut steady = looking("steady", "/ready");
    edit(&mut steady).consistently = Some(Duration::from_secs(5));
    let service = if is_dependency { program(&[], "serve --db ${db}") } else { until(&marker, "serve --db ${db}") };
    let mut plan = provisioned(service, vec![steady]);
    if is_dependency {
        plan.provision.as_mut().unwrap().dependencies[0].how = How::Process(Box::new(until(&marker, "dependency")));
    }
    let heard = Heard::default();
    let mut sink = heard.sink();
    let session = Session::new(Arc::new(plan), Options::new(folder.path()), move |event| {
        if matches!(event, crate::model::Event::CheckStarted { .. }) {
            std::fs::write(&marker, "").unwrap();
        }
        sink(event);
    });
    session.run_all().await;
    let outcome = heard.outcome("steady");
    (outcome.verdict, format!("{:?} {:?}", outcome.reason, outcome.notes))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dependency_that_ends_by_itself_is_not_blamed_on_the_service() {
    let (verdict, told) = without(true).await;
    assert_eq!(verdict, Verdict::Error, "{told}");
    assert!(told.contains("the dependency `db` ended by itself (exit status: 5)") && told.contains("out of memory"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_ends_by_itself_fails_and_its_end_is_told() {
    let (verdict, told) = without(false).await;
    assert_eq!(verdict, Verdict::Fail, "{told}");
    assert!(told.contains("the service ended by itself (exit status: 5)") && told.contains("out of memory"), "{told}");
}
