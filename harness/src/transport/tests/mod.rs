//! The engine against real sockets, one file for each way of speaking.

mod coding;
mod dawdle;
mod held;
mod http1;
mod http2;
mod push;
pub(super) mod tls;
mod ways;
