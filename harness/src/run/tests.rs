//! Whole sessions on real sockets: servers that are bad now and then, that stall, that are too slow; order, gates and ends.

mod http;
mod order;
mod stopped;
mod verdicts;
