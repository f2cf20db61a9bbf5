//! The wall clock: timestamps in reports. Durations never come from here.

/// Now, UTC.
pub(crate) fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}
