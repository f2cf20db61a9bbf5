//! What the kernel tells of a TCP connection of this machine: how much of what was written has not reached the other side.

use super::wire::Wire;
use std::{
    fs::File,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
};

/// Bytes that were written to this connection and that the other side's kernel has not acknowledged: the `tx_queue` of Linux'
/// `/proc/net/tcp` and `/proc/net/tcp6`. None where the system does not tell, or does not know the connection (any more).
pub(crate) fn unsent(local: SocketAddr, remote: SocketAddr) -> Option<u64> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    // A v4 address that was reached through a v6 socket stands in the other table.
    let tables: [&str; 2] = if local.is_ipv6() { ["/proc/net/tcp6", "/proc/net/tcp"] } else { ["/proc/net/tcp", "/proc/net/tcp6"] };
    let ends = (written(local), written(remote));
    tables.iter().find_map(|table| {
        // Line by line: the table is made while it is read, and may be long.
        let mut table = BufReader::with_capacity(1 << 16, File::open(table).ok()?);
        let mut line = String::new();
        while table.read_line(&mut line).is_ok_and(|n| n > 0) {
            if let Some(queue) = queue(&line, &ends) {
                return Some(queue);
            }
            line.clear();
        }
        None
    })
}

/// The same for the connection below this wire.
pub(crate) fn unsent_of(wire: &Wire) -> Option<u64> {
    let tcp = wire.tcp()?;
    unsent(tcp.local_addr().ok()?, tcp.peer_addr().ok()?)
}

/// Whether nothing waits any more in this machine, as far as it is told.
pub(crate) fn has_left(wire: &Wire) -> bool {
    unsent_of(wire).is_none_or(|waiting| waiting == 0)
}

/// The send queue in one line of the table, if the line is about these two ends.
fn queue(line: &str, ends: &(String, String)) -> Option<u64> {
    // Nearly every line is about other ends.
    if !line.contains(&ends.0) {
        return None;
    }
    let mut words = line.split_ascii_whitespace().skip(1);
    if words.next()? != ends.0 || words.next()? != ends.1 {
        return None;
    }
    let (tx, _) = words.nth(1)?.split_once(':')?;
    u64::from_str_radix(tx, 16).ok()
}

/// An address as the table writes it: each 32 bits in the byte order of this machine, in hexadecimal.
fn written(address: SocketAddr) -> String {
    let words: String = match address {
        SocketAddr::V4(v4) => format!("{:08X}", u32::from_ne_bytes(v4.ip().octets())),
        SocketAddr::V6(v6) => {
            v6.ip().octets().chunks_exact(4).map(|b| format!("{:08X}", u32::from_ne_bytes([b[0], b[1], b[2], b[3]]))).collect()
        }
    };
    format!("{words}:{:04X}", address.port())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::tcp;
    use std::time::Duration;
    use tokio::{io::AsyncWriteExt as _, net::TcpListener};

    #[test]
    fn a_line_is_read_only_for_its_own_two_ends() {
        let ends = ("0100007F:1F90".to_owned(), "0100007F:D2C4".to_owned());
        let line = "   1: 0100007F:1F90 0100007F:D2C4 01 000A0010:00000002 01:00000014 00000000  1000 0 1 2";
        assert_eq!(queue(line, &ends), Some(0xA_0010));
        assert_eq!(queue(line, &(ends.1.clone(), ends.0.clone())), None);
        assert_eq!(queue("  sl  local_address rem_address   st tx_queue", &ends), None);
    }

    #[cfg(all(target_os = "linux", target_endian = "little"))]
    #[test]
    fn addresses_are_written_as_the_kernel_does() {
        assert_eq!(written("127.0.0.1:8080".parse().unwrap()), "0100007F:1F90");
        assert_eq!(written("[::1]:80".parse().unwrap()), "00000000000000000000000001000000:0050");
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn what_nobody_reads_stays_in_the_queue_and_is_counted() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut stream = tcp("127.0.0.1", address.port(), Duration::from_secs(20)).await.unwrap().stream;
        let (_held, _) = listener.accept().await.unwrap();
        let (local, remote) = (stream.local_addr().unwrap(), stream.peer_addr().unwrap());
        assert_eq!(unsent(local, remote), Some(0), "nothing was written");
        let mut written = 0;
        // Until both kernels are full: the other side takes nothing.
        while let Ok(Ok(n)) = tokio::time::timeout(Duration::from_millis(300), stream.write(&[7; 65_536])).await {
            written += n as u64;
        }
        let left = unsent(local, remote).expect("the connection is in the table");
        assert!(0 < left && left < written, "{left} of {written}");
    }
}
