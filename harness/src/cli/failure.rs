//! Exit codes: the one table, and the only place where an error becomes a code.

use std::{fmt, process::ExitCode};

/// Why a command ended without doing what was asked.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Usage, suite, environment, missing path: nothing was sent. Exit 2.
    NeverStarted(String),
    /// The harness failed: a report could not be written, something could not be undone. Exit 3.
    Harness(String),
    /// There is nothing to judge: no suite files, no match. Exit 5.
    NothingToJudge(String),
}

impl Failure {
    /// The exit code.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::NeverStarted(_) => 2,
            Self::Harness(_) => 3,
            Self::NothingToJudge(_) => 5,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NeverStarted(text) | Self::Harness(text) | Self::NothingToJudge(text) => f.write_str(text),
        }
    }
}

impl From<&Failure> for ExitCode {
    fn from(failure: &Failure) -> Self {
        Self::from(failure.code())
    }
}

/// What `allclear explain exit-codes` prints.
pub(crate) const TABLE: &str = "\
VERDICT OF A CHECK
  PASS    every clause that was judged held                                          JUnit: passed
  FAIL    a contract is broken                                                       JUnit: failure
  UNSURE  could not tell; intermittent; not reached by the run's deadline            JUnit: error
  ERROR   the harness failed: a sample is missing, this machine is at its limits     JUnit: error
  BLOCK   a check that this one needs did not pass; counts as its root               JUnit: skipped
  SKIP    policy or selection, with the reason                                       JUnit: skipped
  NOTE    an advisory check that did not pass; never the exit code                   JUnit: skipped

EXIT CODE OF A RUN
    0  clear: at least one required check passed, and none is FAIL, UNSURE, ERROR or BLOCK
    1  a contract is broken; also: a service that this run started exits or never gets ready
    2  never started: usage, suite, environment, a missing path; nothing was sent
    3  the harness failed: this machine, a report that was asked for and cannot be written, something left undone
    4  could not tell: UNSURE, a denied skip, fewer clauses than expect-clauses, a missing shard
    5  nothing was judged: no suite files, no match, all skipped, advisory only;
       0 for a shard that has nothing to judge while others of the same run have
  130  interrupted by SIGINT; 143: by SIGTERM; 129: by SIGHUP. Reports are written all the same
When several hold: 130 or 143, then 1, 3, 4, 5.

OTHER COMMANDS
  lint         0, or 2 with every mistake
  list         0, or 5 when empty; the same for run --dry-run
  wait         the code of its command; 0 without one; 1 on timeout; 2 usage
  init         0 with the files written; 2 or 3 and nothing written
  report       the code of the merged verdict; 4 with a missing shard; 2 for a record that cannot be read
Exit 4 stops a pipeline in most CI systems. Whoever wants to let it pass must say so there, knowingly.
";
