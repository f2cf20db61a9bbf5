//! Undoes gzip (RFC 1952) as it comes: whatever the input so far decides is given out at once, and nothing is waited for.

use super::super::{
    ask::Step,
    decode::{self, Inflate},
    head::quote,
    trouble::{DecodeFault as Fault, Trouble},
};
use flate2::Crc;

const FHCRC: u8 = 2;
const FEXTRA: u8 = 4;
const FNAME: u8 = 8;
const FCOMMENT: u8 = 16;
/// Input is unpacked in pieces of this size, so that what is taken for an attack is noticed after a few MiB.
const PIECE: usize = 1024;

/// A gzip stream, of one member or several.
pub(super) struct Gunzip {
    part: Part,
    input: u64,
    output: u64,
    /// Of the member at hand.
    crc: Crc,
}

/// Where in a member the next byte belongs.
enum Part {
    /// The ten fixed bytes.
    Fixed(Vec<u8>),
    /// The length of the extra field, its bytes, two texts that end in NUL, a checksum; those whose flag is still set.
    Optional {
        flags: u8,
        seen: Vec<u8>,
        skip: usize,
    },
    Packed(Box<Inflate>),
    /// Checksum and length.
    Trailer(Vec<u8>),
}

impl Gunzip {
    /// For an answer with these Content-Encoding fields; none where nothing is to be undone.
    ///
    /// # Errors
    /// Where the coding is not gzip, or there are several on top of each other.
    pub(super) fn of<'a>(fields: impl Iterator<Item = &'a [u8]>) -> Step<Option<Self>> {
        let mut found = false;
        for value in fields {
            for name in value.split(|b| *b == b',').map(<[u8]>::trim_ascii) {
                match name.to_ascii_lowercase().as_slice() {
                    b"" | b"identity" => {}
                    b"gzip" | b"x-gzip" if !found => found = true,
                    b"gzip" | b"x-gzip" => return Err(trouble(Fault::Coding, "several codings on top of each other")),
                    _ => return Err(trouble(Fault::Coding, format!("{} was not offered", quote(name)))),
                }
            }
        }
        Ok(found.then(|| Self { part: Part::Fixed(Vec::new()), input: 0, output: 0, crc: Crc::new() }))
    }

    /// Unpacks the next piece of input. What could be unpacked before an error comes with it.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> (Vec<u8>, Step<()>) {
        let mut out = Vec::new();
        let outcome = bytes.chunks(PIECE).try_for_each(|piece| {
            self.input += piece.len() as u64;
            self.piece(piece, &mut out)
        });
        (out, outcome)
    }

    /// The input has ended: so must the last member.
    ///
    /// # Errors
    /// Where it has not.
    pub(super) fn finish(&self) -> Step<()> {
        match &self.part {
            Part::Fixed(seen) if seen.is_empty() => Ok(()),
            _ => Err(trouble(Fault::Corrupt, "it breaks off")),
        }
    }

    fn piece(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) -> Step<()> {
        while let Some(&first) = bytes.first() {
            match &mut self.part {
                Part::Fixed(seen) => {
                    seen.push(first);
                    bytes = &bytes[1..];
                    if !could_be_gzip(seen) {
                        return Err(trouble(Fault::Corrupt, "it does not begin as gzip does"));
                    }
                    if let [_, _, _, flags, _, _, _, _, _, _] = seen[..] {
                        self.part = optional(flags & (FEXTRA | FNAME | FCOMMENT | FHCRC), 0);
                    }
                }
                Part::Optional { skip, flags, .. } if *skip > 0 => {
                    let taken = (*skip).min(bytes.len());
                    self.part = optional(*flags, *skip - taken);
                    bytes = &bytes[taken..];
                }
                Part::Optional { flags, seen, .. } => {
                    bytes = &bytes[1..];
                    let next = match *flags {
                        f if f & FEXTRA != 0 => {
                            seen.push(first);
                            if let [low, high] = seen[..] { Some((FEXTRA, usize::from(u16::from_le_bytes([low, high])))) } else { None }
                        }
                        f if f & FNAME != 0 => (first == 0).then_some((FNAME, 0)),
                        f if f & FCOMMENT != 0 => (first == 0).then_some((FCOMMENT, 0)),
                        _ => {
                            seen.push(first);
                            (seen.len() == 2).then_some((FHCRC, 0))
                        }
                    };
                    if let Some((done, skip)) = next {
                        self.part = optional(*flags & !done, skip);
                    }
                }
                Part::Packed(inflate) => {
                    let taken = inflate.feed_some(bytes).map_err(|e| trouble(Fault::Corrupt, e.to_string()))?;
                    bytes = &bytes[taken..];
                    self.crc.update(&inflate.out);
                    self.output += inflate.out.len() as u64;
                    out.append(&mut inflate.out);
                    if inflate.ended {
                        self.part = Part::Trailer(Vec::new());
                    }
                    if decode::is_bomb(self.input, self.output) {
                        return Err(trouble(Fault::Bomb, format!("{} bytes unpack to more than {}", self.input, self.output)));
                    }
                }
                Part::Trailer(seen) => {
                    seen.push(first);
                    bytes = &bytes[1..];
                    if let [a, b, c, d, e, f, g, h] = seen[..] {
                        let told = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
                        if told != (self.crc.sum(), self.crc.amount()) {
                            return Err(trouble(Fault::Corrupt, "its checksum does not match"));
                        }
                        self.crc = Crc::new();
                        self.part = Part::Fixed(Vec::new());
                    }
                }
            }
        }
        Ok(())
    }
}

/// Magic number, deflate, no reserved flag.
fn could_be_gzip(seen: &[u8]) -> bool {
    let magic = [0x1f, 0x8b, 8];
    let fixed = &seen[..seen.len().min(magic.len())];
    magic.starts_with(fixed) && seen.get(3).is_none_or(|flags| flags & 0xe0 == 0)
}

/// What follows where these parts of the header are still to come.
fn optional(flags: u8, skip: usize) -> Part {
    if flags == 0 && skip == 0 { Part::Packed(Box::new(Inflate::new(false))) } else { Part::Optional { flags, seen: Vec::new(), skip } }
}

fn trouble(fault: Fault, detail: impl Into<String>) -> Trouble {
    Trouble::Decode { fault, detail: detail.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, GzBuilder, write::GzEncoder};
    use std::io::Write as _;

    fn gunzip() -> Gunzip {
        Gunzip::of([&b"gzip"[..]].into_iter()).expect("gzip is offered").expect("it is to be undone")
    }

    #[test]
    fn what_was_flushed_comes_out_at_once() {
        let mut gunzip = gunzip();
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        let mut taken = 0;
        for n in 0..200 {
            let event = format!("id: {n}\ndata: {}\n\n", "x".repeat(n * 7 % 300));
            encoder.write_all(event.as_bytes()).expect("memory");
            encoder.flush().expect("memory");
            let (out, outcome) = gunzip.feed(&encoder.get_ref()[taken..]);
            taken = encoder.get_ref().len();
            assert_eq!((String::from_utf8(out).as_deref(), outcome), (Ok(event.as_str()), Ok(())), "event {n}");
        }
        assert_eq!(gunzip.finish().map_err(|t| t.name()), Err("decode-corrupt"), "it has not ended yet");
        let whole = encoder.finish().expect("memory");
        assert_eq!(gunzip.feed(&whole[taken..]), (Vec::new(), Ok(())));
        assert_eq!(gunzip.finish(), Ok(()));
    }

    #[test]
    fn every_part_of_a_header_and_several_members_are_read_in_any_pieces() {
        let member = |text: &str| {
            let mut encoder = GzBuilder::new().filename("name").comment("words").extra(vec![7; 300]).write(Vec::new(), Compression::best());
            encoder.write_all(text.as_bytes()).expect("memory");
            encoder.finish().expect("memory")
        };
        let mut wire = member("one ");
        wire.extend(member("two"));
        for step in [1, 2, 7, 299, wire.len()] {
            let mut gunzip = gunzip();
            let mut text = Vec::new();
            for piece in wire.chunks(step) {
                let (out, outcome) = gunzip.feed(piece);
                assert_eq!(outcome, Ok(()), "in steps of {step}");
                text.extend(out);
            }
            assert_eq!((text.as_slice(), gunzip.finish()), (&b"one two"[..], Ok(())), "in steps of {step}");
        }
    }

    #[test]
    fn what_is_not_whole_gzip_is_named() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(b"hello").expect("memory");
        let good = encoder.finish().expect("memory");
        let mut sum = good.clone();
        let at = sum.len() - 8;
        sum[at] ^= 1;
        let mut reserved = good.clone();
        reserved[3] = 0x80;
        for bad in [sum, reserved, b"data: x\n\n".to_vec(), [good.as_slice(), b"junk"].concat()] {
            let mut gunzip = gunzip();
            assert_eq!(gunzip.feed(&bad).1.map_err(|t| t.name()), Err("decode-corrupt"), "{bad:?}");
        }
        for cut in 1..good.len() {
            let mut gunzip = gunzip();
            assert_eq!(gunzip.feed(&good[..cut]).1, Ok(()));
            assert_eq!(gunzip.finish().map_err(|t| t.name()), Err("decode-corrupt"), "cut at {cut}");
        }
        let name = |coding: &[u8]| Gunzip::of([coding].into_iter()).err().map(|t| t.name());
        assert_eq!((name(b"br"), name(b"gzip, gzip"), name(b"identity")), (Some("decode-coding"), Some("decode-coding"), None));
    }

    #[test]
    fn what_unpacks_without_end_is_stopped() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        for _ in 0..64 {
            encoder.write_all(&[0; 1 << 20]).expect("memory");
        }
        let (out, outcome) = gunzip().feed(&encoder.finish().expect("memory"));
        assert_eq!(outcome.map_err(|t| t.name()), Err("decode-bomb"));
        assert!(out.len() < 16 << 20, "{} bytes", out.len());
    }
}
