//! Opens a connection for an exchange: by TCP or a Unix socket, through a proxy or straight, encrypted or not.

use super::{
    answer::Answer,
    ask::{Caps, Endpoint, Speak, Step, Wishes},
    dial::{self, NoDial},
    head::{Scan, quote},
    pool::Key,
    request, tls,
    trouble::{OwnTrouble, Trouble},
    wire::{Socket, Tap, Wire},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
    time::{Instant, timeout_at},
};
use url::Url;

/// Opens the connection, and notes in `answer` how long each part took.
pub(crate) async fn open(
    key: &Key,
    endpoint: &Endpoint,
    wishes: &Wishes,
    configs: &tls::Configs,
    end: Instant,
    answer: &mut Answer,
) -> Step<Wire> {
    // Built before anything is timed: what it costs is ours.
    let config = if key.https { Some(configs.of(endpoint)?) } else { None };
    let deadline = |from: Instant| end.min(from + wishes.timeouts.connect);
    let began = Instant::now();
    let mut tap = match (&endpoint.unix, &endpoint.proxy) {
        (Some(path), _) => {
            let stream = UnixStream::connect(path).await.map_err(|e| of_unix(&e, path))?;
            answer.phases.connect = began.elapsed();
            Tap::new(Socket::Unix(stream))
        }
        (None, Some(proxy)) => {
            if proxy.scheme() != "http" {
                return Err(Trouble::Own(OwnTrouble::Request));
            }
            let host = proxy.host_str().ok_or(Trouble::Own(OwnTrouble::Request))?;
            let port = proxy.port_or_known_default().ok_or(Trouble::Own(OwnTrouble::Request))?;
            let reached = tcp(host, port, None, wishes.receive_buffer, deadline(began), endpoint, answer).await;
            reached.map_err(|trouble| if trouble.own().is_some() { trouble } else { Trouble::Proxy { detail: trouble.to_string() } })?
        }
        (None, None) => tcp(&key.host, key.port, Some(wishes), wishes.receive_buffer, deadline(began), endpoint, answer).await?,
    };
    // A proxy forwards HTTP/1 by itself; everything else goes through a tunnel.
    let tunnelled = key.https || endpoint.version == Speak::Http2;
    if let (Some(proxy), None, true) = (&endpoint.proxy, &endpoint.unix, tunnelled) {
        let tunnel = timeout_at(deadline(Instant::now()), tunnel(&mut tap, key, proxy));
        tunnel.await.unwrap_or_else(|_| Err(Trouble::Proxy { detail: "no answer to CONNECT in time".to_owned() }))?;
        answer.phases.connect = began.elapsed() - answer.phases.dns;
    }
    let Some(config) = config else { return Ok(Wire::Plain(tap)) };
    let began = Instant::now();
    let shaken = tls::handshake(config, &key.host, endpoint.version, tap, deadline(began)).await;
    answer.phases.tls = began.elapsed();
    let (stream, seen) = shaken?;
    answer.tls = Some(seen);
    Ok(Wire::Tls(stream))
}

async fn tcp(
    host: &str,
    port: u16,
    pinning: Option<&Wishes>,
    receive: Option<u32>,
    deadline: Instant,
    endpoint: &Endpoint,
    answer: &mut Answer,
) -> Step<Tap> {
    let pins = pinning.and_then(|wishes| wishes.pins.as_ref());
    let began = Instant::now();
    match dial::dial(host, port, &endpoint.resolve, pins, receive, deadline).await {
        Ok(dialed) => {
            answer.phases.dns = dialed.dns;
            answer.phases.connect = dialed.connect;
            answer.remote = Some(dialed.remote);
            Ok(Tap::new(Socket::Tcp(dialed.stream)))
        }
        Err(NoDial(trouble, dns)) => {
            answer.phases.dns = dns;
            answer.phases.connect = began.elapsed().saturating_sub(dns);
            Err(trouble)
        }
    }
}

/// Asks a proxy for a tunnel (RFC 9110 §9.3.6).
async fn tunnel(tap: &mut Tap, key: &Key, proxy: &Url) -> Step<()> {
    let trouble = |detail: String| Trouble::Proxy { detail };
    let mut ask = format!("CONNECT {0}:{1} HTTP/1.1\r\nhost: {0}:{1}\r\n", key.host, key.port).into_bytes();
    if let Some(basic) = request::basic(proxy) {
        ask.extend_from_slice(b"proxy-authorization: ");
        ask.extend_from_slice(basic.as_bytes());
        ask.extend_from_slice(b"\r\n");
    }
    ask.extend_from_slice(b"\r\n");
    tap.write_all(&ask).await.map_err(|e| trouble(e.to_string()))?;
    let caps = Caps::default();
    let mut scan = Scan::default();
    let mut got = Vec::new();
    loop {
        // Byte by byte: what follows the head belongs to the tunnel. It is a hundred bytes, once a connection.
        let byte = match tap.read_u8().await {
            Ok(byte) => byte,
            Err(_) if got.is_empty() => return Err(trouble("it closed the connection without an answer to CONNECT".to_owned())),
            Err(e) => return Err(trouble(format!("{e} after {}", quote(&got)))),
        };
        got.push(byte);
        match scan.head(&got, &caps).map_err(|e| trouble(e.to_string()))? {
            Some(head) if (200..300).contains(&head.status) => return Ok(()),
            Some(head) if head.status >= 200 => return Err(trouble(format!("it answered {} to CONNECT", head.status))),
            Some(_) => {
                got.clear();
                scan = Scan::default();
            }
            None => {}
        }
    }
}

fn of_unix(e: &std::io::Error, path: &std::path::Path) -> Trouble {
    let to = path.display().to_string();
    match (OwnTrouble::of(e), e.kind()) {
        // The rights of a socket are part of how the service was set up.
        (Some(own), _) if own != OwnTrouble::Forbidden => Trouble::Own(own),
        (_, std::io::ErrorKind::ConnectionRefused) => Trouble::ConnectRefused { to },
        _ => Trouble::Unreachable { to, detail: e.to_string() },
    }
}
