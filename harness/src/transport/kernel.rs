//! What the kernel says of a TCP connection: bytes that it took from us and that the other side has not acknowledged (Linux).

use std::{
    collections::HashMap,
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};
use tokio::task::{JoinHandle, spawn_blocking};

/// The tables of the kernel; absent where it keeps none.
const TABLES: [&str; 2] = ["/proc/net/tcp", "/proc/net/tcp6"];
/// A connection that is over and waits for late packets (`TCP_TIME_WAIT`): it has nothing left to send.
const TIME_WAIT: &str = "06";
/// A socket that waits for connections (`TCP_LISTEN`): its queue counts something else.
const LISTEN: &str = "0A";

/// The send queues of this machine's connections at one moment, by our own address and the other one.
pub(crate) struct Queues(HashMap<(SocketAddr, SocketAddr), u64>);

impl Queues {
    /// Reads them all at once; none where this system does not tell. Costs about a millisecond for a thousand connections, and blocks.
    pub(crate) fn read() -> Option<Self> {
        let texts: Vec<String> = TABLES.iter().filter_map(|table| fs::read_to_string(table).ok()).collect();
        if texts.is_empty() {
            return None;
        }
        Some(Self(texts.iter().flat_map(|text| text.lines().skip(1)).filter_map(row).collect()))
    }

    /// Bytes that were not acknowledged at that moment; none where there was no such connection.
    pub(crate) fn unsent(&self, local: SocketAddr, remote: SocketAddr) -> Option<u64> {
        self.0.get(&(local, remote)).copied()
    }
}

/// A connection by our own address and the other one; none for a Unix socket.
pub(crate) type Pair = Option<(SocketAddr, SocketAddr)>;

/// Bytes that were written to this connection and that the other side's kernel has not acknowledged. None where the system does not
/// tell, or does not know the connection (any more). Read on a thread of its own, now: the tables are long where there are many
/// connections, and whoever reads them where everything else is timed is late with all of it.
pub(crate) fn unsent_of(pair: Pair) -> JoinHandle<Option<u64>> {
    spawn_blocking(move || {
        let (local, remote) = pair?;
        Queues::read()?.unsent(local, remote)
    })
}

/// Whether all that was written to a connection has left this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    Yes,
    No,
    /// This system does not tell.
    Untold,
}

/// Whether nothing waits any more in this machine for that connection.
pub(crate) async fn has_left(pair: Pair) -> Left {
    // What a Unix socket took is with the other side already.
    let Some((local, remote)) = pair else { return Left::Yes };
    match spawn_blocking(Queues::read).await {
        Ok(Some(queues)) if queues.unsent(local, remote).is_none_or(|waiting| waiting == 0) => Left::Yes,
        Ok(Some(_)) => Left::No,
        _ => Left::Untold,
    }
}

/// One line: number, local and remote address, state, `tx_queue:rx_queue`, and more that is of no interest (`proc(5)`).
fn row(line: &str) -> Option<((SocketAddr, SocketAddr), u64)> {
    let mut words = line.split_ascii_whitespace().skip(1);
    let (local, remote, state) = (words.next()?, words.next()?, words.next()?);
    // Looked at before anything is read as a number: a busy machine has thousands of them.
    if matches!(state, TIME_WAIT | LISTEN) {
        return None;
    }
    let (sending, _) = words.next()?.split_once(':')?;
    Some(((address(local)?, address(remote)?), u64::from_str_radix(sending, 16).ok()?))
}

/// `0100007F:1F90`: each 32-bit word of the address as this machine holds it, the port in plain hexadecimal.
fn address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| Some(u32::from_str_radix(ip.get(at * 8..at * 8 + 8)?, 16).ok()?.to_ne_bytes());
    let ip = match ip.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(0)?)),
        32 => {
            let words = [word(0)?, word(1)?, word(2)?, word(3)?].concat();
            IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(words).ok()?))
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    #[tokio::test]
    async fn what_nobody_reads_stays_in_the_queue_and_what_is_read_leaves_it() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port is free");
        let to = listener.local_addr().expect("a bound socket has an address");
        let mut ours = super::super::dial::tcp("127.0.0.1", to.port(), Duration::from_secs(5)).await.expect("somebody listens").stream;
        let (mut theirs, local) = listener.accept().await.expect("we just connected");
        let unsent = || Queues::read().expect("Linux tells").unsent(local, to);
        assert_eq!(unsent(), Some(0));
        let piece = vec![7; 1 << 20];
        let mut sent = 0;
        while let Ok(n) = tokio::time::timeout(Duration::from_millis(200), ours.write(&piece)).await {
            sent += n.expect("the connection lives");
        }
        let stuck = unsent().expect("the connection is there");
        assert!(stuck > 0 && stuck <= sent as u64, "{stuck} of {sent}");
        drop(ours);
        let mut got = Vec::new();
        theirs.read_to_end(&mut got).await.expect("it ends");
        assert_eq!(got.len(), sent);
        let acknowledged = async {
            while unsent().unwrap_or_default() > 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), acknowledged).await.expect("what was read is acknowledged");
    }

    #[test]
    fn addresses_are_read_as_the_kernel_writes_them() {
        if cfg!(target_endian = "little") {
            assert_eq!(address("0100007F:1F90"), "127.0.0.1:8080".parse().ok());
            assert_eq!(address("00000000000000000000000001000000:0050"), "[::1]:80".parse().ok());
        }
        for bad in ["", "0100007F", "0100007:1F90", "0100007F:XX", "zzzzzzzz:1F90"] {
            assert_eq!(address(bad), None, "{bad}");
        }
    }
}
