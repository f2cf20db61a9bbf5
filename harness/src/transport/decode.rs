//! Undoes gzip, deflate and brotli as a stream, and stops at what unpacks without end.

use super::{
    ask::Step,
    body::Store,
    head::quote,
    trouble::{DecodeFault as Fault, Trouble},
};
use flate2::{Decompress, FlushDecompress, Status, write::MultiGzDecoder};
use std::io::{self, Write};

/// What is offered in Accept-Encoding.
pub(crate) const OFFER: &str = "gzip, br, deflate";

/// Output up to this size is never taken for an attack, in bytes.
const INNOCENT: u64 = 8 << 20;
/// Beyond it, output larger than this many times the input is. Text seldom packs better than 20 to 1.
const RATIO: u64 = 100;
/// Input is unpacked in pieces of this size, so that one never unpacks to more than a few MiB in memory.
const PIECE: usize = 1024;

/// One content coding being undone.
pub(crate) struct Decoder {
    coding: Coding,
    input: u64,
}

enum Coding {
    Gzip(MultiGzDecoder<Vec<u8>>),
    /// Deflate is zlib-wrapped by the standard (RFC 9110 §8.4.1.2) and bare in many servers: its first byte tells.
    DeflateUndecided,
    Deflate(Inflate),
    Brotli(Box<brotli_decompressor::DecompressorWriter<Vec<u8>>>),
}

/// Deflate, followed to its end: the library's own writer takes a stream that breaks off for a whole one.
pub(crate) struct Inflate {
    state: Decompress,
    pub out: Vec<u8>,
    pub ended: bool,
}

impl Inflate {
    /// With a zlib header and checksum, or bare.
    pub(crate) fn new(zlib: bool) -> Self {
        Self { state: Decompress::new(zlib), out: Vec::new(), ended: false }
    }

    fn feed(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self.feed_some(bytes)? {
            taken if taken < bytes.len() => Err(io::Error::other("more bytes follow its end")),
            _ => Ok(()),
        }
    }

    /// Unpacks into `out` all that the input gives, and stops at the end of the stream. Gives the bytes taken.
    pub(crate) fn feed_some(&mut self, mut bytes: &[u8]) -> io::Result<usize> {
        let given = bytes.len();
        loop {
            if self.ended {
                return Ok(given - bytes.len());
            }
            self.out.reserve(16 << 10);
            let (before, written) = (self.state.total_in(), self.state.total_out());
            let status = self.state.decompress_vec(bytes, &mut self.out, FlushDecompress::None)?;
            let taken = self.state.total_in() - before;
            bytes = &bytes[usize::try_from(taken).expect("no more is taken than was given")..];
            self.ended = status == Status::StreamEnd;
            // With room left in the output, all that the input gives has been given.
            if bytes.is_empty() && (self.ended || self.out.len() < self.out.capacity()) {
                return Ok(given);
            }
            if taken == 0 && self.state.total_out() == written && !self.ended {
                return Err(io::Error::other("it does not go on"));
            }
        }
    }
}

impl Decoder {
    /// The decoder for these Content-Encoding fields; none where nothing is to be undone.
    ///
    /// # Errors
    /// Where the coding was not offered, or several are on top of each other.
    pub(crate) fn of<'a>(fields: impl Iterator<Item = &'a [u8]>) -> Step<Option<Self>> {
        let mut coding = None;
        for value in fields {
            for name in value.split(|b| *b == b',').map(<[u8]>::trim_ascii) {
                let next = match name.to_ascii_lowercase().as_slice() {
                    b"" | b"identity" => continue,
                    b"gzip" | b"x-gzip" => Coding::Gzip(MultiGzDecoder::new(Vec::new())),
                    b"deflate" => Coding::DeflateUndecided,
                    b"br" => Coding::Brotli(Box::new(brotli_decompressor::DecompressorWriter::new(Vec::new(), 4096))),
                    _ => return Err(trouble(Fault::Coding, format!("{} was not offered", quote(name)))),
                };
                if coding.replace(next).is_some() {
                    return Err(trouble(Fault::Coding, "several codings on top of each other".to_owned()));
                }
            }
        }
        Ok(coding.map(|coding| Self { coding, input: 0 }))
    }

    /// Unpacks the next piece of input.
    pub(crate) fn feed(&mut self, bytes: &[u8], store: &mut Store) -> Step<()> {
        if let (Coding::DeflateUndecided, Some(first)) = (&self.coding, bytes.first()) {
            // The low half of a zlib header's first byte is 8, which in bare deflate would be a reserved or a stored block.
            self.coding = Coding::Deflate(Inflate::new(first & 0x0f == 8));
        }
        for piece in bytes.chunks(PIECE) {
            self.input += piece.len() as u64;
            match &mut self.coding {
                Coding::Gzip(d) => d.write_all(piece),
                Coding::Deflate(d) => d.feed(piece),
                Coding::Brotli(d) => d.write_all(piece),
                Coding::DeflateUndecided => Ok(()),
            }
            .map_err(|e| trouble(Fault::Corrupt, e.to_string()))?;
            self.hand_on(store)?;
        }
        Ok(())
    }

    /// The input has ended: so must the coding.
    pub(crate) fn finish(&mut self, store: &mut Store) -> Step<()> {
        match &mut self.coding {
            Coding::Gzip(d) => d.try_finish(),
            Coding::Deflate(d) if d.ended => Ok(()),
            Coding::Deflate(_) => Err(io::ErrorKind::UnexpectedEof.into()),
            Coding::Brotli(d) => d.close(),
            Coding::DeflateUndecided => Ok(()),
        }
        // The libraries do not tell a wrong checksum from a missing one.
        .map_err(|_| trouble(Fault::Corrupt, "it breaks off, or its checksum does not match".to_owned()))?;
        self.hand_on(store)
    }

    fn hand_on(&mut self, store: &mut Store) -> Step<()> {
        let out = match &mut self.coding {
            Coding::Gzip(d) => d.get_mut(),
            Coding::Deflate(d) => &mut d.out,
            Coding::Brotli(d) => d.get_mut(),
            Coding::DeflateUndecided => return Ok(()),
        };
        let put = store.put(out);
        out.clear();
        if is_bomb(self.input, store.len) {
            return Err(trouble(Fault::Bomb, format!("{} bytes unpack to more than {}", self.input, store.len)));
        }
        put
    }
}

/// So much output from so little input that it is taken for an attack.
pub(crate) fn is_bomb(input: u64, output: u64) -> bool {
    output > INNOCENT && output > input.saturating_mul(RATIO)
}

fn trouble(fault: Fault, detail: String) -> Trouble {
    Trouble::Decode { fault, detail }
}
