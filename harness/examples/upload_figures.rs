//! Measures uploads: the rate against `curl -T` to the same sink, the memory of 10 GiB, and how many early refusals are seen.
//! Prints one line a figure. Built and run by `ci/bench.sh upload`; only an optimised build says anything.

#![expect(clippy::disallowed_methods, reason = "a bench starts its rival, reads its own arguments and the clock")]
#![expect(clippy::disallowed_macros, reason = "a bench prints its figures")]

use allclear::transport::{Cut, Endpoint, Exchange, Outgoing, Push, Pushed, Runs, Timeouts, Wishes};
use http::Method;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// What is sent against curl, and how often in turn.
const RIVAL: u64 = 2 << 30;
const PAIRS: usize = 7;
/// What memory is looked at with.
const LARGE: u64 = 10 << 30;
/// A block of a body, as the kind `size-limit` makes them.
const BLOCK: usize = 64 << 10;
/// Refusals that are to be seen for each size.
const REFUSALS: usize = 100;

fn main() -> Outcome<()> {
    let mut args = std::env::args().skip(1);
    if let Some(address) = args.next() {
        return large(address.parse()?);
    }
    let sink = serve(drain)?;
    rate(sink)?;
    // In a process of its own: its peak is that of the sender alone.
    let status = Command::new(std::env::current_exe()?).arg(sink.to_string()).status()?;
    if !status.success() {
        return Err("the large upload failed".into());
    }
    refusals()
}

/// The same bytes to the same sink, in turn by us, by us with the hash made meanwhile, and by curl.
fn rate(sink: SocketAddr) -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("body");
    // Without content on the disk: reading it costs curl no more than memory.
    std::fs::File::create(&file)?.set_len(RIVAL)?;
    let (mut plain, mut hashed, mut rival) = (Vec::new(), Vec::new(), Vec::new());
    for turn in 0..=PAIRS {
        let ours = [push(sink, RIVAL, false)?, push(sink, RIVAL, true)?];
        let curl = Command::new("curl")
            .args(["-sS", "-o", "/dev/null", "-w", "%{speed_upload}", "-H", "expect:", "-T"])
            .arg(&file)
            .arg(format!("http://{sink}/"))
            .output()?;
        if !curl.status.success() {
            return Err(format!("curl: {}", String::from_utf8_lossy(&curl.stderr)).into());
        }
        let theirs: f64 = String::from_utf8(curl.stdout)?.trim().parse()?;
        // The first warms up what all of them use.
        if turn > 0 {
            rival.push(theirs / 1e9);
            plain.push(ours[0] / theirs);
            hashed.push(ours[1] / theirs);
        }
    }
    let ratio = |ratios: &mut Vec<f64>| {
        let middle = median(ratios);
        format!("{middle:.2} (min {:.2}, max {:.2})", ratios[0], ratios[ratios.len() - 1])
    };
    println!(
        "upload of 2 GiB: curl -T {:.2} GB/s; ratio {}, with the hash meanwhile {}",
        median(&mut rival),
        ratio(&mut plain),
        ratio(&mut hashed)
    );
    Ok(())
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// 10 GiB to the sink with the hash meanwhile, and the most memory that this process ever had.
fn large(sink: SocketAddr) -> Outcome<()> {
    let rate = push(sink, LARGE, true)?;
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse::<f64>().ok());
    let peak = peak.ok_or("the kernel does not tell the peak of memory")?;
    println!("upload of 10 GiB: {:.2} GB/s with the hash made meanwhile; peak memory {:.1} MiB", rate / 1e9, peak / 1024.0);
    Ok(())
}

/// Bytes a second of one upload, to its answer.
fn push(sink: SocketAddr, len: u64, is_hashed: bool) -> Outcome<f64> {
    let runs = body(len);
    let began = Instant::now();
    let hash = is_hashed.then(|| {
        let runs = runs.clone();
        thread::spawn(move || runs.sha256())
    });
    let pushed = send(sink, Push::new(runs))?;
    if !matches!(&pushed.outcome, Ok(answer) if answer.status == 200) || pushed.sent.handed != len {
        return Err(format!("not taken whole: {:?} of {:?}", pushed.outcome, pushed.sent).into());
    }
    let rate = len as f64 / began.elapsed().as_secs_f64();
    // The upload does not wait for it; what it costs is told by the rate.
    if let Some(hash) = hash {
        hash.join().map_err(|_| "the hash was not made")?;
    }
    Ok(rate)
}

fn send(address: SocketAddr, push: Push) -> Outcome<Pushed> {
    let endpoint = Endpoint::new(format!("http://{address}/").parse()?);
    let out = Outgoing::new(Method::PUT, endpoint.url_for("/")?);
    let long = Duration::from_secs(300);
    let wishes = Wishes { timeouts: Timeouts { connect: long, first_byte: long, total: long }, ..Wishes::default() };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    Ok(runtime.block_on(Exchange::default().push(&endpoint, &out, &push, &wishes)))
}

fn body(len: u64) -> Runs {
    let block: Vec<u8> = (0..BLOCK as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    Runs::new([(block.into(), len / BLOCK as u64)])
}

/// How many of the refusals of a server are seen that closes without lingering.
fn refusals() -> Outcome<()> {
    let hasty = serve(refuse)?;
    for (len, name) in [(8 << 20, "8 MiB"), (32 << 20, "32 MiB")] {
        for cut in [Cut::Whole, Cut::Chunks] {
            let mut seen = 0;
            for _ in 0..REFUSALS {
                let pushed = send(hasty, Push { cut, ..Push::new(body(len)) })?;
                seen += usize::from(matches!(&pushed.outcome, Ok(answer) if answer.status == 413));
            }
            println!("early 413 of a server that closes without lingering, {name}, {cut:?}: {seen} of {REFUSALS} seen");
        }
    }
    Ok(())
}

fn serve(each: fn(TcpStream) -> std::io::Result<()>) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A client that goes away ends its connection and nothing else.
            thread::spawn(move || each(stream));
        }
    });
    Ok(address)
}

/// Reads a head; the length that it tells.
fn head(stream: &mut BufReader<TcpStream>) -> std::io::Result<u64> {
    let mut len = 0;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? <= 2 {
            return Ok(len);
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            len = value.trim().parse().unwrap_or(0);
        }
    }
}

/// Takes a body to its end and says so.
fn drain(stream: TcpStream) -> std::io::Result<()> {
    let mut stream = BufReader::with_capacity(256 << 10, stream);
    let len = head(&mut stream)?;
    std::io::copy(&mut stream.by_ref().take(len), &mut std::io::sink())?;
    stream.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")?;
    stream.get_mut().shutdown(Shutdown::Both)
}

/// Refuses by the head alone, and closes on whatever was not read.
fn refuse(stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::with_capacity(1 << 10, stream);
    head(&mut stream)?;
    stream.get_mut().write_all(b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 5\r\nconnection: close\r\n\r\nlarge")
}
