//! What the bodies are made of: a sample where there is one, filling in numbered blocks, and at the end a mark of this run and of this
//! body alone.

use crate::checks::size_limit::spec::{Framing, Spec};
use crate::kind::ProbeError;
use crate::transport::{OutBody, Outgoing, Runs};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, header};

/// Bytes of a block: what travels at once, and the size of a chunk.
const BLOCK: usize = 64 << 10;

/// What fills the bodies of one check.
pub(super) struct Filler {
    sample: Bytes,
    /// Noise, so that nobody on the way can pack it.
    noise: Bytes,
    /// For what is to be packed: zeros, a thousand times smaller on the wire.
    zeros: Bytes,
    run: String,
}

/// A body as it travels.
pub(super) struct Made {
    pub(super) whole: Runs,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    /// Bytes before the sized part.
    pub(super) before: u64,
    /// How curl is told of it.
    pub(super) curl: String,
}

impl Filler {
    pub(super) fn new(spec: &Spec, run: &str) -> Self {
        let sample = spec.b.from.as_ref().map(|s| s.bytes.clone()).unwrap_or_default();
        Self { sample, noise: noise(run).into(), zeros: vec![0; BLOCK].into(), run: run.to_owned() }
    }

    /// A body of exactly this length: the sample, filling, and the mark, as far as there is room for them.
    pub(super) fn body(&self, len: u64, number: u64, is_packed: bool) -> Runs {
        let short = |bytes: &Bytes, most: u64| bytes.slice(..bytes.len().min(usize::try_from(most).unwrap_or(usize::MAX)));
        let head = short(&self.sample, len);
        let room = len - head.len() as u64;
        let mark = Bytes::from(format!("{number} allclear {}\n", self.run));
        let mark = if mark.len() as u64 > room { short(&digits(number), room) } else { mark };
        let fill = room - mark.len() as u64;
        let blocks = fill / BLOCK as u64;
        // What is to be packed repeats, so that it stays small: in what order its blocks are stored cannot be seen.
        let filling = match is_packed {
            true => Runs::new([(self.zeros.clone(), blocks)]),
            false => Runs::numbered(self.noise.clone(), blocks),
        };
        let block = if is_packed { &self.zeros } else { &self.noise };
        Runs::new([(head, 1)]).then(&filling).then(&Runs::new([(short(block, fill % BLOCK as u64), 1), (mark, 1)]))
    }

    /// A body of exactly this length that holds complete requests: behind the sample, at each block, and at its end, with nothing but line
    /// ends between, which whoever reads requests passes over (RFC 9112 §2.2). Read as a body it is filling as any other.
    pub(super) fn requests(&self, len: u64, request: &Bytes) -> Runs {
        let short = |bytes: Bytes, most: u64| bytes.slice(..bytes.len().min(usize::try_from(most).unwrap_or(usize::MAX)));
        let head = short(self.sample.clone(), len);
        let last = short(request.clone(), len - head.len() as u64);
        let room = len - (head.len() + last.len()) as u64;
        let block: Bytes = request.iter().copied().chain(std::iter::repeat(*b"\r\n").flatten()).take(BLOCK).collect();
        let rest = short(block.clone(), room % BLOCK as u64);
        Runs::new([(head, 1), (block, room / BLOCK as u64), (rest, 1), (last, 1)])
    }

    /// The body in the place of the one that the request has: as it is, or as a part among the others; packed where that is asked.
    pub(super) fn made(&self, spec: &Spec, out: &Outgoing, sized: &Runs, framing: Framing) -> Result<Made, ProbeError> {
        let own = &spec.b;
        let mut made = match &own.field {
            None => Made {
                whole: sized.clone(),
                headers: vec![(header::CONTENT_TYPE, value(own.media_type())?)],
                before: 0,
                curl: "--data-binary @-".to_owned(),
            },
            Some(field) => {
                let name = own.from.as_ref().map_or("allclear.bin", |s| s.name.rsplit('/').next().unwrap_or(&s.name));
                part(out, &field.value, name, own.media_type(), sized)?
            }
        };
        if framing == Framing::Gzip {
            made.whole = made.whole.gzip();
            made.headers.push((header::CONTENT_ENCODING, HeaderValue::from_static("gzip")));
        }
        Ok(made)
    }
}

/// A number in printable digits to the base 90, the last one first: the mark of a body that has no room for more. Even one of a single byte
/// differs from the next 89.
fn digits(number: u64) -> Bytes {
    let digit = |at: u32| b'!' + u8::try_from(number / 90_u64.saturating_pow(at) % 90).unwrap_or_default();
    (0..64).map(digit).collect()
}

/// The sized part behind the other parts of the request, which are sent as they stand there.
fn part(out: &Outgoing, field: &str, file: &str, media_type: &str, sized: &Runs) -> Result<Made, ProbeError> {
    let given = out.headers.iter().find(|(name, _)| *name == header::CONTENT_TYPE).and_then(|(_, v)| v.to_str().ok());
    let others = match (&out.body, given.and_then(|v| v.split_once("boundary="))) {
        (OutBody::Bytes(bytes), Some((_, boundary))) => Some((bytes, boundary.to_owned())),
        _ => None,
    };
    let (mut before, boundary) = match others {
        // What stands there ends with its last boundary (RFC 2046 §5.1.1): the next part takes that place.
        Some((bytes, boundary)) => (bytes[..bytes.len().saturating_sub(boundary.len() + 6)].to_vec(), boundary),
        None => (Vec::new(), "allclear-6f1b0c5d9e3a4782".to_owned()),
    };
    let quoted = |name: &str| name.replace('"', "%22").replace(['\r', '\n'], "");
    before.extend_from_slice(
        format!(
            "--{boundary}\r\ncontent-disposition: form-data; name=\"{}\"; filename=\"{}\"\r\ncontent-type: {media_type}\r\n\r\n",
            quoted(field),
            quoted(file)
        )
        .as_bytes(),
    );
    let behind = format!("\r\n--{boundary}--\r\n");
    Ok(Made {
        before: before.len() as u64,
        headers: vec![(header::CONTENT_TYPE, value(&format!("multipart/form-data; boundary={boundary}"))?)],
        whole: sized.between(before.into(), behind.into()),
        curl: format!("-F '{}=@-;filename={};type={media_type}'", quoted(field).replace('\'', ""), quoted(file).replace('\'', "")),
    })
}

fn value(text: &str) -> Result<HeaderValue, ProbeError> {
    HeaderValue::from_str(text).map_err(|_| ProbeError(format!("`{text}` cannot stand in a header")))
}

/// A block of noise that differs from run to run and holds no line end, so that no part of it looks like the end of a part.
fn noise(run: &str) -> Vec<u8> {
    let mut state = run.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, b| (hash ^ u64::from(b)).wrapping_mul(0x100_0000_01b3)) | 1;
    let mut byte = move || {
        // xorshift64: no quality is asked of it but that it cannot be packed.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..BLOCK).map(|_| Some(byte()).filter(|b| !matches!(b, b'\r' | b'\n')).unwrap_or(b'-')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::size_limit::SizeLimit;
    use crate::kind::testing::spec;
    use http::Method;

    fn bytes(runs: &Runs) -> Vec<u8> {
        runs.pieces().flat_map(|b| b.to_vec()).collect()
    }

    #[test]
    fn a_body_has_exactly_its_length_and_no_two_are_the_same() {
        let spec = spec::<SizeLimit>("{ post: /u, limit: 1MiB }").spec;
        let filler = Filler::new(&spec, "run-1");
        for len in [0, 1, 20, 65_535, 65_536, 65_600, 300_000] {
            for is_packed in [false, true] {
                assert_eq!((filler.body(len, 7, is_packed).len(), bytes(&filler.body(len, 7, is_packed)).len()), (len, len as usize));
            }
        }
        assert_ne!(bytes(&filler.body(1000, 1, false)), bytes(&filler.body(1000, 2, false)));
        assert_ne!(bytes(&filler.body(1000, 1, false)), bytes(&Filler::new(&spec, "run-2").body(1000, 1, false)));
        assert!(bytes(&filler.body(1000, 3, false)).ends_with(b"3 allclear run-1\n"));
        let small: std::collections::BTreeSet<_> = (10..50).map(|number| bytes(&filler.body(1, number, false))).collect();
        assert_eq!(small.len(), 40, "one byte is enough to differ from its neighbours");
    }

    #[test]
    fn no_two_blocks_of_a_body_are_the_same_so_that_their_order_is_in_its_hash() {
        let spec = spec::<SizeLimit>("{ post: /u, limit: 1MiB }").spec;
        let whole = bytes(&Filler::new(&spec, "run-1").body(1 << 20, 1, false));
        let blocks: std::collections::BTreeSet<_> = whole.chunks(BLOCK).collect();
        assert_eq!(blocks.len(), 16);
        assert!(!whole[..BLOCK].iter().any(|b| matches!(b, b'\r' | b'\n')));
    }

    #[test]
    fn a_body_of_requests_has_one_wherever_somebody_may_go_on_reading() {
        let spec = spec::<SizeLimit>("{ post: /u, limit: 1MiB }").spec;
        let filler = Filler::new(&spec, "r");
        let request = Bytes::from_static(b"GET /a HTTP/1.1\r\nhost: h\r\n\r\n");
        for len in [0, 7, 29, 30, 65_536, 200_001] {
            let whole = bytes(&filler.requests(len, &request));
            assert_eq!(whole.len() as u64, len);
            if len > 60 {
                assert!(
                    whole.chunks(BLOCK).all(|block| block.starts_with(b"GET /a") || len % BLOCK as u64 == 0) && whole.ends_with(&request)
                );
                let text = String::from_utf8(whole).unwrap();
                assert!(
                    text.replace("GET /a HTTP/1.1\r\nhost: h\r\n\r\n", "").bytes().all(|b| matches!(b, b'\r' | b'\n')),
                    "nothing between"
                );
            }
        }
    }

    #[test]
    fn a_part_stands_behind_the_others_and_the_form_is_closed() {
        let spec = spec::<SizeLimit>("{ post: /u, multipart: { title: street }, field: file, limit: 1MiB }").spec;
        let filler = Filler::new(&spec, "r");
        let base = crate::words::Base { url: "http://h/".parse().unwrap(), headers: Vec::new() };
        let out = spec.a.outgoing(&base, &crate::words::Values::default(), false).unwrap();
        assert_eq!(out.method, Method::POST);
        let sized = filler.body(30, 1, false);
        let made = filler.made(&spec, &out, &sized, Framing::Chunked).unwrap();
        let text = bytes(&made.whole);
        let kind = made.headers[0].1.to_str().unwrap();
        let boundary = kind.split_once("boundary=").unwrap().1;
        let shown = String::from_utf8_lossy(&text);
        assert_eq!(shown.matches(&format!("--{boundary}\r\n")).count(), 2, "{shown}");
        assert!(shown.ends_with(&format!("\r\n--{boundary}--\r\n")) && shown.contains("name=\"title\"\r\n\r\nstreet\r\n--"), "{shown}");
        let at = usize::try_from(made.before).unwrap();
        assert_eq!(&text[at..at + 30], bytes(&sized).as_slice());
        assert!(text[..at].ends_with(b"filename=\"allclear.bin\"\r\ncontent-type: application/octet-stream\r\n\r\n"));
    }
}
