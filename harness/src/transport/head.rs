//! Reads the head of an HTTP/1 answer strictly: what a lenient client would forgive is named.

use super::{
    answer::Version,
    ask::{Caps, Step},
    trouble::{FramingFault as Fault, Trouble},
};

/// Header fields in order, names as received.
pub(crate) type Fields = Vec<(String, Vec<u8>)>;

/// One head, informational or final.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub version: Version,
    pub status: u16,
    pub fields: Fields,
    /// Bytes of the input that it took, its empty line included.
    pub len: usize,
}

/// How the body of an answer ends (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framed {
    /// There is none, whatever the head says: HEAD, 1xx, 204, 304.
    Without,
    Length(u64),
    Chunked,
    UntilClose,
}

/// Where the search for the end of a head stands, so that no byte is looked at twice.
#[derive(Default)]
pub(crate) struct Scan {
    at: usize,
    line: usize,
    lines: usize,
}

impl Scan {
    /// Looks for a whole head at the beginning of `bytes`, of which more may have come since the last call.
    ///
    /// # Errors
    /// As soon as the bytes can no longer become a valid head within the caps.
    pub(crate) fn head(&mut self, bytes: &[u8], caps: &Caps) -> Step<Option<Head>> {
        let seen = bytes.len().min(5);
        if bytes[..seen] != b"HTTP/"[..seen] {
            return Err(Trouble::framing(Fault::NotHttp, format!("it begins with {}", quote(bytes))));
        }
        let Some(end) = self.end(bytes, caps, 1)? else { return Ok(None) };
        let first = bytes.iter().position(|b| *b == b'\r').expect("a head that has an end has the end of a line");
        let (version, status) = status_line(&bytes[..first])?;
        Ok(Some(Head { version, status, fields: fields(&bytes[first + 2..end])?, len: end }))
    }

    /// Looks for the trailer section that follows the last chunk.
    pub(crate) fn trailers(&mut self, bytes: &[u8], caps: &Caps) -> Step<Option<(Fields, usize)>> {
        let Some(end) = self.end(bytes, caps, 0)? else { return Ok(None) };
        Ok(Some((fields(&bytes[..end])?, end)))
    }

    /// The offset behind the empty line; `besides` lines are no header fields.
    fn end(&mut self, bytes: &[u8], caps: &Caps, besides: usize) -> Step<Option<usize>> {
        while let Some(offset) = bytes[self.at..].iter().position(|b| *b == b'\n') {
            let lf = self.at + offset;
            if lf >= caps.head {
                break;
            }
            let line = &bytes[self.line..lf];
            if line.last() != Some(&b'\r') {
                return Err(Trouble::framing(Fault::BareLf, quote(line)));
            }
            self.at = lf + 1;
            self.line = lf + 1;
            if line.len() == 1 && self.lines >= besides {
                return Ok(Some(lf + 1));
            }
            self.lines += 1;
            if self.lines > caps.headers + besides {
                return Err(Trouble::TooManyHeaders { cap: caps.headers as u64 });
            }
        }
        self.at = bytes.len();
        if bytes.len() >= caps.head {
            return Err(Trouble::HeadOverCap { cap: caps.head as u64 });
        }
        Ok(None)
    }
}

/// How the body of the answer to `method` ends.
///
/// # Errors
/// Where the head contradicts itself.
pub(crate) fn framed(head: &Head, to_head: bool) -> Step<Framed> {
    let mut length = None;
    let mut coding = None;
    for (name, value) in &head.fields {
        if name.eq_ignore_ascii_case("content-length") {
            if length.is_some() || value.contains(&b',') {
                return Err(Trouble::framing(Fault::TwoLengths, quote(value)));
            }
            length = Some(decimal(value).ok_or_else(|| Trouble::framing(Fault::Length, quote(value)))?);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            if coding.is_some() || !value.eq_ignore_ascii_case(b"chunked") {
                return Err(Trouble::framing(Fault::TransferEncoding, quote(value)));
            }
            coding = Some(());
        }
    }
    if coding.is_some() && head.version == Version::Http10 {
        return Err(Trouble::framing(Fault::TransferEncoding, "in an HTTP/1.0 answer"));
    }
    match (length, coding) {
        (Some(_), Some(())) => Err(Trouble::framing(Fault::LengthAndChunked, "")),
        _ if to_head || head.status < 200 || matches!(head.status, 204 | 304) => Ok(Framed::Without),
        (None, Some(())) => Ok(Framed::Chunked),
        (Some(n), None) => Ok(Framed::Length(n)),
        (None, None) => Ok(Framed::UntilClose),
    }
}

/// The connection may serve another request after this answer (RFC 9112 §9.3).
pub(crate) fn persists(head: &Head) -> bool {
    let (mut close, mut keep) = (false, false);
    for (_, value) in head.fields.iter().filter(|(name, _)| name.eq_ignore_ascii_case("connection")) {
        for option in value.split(|b| *b == b',').map(<[u8]>::trim_ascii) {
            close |= option.eq_ignore_ascii_case(b"close");
            keep |= option.eq_ignore_ascii_case(b"keep-alive");
        }
    }
    !close && head.status != 101 && (head.version == Version::Http11 || keep)
}

fn status_line(line: &[u8]) -> Step<(Version, u16)> {
    let version = match line.get(5..8) {
        Some(b"1.1") => Version::Http11,
        Some(b"1.0") => Version::Http10,
        _ => return Err(Trouble::framing(Fault::Version, quote(line))),
    };
    let bad = || Trouble::framing(Fault::StatusLine, quote(line));
    // The space before an absent reason is required by RFC 9112 §4 and left out so often that every client forgives it.
    let (Some(b' '), Some(digits), None | Some(b' ')) = (line.get(8), line.get(9..12), line.get(12)) else { return Err(bad()) };
    if !digits.iter().all(u8::is_ascii_digit) || digits[0] == b'0' || line[12..].iter().any(|b| control(*b)) {
        return Err(bad());
    }
    Ok((version, digits.iter().fold(0, |n, d| n * 10 + u16::from(d - b'0'))))
}

/// Reads the lines up to the empty one. Every line is known to end in CR LF.
fn fields(mut bytes: &[u8]) -> Step<Fields> {
    let mut fields = Vec::with_capacity(8);
    while let Some(lf) = bytes.iter().position(|b| *b == b'\n') {
        let line = &bytes[..lf - 1];
        bytes = &bytes[lf + 1..];
        if line.is_empty() {
            break;
        }
        if matches!(line[0], b' ' | b'\t') {
            return Err(Trouble::framing(Fault::ObsFold, quote(line)));
        }
        let bad = || Trouble::framing(Fault::Header, quote(line));
        let colon = line.iter().position(|b| *b == b':').ok_or_else(bad)?;
        let (name, value) = (&line[..colon], &line[colon + 1..]);
        if name.is_empty() || !name.iter().all(|b| token(*b)) || value.iter().any(|b| control(*b)) {
            return Err(bad());
        }
        let name = String::from_utf8(name.to_vec()).expect("the characters of a token are ASCII");
        fields.push((name, value.trim_ascii().to_vec()));
    }
    Ok(fields)
}

/// A character of a field name (RFC 9110 §5.6.2).
fn token(b: u8) -> bool {
    matches!(b, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9')
        || matches!(b, b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~')
}

/// A character that no value may hold (RFC 9110 §5.5): controls but for the tab.
fn control(b: u8) -> bool {
    (b < 0x20 && b != b'\t') || b == 0x7f
}

/// Digits only: no sign, no space, no overflow.
fn decimal(value: &[u8]) -> Option<u64> {
    if value.is_empty() {
        return None;
    }
    value.iter().try_fold(0u64, |n, b| {
        let digit = b.is_ascii_digit().then(|| u64::from(b - b'0'))?;
        n.checked_mul(10)?.checked_add(digit)
    })
}

/// The beginning of some bytes for people, in quotes and without control characters.
pub(crate) fn quote(bytes: &[u8]) -> String {
    let cut = &bytes[..bytes.len().min(60)];
    let more = if cut.len() < bytes.len() { "…" } else { "" };
    format!("\"{}{more}\"", cut.escape_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(head: &str, expected: Result<(u16, Framed), &str>) {
        let got = Scan::default()
            .head(head.as_bytes(), &Caps::default())
            .and_then(|head| {
                let head = head.expect("the case has a whole head");
                framed(&head, false).map(|framed| (head.status, framed))
            })
            .map_err(|trouble| trouble.name());
        assert_eq!(got, expected, "{head:?}");
        let mut scan = Scan::default();
        let byte_by_byte = (1..=head.len()).find_map(|n| scan.head(&head.as_bytes()[..n], &Caps::default()).transpose());
        let byte_by_byte =
            byte_by_byte.expect("it ends").and_then(|head| framed(&head, false).map(|f| (head.status, f))).map_err(|t| t.name());
        assert_eq!(byte_by_byte, expected, "byte by byte: {head:?}");
    }

    #[test]
    fn what_is_valid_is_taken() {
        check("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", Ok((200, Framed::Length(5))));
        check("HTTP/1.1 200 \r\ncontent-length:5\r\n\r\n", Ok((200, Framed::Length(5))));
        check("HTTP/1.1 200\r\n\r\n", Ok((200, Framed::UntilClose)));
        check("HTTP/1.0 999 Odd\r\n\r\n", Ok((999, Framed::UntilClose)));
        check("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n", Ok((200, Framed::Chunked)));
        check("HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\n", Ok((204, Framed::Without)));
        check("HTTP/1.1 200 OK\r\nX: \r\nY: a\tb\u{e4}\r\n\r\n", Ok((200, Framed::UntilClose)));
    }

    #[test]
    fn what_is_not_valid_is_named() {
        check("<html>\r\n\r\n", Err("framing-not-http"));
        check("\r\nHTTP/1.1 200 OK\r\n\r\n", Err("framing-not-http"));
        check("HTTP/3.7 200 OK\r\n\r\n", Err("framing-version"));
        check("HTTP/1.2 200 OK\r\n\r\n", Err("framing-version"));
        check("HTTP/1.1 099 Low\r\n\r\n", Err("framing-status-line"));
        check("HTTP/1.1 1000 High\r\n\r\n", Err("framing-status-line"));
        check("HTTP/1.1 20 Short\r\n\r\n", Err("framing-status-line"));
        check("HTTP/1.1  200 OK\r\n\r\n", Err("framing-status-line"));
        check("HTTP/1.1 200 O\0K\r\n\r\n", Err("framing-status-line"));
        check("HTTP/1.1 200 OK\nContent-Length: 5\n\n", Err("framing-bare-lf"));
        check("HTTP/1.1 200 OK\r\nA: b\n\r\n", Err("framing-bare-lf"));
        check("HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", Err("framing-obs-fold"));
        check("HTTP/1.1 200 OK\r\nA : b\r\n\r\n", Err("framing-header"));
        check("HTTP/1.1 200 OK\r\nno colon\r\n\r\n", Err("framing-header"));
        check("HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n", Err("framing-header"));
        check("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", Err("framing-two-lengths"));
        check("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", Err("framing-two-lengths"));
        check("HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\n", Err("framing-two-lengths"));
        for bad in ["", "-1", "+5", "0x5", "5 5", "99999999999999999999"] {
            check(&format!("HTTP/1.1 200 OK\r\nContent-Length: {bad}\r\n\r\n"), Err("framing-length"));
        }
        check("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", Err("framing-length-and-chunked"));
        for bad in ["gzip, chunked", "chunked, chunked", "identity", "xchunked"] {
            check(&format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: {bad}\r\n\r\n"), Err("framing-transfer-encoding"));
        }
        check("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", Err("framing-transfer-encoding"));
    }

    #[test]
    fn a_head_may_have_256_fields_and_64_kib_and_not_one_more() {
        let many = |n: usize| format!("HTTP/1.1 200 OK\r\n{}\r\n", "A: b\r\n".repeat(n));
        check(&many(256), Ok((200, Framed::UntilClose)));
        check(&many(257), Err("too-many-headers"));
        let frame = "HTTP/1.1 200 OK\r\nA: \r\n\r\n".len();
        let long = |n: usize| format!("HTTP/1.1 200 OK\r\nA: {}\r\n\r\n", "x".repeat(n - frame));
        check(&long(64 << 10), Ok((200, Framed::UntilClose)));
        check(&long((64 << 10) + 1), Err("head-over-cap"));
    }

    #[test]
    fn a_connection_persists_unless_either_side_says_otherwise() {
        for (head, expected) in [
            ("HTTP/1.1 200 OK\r\n\r\n", true),
            ("HTTP/1.1 200 OK\r\nConnection: x, Close\r\n\r\n", false),
            ("HTTP/1.0 200 OK\r\n\r\n", false),
            ("HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n\r\n", true),
            ("HTTP/1.1 101 Switching\r\n\r\n", false),
        ] {
            let head = Scan::default().head(head.as_bytes(), &Caps::default()).expect("valid").expect("whole");
            assert_eq!(persists(&head), expected, "{head:?}");
        }
    }
}
