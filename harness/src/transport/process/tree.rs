//! A process with all its descendants, those in groups and sessions of their own too: servers that put each worker there are common.
//! Descendants whose parent has gone are known by a mark in their environment.

use super::{Mark, group};
use nix::sys::signal::{Signal as Number, kill, killpg};
use nix::unistd::Pid;
use std::collections::BTreeSet;
use std::path::Path;

/// How often it is looked for descendants that came while others were stopped.
const LOOKS: usize = 5;

/// One process, for ever: its id, and when it was started in the system's own count.
pub(super) type One = (u32, u64);

/// Stops the group of this process and every descendant. A stopped parent makes no more children, so they are all there at the end.
pub(super) fn stop(pid: u32, mark: &Mark) {
    let _ = killpg(group(pid), Number::SIGSTOP);
    let _ = stopped(Some(pid), mark);
}

/// Continues what [`stop`] has stopped.
pub(super) fn continue_all(pid: u32, mark: &Mark) {
    for one in descendants(Some(pid), mark) {
        send(one, Number::SIGCONT);
    }
    let _ = killpg(group(pid), Number::SIGCONT);
}

/// Ends all of it at once. Stopped first: a child whose parent has gone could not be told from those of others.
pub(super) fn kill_all(pid: u32, mark: &Mark) {
    let _ = killpg(group(pid), Number::SIGSTOP);
    let all = stopped(Some(pid), mark);
    let _ = killpg(group(pid), Number::SIGKILL);
    for one in all {
        send(one, Number::SIGKILL);
    }
}

/// Ends what has outlived a process that is gone, whose id may be another's by now: what bears its mark, with all descendants of
/// those, and of `others` what still runs. Answers whether there was any.
pub(super) fn kill_rest(mark: &Mark, others: BTreeSet<One>) -> bool {
    let mut all = stopped(None, mark);
    all.extend(others.into_iter().filter(|(pid, started)| super::started(*pid) == Some(*started)));
    for one in &all {
        send(*one, Number::SIGKILL);
    }
    !all.is_empty()
}

fn stopped(pid: Option<u32>, mark: &Mark) -> BTreeSet<One> {
    let mut all = BTreeSet::new();
    for _ in 0..LOOKS {
        let found: Vec<One> = descendants(pid, mark).into_iter().filter(|one| !all.contains(one)).collect();
        if found.is_empty() {
            break;
        }
        for one in found {
            send(one, Number::SIGSTOP);
            all.insert(one);
        }
    }
    all
}

fn send((pid, started): One, number: Number) {
    if super::started(pid) == Some(started) {
        let _ = kill(Pid::from_raw(i32::try_from(pid).expect("process ids of the system fit in an i32")), number);
    }
}

/// Every living descendant, as `/proc` of Linux tells it; none where there is no such folder. `None`: of what bears the mark alone.
pub(super) fn descendants(pid: Option<u32>, mark: &Mark) -> BTreeSet<One> {
    let all: Vec<Entry> =
        std::fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|entry| read(&entry.path(), mark)).collect();
    let mut found: BTreeSet<One> = all.iter().filter(|e| e.is_marked && Some(e.one.0) != pid).map(|e| e.one).collect();
    let mut parents: BTreeSet<u32> = found.iter().map(|one| one.0).chain(pid).collect();
    loop {
        let before = found.len();
        for entry in &all {
            if parents.contains(&entry.parent) && found.insert(entry.one) {
                parents.insert(entry.one.0);
            }
        }
        if found.len() == before {
            return found;
        }
    }
}

/// A living process.
struct Entry {
    one: One,
    parent: u32,
    is_marked: bool,
}

fn read(folder: &Path, mark: &Mark) -> Option<Entry> {
    let pid: u32 = folder.file_name()?.to_str()?.parse().ok()?;
    let stat = std::fs::read_to_string(folder.join("stat")).ok()?;
    let fields = super::fields(&stat)?;
    // A zombie has ended; only its parent has not looked yet.
    if matches!(fields.first(), Some(&"Z" | &"X")) {
        return None;
    }
    // The state, the parent, and 18 further on the start time (proc_pid_stat(5)). What belongs to others does not show its environment.
    let is_marked = std::fs::read(folder.join("environ")).is_ok_and(|environ| mark.stands_in(&environ));
    Some(Entry { one: (pid, fields.get(19)?.parse().ok()?), parent: fields.get(1)?.parse().ok()?, is_marked })
}

#[cfg(test)]
mod tests {
    use super::super::{Process, Program, started};
    use super::*;
    use std::time::Duration;

    /// A shell with a child in a session of its own, whose id is its first line.
    async fn family() -> (Process, u32) {
        let script = "setsid sleep 1000 & echo $!; wait";
        let args = vec!["-c".into(), script.into()];
        let mut process = Process::start(&Program { path: "/bin/sh".into(), args, env: Vec::new() }).unwrap();
        let child = process.first_line().await.unwrap().parse().unwrap();
        (process, child)
    }

    fn state(pid: u32) -> String {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        super::super::fields(&stat).and_then(|fields| fields.first().map(|state| (*state).to_owned())).unwrap_or_default()
    }

    async fn until(what: &str, is_so: impl Fn() -> bool) {
        for _ in 0..1000 {
            if is_so() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("never: {what}");
    }

    #[tokio::test]
    async fn a_child_in_a_session_of_its_own_is_stopped_and_continued_with_its_parent() {
        let (process, child) = family().await;
        until("it has a session of its own", || nix::unistd::getsid(Some(group(child))) == Ok(group(child))).await;
        process.signal(Number::SIGSTOP);
        until("stopped", || state(child) == "T" && state(process.pid()) == "T").await;
        process.signal(Number::SIGCONT);
        until("continued", || state(child) == "S" && state(process.pid()) == "S").await;
    }

    #[tokio::test]
    async fn a_child_in_a_session_of_its_own_ends_with_its_parent() {
        let (process, child) = family().await;
        until("it has a session of its own", || nix::unistd::getsid(Some(group(child))) == Ok(group(child))).await;
        drop(process);
        until("ended", || started(child).is_none()).await;
    }

    #[tokio::test]
    async fn what_outlives_a_program_that_ended_in_order_is_ended_too() {
        for script in
            ["(trap '' TERM; sleep 1000) & echo $!; trap 'exit 0' TERM; wait", "setsid sleep 1000 & echo $!; trap 'exit 0' TERM; wait"]
        {
            let args = vec!["-c".into(), script.into()];
            let mut process = Process::start(&Program { path: "/bin/sh".into(), args, env: Vec::new() }).unwrap();
            let child: u32 = process.first_line().await.unwrap().parse().unwrap();
            assert!(started(child).is_some());
            assert_eq!(process.stop(Duration::from_secs(20)).await.unwrap().code(), Some(0), "{script}");
            until("ended", || started(child).is_none()).await;
        }
    }

    #[tokio::test]
    async fn what_puts_itself_in_the_background_is_ended_with_what_is_left_of_it() {
        let args = vec!["-c".into(), "(setsid sh -c 'echo $$; exec sleep 1000' &) ; sleep 0.1".into()];
        let mut process = Process::start(&Program { path: "/bin/sh".into(), args, env: Vec::new() }).unwrap();
        let child: u32 = process.first_line().await.unwrap().parse().unwrap();
        assert!(process.wait().await.unwrap().success());
        assert!(started(child).is_some(), "it has outlived its parent");
        drop(process);
        until("ended", || started(child).is_none()).await;
    }
}
