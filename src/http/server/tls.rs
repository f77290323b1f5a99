//! TLS certificate and handshake.
//!
//! A new certificate applies to new connections and comes with a new session cache, so sessions of the previous
//! certificate cannot be resumed. Open connections keep the certificate that they started with.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{Error, InconsistentKeys, ServerConfig};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use zeroize::Zeroizing;

use super::stream::Stream;
use crate::config::{ConfigError, TlsFiles};
use crate::files::not_opened;

const CERT: &str = "TLS_CERT_FILE";
const KEY: &str = "TLS_KEY_FILE";

/// Maximum file length that is read, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// Negotiated protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// HTTP/1.1; also used if the client negotiates nothing.
    Http1,
    Http2,
}

/// Certificate of new connections. `Debug` does not show its key.
pub struct Tls {
    files: TlsFiles,
    current: RwLock<Arc<ServerConfig>>,
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    ///
    /// When a file cannot be read or used, the key is accessible to others, or the key does not match the certificate.
    pub fn load(files: &TlsFiles) -> Result<Self, ConfigError> {
        let current = RwLock::new(Arc::new(read(files)?));
        Ok(Self { files: files.clone(), current })
    }

    /// Reads the files again. Applies to new connections.
    ///
    /// # Errors
    ///
    /// As for [`Tls::load`]; the previous certificate stays in use.
    pub fn reload(&self) -> Result<(), ConfigError> {
        let new = Arc::new(read(&self.files)?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = new;
        Ok(())
    }

    /// Performs the handshake within this time.
    pub(super) async fn accept(
        &self,
        stream: Stream,
        at_most: Duration,
    ) -> io::Result<(TlsStream<Stream>, Protocol)> {
        let current = {
            let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(&current)
        };
        let handshake = TlsAcceptor::from(current).accept(stream);
        let stream = tokio::time::timeout(at_most, handshake).await??;
        let agreed = stream.get_ref().1.alpn_protocol();
        let protocol =
            if agreed == Some(b"h2") { Protocol::Http2 } else { Protocol::Http1 };
        Ok((stream, protocol))
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("files", &self.files).finish_non_exhaustive()
    }
}

fn read(files: &TlsFiles) -> Result<ServerConfig, ConfigError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let chain = read_chain(&files.cert)?;
    let certified = certify(chain, read_key(&files.key)?, files, &provider)?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .or_else(|_| wrong(CERT, &files.cert, "cannot be used with TLS 1.2 and 1.3"))?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, ConfigError> {
    let (_, bytes) = contents(CERT, path)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match chain {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        _ => wrong(CERT, path, "contains no certificate in PEM format"),
    }
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, ConfigError> {
    let (mode, bytes) = contents(KEY, path)?;
    if mode & 0o007 != 0 {
        return wrong(KEY, path, "is readable by all users: run chmod o= on it");
    }
    // The parser's error would quote the file.
    PrivateKeyDer::from_pem_slice(&bytes).or_else(|_| {
        wrong(
            KEY,
            path,
            "contains no private key in PEM format, or the key has a passphrase",
        )
    })
}

fn certify(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    files: &TlsFiles,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, ConfigError> {
    let key = provider
        .key_provider
        .load_private_key(key)
        .or_else(|_| wrong(KEY, &files.key, "contains a key of an unsupported type"))?;
    let certified = CertifiedKey::new(chain, key);
    match certified.keys_match() {
        Ok(()) => Ok(certified),
        Err(Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => {
            wrong(KEY, &files.key, "does not match the certificate in TLS_CERT_FILE")
        }
        Err(_) => wrong(CERT, &files.cert, "contains a certificate that cannot be used"),
    }
}

/// Reads the mode and the contents of a file.
fn contents(
    variable: &'static str,
    path: &Path,
) -> Result<(u32, Zeroizing<Vec<u8>>), ConfigError> {
    let read = || {
        let file = File::open(path).map_err(|error| not_opened(path, error))?;
        let mode = file.metadata()?.permissions().mode();
        let mut bytes = Zeroizing::new(Vec::new());
        file.take(MAX_BYTES).read_to_end(&mut bytes)?;
        Ok((mode, bytes))
    };
    read().or_else(|error: io::Error| {
        wrong(variable, path, &format!("cannot be read: {error}"))
    })
}

fn wrong<T>(variable: &'static str, path: &Path, what: &str) -> Result<T, ConfigError> {
    Err(ConfigError { variable, reason: format!("{} {what}", path.display()) })
}
