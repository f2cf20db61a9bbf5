//! Whole sessions on real sockets: servers that are bad now and then, that stall, that are too slow; order, gates and ends.

mod http;
mod order;
#[cfg(feature = "reference")]
mod stands;
mod stopped;
mod verdicts;
