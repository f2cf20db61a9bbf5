//! Encrypted connections: each bad certificate by its name, and a good one that is taken.

use crate::transport::{
    testing::{OK, Server, named, patient, read_head},
    *,
};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer},
};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

/// An authority of our own.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub pem: CaBundle,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("valid");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let pem = CaBundle::from_pem(params.self_signed(&key).expect("signed").pem().as_bytes());
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// A certificate for these names, valid from one year to another.
    pub(crate) fn certificate(&self, name: &str, years: (i32, i32)) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("valid");
        params.not_before = date_time_ymd(years.0, 1, 1);
        params.not_after = date_time_ymd(years.1, 1, 1);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("signed");
        (certificate.der().clone(), PrivateKeyDer::try_from(key.serialize_der()).expect("our own key"))
    }
}

pub(crate) fn acceptor(certificate: (CertificateDer<'static>, PrivateKeyDer<'static>), alpn: &[&str]) -> TlsAcceptor {
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider has ciphers for the default versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.0], certificate.1)
        .expect("key and certificate belong together");
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    TlsAcceptor::from(Arc::new(config))
}

async fn serve(acceptor: TlsAcceptor) -> Server {
    Server::start(move |_, stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            while !read_head(&mut stream).await.is_empty() {
                let _ = stream.write_all(OK.as_bytes()).await;
            }
        }
    })
    .await
}

/// `https://localhost:PORT/`, trusting `ca`.
pub(crate) fn endpoint(server: &Server, ca: Option<CaBundle>) -> Endpoint {
    let url = format!("https://localhost:{}/", server.addr.port());
    Endpoint { ca, ..Endpoint::new(url.parse().expect("the URL is valid")) }
}

async fn get(endpoint: &Endpoint) -> Result<Answer, Box<Failed>> {
    Exchange::default().send(endpoint, &Outgoing::get(endpoint.url.clone()), &patient()).await
}

#[tokio::test]
async fn a_certificate_of_a_trusted_authority_is_taken_and_what_was_negotiated_is_told() {
    let authority = Authority::new();
    let server = serve(acceptor(authority.certificate("localhost", (2000, 4000)), &["http/1.1"])).await;
    let endpoint = endpoint(&server, Some(authority.pem.clone()));
    let exchange = Exchange::default();
    for reused in [false, true] {
        let answer = exchange.send(&endpoint, &Outgoing::get(endpoint.url.clone()), &patient()).await.expect("an answer");
        let tls = answer.tls.expect("it is encrypted");
        assert_eq!((answer.status, answer.reused), (200, reused));
        assert_eq!((tls.version.as_str(), tls.alpn.as_deref(), tls.certificate_sha256.len()), ("TLSv1_3", Some("http/1.1"), 64));
    }
}

#[tokio::test]
async fn every_bad_certificate_has_its_name_and_insecure_takes_them_all() {
    let authority = Authority::new();
    for (name, years, ca, expected) in [
        ("localhost", (2000, 2001), Some(authority.pem.clone()), "tls-expired"),
        ("localhost", (3000, 4000), Some(authority.pem.clone()), "tls-not-yet-valid"),
        ("other.example", (2000, 4000), Some(authority.pem.clone()), "tls-wrong-host"),
        ("localhost", (2000, 4000), Some(Authority::new().pem), "tls-unknown-issuer"),
    ] {
        let server = serve(acceptor(authority.certificate(name, years), &[])).await;
        let mut endpoint = endpoint(&server, ca);
        let (got, failed) = named(get(&endpoint).await);
        assert_eq!(got, expected, "{failed}");
        assert!(!failed.trouble.confusable());
        endpoint.insecure = true;
        assert_eq!(get(&endpoint).await.expect("any certificate will do").status, 200);
    }
}

#[tokio::test]
async fn a_self_signed_certificate_has_an_unknown_issuer_for_this_machine() {
    for ca in [false, true] {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).expect("valid");
        params.is_ca = if ca { IsCa::Ca(BasicConstraints::Unconstrained) } else { IsCa::NoCa };
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("signed").der().clone();
        let server = serve(acceptor((certificate, PrivateKeyDer::try_from(key.serialize_der()).expect("our own key")), &[])).await;
        let (got, failed) = named(get(&endpoint(&server, None)).await);
        // A machine without any authority cannot tell, and says that it is its own fault.
        assert!(matches!(got, "tls-unknown-issuer" | "own-no-roots"), "{failed}");
    }
}

#[tokio::test]
async fn what_is_no_tls_at_all_is_named() {
    let server = Server::start(|_, mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        let _ = stream.read_to_end(&mut Vec::new()).await;
    })
    .await;
    let authority = Authority::new();
    assert_eq!(named(get(&endpoint(&server, Some(authority.pem.clone()))).await).0, "tls-not-tls");
    let server = Server::start(|_, stream| async move { drop(stream) }).await;
    assert_eq!(named(get(&endpoint(&server, Some(authority.pem.clone()))).await).0, "tls-closed");
    let server = Server::start(|_, mut stream| async move {
        let _ = stream.read_to_end(&mut Vec::new()).await;
    })
    .await;
    let endpoint = endpoint(&server, Some(authority.pem));
    let mut wishes = patient();
    wishes.timeouts.connect = std::time::Duration::from_millis(400);
    let sent = Exchange::default().send(&endpoint, &Outgoing::get(endpoint.url.clone()), &wishes).await;
    assert_eq!(named(sent).0, "tls-timeout");
}

#[tokio::test]
async fn a_file_without_certificates_is_this_machines_own_mistake() {
    let server = Server::start(|_, stream| async move { drop(stream) }).await;
    let (name, failed) = named(get(&endpoint(&server, Some(CaBundle::from_pem(b"no pem")))).await);
    assert_eq!((name, failed.trouble.own()), ("own-bad-ca", Some(OwnTrouble::BadCa)));
}

#[tokio::test]
async fn an_early_refusal_of_a_large_body_is_heard_through_tls() {
    let authority = Authority::new();
    let acceptor = acceptor(authority.certificate("localhost", (2000, 4000)), &[]);
    let server = Server::start(move |_, stream| {
        let acceptor = acceptor.clone();
        async move {
            stream.set_nodelay(true).expect("a connected socket takes options");
            let mut stream = acceptor.accept(stream).await.expect("a handshake");
            read_head(&mut stream).await;
            let _ = stream.write_all(b"HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\n\r\nlarge").await;
            let _ = stream.flush().await;
        }
    })
    .await;
    let endpoint = endpoint(&server, Some(authority.pem));
    let post = Outgoing::new(http::Method::POST, endpoint.url.clone()).body(vec![0; 20_000_000]);
    for _ in 0..5 {
        let answer = Exchange::default().send(&endpoint, &post, &patient()).await.expect("413 is an answer");
        assert_eq!((answer.status, answer.body.as_slice()), (413, &b"large"[..]));
    }
}
