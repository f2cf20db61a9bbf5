//! Takes a chunked body apart (RFC 9112 §7.1), strictly and in constant memory.

use super::{
    ask::{Caps, Step},
    head::{Fields, Scan, quote},
    trouble::{FramingFault as Fault, Trouble},
};

/// Most bytes of a line that holds a chunk's size and its extensions.
const LINE: usize = 4096;

/// Where the reading of a chunked body stands.
#[derive(Default)]
pub(crate) struct Chunks {
    state: State,
    /// The bytes of an unfinished size line, or of the trailer section.
    pending: Vec<u8>,
    scan: Scan,
}

#[derive(Clone, Copy, Default)]
enum State {
    #[default]
    Size,
    Data(u64),
    End,
    Trailers,
}

impl Chunks {
    /// Reads on in `bytes`, handing the body to `sink`. Gives the bytes taken, and the trailers once the body has ended.
    ///
    /// # Errors
    /// Where a size or the end of a chunk is not valid, and what `sink` says.
    pub(crate) fn feed(&mut self, bytes: &[u8], caps: &Caps, mut sink: impl FnMut(&[u8]) -> Step<()>) -> Step<(usize, Option<Fields>)> {
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            match self.state {
                State::Size => {
                    let lf = rest.iter().position(|b| *b == b'\n');
                    let part = &rest[..lf.map_or(rest.len(), |lf| lf + 1)];
                    at += part.len();
                    self.pending.extend_from_slice(part);
                    if lf.is_some() {
                        let size = size(&self.pending)?;
                        self.pending.clear();
                        self.state = if size == 0 { State::Trailers } else { State::Data(size) };
                    } else if !may_become_a_size(&self.pending) {
                        return Err(Trouble::framing(Fault::ChunkSize, quote(&self.pending)));
                    }
                }
                State::Data(left) => {
                    let part = &rest[..usize::try_from(left).unwrap_or(usize::MAX).min(rest.len())];
                    at += part.len();
                    sink(part)?;
                    let left = left - part.len() as u64;
                    self.state = if left == 0 { State::End } else { State::Data(left) };
                }
                State::End => {
                    self.pending.push(rest[0]);
                    at += 1;
                    match self.pending.as_slice() {
                        b"\r" => {}
                        b"\r\n" => {
                            self.pending.clear();
                            self.state = State::Size;
                        }
                        _ => return Err(Trouble::framing(Fault::ChunkEnd, format!("{} follows it", quote(rest)))),
                    }
                }
                State::Trailers => {
                    let before = self.pending.len();
                    self.pending.extend_from_slice(rest);
                    return match self.scan.trailers(&self.pending, caps)? {
                        Some((fields, end)) => Ok((at + end - before, Some(fields))),
                        None => Ok((bytes.len(), None)),
                    };
                }
            }
        }
        Ok((at, None))
    }
}

/// An unfinished line can still end as a size: one without end is not waited for.
fn may_become_a_size(line: &[u8]) -> bool {
    let digits = line.iter().take_while(|b| b.is_ascii_hexdigit()).count();
    (1..=16).contains(&digits) && line.len() <= LINE
}

/// The size in a line that ends in LF.
fn size(line: &[u8]) -> Step<u64> {
    let bad = || Trouble::framing(Fault::ChunkSize, quote(line));
    let Some(line) = line.strip_suffix(b"\r\n") else { return Err(Trouble::framing(Fault::BareLf, quote(line))) };
    let digits = line.iter().position(|b| !b.is_ascii_hexdigit()).unwrap_or(line.len());
    // Bad whitespace before an extension is allowed to be sent by nobody and read by all (RFC 9112 §7.1.1).
    let rest = line[digits..].trim_ascii_start();
    if digits == 0 || digits > 16 || !(rest.is_empty() || rest[0] == b';') {
        return Err(bad());
    }
    let text = std::str::from_utf8(&line[..digits]).expect("hexadecimal digits are ASCII");
    u64::from_str_radix(text, 16).map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(wire: &[u8], step: usize) -> Result<(String, usize, bool), &'static str> {
        let (mut chunks, mut body, mut taken) = (Chunks::default(), Vec::new(), 0);
        for part in wire.chunks(step) {
            let (n, end) = chunks
                .feed(part, &Caps::default(), |b| {
                    body.extend_from_slice(b);
                    Ok(())
                })
                .map_err(|t| t.name())?;
            taken += n;
            if end.is_some() {
                return Ok((String::from_utf8_lossy(&body).into_owned(), wire.len() - taken, true));
            }
        }
        Ok((String::from_utf8_lossy(&body).into_owned(), wire.len() - taken, false))
    }

    #[track_caller]
    fn check(wire: &str, expected: Result<(&str, usize, bool), &str>) {
        for step in [1, 2, 3, wire.len()] {
            let got = read(wire.as_bytes(), step);
            let got = got.as_ref().map(|(body, left, end)| (body.as_str(), *left, *end)).map_err(|e| *e);
            // Cut in pieces, what follows the end has not been read yet.
            match (got, expected) {
                (Ok((body, _, end)), Ok((wanted, _, wanted_end))) if step < wire.len() => assert_eq!((body, end), (wanted, wanted_end)),
                _ => assert_eq!(got, expected, "{wire:?} in steps of {step}"),
            }
        }
    }

    #[test]
    fn valid_chunks_become_the_body() {
        check("5\r\nhello\r\n0\r\n\r\n", Ok(("hello", 0, true)));
        check("00005;ext=\"a\"\r\nhello\r\n6 ; x\r\n world\r\n0\r\n\r\nHTTP", Ok(("hello world", 4, true)));
        check("a\r\n0123456789\r\n0\r\nSum: 1\r\nX: 2\r\n\r\n", Ok(("0123456789", 0, true)));
    }

    #[test]
    fn a_missing_last_chunk_is_no_end() {
        check("5\r\nhello\r\n", Ok(("hello", 0, false)));
        check("5\r\nhello\r\n0\r\n", Ok(("hello", 0, false)));
    }

    #[test]
    fn bad_chunks_are_named() {
        for bad in
            ["-5\r\n", "0x5\r\nhello", "g\r\n", "\r\n", "+5\r\n", " 5\r\n", "5 5\r\n", "10000000000000000\r\n", "fffffffffffffffff\r\n"]
        {
            check(bad, Err("framing-chunk-size"));
        }
        check("5\nhello", Err("framing-bare-lf"));
        check("5\r\nhello!\r\n0\r\n\r\n", Err("framing-chunk-end"));
        check("5\r\nhello\n0\r\n\r\n", Err("framing-chunk-end"));
        check("0\r\nno colon\r\n\r\n", Err("framing-header"));
        check(&format!("5;{}", "x".repeat(LINE)), Err("framing-chunk-size"));
    }
}
