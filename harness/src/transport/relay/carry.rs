//! Carries the bytes of one connection both ways, each way ending by itself, as its gate allows.

use super::gate::{Changes, Gate};
use super::mode::Pace;
use std::io::{self, ErrorKind::WouldBlock};
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};

/// Where a buffer begins: most connections to a dependency ask small questions.
const SMALLEST_BUFFER: usize = 16 << 10;
/// Where it ends: twice as much was no faster on loopback.
const LARGEST_BUFFER: usize = 256 << 10;
/// The steps in which a limited connection passes bytes on.
const STEP: Duration = Duration::from_millis(10);

/// Carries until both ways have ended.
///
/// # Errors
/// One side broke off: the other one should see the same.
pub(super) async fn carry(client: &mut TcpStream, server: &mut TcpStream, gate: &Gate) -> io::Result<()> {
    let ((from_client, to_client), (from_server, to_server)) = (client.split(), server.split());
    tokio::try_join!(one_way(from_client, to_server, gate), one_way(from_server, to_client, gate)).map(|_| ())
}

/// Carries one way until its end, and passes the end on: half-closed connections stay half-closed.
async fn one_way(from: ReadHalf<'_>, mut to: WriteHalf<'_>, gate: &Gate) -> io::Result<()> {
    let mut changes = gate.changes();
    let mut buffer = vec![0; SMALLEST_BUFFER];
    loop {
        gate.open(&mut changes).await;
        tokio::select! {
            ready = from.readable() => ready?,
            () = changes.next() => continue,
        }
        let n = match from.try_read(&mut buffer) {
            Ok(n) => n,
            Err(e) if e.kind() == WouldBlock => continue,
            Err(e) => return Err(e),
        };
        if let Some(pace) = gate.mode().pace() {
            late(pace.delay, &mut changes).await;
        }
        if n == 0 {
            gate.open(&mut changes).await;
            return to.shutdown().await;
        }
        write(&buffer[..n], &to, gate, &mut changes).await?;
        if n == buffer.len() && n < LARGEST_BUFFER {
            buffer.resize(n * 2, 0);
        }
    }
}

async fn write(mut rest: &[u8], to: &WriteHalf<'_>, gate: &Gate, changes: &mut Changes) -> io::Result<()> {
    while !rest.is_empty() {
        let written = gate.pass(|pace| (to.try_write(&rest[..piece(rest.len(), pace)]), pace));
        match written {
            None => changes.next().await,
            Some((Ok(n), pace)) => {
                rest = &rest[n..];
                if let Some(pace) = pace {
                    late(Duration::from_secs_f64(n as f64 / f64::from(pace.bytes_per_second.max(1))), changes).await;
                }
            }
            Some((Err(e), _)) if e.kind() == WouldBlock => tokio::select! {
                ready = to.writable() => ready?,
                () = changes.next() => {}
            },
            Some((Err(e), _)) => return Err(e),
        }
    }
    Ok(())
}

/// How much of `len` bytes may go at once.
fn piece(len: usize, pace: Option<Pace>) -> usize {
    let most = pace.map_or(usize::MAX, |pace| (f64::from(pace.bytes_per_second) * STEP.as_secs_f64()) as usize);
    len.min(most.max(1))
}

/// Waits, unless the mode changes: what is late for a fault is late no longer once that is mended.
async fn late(by: Duration, changes: &mut Changes) {
    tokio::select! {
        () = tokio::time::sleep(by) => {}
        () = changes.next() => {}
    }
}
