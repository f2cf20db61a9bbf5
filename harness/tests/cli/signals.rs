//! The binary as a child that runs beside the test, and signals to it.

use super::case::Seen;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Killed if the test ends before it does.
pub struct Child(Option<std::process::Child>);

impl Child {
    pub fn start(mut command: Command) -> Self {
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        Self(Some(child.expect("the binary starts")))
    }

    pub fn id(&self) -> u32 {
        self.0.as_ref().expect("it runs until it is asked for its end").id()
    }

    /// Waits for its end and gives what was to be seen.
    pub fn ends(mut self) -> Seen {
        self.0.take().expect("asked once").wait_with_output().expect("it can be waited for").into()
    }

    /// Ends it in a way that it cannot notice.
    pub fn kill(mut self) {
        let mut child = self.0.take().expect("asked once");
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Sends a signal by its short name.
pub fn signal(id: u32, name: &str) {
    let pid = nix::unistd::Pid::from_raw(i32::try_from(id).expect("process ids are small"));
    let signal = match name {
        "INT" => nix::sys::signal::Signal::SIGINT,
        "HUP" => nix::sys::signal::Signal::SIGHUP,
        "TERM" => nix::sys::signal::Signal::SIGTERM,
        other => panic!("no test sends {other}"),
    };
    nix::sys::signal::kill(pid, signal).expect("the child runs");
}

/// Looks again until it is so; half a minute at most.
#[track_caller]
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < end, "never came: {what}");
        // Files and processes of others can only be looked at again.
        std::thread::sleep(Duration::from_millis(10));
    }
}
