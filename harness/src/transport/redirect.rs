//! Follows redirects where that was asked for: within one origin, never beyond.

use super::{
    answer::Answer,
    ask::{OutBody, Outgoing},
};
use http::{Method, header};
use url::Url;

/// Most redirects that are ever followed.
pub(crate) const MOST: u8 = 5;

/// What an answer asks for.
pub(crate) enum Follow {
    /// No redirect, or one that is not followed: to another origin, or to nowhere. It is then the answer.
    No,
    /// This request, and the Location as it was written.
    To(Box<Outgoing>, String),
}

/// The request that an answer redirects to.
pub(crate) fn of(request: &Outgoing, answer: &Answer) -> Follow {
    if !matches!(answer.status, 301 | 302 | 303 | 307 | 308) {
        return Follow::No;
    }
    let Some(location) = answer.header_text("location") else { return Follow::No };
    let Some(url) = target(request, &location) else { return Follow::No };
    let mut next = request.clone();
    // 303 asks for a GET; 301 and 302 turn a POST into one, as every browser does (RFC 9110 §15.4.2).
    let to_get = match answer.status {
        303 => request.method != Method::HEAD,
        301 | 302 => request.method == Method::POST,
        _ => false,
    };
    if to_get {
        next.method = Method::GET;
        next.body = OutBody::Empty;
        next.headers.retain(|(name, _)| {
            ![header::CONTENT_TYPE, header::CONTENT_LENGTH, header::CONTENT_ENCODING, header::TRANSFER_ENCODING].contains(name)
        });
    }
    next.url = url;
    Follow::To(Box::new(next), location.into_owned())
}

/// Where the Location leads; none where that is another origin. With a Host of our own, that host is the same origin too: the
/// service knows itself by that name only. It is then reached where it was before.
fn target(request: &Outgoing, location: &str) -> Option<Url> {
    let here = &request.url;
    let seen = request.host_override.as_ref().and_then(|host| {
        let mut url = here.clone();
        let (name, port) = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => (name, port.parse().ok()),
            _ => (host.as_str(), None),
        };
        url.set_host(Some(name)).ok()?;
        url.set_port(port).ok()?;
        Some(url)
    });
    let mut there = seen.as_ref().unwrap_or(here).join(location).ok()?;
    if there.origin() == here.origin() {
        carry_user(&mut there, here)?;
        return Some(there);
    }
    if there.origin() != seen?.origin() {
        return None;
    }
    there.set_host(here.host_str()).ok()?;
    there.set_port(here.port()).ok()?;
    carry_user(&mut there, here)?;
    Some(there)
}

/// A user that the Location does not name is ours; one that it names is nobody's business.
fn carry_user(there: &mut Url, here: &Url) -> Option<()> {
    there.set_username(here.username()).ok()?;
    there.set_password(here.password()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(host: Option<&str>, location: &str, expected: Option<&str>) {
        let mut request = Outgoing::get(Url::parse("http://10.0.0.1:8080/a/b?x=1").expect("valid"));
        request.host_override = host.map(str::to_owned);
        assert_eq!(target(&request, location).as_ref().map(Url::as_str), expected, "{location}");
    }

    #[test]
    fn the_same_origin_is_followed() {
        check(None, "/c", Some("http://10.0.0.1:8080/c"));
        check(None, "c?y=2", Some("http://10.0.0.1:8080/a/c?y=2"));
        check(None, "http://10.0.0.1:8080/c", Some("http://10.0.0.1:8080/c"));
        check(None, "http://evil@10.0.0.1:8080/c", Some("http://10.0.0.1:8080/c"));
        check(Some("api.example"), "http://api.example/c", Some("http://10.0.0.1:8080/c"));
        check(Some("api.example:81"), "http://api.example:81/c", Some("http://10.0.0.1:8080/c"));
    }

    #[test]
    fn another_origin_is_not() {
        for other in [
            "https://10.0.0.1:8080/c",
            "http://10.0.0.1/c",
            "//10.0.0.2:8080/c",
            "http://169.254.169.254/latest",
            "http://localhost:8080/c",
            "file:///etc/passwd",
            "gopher://10.0.0.1:8080/",
        ] {
            check(None, other, None);
        }
        check(Some("api.example"), "http://other.example/c", None);
        check(None, "http://[", None);
    }
}
