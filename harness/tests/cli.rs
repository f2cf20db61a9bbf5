//! The command line as people and scripts meet it: the real binary, real sockets, exit codes and every byte that it writes.

#![expect(unreachable_pub, reason = "a test binary has no users, and shares modules with the others")]
#![expect(clippy::disallowed_methods, reason = "tests start the real binary, connect and watch the clock themselves")]

#[path = "cli/again.rs"]
mod again;
#[path = "cli/case.rs"]
mod case;
#[path = "cli/ci.rs"]
mod ci;
#[path = "cli/codes.rs"]
mod codes;
#[path = "cli/edges.rs"]
mod edges;
#[path = "cli/init.rs"]
mod init;
#[path = "cli/production.rs"]
mod production;
#[path = "parts/program.rs"]
#[expect(dead_code, reason = "shared with the other test binaries, which use the rest")]
mod program;
#[path = "cli/provision.rs"]
mod provision;
#[path = "cli/reports.rs"]
mod reports;
#[path = "cli/secrets.rs"]
mod secrets;
#[path = "cli/selection.rs"]
mod selection;
#[path = "cli/server.rs"]
mod server;
#[path = "cli/signals.rs"]
mod signals;
#[path = "cli/streams.rs"]
mod streams;
#[path = "cli/wait.rs"]
mod wait;
#[path = "cli/words.rs"]
mod words;
