//! Event streams: a strict, bounded parser of our own, and the client that users have beside it.

pub mod client;
mod field;
mod item;
mod parser;
#[cfg(test)]
mod tests;

pub use item::{Event, Fault, Item, Limits, Tail};
pub use parser::Parser;
