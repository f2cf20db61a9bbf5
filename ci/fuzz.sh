#!/usr/bin/env bash
# Feeds the event stream parser with mutations of harness/tests/sse_corpus for as long as is said, from a new seed each time, and holds
# each against a second, plain reading of the standard. An in-process random mutator, not guided by coverage.
#   ci/fuzz.sh [SECONDS]      (default: 600)
# A failure prints the stream and the cut; put both into a file of the corpus (first byte: the cut), and mend the parser.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds="${1:-600}"
seed="${SEED:-$(od -An -N7 -tu8 /dev/urandom | tr -d ' ')}"
echo "seed $seed, $seconds s (the same again: SEED=$seed ci/fuzz.sh $seconds)"
ALLCLEAR_FUZZ_SEED="$seed" ALLCLEAR_FUZZ_SECONDS="$seconds" cargo test --release --locked -p allclear --test sse_fuzz
