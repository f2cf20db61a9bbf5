//! A request of a suite: one call, its parameters and its body.

mod outgoing;
mod read;
#[cfg(test)]
mod tests;

use super::{
    form::{Fields, Part},
    template::Template,
    text::Text,
    values::UnknownCapture,
};
use crate::{
    model::{At, Impact},
    reader::Keys,
    transport::Speak,
};
use bytes::Bytes;
use http::{HeaderName, Method};
use url::Url;

/// One call, as it stands in a suite.
#[derive(Clone, Debug)]
pub struct Request {
    method: Method,
    url: Text,
    at: At,
    query: Fields,
    /// `None` takes the header out that would else be sent.
    headers: Vec<(HeaderName, Option<Text>)>,
    auth: Option<Auth>,
    body: Body,
    follow_redirects: bool,
    version: Option<Speak>,
    repeatable: Option<bool>,
    captures: Vec<(String, At)>,
    files: Vec<(String, At)>,
}

/// `auth`: what goes into the authorization header, whatever the target says.
#[derive(Clone, Debug)]
pub enum Auth {
    /// None, also where the target has one.
    None,
    /// `Bearer TOKEN` (RFC 6750 §2.1).
    Bearer(Text),
    /// `Basic …` (RFC 7617).
    Basic {
        /// Before the colon; holds none itself.
        user: Text,
        /// After it.
        password: Text,
    },
}

/// What a request carries.
#[derive(Clone, Debug)]
pub enum Body {
    /// Nothing.
    Empty,
    /// `json`: numbers are sent as they were written.
    Json(Template),
    /// `form`: URL-encoded.
    Form(FormBody),
    /// `multipart`: RFC 7578.
    Multipart(MultipartBody),
    /// `text`.
    Text(Text),
    /// `sample`: the bytes of a file.
    Sample {
        /// Its name in the suite.
        name: String,
        /// Its content, read when the suite was.
        bytes: Bytes,
    },
}

/// The fields of a form.
#[derive(Clone, Debug)]
pub struct FormBody(Fields);

/// The parts of a multipart body.
#[derive(Clone, Debug)]
pub struct MultipartBody(Vec<Part>);

/// Where relative URLs belong, and what is sent there and nowhere else.
#[derive(Clone, Debug)]
pub struct Base {
    /// Scheme, host, port, and a path that is kept before the paths of requests.
    pub url: Url,
    /// Headers for this origin only.
    pub headers: Vec<(String, Text)>,
}

/// Why a request cannot be sent. Never the service's fault, unless a capture led it here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// A capture has no value.
    #[error(transparent)]
    Unknown(#[from] UnknownCapture),
    /// Not a URL with the values in it.
    #[error("`{shown}` is no URL: {why}")]
    Url {
        /// With secrets masked.
        shown: String,
        /// Why.
        why: String,
    },
    /// A captured URL leads away from the target: no service may send us elsewhere.
    #[error("`{shown}` leads away from {base}")]
    Leaves {
        /// The captured URL.
        shown: String,
        /// The target's own origin.
        base: String,
    },
    /// A header value with characters that HTTP forbids (RFC 9110 §5.5).
    #[error("header `{0}`: the value has characters that HTTP forbids")]
    Header(String),
}

impl Keys for Request {
    const KEYS: &'static [&'static str] = &[
        "get",
        "head",
        "options",
        "post",
        "put",
        "patch",
        "delete",
        "query",
        "headers",
        "auth",
        "json",
        "form",
        "multipart",
        "text",
        "sample",
        "follow-redirects",
        "http",
        "repeatable",
    ];
}

impl Request {
    /// The methods, as keys of a suite.
    pub const METHODS: [&'static str; 7] = ["get", "head", "options", "post", "put", "patch", "delete"];
    /// How many redirects are followed where `follow-redirects` says so.
    pub const REDIRECTS: u8 = 5;

    /// The same, as `other` shows who it is: by its `auth`, and its headers.
    #[must_use]
    pub fn shown_as(&self, other: &Self) -> Self {
        Self { auth: other.auth.clone(), headers: other.headers.clone(), ..self.clone() }
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The URL as it stands in the suite; `Display` masks secrets.
    #[must_use]
    pub fn url(&self) -> &Text {
        &self.url
    }

    /// Where its URL stands.
    #[must_use]
    pub fn at(&self) -> At {
        self.at
    }

    /// What it carries.
    #[must_use]
    pub fn body(&self) -> &Body {
        &self.body
    }

    /// What it does to the target: GET, HEAD and OPTIONS read, all others write.
    #[must_use]
    pub fn impact(&self) -> Impact {
        if self.is_safe() { Impact::Read } else { Impact::Write }
    }

    /// Whether it may be sent again: as `repeatable` says, else only GET, HEAD and OPTIONS.
    #[must_use]
    pub fn is_repeatable(&self) -> bool {
        self.repeatable.unwrap_or_else(|| self.is_safe())
    }

    /// How many redirects are followed: 0 by default.
    #[must_use]
    pub fn follow_redirects(&self) -> u8 {
        if self.follow_redirects { Self::REDIRECTS } else { 0 }
    }

    /// The protocol version that it asks for; `None`: the target's.
    #[must_use]
    pub fn version(&self) -> Option<Speak> {
        self.version
    }

    /// The names that are known only at run time, and where each stands.
    #[must_use]
    pub fn captures_used(&self) -> Vec<(String, At)> {
        self.captures.clone()
    }

    /// The samples that it needs.
    #[must_use]
    pub fn files(&self) -> Vec<(String, At)> {
        self.files.clone()
    }

    /// The host of an absolute URL; `None` for a relative one. A URL that a capture begins can only be the target's own.
    #[must_use]
    pub fn absolute_host(&self) -> Option<String> {
        outgoing::absolute(&self.url).and_then(|url| url.host_str().map(str::to_owned))
    }

    fn is_safe(&self) -> bool {
        matches!(self.method, Method::GET | Method::HEAD | Method::OPTIONS)
    }
}
