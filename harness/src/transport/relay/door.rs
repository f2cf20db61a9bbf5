//! The listening side of a relay: open, shut so that connections are refused, or full so that they get no answer.

use socket2::SockRef;
use std::collections::HashSet;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// Connections that may wait to be accepted.
const QUEUE: u32 = 1024;
/// A queue is full when a connection to loopback gets no answer for so long; the kernel answers inside the call to connect.
const NO_ANSWER: Duration = Duration::from_millis(20);
/// Most connections that fill a queue. One is enough on Linux; others keep a little more than they are told.
const MOST_FILLERS: usize = 16;

/// A port of loopback.
#[derive(Debug)]
pub(super) struct Door {
    address: SocketAddr,
    /// Bound and never listening: it keeps the port ours while the door is shut. `None` where the system lets no two sockets have
    /// the port, even so.
    claim: Option<TcpSocket>,
    listener: Option<TcpListener>,
    /// Our own connections that fill the queue.
    fillers: Vec<TcpStream>,
    /// Their addresses, until they have come out of the queue.
    filled_by: HashSet<SocketAddr>,
}

impl Door {
    /// Opens on a free port.
    pub(super) fn open() -> io::Result<Self> {
        let claim = bound((Ipv4Addr::LOCALHOST, 0).into())?;
        let address = claim.local_addr()?;
        let (claim, listener) = match bound(address).and_then(|socket| socket.listen(QUEUE)) {
            Ok(listener) => (Some(claim), listener),
            Err(e) if e.kind() == io::ErrorKind::AddrInUse => (None, claim.listen(QUEUE)?),
            Err(e) => return Err(e),
        };
        Ok(Self { address, claim, listener: Some(listener), fillers: Vec::new(), filled_by: HashSet::new() })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Listens as at first.
    pub(super) fn reopen(&mut self) -> io::Result<()> {
        self.fillers.clear();
        match &self.listener {
            Some(listener) => SockRef::from(listener).listen(QUEUE as i32),
            None => {
                self.listener = Some(bound(self.address)?.listen(QUEUE)?);
                Ok(())
            }
        }
    }

    /// Listens no longer: the system refuses connections, and resets those that waited to be accepted.
    pub(super) fn shut(&mut self) {
        self.fillers.clear();
        self.listener = None;
        self.filled_by.clear();
        debug_assert!(self.claim.is_some() || cfg!(not(target_os = "linux")), "two sockets may share a port here");
    }

    /// Fills the queue, so that the system drops every further SYN. Listening again with no room needs no privilege, and
    /// connections that were accepted live on.
    pub(super) async fn fill(&mut self) -> io::Result<()> {
        self.reopen()?;
        let listener = self.listener.as_ref().expect("it was opened just now");
        SockRef::from(listener).listen(0)?;
        for _ in 0..MOST_FILLERS {
            match tokio::time::timeout(NO_ANSWER, TcpSocket::new_v4()?.connect(self.address)).await {
                Err(_) => return Ok(()),
                Ok(Err(e)) => return Err(e),
                Ok(Ok(filler)) => {
                    self.filled_by.insert(filler.local_addr()?);
                    self.fillers.push(filler);
                }
            }
        }
        Err(io::Error::other("the system still answers connections although the queue is full"))
    }

    /// The next connection, unless it is one of our own.
    pub(super) async fn accept(&mut self) -> io::Result<TcpStream> {
        let Some(listener) = &self.listener else { return std::future::pending().await };
        loop {
            let (stream, peer) = listener.accept().await?;
            if !self.filled_by.remove(&peer) {
                return Ok(stream);
            }
        }
    }
}

/// A socket with this address that others may have too, as long as only one of them listens.
fn bound(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}
