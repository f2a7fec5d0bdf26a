//! TLS on either side: what passes inside is forwarded and recorded as plain text.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature,
};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::server::{Acceptor, ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore,
    ServerConfig, SignatureScheme,
};
use tokio_rustls::server::StartHandshake;
use tokio_rustls::{LazyConfigAcceptor, TlsConnector, TlsStream};

use super::authority::Authority;

/// How long a handshake may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Which targets are trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Those that the system's authorities have certified.
    System,
    /// Those that an authority in this file has certified, and those whose certificate is there itself: certificates as PEM.
    File(PathBuf),
    /// All of them.
    Anything,
}

/// Why nothing can be trusted.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// There are no certificates.
    #[error("{} holds no certificates of an authority as PEM: {cause}", path.display())]
    File {
        /// Where they should be.
        path: PathBuf,
        /// What is wrong with them.
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The system has none.
    #[error(
        "the system has no authorities: name some with --tls-ca FILE, or accept any certificate with --tls-insecure"
    )]
    NoneOfSystem,
    /// Something that is not expected to happen.
    #[error(transparent)]
    Tls(#[from] Error),
}

/// Speaks TLS with targets.
#[derive(Clone)]
pub(super) struct ToTarget(Arc<ClientConfig>);

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

impl ToTarget {
    pub(super) fn new(trust: &Trust) -> Result<ToTarget, TrustError> {
        let config = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
        let config = match trust {
            Trust::Anything => {
                let algorithms = provider().signature_verification_algorithms;
                config.dangerous().with_custom_certificate_verifier(Arc::new(Anyone(algorithms)))
            }
            Trust::System => {
                let mut roots = RootCertStore::empty();
                // Those that can't be used are passed over, as other programs do.
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
                if roots.is_empty() {
                    return Err(TrustError::NoneOfSystem);
                }
                config.with_root_certificates(roots)
            }
            Trust::File(path) => {
                let verifier = Named::new(path)?;
                config.dangerous().with_custom_certificate_verifier(Arc::new(verifier))
            }
        };
        Ok(ToTarget(Arc::new(config.with_no_client_auth())))
    }

    /// Speaks TLS on a connection to a target with this name, which is offered these application protocols.
    pub(super) async fn connect(
        &self,
        stream: TcpStream,
        host: &str,
        alpn: Vec<Vec<u8>>,
    ) -> io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let mut config = Arc::clone(&self.0);
        if !alpn.is_empty() {
            Arc::make_mut(&mut config).alpn_protocols = alpn;
        }
        let stream = in_time(TlsConnector::from(config).connect(name, stream)).await?;
        Ok(stream.into())
    }
}

/// A client that has begun to speak TLS.
pub(super) struct Greeted(StartHandshake<TcpStream>);

impl Greeted {
    /// Reads what a client begins with.
    pub(super) async fn new(client: TcpStream) -> io::Result<Greeted> {
        in_time(LazyConfigAcceptor::new(Acceptor::default(), client)).await.map(Greeted)
    }

    /// The name of the server that it wants to speak to.
    pub(super) fn server_name(&self) -> Option<String> {
        self.0.client_hello().server_name().map(str::to_owned)
    }

    /// The application protocols that it offers.
    pub(super) fn alpn(&self) -> Vec<Vec<u8>> {
        self.0.client_hello().alpn().into_iter().flatten().map(<[u8]>::to_vec).collect()
    }

    /// Goes on as a server with this name, or these where the client named none.
    pub(super) async fn accept(
        self,
        authority: &Authority,
        otherwise: Vec<String>,
        alpn: Option<Vec<u8>>,
    ) -> io::Result<TlsStream<TcpStream>> {
        let names = self.server_name().map_or(otherwise, |name| vec![name]);
        let certificate = authority
            .certify(names)
            .ok_or_else(|| io::Error::other("no certificate can be made for that name"))?;
        let config = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        let config = config.map_err(io::Error::other)?.with_no_client_auth();
        let mut config = config.with_cert_resolver(Arc::new(Only(certificate)));
        config.alpn_protocols = alpn.into_iter().collect();
        let stream = in_time(self.0.into_stream(Arc::new(config))).await?;
        Ok(stream.into())
    }
}

async fn in_time<T>(work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(PATIENCE, work).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// One certificate for all.
#[derive(Debug)]
struct Only(Arc<CertifiedKey>);

impl ResolvesServerCert for Only {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

/// Accepts what a file's certificates are of, or have certified.
#[derive(Debug)]
struct Named {
    certificates: Vec<CertificateDer<'static>>,
    authorities: Arc<WebPkiServerVerifier>,
}

impl Named {
    fn new(path: &Path) -> Result<Named, TrustError> {
        let failed = |cause: Box<dyn std::error::Error + Send + Sync>| TrustError::File {
            path: path.to_owned(),
            cause,
        };
        let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let certificates = read.map_err(|cause| failed(cause.into()))?;
        let mut roots = RootCertStore::empty();
        for certificate in &certificates {
            roots.add(certificate.clone()).map_err(|cause| failed(cause.into()))?;
        }
        let authorities = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build();
        Ok(Named { certificates, authorities: authorities.map_err(|cause| failed(cause.into()))? })
    }
}

impl ServerCertVerifier for Named {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        // A server for tests often has a certificate that it signed itself.
        if self.certificates.contains(certificate) {
            return Ok(ServerCertVerified::assertion());
        }
        self.authorities.verify_server_cert(certificate, others, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.authorities.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.authorities.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.authorities.supported_verify_schemes()
    }
}

/// Accepts any certificate, and still verifies that the server has its key.
struct Anyone(WebPkiSupportedAlgorithms);

impl fmt::Debug for Anyone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Anyone")
    }
}

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}

fn reason(error: &io::Error) -> Option<&Error> {
    error.get_ref().and_then(|inner| inner.downcast_ref())
}

/// Why a certificate is not accepted.
fn unaccepted(why: &CertificateError) -> String {
    let text = match why {
        CertificateError::UnknownIssuer => "its issuer is not trusted",
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "it is for another name"
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "it has expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => "it is not valid yet",
        // The library has no variant for it.
        other if format!("{other:?}").contains("CaUsedAsEndEntity") => "it is that of an authority",
        other => return other.to_string(),
    };
    text.to_owned()
}

/// Why a target and this proxy do not understand each other.
pub(super) fn target_failure(host: &str, error: &io::Error) -> String {
    match reason(error) {
        Some(Error::InvalidCertificate(why)) => format!(
            "the certificate of {host} is not accepted, because {}: name it or its authority with --tls-ca FILE, or accept any with \
             --tls-insecure",
            unaccepted(why)
        ),
        Some(Error::InvalidMessage(_)) => format!("{host} does not speak TLS: leave --tls-target out"),
        Some(why) => format!("TLS with {host} failed: {why}"),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            format!(
                "{host} ended instead of speaking TLS; does it expect plain text? Then leave --tls-target out"
            )
        }
        None => format!("TLS with {host} failed: {error}"),
    }
}

/// Why a client and this proxy do not understand each other.
pub(super) fn client_failure(client: &dyn fmt::Display, authority: &Authority, error: &io::Error) -> String {
    let distrusts = [
        AlertDescription::UnknownCA,
        AlertDescription::BadCertificate,
        AlertDescription::CertificateUnknown,
        AlertDescription::UnsupportedCertificate,
    ];
    let certificate = authority.certificate();
    match reason(error) {
        Some(Error::AlertReceived(alert)) if distrusts.contains(alert) => {
            format!(
                "a client at {client} does not trust the certificate: let it trust {}",
                certificate.display()
            )
        }
        Some(Error::InvalidMessage(_)) => {
            format!("a client at {client} does not speak TLS: leave --tls-listen out")
        }
        Some(why) => format!("TLS with a client at {client} failed: {why}"),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            format!(
                "a client at {client} ended instead of speaking TLS; it may not trust {}",
                certificate.display()
            )
        }
        None => format!("TLS with a client at {client} failed: {error}"),
    }
}
