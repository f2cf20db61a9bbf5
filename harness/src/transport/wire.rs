//! The connection under an exchange: a socket whose write errors do not hide the answer, encrypted or not.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    task::{Context, Poll},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, UnixStream},
    time::Instant,
};
use tokio_rustls::client::TlsStream;

/// A connected socket.
pub(crate) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// A socket on which writing to a closed connection waits for ever in place of failing, so that whoever reads on sees the answer
/// that came before the close. A server that answers 413 and closes while the body is still being sent is heard only this way, and
/// under TLS only if the mask lies below it.
pub(crate) struct Tap {
    socket: Socket,
    dead: Option<io::ErrorKind>,
    mark: Option<Arc<Mark>>,
}

/// When something was written: it is armed right before, and the next write that ends sets it.
#[derive(Debug, Default)]
pub(crate) struct Mark {
    is_armed: AtomicBool,
    at: OnceLock<Instant>,
}

impl Mark {
    /// The next write is the one.
    pub(crate) fn arm(&self) {
        self.is_armed.store(true, SeqCst);
    }

    /// When it ended; none: not yet.
    pub(crate) fn at(&self) -> Option<Instant> {
        self.at.get().copied()
    }

    fn wrote(&self) {
        if self.is_armed.load(SeqCst) {
            self.at.get_or_init(Instant::now);
        }
    }
}

impl Tap {
    pub(crate) fn new(socket: Socket) -> Self {
        Self { socket, dead: None, mark: None }
    }

    pub(crate) fn socket(&self) -> &Socket {
        &self.socket
    }
}

/// Plain or encrypted.
pub(crate) enum Wire {
    Plain(Tap),
    Tls(Box<TlsStream<Tap>>),
}

impl Wire {
    /// How writing ended, if it did before its time.
    pub(crate) fn write_error(&self) -> Option<io::ErrorKind> {
        match self {
            Self::Plain(tap) => tap.dead,
            Self::Tls(tls) => tls.get_ref().0.dead,
        }
    }

    /// Tells `mark` when it is written to.
    pub(crate) fn marked_by(&mut self, mark: Arc<Mark>) {
        let tap = match self {
            Self::Plain(tap) => tap,
            Self::Tls(tls) => tls.get_mut().0,
        };
        tap.mark = Some(mark);
    }

    fn tap(&self) -> &Tap {
        match self {
            Self::Plain(tap) => tap,
            Self::Tls(tls) => tls.get_ref().0,
        }
    }

    /// Our own address and the other one, by which the kernel knows the connection; none for a Unix socket.
    pub(crate) fn pair(&self) -> Option<(SocketAddr, SocketAddr)> {
        match &self.tap().socket {
            Socket::Tcp(stream) => stream.local_addr().ok().zip(stream.peer_addr().ok()),
            Socket::Unix(_) => None,
        }
    }

    /// Ready once something can be read, which is left there. Under TLS it may be nothing of the answer, and over a Unix socket this
    /// is never ready: whoever waits has a time for it.
    pub(crate) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        match (self, &self.tap().socket) {
            (Self::Plain(_), Socket::Tcp(tcp)) => tcp.poll_read_ready(cx).map(|_| ()),
            _ => Poll::Pending,
        }
    }

    /// Whether [`Wire::poll_readable`] tells all there is to tell.
    pub(crate) fn tells_readable(&self) -> bool {
        matches!((self, &self.tap().socket), (Self::Plain(_), Socket::Tcp(_)))
    }

    /// Whether the system holds an error of the connection that neither reading nor writing has told, as of a reset behind its close.
    pub(crate) fn has_failed(&self) -> bool {
        matches!(&self.tap().socket, Socket::Tcp(stream) if matches!(stream.take_error(), Ok(Some(_)) | Err(_)))
    }

    /// Goes away at once: by closing, or by a reset, as from a client that has died (RFC 9293 §3.10.7).
    pub(crate) fn end(self, reset: bool) {
        if let (true, Socket::Tcp(stream)) = (reset, &self.tap().socket) {
            // Where the option cannot be set the connection is gone already.
            let _ = stream.set_zero_linger();
        }
    }
}

/// The same call on whichever variant is there.
macro_rules! on {
    ($of:expr, $a:path | $b:path, $io:ident => $call:expr) => {
        match $of {
            $a($io) => $call,
            $b($io) => $call,
        }
    };
}

impl AsyncRead for Tap {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        on!(&mut self.socket, Socket::Tcp | Socket::Unix, io => Pin::new(io).poll_read(cx, buf))
    }
}

impl AsyncWrite for Tap {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
        if self.dead.is_some() {
            return Poll::Pending;
        }
        match on!(&mut self.socket, Socket::Tcp | Socket::Unix, io => Pin::new(io).poll_write(cx, buf)) {
            Poll::Ready(Err(e)) if matches!(e.kind(), BrokenPipe | ConnectionReset | ConnectionAborted) => {
                self.dead = Some(e.kind());
                Poll::Pending
            }
            other => {
                if let (Some(mark), Poll::Ready(Ok(_))) = (&self.mark, &other) {
                    mark.wrote();
                }
                other
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.dead {
            Some(_) => Poll::Ready(Ok(())),
            None => on!(&mut self.socket, Socket::Tcp | Socket::Unix, io => Pin::new(io).poll_flush(cx)),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.dead {
            Some(_) => Poll::Ready(Ok(())),
            None => on!(&mut self.socket, Socket::Tcp | Socket::Unix, io => Pin::new(io).poll_shutdown(cx)),
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        on!(&mut *self, Wire::Plain | Wire::Tls, io => Pin::new(io).poll_read(cx, buf))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        on!(&mut *self, Wire::Plain | Wire::Tls, io => Pin::new(io).poll_write(cx, buf))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on!(&mut *self, Wire::Plain | Wire::Tls, io => Pin::new(io).poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on!(&mut *self, Wire::Plain | Wire::Tls, io => Pin::new(io).poll_shutdown(cx))
    }
}
