//! Ports for programs that cannot be told to choose one themselves.

use std::collections::BTreeSet;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::sync::{Mutex, PoisonError};

/// Below the ports that systems hand out themselves (32768 and up on Linux, 49152 and up by IANA): between our look and the start
/// of the program nobody is given one of these by chance.
const RANGE: std::ops::Range<u16> = 20_000..32_000;
/// Most ports that are tried.
const TRIES: u16 = 500;

/// Ports that this process has handed out: two parts that start side by side do not get the same.
static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// A port of loopback on which nobody listens, claimed. Two runs at once begin their search at different places.
///
/// # Errors
/// Every port that was tried is taken.
pub(super) fn free() -> Result<(u16, Claim), String> {
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    let len = RANGE.end - RANGE.start;
    // Runs of one moment have process ids side by side: a factor spreads them.
    let first = std::process::id().wrapping_mul(7919) % u32::from(len);
    let first = u16::try_from(first).expect("it is below the length of a range of u16");
    // Offsets are below `len` twice, so sums stay below 24,000.
    let ports = (0..TRIES).map(|i| RANGE.start + (first + i) % len);
    let claimed = |port: u16| if given.contains(&port) { None } else { Some((port, claim(port).ok()?)) };
    let free = ports.into_iter().find_map(claimed);
    let (port, claim) =
        free.ok_or_else(|| format!("no port is free among {TRIES} of loopback between {} and {}", RANGE.start, RANGE.end))?;
    given.insert(port);
    Ok((port, claim))
}

/// Keeps a port for the part of one run while it is held, also before that part listens: a second run that is told to use the same
/// port would else take the first one's service for its own. It goes with this process, however that ends.
#[derive(Debug)]
pub(crate) struct Claim(#[expect(dead_code, reason = "held for what its drop does")] Option<UnixListener>);

/// Claims a port on which nobody listens.
///
/// # Errors
/// Another run has it, or what the system said.
pub(super) fn claim(port: u16) -> Result<Claim, String> {
    let held = held(port).map_err(|e| match e.kind() {
        io::ErrorKind::AddrInUse => "another run of allclear is using it".to_owned(),
        _ => e.to_string(),
    })?;
    is_free(port).map_err(|e| e.to_string())?;
    Ok(Claim(held))
}

/// A name that no two processes can have at once and that lies on no disk.
#[cfg(target_os = "linux")]
fn held(port: u16) -> io::Result<Option<UnixListener>> {
    use std::os::linux::net::SocketAddrExt as _;
    let name = std::os::unix::net::SocketAddr::from_abstract_name(format!("allclear-port-{port}"))?;
    UnixListener::bind_addr(&name).map(Some)
}

/// Other systems have no such names.
#[cfg(not(target_os = "linux"))]
#[expect(clippy::unnecessary_wraps, reason = "as on Linux")]
fn held(_port: u16) -> io::Result<Option<UnixListener>> {
    Ok(None)
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
        assert_ne!(a.0, b.0);
        let held = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        assert!(is_free(held.local_addr().unwrap().port()).is_err());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_port_that_another_run_has_claimed_is_taken_before_anybody_listens() {
        let (port, first) = free().unwrap();
        let second = claim(port).unwrap_err();
        assert!(second.contains("another run of allclear"), "{second}");
        drop(first);
        claim(port).unwrap();
    }
}
