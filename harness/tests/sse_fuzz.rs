//! The event stream parser against a second, plain reading of the standard: any bytes, any cutting, the same outcome, and no panic.
//!
//! The corpus in `sse_corpus` is replayed in every run, with a bounded number of mutations of it by a generator with a fixed seed.
//! `ci/fuzz.sh` runs the same for as long as it is told to, from another seed each time.

use allclear::transport::sse::{Event, Item, Limits, Parser};
use std::{fs, path::Path, time::Duration};
use tokio::time::Instant;

/// Mutations of a run in `cargo test`.
const ROUNDS: u64 = 20_000;

/// What a stream comes to.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outcome {
    events: Vec<(String, String, Option<String>, String)>,
    comments: Vec<usize>,
    retries: Vec<u64>,
    last_id: String,
    incomplete: bool,
}

/// The fuzz body: reads the bytes in the cuts that they themselves say, and holds it against the plain reading.
fn body(input: &[u8]) {
    // The first byte says where it is cut; the rest is the stream.
    let Some((&cut, stream)) = input.split_first() else { return };
    let limits = Limits { line: 4096, event: 16384 };
    let (outcome, over) = parsed(stream, cut, limits);
    if !over {
        assert_eq!(outcome, plain(stream), "cut {cut}: {}", stream.escape_ascii());
    }
}

fn parsed(stream: &[u8], cut: u8, limits: Limits) -> (Outcome, bool) {
    let mut parser = Parser::new(limits);
    let mut outcome = Outcome::default();
    let mut over = false;
    let mut rest = stream;
    let mut turn = usize::from(cut);
    while !rest.is_empty() {
        // Pieces of 1, of a few and of all bytes.
        let size = match cut {
            0 => rest.len(),
            _ => {
                turn = turn * 31 % 251;
                turn % usize::from(cut).max(2) + 1
            }
        };
        let (piece, after) = rest.split_at(size.min(rest.len()));
        parser.feed(piece, (), &mut |item| match item {
            Item::Event(Event { name, data, id, last_id, .. }) => outcome.events.push((name, data, id, last_id)),
            Item::Comment { len, .. } => outcome.comments.push(len),
            Item::Retry { millis, .. } => outcome.retries.push(millis),
            Item::Fault { fault, .. } => over |= fault.is_final(),
        });
        rest = after;
    }
    outcome.last_id = parser.last_event_id().to_owned();
    outcome.incomplete = parser.end().incomplete;
    (outcome, over)
}

/// The standard word by word (HTML §9.2.5, §9.2.6), on the whole stream at once and without a thought for speed.
fn plain(stream: &[u8]) -> Outcome {
    let decoded = String::from_utf8_lossy(stream);
    let text = decoded.strip_prefix('\u{feff}').unwrap_or(&decoded);
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut outcome = Outcome::default();
    let mut lines: Vec<&str> = text.split('\n').collect();
    let unended = lines.pop().unwrap_or_default();
    let (mut data, mut name, mut id, mut own, mut fields) = (String::new(), String::new(), String::new(), None, false);
    for line in lines {
        if line.is_empty() {
            outcome.last_id.clone_from(&id);
            if let Some(data) = data.strip_suffix('\n') {
                let name = if name.is_empty() { "message".to_owned() } else { name };
                outcome.events.push((name, data.to_owned(), own, id.clone()));
            }
            (data, name, own, fields) = (String::new(), String::new(), None, false);
            continue;
        }
        if let Some(comment) = line.strip_prefix(':') {
            outcome.comments.push(comment.len());
            continue;
        }
        fields = true;
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut name),
            "data" => {
                data.push_str(value);
                data.push('\n');
            }
            "id" if !value.contains('\0') => {
                value.clone_into(&mut id);
                own = Some(value.to_owned());
            }
            "retry" if !value.is_empty() && value.chars().all(|c| c.is_ascii_digit()) => {
                outcome.retries.push(value.parse().unwrap_or(u64::MAX));
            }
            _ => {}
        }
    }
    outcome.incomplete = fields || (!unended.is_empty() && !unended.starts_with(':'));
    outcome
}

/// Numbers that look random (xorshift64*, Vigna 2016): enough to mutate by, and the same for the same seed everywhere.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % n.max(1) as u64).expect("it is below a usize")
    }
}

/// Bits of which streams are made.
const BITS: &[&[u8]] = &[
    b"data: ",
    b"data",
    b"data:",
    b"event: ",
    b"id: ",
    b"id",
    b"retry: ",
    b":",
    b" ",
    b"\n",
    b"\r",
    b"\r\n",
    b"\n\n",
    b"\r\r",
    b"\0",
    b"\xef\xbb\xbf",
    b"\xe2\x82\xac",
    b"\xe2\x82",
    b"\xff",
    b"\xf0\x9f\x98\x80",
    b"99999999999999999999",
    b"0",
    b"+",
];

/// Another input, made of these.
fn mutated(corpus: &[Vec<u8>], numbers: &mut Numbers) -> Vec<u8> {
    let mut input = corpus[numbers.below(corpus.len())].clone();
    for _ in 0..=numbers.below(6) {
        let at = numbers.below(input.len() + 1);
        let to = (at + numbers.below(12)).min(input.len());
        match numbers.below(6) {
            0 => drop(input.drain(at..to)),
            1 => drop(input.splice(at..at, BITS[numbers.below(BITS.len())].iter().copied())),
            2 => drop(input.splice(at..to, BITS[numbers.below(BITS.len())].iter().copied())),
            3 => {
                let other = &corpus[numbers.below(corpus.len())];
                let from = numbers.below(other.len() + 1);
                let until = (from + numbers.below(40)).min(other.len());
                drop(input.splice(at..to, other[from..until].iter().copied()));
            }
            4 => input.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << numbers.below(8)),
            _ => {
                let again = input[at..to].to_vec();
                drop(input.splice(at..at, again));
            }
        }
    }
    if let Some(cut) = input.first_mut() {
        *cut = u8::try_from(numbers.below(12)).expect("it is small");
    }
    input
}

fn corpus() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sse_corpus");
    let mut files: Vec<_> = fs::read_dir(folder).expect("the corpus is there").map(|entry| entry.expect("it can be read").path()).collect();
    files.retain(|file| file.file_name().is_some_and(|name| !name.as_encoded_bytes().starts_with(b".")));
    files.sort();
    files.iter().map(|file| fs::read(file).expect("it can be read")).collect()
}

#[test]
fn the_corpus_is_read_as_the_standard_says_in_every_cut() {
    let corpus = corpus();
    assert!(corpus.len() >= 10, "the corpus has {} files", corpus.len());
    let mut events = 0;
    for input in &corpus {
        for cut in 0..=u8::try_from(input.len().min(64)).expect("it is small") {
            body(&[&[cut], &input[1..]].concat());
        }
        events += plain(&input[1..]).events.len();
    }
    assert!(events >= 20, "the corpus has {events} events");
}

#[test]
fn mutations_of_the_corpus_are_read_as_the_standard_says() {
    let corpus = corpus();
    let (seed, seconds) = wished();
    let mut numbers = Numbers(seed | 1);
    let began = Instant::now();
    let mut rounds = 0;
    while rounds < ROUNDS || began.elapsed() < seconds {
        body(&mutated(&corpus, &mut numbers));
        rounds += 1;
    }
}

/// The seed and the least time, as `ci/fuzz.sh` gives them: without, the seed is fixed and the number of rounds bounds the run.
#[expect(clippy::disallowed_methods, reason = "a test has no main that could read the environment for it")]
fn wished() -> (u64, Duration) {
    let number = |name| std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")));
    (number("ALLCLEAR_FUZZ_SEED").unwrap_or(0x5eed), Duration::from_secs(number("ALLCLEAR_FUZZ_SECONDS").unwrap_or(0)))
}
