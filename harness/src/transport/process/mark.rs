//! What a child and all its descendants are known by, wherever they have put themselves: a variable that nobody else has.

use serde::{Deserialize, Serialize};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

/// The value of a variable in the environment of one child, which its descendants inherit. Unlike a process id it is never used again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Mark(String);

/// How many this process has made.
static MADE: AtomicU64 = AtomicU64::new(0);

impl Mark {
    /// The name of the variable.
    pub const NAME: &str = "ALLCLEAR_PART";
    /// The shortest text that is taken for a mark: a shorter one is none of ours.
    const SHORTEST: usize = 16;

    /// A mark that no process has had: 128 random bits and a count.
    #[must_use]
    pub fn fresh() -> Self {
        let count = MADE.fetch_add(1, Ordering::Relaxed);
        // Keyed from the system's randomness.
        let half = |salt: u64| RandomState::new().hash_one((salt, std::process::id(), count));
        Self(format!("{:016x}{:016x}-{count}", half(1), half(2)))
    }

    /// The value of the variable.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Whether it stands in an environment as `/proc/PID/environ` tells it.
    pub(super) fn stands_in(&self, environ: &[u8]) -> bool {
        let is_ours = |variable: &[u8]| {
            let value = variable.strip_prefix(Self::NAME.as_bytes()).and_then(|rest| rest.strip_prefix(b"="));
            value == Some(self.0.as_bytes())
        };
        self.0.len() >= Self::SHORTEST && environ.split(|byte| *byte == 0).any(is_ours)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_found_as_a_whole_variable_and_nowhere_else() {
        let (mark, other) = (Mark::fresh(), Mark::fresh());
        assert_ne!(mark, other);
        let environ = |name: &str, value: &str| format!("A=1\0{name}={value}\0B=2\0").into_bytes();
        assert!(mark.stands_in(&environ(Mark::NAME, mark.text())));
        assert!(!mark.stands_in(&environ(Mark::NAME, other.text())));
        assert!(!mark.stands_in(&environ("OTHER", mark.text())));
        assert!(!mark.stands_in(&environ(Mark::NAME, &format!("{}0", mark.text()))));
        assert!(!Mark(String::new()).stands_in(&environ(Mark::NAME, "")), "an empty one would be everybody's");
    }
}
