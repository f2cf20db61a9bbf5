//! `allclear wait`: what it waits for, what it says, and how it ends.

use super::case::{Case, Seen};
use super::program::free_port;
use super::server::{Server, reply, until_gone};
use super::signals::{Child, signal};
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};

fn wait(args: &[&str]) -> Seen {
    let args: Vec<&str> = ["wait"].iter().chain(args).copied().collect();
    Case::new(&[]).call(&args)
}

/// Answers 503 so many times, then 200.
fn ready_after(bad: usize) -> Server {
    let nth = AtomicUsize::new(0);
    Server::start(move |_, stream| reply(stream, if nth.fetch_add(1, Ordering::SeqCst) < bad { 503 } else { 200 }, "", "ready"))
}

#[test]
fn it_waits_until_all_of_several_answer() {
    let (one, two) = (ready_after(3), ready_after(1));
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = format!("tcp://{}", tcp.local_addr().unwrap());
    let seen = wait(&[&one.url(), &two.url(), &port, "--interval", "1ms"]).ends(0);
    assert_eq!((one.came().len(), two.came().len()), (4, 2));
    assert_eq!(seen.err.lines().filter(|l| l.starts_with("there  ")).count(), 3, "{}", seen.err);
    assert_eq!(seen.out, "");
    // Quiet says nothing where all went well.
    assert_eq!(wait(&[&one.url(), "-q"]).ends(0).err, "");
}

#[test]
fn the_last_word_names_what_was_seen() {
    let refused = format!("http://127.0.0.1:{}/", free_port());
    let seen = wait(&[&refused, "--timeout", "200ms"]).ends(1);
    seen.tells("TIMEOUT  http://127.0.0.1:").tells("not there after 200 ms").tells("last: connection refused by 127.0.0.1:");
    let busy = Server::json(503, "{}");
    wait(&[&busy.url(), "--timeout", "2s"]).ends(1).tells("last: 503");
    let silent = Server::silent();
    wait(&[&silent.url(), "--timeout", "200ms"]).ends(1).tells("(1 look); last: connected and sent, but no byte of an answer within");
    wait(&["http://no-such-name.invalid/", "--timeout", "300ms"]).ends(1).tells("no-such-name.invalid does not resolve");
    let page = Server::json(200, "{\"status\": \"starting\"}");
    wait(&[&page.url(), "--timeout", "2s", "--body", "healthy"]).ends(1).tells("last: 200 without `healthy` in the body");
    // One of two is enough to fail, and both are told.
    let seen = wait(&[&page.url(), &refused, "--timeout", "2s"]).ends(1);
    seen.tells("there  ").tells("TIMEOUT  ");
    // Quiet tells the failure all the same.
    wait(&[&busy.url(), "--timeout", "2s", "-q"]).ends(1).tells("TIMEOUT").tells("503");
}

#[test]
fn the_end_of_the_time_does_not_hide_what_was_seen_before() {
    // Always the same answer, in less time than the end leaves to the last look.
    let slow = Server::start(|_, stream| {
        std::thread::sleep(std::time::Duration::from_millis(120));
        reply(stream, 503, "", "");
    });
    let seen = wait(&[&slow.url(), "--timeout", "900ms", "--interval", "0s"]).ends(1);
    assert!(seen.err.contains("last: 503") && !seen.err.contains("within"), "{}", seen.err);
}

#[test]
fn an_interval_beyond_the_timeout_still_looks_until_the_end() {
    let late = ready_after(1);
    wait(&[&late.url(), "--timeout", "3s", "--interval", "60s"]).ends(0);
    assert_eq!(late.came().len(), 2);
}

#[test]
fn a_change_is_told_with_its_time() {
    let nth = AtomicUsize::new(0);
    let server = Server::start(move |_, stream| reply(stream, [500, 503, 503][nth.fetch_add(1, Ordering::SeqCst).min(2)], "", ""));
    let seen = wait(&[&server.url(), "--timeout", "2s", "--interval", "1ms"]).ends(1);
    seen.tells("  500\n").tells("  503  (");
    let later = ready_after(2);
    let seen = wait(&[&later.url(), "--interval", "1ms", "-v"]).ends(0);
    let told: Vec<&str> = seen.err.lines().filter(|l| l.starts_with('+')).filter_map(|l| l.rsplit("  ").next()).collect();
    assert_eq!(told, ["503", "200"], "{}", seen.err);
}

#[test]
fn statuses_bodies_and_headers_count_as_the_flags_say() {
    let teapot = Server::json(418, "{\"state\": \"ready\"}");
    wait(&[&teapot.url(), "--status", "418"]).ends(0);
    wait(&[&teapot.url(), "--status", "200,4xx", "--body", "ready"]).ends(0);
    wait(&[&teapot.url(), "--status", "2xx", "--timeout", "2s"]).ends(1).tells("418");
    let guarded = Server::start(|came, stream| reply(stream, if came.header("x-key") == Some("a: b") { 200 } else { 401 }, "", ""));
    wait(&[&guarded.url(), "-H", "X-Key: a: b"]).ends(0);
    wait(&[&guarded.url(), "--timeout", "2s"]).ends(1).tells("401");
    let flapping = AtomicUsize::new(0);
    let server = Server::start(move |_, stream| {
        // Good at 1, bad at 2, good from 3 on.
        let n = flapping.fetch_add(1, Ordering::SeqCst) + 1;
        reply(stream, if n == 2 { 503 } else { 200 }, "", "");
    });
    wait(&[&server.url(), "--successes", "3", "--interval", "1ms"]).ends(0);
    assert_eq!(server.came().len(), 5);
}

#[test]
fn gone_is_refused_or_no_longer_a_status_that_counts_and_never_a_server_that_hangs() {
    let port = free_port();
    wait(&[&format!("tcp://127.0.0.1:{port}"), "--gone"]).ends(0).tells("gone  tcp://");
    wait(&[&format!("http://127.0.0.1:{port}/"), "--gone"]).ends(0).tells("refused");
    let leaving = AtomicUsize::new(0);
    let server = Server::start(move |_, stream| reply(stream, if leaving.fetch_add(1, Ordering::SeqCst) < 2 { 200 } else { 503 }, "", ""));
    wait(&[&server.url(), "--gone", "--interval", "1ms"]).ends(0).tells("503");
    assert_eq!(server.came().len(), 3);
    let staying = Server::json(200, "{}");
    wait(&[&staying.url(), "--gone", "--timeout", "2s"]).ends(1).tells("still there after 2.00 s").tells("last: 200");
    let hanging = Server::start(|_, stream| until_gone(stream));
    wait(&[&hanging.url(), "--gone", "--timeout", "600ms", "--look", "100ms"]).ends(1).tells("still there");
}

#[test]
fn the_command_runs_when_the_wait_is_over_and_its_code_is_ours() {
    let server = Server::json(200, "{}");
    let url = server.url();
    wait(&[&url, "-q", "--", "sh", "-c", "echo out; exit 7"]).ends(7).prints("out\n");
    wait(&[&url, "--", "true"]).ends(0);
    wait(&[&url, "--", "/no/such/program"]).ends(127).tells("cannot start `/no/such/program`");
    wait(&[&url, "--", "/"]).ends(126);
    // Signals and pipes are as a shell would give them.
    wait(&[&url, "-q", "--", "sh", "-c", "kill -TERM $$"]).tells("");
    let piped = wait(&[&url, "-q", "--", "bash", "-c", "yes | head -n 1 >/dev/null; echo ${PIPESTATUS[0]}"]);
    assert!(!piped.out.contains("1\n") || piped.out.contains("141"), "{}", piped.out);
    let refused = format!("http://127.0.0.1:{}/", free_port());
    wait(&[&refused, "--timeout", "100ms", "--", "sh", "-c", "echo ran"]).ends(1).hides("ran\n");
}

#[test]
fn a_signal_ends_it_with_its_last_word() {
    for (name, code) in [("INT", 130), ("TERM", 143)] {
        let busy = Server::json(503, "{}");
        let case = Case::new(&[]);
        let child = Child::start(case.command(&["wait", &busy.url(), "--", "echo", "ran"]));
        busy.wait_for_one();
        busy.wait_for_one();
        signal(child.id(), name);
        child.ends().ends(code).tells("STOPPED  http://").tells("last: 503").hides("ran");
    }
}

#[test]
fn mistakes_in_its_flags_are_2() {
    let server = Server::json(200, "{}");
    let url = server.url();
    for (args, told) in [
        (&["localhost:8080"][..], "write http://HOST/PATH"),
        (&["ftp://localhost/"], "`ftp` is not a scheme"),
        (&["tcp://localhost"], "tcp needs a port"),
        (&["http://"], "`http://`"),
        (&[&url, "--status", "2x"], "--status `2x`"),
        (&[&url, "--timeout", "0s"], "--timeout 0 can only fail"),
        (&[&url, "--look", "0s"], "--look 0"),
        (&[&url, "--timeout", "60"], "60"),
        (&[&url, "-H", "no colon"], "with a colon"),
        (&[&url, "--successes", "0"], "0"),
        (&[], "<URL>"),
    ] {
        wait(args).ends(2).tells(told);
    }
    assert_eq!(server.dials(), 0);
}
