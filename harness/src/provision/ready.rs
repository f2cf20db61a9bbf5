//! Looks whether a part is ready: it accepts a connection, or answers a GET with 2xx.

use crate::transport::{Endpoint, Exchange, Outgoing, Timeouts, Wishes, tcp};
use std::net::SocketAddr;
use std::time::Duration;
use url::Url;

/// Longest time for one look.
const LOOK: Duration = Duration::from_secs(2);
/// Pauses between looks: from the first to the last.
const PAUSE: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(250));

/// What is looked at.
#[derive(Clone, Debug)]
pub(crate) enum Ready {
    /// A connection to it is accepted.
    Accepts(SocketAddr),
    /// A GET of it is answered 2xx.
    Answers(Box<Url>),
}

impl Ready {
    /// Looks until it is ready; `last` is what the last look saw.
    pub(crate) async fn wait(&self, last: &mut String) {
        let mut pause = PAUSE.0;
        while let Err(why) = self.look().await {
            *last = why;
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE.1);
        }
    }

    async fn look(&self) -> Result<(), String> {
        match self {
            Self::Accepts(address) => match tcp(&address.ip().to_string(), address.port(), LOOK).await {
                Ok(_) => Ok(()),
                Err(trouble) => Err(trouble.to_string()),
            },
            Self::Answers(url) => {
                let timeouts = Timeouts { connect: LOOK, first_byte: LOOK, total: LOOK };
                let wishes = Wishes { fresh: true, timeouts, ..Wishes::default() };
                let url = (**url).clone();
                match Exchange::default().send(&Endpoint::new(url.clone()), &Outgoing::get(url.clone()), &wishes).await {
                    Ok(answer) if (200..300).contains(&answer.status) => Ok(()),
                    Ok(answer) => Err(format!("GET {url}: {}", answer.status)),
                    Err(failed) => Err(format!("GET {url}: {failed}")),
                }
            }
        }
    }
}
