//! A plan: suites and environment, selected, expanded, ordered, gated, printable. Nothing has been sent yet.

mod entry;
mod gates;
mod make;
mod permit;
mod select;
mod shard;
mod tell;
#[cfg(test)]
mod tests;

pub use entry::{Alone, Entry, Limits, Plan};
pub use make::{Inputs, make};
pub use select::Selection;
pub use shard::{NoShard, Shard};
pub use tell::{Listed, list, render};
