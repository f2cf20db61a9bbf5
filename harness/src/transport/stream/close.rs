//! Ends a connection while bytes may still be coming: quietly, or with a reset.

use super::super::wire::{Socket, Tap, Wire};
use socket2::SockRef;
use std::{
    mem::MaybeUninit,
    pin::Pin,
    task::{Context, Waker},
};
use tokio::io::AsyncWrite as _;

/// Most reads of what has already come. A service that sends faster than it is read here is reset after all.
const READS: usize = 256;

/// Says goodbye (TLS's own, then FIN), and takes in what has come: a socket with unread bytes is closed with a reset.
pub(super) fn quietly(wire: &mut Wire) {
    let mut cx = Context::from_waker(Waker::noop());
    // Not ready: the send buffer is full, and a goodbye could not be told from the rest anyway.
    let _ = Pin::new(&mut *wire).poll_shutdown(&mut cx);
    let mut space = [const { MaybeUninit::uninit() }; 16 << 10];
    for _ in 0..READS {
        // The sockets never block. No bytes, an error or the end: there is nothing left.
        let read = match tap(wire).socket() {
            Socket::Tcp(stream) => SockRef::from(stream).recv(&mut space),
            Socket::Unix(stream) => SockRef::from(stream).recv(&mut space),
        };
        if !read.is_ok_and(|n| n > 0) {
            break;
        }
    }
}

/// Makes the close that follows a reset (RFC 9293 §3.10.4, by way of `SO_LINGER` with no time). A Unix socket has none.
pub(super) fn with_reset(wire: &Wire) {
    if let Socket::Tcp(stream) = tap(wire).socket() {
        // It fails only for a socket that is no longer connected, and there is nobody to reset then.
        let _ = stream.set_zero_linger();
    }
}

fn tap(wire: &Wire) -> &Tap {
    match wire {
        Wire::Plain(tap) => tap,
        Wire::Tls(stream) => stream.get_ref().0,
    }
}
