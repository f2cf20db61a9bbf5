//! Raises the number of files that this process may have open, before it is needed.

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::fmt;

/// Open files that are left for everything else: reports, listeners, the connections of other checks.
const SPARE: u64 = 128;

/// This machine does not allow as many open files as are needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooFew {
    /// Connections that were asked for.
    pub wanted: u64,
    /// Open files that they need, with what is open already.
    pub needed: u64,
    /// Open files that this machine allows.
    pub allowed: u64,
}

/// What this process may have open.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    open: u64,
    allowed: u64,
}

impl Room {
    /// Whether so many more connections fit in.
    ///
    /// # Errors
    /// [`TooFew`] where they do not.
    pub fn fits(&self, connections: u64) -> Result<(), TooFew> {
        let needed = needed(self.open, connections);
        if needed <= self.allowed { Ok(()) } else { Err(TooFew { wanted: connections, needed, allowed: self.allowed }) }
    }
}

/// Makes room for so many more connections at once: raises the soft limit of open files (`ulimit -n`) where it is too low, no
/// further than is needed and never beyond the hard limit. Processes that are started afterwards inherit it. What there is room for
/// then.
#[must_use]
pub fn raise(connections: u64) -> Room {
    let open = open();
    let needed = needed(open, connections);
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return Room { open, allowed: 0 } };
    let wanted = needed.min(hard);
    // macOS refuses what its kernel does not allow, whatever the hard limit says.
    let is_raised = soft < wanted && setrlimit(Resource::RLIMIT_NOFILE, wanted, hard).is_ok();
    Room { open, allowed: if is_raised { wanted } else { soft } }
}

/// The same, for one who needs them all.
///
/// # Errors
/// [`TooFew`] where the hard limit is too low.
pub fn ensure(connections: u64) -> Result<(), TooFew> {
    raise(connections).fits(connections)
}

fn needed(open: u64, connections: u64) -> u64 {
    open.saturating_add(connections).saturating_add(SPARE)
}

/// Files that are open now; where the system does not tell, a guess.
fn open() -> u64 {
    const GUESS: u64 = 64;
    std::fs::read_dir("/proc/self/fd").map_or(GUESS, |open| open.count() as u64)
}

impl fmt::Display for TooFew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { wanted, needed, allowed } = self;
        write!(f, "{wanted} connections at once need {needed} open files, and this machine allows {allowed}: raise `ulimit -n`")
    }
}

impl std::error::Error for TooFew {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_allowed_afterwards() {
        let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("the limit can be read");
        let fits = (hard / 4).min(1500);
        assert_eq!(ensure(fits), Ok(()));
        let (soft, after) = getrlimit(Resource::RLIMIT_NOFILE).expect("the limit can be read");
        assert!(soft >= fits && after == hard, "{soft} of {hard}");
    }

    #[test]
    fn what_does_not_fit_is_told_with_its_number() {
        let told = ensure(u64::MAX / 2).expect_err("no machine has so many");
        assert!(told.allowed < told.needed && told.to_string().contains("raise `ulimit -n`"), "{told}");
    }
}
