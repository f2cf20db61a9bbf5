//! What a relay does with connections.

use std::time::Duration;

/// What a relay does with new and living connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Everything passes.
    #[default]
    Pass,
    /// New connections are refused, living ones reset: the process behind is gone.
    Refuse,
    /// New connections are accepted and never answered, living ones fall silent both ways. Bytes under way are held back and
    /// arrive after the mend, as retransmitted ones would; so does the end of a connection.
    Blackhole,
    /// New connections get no answer to their SYN, living ones fall silent both ways: the network is gone. New connections
    /// that tried meanwhile are answered at their next SYN, up to some seconds after the mend.
    Swallow,
    /// Everything passes, late.
    Slow(Pace),
    /// New connections are accepted and reset, living ones reset.
    Reset,
}

/// How late bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Added to every piece that is passed on, each way. A round trip takes twice as much longer.
    pub delay: Duration,
    /// Bytes a second, each way, for each connection; at least 1.
    pub bytes_per_second: u32,
}

impl Mode {
    /// Whether living connections pass nothing on.
    pub(super) fn is_silent(self) -> bool {
        matches!(self, Self::Blackhole | Self::Swallow)
    }

    /// Whether living connections are ended by it.
    pub(super) fn ends_living(self) -> bool {
        matches!(self, Self::Refuse | Self::Reset)
    }

    /// How late bytes are, if they are.
    pub(super) fn pace(self) -> Option<Pace> {
        match self {
            Self::Slow(pace) => Some(pace),
            Self::Pass | Self::Refuse | Self::Blackhole | Self::Swallow | Self::Reset => None,
        }
    }
}
