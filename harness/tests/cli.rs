//! The command line as people and scripts meet it: the real binary, real sockets, exit codes and every byte that it writes.

#![expect(clippy::disallowed_methods, reason = "tests start the real binary, connect and watch the clock themselves")]

#[path = "cli/case.rs"]
mod case;
#[path = "cli/codes.rs"]
mod codes;
#[path = "parts/program.rs"]
#[expect(dead_code, reason = "shared with the other test binaries, which use the rest")]
mod program;
#[path = "cli/server.rs"]
mod server;
#[path = "cli/signals.rs"]
mod signals;
