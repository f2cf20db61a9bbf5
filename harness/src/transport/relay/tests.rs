//! The relay on real sockets: what each mode does to living and new connections, and that a mend undoes it.

use super::{Mode, Pace, Relay};
use futures_util::FutureExt as _;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;

/// What comes in any case; only a broken test waits for so long.
const LONG: Duration = Duration::from_secs(20);
/// What is silent is silent for so long.
const SILENCE: Duration = Duration::from_millis(60);
/// Slow enough to tell it from silence and from all is well, by what has arrived.
const LATE: Pace = Pace { delay: Duration::from_millis(150), bytes_per_second: 1 << 20 };

/// Answers every byte by itself plus one.
struct Server {
    address: SocketAddr,
    heard: Arc<AtomicUsize>,
}

impl Server {
    async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let (address, heard) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
        let count = heard.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let count = count.clone();
                tokio::spawn(async move {
                    while let Ok(byte) = stream.read_u8().await {
                        count.fetch_add(1, Ordering::SeqCst);
                        if stream.write_u8(byte + 1).await.is_err() {
                            break;
                        }
                    }
                });
            }
        });
        Self { address, heard }
    }
}

async fn connect(address: SocketAddr) -> std::io::Result<TcpStream> {
    TcpSocket::new_v4().unwrap().connect(address).await
}

/// What one question on a connection leads to.
async fn ask(stream: &mut TcpStream, patience: Duration) -> &'static str {
    if let Err(e) = stream.write_u8(7).await {
        return kind(&e);
    }
    match timeout(patience, stream.read_u8()).await {
        Err(_) => "silence",
        Ok(Ok(8)) => "answer",
        Ok(Ok(_)) => "nonsense",
        Ok(Err(e)) => kind(&e),
    }
}

fn kind(e: &std::io::Error) -> &'static str {
    match e.kind() {
        ErrorKind::ConnectionRefused => "refused",
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::NotConnected => "reset",
        ErrorKind::UnexpectedEof => "end",
        _ => "trouble",
    }
}

async fn ask_anew(address: SocketAddr, patience: Duration) -> &'static str {
    match timeout(patience, connect(address)).await {
        Err(_) => "no connection",
        Ok(Err(e)) => kind(&e),
        Ok(Ok(mut stream)) => ask(&mut stream, patience).await,
    }
}

/// How long is waited for what is expected: silence is heard soon, an answer may take its time on a busy machine.
fn patience(expected: &str) -> Duration {
    if ["silence", "no connection"].contains(&expected) { SILENCE } else { LONG }
}

/// What a living connection and a new one see while the mode is in force; and that all is well after the mend.
#[track_caller]
fn check(mode: Mode, living: &'static str, new: &'static str) {
    let seen = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(async {
        let server = Server::start().await;
        let relay = Relay::start(server.address).unwrap();
        let mut stream = connect(relay.address()).await.unwrap();
        assert_eq!(ask(&mut stream, LONG).await, "answer");
        relay.set(mode).await.unwrap();
        let heard = server.heard.load(Ordering::SeqCst);
        let seen = (ask(&mut stream, patience(living)).await, ask_anew(relay.address(), patience(new)).await);
        if mode.is_silent() {
            assert_eq!(server.heard.load(Ordering::SeqCst), heard, "nothing reaches the dependency");
        }
        relay.set(Mode::Pass).await.unwrap();
        assert_eq!(ask_anew(relay.address(), LONG).await, "answer", "after the mend");
        if seen.0 == "silence" {
            assert_eq!(timeout(LONG, stream.read_u8()).await.unwrap().unwrap(), 8, "what was held back arrives");
            assert_eq!(ask(&mut stream, LONG).await, "answer", "the living connection goes on");
        }
        seen
    });
    assert_eq!(seen, (living, new), "{mode:?}");
}

#[test]
fn every_mode_does_to_connections_what_it_says() {
    check(Mode::Pass, "answer", "answer");
    check(Mode::Refuse, "reset", "refused");
    check(Mode::Reset, "reset", "reset");
    check(Mode::Blackhole, "silence", "silence");
    check(Mode::Swallow, "silence", "no connection");
    check(Mode::Slow(LATE), "silence", "silence");
}

#[tokio::test]
async fn a_cut_may_follow_a_cut_in_any_order() {
    let server = Server::start().await;
    let relay = Relay::start(server.address).unwrap();
    let modes = [Mode::Refuse, Mode::Swallow, Mode::Reset, Mode::Swallow, Mode::Blackhole, Mode::Refuse, Mode::Slow(LATE), Mode::Refuse];
    for mode in modes {
        relay.set(mode).await.unwrap();
        assert_ne!(ask_anew(relay.address(), SILENCE).await, "answer", "{mode:?}");
    }
    relay.set(Mode::Pass).await.unwrap();
    assert_eq!(ask_anew(relay.address(), LONG).await, "answer");
}

/// One thread, and nothing that gives it away: no task of the relay can have run when a change is in force.
#[tokio::test]
async fn a_change_is_in_force_before_any_task_has_run() {
    let relay = Relay::start(Server::start().await.address).unwrap();
    let dial = || {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket.connect(&relay.address().into()).err().map(|e| e.kind())
    };
    for (mode, expected) in [
        (Mode::Refuse, Some(ErrorKind::ConnectionRefused)),
        (Mode::Pass, None),
        (Mode::Refuse, Some(ErrorKind::ConnectionRefused)),
        (Mode::Blackhole, None),
        (Mode::Slow(LATE), None),
    ] {
        relay.set(mode).now_or_never().unwrap_or_else(|| panic!("{mode:?} waits for somebody")).unwrap();
        assert_eq!(dial(), expected, "{mode:?}");
    }
    assert_eq!(relay.accepted(), 0, "nothing ran");
    relay.set(Mode::Pass).await.unwrap();
    assert_eq!(ask_anew(relay.address(), LONG).await, "answer");
}

#[tokio::test]
async fn what_was_let_in_before_a_cut_does_not_outlive_it() {
    let relay = Relay::start(Server::start().await.address).unwrap();
    for _ in 0..50 {
        let mut stream = connect(relay.address()).await.unwrap();
        relay.set(Mode::Refuse).await.unwrap();
        assert_eq!(ask(&mut stream, LONG).await, "reset", "taken or still in the queue: it is gone");
        assert_eq!(relay.living(), 0);
        relay.set(Mode::Pass).await.unwrap();
    }
}

#[tokio::test]
async fn a_port_that_refuses_is_given_to_nobody_else() {
    let relay = Relay::start(Server::start().await.address).unwrap();
    relay.set(Mode::Refuse).await.unwrap();
    let taken = std::net::TcpListener::bind(relay.address());
    assert!(taken.is_err() || cfg!(not(target_os = "linux")) || relay.set(Mode::Pass).await.is_err(), "nobody is told that all is well");
}

#[tokio::test]
async fn what_a_connection_slept_through_is_waited_for_no_longer_after_the_mend() {
    let server = Server::start().await;
    let relay = Relay::start(server.address).unwrap();
    let mut stream = connect(relay.address()).await.unwrap();
    assert_eq!(ask(&mut stream, LONG).await, "answer");
    relay.set(Mode::Slow(Pace { delay: Duration::from_secs(3600), bytes_per_second: 1 })).await.unwrap();
    assert_eq!(ask(&mut stream, SILENCE).await, "silence");
    relay.set(Mode::Pass).await.unwrap();
    assert_eq!(timeout(LONG, stream.read_u8()).await.unwrap().unwrap(), 8);
}

#[tokio::test]
async fn a_slow_connection_passes_no_more_bytes_than_it_may() {
    let server = Server::start().await;
    let relay = Relay::start(server.address).unwrap();
    relay.set(Mode::Slow(Pace { delay: Duration::ZERO, bytes_per_second: 1000 })).await.unwrap();
    let mut stream = connect(relay.address()).await.unwrap();
    let began = tokio::time::Instant::now();
    stream.write_all(&[1; 200]).await.unwrap();
    stream.read_exact(&mut [0; 200]).await.unwrap();
    assert!(began.elapsed() >= Duration::from_millis(150), "200 bytes at 1000 a second came in {:?}", began.elapsed());
}

#[tokio::test]
async fn a_half_closed_connection_stays_half_closed() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let relay = Relay::start(listener.local_addr().unwrap()).unwrap();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).await.unwrap();
        // Only once the client has ended its side: the answer still arrives.
        stream.write_all(&all).await.unwrap();
    });
    let mut client = connect(relay.address()).await.unwrap();
    client.write_all(b"question").await.unwrap();
    client.shutdown().await.unwrap();
    let mut answer = Vec::new();
    timeout(LONG, client.read_to_end(&mut answer)).await.unwrap().unwrap();
    assert_eq!(answer, b"question");
    server.await.unwrap();
}

#[tokio::test]
async fn a_reset_is_passed_on_as_a_reset_and_an_end_as_an_end() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let relay = Relay::start(listener.local_addr().unwrap()).unwrap();
    for (zero_linger, expected) in [(true, "reset"), (false, "end")] {
        let mut client = connect(relay.address()).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        if zero_linger {
            server.set_zero_linger().unwrap();
        }
        drop(server);
        let ended = timeout(LONG, client.read_u8()).await.unwrap().unwrap_err();
        assert_eq!(kind(&ended), expected);
    }
}

#[tokio::test]
async fn a_dependency_that_does_not_run_is_a_reset_connection() {
    let gone = TcpListener::bind(("127.0.0.1", 0)).await.unwrap().local_addr().unwrap();
    let relay = Relay::start(gone).unwrap();
    let mut client = connect(relay.address()).await.unwrap();
    assert_eq!(kind(&timeout(LONG, client.read_u8()).await.unwrap().unwrap_err()), "reset");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn megabytes_pass_whole_both_ways_at_once() {
    const LEN: usize = 24 << 20;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let relay = Relay::start(listener.local_addr().unwrap()).unwrap();
    let bytes: Arc<Vec<u8>> = Arc::new((0..LEN).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect());
    let both = |stream: TcpStream, bytes: Arc<Vec<u8>>| async move {
        let (mut read, mut write) = stream.into_split();
        let sent = bytes.clone();
        let writing = tokio::spawn(async move {
            write.write_all(&sent).await.unwrap();
            write.shutdown().await.unwrap();
        });
        let mut got = Vec::with_capacity(LEN);
        read.read_to_end(&mut got).await.unwrap();
        writing.await.unwrap();
        got == *bytes
    };
    let client = tokio::spawn(both(connect(relay.address()).await.unwrap(), bytes.clone()));
    let (server, _) = listener.accept().await.unwrap();
    assert!(both(server, bytes).await && client.await.unwrap());
}

#[tokio::test]
async fn dropping_a_relay_ends_its_connections_and_its_listener() {
    let relay = Relay::start(Server::start().await.address).unwrap();
    let address = relay.address();
    let mut stream = connect(address).await.unwrap();
    assert_eq!(ask(&mut stream, LONG).await, "answer");
    assert_eq!((relay.accepted(), relay.living()), (1, 1));
    drop(relay);
    assert!(timeout(LONG, stream.read_u8()).await.unwrap().is_err());
    assert_eq!(ask_anew(address, LONG).await, "refused");
}
