//! Certificates for tests, and a TLS client that trusts exactly one.

use std::convert::Infallible;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper::header::HeaderMap;
use hyper::{Request, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::CertificateDer;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, HandshakeKind, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Protocol names that clients offer.
pub(crate) const HTTP_1: &str = "http/1.1";
pub(crate) const HTTP_2: &str = "h2";

/// Self-signed certificate for `localhost`, and its key.
pub(crate) struct Certificate {
    pub(crate) der: CertificateDer<'static>,
    pub(crate) pem: String,
    pub(crate) key: String,
}

impl Certificate {
    pub(crate) fn new() -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        Self {
            der: made.cert.der().clone(),
            pem: made.cert.pem(),
            key: made.signing_key.serialize_pem(),
        }
    }

    /// Writes both files into a folder, and returns their paths.
    pub(crate) fn write(&self, folder: &Path) -> (PathBuf, PathBuf) {
        let (cert, key) = (folder.join("cert.pem"), folder.join("key.pem"));
        fs::write(&cert, &self.pem).unwrap();
        fs::write(&key, &self.key).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
        (cert, key)
    }

    /// Client that trusts this certificate alone, and remembers its sessions.
    pub(crate) fn client(&self, protocols: &[&str]) -> TlsClient {
        self.client_of(protocols, &[&TLS13, &TLS12])
    }

    /// Like `client`, with some versions of TLS only.
    pub(crate) fn client_of(
        &self,
        protocols: &[&str],
        versions: &[&'static rustls::SupportedProtocolVersion],
    ) -> TlsClient {
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols =
            protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        TlsClient(TlsConnector::from(Arc::new(config)))
    }
}

/// TLS client.
#[derive(Clone)]
pub(crate) struct TlsClient(TlsConnector);

impl TlsClient {
    /// Connects, or returns the error.
    pub(crate) async fn connect(
        &self,
        address: SocketAddr,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(address).await?;
        self.0.connect("localhost".try_into().unwrap(), stream).await
    }

    /// Opens an HTTP/2 connection.
    pub(crate) async fn http2(&self, address: SocketAddr) -> Http2 {
        self.http2_with(address, |_| ()).await
    }

    /// Like `http2`, with other settings than the default.
    pub(crate) async fn http2_with(
        &self,
        address: SocketAddr,
        change: impl FnOnce(&mut Builder<TokioExecutor>),
    ) -> Http2 {
        let stream = self.connect(address).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(HTTP_2.as_bytes()));
        let mut builder = Builder::new(TokioExecutor::new());
        change(&mut builder);
        let (sender, connection) = builder.handshake(TokioIo::new(stream)).await.unwrap();
        let ended = tokio::spawn(async move { drop(connection.await) });
        Http2 { sender, ended }
    }
}

/// Kind of the handshake of a connection: full or resumed.
pub(crate) fn kind(stream: &TlsStream<TcpStream>) -> HandshakeKind {
    stream.get_ref().1.handshake_kind().unwrap()
}

/// HTTP/2 connection. Clones share it.
pub(crate) struct Http2 {
    pub(crate) sender: SendRequest<Sent>,
    /// Task that ends with the connection.
    pub(crate) ended: tokio::task::JoinHandle<()>,
}

/// Body of a request over HTTP/2.
pub(crate) type Sent = BoxBody<Bytes, Infallible>;

/// Response over HTTP/2.
pub(crate) type Answered = (StatusCode, HeaderMap, Bytes);

impl Http2 {
    /// Sends a request, and collects the response.
    pub(crate) fn send(
        &self,
        request: Request<Sent>,
    ) -> impl Future<Output = hyper::Result<Answered>> + Send + use<> {
        let mut sender = self.sender.clone();
        async move {
            let (head, body) = sender.send_request(request).await?.into_parts();
            Ok((head.status, head.headers, body.collect().await?.to_bytes()))
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answered {
        self.send(request("GET", path, None, "")).await.unwrap()
    }
}

/// Returns a request for HTTP/2, with the address of the server in it.
pub(crate) fn request(
    method: &str,
    path: &str,
    token: Option<&str>,
    body: impl Into<Bytes>,
) -> Request<Sent> {
    let mut request =
        Request::builder().method(method).uri(format!("https://localhost{path}"));
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let body = body.into();
    if !body.is_empty() {
        let form = path.ends_with("/login");
        let kind =
            if form { "application/x-www-form-urlencoded" } else { "application/json" };
        request = request.header("content-type", kind);
    }
    request.body(Full::new(body).boxed()).unwrap()
}
