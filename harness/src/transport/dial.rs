//! Reaches an address: resolves a name once, tries its addresses side by side, and names what stands in the way.

use super::{
    ask::{Resolve, Step},
    trouble::{OwnTrouble, Trouble},
};
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::{
    collections::HashMap,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    net::{TcpSocket, TcpStream},
    time::{Instant, sleep, timeout_at},
};

/// How long one address is waited for before the next is tried as well (RFC 8305 §5).
const STAGGER: Duration = Duration::from_millis(250);
/// Most addresses of one name that are tried.
const ADDRESSES: usize = 16;

/// A connection, and what it took.
#[derive(Debug)]
pub struct Dialed {
    /// The connection, without Nagle's delay.
    pub stream: TcpStream,
    /// The address that answered.
    pub remote: SocketAddr,
    /// Time to resolve the name.
    pub dns: Duration,
    /// Time to connect, from the resolved name.
    pub connect: Duration,
}

/// The addresses that one check has used, so that all its requests go to the same one. Cheap to clone; clones share.
#[derive(Clone, Debug, Default)]
pub struct Pins(Arc<Mutex<HashMap<(String, u16), SocketAddr>>>);

impl Pins {
    /// Knows no address yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The address that was used for this name, if any was.
    #[must_use]
    pub fn get(&self, host: &str, port: u16) -> Option<SocketAddr> {
        let pins = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if pins.is_empty() { None } else { pins.get(&(host.to_owned(), port)).copied() }
    }

    fn set(&self, host: &str, port: u16, to: SocketAddr) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert((host.to_owned(), port), to);
    }
}

/// Connects to a host (a name, an address, an IPv6 address with a zone) on a port.
///
/// # Errors
/// [`Trouble::Dns`], [`Trouble::ConnectRefused`], [`Trouble::ConnectTimeout`], [`Trouble::Unreachable`], or this machine's own fault.
pub async fn tcp(host: &str, port: u16, timeout: Duration) -> Result<Dialed, Trouble> {
    dial(host, port, &[], None, None, Instant::now() + timeout).await.map_err(|failed| failed.0)
}

/// What stood in the way, and how long the name took.
pub(crate) struct NoDial(pub Trouble, pub Duration);

/// The same with a private name table, pins, a size of the receive buffer and a deadline.
pub(crate) async fn dial(
    host: &str,
    port: u16,
    table: &[Resolve],
    pins: Option<&Pins>,
    receive: Option<u32>,
    deadline: Instant,
) -> Result<Dialed, NoDial> {
    let began = Instant::now();
    let pinned = pins.and_then(|pins| pins.get(host, port));
    let addresses = match pinned {
        Some(address) => vec![address],
        None => match timeout_at(deadline, addresses(host, port, table)).await {
            Ok(found) => found.map_err(|trouble| NoDial(trouble, began.elapsed()))?,
            Err(_) => {
                let detail = "no answer in time".to_owned();
                return Err(NoDial(Trouble::Dns { host: host.to_owned(), detail }, began.elapsed()));
            }
        },
    };
    let resolved = Instant::now();
    let dns = resolved - began;
    let stream = connect(&addresses, receive, deadline).await.map_err(|trouble| NoDial(trouble, dns))?;
    let remote = stream.peer_addr().map_err(|e| NoDial(of_connect(&e, &addresses[..1]), dns))?;
    if let (Some(pins), None) = (pins, pinned) {
        pins.set(host, port, remote);
    }
    Ok(Dialed { stream, remote, dns, connect: resolved.elapsed() })
}

/// The addresses of a host. Addresses, `localhost` (RFC 6761 §6.3) and `.invalid` (§6.4) never reach the resolver.
async fn addresses(host: &str, port: u16, table: &[Resolve]) -> Step<Vec<SocketAddr>> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let given: Vec<_> =
        table.iter().filter(|r| r.port == port && r.host.eq_ignore_ascii_case(bare)).map(|r| SocketAddr::new(r.ip, port)).collect();
    if !given.is_empty() {
        return Ok(given);
    }
    if let Ok(ip) = bare.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    let name = bare.trim_end_matches('.').to_ascii_lowercase();
    if name == "localhost" || name.ends_with(".localhost") {
        return Ok(vec![(Ipv4Addr::LOCALHOST, port).into(), (Ipv6Addr::LOCALHOST, port).into()]);
    }
    let unknown = |detail: &str| Trouble::Dns { host: bare.to_owned(), detail: detail.to_owned() };
    if name.is_empty() || name == "invalid" || name.ends_with(".invalid") {
        return Err(unknown("no such name"));
    }
    let found: Vec<_> = tokio::net::lookup_host((bare, port)).await.map_err(|e| of_resolver(&e, unknown))?.take(ADDRESSES).collect();
    if found.is_empty() { Err(unknown("the name has no address")) } else { Ok(interleaved(found)) }
}

/// Families take turns, beginning with the resolver's own first choice (RFC 8305 §4).
fn interleaved(found: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = found.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) = found.into_iter().partition(|a| a.is_ipv6() == first_is_v6);
    let mut turns = Vec::with_capacity(first.len() + second.len());
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    loop {
        match (first.next(), second.next()) {
            (None, None) => return turns,
            (a, b) => turns.extend(a.into_iter().chain(b)),
        }
    }
}

/// The first address that answers. A further one is tried as soon as one fails, or after a while.
async fn connect(addresses: &[SocketAddr], receive: Option<u32>, deadline: Instant) -> Step<TcpStream> {
    let began = Instant::now();
    if let [only] = addresses {
        return match timeout_at(deadline, attempt(*only, receive)).await {
            Ok(connected) => connected.map_err(|e| of_connect(&e, addresses)),
            Err(_) => Err(Trouble::ConnectTimeout { to: list(addresses), after: began.elapsed() }),
        };
    }
    let mut waiting = addresses.iter();
    let mut tries = FuturesUnordered::new();
    let mut failures = Vec::new();
    let race = async {
        loop {
            match waiting.next() {
                Some(next) => tries.push(async move { (*next, attempt(*next, receive).await) }),
                None if tries.is_empty() => return None,
                None => {}
            }
            let more = waiting.len() > 0;
            tokio::select! {
                biased;
                Some((to, tried)) = tries.next() => match tried {
                    Ok(stream) => return Some(stream),
                    Err(e) => failures.push(of_connect(&e, &[to])),
                },
                () = sleep(STAGGER), if more => {}
            }
        }
    };
    match timeout_at(deadline, race).await {
        Ok(Some(stream)) => Ok(stream),
        Ok(None) => Err(worst(failures, addresses)),
        Err(_) => Err(Trouble::ConnectTimeout { to: list(addresses), after: began.elapsed() }),
    }
}

async fn attempt(to: SocketAddr, receive: Option<u32>) -> io::Result<TcpStream> {
    let socket = if to.is_ipv6() { TcpSocket::new_v6() } else { TcpSocket::new_v4() }?;
    socket.set_nodelay(true)?;
    if let Some(size) = receive {
        socket.set_recv_buffer_size(size)?;
    }
    socket.connect(to).await
}

/// What to say of several failures: this machine's own fault before all, then what tells most of the service.
fn worst(failures: Vec<Trouble>, addresses: &[SocketAddr]) -> Trouble {
    let rank = |t: &Trouble| match t {
        Trouble::Own(_) => 0,
        Trouble::ConnectRefused { .. } => 1,
        Trouble::ConnectTimeout { .. } => 2,
        _ => 3,
    };
    match failures.into_iter().min_by_key(rank) {
        Some(Trouble::ConnectRefused { .. }) | None => Trouble::ConnectRefused { to: list(addresses) },
        Some(other) => other,
    }
}

fn of_connect(e: &io::Error, to: &[SocketAddr]) -> Trouble {
    let own = OwnTrouble::of(e);
    // A machine without IPv6 says "cannot assign address" of every IPv6 address: that is no shortage of ports.
    let no_ipv6 = own == Some(OwnTrouble::Ports) && to.iter().all(SocketAddr::is_ipv6);
    match (own, e.kind()) {
        (Some(own), _) if !no_ipv6 => Trouble::Own(own),
        (_, io::ErrorKind::ConnectionRefused) => Trouble::ConnectRefused { to: list(to) },
        (_, io::ErrorKind::ConnectionReset) => Trouble::Reset { stage: super::trouble::Stage::Connect },
        _ => Trouble::Unreachable { to: list(to), detail: e.to_string() },
    }
}

fn of_resolver(e: &io::Error, unknown: impl Fn(&str) -> Trouble) -> Trouble {
    let text = e.to_string();
    let text = text.strip_prefix("failed to lookup address information: ").unwrap_or(&text);
    match OwnTrouble::of(e) {
        Some(own) => Trouble::Own(own),
        // EAI_AGAIN reaches us as text only. It is what a machine without a working resolver says of every name.
        None if text.starts_with("Temporary failure") => Trouble::Own(OwnTrouble::Resolver),
        None => unknown(text),
    }
}

fn list(addresses: &[SocketAddr]) -> String {
    let shown: Vec<_> = addresses.iter().map(SocketAddr::to_string).collect();
    shown.join(" and ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    const SOON: Duration = Duration::from_secs(5);

    async fn closed_port() -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port is free");
        listener.local_addr().expect("a bound socket has an address").port()
    }

    #[tokio::test]
    async fn localhost_is_reached_on_whichever_family_listens() {
        for ip in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(ip).await else { continue };
            let here = listener.local_addr().expect("a bound socket has an address");
            let dialed = tcp("localhost", here.port(), SOON).await.expect("somebody listens");
            assert_eq!(dialed.remote, here);
        }
    }

    #[tokio::test]
    async fn a_closed_port_is_refused_and_not_a_fault_of_this_machine() {
        let port = closed_port().await;
        for host in ["127.0.0.1", "localhost"] {
            let trouble = tcp(host, port, SOON).await.expect_err("nobody listens");
            assert_eq!(trouble.name(), "connect-refused", "{trouble}");
        }
    }

    #[tokio::test]
    async fn a_name_that_cannot_exist_is_named() {
        let trouble = tcp("no.such.invalid", 80, SOON).await.expect_err("it cannot exist");
        assert_eq!(trouble.name(), "dns");
        assert!(trouble.to_string().contains("no.such.invalid"), "{trouble}");
    }

    #[tokio::test]
    async fn a_swallowed_syn_is_a_connect_timeout() {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind("127.0.0.1:0".parse().expect("valid")).expect("a loopback port is free");
        let listener = socket.listen(0).expect("it listens");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        // The queue of waiting connections holds one or two; what comes then gets no answer.
        let mut queue = Vec::new();
        let mut trouble = None;
        for _ in 0..8 {
            match tcp("127.0.0.1", port, Duration::from_millis(100)).await {
                Ok(dialed) => queue.push(dialed),
                Err(t) => trouble = trouble.or(Some(t)),
            }
        }
        assert_eq!(trouble.expect("the queue fills").name(), "connect-timeout");
    }

    #[tokio::test]
    async fn the_address_first_used_is_kept() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port is free");
        let here = listener.local_addr().expect("a bound socket has an address");
        let pins = Pins::new();
        let table = [Resolve { host: "api.example".to_owned(), port: here.port(), ip: here.ip() }];
        let deadline = Instant::now() + SOON;
        assert!(dial("api.example", here.port(), &table, Some(&pins), None, deadline).await.is_ok());
        assert_eq!(pins.get("api.example", here.port()), Some(here));
        assert!(dial("api.example", here.port(), &[], Some(&pins), None, deadline).await.is_ok(), "the pin, not the table, is used now");
    }

    #[test]
    fn a_machine_without_ipv6_is_not_out_of_ports() {
        let e = io::Error::from_raw_os_error(nix::errno::Errno::EADDRNOTAVAIL as i32);
        assert_eq!(of_connect(&e, &["[::1]:80".parse().expect("valid")]).name(), "unreachable");
        assert_eq!(of_connect(&e, &["127.0.0.1:80".parse().expect("valid")]).name(), "own-ports");
        for (errno, name) in [(nix::errno::Errno::EMFILE, "own-descriptors"), (nix::errno::Errno::ENOBUFS, "own-memory")] {
            assert_eq!(of_connect(&io::Error::from_raw_os_error(errno as i32), &[]).name(), name);
        }
    }

    #[test]
    fn families_take_turns() {
        let a = |s: &str| s.parse::<SocketAddr>().expect("valid");
        let found = vec![a("[::1]:1"), a("[::2]:1"), a("1.1.1.1:1"), a("[::3]:1")];
        assert_eq!(interleaved(found), [a("[::1]:1"), a("1.1.1.1:1"), a("[::2]:1"), a("[::3]:1")]);
    }
}
