//! The listening side of a relay: open, shut so that connections are refused, or full so that they get no answer.

use socket2::SockRef;
use std::collections::HashSet;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// Connections that may wait to be accepted.
const QUEUE: u32 = 1024;
/// A queue is full when a connection to loopback gets no answer for so long; the kernel answers inside the call to connect.
const NO_ANSWER: Duration = Duration::from_millis(20);
/// Most connections that fill a queue. One is enough on Linux; others keep a little more than they are told.
pub(super) const MOST_FILLERS: usize = 16;

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

    /// Leaves no room in the queue: once it is full, the system drops every further SYN. Listening again with no room needs no
    /// privilege, and connections that were accepted live on.
    pub(super) fn narrow(&mut self) -> io::Result<()> {
        self.reopen()?;
        let listener = self.listener.as_ref().expect("it was opened just now");
        SockRef::from(listener).listen(0)
    }

    /// Keeps a connection of our own in the queue, and knows it again when it comes out.
    pub(super) fn keep(&mut self, filler: TcpStream) -> io::Result<()> {
        self.filled_by.insert(filler.local_addr()?);
        self.fillers.push(filler);
        Ok(())
    }

    /// The next connection that is none of our own.
    pub(super) fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<TcpStream>> {
        let Some(listener) = &self.listener else { return Poll::Pending };
        loop {
            let (stream, peer) = ready!(listener.poll_accept(cx))?;
            if !self.filled_by.remove(&peer) {
                return Poll::Ready(Ok(stream));
            }
        }
    }
}

/// One more connection into the queue of this address; `None` where it gets no answer, which is what a full one gives.
pub(super) async fn fill(address: SocketAddr) -> io::Result<Option<TcpStream>> {
    match tokio::time::timeout(NO_ANSWER, TcpSocket::new_v4()?.connect(address)).await {
        Err(_) => Ok(None),
        Ok(connected) => connected.map(Some),
    }
}

/// A socket with this address that others may have too, as long as only one of them listens.
fn bound(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}
