#!/usr/bin/env bash
# The figures that Allclear promises, measured: medians and ratios of paired runs (A B A B …), never a single run.
# Hurl 8 stands beside it where it is installed (cargo install hurl --version 8.0.1 --locked).
#   ci/bench.sh [one|thousand|tenthousand|waiting|relay|faults|sse|upload|release|size|build]…      (default: all but build)
# Environment: RUNS (default 15) counted pairs after one warm-up; PROFILE (default dist) the cargo profile that is measured.
set -euo pipefail
cd "$(dirname "$0")/.."
runs="${RUNS:-15}"
profile="${PROFILE:-dist}"
what="${*:-one thousand tenthousand waiting relay faults sse upload release size}"

cargo build --profile "$profile" --locked -p allclear --quiet
bin="$PWD/target/$profile/allclear"
case " $what " in *" relay "*) cargo build --profile "$profile" --locked -p allclear --example relay_figures --quiet ;; esac
case " $what " in *" sse "*) cargo build --profile "$profile" --locked -p allclear --example sse_figures --quiet ;; esac
case " $what " in *" sse "*) cargo test --profile "$profile" --locked -p allclear --lib --no-run --quiet ;; esac
case " $what " in *" upload "*) cargo build --profile "$profile" --locked -p allclear --example upload_figures --quiet ;; esac
case " $what " in *" release "*) cargo build --profile "$profile" --locked -p allclear --example release_figures --quiet ;; esac
work="$(mktemp -d)"
server=""
cleanup() {
  if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; fi
  rm -rf "$work"
}
trap cleanup EXIT

# The server under load is the reference service in a process of its own.
"$bin" serve-reference serve --listen 127.0.0.1:0 >"$work/listening" 2>/dev/null &
server=$!
for _ in $(seq 100); do [ -s "$work/listening" ] && break; sleep 0.05; done
address="$(sed -n 's/.*"listening": *"\([^"]*\)".*/\1/p' "$work/listening" | head -n 1)"
[ -n "$address" ] || { echo "the reference service did not start" >&2; exit 1; }
"$bin" wait "http://$address/ready" --timeout 20s --quiet

echo "machine: $(nproc) cores, $(uname -sr); $runs paired runs after one warm-up; server: reference service on $address"
ALLCLEAR_BIN="$bin" BENCH_RUNS="$runs" BENCH_ADDRESS="$address" BENCH_WORK="$work" python3 ci/bench.py $what

for w in $what; do
  if [ "$w" = sse ]; then
    # The path of a check, from bytes in memory to its readings, is not public: a test of the library measures it.
    cargo test --profile "$profile" --locked -p allclear --lib --quiet -- --exact checks::sse::probe::figures::events_a_second --ignored --nocapture
  fi
  if [ "$w" = build ]; then
    echo
    echo "build times (wall seconds)"
    for step in "cargo build --target-dir $work/target" "cargo check --target-dir $work/target" ; do
      touch harness/src/lib.rs
      start=$(date +%s.%N); $step --quiet -p allclear; end=$(date +%s.%N)
      printf '  %-50s %6.1f\n' "${step%% --target-dir*} (clean)" "$(echo "$end - $start" | bc)"
    done
    touch harness/src/lib.rs
    start=$(date +%s.%N); cargo check --target-dir "$work/target" --quiet -p allclear; end=$(date +%s.%N)
    printf '  %-50s %6.1f\n' "cargo check (incremental)" "$(echo "$end - $start" | bc)"
  fi
done
