//! The reference service as a program with a real dependency: every fault is felt through the relay, and undone on every way out.

use super::spec::{How, PartSpec, ProcessSpec, ReadyBy, Spec};
use super::stand::Provisioned;
use super::start::{StartError, start};
use crate::kind::{Signal, Stand as _};
use crate::model::{FaultKind, Secret};
use crate::transport::{Endpoint, Exchange, Outgoing, Timeouts, Wishes, tcp};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

/// What the child below plays.
const PART: &str = "ALLCLEAR_TEST_PART";
/// What comes in any case; only a broken test waits for so long.
const LONG: Duration = Duration::from_secs(60);

/// The part itself: this test binary once more.
#[test]
#[ignore = "a part of the tests below"]
fn part() {
    #[expect(clippy::disallowed_methods, reason = "a part of a test is told by its parent what it plays")]
    let args = std::env::var(PART).expect("the parent says what is played");
    let code = reference_service::main_with(args.split(' ').map(Into::into));
    // The test harness has no other way to hand an exit code on.
    std::process::exit(if code == std::process::ExitCode::SUCCESS { 0 } else { 1 });
}

fn program(args: &str, ready: ReadyBy) -> How {
    let own = std::env::current_exe().unwrap().display().to_string();
    How::Process(Box::new(ProcessSpec {
        run: [&own, "--exact", "provision::tests::part", "--ignored", "--nocapture"].map(str::to_owned).into(),
        env: vec![(PART.to_owned(), Secret::new(format!("{args} --listen ${{host}}:${{port}} --parent-watch")))],
        cwd: None,
        prepare: Vec::new(),
        drop_root_to: None,
        port: None,
        ready,
        within: LONG,
    }))
}

fn shell(script: &str, ready: ReadyBy) -> How {
    let run = ["/bin/sh", "-c", script].map(str::to_owned).into();
    How::Process(Box::new(ProcessSpec {
        run,
        env: Vec::new(),
        cwd: None,
        prepare: Vec::new(),
        drop_root_to: None,
        port: None,
        ready,
        within: LONG,
    }))
}

fn dependency() -> PartSpec {
    let how = program("dependency", ReadyBy::Tcp("${host}:${port}".to_owned()));
    PartSpec { name: "db".into(), how, sets: vec![("db".to_owned(), "${host}:${port}".to_owned())] }
}

fn spec(folder: &Path, service: How) -> Spec {
    Spec {
        dependencies: vec![dependency()],
        service: PartSpec { name: "service".into(), how: service, sets: Vec::new() },
        target: "api".into(),
        executable: "unused".into(),
        leases: folder.to_owned(),
        run: "R1".into(),
    }
}

async fn reference(folder: &Path) -> Provisioned {
    start(&spec(folder, program("serve --db ${db}", ReadyBy::Get("/health".to_owned())))).await.unwrap()
}

/// What the service answers to `/ready`.
async fn status(world: &Provisioned) -> Option<u16> {
    let url = url::Url::parse(&format!("http://{}/ready", world.address())).unwrap();
    let timeouts = Timeouts { connect: LONG, first_byte: LONG, total: LONG };
    let wishes = Wishes { fresh: true, timeouts, ..Wishes::default() };
    Exchange::default().send(&Endpoint::new(url.clone()), &Outgoing::get(url), &wishes).await.ok().map(|answer| answer.status)
}

async fn becomes(world: &Provisioned, expected: u16) {
    let wait = async {
        while status(world).await != Some(expected) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(LONG, wait).await.unwrap_or_else(|_| panic!("/ready never became {expected}"));
}

fn direct(world: &Provisioned) -> SocketAddr {
    world.values().find(|(name, _)| *name == "db").unwrap().1.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_of_a_dependency_is_felt_and_undone() {
    let folder = tempfile::tempdir().unwrap();
    let world = reference(folder.path()).await;
    becomes(&world, 200).await;
    let faults = [
        FaultKind::Blackhole,
        FaultKind::Swallow,
        FaultKind::Refuse,
        FaultKind::Reset,
        FaultKind::Slow,
        FaultKind::Pause,
        FaultKind::Kill,
        FaultKind::Terminate,
    ];
    for fault in faults {
        let lease = world.inject("db", fault).await.unwrap_or_else(|e| panic!("{fault}: {e}"));
        becomes(&world, 503).await;
        let at = direct(&world);
        let is_there = tcp(&at.ip().to_string(), at.port(), LONG).await.is_ok();
        assert_eq!(is_there, !matches!(fault, FaultKind::Kill | FaultKind::Terminate), "{fault}: checks go around the relay");
        lease.mend().await.unwrap_or_else(|e| panic!("{fault}: {e}"));
        becomes(&world, 200).await;
    }
    assert_eq!(world.well().await, Ok(()));
    assert_eq!(world.stop(LONG).await, Vec::<String>::new());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "no lease outlives its process");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_that_is_dropped_is_undone_whatever_dropped_it() {
    let folder = tempfile::tempdir().unwrap();
    let world = std::sync::Arc::new(reference(folder.path()).await);
    for fault in [FaultKind::Blackhole, FaultKind::Kill, FaultKind::Pause] {
        becomes(&world, 200).await;
        drop(world.inject("db", fault).await.unwrap());
        assert_eq!(world.well().await, Ok(()), "dropped");

        let held = world.clone();
        let panicked = tokio::spawn(async move {
            let _lease = held.inject("db", fault).await.unwrap();
            panic!("a probe that panics");
        });
        assert!(panicked.await.unwrap_err().is_panic());
        assert_eq!(world.well().await, Ok(()), "panicked");

        let held = world.clone();
        let (told, in_force) = tokio::sync::oneshot::channel();
        let cancelled = tokio::spawn(async move {
            let _lease = held.inject("db", fault).await.unwrap();
            told.send(()).unwrap();
            std::future::pending::<()>().await;
        });
        in_force.await.unwrap();
        cancelled.abort();
        assert!(cancelled.await.unwrap_err().is_cancelled());
        assert_eq!(world.well().await, Ok(()), "cancelled");
        becomes(&world, 200).await;
    }
    assert_eq!(world.stop(LONG).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_stops_waiting_for_a_fault_leaves_nothing_broken() {
    let folder = tempfile::tempdir().unwrap();
    let world = reference(folder.path()).await;
    becomes(&world, 200).await;
    for fault in [FaultKind::Restart, FaultKind::Terminate, FaultKind::Kill] {
        // Wherever the zero timeout cuts it off: what it has begun is undone.
        let _ = tokio::time::timeout(Duration::ZERO, world.inject("db", fault)).await;
        assert_eq!(world.well().await, Ok(()), "{fault}");
        becomes(&world, 200).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_waits_until_the_one_before_is_undone() {
    let folder = tempfile::tempdir().unwrap();
    let world = reference(folder.path()).await;
    let first = world.inject("db", FaultKind::Kill).await.unwrap();
    let mut second = std::pin::pin!(world.inject("db", FaultKind::Refuse));
    assert!(tokio::time::timeout(Duration::from_millis(50), &mut second).await.is_err(), "one at a time");
    drop(first);
    second.await.unwrap().mend().await.unwrap();
    becomes(&world, 200).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_is_ended_by_a_signal_and_started_again_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let world = reference(folder.path()).await;
    becomes(&world, 200).await;
    let address = world.address();
    let exit = world.signal("api", Signal::Terminate).await.unwrap();
    assert_eq!((exit.code, exit.signal), (Some(0), None));
    assert!(exit.after.is_some_and(|after| after > Duration::ZERO));
    assert_eq!(status(&world).await, None);
    assert!(world.signal("service", Signal::Stop).await.is_err(), "it has ended");
    world.inject("api", FaultKind::Restart).await.unwrap().mend().await.unwrap();
    assert_eq!(world.address(), address);
    becomes(&world, 200).await;
    let exit = world.signal("service", Signal::Kill).await.unwrap();
    assert_eq!((exit.code, exit.signal), (None, Some(9)));
    assert_eq!(world.well().await, Ok(()), "a part that has ended is started again");
    becomes(&world, 200).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_prepares_a_part_runs_once_and_its_folder_stays_until_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let mut spec = spec(folder.path(), program("serve --db ${db}", ReadyBy::Get("/health".to_owned())));
    let How::Process(db) = &mut spec.dependencies[0].how else { unreachable!("it is a program") };
    let write = |text: &str| ["sh", "-c", &format!("echo {text} >> \"$0\"; pwd >> where"), "${dir}/log"].map(str::to_owned).to_vec();
    db.prepare = vec![write("one"), write("two")];
    db.cwd = Some("${dir}".into());
    spec.dependencies[0].sets.push(("unused".to_owned(), "${host}".to_owned()));
    let world = start(&spec).await.unwrap();
    becomes(&world, 200).await;
    let own = std::fs::read_dir(folder.path()).unwrap().flatten().find_map(|lease| {
        let lease: serde_json::Value = serde_json::from_slice(&std::fs::read(lease.path()).ok()?).ok()?;
        Some(std::path::PathBuf::from(lease["folder"].as_str()?))
    });
    let own = own.expect("a folder has a lease");
    let told = |name: &str| std::fs::read_to_string(own.join(name)).unwrap();
    assert_eq!(told("log"), "one\ntwo\n");
    assert_eq!(told("where").lines().next(), std::fs::canonicalize(&own).unwrap().to_str());
    world.inject("db", FaultKind::Kill).await.unwrap().mend().await.unwrap();
    becomes(&world, 200).await;
    assert_eq!(told("log"), "one\ntwo\n", "once, and not when it is started again");
    assert_eq!(world.stop(LONG).await, Vec::<String>::new());
    assert!(!own.exists());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "no lease outlives what it is about");
}

/// A service that tells who it is, by user, groups and the owner of its folder; and its world.
async fn named(user: &str, leases: &Path) -> Result<Provisioned, StartError> {
    let mut service = shell("echo \"$(id -u) $(id -G) $(stat -c %u .)\"; cat", ReadyBy::Line(" ".to_owned()));
    let How::Process(process) = &mut service else { unreachable!("it is a program") };
    (process.drop_root_to, process.cwd) = (Some(user.to_owned()), Some("${dir}".into()));
    start(&spec(leases, service)).await
}

#[tokio::test]
async fn a_program_runs_as_the_user_that_it_names_where_we_are_root_and_as_we_do_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let is_root = nix::unistd::geteuid().is_root();
    let user = if is_root { nix::unistd::User::from_name("nobody") } else { nix::unistd::User::from_uid(nix::unistd::geteuid()) };
    let user = user.unwrap().unwrap();
    let world = named("nobody", folder.path()).await.unwrap();
    let told = world.last_lines("service").join("\n");
    assert!(told.starts_with(&format!("{} {}", user.uid, user.gid)) && told.ends_with(&format!(" {}", user.uid)), "{told}");
    if is_root {
        assert_eq!(told, format!("{} {} {}", user.uid, user.gid, user.uid), "root's other groups are gone");
    }
    match (is_root, named("no-such-user", folder.path()).await) {
        (true, Err(StartError::Other { why, .. })) => assert!(why.contains("there is no user `no-such-user` here"), "{why}"),
        (false, Ok(_)) => {}
        (is_root, other) => panic!("root: {is_root}, {other:?}"),
    }
}

#[tokio::test]
async fn a_cut_that_nobody_would_feel_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let service = shell("echo up ${db}; cat", ReadyBy::Line("up".to_owned()));
    let world = start(&spec(folder.path(), service)).await.unwrap();
    let refused = world.inject("db", FaultKind::Blackhole).await.unwrap_err();
    assert!(refused.0.contains("the service has never connected to it"), "{refused}");
    assert!(world.inject("cache", FaultKind::Blackhole).await.is_err());
    assert!(world.signal("cache", Signal::Kill).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_worlds_at_once_do_not_disturb_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = tokio::join!(reference(folder.path()), reference(folder.path()));
    tokio::join!(becomes(&one, 200), becomes(&other, 200));
    let _lease = one.inject("db", FaultKind::Refuse).await.unwrap();
    becomes(&one, 503).await;
    assert_eq!(status(&other).await, Some(200));
    assert_eq!(one.stop(LONG).await, Vec::<String>::new());
    assert_eq!(status(&other).await, Some(200));
}

/// What is told of a world whose service is this.
async fn failing(service: How) -> StartError {
    let folder = tempfile::tempdir().unwrap();
    let failed = start(&spec(folder.path(), service)).await.unwrap_err();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "everything is undone");
    failed
}

#[tokio::test]
async fn a_service_that_ends_at_start_is_told_at_once_with_its_last_lines() {
    let script = "echo 'migrating'; echo 'no such table: jobs' >&2; exit 7";
    match failing(shell(script, ReadyBy::Tcp("${host}:${port}".to_owned()))).await {
        StartError::Service { observed, lines } => {
            assert_eq!(observed, "it ended before it listened: exit status: 7");
            assert!(lines.contains(&"no such table: jobs".to_owned()), "{lines:?}");
        }
        StartError::Other { why, .. } => panic!("{why}"),
    }
}

#[tokio::test]
async fn a_service_that_is_never_ready_is_told_with_what_was_last_seen() {
    for (ready, expected) in [
        (ReadyBy::Tcp("${host}:${port}".to_owned()), "it was not ready within 500 ms (last: connection refused by 127.0.0.1:"),
        (ReadyBy::Get("/health".to_owned()), "it was not ready within 500 ms (last: GET http://127.0.0.1:"),
        (ReadyBy::Line("serving".to_owned()), "it was not ready within 500 ms: no line with “serving”"),
    ] {
        let mut service = shell("echo starting; cat", ready);
        let How::Process(process) = &mut service else { unreachable!("it is a program") };
        process.within = Duration::from_millis(500);
        match failing(service).await {
            StartError::Service { observed, .. } => assert!(observed.starts_with(expected), "{observed}"),
            StartError::Other { why, .. } => panic!("{why}"),
        }
    }
}

#[tokio::test]
async fn what_is_missing_or_taken_is_named_and_not_blamed_on_the_service() {
    let held = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = held.local_addr().unwrap().port();
    let mut taken = shell("cat", ReadyBy::Tcp("${host}:${port}".to_owned()));
    let How::Process(process) = &mut taken else { unreachable!("it is a program") };
    process.port = Some(port);
    let mut missing = taken.clone();
    let How::Process(process) = &mut missing else { unreachable!("it is a program") };
    (process.port, process.run) = (None, vec!["/nowhere/at/all".to_owned()]);
    for (service, expected) in
        [(taken, format!("port {port} cannot be listened on")), (missing, "`/nowhere/at/all` could not be".to_owned())]
    {
        match failing(service).await {
            StartError::Other { why, .. } => assert!(why.contains(&expected), "{why}"),
            StartError::Service { observed, .. } => panic!("{observed}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_that_prepares_a_part_is_written_down_while_it_runs() {
    let folder = tempfile::tempdir().unwrap();
    let mut service = shell("exit 1", ReadyBy::Get("/health".to_owned()));
    if let How::Process(process) = &mut service {
        process.prepare = vec![
            ["/bin/sh", "-c", "until cat \"$1\"/*.lease; do sleep 0.05; done; exit 3", "sh", &folder.path().display().to_string()]
                .map(str::to_owned)
                .into(),
        ];
    }
    let mut spec = spec(folder.path(), service);
    spec.dependencies.clear();
    match start(&spec).await {
        // Written by the one that is waited for, which reads it a moment after it has begun.
        Err(StartError::Service { observed, lines }) => {
            assert!(observed.contains("exit status: 3") && lines.join("").contains("what prepares service"), "{observed} {lines:?}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "and no longer");
}
