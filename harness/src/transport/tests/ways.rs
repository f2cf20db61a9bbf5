//! Other ways to a service: proxies, Unix sockets, private name tables; and a command that shows the same again.

use super::tls::{Authority, acceptor, endpoint};
use crate::transport::{
    testing::{OK, Server, Then, named, patient, read_head, speak},
    *,
};
use http::{HeaderValue, Method, header};
use tokio::{
    io::{AsyncWriteExt, copy_bidirectional},
    net::{TcpSocket, TcpStream, UnixListener},
};

/// A proxy that tells what it was asked for, and tunnels.
async fn proxy(mut stream: TcpStream) {
    let head = read_head(&mut stream).await;
    let Some(target) = head.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next()) else {
        let _ = stream.write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{head}", head.len()).as_bytes()).await;
        return;
    };
    if !head.contains("proxy-authorization: Basic dXNlcjpwYSBzcw==\r\n") {
        let _ = stream.write_all(b"HTTP/1.1 407 Who\r\nContent-Length: 0\r\n\r\n").await;
        return;
    }
    let port = target.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a target has a port");
    let socket = TcpSocket::new_v4().expect("a socket");
    let mut there = socket.connect(([127, 0, 0, 1], port).into()).await.expect("the target listens");
    stream.write_all(b"HTTP/1.1 200 Go\r\n\r\n").await.expect("the client listens");
    let _ = copy_bidirectional(&mut stream, &mut there).await;
}

fn by(proxy: &Server, user: &str) -> Option<url::Url> {
    Some(format!("http://{user}{}/", proxy.addr).parse().expect("the URL is valid"))
}

#[tokio::test]
async fn a_proxy_is_given_the_whole_url_and_never_asked_for_its_name() {
    let proxy = Server::start(|_, stream| proxy(stream)).await;
    let mut endpoint = Endpoint::new("http://no.such.invalid/a?b".parse().expect("valid"));
    endpoint.proxy = by(&proxy, "");
    let answer = Exchange::default().send(&endpoint, &Outgoing::get(endpoint.url.clone()), &patient()).await.expect("an answer");
    let head = String::from_utf8_lossy(&answer.body).into_owned();
    assert!(head.starts_with("GET http://no.such.invalid/a?b HTTP/1.1\r\nhost: no.such.invalid\r\n"), "{head}");
}

#[tokio::test]
async fn a_proxy_tunnels_for_https_and_its_refusal_is_named() {
    let authority = Authority::new();
    let acceptor = acceptor(authority.certificate("localhost", (2000, 4000)), &[]);
    let server = Server::start(move |_, stream| {
        let acceptor = acceptor.clone();
        async move {
            let mut stream = acceptor.accept(stream).await.expect("a handshake");
            read_head(&mut stream).await;
            let _ = stream.write_all(OK.as_bytes()).await;
        }
    })
    .await;
    let proxy = Server::start(|_, stream| proxy(stream)).await;
    let mut endpoint = endpoint(&server, Some(authority.pem));
    let get = Outgoing::get(endpoint.url.clone());
    endpoint.proxy = by(&proxy, "user:pa%20ss@");
    let answer = Exchange::default().send(&endpoint, &get, &patient()).await.expect("an answer through the tunnel");
    assert_eq!((answer.status, answer.tls.is_some()), (200, true));
    endpoint.proxy = by(&proxy, "");
    let (name, failed) = named(Exchange::default().send(&endpoint, &get, &patient()).await);
    assert_eq!(name, "proxy");
    assert!(failed.to_string().contains("407"), "{failed}");
}

#[tokio::test]
async fn a_unix_socket_is_spoken_to_and_its_absence_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("api.sock");
    let listener = UnixListener::bind(&path).expect("the path is free");
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a client comes");
        read_head(&mut stream).await;
        let _ = stream.write_all(OK.as_bytes()).await;
    });
    let mut endpoint = Endpoint::new("http://api/".parse().expect("valid"));
    endpoint.unix = Some(path);
    let get = Outgoing::get(endpoint.url.clone());
    let answer = Exchange::default().send(&endpoint, &get, &patient()).await.expect("an answer");
    assert_eq!((answer.status, answer.remote), (200, None));
    endpoint.unix = Some(folder.path().join("absent.sock"));
    assert_eq!(named(Exchange::default().send(&endpoint, &get, &patient()).await).0, "unreachable");
}

#[tokio::test]
async fn a_private_name_table_is_used_and_requests_of_a_check_stay_at_one_address() {
    let server = Server::start(|_, stream| speak(stream, OK.into(), Then::Again)).await;
    let mut endpoint = Endpoint::new(format!("http://api.example:{}/", server.addr.port()).parse().expect("valid"));
    endpoint.resolve = vec![Resolve { host: "api.example".to_owned(), port: server.addr.port(), ip: server.addr.ip() }];
    let pins = Pins::new();
    let wishes = Wishes { pins: Some(pins.clone()), ..patient() };
    let exchange = Exchange::default();
    for reused in [false, true] {
        let answer = exchange.send(&endpoint, &Outgoing::get(endpoint.url.clone()), &wishes).await.expect("an answer");
        assert_eq!((answer.status, answer.reused), (200, reused));
    }
    assert_eq!(pins.get("api.example", server.addr.port()), Some(server.addr));
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_named() {
    let endpoint = Endpoint::new("http://no.such.invalid/".parse().expect("valid"));
    let (name, failed) = named(Exchange::default().send(&endpoint, &Outgoing::get(endpoint.url.clone()), &patient()).await);
    assert_eq!((name, failed.partial.is_none()), ("dns", true));
}

#[test]
fn the_command_shows_the_same_request_and_no_secret() {
    let mut endpoint = Endpoint::new("https://api.example/base/".parse().expect("valid"));
    endpoint.insecure = true;
    endpoint.resolve = vec![Resolve { host: "api.example".to_owned(), port: 443, ip: [10, 0, 0, 1].into() }];
    let url = endpoint.url_for("/jobs?token=s3cr3t-value").expect("valid");
    assert_eq!(url.as_str(), "https://api.example/base/jobs?token=s3cr3t-value");
    let mut bearer = HeaderValue::from_static("Bearer s3cr3t-value");
    bearer.set_sensitive(true);
    let mut post = Outgoing::new(Method::POST, url).header(header::AUTHORIZATION, bearer).body(&b"{\"it's\": 1}"[..]);
    post.shown = "POST /base/jobs?token=***".to_owned();
    assert_eq!(
        curl(&endpoint, &post),
        r#"curl -isS -X POST -H 'authorization: ***' --data-binary '{"it'\''s": 1}' --resolve api.example:443:10.0.0.1 -k 'https://api.example/base/jobs?token=***'"#
    );
    let get = Outgoing::get("http://u:p@h/a".parse().expect("valid"));
    assert_eq!(curl(&Endpoint::new("http://h/".parse().expect("valid")), &get), "curl -isS -u 'u:***' http://h/a");
}
