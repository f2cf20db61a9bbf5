//! Defect by defect: which suite looks at it, which clauses must catch it, which may.

/// One defect of the reference service, or the known-good service.
pub(crate) struct Row {
    /// Its name; empty for the known-good service.
    pub(crate) defect: &'static str,
    /// The suite, beside this file.
    pub(crate) suite: &'static str,
    /// Further arguments of the service.
    pub(crate) args: &'static [&'static str],
    /// Clauses that must be broken; `clause:case` for one case of a clause, whose other cases must hold.
    pub(crate) must: &'static [&'static str],
    /// Clauses, or cases of them, that may be anything; all others hold.
    pub(crate) may: &'static [&'static str],
}

impl Row {
    /// What the environment allows, where that is not the usual.
    pub(crate) fn limits(&self) -> &'static str {
        if self.suite == LIMITS_SLOWLY { "limits: { rate: 5/s }\n" } else { "" }
    }

    /// Whether the run starts the service and its dependencies itself, so that it may break them.
    pub(crate) fn is_provisioned(&self) -> bool {
        [OUTAGE, SHUTDOWN, SSE_RESTART].contains(&self.suite)
    }

    /// The name of its test.
    pub(crate) fn title(&self) -> String {
        let defect = if self.defect.is_empty() { "known_good" } else { self.defect };
        format!("{}::{defect}{}", self.suite.trim_end_matches(".suite.yaml"), self.args.concat().replace("--", "+"))
    }
}

const fn row(suite: &'static str, defect: &'static str, must: &'static [&'static str], may: &'static [&'static str]) -> Row {
    Row { defect, suite, args: &[], must, may }
}

const HEALTH: &str = "health.suite.yaml";
const READY: &str = "ready.suite.yaml";
const API: &str = "api.suite.yaml";
const GROWTH: &str = "growth.suite.yaml";
const TRANSITION: &str = "transition.suite.yaml";

/// Long enough stages for a busy machine to see each.
const STAGES: &[&str] = &["--download-takes=900ms", "--convert-takes=900ms", "--job-takes=1500ms"];

const fn moves(defect: &'static str, must: &'static [&'static str], may: &'static [&'static str]) -> Row {
    Row { defect, suite: TRANSITION, args: STAGES, must, may }
}

const SIZE: &str = "size.suite.yaml";
const SIZE_MEMORY: &str = "size-memory.suite.yaml";

/// The limit of the suite: small, so that ten times as much is sent soon, in every framing.
const SMALL_UPLOADS: &[&str] = &["--max-upload=32KiB"];

const fn sizes(defect: &'static str, must: &'static [&'static str], may: &'static [&'static str]) -> Row {
    Row { defect, suite: SIZE, args: SMALL_UPLOADS, must, may }
}

/// What is started and broken by the run itself.
const OUTAGE: &str = "outage.suite.yaml";
const SHUTDOWN: &str = "shutdown.suite.yaml";

/// Heartbeats often enough for a short look, and room for payloads of 1 MiB.
const STREAMS: &[&str] = &["--heartbeat=200ms", "--subscriber-bytes=8388608"];

/// How streams open, and what they carry.
const fn opens(defect: &'static str, must: &'static [&'static str], may: &'static [&'static str]) -> Row {
    Row { defect, suite: "sse-open.suite.yaml", args: STREAMS, must, may }
}

/// Streams while jobs are driven.
const fn lives(defect: &'static str, must: &'static [&'static str], may: &'static [&'static str]) -> Row {
    Row { defect, suite: "sse-live.suite.yaml", args: &[], must, may }
}

/// Streams on which an event may take longer than a batch lasts.
const SSE_BATCH: &str = "sse-batch.suite.yaml";

/// Streams that are cut off.
const fn replays(defect: &'static str, must: &'static [&'static str], may: &'static [&'static str]) -> Row {
    Row { defect, suite: "sse-replay.suite.yaml", args: &[], must, may }
}

/// Streams that need a token, and the load that they bear.
const SSE_PRIVATE: &str = "sse-private.suite.yaml";
const TENANTS: &[&str] = &["--heartbeat=300ms", "--require-token", "--expired-token=an-expired-one", "--tenant-token=other=the-other-one"];

const SSE_LOAD: &str = "sse-load.suite.yaml";
const SSE_SLOW: &str = "sse-slow.suite.yaml";
/// Room for all that flows past a subscriber that does not read.
const ROOM: &[&str] = &["--subscriber-bytes=67108864", "--subscriber-buffer=100000"];
const SSE_RESTART: &str = "sse-restart.suite.yaml";

const fn tenants(defect: &'static str, must: &'static [&'static str]) -> Row {
    Row { defect, suite: SSE_PRIVATE, args: TENANTS, must, may: &[] }
}

/// A subscriber that does not read for a while, and is promised everything.
const fn waits(defect: &'static str, must: &'static [&'static str]) -> Row {
    Row { defect, suite: "sse-lossless.suite.yaml", args: ROOM, must, may: &[] }
}

const RATE: &str = "rate.suite.yaml";
/// A window in which a second is too short a time to come again.
const RATE_LONG: &str = "rate-long.suite.yaml";
const LONG_WINDOW: &[&str] = &["--rate-quota=4", "--rate-window=3s"];
const TIME: &str = "time.suite.yaml";

/// The quota of the suite.
const fn rate(defect: &'static str, must: &'static [&'static str]) -> Row {
    Row { defect, suite: RATE, args: &["--rate-quota=4", "--rate-window=600ms"], must, may: &[] }
}

/// The times of the suite.
const fn time(defect: &'static str, must: &'static [&'static str]) -> Row {
    Row { defect, suite: TIME, args: &["--header-timeout=1s", "--body-timeout=1s", "--idle-timeout=2s"], must, may: &[] }
}

/// So many at once.
const LIMITS: &str = "limits.suite.yaml";
const LIMITS_IN_SHORT: &str = "limits-in-short.suite.yaml";
const LIMITS_OF_JOBS: &str = "limits-of-jobs.suite.yaml";
const LIMITS_QUEUED: &str = "limits-queued.suite.yaml";
const LIMITS_TOLD: &str = "limits-told.suite.yaml";
/// Opened so slowly that the first of many have waited for longer than the service does.
const LIMITS_SLOWLY: &str = "limits-slowly.suite.yaml";
const IMPATIENT: &[&str] = &["--max-requests=3", "--body-timeout=2s"];

const fn at_once(suite: &'static str, defect: &'static str, must: &'static [&'static str]) -> Row {
    Row { defect, suite, args: &["--max-requests=3", "--max-jobs=3"], must, may: &[] }
}

/// Clauses whose broken twins are scripted servers in the tests of their kind: the reference service has no flaw of that sort.
pub(crate) const PROVEN_ELSEWHERE: &[&str] = &[
    "http/headers",
    "http/body",
    "http/schema",
    "http/within",
    "http/capture",
    "command/exit",
    "command/stdout",
    "command/stderr",
    "command/within",
    "time/served",
];

/// Every clause that reads the plain answer of /health: a flaw that takes the answer away may leave these with nothing to hold.
const ALL_OF_HEALTH: &[&str] = &[
    "health/code",
    "health/fast",
    "health/under-load",
    "health/open",
    "health/fresh",
    "health/bounded",
    "health/agrees",
    "health/no-leak",
];

/// The table.
pub(crate) const ROWS: &[Row] = &[
    row(HEALTH, "", &[], &[]),
    // Ready when first seen: whether it was ready too early cannot be told. The row with a migration that takes time tells it.
    row(READY, "", &[], &["ready/not-before"]),
    row(API, "", &[], &[]),
    row(GROWTH, "", &[], &[]),
    moves("", &[], &[]),
    Row { defect: "", suite: READY, args: &["--migration-takes=1500ms"], must: &[], may: &[] },
    // What /health says.
    row(HEALTH, "health-body-says-down", &["health/agrees"], &["health/code"]),
    row(HEALTH, "health-code-and-body-disagree", &["health/agrees"], &["health/code"]),
    row(HEALTH, "health-503-says-healthy", &["health/code"], ALL_OF_HEALTH),
    row(HEALTH, "health-redirects-to-login", &["health/code"], ALL_OF_HEALTH),
    row(HEALTH, "health-206", &["health/code"], ALL_OF_HEALTH),
    row(HEALTH, "health-204-empty", &["health/code"], ALL_OF_HEALTH),
    row(HEALTH, "health-cached", &["health/fresh"], &[]),
    row(HEALTH, "health-etag-304", &["health/fresh"], &[]),
    row(HEALTH, "health-slow-fresh", &["health/fast"], &["health/under-load"]),
    row(HEALTH, "health-starved-under-load", &["health/under-load"], &[]),
    row(HEALTH, "health-bad-one-in-five", &["health/code"], ALL_OF_HEALTH),
    row(HEALTH, "health-reset-one-in-five", &["health/code"], ALL_OF_HEALTH),
    row(HEALTH, "health-head-body", &["health/bounded"], &[]),
    row(HEALTH, "health-head-405", &["health/bounded"], &[]),
    row(HEALTH, "health-endless-body", &["health/code"], ALL_OF_HEALTH),
    row(HEALTH, "health-big-body", &["health/bounded"], &[]),
    row(HEALTH, "health-wrong-type", &["health/code"], &["health/bounded"]),
    row(HEALTH, "health-truncated", &["health/code"], ALL_OF_HEALTH),
    row(HEALTH, "health-two-lengths", &["health/code"], ALL_OF_HEALTH),
    row(HEALTH, "health-length-and-chunked", &["health/code"], ALL_OF_HEALTH),
    row(HEALTH, "health-bad-chunk", &["health/code"], ALL_OF_HEALTH),
    row(HEALTH, "health-invalid-utf8", &["health/code"], &["health/agrees", "health/bounded"]),
    row(HEALTH, "health-duplicate-keys", &["health/code"], &["health/agrees", "health/bounded"]),
    row(HEALTH, "health-not-json", &["health/code"], &["health/agrees", "health/bounded"]),
    row(HEALTH, "health-leaks-secret", &["health/no-leak"], &[]),
    row(HEALTH, "health-leaks-dsn-in-header", &["health/no-leak"], &[]),
    row(HEALTH, "health-leaks-stack", &["health/no-leak"], &[]),
    row(HEALTH, "health-only-for-localhost-host", &["health/open"], ALL_OF_HEALTH),
    row(HEALTH, "health-needs-auth", &["health/open"], &[]),
    row(HEALTH, "health-accept-406", &["health/open"], &[]),
    // How it says it.
    row(HEALTH, "silent", &["health/code"], ALL_OF_HEALTH),
    row(HEALTH, "closes-at-once", &["health/code"], ALL_OF_HEALTH),
    row(HEALTH, "slow-headers", &["health/fast"], ALL_OF_HEALTH),
    row(HEALTH, "http09", &["health/code"], ALL_OF_HEALTH),
    row(HEALTH, "large-headers", &["health/code"], ALL_OF_HEALTH),
    row(HEALTH, "status-999", &["health/code"], ALL_OF_HEALTH),
    row(HEALTH, "informational-flood", &["health/code"], ALL_OF_HEALTH),
    row(GROWTH, "grows-descriptors", &["health/no-growth"], &[]),
    row(GROWTH, "grows-threads", &["health/no-growth"], &[]),
    row(GROWTH, "grows-connections", &["health/no-growth"], &[]),
    // Readiness.
    row(
        READY,
        "ready-never",
        &["ready/becomes"],
        &["ready/steady", "ready/first-request", "ready/truthful", "ready/replicas", "ready/not-before", "ready/agrees"],
    ),
    Row {
        defect: "ready-before-migration",
        suite: READY,
        args: &["--migration-takes=2s"],
        must: &["ready/not-before"],
        may: &["ready/first-request", "ready/truthful"],
    },
    row(READY, "ready-body-says-not-ready", &["ready/agrees"], &[]),
    row(READY, "ready-flaps", &["ready/steady"], &["ready/becomes", "ready/first-request", "ready/truthful", "ready/replicas"]),
    row(READY, "ready-first-request-fails", &["ready/first-request"], &[]),
    row(READY, "ready-real-fails", &["ready/truthful"], &["ready/first-request"]),
    row(READY, "ready-replicas-differ", &["ready/replicas"], &[]),
    row(
        READY,
        "ready-one-replica-not-ready",
        &["ready/replicas"],
        &["ready/becomes", "ready/steady", "ready/truthful", "ready/first-request"],
    ),
    Row { defect: "ready-leaks-when-failing", suite: READY, args: &["--migration-takes=2s"], must: &["ready/no-leak"], may: &[] },
    row(READY, "one-of-three-stale", &["ready/replicas"], &[]),
    // States that move.
    moves("state-backwards", &["transition/path"], &[]),
    moves("converting-skipped", &["transition/path"], &[]),
    moves("enabled-before-works", &["transition/settles"], &[]),
    moves("stuck-in-downloading", &["transition/settles"], &[]),
    moves("engine-fails", &["transition/never"], &[]),
    moves("enabled-falls-back", &["transition/settles"], &["transition/path"]),
    moves("state-null", &["transition/path"], &[]),
    moves("progress-before-result", &["transition/monotonic"], &[]),
    moves("progress-goes-back", &["transition/monotonic"], &[]),
    // While a dependency is lost, and when it is asked to end.
    row(OUTAGE, "", &[], &[]),
    row(OUTAGE, "health-touches-db", &["health/independent"], &[]),
    row(OUTAGE, "ready-ignores-db", &["ready/falls", "ready/truthful"], &["ready/recovers"]),
    row(OUTAGE, "ready-hangs-with-db", &["ready/falls"], &["ready/recovers", "ready/steady", "ready/agrees"]),
    row(OUTAGE, "ready-never-recovers", &["ready/recovers"], &["ready/falls", "ready/soft", "ready/steady"]),
    row(OUTAGE, "ready-names-address", &["ready/falls"], &[]),
    row(OUTAGE, "ready-leaks-when-failing", &["ready/no-leak", "ready/falls"], &[]),
    row(OUTAGE, "ready-hides-cache", &["ready/soft"], &[]),
    row(OUTAGE, "ready-stays-degraded", &["ready/soft"], &[]),
    row(OUTAGE, "ready-degraded-503", &["ready/soft"], &["ready/falls", "ready/recovers"]),
    row(OUTAGE, "ready-while-draining", &["ready/leaves-first"], &[]),
    // It falls long after the limit of the suite.
    Row {
        defect: "ready-falls-late",
        suite: OUTAGE,
        args: &["--defect-after=8s"],
        must: &["ready/falls"],
        may: &["ready/truthful", "ready/recovers", "ready/steady"],
    },
    Row { defect: "falls-after-long", suite: OUTAGE, args: &["--defect-after=400ms"], must: &["health/independent"], may: &[] },
    row(OUTAGE, "health-hangs-with-db", &["health/independent"], &[]),
    row(
        OUTAGE,
        "middleware-touches-db",
        &["health/independent"],
        &["ready/falls", "ready/recovers", "ready/steady", "ready/truthful", "ready/soft", "ready/agrees"],
    ),
    row(OUTAGE, "checker-dead-after-first-cycle", &["ready/falls"], &["ready/truthful", "ready/recovers", "ready/steady"]),
    row(OUTAGE, "pool-never-recovers", &["ready/recovers"], &["ready/falls", "ready/soft", "ready/steady"]),
    row(OUTAGE, "recovers-but-requests-fail", &["ready/recovers"], &["ready/truthful"]),
    row(OUTAGE, "listener-closed-before-unready", &["ready/leaves-first"], &[]),
    // When it is asked to end.
    row(SHUTDOWN, "", &[], &[]),
    row(SHUTDOWN, "ready-while-draining", &["shutdown/leaves-first"], &[]),
    row(SHUTDOWN, "in-flight-cut", &["shutdown/finishes"], &[]),
    row(SHUTDOWN, "upload-cut", &["shutdown/finishes"], &[]),
    row(SHUTDOWN, "exit-hangs-on-idle", &["shutdown/exits"], &["shutdown/restarts"]),
    row(SHUTDOWN, "exit-code-1", &["shutdown/exits"], &[]),
    row(SHUTDOWN, "never-exits", &["shutdown/exits"], &["shutdown/restarts"]),
    row(SHUTDOWN, "starts-slowly", &["shutdown/restarts"], &[]),
    row(SHUTDOWN, "sse-ends-mid-event", &["shutdown/finishes"], &[]),
    // Streams of events: how they open and what they carry.
    opens("", &[], &[]),
    opens("sse-204", &["sse/type"], &["sse/opens"]),
    opens("sse-wrong-type", &["sse/type"], &["sse/opens"]),
    opens("sse-retry-zero", &["sse/type"], &[]),
    opens("sse-invalid-utf8", &["sse/utf8"], &[]),
    opens("sse-headers-late", &["sse/opens"], &["sse/type"]),
    opens("sse-heartbeat-event", &["sse/heartbeat"], &[]),
    opens("sse-no-heartbeat", &["sse/heartbeat"], &[]),
    opens("sse-newline-unsplit", &["sse/framed"], &[]),
    opens("sse-cr-unsplit", &["sse/framed"], &[]),
    opens("sse-truncated-64k", &["sse/framed"], &[]),
    opens("sse-replacement-chars", &["sse/framed"], &[]),
    opens("sse-stale-silent", &["sse/stale"], &[]),
    // What happens on them while jobs are driven.
    lives("", &[], &[]),
    lives("sse-batched", &["sse/timely"], &[]),
    // Where no single event is late by the suite, the batches alone tell it.
    row(SSE_BATCH, "", &[], &[]),
    row(SSE_BATCH, "sse-batched", &["sse/timely:direct/batch", "sse/timely:gzip/batch"], &[]),
    lives("sse-gzip-held", &["sse/timely"], &["sse/ordered"]),
    lives("sse-late", &["sse/timely"], &[]),
    lives("sse-reordered", &["sse/ordered"], &["sse/ends"]),
    lives("sse-one-in-50-lost", &["sse/ordered"], &["sse/ends", "sse/timely"]),
    lives("sse-lost-for-one", &["sse/ordered"], &["sse/ends", "sse/timely"]),
    lives("sse-ids-missing", &["sse/identified"], &["sse/ends"]),
    lives("sse-ids-duplicated", &["sse/identified"], &["sse/ends"]),
    lives("sse-bom", &["sse/identified"], &["sse/ends"]),
    lives("sse-no-done", &["sse/ends"], &[]),
    lives("sse-done-before-result", &["sse/ends"], &[]),
    lives("sse-two-terminals", &["sse/ends"], &[]),
    lives("sse-progress-after-done", &["sse/ends"], &[]),
    lives("sse-progress-back", &["sse/ends"], &[]),
    lives("sse-silent-error", &["sse/ends"], &[]),
    lives("sse-finished-hangs", &["sse/ends"], &[]),
    // And after a cut.
    replays("", &[], &[]),
    replays("sse-full-replay", &["sse/replay"], &[]),
    replays("sse-seam-duplicate", &["sse/replay"], &[]),
    replays("sse-seam-gap", &["sse/replay"], &[]),
    replays("sse-bom", &["sse/replay"], &[]),
    // So many at once, and not one more.
    at_once(LIMITS, "", &[]),
    at_once(LIMITS_IN_SHORT, "", &[]),
    at_once(LIMITS_OF_JOBS, "", &[]),
    at_once(LIMITS_TOLD, "", &[]),
    at_once(LIMITS_OF_JOBS, "limit-absent", &["limit/exact"]),
    at_once(LIMITS_IN_SHORT, "limit-absent", &["limit/exact"]),
    at_once(LIMITS_IN_SHORT, "limit-counts-starts", &["limit/exact:k+1"]),
    at_once(LIMITS_IN_SHORT, "limit-off-by-one-low", &["limit/exact"]),
    at_once(LIMITS_OF_JOBS, "limit-off-by-one-low", &["limit/exact"]),
    at_once(LIMITS_IN_SHORT, "limit-off-by-one-high", &["limit/exact"]),
    at_once(LIMITS_OF_JOBS, "limit-off-by-one-high", &["limit/exact"]),
    at_once(LIMITS_IN_SHORT, "limit-per-worker", &["limit/exact"]),
    at_once(LIMITS_IN_SHORT, "limit-queues", &["limit/status"]),
    at_once(LIMITS_IN_SHORT, "limit-refuses-late", &["limit/status"]),
    at_once(LIMITS_TOLD, "limit-answers-503", &["limit/status"]),
    at_once(LIMITS_TOLD, "limit-retry-after-zero", &["limit/retry-after"]),
    at_once(LIMITS_TOLD, "limit-retry-after-past", &["limit/retry-after"]),
    at_once(LIMITS_TOLD, "limit-retry-after-absent", &["limit/retry-after"]),
    at_once(LIMITS_TOLD, "limit-retry-after-short", &["limit/retry-after"]),
    at_once(LIMITS_OF_JOBS, "limit-leaks-on-failure", &["limit/returns"]),
    at_once(LIMITS, "limit-leaks-on-abort", &["limit/returns"]),
    // To wait is as good as a refusal where none is declared.
    at_once(LIMITS_QUEUED, "limit-queues", &[]),
    at_once(LIMITS_QUEUED, "limit-leaks-on-waiting", &["limit/returns:abort"]),
    at_once(LIMITS_OF_JOBS, "limit-refused-starts-task", &["limit/no-effect"]),
    at_once(LIMITS, "limit-refuses-health", &["limit/alive"]),
    // Other calls.
    row(API, "version-changes", &["http/json"], &[]),
    row(API, "no-request-id-echo", &["http/echoes"], &[]),
    row(API, "trace-not-continued", &["http/echoes"], &[]),
    row(API, "status-open", &["http/status"], &[]),
    row(API, "api-health-fails", &["http/status"], &["http/json"]),
    // Streams that are not everybody's.
    tenants("", &[]),
    tenants("sse-expired-token", &["sse/private:expired"]),
    tenants("sse-401-after-opening", &["sse/private"]),
    tenants("sse-foreign-event", &["sse/private:other"]),
    tenants("sse-foreign-job", &["sse/private:foreign"]),
    // Streams of many.
    row(SSE_LOAD, "", &[], &[]),
    row(SSE_LOAD, "sse-lost-for-one", &["sse/fan-out:all"], &[]),
    row(SSE_LOAD, "sse-skewed", &["sse/fan-out:skew"], &[]),
    row(SSE_LOAD, "sse-disconnect-leak", &["sse/cleans-up:closed", "sse/cleans-up:reset"], &[]),
    row(SSE_LOAD, "sse-reset-leak", &["sse/cleans-up:reset"], &[]),
    row(SSE_SLOW, "", &[], &[]),
    row(SSE_SLOW, "sse-slow-blocks-all", &["sse/slow-consumer"], &[]),
    row(SSE_SLOW, "sse-slow-unbounded", &["sse/slow-consumer"], &[]),
    row(SSE_SLOW, "sse-slow-loses", &["sse/slow-consumer"], &[]),
    waits("", &[]),
    waits("sse-slow-loses-one", &["sse/slow-consumer:slow"]),
    // Streams over a restart.
    row(SSE_RESTART, "", &[], &[]),
    row(SSE_RESTART, "sse-ids-reset", &["sse/identified"], &[]),
    row(SSE_RESTART, "sse-stale-silent", &["sse/identified"], &[]),
    // How large an upload may be, and what becomes of a larger one. Those that wait for long come first.
    sizes("size-refused-late", &["size/early"], &[]),
    sizes("size-memory-grows", &["size/early"], &[]),
    row(SIZE_MEMORY, "size-memory-grows", &["size/no-trace"], &[]),
    sizes("", &[], &[]),
    Row { defect: "", suite: SIZE, args: &["--max-upload=32KiB", "--keep-refused"], must: &[], may: &[] },
    sizes("size-limit-absent", &["size/refuses"], &["size/edge"]),
    sizes(
        "size-off-by-one-low",
        &["size/accepts:B/content-length", "size/accepts:B/chunked", "size/accepts:B/expect-continue", "size/accepts:B/gzip", "size/edge"],
        &[],
    ),
    sizes(
        "size-off-by-one-high",
        &[
            "size/refuses:B+1/content-length",
            "size/refuses:B+1/chunked",
            "size/refuses:B+1/expect-continue",
            "size/refuses:B+1/gzip",
            "size/edge",
        ],
        &[],
    ),
    sizes("size-mb-for-mib", &["size/accepts", "size/edge"], &[]),
    sizes("size-only-content-length", &["size/refuses"], &[]),
    sizes(
        "size-expect-unlimited",
        &["size/refuses:B+1/expect-continue"],
        &["size/refuses:2B/expect-continue", "size/refuses:10B/expect-continue"],
    ),
    sizes("size-gzip-bomb", &["size/refuses:B+1/gzip"], &["size/refuses:2B/gzip", "size/refuses:10B/gzip"]),
    sizes("size-multipart-overhead", &["size/accepts"], &["size/edge"]),
    sizes("size-answer-lost", &["size/answer-arrives"], &[]),
    sizes("size-answer-lost-slowly", &["size/answer-arrives"], &[]),
    sizes("size-reset-only", &["size/refuses"], &["size/early", "size/answer-arrives", "size/in-sync", "size/edge"]),
    sizes("size-invites-then-refuses", &["size/early"], &[]),
    sizes("size-leaves-temp-file", &["size/no-trace"], &[]),
    sizes("size-leaves-entry", &["size/no-trace"], &[]),
    sizes("size-out-of-sync", &["size/in-sync"], &["size/answer-arrives"]),
    sizes("size-out-of-sync-quietly", &["size/in-sync"], &["size/answer-arrives"]),
    row(SIZE_MEMORY, "", &[], &[]),
    sizes("size-cuts-silently", &["size/refuses"], &["size/accepts"]),
    sizes("size-answers-500", &["size/refuses"], &["size/edge"]),
    sizes("size-largest-spoiled", &["size/accepts"], &[]),
    sizes("size-harms-next", &["size/unharmed"], &["size/refuses", "size/early", "size/answer-arrives", "size/edge"]),
    // How often one may call.
    rate("", &[]),
    rate("rate-absent", &["rate/quota"]),
    rate("rate-off-by-one", &["rate/quota"]),
    rate("rate-answers-503", &["rate/quota"]),
    rate("rate-retry-after-absent", &["rate/retry-after"]),
    rate("rate-fields-lie", &["rate/fields"]),
    rate("rate-fixed-window", &["rate/edge"]),
    rate("rate-key-spoofed", &["rate/key"]),
    Row { defect: "", suite: RATE_LONG, args: LONG_WINDOW, must: &[], may: &[] },
    Row { defect: "rate-window-short", suite: RATE_LONG, args: LONG_WINDOW, must: &["rate/quota:lasts"], may: &[] },
    Row { defect: "rate-retry-after-short", suite: RATE_LONG, args: LONG_WINDOW, must: &["rate/retry-after"], may: &[] },
    // How long one may take.
    time("", &[]),
    time("time-slow-headers-kept", &["time/slow-headers"]),
    time("time-dripped-headers-kept", &["time/slow-headers"]),
    time("time-slow-body-kept", &["time/slow-body"]),
    time("time-idle-kept", &["time/idle"]),
    time("time-idle-cut-early", &["time/idle"]),
];

/// Services that give up what is held for too long: the wave that is opened for longer than that is in doubt.
pub(crate) const GIVEN_UP: &[Row] = &[Row { defect: "", suite: LIMITS_SLOWLY, args: IMPATIENT, must: &[], may: &[] }];
