//! HTTP/2, frame by frame: the other side is a script that reads and writes frames.

use super::*;
use tokio::io::{AsyncRead, AsyncReadExt};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// `:status: 200` from the static table (RFC 7541, appendix A).
const OK: &[u8] = &[0x88];

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(payload.len()).expect("small").to_be_bytes();
    [&len[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Vec<u8>,
}

async fn read_frame(from: &mut (impl AsyncRead + Unpin)) -> Option<Frame> {
    let mut head = [0; 9];
    from.read_exact(&mut head).await.ok()?;
    let len = u32::from_be_bytes([0, head[0], head[1], head[2]]);
    let mut payload = vec![0; len as usize];
    from.read_exact(&mut payload).await.ok()?;
    let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
    Some(Frame { kind: head[3], flags: head[4], stream, payload })
}

/// Speaks the beginning of a connection, answers the first request with 200, and then says what it is told to. Tells every frame
/// that comes.
async fn scripted() -> (Server, mpsc::UnboundedSender<Say>, mpsc::UnboundedReceiver<Frame>) {
    let (say, said) = mpsc::unbounded_channel();
    let (tell, told) = mpsc::unbounded_channel();
    let said = std::sync::Arc::new(std::sync::Mutex::new(Some(said)));
    let server = Server::start(move |_, stream: TcpStream| {
        let (said, tell) = (said.lock().expect("nobody panics with it").take(), tell.clone());
        async move {
            let Some(mut said) = said else { return };
            let (mut from, mut to) = stream.into_split();
            let mut preface = [0; 24];
            from.read_exact(&mut preface).await.expect("the preface comes");
            // Ours, and that we have seen theirs: only then are they in force (RFC 9113 §6.5.3).
            to.write_all(&[frame(SETTINGS, 0, 0, &[]), frame(SETTINGS, ACK, 0, &[])].concat()).await.expect("the client is there");
            while let Some(frame) = read_frame(&mut from).await {
                let is_request = frame.kind == HEADERS;
                let _ = tell.send(frame);
                if is_request {
                    break;
                }
            }
            to.write_all(&frame(HEADERS, END_HEADERS, 1, OK)).await.expect("the client is there");
            let reading = async {
                while let Some(frame) = read_frame(&mut from).await {
                    let _ = tell.send(frame);
                }
                drop(tell);
                std::future::pending::<()>().await;
            };
            let writing = async {
                while let Some(say) = said.recv().await {
                    match say {
                        // A client that has gone reads nothing.
                        Say::Bytes(bytes) => drop(to.write_all(&bytes).await),
                        Say::Reset => return,
                    }
                }
                std::future::pending::<()>().await;
            };
            tokio::select! { () = reading => {}, () = writing => {} }
        }
    })
    .await;
    (server, say, told)
}

async fn open(server: &Server, opening: &Opening) -> Streaming {
    let endpoint = Endpoint { version: Speak::Http2, ..server.endpoint() };
    soon(Exchange::default().open(&endpoint, &Outgoing::get(server.url("/")), opening)).await.expect("a stream opens")
}

fn send(say: &mpsc::UnboundedSender<Say>, frame: Vec<u8>) {
    assert!(say.send(Say::Bytes(frame)).is_ok(), "the server is there");
}

/// The next frame of that kind.
async fn next(told: &mut mpsc::UnboundedReceiver<Frame>, kind: u8) -> Frame {
    loop {
        let frame = soon(told.recv()).await.expect("the connection is there");
        if frame.kind == kind {
            return frame;
        }
    }
}

#[tokio::test]
async fn every_data_frame_is_a_piece_and_end_stream_the_end() {
    let (server, say, _told) = scripted().await;
    let mut stream = open(&server, &opening()).await;
    assert_eq!((stream.answer().status, stream.answer().version), (200, Version::Http2));
    let nothing = tokio::time::timeout(Duration::from_millis(50), stream.next()).await;
    assert!(nothing.is_err(), "nothing was sent");
    send(&say, [frame(DATA, 0, 1, b"one"), frame(DATA, 0, 1, b""), frame(DATA, 0, 1, b"two")].concat());
    assert_eq!((piece(&mut stream).await, piece(&mut stream).await), ("one".to_owned(), "two".to_owned()));
    assert_eq!(stream.ended_by(), None);
    send(&say, frame(DATA, END_STREAM, 1, b"three"));
    assert_eq!(rest(&mut stream).await, ("three".to_owned(), Ok(Some(EndedBy::EndStream))));
    assert_eq!(stream.received(), 11);
}

#[tokio::test]
async fn a_stream_or_connection_that_is_ended_by_an_error_is_no_end() {
    for end in ["reset", "goaway", "closed"] {
        let (server, say, _told) = scripted().await;
        let mut stream = open(&server, &opening()).await;
        send(&say, frame(DATA, 0, 1, b"one"));
        assert_eq!(piece(&mut stream).await, "one");
        match end {
            "reset" => send(&say, frame(RST_STREAM, 0, 1, &2u32.to_be_bytes())),
            "goaway" => send(&say, frame(GOAWAY, 0, 0, &[0, 0, 0, 0, 0, 0, 0, 1])),
            _ => assert!(say.send(Say::Reset).is_ok()),
        }
        let (text, ended) = rest(&mut stream).await;
        assert_eq!((text.as_str(), ended), ("", Err("http2")), "{end}");
    }
}

#[tokio::test]
async fn an_abort_or_a_drop_resets_the_stream_with_cancel() {
    for leave in [|stream: Streaming| drop(stream), Streaming::abort] {
        let (server, say, mut told) = scripted().await;
        let mut stream = open(&server, &opening()).await;
        send(&say, frame(DATA, 0, 1, b"one"));
        assert_eq!(piece(&mut stream).await, "one");
        leave(stream);
        let reset = next(&mut told, RST_STREAM).await;
        assert_eq!((reset.stream, reset.payload.as_slice()), (1, &8u32.to_be_bytes()[..]), "error code CANCEL (RFC 9113 §7)");
    }
}

#[tokio::test]
async fn the_window_is_the_wished_one_and_opens_only_as_pieces_are_read() {
    const WINDOW: u32 = 1000;
    const INITIAL_WINDOW_SIZE: u16 = 4;
    let (server, say, mut told) = scripted().await;
    let mut stream = open(&server, &Opening { receive_buffer: Some(WINDOW), ..opening() }).await;
    let settings = next(&mut told, SETTINGS).await;
    assert_eq!(settings.flags, 0);
    let window = settings.payload.chunks(6).find(|s| s[..2] == INITIAL_WINDOW_SIZE.to_be_bytes()).map(|s| s[2..].to_vec());
    assert_eq!(window, Some(WINDOW.to_be_bytes().to_vec()));
    send(&say, frame(DATA, 0, 1, &[b'x'; WINDOW as usize]));
    // The window of the stream, not that of the connection.
    let opened = async {
        loop {
            let update = next(&mut told, WINDOW_UPDATE).await;
            if update.stream == 1 {
                return update.payload;
            }
        }
    };
    let mut opened = std::pin::pin!(opened);
    assert!(tokio::time::timeout(Duration::from_millis(100), &mut opened).await.is_err(), "nothing was read yet");
    assert_eq!(piece(&mut stream).await.len(), WINDOW as usize);
    assert_eq!(soon(opened).await, WINDOW.to_be_bytes());
}
