//! One look at one URL: there, not there, or not to be told because this machine is in trouble.

use super::super::args::Wait;
use crate::transport::{Endpoint, Exchange, OutBody, Outgoing, Stage, Timeouts, Trouble, Wishes};
use std::{fmt, time::Duration};
use url::Url;

/// What one look saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// It answers as wished.
    There(String),
    /// It does not, for this reason.
    NotThere(String),
    /// Nothing came in the time that the look had: a host that is gone, or a server that hangs.
    Silent {
        /// What was waited for.
        what: String,
        /// Whether something accepted the connection: then it is not gone.
        accepted: bool,
    },
    /// Could not look: this machine's own trouble. Counts for neither side.
    Unknown(String),
}

impl fmt::Display for Look {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::There(what) | Self::NotThere(what) | Self::Silent { what, .. } => f.write_str(what),
            Self::Unknown(what) => write!(f, "this machine: {what}"),
        }
    }
}

/// What is waited for at one URL.
#[derive(Debug)]
pub(crate) struct Goal {
    shown: String,
    what: What,
}

#[derive(Debug)]
enum What {
    Tcp { host: String, port: u16 },
    Http { endpoint: Box<Endpoint>, outgoing: Box<Outgoing>, statuses: Statuses, body: Option<String> },
}

impl Goal {
    /// Reads a URL of the command line together with the flags that say what counts.
    pub(crate) fn parse(text: &str, args: &Wait) -> Result<Self, String> {
        let typed = without_user(text);
        let bad = |why: String| format!("`{typed}`: {why}; write http://HOST/PATH, https://HOST/PATH or tcp://HOST:PORT");
        let url = Url::parse(text).map_err(|e| bad(e.to_string()))?;
        let host = url.host_str().filter(|h| !h.is_empty()).ok_or_else(|| bad("there is no host".to_owned()))?.to_owned();
        let mut shown = url.clone();
        if shown.password().is_some() {
            let _ = shown.set_password(Some("***"));
        }
        let what = match url.scheme() {
            "tcp" => {
                let port = url.port().filter(|p| *p > 0).ok_or_else(|| bad("tcp needs a port".to_owned()))?;
                What::Tcp { host: host.trim_matches(['[', ']']).to_owned(), port }
            }
            "http" | "https" => {
                let mut outgoing = Outgoing::get(url.clone());
                for header in &args.header {
                    // What may be a token is not repeated, however it was mistyped.
                    let first = header.split([':', ' ', '=']).next().unwrap_or_default();
                    let told = |what: &str| format!("--header `{first}…`: {what}");
                    let (name, value) = header.split_once(':').ok_or_else(|| told("write `NAME: VALUE`, with a colon"))?;
                    let name = name.trim().parse().map_err(|_| told("this is no header name; write `NAME: VALUE`"))?;
                    let value = value.trim().parse().map_err(|_| told("the value has characters that HTTP forbids"))?;
                    outgoing = outgoing.header(name, value);
                }
                outgoing.body = OutBody::Empty;
                let endpoint = Endpoint { insecure: args.insecure, ..Endpoint::new(url) };
                What::Http {
                    endpoint: Box::new(endpoint),
                    outgoing: Box::new(outgoing),
                    statuses: Statuses::parse(&args.status)?,
                    body: args.body.clone(),
                }
            }
            other => return Err(bad(format!("`{other}` is not a scheme that can be waited for"))),
        };
        Ok(Self { shown: shown.into(), what })
    }

    /// The URL for people, a password in it masked.
    pub(crate) fn shown(&self) -> &str {
        &self.shown
    }

    /// Looks once, on a fresh connection, for at most `longest`.
    pub(crate) async fn look(&self, exchange: &Exchange, longest: Duration) -> Look {
        match &self.what {
            What::Tcp { host, port } => match crate::transport::tcp(host, *port, longest).await {
                Ok(_) => Look::There("accepts connections".to_owned()),
                Err(trouble) => failed(&trouble),
            },
            What::Http { endpoint, outgoing, statuses, body } => {
                let timeouts = Timeouts { connect: longest, first_byte: longest, total: longest };
                let wishes = Wishes { fresh: true, timeouts, ..Wishes::default() };
                match exchange.send(endpoint, outgoing, &wishes).await {
                    Ok(answer) if !statuses.contain(answer.status) => Look::NotThere(answer.status.to_string()),
                    Ok(answer) => match body {
                        Some(text) if !contains(&answer.body, text.as_bytes()) => {
                            Look::NotThere(format!("{} without `{text}` in the body", answer.status))
                        }
                        _ => Look::There(answer.status.to_string()),
                    },
                    Err(answer) => failed(&answer.trouble),
                }
            }
        }
    }
}

/// A URL that could not be read, without what may be a password in it.
fn without_user(text: &str) -> String {
    match text.rsplit_once('@') {
        Some((before, after)) => format!("{}***@{after}", before.find("://").map_or("", |at| &before[..at + 3])),
        None => text.to_owned(),
    }
}

fn failed(trouble: &Trouble) -> Look {
    let text = trouble.to_string();
    match trouble {
        Trouble::Own(_) => Look::Unknown(text),
        Trouble::ConnectTimeout { .. } | Trouble::TotalTimeout { stage: Stage::Connect, .. } => {
            Look::Silent { what: text, accepted: false }
        }
        Trouble::FirstByteTimeout { .. } | Trouble::HeadTimeout { .. } | Trouble::TotalTimeout { .. } => {
            Look::Silent { what: text, accepted: true }
        }
        _ => Look::NotThere(text),
    }
}

fn contains(bytes: &[u8], text: &[u8]) -> bool {
    text.is_empty() || bytes.windows(text.len()).any(|w| w == text)
}

/// Statuses that count: single ones and whole classes.
#[derive(Debug, PartialEq, Eq)]
struct Statuses(Vec<(u16, u16)>);

impl Statuses {
    fn parse(text: &str) -> Result<Self, String> {
        let one = |part: &str| {
            let bytes = part.as_bytes();
            match bytes {
                [class @ b'1'..=b'5', b'x' | b'X', b'x' | b'X'] => {
                    Some((u16::from(class - b'0') * 100, u16::from(class - b'0') * 100 + 99))
                }
                [b'1'..=b'5', b'0'..=b'9', b'0'..=b'9'] => part.parse().ok().map(|n| (n, n)),
                _ => None,
            }
        };
        text.split(',')
            .map(|part| one(part.trim()).ok_or_else(|| format!("--status `{text}`: write 200, 2xx, or a list such as 200,204,3xx")))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    fn contain(&self, status: u16) -> bool {
        self.0.iter().any(|(from, to)| (*from..=*to).contains(&status))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_single_ones_and_classes() {
        let some = Statuses::parse("200, 3xx").expect("well formed");
        assert_eq!([200, 201, 299, 302, 399, 400].map(|s| some.contain(s)), [true, false, false, true, true, false]);
        assert!(Statuses::parse("2x").is_err());
        assert!(Statuses::parse("").is_err());
        assert!(Statuses::parse("600").is_err());
    }
}
