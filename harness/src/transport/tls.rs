//! Encrypts a connection, and names what is wrong where that fails.

use super::{
    answer::TlsSeen,
    ask::{CaBundle, Endpoint, Speak, Step},
    body::hex,
    trouble::{OwnTrouble, TlsFault, Trouble},
    wire::Tap,
};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
};
use sha2::{Digest, Sha256};
use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// The configurations of a run: each is built once, when it is first needed, for it costs milliseconds.
#[derive(Default)]
pub(crate) struct Configs(Mutex<HashMap<Trust, Arc<ClientConfig>>>);

/// What makes two configurations differ: anybody is trusted, the authorities given, the protocols offered.
type Trust = (bool, Option<[u8; 32]>, Speak);

impl Configs {
    /// The configuration for an endpoint.
    ///
    /// # Errors
    /// [`OwnTrouble::NoRoots`] and [`OwnTrouble::BadCa`].
    pub(crate) fn of(&self, endpoint: &Endpoint) -> Step<Arc<ClientConfig>> {
        let key = (endpoint.insecure, endpoint.ca.as_ref().map(|ca| ca.fingerprint), endpoint.version);
        let mut built = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(config) = built.get(&key) {
            return Ok(config.clone());
        }
        let config = Arc::new(build(endpoint)?);
        built.insert(key, config.clone());
        Ok(config)
    }
}

/// Encrypts a connection to `host`.
///
/// # Errors
/// [`Trouble::Tls`], [`Trouble::NotHttp2`].
pub(crate) async fn handshake(
    config: Arc<ClientConfig>,
    host: &str,
    speak: Speak,
    tap: Tap,
    deadline: Instant,
) -> Step<(Box<TlsStream<Tap>>, Arc<TlsSeen>)> {
    let bare = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let name = ServerName::try_from(bare).map_err(|_| Trouble::Own(OwnTrouble::Request))?;
    let connecting = TlsConnector::from(config).connect(name, tap);
    let fault = |fault, detail: String| Trouble::Tls { fault, detail };
    let stream = match timeout_at(deadline, connecting).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(e)) => return Err(of_io(&e).unwrap_or_else(|| fault(TlsFault::Closed, e.to_string()))),
        Err(_) => return Err(fault(TlsFault::Timeout, "connected, no whole answer to the handshake".to_owned())),
    };
    let session = stream.get_ref().1;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let seen = TlsSeen {
        version: session.protocol_version().and_then(|v| v.as_str()).unwrap_or("unknown").to_owned(),
        cipher: session.negotiated_cipher_suite().and_then(|s| s.suite().as_str()).unwrap_or("unknown").to_owned(),
        alpn: session.alpn_protocol().map(text),
        certificate_sha256: session.peer_certificates().and_then(|c| c.first()).map(|c| hex(&Sha256::digest(c))).unwrap_or_default(),
    };
    if speak == Speak::Http2 && seen.alpn.as_deref() != Some("h2") {
        return Err(Trouble::NotHttp2 { detail: seen.alpn.unwrap_or_else(|| "no protocol".to_owned()) });
    }
    Ok((Box::new(stream), Arc::new(seen)))
}

/// The trouble behind an error of the encrypted stream; none where the error is the socket's.
pub(crate) fn of_io(e: &io::Error) -> Option<Trouble> {
    let error = e.get_ref()?.downcast_ref::<Error>()?;
    Some(Trouble::Tls { fault: fault_of(error), detail: error.to_string() })
}

fn fault_of(error: &Error) -> TlsFault {
    use CertificateError as Bad;
    match error {
        Error::InvalidCertificate(bad) => match bad {
            Bad::Expired | Bad::ExpiredContext { .. } => TlsFault::Expired,
            Bad::NotValidYet | Bad::NotValidYetContext { .. } => TlsFault::NotYetValid,
            Bad::NotValidForName | Bad::NotValidForNameContext { .. } => TlsFault::WrongHost,
            // A bad signature: an authority of the same name and another key, as after a private authority was made anew.
            Bad::UnknownIssuer | Bad::BadSignature => TlsFault::UnknownIssuer,
            Bad::Revoked => TlsFault::Revoked,
            // A self-signed certificate that is an authority at the same time, as `openssl req -x509` makes them.
            Bad::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => TlsFault::UnknownIssuer,
            _ => TlsFault::BadCertificate,
        },
        Error::AlertReceived(rustls::AlertDescription::ProtocolVersion | rustls::AlertDescription::HandshakeFailure) => TlsFault::Protocol,
        Error::AlertReceived(_) => TlsFault::Alert,
        Error::InvalidMessage(_) | Error::InappropriateMessage { .. } => TlsFault::NotTls,
        Error::NoCertificatesPresented => TlsFault::BadCertificate,
        _ => TlsFault::Protocol,
    }
}

fn build(endpoint: &Endpoint) -> Step<ClientConfig> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .expect("the provider has ciphers for the default versions");
    let mut config = match &endpoint.ca {
        _ if endpoint.insecure => builder.dangerous().with_custom_certificate_verifier(Arc::new(Anybody(provider))).with_no_client_auth(),
        Some(ca) => builder.with_root_certificates(roots(ca)?).with_no_client_auth(),
        None => {
            let verifier = rustls_platform_verifier::Verifier::new(provider).map_err(|_| Trouble::Own(OwnTrouble::NoRoots))?;
            builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth()
        }
    };
    config.alpn_protocols = match endpoint.version {
        Speak::Http11 => vec![b"http/1.1".to_vec()],
        // Both, so that a service without HTTP/2 says so by its choice and not by an alert.
        Speak::Http2 => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
    };
    Ok(config)
}

fn roots(ca: &CaBundle) -> Step<RootCertStore> {
    let bad = || Trouble::Own(OwnTrouble::BadCa);
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&ca.pem) {
        roots.add(certificate.map_err(|_| bad())?).map_err(|_| bad())?;
    }
    if roots.is_empty() { Err(bad()) } else { Ok(roots) }
}

/// Takes any certificate, and still checks that its holder signed the handshake.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
