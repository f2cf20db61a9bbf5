//! The service as the command line names it: its URL, and the headers and secrets that go with it.

use super::super::World;
use super::super::args::Init;
use super::super::failure::Failure;
use crate::model::Secret;
use crate::transport::Endpoint;
use http::{HeaderName, HeaderValue};
use std::collections::BTreeMap;
use url::Url;

/// Where the service is, and what is said with each request.
#[derive(Debug)]
pub(super) struct Place {
    /// Its base, without a user, a query or a fragment.
    pub(super) url: Url,
    /// Any certificate will do.
    pub(super) insecure: bool,
    pub(super) headers: Vec<Header>,
    /// Every secret that a header names, with its value.
    pub(super) secrets: BTreeMap<String, Secret>,
}

/// One header.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) name: HeaderName,
    /// As it goes into the environment: secrets by their names.
    pub(super) written: String,
    /// As it is sent.
    pub(super) value: HeaderValue,
}

/// What names of headers hold whose values are nobody's business: they are never written down.
const PRIVATE: [&str; 9] = ["auth", "cookie", "token", "secret", "key", "password", "credential", "session", "signature"];

impl Place {
    /// Reads URL, headers and secrets.
    pub(super) fn read(args: &Init, world: &World) -> Result<Self, Failure> {
        let url = base(&args.url).map_err(Failure::NeverStarted)?;
        let mut given = BTreeMap::new();
        for pair in &args.secrets {
            // The value of a secret is not repeated, however it was mistyped.
            let (name, value) =
                pair.split_once('=').ok_or_else(|| Failure::NeverStarted("--secret …: expected NAME=VALUE, got no `=`".to_owned()))?;
            given.insert(name.to_owned(), value.to_owned());
        }
        let mut place = Self { url, insecure: args.insecure, headers: Vec::new(), secrets: BTreeMap::new() };
        for text in &args.header {
            place.take_header(text, &given, world)?;
        }
        match given.keys().find(|name| !place.secrets.contains_key(*name)) {
            Some(name) => Err(Failure::NeverStarted(format!(
                "--secret {name}: no header uses it\n  help: name it where it is sent: --header 'authorization: Bearer ${{{name}}}'"
            ))),
            None => Ok(place),
        }
    }

    /// How it is reached.
    pub(super) fn endpoint(&self) -> Endpoint {
        Endpoint { insecure: self.insecure, ..Endpoint::new(self.url.clone()) }
    }

    /// The URL as people write it.
    pub(super) fn shown(&self) -> &str {
        self.url.as_str().trim_end_matches('/')
    }

    /// The host as environments list it.
    pub(super) fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    fn take_header(&mut self, text: &str, given: &BTreeMap<String, String>, world: &World) -> Result<(), Failure> {
        // What may be a token is not repeated, however it was mistyped.
        let first = text.split([':', ' ', '=']).next().unwrap_or_default();
        let told = |what: String, help: &str| Failure::NeverStarted(format!("--header `{first}…`: {what}\n  help: {help}"));
        let (name, written) =
            text.split_once(':').ok_or_else(|| told("expected a colon behind the name, got none".to_owned(), "write `NAME: VALUE`"))?;
        let name: HeaderName =
            name.trim().parse().map_err(|_| told("this is no header name".to_owned(), "write `NAME: VALUE`, such as `x-tenant: blue`"))?;
        let written = written.trim();
        let mut value = String::new();
        let mut rest = written;
        while let Some((before, behind)) = rest.split_once("${") {
            let (secret, after) = behind
                .split_once('}')
                .filter(|(secret, _)| is_name(secret))
                .ok_or_else(|| told("`${` begins the name of a secret, and none is there".to_owned(), "write `${api_token}`"))?;
            value.push_str(before);
            value.push_str(self.secret(secret, given, world)?.expose());
            rest = after;
        }
        value.push_str(rest);
        if !written.contains("${") && PRIVATE.iter().any(|word| name.as_str().contains(word)) {
            let help =
                format!("write --header '{name}: ${{api_token}}' and --secret api_token=…: the environment then holds its name only");
            return Err(told("its value would be written into a file".to_owned(), &help));
        }
        let mut value: HeaderValue =
            value.parse().map_err(|_| told("the value has characters that HTTP forbids".to_owned(), "leave out line ends and controls"))?;
        value.set_sensitive(true);
        self.headers.push(Header { name, written: written.to_owned(), value });
        Ok(())
    }

    /// The value of a secret: from the command line, else from the environment variable that the file will name.
    fn secret(&mut self, name: &str, given: &BTreeMap<String, String>, world: &World) -> Result<&Secret, Failure> {
        let key = variable(name);
        let value = given.get(name).or_else(|| world.vars.get(&key)).filter(|value| !value.is_empty());
        let value = value.ok_or_else(|| {
            Failure::NeverStarted(format!("`${{{name}}}` has no value\n  help: give it by --secret {name}=…, or set the variable {key}"))
        })?;
        if value.chars().count() < Secret::LEAST_LEN {
            let least = Secret::LEAST_LEN;
            return Err(Failure::NeverStarted(format!(
                "--secret {name}: expected at least {least} characters, got {}\n  help: a shorter one cannot be masked in reports",
                value.chars().count()
            )));
        }
        Ok(self.secrets.entry(name.to_owned()).or_insert_with(|| Secret::new(value.as_str())))
    }
}

/// The environment variable that holds a secret of this name.
pub(super) fn variable(name: &str) -> String {
    name.to_ascii_uppercase()
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase()) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// The base URL of a service.
fn base(text: &str) -> Result<Url, String> {
    const EXPECTED: &str = "expected the base URL of a service, http://HOST[:PORT][/PATH] or https://…";
    // What may be a password is not repeated.
    let typed = if text.contains('@') { "a URL with a user in it".to_owned() } else { format!("`{text}`") };
    let told = |why: &str, help: &str| format!("{EXPECTED}, got {typed}{why}\n  help: {help}");
    let with_scheme = || format!("write http://{}", if text.contains('@') { "HOST" } else { text });
    let url = Url::parse(text).map_err(|e| match text.contains("://") {
        true => told(&format!(": {e}"), "mend it; the host may be a name or an address"),
        false => told(", without a scheme", &with_scheme()),
    })?;
    if !matches!(url.scheme(), "http" | "https") {
        // `localhost:8080` is read as the scheme `localhost`.
        let help = if text.contains("://") { "only HTTP is looked at here".to_owned() } else { with_scheme() };
        return Err(told("", &help));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(told(
            ", which would be written into a file",
            "leave user and password out, and write --header 'authorization: Basic ${basic}' with --secret basic=…",
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(told(", with a query or a fragment", "leave out all that begins at `?` or `#`"));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_that_is_no_base_is_told_with_the_way_out() {
        for (text, way_out) in [
            ("localhost:8080", "write http://localhost:8080"),
            ("127.0.0.1:8080", "write http://127.0.0.1:8080"),
            ("ftp://h", "only HTTP"),
            ("http://", "mend it"),
            ("http://h/?a=1", "leave out all that begins"),
            ("http://root:hunter2hunter2@h", "--secret basic"),
        ] {
            let told = base(text).expect_err(text);
            assert!(told.contains(way_out) && told.starts_with("expected") && !told.contains("hunter2"), "{told}");
        }
        assert_eq!(base("https://h:8443/api/").map(String::from).as_deref(), Ok("https://h:8443/api/"));
    }
}
