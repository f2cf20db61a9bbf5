//! Payloads that are hard to frame: line ends, what looks like fields, characters of several bytes, and sizes at which buffers end.

/// One payload.
pub(super) struct Sent {
    /// What is in it.
    pub(super) name: String,
    /// The text.
    pub(super) text: String,
}

/// Sizes at which services cut, in bytes.
const SIZES: [usize; 2] = [64 << 10, 1 << 20];

/// The payloads up to a size, the small ones first.
pub(super) fn all(up_to: usize) -> Vec<Sent> {
    let small: [(&str, String); 6] = [
        ("line feeds", "one\ntwo\n\nfour\n".to_owned()),
        ("carriage returns", "one\rtwo\r\nthree\r".to_owned()),
        ("a leading space", " one\n two\n  three".to_owned()),
        ("colons and fields", ": no comment\ndata: no data\nevent: fake\nid: 0\nretry: 0\n\n:\n".to_owned()),
        // 1, 2, 3 and 4 bytes: over 8 KiB, so that a character lies across every edge of every buffer in some place.
        ("multi-byte characters", "aé€𝄞".repeat(1024)),
        ("a byte order mark", "\u{feff}one\n\u{feff}two".to_owned()),
    ];
    let mut all: Vec<Sent> =
        small.into_iter().filter(|(_, t)| t.len() <= up_to).map(|(name, text)| Sent { name: name.to_owned(), text }).collect();
    let mut sizes: Vec<usize> = SIZES.into_iter().filter(|size| *size < up_to).collect();
    sizes.push(up_to);
    all.extend(sizes.into_iter().map(|size| Sent { name: format!("{size} bytes"), text: plain(size) }));
    all
}

/// A text of so many bytes in which every place can be told from every other.
fn plain(size: usize) -> String {
    let mut text = String::with_capacity(size + 16);
    while text.len() < size {
        text += &format!("{} ", text.len());
    }
    text.truncate(size);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_payload_is_of_its_size_and_none_is_over_the_largest() {
        let sizes: Vec<usize> = all(1 << 20).iter().map(|p| p.text.len()).collect();
        assert_eq!(sizes[6..], [64 << 10, 1 << 20]);
        assert_eq!(all(100).last().map(|p| p.text.len()), Some(100));
        assert!(all(100).iter().all(|p| p.text.len() <= 100));
        assert!(all(1 << 20)[4].text.len() > 8 << 10);
    }
}
