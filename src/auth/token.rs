//! Access tokens: JSON Web Tokens after [RFC 9068](https://www.rfc-editor.org/rfc/rfc9068) and
//! [RFC 8725](https://www.rfc-editor.org/rfc/rfc8725).
//!
//! A token only names a session. Every request asks the store whether the session still exists, so a token is worthless
//! from the moment its session ends. The algorithm comes from the configuration, never from a token's header.
//!
//! One key signs. Earlier keys still verify, so that a change of the key logs out no user. A token names its key by
//! `kid`, which is compared with the names of the known keys and used for nothing else. Tokens of the previous version
//! name none, and are tried with all keys.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation};
use quick_cache::sync::Cache;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::derive::{Derivation, key_id};
use super::{Secret, hmac};
use crate::config::TokenAlgorithm;
use crate::domain::hex::hex;
use crate::domain::id::{SessionId, UserId};
use crate::domain::scope::Scopes;
use crate::domain::timestamp::Timestamp;

/// `typ` header: no other kind of token passes for an access token.
const TYPE: &str = "at+jwt";
const ISSUER: &str = "duly";
const AUDIENCE: &str = "duly-api";

/// Maximum difference between the clocks of two machines, in seconds.
const LEEWAY_SECONDS: i64 = 5;

/// Maximum length of a token that is parsed, in bytes.
const MAX_BYTES: usize = 2048;

/// Maximum number of tokens whose verified signature is cached: about 2 MiB.
const REMEMBERED: usize = 4096;

/// Content of an access token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessClaims {
    /// Account of the token.
    pub user: UserId,
    /// Session of the token.
    pub session: SessionId,
    /// Scopes of the token.
    pub scopes: Scopes,
    issued_at_seconds: i64,
    expires_at_seconds: i64,
}

/// Error for a token that is not ours, or expired. The reason is not disclosed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the access token is not valid")]
pub struct InvalidToken;

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    sid: String,
    jti: String,
    iat: i64,
    exp: i64,
    /// Absent in tokens of earlier versions, which have every scope.
    #[serde(default)]
    scope: Option<String>,
    /// Absent in our tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nbf: Option<i64>,
}

/// Keys of an installation, 32 bytes or more each. Never shows them.
#[derive(Clone, Copy)]
pub struct Keys<'a> {
    /// Key that signs and verifies.
    pub signing: &'a [u8],
    /// Earlier signing keys, which still verify.
    pub previous: &'a [Zeroizing<Vec<u8>>],
}

impl<'a> Keys<'a> {
    /// Returns a single key without earlier ones.
    pub const fn only(signing: &'a [u8]) -> Self {
        Self { signing, previous: &[] }
    }
}

impl fmt::Debug for Keys<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").finish_non_exhaustive()
    }
}

/// Signer and verifier of access tokens.
pub struct AccessTokens {
    /// Header of every token, without the key's name.
    header: Header,
    signing_id: String,
    encoding: EncodingKey,
    /// Keys by name, the signing key first.
    decoding: Vec<(String, DecodingKey)>,
    validation: Validation,
    lifetime: Duration,
    verified: Arc<Cache<Box<str>, AccessClaims>>,
    derivation: Derivation,
}

impl AccessTokens {
    /// Creates tokens signed with the current key, with this lifetime.
    pub fn new(keys: Keys<'_>, algorithm: TokenAlgorithm, lifetime: Duration) -> Self {
        hmac::install();
        let algorithm = match algorithm {
            TokenAlgorithm::Hs256 => jsonwebtoken::Algorithm::HS256,
            TokenAlgorithm::Hs384 => jsonwebtoken::Algorithm::HS384,
            TokenAlgorithm::Hs512 => jsonwebtoken::Algorithm::HS512,
        };
        let mut header = Header::new(algorithm);
        header.typ = Some(TYPE.to_owned());
        let mut validation = Validation::new(algorithm);
        // Checked below, against this program's clock.
        validation.validate_exp = false;
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        let mut decoding: Vec<(String, DecodingKey)> = Vec::new();
        let previous = keys.previous.iter().map(|key| key.as_slice());
        for key in [keys.signing].into_iter().chain(previous) {
            let id = key_id(key);
            if decoding.iter().all(|(known, _)| *known != id) {
                decoding.push((id, DecodingKey::from_secret(key)));
            }
        }
        Self {
            header,
            signing_id: key_id(keys.signing),
            encoding: EncodingKey::from_secret(keys.signing),
            decoding,
            validation,
            lifetime,
            verified: Arc::new(Cache::new(REMEMBERED)),
            derivation: Derivation::new(keys.signing),
        }
    }

    /// Returns the lifetime of a new token.
    pub const fn lifetime(&self) -> Duration {
        self.lifetime
    }

    /// Issues a token. `id` makes it unique.
    ///
    /// # Errors
    ///
    /// Fails if the claims cannot be signed, which is a bug.
    pub fn issue(
        &self,
        user: UserId,
        session: SessionId,
        scopes: Scopes,
        id: [u8; 16],
        now: Timestamp,
    ) -> Result<Secret, jsonwebtoken::errors::Error> {
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: user.to_string(),
            sid: session.to_string(),
            jti: hex(&id),
            iat: now.as_seconds(),
            exp: now.plus(self.lifetime).as_seconds(),
            scope: Some(scopes.to_string()),
            nbf: None,
        };
        let header = Header { kid: Some(self.signing_id.clone()), ..self.header.clone() };
        jsonwebtoken::encode(&header, &claims, &self.encoding).map(Secret::new)
    }

    /// Derives a value that cannot be computed without the signing key. It depends on the label, the parts and their
    /// boundaries.
    pub fn derive(&self, label: &str, parts: &[&[u8]]) -> [u8; 32] {
        self.derivation.derive(label, parts)
    }

    /// Verifies a token and returns its claims.
    ///
    /// # Errors
    ///
    /// [`InvalidToken`], whatever the reason.
    pub fn verify(
        &self,
        token: &str,
        now: Timestamp,
    ) -> Result<AccessClaims, InvalidToken> {
        if token.len() > MAX_BYTES {
            return Err(InvalidToken);
        }
        // The whole token is the key of the cache, and compared as a whole.
        let claims = match self.verified.get(token) {
            Some(claims) => claims,
            None => {
                let claims = self.decode(token)?;
                self.verified.insert(token.into(), claims);
                claims
            }
        };
        let now = now.as_seconds();
        if claims.expires_at_seconds.saturating_add(LEEWAY_SECONDS) <= now {
            self.verified.remove(token);
            return Err(InvalidToken);
        }
        if claims.issued_at_seconds > now.saturating_add(LEEWAY_SECONDS) {
            return Err(InvalidToken);
        }
        Ok(claims)
    }

    fn decode(&self, token: &str) -> Result<AccessClaims, InvalidToken> {
        let mut header = jsonwebtoken::decode_header(token).map_err(|_| InvalidToken)?;
        let id = header.kid.take();
        // Must equal our header exactly: no other type, algorithm or key, nothing critical.
        if header != self.header {
            return Err(InvalidToken);
        }
        let named = |key: &&(String, _)| id.as_ref().is_none_or(|id| *id == key.0);
        let mut keys = self.decoding.iter().filter(named);
        let verified = keys.find_map(|(_, key)| {
            jsonwebtoken::decode::<Claims>(token, key, &self.validation).ok()
        });
        let claims = verified.ok_or(InvalidToken)?.claims;
        let lifetime = i64::try_from(self.lifetime.as_secs()).unwrap_or(i64::MAX);
        let lasts = claims.exp.checked_sub(claims.iat).ok_or(InvalidToken)?;
        if !(0..=lifetime).contains(&lasts) {
            return Err(InvalidToken);
        }
        // Our tokens are valid from the start. Compared with `iat`, which is compared with the clock every time.
        if claims.nbf.is_some_and(|not_before| not_before > claims.iat) {
            return Err(InvalidToken);
        }
        let user: u64 = claims.sub.parse().map_err(|_| InvalidToken)?;
        if user.to_string() != claims.sub {
            return Err(InvalidToken);
        }
        let scopes = claims.scope.map_or(Ok(Scopes::ALL), |text| text.parse());
        Ok(AccessClaims {
            user: UserId::new(user),
            session: claims.sid.parse().map_err(|_| InvalidToken)?,
            scopes: scopes.map_err(|_| InvalidToken)?,
            issued_at_seconds: claims.iat,
            expires_at_seconds: claims.exp,
        })
    }
}

impl fmt::Debug for AccessTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessTokens")
            .field("lifetime", &self.lifetime)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::scope::Scope;

    const KEY: &[u8] = b"0123456789abcdef0123456789abcdef";
    const SESSION: SessionId = SessionId::from_bytes([7; 16]);

    fn now() -> Timestamp {
        "2030-01-01T00:00:00Z".parse().unwrap()
    }

    fn tokens() -> AccessTokens {
        AccessTokens::new(
            Keys::only(KEY),
            TokenAlgorithm::Hs256,
            Duration::from_secs(3600),
        )
    }

    fn claims() -> Value {
        let iat = now().as_seconds();
        json!({
            "iss": ISSUER, "aud": AUDIENCE, "sub": "42", "sid": SESSION.to_string(), "jti": "x",
            "iat": iat, "exp": iat + 3600, "scope": "tasks:read account",
        })
    }

    fn sign(header: &Header, claims: &Value, key: &[u8]) -> String {
        hmac::install();
        jsonwebtoken::encode(header, claims, &EncodingKey::from_secret(key)).unwrap()
    }

    fn header() -> Header {
        tokens().header
    }

    #[test]
    fn a_token_says_whose_session_it_stands_for_until_it_expires() {
        let tokens = tokens();
        let scopes = Scopes::from_iter([Scope::TasksRead]);
        let token = tokens.issue(UserId::new(42), SESSION, scopes, [7; 16], now());
        let token = token.unwrap();
        for _ in 0..2 {
            let claims = tokens.verify(token.expose(), now()).unwrap();
            assert_eq!((claims.user, claims.session), (UserId::new(42), SESSION));
            assert_eq!(claims.scopes, scopes);
        }
        let later = |seconds| now().plus(Duration::from_secs(seconds));
        assert!(tokens.verify(token.expose(), later(3604)).is_ok());
        let before = Timestamp::from_millis(now().as_millis() - 60_000).unwrap();
        assert_eq!(tokens.verify(token.expose(), before), Err(InvalidToken));
        assert_eq!(tokens.verify(token.expose(), later(3606)), Err(InvalidToken));
        assert_eq!(tokens.verify(token.expose(), later(1 << 40)), Err(InvalidToken));
    }

    #[test]
    fn claims_that_are_missing_or_of_another_type_are_refused() {
        let tokens = tokens();
        assert!(tokens.verify(&sign(&header(), &claims(), KEY), now()).is_ok());
        for name in ["iss", "aud", "sub", "sid", "jti", "iat", "exp"] {
            let mut poor = claims();
            poor.as_object_mut().unwrap().remove(name);
            let token = sign(&header(), &poor, KEY);
            assert_eq!(tokens.verify(&token, now()), Err(InvalidToken), "without {name}");
            for value in [
                json!(null),
                json!([]),
                json!({}),
                json!(true),
                json!(["duly-api"]),
                json!(-1),
                json!("x"),
                json!(1e300),
            ] {
                if name == "jti" && value.is_string() {
                    continue;
                }
                let mut odd = claims();
                odd[name] = value.clone();
                let token = sign(&header(), &odd, KEY);
                assert_eq!(
                    tokens.verify(&token, now()),
                    Err(InvalidToken),
                    "{name}: {value}"
                );
            }
        }
        for (name, value) in [
            ("exp", json!(i64::MAX)),
            ("exp", json!(now().as_seconds() + 999_999)),
            ("iat", json!(now().as_seconds() + 60)),
            ("sub", json!("+42")),
            ("sub", json!("042")),
            ("scope", json!("tasks:read everything")),
            ("scope", json!(7)),
        ] {
            let mut odd = claims();
            odd[name] = value.clone();
            let token = sign(&header(), &odd, KEY);
            assert_eq!(
                tokens.verify(&token, now()),
                Err(InvalidToken),
                "{name}: {value}"
            );
        }
    }

    #[test]
    fn a_token_of_a_version_before_names_no_scope_and_has_all_of_them() {
        let mut old = claims();
        old.as_object_mut().unwrap().remove("scope");
        let read = tokens().verify(&sign(&header(), &old, KEY), now()).unwrap();
        assert_eq!(read.scopes, Scopes::ALL);
    }

    #[test]
    fn other_keys_algorithms_and_kinds_are_refused() {
        let tokens = tokens();
        let other_key = sign(&header(), &claims(), &[b'x'; 32]);
        let mut other_type = header();
        other_type.typ = Some("JWT".to_owned());
        let other_type = sign(&other_type, &claims(), KEY);
        let mut other_algorithm = header();
        other_algorithm.alg = jsonwebtoken::Algorithm::HS512;
        let other_algorithm = sign(&other_algorithm, &claims(), KEY);
        let good = sign(&header(), &claims(), KEY);
        let (body, _) = good.rsplit_once('.').unwrap();
        let none = format!(
            "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.{}.",
            body.split_once('.').unwrap().1
        );
        let long = format!("{good}{}", "A".repeat(MAX_BYTES));
        let unsigned = format!("{body}.");
        for token in [
            &other_key,
            &other_type,
            &other_algorithm,
            &none,
            &long,
            &unsigned,
            "",
            "a.b.c",
        ] {
            assert_eq!(tokens.verify(token, now()), Err(InvalidToken), "{token}");
        }
    }

    const NEW_KEY: &[u8] = b"fedcba9876543210fedcba9876543210";

    fn tokens_of(signing: &[u8], previous: &[&[u8]]) -> AccessTokens {
        let previous: Vec<_> =
            previous.iter().map(|key| Zeroizing::new(key.to_vec())).collect();
        let keys = Keys { signing, previous: &previous };
        AccessTokens::new(keys, TokenAlgorithm::Hs256, Duration::from_secs(3600))
    }

    fn issued(tokens: &AccessTokens) -> Secret {
        tokens.issue(UserId::new(42), SESSION, Scopes::ALL, [7; 16], now()).unwrap()
    }

    #[test]
    fn a_token_outlives_the_change_of_the_key_as_long_as_its_key_is_there() {
        let old = issued(&tokens());
        let changed = tokens_of(NEW_KEY, &[KEY]);
        let dropped = tokens_of(NEW_KEY, &[]);
        // The second time from the cache.
        for _ in 0..2 {
            assert!(changed.verify(old.expose(), now()).is_ok());
            assert_eq!(dropped.verify(old.expose(), now()), Err(InvalidToken));
        }

        let new = issued(&changed);
        assert!(dropped.verify(new.expose(), now()).is_ok());
        assert_eq!(tokens().verify(new.expose(), now()), Err(InvalidToken));
        let kid = jsonwebtoken::decode_header(new.expose()).unwrap().kid;
        assert_eq!(kid.unwrap(), key_id(NEW_KEY));
    }

    #[test]
    fn a_key_that_is_named_twice_is_one_key() {
        let twice = tokens_of(KEY, &[NEW_KEY, KEY, NEW_KEY]);
        assert_eq!(twice.decoding.len(), 2);
        for token in [issued(&tokens()), issued(&tokens_of(NEW_KEY, &[]))] {
            assert!(twice.verify(token.expose(), now()).is_ok());
        }
    }

    /// The previous version named no key, and an upgrade must log out no user.
    #[test]
    fn a_token_that_names_no_key_is_tried_with_all_of_them() {
        assert!(header().kid.is_none());
        let tokens = tokens_of(NEW_KEY, &[&[b'x'; 32], KEY]);
        assert!(tokens.verify(&sign(&header(), &claims(), NEW_KEY), now()).is_ok());
        assert!(tokens.verify(&sign(&header(), &claims(), KEY), now()).is_ok());
        let unknown = sign(&header(), &claims(), &[b'y'; 32]);
        assert_eq!(tokens.verify(&unknown, now()), Err(InvalidToken));
    }

    #[test]
    fn a_key_verifies_only_what_is_signed_in_its_name() {
        let tokens = tokens_of(NEW_KEY, &[KEY]);
        let named = |kid: &str| Header { kid: Some(kid.to_owned()), ..header() };
        let good = sign(&named(&key_id(KEY)), &claims(), KEY);
        assert!(tokens.verify(&good, now()).is_ok());
        for kid in [&key_id(NEW_KEY), "", "0", "../../dev/null", &key_id(&[b'x'; 32])] {
            let token = sign(&named(kid), &claims(), KEY);
            assert_eq!(tokens.verify(&token, now()), Err(InvalidToken), "{kid}");
        }
    }

    #[test]
    fn a_value_is_derived_from_the_key_that_signs() {
        let derive = |tokens: AccessTokens| tokens.derive("label", &[b"part"]);
        assert_eq!(derive(tokens()), derive(tokens_of(KEY, &[NEW_KEY])));
        assert_ne!(derive(tokens()), derive(tokens_of(NEW_KEY, &[KEY])));
    }

    #[test]
    fn every_algorithm_signs_what_it_verifies() {
        for algorithm in
            [TokenAlgorithm::Hs256, TokenAlgorithm::Hs384, TokenAlgorithm::Hs512]
        {
            let tokens =
                AccessTokens::new(Keys::only(KEY), algorithm, Duration::from_secs(60));
            let token =
                tokens.issue(UserId::new(1), SESSION, Scopes::ALL, [7; 16], now());
            let token = token.unwrap();
            assert!(tokens.verify(token.expose(), now()).is_ok());
            let head = token.expose().split('.').next().unwrap().to_owned();
            assert_eq!(
                jsonwebtoken::decode_header(token.expose()).unwrap().typ.unwrap(),
                TYPE,
                "{head}"
            );
        }
    }
}
