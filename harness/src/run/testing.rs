//! What the tests of a run share: a server that misbehaves to order, and plans made by hand.

use crate::checks::Kind;
use crate::checks::fake::{CODE, FAST, Fake};
use crate::kind::{Asked, CheckKind as _, Scope, Target};
use crate::model::{At, CheckId, Event, Impact, Origin, Outcome, Redactor, Severity, Source};
use crate::plan::{Alone, Entry, Limits, Plan};
use crate::suite::Check;
use crate::transport::Endpoint;
use crate::words::Base;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// How a request is answered.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    Status(u16),
    Body(&'static str),
    After(Duration),
    Reset,
    Silence,
}

/// A raw server; the closure gets the number of the request and its path.
pub(crate) struct TestServer {
    pub(crate) address: SocketAddr,
    pub(crate) asked: Arc<AtomicUsize>,
    accepting: tokio::task::JoinHandle<()>,
}

impl TestServer {
    pub(crate) async fn start(reply: impl Fn(usize, &str) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let (reply, count) = (Arc::new(reply), asked.clone());
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (reply, count) = (reply.clone(), count.clone());
                tokio::spawn(async move { answer(stream, &*reply, &count).await });
            }
        });
        Self { address, asked, accepting }
    }

    pub(crate) fn hits(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn answer(mut stream: TcpStream, reply: &(dyn Fn(usize, &str) -> Reply + Send + Sync), count: &AtomicUsize) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut head).await.unwrap_or(0) == 0 {
            return;
        }
    }
    let head = String::from_utf8_lossy(&head);
    let path = head.split(' ').nth(1).unwrap_or("");
    let number = count.fetch_add(1, Ordering::SeqCst);
    let (status, body) = match reply(number, path) {
        Reply::Status(status) => (status, ""),
        Reply::Body(body) => (200, body),
        Reply::After(delay) => {
            tokio::time::sleep(delay).await;
            (200, "")
        }
        Reply::Reset => return stream.set_zero_linger().unwrap(),
        Reply::Silence => std::future::pending().await,
    };
    let text = format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let _ = stream.write_all(text.as_bytes()).await;
    let _ = stream.shutdown().await;
}

/// Where everything in a hand-made plan stands.
pub(crate) fn origin() -> Origin {
    Origin { source: Arc::new(Source::new("t.suite.yaml", "checks:\n")), at: At { line: 1, column: 1, start: 0, len: 6 } }
}

pub(crate) fn target(address: SocketAddr) -> Arc<Target> {
    let url = url::Url::parse(&format!("http://{address}/")).unwrap();
    Arc::new(Target { name: "api".into(), base: base(url.clone()), endpoint: Endpoint::new(url) })
}

fn base(url: url::Url) -> Base {
    Base { url, headers: Vec::new() }
}

/// One check named `name` that asks for `/name`.
pub(crate) fn entry(name: &str) -> Entry {
    entry_of(name, Fake { path: format!("/{name}"), ..Fake::default() })
}

pub(crate) fn entry_of(name: &str, fake: Fake) -> Entry {
    let asked = |clause| Asked { clause, origin: origin(), always: true, impact: Impact::Read, scope: Scope::Here };
    let clauses = fake.within.map_or(vec![CODE, crate::checks::fake::CLEAN], |_| vec![CODE, FAST, crate::checks::fake::CLEAN]);
    assert!(clauses.iter().all(|c| Fake::CLAUSES.iter().any(|row| row.id == *c)));
    let check = Check {
        id: CheckId { suite: "t".into(), name: name.into() },
        origin: origin(),
        kind: Kind::Fake(Box::new(fake)),
        clauses: Vec::new(),
        target: "api".into(),
        gate: false,
        needs: Vec::new(),
        tags: Vec::new(),
        timeout: None,
        eventually: None,
        consistently: None,
        impact: None,
        severity: Severity::Required,
        cleanup: Vec::new(),
        about: None,
        runbook: None,
        planning: crate::suite::Planning::default(),
    };
    Entry {
        check: Arc::new(check),
        skip: None,
        asked: clauses.into_iter().map(asked).collect(),
        needs: Vec::new(),
        gates: Vec::new(),
        alone: Alone::No,
        timeout: Duration::from_secs(30),
    }
}

/// The check of an entry, to be changed before the plan is made.
pub(crate) fn edit(entry: &mut Entry) -> &mut Check {
    Arc::get_mut(&mut entry.check).expect("the plan is not made yet")
}

pub(crate) fn plan(address: SocketAddr, entries: Vec<Entry>) -> Plan {
    Plan {
        environment: "test".to_owned(),
        aimed_at: "a test server".to_owned(),
        suites: vec![crate::model::event::SuiteInfo {
            name: "t".into(),
            file: "t.suite.yaml".into(),
            expect_clauses: None,
            again: Vec::new(),
        }],
        targets: [("api".into(), target(address))].into(),
        provision: None,
        limits: Limits { rate: None, upload: None, connections: 256 },
        entries,
        shard: None,
        elsewhere: 0,
        deny_skips: false,
        intermittent_is_advisory: false,
        deadline: None,
        jobs: 8,
        fail_fast: false,
        warnings: Vec::new(),
        redactor: Arc::new(Redactor::new([&crate::model::Secret::new("first-secret")])),
    }
}

/// Events of a session, kept.
#[derive(Clone, Default)]
pub(crate) struct Heard(pub(crate) Arc<Mutex<Vec<Event>>>);

impl Heard {
    pub(crate) fn sink(&self) -> impl FnMut(Event) + Send + 'static {
        let heard = self.0.clone();
        move |event| heard.lock().unwrap().push(event)
    }

    pub(crate) fn outcomes(&self) -> Vec<Outcome> {
        let finished = |e: &Event| match e {
            Event::CheckFinished(outcome) => Some((**outcome).clone()),
            _ => None,
        };
        self.0.lock().unwrap().iter().filter_map(finished).collect()
    }

    #[track_caller]
    pub(crate) fn outcome(&self, name: &str) -> Outcome {
        self.outcomes().into_iter().find(|o| &*o.check.name == name).unwrap_or_else(|| panic!("`{name}` has no outcome"))
    }

    /// `started a`, `finished a pass`, in order.
    pub(crate) fn lines(&self) -> Vec<String> {
        let line = |e: &Event| match e {
            Event::CheckStarted { check, .. } => format!("started {}", check.name),
            Event::CheckFinished(o) => format!("finished {} {}", o.check.name, o.verdict),
            Event::RunStarted(_) => "run".to_owned(),
            Event::RunFinished(_) => "end".to_owned(),
            Event::Noticed { what } => format!("noticed {what}"),
        };
        self.0.lock().unwrap().iter().map(line).collect()
    }
}
