#!/usr/bin/env bash
# Exactly what CI checks, in the order in which it fails fastest. Each step prints what it runs.
set -euo pipefail
cd "$(dirname "$0")/.."

step() {
  printf '\n== %s\n' "$*"
  "$@"
}

step cargo fmt --all --check
step cargo clippy --workspace --all-targets --locked -- -D warnings
# The test command of the README. It also compares generated files (schemas, pages) with what the code makes.
step cargo test --workspace --locked
if cargo nextest --version >/dev/null 2>&1; then
  step cargo nextest run --locked -p suites
elif [[ ",${ALLCLEAR_TEST_REQUIRE:-}," == *,nextest,* ]]; then
  echo "nextest is required by ALLCLEAR_TEST_REQUIRE and is not installed: cargo install cargo-nextest --locked" >&2
  exit 1
else
  echo "not run: the suites under cargo nextest, which is not installed"
fi
RUSTDOCFLAGS="-D warnings" step cargo doc --workspace --no-deps --locked
# A library user takes neither the reference service nor JSON Schema.
step cargo check -p allclear --lib --no-default-features --locked
if cargo deny --version >/dev/null 2>&1; then
  step cargo deny --locked check bans licenses sources
else
  echo "cargo-deny is not installed: cargo install cargo-deny --locked" >&2
  exit 1
fi
# The main job, as the README says it.
step cargo run --release --locked
