//! A process with all its descendants, those in groups and sessions of their own too: servers that put each worker there are common.

use super::group;
use nix::sys::signal::{Signal as Number, kill, killpg};
use nix::unistd::Pid;
use std::collections::BTreeSet;
use std::path::Path;

/// How often it is looked for descendants that came while others were stopped.
const LOOKS: usize = 5;

/// One process, for ever: its id, and when it was started in the system's own count.
type One = (u32, u64);

/// Stops the group of this process and every descendant. A stopped parent makes no more children, so they are all there at the end.
pub(super) fn stop(pid: u32) {
    let _ = killpg(group(pid), Number::SIGSTOP);
    let _ = stopped(pid);
}

/// Continues what [`stop`] has stopped.
pub(super) fn continue_all(pid: u32) {
    for one in descendants(pid) {
        send(one, Number::SIGCONT);
    }
    let _ = killpg(group(pid), Number::SIGCONT);
}

/// Ends all of it at once. Stopped first: a child whose parent has gone could not be told from those of others.
pub(super) fn kill_all(pid: u32) {
    let _ = killpg(group(pid), Number::SIGSTOP);
    let all = stopped(pid);
    let _ = killpg(group(pid), Number::SIGKILL);
    for one in all {
        send(one, Number::SIGKILL);
    }
}

fn stopped(pid: u32) -> BTreeSet<One> {
    let mut all = BTreeSet::new();
    for _ in 0..LOOKS {
        let found: Vec<One> = descendants(pid).into_iter().filter(|one| !all.contains(one)).collect();
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

/// Every living descendant, as `/proc` of Linux tells it; none where there is no such folder.
fn descendants(pid: u32) -> BTreeSet<One> {
    let all: Vec<(One, u32)> = std::fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|entry| read(&entry.path())).collect();
    let mut found: BTreeSet<One> = BTreeSet::new();
    let mut parents = BTreeSet::from([pid]);
    loop {
        let before = found.len();
        for (one, parent) in &all {
            if parents.contains(parent) && found.insert(*one) {
                parents.insert(one.0);
            }
        }
        if found.len() == before {
            return found;
        }
    }
}

/// A process and its parent.
fn read(folder: &Path) -> Option<(One, u32)> {
    let pid: u32 = folder.file_name()?.to_str()?.parse().ok()?;
    let stat = std::fs::read_to_string(folder.join("stat")).ok()?;
    let fields = super::fields(&stat)?;
    // The state, the parent, and 18 further on the start time (proc_pid_stat(5)).
    Some(((pid, fields.get(19)?.parse().ok()?), fields.get(1)?.parse().ok()?))
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
}
