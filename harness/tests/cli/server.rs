//! A small server for tests: counts what reaches it and answers as a closure says, one request a connection.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

/// What came: the head as it stood on the wire, and the body.
#[derive(Clone, Debug)]
pub struct Came {
    pub head: String,
    pub body: String,
}

impl Came {
    /// `GET /path`.
    pub fn line(&self) -> &str {
        self.head.split(" HTTP/").next().unwrap_or_default()
    }

    pub fn path(&self) -> &str {
        self.line().split_once(' ').map_or("", |(_, path)| path)
    }

    /// The value of a header as it came.
    pub fn header(&self, name: &str) -> Option<&str> {
        let named = |line: &&str| line.split_once(':').is_some_and(|(n, _)| n.eq_ignore_ascii_case(name));
        self.head.lines().find(named).and_then(|line| line.split_once(':')).map(|(_, value)| value.trim())
    }
}

/// Ends with the test.
pub struct Server {
    address: SocketAddr,
    dials: Arc<AtomicUsize>,
    came: Arc<Mutex<Vec<Came>>>,
    arrivals: Mutex<Receiver<()>>,
    over: Arc<AtomicBool>,
}

impl Server {
    /// Every request is handed to `answer` together with its connection; when it returns the connection is closed.
    pub fn start(answer: impl Fn(&Came, &mut TcpStream) + Send + Sync + 'static) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").expect("loopback has a free port"), answer)
    }

    /// The same on a socket that is bound already.
    pub fn on(listener: TcpListener, answer: impl Fn(&Came, &mut TcpStream) + Send + Sync + 'static) -> Self {
        let address = listener.local_addr().expect("it is bound");
        let (dials, came, over) = (Arc::<AtomicUsize>::default(), Arc::<Mutex<Vec<Came>>>::default(), Arc::<AtomicBool>::default());
        let (sender, arrivals) = channel();
        let (answer, counted, kept, ended) = (Arc::new(answer), dials.clone(), came.clone(), over.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if ended.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                counted.fetch_add(1, Ordering::SeqCst);
                let (answer, kept, sender) = (answer.clone(), kept.clone(), sender.clone());
                std::thread::spawn(move || serve(stream, &*answer, &kept, &sender));
            }
        });
        Self { address, dials, came, arrivals: Mutex::new(arrivals), over }
    }

    /// Answers every request with this status and JSON body.
    pub fn json(status: u16, body: &'static str) -> Self {
        Self::start(move |_, stream| reply(stream, status, "content-type: application/json\r\n", body))
    }

    /// Accepts, reads and never answers.
    pub fn silent() -> Self {
        Self::start(|_, stream| until_gone(stream))
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many connections were made to it.
    pub fn dials(&self) -> usize {
        self.dials.load(Ordering::SeqCst)
    }

    /// Every request, in order of arrival.
    pub fn came(&self) -> Vec<Came> {
        self.came.lock().unwrap().clone()
    }

    /// Waits until one more request has arrived.
    pub fn wait_for_one(&self) {
        let arrived = self.arrivals.lock().unwrap().recv_timeout(std::time::Duration::from_secs(60));
        arrived.expect("a request arrives within a minute");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        // Wakes the listener, so that it sees that it is over.
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(mut stream: TcpStream, answer: &(dyn Fn(&Came, &mut TcpStream) + Send + Sync), kept: &Mutex<Vec<Came>>, told: &Sender<()>) {
    let Ok(clone) = stream.try_clone() else { return };
    let mut reader = BufReader::new(clone);
    let mut head = String::new();
    loop {
        let before = head.len();
        match reader.read_line(&mut head) {
            Ok(0) | Err(_) => return,
            Ok(_) if head[before..].trim().is_empty() => break,
            Ok(_) => {}
        }
    }
    let mut came = Came { head, body: String::new() };
    let length = came.header("content-length").and_then(|n| n.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    if reader.read_exact(&mut body).is_err() {
        return;
    }
    came.body = String::from_utf8_lossy(&body).into_owned();
    kept.lock().unwrap().push(came.clone());
    let _ = told.send(());
    answer(&came, &mut stream);
}

/// Writes one whole answer. `headers` ends with a line end, or is empty.
pub fn reply(stream: &mut TcpStream, status: u16, headers: &str, body: &str) {
    let head = format!("HTTP/1.1 {status} X\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n", body.len());
    let _ = stream.write_all(format!("{head}{body}").as_bytes());
}

/// Holds the connection until the other side closes it.
pub fn until_gone(stream: &mut TcpStream) {
    let _ = std::io::copy(stream, &mut std::io::sink());
}
