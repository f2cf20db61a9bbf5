//! Reads an event stream as the HTML standard says (§9.2.5, §9.2.6), whatever pieces it comes in, and in bounded memory.

use super::{
    field::{self, Field},
    item::{Event, Fault, Item, Limits, Tail},
};
use memchr::{memchr2, memrchr2};
use std::{mem, ops::Range, str};

const CR: u8 = b'\r';
const LF: u8 = b'\n';
const BOM: [u8; 3] = [0xef, 0xbb, 0xbf];
/// A buffer larger than this is not kept for the next long line.
const KEPT: usize = 16 << 10;

/// A parser for one stream, fed with its bytes as they come. What is found goes to the caller at once, so that memory holds one
/// line and the data of one event at most; any cutting of the bytes gives the same items, timestamps apart.
#[derive(Debug)]
pub struct Parser<T> {
    limits: Limits,
    /// The bytes of a line that has not ended.
    carried: Vec<u8>,
    /// When the first of them came.
    carried_since: Option<T>,
    /// Bytes taken, of whole lines and their ends.
    at: u64,
    /// The last byte was a CR: an LF at the beginning of the next piece belongs to it.
    after_cr: bool,
    first_line: bool,
    done: bool,
    block: Block<T>,
    last_id: String,
}

/// The event that is being put together.
#[derive(Debug)]
struct Block<T> {
    /// When and where its first field began.
    began: Option<(T, u64)>,
    name: String,
    data: String,
    has_data: bool,
    id: Option<String>,
}

impl<T> Default for Block<T> {
    fn default() -> Self {
        Self { began: None, name: String::new(), data: String::new(), has_data: false, id: None }
    }
}

impl<T: Copy> Parser<T> {
    /// For a new stream.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self::resuming(limits, "")
    }

    /// For a stream that goes on where another broke off: events without an id of their own keep the last one, as browsers do.
    #[must_use]
    pub fn resuming(limits: Limits, last_id: &str) -> Self {
        Self {
            limits,
            carried: Vec::new(),
            carried_since: None,
            at: 0,
            after_cr: false,
            first_line: true,
            done: false,
            block: Block::default(),
            last_id: last_id.to_owned(),
        }
    }

    /// Reads the next bytes, which came at `at`. A line counts from its end on: also from a CR, without waiting whether an LF follows.
    pub fn feed(&mut self, bytes: &[u8], at: T, sink: &mut impl FnMut(Item<T>)) {
        let mut rest = bytes;
        if self.done || rest.is_empty() {
            return;
        }
        if mem::take(&mut self.after_cr) && rest[0] == LF {
            rest = &rest[1..];
            self.at += 1;
        }
        if !self.carried.is_empty() {
            let Some(len) = memchr2(CR, LF, rest) else { return self.carry(rest, at, sink) };
            let before = self.carried.len() as u64;
            self.carry(&rest[..len], at, sink);
            if self.done {
                return;
            }
            let line = mem::take(&mut self.carried);
            let began = self.carried_since.take().unwrap_or(at);
            self.raw_line(&line, began, at, sink);
            self.reuse(line);
            self.at += before;
            rest = self.past(rest, len);
        }
        let (whole, tail) = rest.split_at(memrchr2(CR, LF, rest).map_or(0, |last| last + 1));
        // Checked for UTF-8 in one go, which is several times faster than line by line; the first line may begin with a mark.
        match str::from_utf8(whole) {
            Ok(text) if !self.first_line => self.lines(whole, at, sink, |parser, range, sink| parser.line(&text[range], at, at, sink)),
            _ => self.lines(whole, at, sink, |parser, range, sink| parser.raw_line(&whole[range], at, at, sink)),
        }
        if !tail.is_empty() {
            self.after_cr = false;
            self.carry(tail, at, sink);
        }
    }

    /// The stream has ended: says what was left of it.
    #[must_use]
    pub fn end(self) -> Tail {
        let partial = match str::from_utf8(&self.carried) {
            Err(e) => Some(Fault::Utf8 { offset: self.at + e.valid_up_to() as u64 }),
            Ok(_) => None,
        };
        // Neither the beginning of a comment nor a byte order mark is the beginning of an event.
        let bare = if self.first_line { self.carried.strip_prefix(&BOM).unwrap_or(&self.carried) } else { &self.carried };
        let cut_short = bare.first().is_some_and(|first| *first != b':');
        let began = self.block.began.map(|(_, offset)| offset).or(cut_short.then_some(self.at));
        Tail { incomplete: began.is_some(), offset: began.unwrap_or(self.at + self.carried.len() as u64), fault: partial }
    }

    /// What a client that connects again must send as `Last-Event-ID`; empty: it sends none.
    #[must_use]
    pub fn last_event_id(&self) -> &str {
        &self.last_id
    }

    /// A cap was reached: nothing more is read.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.done
    }

    /// Bytes read so far.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.at + self.carried.len() as u64
    }

    /// Goes through lines that have all ended.
    fn lines<S: FnMut(Item<T>)>(&mut self, mut bytes: &[u8], at: T, sink: &mut S, mut read: impl FnMut(&mut Self, Range<usize>, &mut S)) {
        let mut start = 0;
        while !self.done
            && let Some(len) = memchr2(CR, LF, bytes)
        {
            self.hold_cap(len, at, sink);
            if !self.done {
                read(self, start..start + len, sink);
                let rest = self.past(bytes, len);
                start += bytes.len() - rest.len();
                bytes = rest;
            }
        }
    }

    /// Behind the line of that length and its end.
    fn past<'a>(&mut self, bytes: &'a [u8], len: usize) -> &'a [u8] {
        let mut taken = len + 1;
        if bytes[len] == CR {
            match bytes.get(len + 1) {
                Some(&LF) => taken += 1,
                Some(_) => {}
                None => self.after_cr = true,
            }
        }
        self.at += taken as u64;
        &bytes[taken..]
    }

    /// Keeps bytes of a line that has not ended.
    fn carry(&mut self, bytes: &[u8], at: T, sink: &mut impl FnMut(Item<T>)) {
        if bytes.is_empty() || self.done {
            return;
        }
        self.hold_cap(self.carried.len() + bytes.len(), at, sink);
        if !self.done {
            self.carried_since.get_or_insert(at);
            self.carried.extend_from_slice(bytes);
        }
    }

    /// Keeps the buffer of a line for the next, unless it was a long one: ten thousand streams would each keep the longest they had.
    fn reuse(&mut self, mut line: Vec<u8>) {
        if line.capacity() <= KEPT {
            line.clear();
            self.carried = line;
        }
    }

    fn hold_cap(&mut self, len: usize, at: T, sink: &mut impl FnMut(Item<T>)) {
        if len > self.limits.line {
            self.finish(at, Fault::LineOverCap { cap: self.limits.line, offset: self.at }, sink);
        }
    }

    /// A cap is reached: what is held is let go.
    fn finish(&mut self, at: T, fault: Fault, sink: &mut impl FnMut(Item<T>)) {
        self.done = true;
        self.carried = Vec::new();
        self.block.data = String::new();
        sink(Item::Fault { at, fault });
    }

    /// A line as it came, which begins at `self.at`.
    fn raw_line(&mut self, mut line: &[u8], began: T, at: T, sink: &mut impl FnMut(Item<T>)) {
        let mut offset = self.at;
        if mem::take(&mut self.first_line)
            && let Some(rest) = line.strip_prefix(&BOM)
        {
            line = rest;
            offset += BOM.len() as u64;
        }
        match str::from_utf8(line) {
            Ok(line) => self.line(line, began, at, sink),
            Err(e) => {
                sink(Item::Fault { at, fault: Fault::Utf8 { offset: offset + e.valid_up_to() as u64 } });
                // No CR or LF is ever part of a character, so a line read by itself gives what the whole stream would.
                self.line(&String::from_utf8_lossy(line), began, at, sink);
            }
        }
    }

    fn line(&mut self, line: &str, began: T, at: T, sink: &mut impl FnMut(Item<T>)) {
        let field = Field::of(line);
        match field {
            Field::Blank => return self.dispatch(at, sink),
            Field::Comment(text) => {
                return sink(Item::Comment { at, len: text.len(), head: field::head(text, Item::<T>::HEAD) });
            }
            _ => self.block.began.get_or_insert((began, self.at)),
        };
        let offset = self.at;
        match field {
            Field::Data(value) => self.data(value, at, sink),
            Field::Name(value) => value.clone_into(&mut self.block.name),
            Field::Id(value) if value.contains('\0') => sink(Item::Fault { at, fault: Fault::IdWithNul { offset } }),
            Field::Id(value) => self.block.id = Some(value.to_owned()),
            Field::Retry(value) => match field::millis(value) {
                Some(millis) => sink(Item::Retry { at, millis }),
                None => sink(Item::Fault { at, fault: Fault::BadRetry { text: field::head(value, Item::<T>::HEAD), offset } }),
            },
            Field::Blank | Field::Comment(_) | Field::Unknown => {}
        }
    }

    fn data(&mut self, value: &str, at: T, sink: &mut impl FnMut(Item<T>)) {
        let Block { data, has_data, began, .. } = &mut self.block;
        let joint = usize::from(*has_data);
        if data.len() + joint + value.len() > self.limits.event {
            let offset = began.map_or(self.at, |(_, offset)| offset);
            return self.finish(at, Fault::EventOverCap { cap: self.limits.event, offset }, sink);
        }
        if *has_data {
            data.push('\n');
        }
        *has_data = true;
        data.push_str(value);
    }

    /// The empty line (HTML §9.2.6, "dispatch the event"): the id counts even where there is no data, and so no event.
    fn dispatch(&mut self, at: T, sink: &mut impl FnMut(Item<T>)) {
        let Some((began, offset)) = self.block.began else { return };
        let Block { name, data, has_data, id, .. } = mem::take(&mut self.block);
        if let Some(id) = &id {
            self.last_id.clone_from(id);
        }
        if has_data {
            let name = if name.is_empty() { "message".to_owned() } else { name };
            sink(Item::Event(Event { began, at, name, data, id, last_id: self.last_id.clone(), offset }));
        }
    }
}
