//! Cryptography provider for `jsonwebtoken`: HMAC only.
//!
//! The crate's own providers include RSA and elliptic curves, with an open advisory (RUSTSEC-2023-0071) or C code. Its
//! documentation offers [`CryptoProvider`] for exactly this.

use ::hmac::{Hmac, KeyInit as _, Mac as _};
use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::signature::{self, Signer, Verifier};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, EncodingKey};
use sha2::{Sha256, Sha384, Sha512};

/// Minimum length of a key, in bytes.
const MIN_KEY_BYTES: usize = 32;

/// Installs the provider for the process. Can be called repeatedly.
pub(super) fn install() {
    // A second installation is refused, which is fine: it is the same provider.
    let _already_installed = PROVIDER.install_default();
}

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key: &EncodingKey| {
        Ok(Box::new(Key::new(*algorithm, key.family(), key.as_bytes())?))
    },
    verifier_factory: |algorithm, key: &DecodingKey| {
        Ok(Box::new(Key::new(*algorithm, key.family(), key.try_get_as_bytes()?)?))
    },
    key_utils: KeyUtils::new_unimplemented(),
};

struct Key {
    algorithm: Algorithm,
    mac: Keyed,
}

#[derive(Clone)]
enum Keyed {
    Hs256(Hmac<Sha256>),
    Hs384(Hmac<Sha384>),
    Hs512(Hmac<Sha512>),
}

impl Key {
    fn new(
        algorithm: Algorithm,
        family: AlgorithmFamily,
        key: &[u8],
    ) -> Result<Self, Error> {
        let refused = || Error::from(ErrorKind::InvalidKeyFormat);
        if family != AlgorithmFamily::Hmac || key.len() < MIN_KEY_BYTES {
            return Err(refused());
        }
        let mac = match algorithm {
            Algorithm::HS256 => Hmac::new_from_slice(key).map(Keyed::Hs256),
            Algorithm::HS384 => Hmac::new_from_slice(key).map(Keyed::Hs384),
            Algorithm::HS512 => Hmac::new_from_slice(key).map(Keyed::Hs512),
            _ => return Err(refused()),
        };
        Ok(Self { algorithm, mac: mac.map_err(|_| refused())? })
    }
}

impl Signer<Vec<u8>> for Key {
    fn try_sign(&self, msg: &[u8]) -> Result<Vec<u8>, signature::Error> {
        Ok(match self.mac.clone() {
            Keyed::Hs256(mac) => mac.chain_update(msg).finalize().into_bytes().to_vec(),
            Keyed::Hs384(mac) => mac.chain_update(msg).finalize().into_bytes().to_vec(),
            Keyed::Hs512(mac) => mac.chain_update(msg).finalize().into_bytes().to_vec(),
        })
    }
}

impl Verifier<Vec<u8>> for Key {
    /// Verifies in constant time.
    fn verify(&self, msg: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        let verified = match self.mac.clone() {
            Keyed::Hs256(mac) => mac.chain_update(msg).verify_slice(signature),
            Keyed::Hs384(mac) => mac.chain_update(msg).verify_slice(signature),
            Keyed::Hs512(mac) => mac.chain_update(msg).verify_slice(signature),
        };
        verified.map_err(signature::Error::from_source)
    }
}

impl JwtSigner for Key {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

impl JwtVerifier for Key {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}
