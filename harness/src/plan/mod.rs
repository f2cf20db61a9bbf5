//! A plan: suites and environment, selected, expanded, ordered, gated, printable. Nothing has been sent yet.

mod entry;

pub use entry::{Alone, Entry, Limits, Plan};
