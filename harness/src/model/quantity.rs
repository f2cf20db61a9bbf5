//! Sizes and rates with their units: parsed from what people write, shown in the shortest exact form.

use serde::{Deserialize, Serialize};
use std::{fmt, time::Duration};

/// A number of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Size(pub u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (unit, name) in
            [(1u64 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"), (1_000_000_000, "GB"), (1_000_000, "MB"), (1000, "kB")]
        {
            if self.0 >= unit && self.0.is_multiple_of(unit) {
                return write!(f, "{}{name}", self.0 / unit);
            }
        }
        write!(f, "{}B", self.0)
    }
}

/// So many in a time: `20/s` is 20 per second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Rate {
    /// How many.
    pub count: u32,
    /// In which time. Never zero.
    pub per: Duration,
}

impl Rate {
    /// How many a second, as a fraction.
    #[must_use]
    pub fn per_second(&self) -> f64 {
        f64::from(self.count) / self.per.as_secs_f64()
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.per.as_secs() {
            1 => write!(f, "{}/s", self.count),
            60 => write!(f, "{}/m", self.count),
            3600 => write!(f, "{}/h", self.count),
            _ => write!(f, "{} per {}", self.count, show_duration(self.per)),
        }
    }
}

/// A duration for people: `3 ms`, `1.25 s`, `2m 5s`. Rounded; for exact values use the raw number.
#[must_use]
pub fn show_duration(d: Duration) -> String {
    let us = d.as_micros();
    match us {
        0 => "0 ms".to_owned(),
        1..1_000 => format!("{us} µs"),
        1_000..10_000 => format!("{:.1} ms", us as f64 / 1e3),
        10_000..1_000_000 => format!("{} ms", us / 1000),
        1_000_000..60_000_000 => format!("{:.2} s", us as f64 / 1e6),
        _ => format!("{}m {}s", d.as_secs() / 60, d.as_secs() % 60),
    }
}

/// A duration as it stands in a suite: `200ms`, `30s`, `1m30s`. Exact.
#[must_use]
pub fn write_duration(d: Duration) -> String {
    humantime::format_duration(d).to_string().replace(' ', "")
}
