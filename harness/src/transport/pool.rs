//! Keeps connections that may be used again, told apart by everything that makes two of them different.

use super::{
    ask::{Endpoint, Speak},
    h1::Conn,
};
use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;
use url::Url;

/// A connection that was idle for longer is not tried again: by then many services have closed it.
const STALE: Duration = Duration::from_secs(15);
/// Most connections that are kept idle.
const IDLE: usize = 256;

/// What two requests must have in common to share a connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub https: bool,
    pub host: String,
    pub port: u16,
    insecure: bool,
    ca: Option<[u8; 32]>,
    ip: Option<IpAddr>,
    proxy: Option<Url>,
    unix: Option<PathBuf>,
    speak: Speak,
}

impl Key {
    /// For a request to `url` by way of `endpoint`; none where the URL names no host or another scheme.
    pub(crate) fn of(endpoint: &Endpoint, url: &Url) -> Option<Self> {
        let https = match url.scheme() {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        let host = url.host_str()?.to_owned();
        let port = url.port_or_known_default()?;
        let ip = endpoint.resolve.iter().find(|r| r.port == port && r.host.eq_ignore_ascii_case(&host)).map(|r| r.ip);
        Some(Self {
            https,
            port,
            ip,
            insecure: endpoint.insecure,
            ca: endpoint.ca.as_ref().map(|ca| ca.fingerprint),
            proxy: endpoint.proxy.clone(),
            unix: endpoint.unix.clone(),
            speak: endpoint.version,
            host,
        })
    }
}

/// The idle connections of a run.
#[derive(Default)]
pub(crate) struct Pool(Mutex<Idle>);

#[derive(Default)]
struct Idle {
    by_key: HashMap<Key, Vec<(Instant, Conn)>>,
    count: usize,
}

impl Pool {
    /// The connection used last; only one to `pinned`, where an address is pinned. Closed ones are thrown away on the way.
    pub(crate) async fn take(&self, key: &Key, pinned: Option<SocketAddr>) -> Option<Conn> {
        loop {
            let (since, mut conn) = {
                let mut idle = self.lock();
                let conns = idle.by_key.get_mut(key)?;
                let at = conns.iter().rposition(|(_, c)| pinned.is_none() || c.remote == pinned)?;
                let taken = conns.remove(at);
                idle.count -= 1;
                taken
            };
            if since.elapsed() < STALE && conn.idle().await {
                return Some(conn);
            }
        }
    }

    /// Keeps a connection for later, if there is room.
    pub(crate) fn put(&self, key: Key, conn: Conn) {
        let mut idle = self.lock();
        if idle.count < IDLE {
            idle.count += 1;
            idle.by_key.entry(key).or_default().push((Instant::now(), conn));
        }
    }

    /// Closes the connection that has been idle longest.
    pub(crate) fn evict(&self) {
        let mut idle = self.lock();
        let oldest = idle.by_key.iter_mut().filter(|(_, conns)| !conns.is_empty()).min_by_key(|(_, conns)| conns[0].0);
        if let Some((_, conns)) = oldest {
            conns.remove(0);
            idle.count -= 1;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Idle> {
        // Every change leaves the pool whole before anything can panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
