//! A plan: suites and environment, selected, expanded, ordered, gated, printable. Nothing has been sent yet.

mod entry;
mod gates;
mod make;
mod permit;
mod room;
mod select;
mod shard;
mod tell;
#[cfg(test)]
mod tests;

pub use entry::{Alone, Entry, Limits, Plan};
pub use make::{Inputs, make};
pub use room::{Crowded, make_room};
pub use select::Selection;
pub use shard::{NoShard, Shard};
pub use tell::{Listed, list, render};
