//! An upload service of this process whose limit is exact, early and lingering, and that can have one flaw.

use flate2::read::GzDecoder;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::io::Read as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// The limit of the service, in bytes: 100 KiB.
pub(super) const LIMIT: u64 = 100 << 10;

/// What is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    None,
    NoLimit,
    OneLess,
    OneMore,
    /// 100 KiB read as 100 kB.
    Decimal,
    /// Only a length that is told is held against the limit.
    OnlyLength,
    Bomb,
    CountsOverhead,
    NoLinger,
    /// The same of one who takes half a second for his answer.
    NoLingerSlowly,
    Late,
    LeavesEntry,
    LeavesFile,
    Grows,
    /// A refused body leaves a file, but only after a while.
    LeavesLater,
    /// Bodies that were taken leave a file for a while, and refused ones for ever.
    LazyFiles,
    /// No flaw: somebody else uploads.
    Others,
    ParsesOn,
    /// The same, and what is no request is closed on without a word.
    ParsesOnQuietly,
    /// The rest of a refused body is read to a part of it, and then the connection is closed without a word.
    GivesUp,
    Truncates,
    Status500,
    WrongHash,
    ResetsInstead,
    DiesOfIt,
    Login,
    TakesAll,
    ClosesAtOnce,
    Redirects,
    /// Bodies without a length are answered by 411, and expectations by 417.
    WantsLength,
    Silent,
    /// Every third body that is 128 KiB above the limit is taken, as by one replica of three without a limit.
    Third,
    /// The same of bodies one byte above it.
    ThirdOfNext,
    /// Bodies 128 KiB above the limit are answered by 500.
    Drowns,
    /// The first body of 0 bytes is not answered.
    SilentOnce,
    /// Every seventh body is answered by 429, with the time to come again.
    Throttles,
    /// The same from the seventh on.
    Shuts,
    /// No flaw: what is stored is there when it was asked for three times.
    StoresLate,
    /// No flaw: it does not know `Expect`, and closes with every answer.
    Deaf,
    /// No flaw: it keeps the connection and reads the rest of a refused body.
    Drains,
}

#[derive(Default)]
struct Store {
    uploads: BTreeMap<u64, (u64, String)>,
    next: u64,
    files: u64,
    memory: u64,
    refused: u64,
    received: u64,
    posts: u64,
    /// Bodies of the size in which a flaw shows.
    odd: u64,
    asked: u64,
    is_done: bool,
}

/// A running service.
#[derive(Clone)]
pub(super) struct Service {
    pub(super) address: SocketAddr,
    store: Arc<Mutex<Store>>,
    began: tokio::time::Instant,
}

struct Request {
    line: String,
    fields: BTreeMap<String, String>,
}

impl Service {
    pub(super) async fn start(flaw: Flaw) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port on loopback");
        let address = listener.local_addr().expect("a bound socket has an address");
        let service = Self { address, store: Arc::default(), began: tokio::time::Instant::now() };
        let serving = service.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let service = serving.clone();
                tokio::spawn(async move {
                    stream.set_nodelay(true).expect("a connected socket takes options");
                    // A client that goes away ends the connection.
                    _ = service.talk(stream, flaw).await;
                });
            }
        });
        service
    }

    /// How many uploads are there.
    pub(super) fn stored(&self) -> usize {
        self.store.lock().unwrap().uploads.len()
    }

    /// Bytes of bodies that arrived.
    pub(super) fn received(&self) -> u64 {
        self.store.lock().unwrap().received
    }

    async fn talk(&self, mut stream: TcpStream, flaw: Flaw) -> std::io::Result<()> {
        let mut buffer = Buffer::default();
        loop {
            let Some(request) = head(&mut stream, &mut buffer).await? else { return Ok(()) };
            let Some(request) = request else {
                if flaw == Flaw::ParsesOnQuietly {
                    return Ok(());
                }
                return say(&mut stream, 400, "", "{}").await;
            };
            let (method, path) =
                request.line.split_once(' ').map(|(m, rest)| (m, rest.split(' ').next().unwrap_or(""))).unwrap_or_default();
            let bad = match flaw {
                Flaw::ClosesAtOnce => return Ok(()),
                Flaw::Silent => std::future::pending().await,
                Flaw::Login => Some((401, "www-authenticate: Bearer\r\n")),
                Flaw::Redirects => Some((302, "location: /login\r\n")),
                Flaw::TakesAll => Some((200, "")),
                Flaw::WantsLength if request.fields.contains_key("transfer-encoding") => Some((411, "")),
                Flaw::WantsLength if request.fields.contains_key("expect") => Some((417, "")),
                Flaw::DiesOfIt if self.store.lock().unwrap().refused > 8 => Some((503, "")),
                _ => None,
            };
            if let Some((status, more)) = bad {
                say(&mut stream, status, &format!("{more}connection: close\r\n"), "{}").await?;
                return linger(&mut stream).await;
            }
            match (method, path) {
                ("POST", "/uploads") if matches!(flaw, Flaw::Throttles | Flaw::Shuts) && self.is_too_much(flaw) => {
                    say(&mut stream, 429, "retry-after: 1\r\nconnection: close\r\n", "{}").await?;
                    return linger(&mut stream).await;
                }
                ("GET", "/uploads/1") if flaw == Flaw::StoresLate && self.is_early() => say(&mut stream, 404, "", "{}").await?,
                ("POST", "/uploads") => {
                    if !self.upload(&mut stream, &mut buffer, &request, flaw).await? {
                        return Ok(());
                    }
                }
                ("GET", "/uploads") => {
                    let others = if flaw == Flaw::Others { self.began.elapsed().as_millis() / 200 } else { 0 };
                    say(&mut stream, 200, "", &format!(r#"{{"count":{}}}"#, self.stored() as u128 + others)).await?
                }
                ("GET", "/metrics") => {
                    let text = {
                        let store = self.store.lock().unwrap();
                        format!("temp_files {}\nmemory {}\n", store.files, store.memory)
                    };
                    say(&mut stream, 200, "", &text).await?;
                }
                ("GET", "/health") => say(&mut stream, 200, "", "{}").await?,
                (method, path) => {
                    let id = path.strip_prefix("/uploads/").and_then(|id| id.parse::<u64>().ok());
                    let found = {
                        let mut store = self.store.lock().unwrap();
                        id.and_then(|id| if method == "DELETE" { store.uploads.remove(&id) } else { store.uploads.get(&id).cloned() })
                    };
                    let (status, body) = match found {
                        Some((len, sha256)) => (200, format!(r#"{{"bytes":{len},"sha256":"{sha256}"}}"#)),
                        None => (404, "{}".to_owned()),
                    };
                    say(&mut stream, status, "", &body).await?;
                }
            }
        }
    }

    fn is_too_much(&self, flaw: Flaw) -> bool {
        let mut store = self.store.lock().unwrap();
        store.posts += 1;
        if flaw == Flaw::Shuts { store.posts >= 7 } else { store.posts.is_multiple_of(7) }
    }

    fn is_early(&self) -> bool {
        let mut store = self.store.lock().unwrap();
        store.asked += 1;
        store.asked <= 3
    }

    /// Counts the bodies of this size: whether it is the third, the sixth, …
    fn is_third(&self, is_odd: bool) -> bool {
        let mut store = self.store.lock().unwrap();
        store.odd += u64::from(is_odd);
        is_odd && store.odd.is_multiple_of(3)
    }

    /// One upload. False: the connection is over.
    async fn upload(&self, stream: &mut TcpStream, buffer: &mut Buffer, request: &Request, flaw: Flaw) -> std::io::Result<bool> {
        let field = |name: &str| request.fields.get(name).map(String::as_str);
        let limit = match flaw {
            Flaw::NoLimit => u64::MAX,
            Flaw::OneLess => LIMIT - 1,
            Flaw::OneMore => LIMIT + 1,
            Flaw::Decimal => 100_000,
            _ => LIMIT,
        };
        let told: Option<u64> = field("content-length").and_then(|l| l.parse().ok());
        let limit = match flaw {
            Flaw::Third if self.is_third(told == Some(LIMIT + (128 << 10))) => u64::MAX,
            Flaw::ThirdOfNext if self.is_third(told == Some(LIMIT + 1)) => u64::MAX,
            _ => limit,
        };
        if flaw == Flaw::SilentOnce && told == Some(0) && !std::mem::replace(&mut self.store.lock().unwrap().is_done, true) {
            std::future::pending::<()>().await;
        }
        let boundary = field("content-type").and_then(|t| t.split_once("boundary=")).map(|(_, b)| b.to_owned());
        let is_packed = field("content-encoding") == Some("gzip");
        let is_plain = boundary.is_none() && !is_packed;
        let is_patient = matches!(flaw, Flaw::Late | Flaw::Truncates);
        if is_plain && !is_patient && told.is_some_and(|told| told > limit) {
            return self.refuse(stream, buffer, told, flaw).await;
        }
        if field("expect").is_some() && flaw != Flaw::Deaf {
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        let limit = if flaw == Flaw::OnlyLength && told.is_none() { u64::MAX } else { limit };
        let mut body = Vec::new();
        let mut left = told;
        loop {
            let part = match left {
                Some(0) => None,
                Some(most) => Some(part(stream, buffer, most).await?),
                None => chunk(stream, buffer).await?,
            };
            let Some(part) = part else { break };
            self.store.lock().unwrap().received += part.len() as u64;
            left = left.map(|left| left - part.len() as u64);
            body.extend_from_slice(&part);
            let overhead = if flaw == Flaw::CountsOverhead { 0 } else { overhead(&body, boundary.as_deref()) };
            if !is_patient && !is_packed && (body.len() as u64).saturating_sub(overhead) > limit {
                return self.refuse(stream, buffer, left, flaw).await;
            }
        }
        let mut sized = match &boundary {
            Some(boundary) => part_of(&body, boundary),
            None => body,
        };
        if is_packed {
            let mut plain = Vec::new();
            let most = if flaw == Flaw::Bomb { u64::MAX } else { limit.saturating_add(1) };
            GzDecoder::new(&sized[..]).take(most).read_to_end(&mut plain)?;
            sized = plain;
        }
        if flaw == Flaw::Truncates {
            sized.truncate(usize::try_from(limit).expect("a small limit"));
        }
        if sized.len() as u64 > limit && !(is_packed && flaw == Flaw::Bomb) {
            return self.refuse(stream, buffer, Some(0), flaw).await;
        }
        let mut sha256 = format!("{:x}", Sha256::digest(&sized));
        if flaw == Flaw::WrongHash && sized.len() as u64 == limit {
            sha256 = format!("{:x}", Sha256::digest(b"another"));
        }
        let id = {
            let mut store = self.store.lock().unwrap();
            store.next += 1;
            let id = store.next;
            store.uploads.insert(id, (sized.len() as u64, sha256));
            id
        };
        if flaw == Flaw::LazyFiles {
            self.store.lock().unwrap().files += 1;
            self.later(Duration::from_secs(4), |store| store.files -= 1);
        }
        say(stream, 201, "", &format!(r#"{{"id":{id}}}"#)).await?;
        Ok(true)
    }

    fn later(&self, after: Duration, change: fn(&mut Store)) {
        let store = Arc::clone(&self.store);
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            change(&mut store.lock().unwrap());
        });
    }

    /// Refuses what is left of a body; `None`: it is chunked.
    async fn refuse(&self, stream: &mut TcpStream, buffer: &mut Buffer, left: Option<u64>, flaw: Flaw) -> std::io::Result<bool> {
        {
            let mut store = self.store.lock().unwrap();
            store.refused += 1;
            store.files += u64::from(matches!(flaw, Flaw::LeavesFile | Flaw::LazyFiles));
            store.memory += if flaw == Flaw::Grows { LIMIT } else { 0 };
            if flaw == Flaw::LeavesEntry {
                store.next += 1;
                let id = store.next;
                store.uploads.insert(id, (0, String::new()));
            }
        }
        if flaw == Flaw::LeavesLater {
            self.later(Duration::from_millis(1500), |store| store.files += 1);
        }
        let is_drowned = flaw == Flaw::Drowns && left.is_some_and(|left| left == LIMIT + (128 << 10));
        let status = if flaw == Flaw::Status500 || is_drowned { 500 } else { 413 };
        match flaw {
            Flaw::ResetsInstead => Ok(false),
            Flaw::Drains => {
                say(stream, status, "", "{}").await?;
                let mut left = left;
                loop {
                    match left {
                        Some(0) => return Ok(true),
                        Some(most) => left = Some(most - part(stream, buffer, most).await?.len() as u64),
                        None => {
                            if chunk(stream, buffer).await?.is_none() {
                                return Ok(true);
                            }
                        }
                    }
                }
            }
            // Whatever comes next is taken for a request.
            Flaw::ParsesOn | Flaw::ParsesOnQuietly => say(stream, status, "", "{}").await.map(|()| true),
            Flaw::GivesUp => {
                say(stream, status, "", "{}").await?;
                stream.read_exact(&mut vec![0; 100_000]).await?;
                Ok(false)
            }
            _ => {
                if flaw == Flaw::NoLingerSlowly {
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
                say(stream, status, "connection: close\r\n", "{}").await?;
                if !matches!(flaw, Flaw::NoLinger | Flaw::NoLingerSlowly) {
                    linger(stream).await?;
                }
                Ok(false)
            }
        }
    }
}

/// Closes its own side and reads on for a while, so that the answer is not lost.
async fn linger(stream: &mut TcpStream) -> std::io::Result<()> {
    stream.shutdown().await?;
    let mut rest = vec![0; 1 << 16];
    let reading = async { while stream.read(&mut rest).await.is_ok_and(|n| n > 0) {} };
    // Whoever sends for longer has had time enough to see the answer.
    _ = tokio::time::timeout(Duration::from_secs(10), reading).await;
    Ok(())
}

async fn say(stream: &mut TcpStream, status: u16, more: &str, body: &str) -> std::io::Result<()> {
    let head = format!("HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n{more}content-length: {}\r\n\r\n{body}", body.len());
    stream.write_all(head.as_bytes()).await
}

/// What was read and not used yet.
#[derive(Default)]
struct Buffer {
    bytes: Vec<u8>,
    at: usize,
}

impl Buffer {
    fn rest(&self) -> &[u8] {
        &self.bytes[self.at..]
    }

    /// Waits for more. False: there is none.
    async fn more(&mut self, stream: &mut TcpStream) -> std::io::Result<bool> {
        self.bytes.drain(..self.at);
        self.at = 0;
        let mut part = [0; 16_384];
        let n = stream.read(&mut part).await?;
        self.bytes.extend_from_slice(&part[..n]);
        Ok(n > 0)
    }

    fn take(&mut self, n: usize) -> Vec<u8> {
        let taken = self.rest()[..n].to_vec();
        self.at += n;
        taken
    }
}

/// The next head; none at the end, `Some(None)` for what is no request.
async fn head(stream: &mut TcpStream, buffer: &mut Buffer) -> std::io::Result<Option<Option<Request>>> {
    loop {
        if buffer.rest().first().is_some_and(|b| !b.is_ascii_uppercase()) || buffer.rest().len() > 16_384 {
            return Ok(Some(None));
        }
        if let Some(end) = buffer.rest().windows(4).position(|w| w == b"\r\n\r\n") {
            let Ok(text) = String::from_utf8(buffer.take(end + 4)) else { return Ok(Some(None)) };
            let mut lines = text.lines();
            let line = lines.next().unwrap_or_default().to_owned();
            let fields = lines.filter_map(|l| l.split_once(": ")).map(|(n, v)| (n.to_ascii_lowercase(), v.to_owned())).collect();
            return Ok(Some(line.ends_with(" HTTP/1.1").then_some(Request { line, fields })));
        }
        if !buffer.more(stream).await? {
            return Ok(None);
        }
    }
}

/// The next bytes of a body, at most so many.
async fn part(stream: &mut TcpStream, buffer: &mut Buffer, most: u64) -> std::io::Result<Vec<u8>> {
    if buffer.rest().is_empty() && !buffer.more(stream).await? {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    Ok(buffer.take(buffer.rest().len().min(usize::try_from(most).unwrap_or(usize::MAX))))
}

/// The next chunk of a body; none after the last.
async fn chunk(stream: &mut TcpStream, buffer: &mut Buffer) -> std::io::Result<Option<Vec<u8>>> {
    let more = async |buffer: &mut Buffer, stream: &mut TcpStream| match buffer.more(stream).await? {
        true => Ok(()),
        false => Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof)),
    };
    let end = loop {
        if let Some(end) = buffer.rest().iter().take(20).position(|b| *b == b'\n') {
            break end + 1;
        }
        more(buffer, stream).await?;
    };
    let size = String::from_utf8_lossy(&buffer.rest()[..end]).trim().to_owned();
    let size = usize::from_str_radix(&size, 16).map_err(|_| std::io::ErrorKind::InvalidData)?;
    while buffer.rest().len() < end + size + 2 {
        more(buffer, stream).await?;
    }
    let mut chunk = buffer.take(end + size + 2);
    chunk.drain(..end);
    chunk.truncate(size);
    Ok((size > 0).then_some(chunk))
}

/// Bytes of a multipart body that are not the part: what stands before it, and the end of the form.
fn overhead(body: &[u8], boundary: Option<&str>) -> u64 {
    let Some(boundary) = boundary else { return 0 };
    let begins = body[..body.len().min(2048)].windows(4).position(|w| w == b"\r\n\r\n").map_or(body.len(), |at| at + 4);
    (begins + boundary.len() + 8) as u64
}

fn part_of(body: &[u8], boundary: &str) -> Vec<u8> {
    let begins = body.windows(4).position(|w| w == b"\r\n\r\n").map_or(0, |at| at + 4);
    body[begins..body.len() - (boundary.len() + 8)].to_vec()
}
