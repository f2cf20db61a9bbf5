//! Content codings: what packs well is unpacked, what packs too well is an attack.

use crate::transport::{
    testing::{OK, Server, Then, named, patient, read_head},
    *,
};
use flate2::{
    Compression,
    write::{DeflateEncoder, GzEncoder, ZlibEncoder},
};
use std::io::Write;

fn wishes() -> Wishes {
    let mut wishes = Wishes { decode: true, sha256: true, ..patient() };
    wishes.limits.body_keep = 8 << 20;
    wishes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("a Vec takes all");
    encoder.finish().expect("a Vec takes all")
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("a Vec takes all");
    encoder.finish().expect("a Vec takes all")
}

/// "hello" in brotli: one uncompressed meta-block (RFC 7932 §9.2), made by hand.
const BROTLI: &[u8] = &[0x0b, 0x02, 0x80, b'h', b'e', b'l', b'l', b'o', 0x03];

fn answer(coding: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn text() -> Vec<u8> {
    (0..5000).flat_map(|n| format!("line {n}\n").into_bytes()).collect()
}

#[tokio::test]
async fn every_offered_coding_is_undone() {
    let text = text();
    let mut bare = DeflateEncoder::new(Vec::new(), Compression::fast());
    bare.write_all(&text).expect("a Vec takes all");
    for (coding, packed, expected) in [
        ("gzip", gzip(&text), text.clone()),
        ("GZIP", [gzip(&text), gzip(b"more")].concat(), [text.as_slice(), b"more"].concat()),
        ("deflate", zlib(&text), text.clone()),
        ("deflate", bare.finish().expect("a Vec takes all"), text.clone()),
        // Packs 1000 to 1, and is not large enough to be an attack.
        ("deflate", zlib(&vec![0; 4 << 20]), vec![0; 4 << 20]),
        ("gzip", gzip(&vec![0; 4 << 20]), vec![0; 4 << 20]),
        ("br", BROTLI.to_vec(), b"hello".to_vec()),
        ("identity", text.clone(), text.clone()),
    ] {
        let server = Server::saying(answer(coding, &packed), Then::Hold).await;
        let got = server.get(&wishes()).await.unwrap_or_else(|failed| panic!("{coding}: {failed}"));
        assert!(got.body == expected, "{coding}: {} bytes for {}", got.body.len(), expected.len());
        assert_eq!((got.body_len, got.wire_len), (expected.len() as u64, packed.len() as u64));
    }
}

#[tokio::test]
async fn what_cannot_be_undone_is_named() {
    let packed = gzip(&text());
    let mut corrupt = packed.clone();
    corrupt[packed.len() / 2] ^= 0xff;
    for (coding, body, expected) in [
        ("gzip", packed[..packed.len() - 4].to_vec(), "decode-corrupt"),
        ("gzip", packed[..packed.len() / 2].to_vec(), "decode-corrupt"),
        ("deflate", zlib(&text())[..100].to_vec(), "decode-corrupt"),
        ("deflate", [zlib(b"hello"), b"more".to_vec()].concat(), "decode-corrupt"),
        ("br", BROTLI[..6].to_vec(), "decode-corrupt"),
        ("br", b"\xffnot brotli".to_vec(), "decode-corrupt"),
        ("gzip", b"not gzip at all".to_vec(), "decode-corrupt"),
        ("gzip", corrupt, "decode-corrupt"),
        ("zstd", b"x".to_vec(), "decode-coding"),
        ("gzip, gzip", gzip(&packed), "decode-coding"),
    ] {
        let server = Server::saying(answer(coding, &body), Then::Hold).await;
        let (name, failed) = named(server.get(&wishes()).await);
        assert_eq!(name, expected, "{coding}: {failed}");
        assert_eq!(failed.partial.expect("the head came").status, 200);
    }
}

#[tokio::test]
async fn a_bomb_is_stopped_early_and_named() {
    let server = Server::saying(answer("gzip", &gzip(&vec![0; 200 << 20])), Then::Hold).await;
    let (name, failed) = named(server.get(&wishes()).await);
    assert_eq!(name, "decode-bomb", "{failed}");
    let partial = failed.partial.expect("the head came");
    assert!(partial.body_len < 16 << 20, "stopped after {} bytes", partial.body_len);
}

#[tokio::test]
async fn nothing_is_offered_or_undone_unless_it_was_wished() {
    let packed = gzip(b"hello");
    let server = Server::saying(answer("gzip", &packed), Then::Hold).await;
    assert_eq!(server.get(&patient()).await.expect("an answer").body, packed);
    for (wishes, expected) in [(patient(), false), (wishes(), true)] {
        let server = Server::start(move |_, mut stream| async move {
            let head = read_head(&mut stream).await;
            let answer = if head.contains("accept-encoding: gzip, br, deflate\r\n") == expected { OK } else { "" };
            let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, answer.as_bytes()).await;
        })
        .await;
        assert_eq!(server.get(&wishes).await.expect("offered as wished").status, 200);
    }
}
