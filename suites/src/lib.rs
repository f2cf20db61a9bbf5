//! The shipped suites. `cargo test -p suites` runs them against the embedded reference service; see `tests/contract.rs`,
//! which is the example to copy.
