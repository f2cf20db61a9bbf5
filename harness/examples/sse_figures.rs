//! Measures event streams: events a second from memory and over loopback, memory of a stream that waits, our own delay under load.
//! Prints one line a figure. Built and run by `ci/bench.sh sse`; only an optimised build says anything.

#![expect(clippy::disallowed_methods, reason = "a bench reads the clock, its arguments and starts its server by itself")]
#![expect(clippy::disallowed_macros, reason = "a bench prints its figures")]

use allclear::transport::{
    Endpoint, Exchange, Opening, Outgoing, Streaming, descriptors,
    sse::{Event, Item, Limits, Parser},
};
use nix::time::{ClockId, clock_gettime};
use std::{
    io::{BufRead, BufReader, Error, Read},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
    time::{interval, sleep, timeout},
};

const EVENTS: u64 = 2_000_000;
const PIECE: usize = 16 << 10;
const HELD: usize = 10_000;
const BUSY: usize = 1_000;
const FLOOD: Duration = Duration::from_secs(3);
const WATCH: Duration = Duration::from_secs(20);
/// Connections that are being made at once: no more than a listener's queue holds.
const AT_ONCE: usize = 200;

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> Outcome<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    if std::env::args().nth(1).as_deref() == Some("serve") {
        return runtime.block_on(serve());
    }
    from_memory();
    let mut server = Server::start()?;
    runtime.block_on(async {
        flood(&server).await?;
        held(&server).await?;
        delay(&server).await
    })?;
    server.child.kill()?;
    server.child.wait()?;
    Ok(())
}

/// Events a second, counted only and collected whole.
fn from_memory() {
    let mut stream = Vec::new();
    for n in 0..EVENTS {
        stream.extend_from_slice(&event(n, "{\"job\":\"7f3c9a2e\",\"state\":\"CONVERTING\",\"percent\":42}"));
    }
    for turn in 0..3 {
        for collected in [false, true] {
            let mut parser = Parser::new(Limits::default());
            let (mut count, mut kept) = (0u64, Vec::new());
            let began = Instant::now();
            for piece in stream.chunks(PIECE) {
                parser.feed(piece, began, &mut |item| {
                    if let Item::Event(event) = item {
                        count += 1;
                        if collected {
                            kept.push(event);
                        }
                    }
                });
            }
            let took = began.elapsed().as_secs_f64();
            assert!(count == EVENTS && (!collected || kept.len() as u64 == EVENTS), "{count} events");
            let how = if collected { "collected" } else { "counted  " };
            println!(
                "from memory {turn}, {how}: {:.2} M events/s, {:.0} MB/s ({} bytes each)",
                count as f64 / took / 1e6,
                stream.len() as f64 / took / 1e6,
                stream.len() as u64 / EVENTS
            );
        }
    }
}

fn event(n: u64, data: &str) -> Vec<u8> {
    format!("id: {n}\nevent: progress\ndata: {data}\n\n").into_bytes()
}

/// Events a second over loopback on one stream: what server and kernel yield.
async fn flood(server: &Server) -> Outcome<()> {
    let mut stream = server.open("/flood").await?;
    let mut parser = Parser::new(Limits::default());
    let (mut count, mut bytes, began) = (0u64, 0, Instant::now());
    while began.elapsed() < FLOOD {
        let Some(piece) = stream.next().await? else { break };
        bytes += piece.bytes.len();
        parser.feed(&piece.bytes, piece.at, &mut |item| count += u64::from(matches!(item, Item::Event(_))));
    }
    let took = began.elapsed().as_secs_f64();
    println!("over loopback: {:.2} M events/s, {:.0} MB/s", count as f64 / took / 1e6, bytes as f64 / took / 1e6);
    Ok(())
}

/// Resident memory of streams that are open and wait.
async fn held(server: &Server) -> Outcome<()> {
    descriptors::ensure(HELD as u64)?;
    let exchange = Exchange::default();
    drop(server.open("/wait").await?);
    let before = resident()?;
    let began = Instant::now();
    let (gate, ready) = (Arc::new(Semaphore::new(AT_ONCE)), Arc::new(AtomicU64::new(0)));
    let mut streams = JoinSet::new();
    for _ in 0..HELD {
        let (exchange, gate, ready, endpoint) = (exchange.clone(), gate.clone(), ready.clone(), server.endpoint("/wait")?);
        streams.spawn(async move {
            let place = gate.acquire_owned().await.map_err(Error::other)?;
            let mut stream =
                exchange.open(&endpoint, &Outgoing::get(endpoint.url.clone()), &Opening::default()).await.map_err(Error::other)?;
            drop(place);
            let mut parser = Parser::new(Limits::default());
            let mut seen = 0;
            while let Some(piece) = stream.next().await.map_err(Error::other)? {
                parser.feed(&piece.bytes, piece.at, &mut |item| seen += u64::from(matches!(item, Item::Event(_))));
                if seen > 0 {
                    ready.fetch_add(1, Relaxed);
                    seen = 0;
                }
            }
            Err::<(), _>(Error::other("a stream ended"))
        });
    }
    while ready.load(Relaxed) < HELD as u64 {
        if let Some(ended) = streams.try_join_next() {
            ended??;
        }
        sleep(Duration::from_millis(5)).await;
    }
    let opened = began.elapsed().as_secs_f64();
    // A second event on every one of them: what a stream needs while it reads is in it too.
    while ready.load(Relaxed) < 2 * HELD as u64 {
        sleep(Duration::from_millis(50)).await;
    }
    let after = resident()?;
    println!(
        "{HELD} streams from one process: open in {opened:.1} s, {:.1} KiB each ({:.0} MiB in all)",
        (after - before) as f64 / HELD as f64,
        (after - before) as f64 / 1024.0
    );
    streams.shutdown().await;
    Ok(())
}

/// From the moment the server takes the time and writes to the moment the event is parsed: our delay, and the server's and the
/// kernel's, which cannot be told apart from here.
async fn delay(server: &Server) -> Outcome<()> {
    let delays = Arc::new(Mutex::new(Vec::new()));
    let exchange = Exchange::default();
    let mut streams = JoinSet::new();
    let gate = Arc::new(Semaphore::new(AT_ONCE));
    for _ in 0..BUSY {
        let (exchange, gate, delays, endpoint) = (exchange.clone(), gate.clone(), delays.clone(), server.endpoint("/tick")?);
        streams.spawn(async move {
            let place = gate.acquire_owned().await.map_err(Error::other)?;
            let mut stream =
                exchange.open(&endpoint, &Outgoing::get(endpoint.url.clone()), &Opening::default()).await.map_err(Error::other)?;
            drop(place);
            let mut parser = Parser::new(Limits::default());
            let mut own = Vec::new();
            let reading = async {
                while let Some(piece) = stream.next().await.map_err(Error::other)? {
                    parser.feed(&piece.bytes, piece.at, &mut |item| {
                        if let Item::Event(Event { data, .. }) = item {
                            let sent: u64 = data.parse().unwrap_or(u64::MAX);
                            own.push(now().saturating_sub(sent));
                        }
                    });
                }
                Err::<(), _>(Error::other("a stream ended"))
            };
            if let Ok(ended) = timeout(WATCH, reading).await {
                return ended;
            }
            // The first second belongs to the opening of the others.
            delays.lock().map_err(|_| Error::other("poisoned"))?.extend(own.into_iter().skip(10));
            Ok(())
        });
    }
    while let Some(ended) = streams.join_next().await {
        ended??;
    }
    let mut delays = std::mem::take(&mut *delays.lock().map_err(|_| "poisoned")?);
    delays.sort_unstable();
    let at = |share: f64| delays[((delays.len() - 1) as f64 * share) as usize] as f64 / 1e6;
    println!(
        "{BUSY} streams x 10 events/s: {} events, delay {:.3} ms median, {:.3} ms p99, {:.3} ms slowest",
        delays.len(),
        at(0.5),
        at(0.99),
        at(1.0)
    );
    Ok(())
}

/// Resident memory of this process, in KiB.
fn resident() -> Outcome<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// Nanoseconds of the clock that all processes of this machine share.
fn now() -> u64 {
    let time = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("every Linux has this clock");
    u64::try_from(time.tv_sec()).unwrap_or(0) * 1_000_000_000 + u64::try_from(time.tv_nsec()).unwrap_or(0)
}

/// The server, a process of its own.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start() -> Outcome<Self> {
        let mut child = Command::new(std::env::current_exe()?).arg("serve").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut address = String::new();
        BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut address)?;
        Ok(Self { child, address: address.trim().to_owned() })
    }

    fn endpoint(&self, path: &str) -> Outcome<Endpoint> {
        Ok(Endpoint::new(format!("http://{}{path}", self.address).parse()?))
    }

    async fn open(&self, path: &str) -> Outcome<Streaming> {
        let endpoint = self.endpoint(path)?;
        Ok(Exchange::default()
            .open(&endpoint, &Outgoing::get(endpoint.url.clone()), &Opening::default())
            .await
            .map_err(|e| e.to_string())?)
    }
}

async fn serve() -> Outcome<()> {
    descriptors::ensure(HELD as u64 + BUSY as u64)?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    // Gone with the process that started it, however that ends.
    std::thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(0);
    });
    loop {
        let (stream, _) = listener.accept().await?;
        // A client that goes is the usual end.
        tokio::spawn(async move { drop(answer(stream).await) });
    }
}

async fn answer(mut stream: TcpStream) -> Outcome<()> {
    stream.set_nodelay(true)?;
    let mut head = [0; 1024];
    let len = stream.read(&mut head).await?;
    stream
        .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-store\r\ntransfer-encoding: chunked\r\n\r\n")
        .await?;
    if head[..len].starts_with(b"GET /flood") {
        let events: Vec<u8> = (0..700).flat_map(|n| event(n, "{\"job\":\"7f3c9a2e\",\"state\":\"CONVERTING\",\"percent\":42}")).collect();
        let chunk = chunk(&events);
        loop {
            stream.write_all(&chunk).await?;
        }
    }
    if head[..len].starts_with(b"GET /tick") {
        let mut tick = interval(Duration::from_millis(100));
        loop {
            tick.tick().await;
            stream.write_all(&chunk(format!("data: {}\n\n", now()).as_bytes())).await?;
        }
    }
    for n in 0.. {
        stream.write_all(&chunk(&event(n, "waiting"))).await?;
        sleep(Duration::from_secs(10)).await;
    }
    Ok(())
}

fn chunk(body: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", body.len()).as_bytes(), body, b"\r\n"].concat()
}
