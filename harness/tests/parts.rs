//! Tests against programs that nobody here wrote. Where one is absent its tests are listed as ignored, with the reason;
//! with `ALLCLEAR_TEST_REQUIRE=nginx,redis,…` its absence is a failure.

#![expect(clippy::disallowed_methods, reason = "tests start real programs and read their own switches")]

#[path = "parts/curl.rs"]
mod curl;
#[path = "parts/editor.rs"]
mod editor;
#[path = "parts/junit.rs"]
mod junit;
#[path = "parts/nginx.rs"]
mod nginx;
#[path = "parts/nginx_pace.rs"]
mod nginx_pace;
#[path = "parts/nginx_sizes.rs"]
mod nginx_sizes;
#[path = "parts/nginx_slots.rs"]
mod nginx_slots;
#[path = "parts/nginx_streams.rs"]
mod nginx_streams;
#[path = "parts/postgres.rs"]
mod postgres;
#[path = "parts/program.rs"]
mod program;
#[path = "parts/prometheus.rs"]
mod prometheus;
#[path = "parts/real.rs"]
mod real;
#[path = "parts/redis.rs"]
mod redis;
#[path = "parts/screen.rs"]
mod screen;
#[path = "faults/table.rs"]
#[expect(dead_code, reason = "shared with the table's own test binary, which uses the rest")]
mod table;
#[path = "faults/verdicts.rs"]
mod verdicts;

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use std::{collections::BTreeSet, path::Path, process::ExitCode};

/// One test and the part that it needs; `a+b`: both, and the test gets the first.
type Row = (&'static str, &'static str, fn(&Path) -> Result<(), String>);

const ROWS: &[Row] = &[
    ("nginx", "nginx_that_serves_its_health_passes", nginx::nginx_that_serves_its_health_passes),
    ("nginx", "nginx_before_a_dead_service_fails_by_status", nginx::nginx_before_a_dead_service_fails_by_status),
    ("nginx", "a_stream_in_the_buffers_of_nginx_is_not_timely", nginx_streams::a_stream_in_the_buffers_of_nginx_is_not_timely),
    ("nginx", "a_stream_through_nginx_without_buffers_is_held", nginx_streams::a_stream_through_nginx_without_buffers_is_held),
    ("nginx", "a_stream_that_asks_nginx_for_no_buffers_is_held", nginx_streams::a_stream_that_asks_nginx_for_no_buffers_is_held),
    ("nginx", "a_stream_in_tls_is_held", nginx_streams::a_stream_in_tls_is_held),
    ("nginx", "a_stream_over_http2_is_held", nginx_streams::a_stream_over_http2_is_held),
    ("nginx", "a_batched_stream_is_caught_over_http2", nginx_streams::a_batched_stream_is_caught_over_http2),
    ("nginx", "a_bad_seam_is_caught_over_http2", nginx_streams::a_bad_seam_is_caught_over_http2),
    ("nginx", "a_silent_stream_is_caught_over_http2", nginx_streams::a_silent_stream_is_caught_over_http2),
    ("nginx", "its_limit_is_exact_in_every_framing_and_named", nginx_sizes::its_limit_is_exact_in_every_framing_and_named),
    ("nginx", "its_limit_is_found_where_none_is_declared", nginx_sizes::its_limit_is_found_where_none_is_declared),
    ("nginx", "a_unit_that_was_misread_is_told", nginx_sizes::a_unit_that_was_misread_is_told),
    ("nginx", "a_form_is_limited_whole_and_that_is_caught", nginx_sizes::a_form_is_limited_whole_and_that_is_caught),
    (
        "nginx",
        "without_lingering_plain_clients_lose_the_answer_and_that_is_caught",
        nginx_sizes::without_lingering_plain_clients_lose_the_answer_and_that_is_caught,
    ),
    ("nginx", "its_limit_is_the_same_under_tls_and_on_http2", nginx_sizes::its_limit_is_the_same_under_tls_and_on_http2),
    ("nginx", "the_edge_of_limit_req_is_where_it_was_declared", nginx_pace::the_edge_of_limit_req_is_where_it_was_declared),
    (
        "nginx",
        "limit_req_refuses_by_another_status_and_tells_no_time_unless_it_is_told_to",
        nginx_pace::limit_req_refuses_by_another_status_and_tells_no_time_unless_it_is_told_to,
    ),
    ("nginx", "a_limit_req_by_a_header_that_callers_write_is_caught", nginx_pace::a_limit_req_by_a_header_that_callers_write_is_caught),
    ("nginx", "a_limit_of_how_often_is_no_limit_of_how_many_at_once", nginx_pace::a_limit_of_how_often_is_no_limit_of_how_many_at_once),
    ("nginx", "the_timeouts_of_nginx_are_kept_to_the_half_second", nginx_pace::the_timeouts_of_nginx_are_kept_to_the_half_second),
    (
        "nginx",
        "nginx_that_limits_connections_is_judged_at_its_exact_edge",
        nginx_slots::nginx_that_limits_connections_is_judged_at_its_exact_edge,
    ),
    ("redis", "wait_sees_redis_come_and_go", redis::wait_sees_redis_come_and_go),
    (
        "redis",
        "redis_is_started_as_a_dependency_and_its_refusal_is_shown",
        redis::redis_is_started_as_a_dependency_and_its_refusal_is_shown,
    ),
    ("postgres+redis", "the_shipped_suites_pass_with_real_dependencies", real::the_shipped_suites_pass_with_real_dependencies),
    ("postgres+redis", "the_good_service_holds_everything_through_outages", real::the_good_service_holds_everything_through_outages),
    ("postgres+redis", "every_fault_of_both_is_felt_and_undone", real::every_fault_of_both_is_felt_and_undone),
    ("postgres+redis", "a_pool_that_never_recovers_is_caught", real::a_pool_that_never_recovers_is_caught),
    ("postgres+redis", "a_liveness_that_touches_the_database_is_caught", real::a_liveness_that_touches_the_database_is_caught),
    ("postgres+redis", "a_middleware_that_touches_the_database_is_caught", real::a_middleware_that_touches_the_database_is_caught),
    ("postgres+redis", "a_readiness_that_hangs_with_the_database_is_caught", real::a_readiness_that_hangs_with_the_database_is_caught),
    ("postgres+redis", "a_connection_string_with_its_password_is_caught", real::a_connection_string_with_its_password_is_caught),
    ("postgres", "replicas_that_start_at_once_migrate_once", postgres::replicas_that_start_at_once_migrate_once),
    ("prometheus", "prometheus_is_started_and_keeps_its_promises", prometheus::prometheus_is_started_and_keeps_its_promises),
    ("prometheus", "a_prometheus_that_is_stopped_is_told_broken", prometheus::a_prometheus_that_is_stopped_is_told_broken),
    ("curl", "the_command_of_a_finding_shows_it_again", curl::the_command_of_a_finding_shows_it_again),
    ("xmllint", "junit_of_hostile_text_is_well_formed", junit::junit_of_hostile_text_is_well_formed),
    ("junitparser", "an_independent_reader_reads_the_fixed_corpus", junit::an_independent_reader_reads_the_fixed_corpus),
    ("junitparser", "an_independent_reader_counts_what_we_counted", junit::an_independent_reader_counts_what_we_counted),
    (
        "yaml-language-server",
        "an_editor_completes_kinds_and_keys_where_they_are_typed",
        editor::an_editor_completes_kinds_and_keys_where_they_are_typed,
    ),
    ("yaml-language-server", "an_editor_tells_a_mistake_at_its_place", editor::an_editor_tells_a_mistake_at_its_place),
    ("yaml-language-server", "an_editor_describes_what_is_pointed_at", editor::an_editor_describes_what_is_pointed_at),
    ("tmux", "a_terminal_shows_what_is_waited_for", screen::a_terminal_shows_what_is_waited_for),
];

fn main() -> ExitCode {
    let required: BTreeSet<String> =
        std::env::var("ALLCLEAR_TEST_REQUIRE").unwrap_or_default().split(',').filter(|p| !p.is_empty()).map(str::to_owned).collect();
    let known: BTreeSet<&str> = ROWS.iter().flat_map(|(part, ..)| part.split('+')).chain(["nextest"]).collect();
    if let Some(unknown) = required.iter().find(|p| !known.contains(p.as_str())) {
        program::say(&format!("ALLCLEAR_TEST_REQUIRE: `{unknown}` is not a part; there are {known:?}"));
        return ExitCode::FAILURE;
    }
    let trials = ROWS
        .iter()
        .map(|&(part, name, test)| {
            let title = format!("{part}::{name}");
            let missing = part.split('+').find(|part| program::find(part).is_none());
            let found = part.split('+').next().and_then(program::find).filter(|_| missing.is_none());
            let must = missing.is_some_and(|part| required.contains(part));
            let part = missing.unwrap_or(part);
            Trial::ignorable_test(title, move || match &found {
                Some(path) => test(path).map(|()| Completion::Completed).map_err(Failed::from),
                None if must => Err(Failed::from(format!("{part} is required by ALLCLEAR_TEST_REQUIRE and was not found"))),
                None => Ok(Completion::ignored_with(format!("{part} is not installed"))),
            })
        })
        .collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
