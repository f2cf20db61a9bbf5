//! A control server as data: what it does with each connection. The core serves it on loopback.

use std::time::Duration;

/// Which twin of a control: one that keeps the clause, or one that breaks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Twin {
    /// Must be found to hold.
    Good,
    /// Must be caught.
    Bad,
}

/// What a control server does. Every request is answered by `steps`, in turn over the connections; the last one repeats.
#[derive(Clone, Debug)]
pub struct Script {
    /// One step per request, the last repeats.
    pub steps: Vec<Step>,
    /// About how long one probe against it takes, so that the core can keep control time under a second.
    pub costs: Duration,
}

/// How one request is answered.
#[derive(Clone, Debug)]
pub enum Step {
    /// These bytes after this delay, then the connection is closed.
    Answer {
        /// Wait before the first byte.
        delay: Duration,
        /// The whole answer, head and body.
        bytes: Vec<u8>,
    },
    /// The connection is reset without an answer.
    Reset,
    /// The connection is accepted and nothing is ever said.
    Silence,
}

impl Script {
    /// A server that always answers so.
    #[must_use]
    pub fn always(step: Step) -> Self {
        let costs = match &step {
            Step::Answer { delay, .. } => *delay,
            Step::Reset => Duration::ZERO,
            Step::Silence => Duration::MAX,
        };
        Self { steps: vec![step], costs }
    }

    /// A server that answers every request with this status and JSON body after a delay.
    #[must_use]
    pub fn answering(status: u16, body: &str, delay: Duration) -> Self {
        let head = format!(
            "HTTP/1.1 {status} Control\r\ncontent-type: application/json\r\ncache-control: no-store\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        );
        Self::always(Step::Answer { delay, bytes: [head.as_bytes(), body.as_bytes()].concat() })
    }
}
