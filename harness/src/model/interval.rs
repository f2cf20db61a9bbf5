//! A measured time as an interval: what the service took lies between `lo` and `hi`.

use serde::{Deserialize, Serialize};
use std::{fmt, time::Duration};

/// `hi` is what the clock showed, `lo` the same less what the harness itself lost (stalls, poll period).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Interval {
    /// The service took at least this long.
    pub lo: Duration,
    /// The service took at most this long.
    pub hi: Duration,
}

/// How an interval lies to a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Against {
    /// `hi <= limit`: kept, for sure.
    Within,
    /// The limit lies inside the interval: cannot be told.
    Near,
    /// `lo > limit`: broken, for sure.
    Beyond,
}

impl Interval {
    /// A time known exactly.
    #[must_use]
    pub fn exact(d: Duration) -> Self {
        Self { lo: d, hi: d }
    }

    /// Whether this machine lost more than half of the time: what ran out then may be its doing alone. A short stall says nothing, for a
    /// busy machine has one in every second, and a silent service would never be told.
    #[must_use]
    pub fn is_mostly_ours(&self) -> bool {
        self.lo < self.hi / 2
    }

    /// Holds the interval against a limit. A measurement of exactly the limit is within it.
    #[must_use]
    pub fn against(&self, limit: Duration) -> Against {
        if self.hi <= limit {
            Against::Within
        } else if self.lo > limit {
            Against::Beyond
        } else {
            Against::Near
        }
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use super::quantity::show_duration as show;
        if self.hi - self.lo < Duration::from_millis(1) {
            f.write_str(&show(self.hi))
        } else {
            write!(f, "{} to {}", show(self.lo), show(self.hi))
        }
    }
}
