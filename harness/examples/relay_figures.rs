//! Measures the relay: bytes a second through it, what it adds to a round trip, how soon a cut is in force and a mend undone.
//! Prints one line a figure. Built and run by `ci/bench.sh relay`; only an optimised build says anything.

#![expect(clippy::disallowed_methods, reason = "a bench reads the clock and connects by itself")]
#![expect(clippy::disallowed_macros, reason = "a bench prints its figures")]

use allclear::transport::relay::{Mode, Pace, Relay};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

const BYTES: usize = 4 << 30;
const PIECE: usize = 256 << 10;
const TRIPS: usize = 20_000;
const CUTS: usize = 500;
/// Connections that live while it is cut.
const LIVING: usize = 20;

fn main() -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let _inside = runtime.enter();
    let (sink, echo) = (serve(drain)?, serve(answer)?);
    for turn in 0..3 {
        let relay = Relay::start(sink)?;
        let (direct, relayed) = (throughput(sink)?, throughput(relay.address())?);
        println!("throughput {turn}: direct {direct:.2} GB/s, relayed {relayed:.2} GB/s");
    }
    for turn in 0..3 {
        let relay = Relay::start(echo)?;
        // In turn, so that whatever else this machine does hits both alike.
        let (direct, relayed) = trips(echo, relay.address())?;
        let added = |share: f64| (at(&relayed, share) - at(&direct, share)) * 1e3;
        println!(
            "round trip {turn}: direct {:.3} ms, relayed {:.3} ms, added {:.3} ms median, {:.3} ms p99",
            at(&direct, 0.5) * 1e3,
            at(&relayed, 0.5) * 1e3,
            added(0.5),
            added(0.99)
        );
    }
    let slow = Mode::Slow(Pace { delay: Duration::from_secs(1), bytes_per_second: 1 << 16 });
    for mode in [Mode::Refuse, Mode::Blackhole, slow, Mode::Reset, Mode::Swallow] {
        let [mut cuts, mut mends, mut answers, mut usual] = [const { Vec::new() }; 4];
        for _ in 0..if mode == Mode::Swallow { CUTS / 10 } else { CUTS } {
            let relay = Relay::start(echo)?;
            let mut living: Vec<TcpStream> = (0..LIVING).map(|_| TcpStream::connect(relay.address())).collect::<Result<_, _>>()?;
            for stream in &mut living {
                trip(stream)?;
            }
            usual.push(first_answer(relay.address(), Instant::now())?);
            let began = Instant::now();
            runtime.block_on(relay.set(mode))?;
            cuts.push(began.elapsed().as_secs_f64());
            let began = Instant::now();
            runtime.block_on(relay.set(Mode::Pass))?;
            mends.push(began.elapsed().as_secs_f64());
            answers.push(first_answer(relay.address(), began)?);
        }
        let name = format!("{mode:?}");
        let name = name.split(['(', ' ']).next().unwrap_or_default();
        println!("cut {name}: in force in {}; mend undone in {}", told(cuts), told(mends));
        println!("  a new connection answers after the mend in {}; without any cut in {}", told(answers), told(usual));
    }
    Ok(())
}

/// Seconds until a new connection has its first answer.
fn first_answer(address: SocketAddr, began: Instant) -> std::io::Result<f64> {
    trip(&mut TcpStream::connect(address)?)?;
    Ok(began.elapsed().as_secs_f64())
}

/// Median, 99th percentile and worst, in milliseconds.
fn told(mut seconds: Vec<f64>) -> String {
    seconds.sort_by(f64::total_cmp);
    let [median, p99, worst] = [0.5, 0.99, 1.0].map(|share| at(&seconds, share) * 1e3);
    format!("{median:.2} ms (p99 {p99:.2}, worst {worst:.2})")
}

fn serve(each: fn(TcpStream)) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || listener.incoming().flatten().for_each(|stream| drop(thread::spawn(move || each(stream)))));
    Ok(address)
}

/// Reads everything, then says so with one byte.
fn drain(mut stream: TcpStream) {
    let mut buffer = vec![0; PIECE];
    while stream.read(&mut buffer).is_ok_and(|n| n > 0) {}
    let _ = stream.write_all(&[1]);
}

/// Answers each byte with one.
fn answer(mut stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let mut byte = [0];
    while stream.read_exact(&mut byte).is_ok() && stream.write_all(&byte).is_ok() {}
}

fn throughput(address: SocketAddr) -> std::io::Result<f64> {
    let mut stream = TcpStream::connect(address)?;
    let piece = vec![7; PIECE];
    let began = Instant::now();
    for _ in 0..BYTES / PIECE {
        stream.write_all(&piece)?;
    }
    stream.shutdown(std::net::Shutdown::Write)?;
    stream.read_exact(&mut [0])?;
    Ok(BYTES as f64 / began.elapsed().as_secs_f64() / 1e9)
}

fn trip(stream: &mut TcpStream) -> std::io::Result<f64> {
    let began = Instant::now();
    stream.write_all(&[1])?;
    stream.read_exact(&mut [0])?;
    Ok(began.elapsed().as_secs_f64())
}

/// Seconds of round trips on each of two connections, sorted.
fn trips(direct: SocketAddr, relayed: SocketAddr) -> std::io::Result<(Vec<f64>, Vec<f64>)> {
    let (mut one, mut other) = (TcpStream::connect(direct)?, TcpStream::connect(relayed)?);
    one.set_nodelay(true)?;
    other.set_nodelay(true)?;
    let (mut a, mut b) = (Vec::with_capacity(TRIPS), Vec::with_capacity(TRIPS));
    for _ in 0..TRIPS {
        a.push(trip(&mut one)?);
        b.push(trip(&mut other)?);
    }
    a.sort_by(f64::total_cmp);
    b.sort_by(f64::total_cmp);
    Ok((a, b))
}

/// The value below which this share lies.
fn at(sorted: &[f64], share: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * share) as usize]
}
