//! Ports for programs that cannot be told to choose one themselves.

use std::collections::BTreeSet;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Mutex, PoisonError};

/// Below the ports that systems hand out themselves (32768 and up on Linux, 49152 and up by IANA): between our look and the start
/// of the program nobody is given one of these by chance.
const RANGE: std::ops::Range<u16> = 20_000..32_000;
/// Most ports that are tried.
const TRIES: u16 = 500;

/// Ports that this process has handed out: two parts that start side by side do not get the same.
static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// A port of loopback on which nobody listens. Two runs at once begin their search at different places.
///
/// # Errors
/// Every port that was tried is taken.
pub(crate) fn free() -> Result<u16, String> {
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    let len = RANGE.end - RANGE.start;
    // Runs of one moment have process ids side by side: a factor spreads them.
    let first = std::process::id().wrapping_mul(7919) % u32::from(len);
    let first = u16::try_from(first).expect("it is below the length of a range of u16");
    // Offsets are below `len` twice, so sums stay below 24,000.
    let ports = (0..TRIES).map(|i| RANGE.start + (first + i) % len);
    let free = ports.into_iter().find(|port| !given.contains(port) && is_free(*port).is_ok());
    let port = free.ok_or_else(|| format!("no port is free among {TRIES} of loopback between {} and {}", RANGE.start, RANGE.end))?;
    given.insert(port);
    Ok(port)
}

/// Whether a program may listen on this port of loopback.
///
/// # Errors
/// What the system said.
pub(crate) fn is_free(port: u16) -> io::Result<()> {
    TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_given_once_and_a_taken_one_never() {
        let (a, b) = (free().unwrap(), free().unwrap());
        assert_ne!(a, b);
        let held = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        assert!(is_free(held.local_addr().unwrap().port()).is_err());
    }
}
