//! Access tokens: JSON Web Tokens after [RFC 9068](https://www.rfc-editor.org/rfc/rfc9068) and
//! [RFC 8725](https://www.rfc-editor.org/rfc/rfc8725).
//!
//! A token only names a session. Whether that still exists is asked of the store on every request, so
//! a token is worth nothing from the moment its session ends. The algorithm comes from the configuration,
//! never from a token's header.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation};
use quick_cache::sync::Cache;
use serde::{Deserialize, Serialize};

use super::{Secret, hmac};
use crate::config::TokenAlgorithm;
use crate::domain::hex::hex;
use crate::domain::id::{SessionId, UserId};
use crate::domain::timestamp::Timestamp;

/// `typ` in the header: no other kind of token passes for an access token.
const TYPE: &str = "at+jwt";
const ISSUER: &str = "duly";
const AUDIENCE: &str = "duly-api";

/// How far the clocks of two machines may be apart, in seconds.
const LEEWAY_SECONDS: i64 = 5;

/// Longest token that is looked at, in bytes.
const MAX_BYTES: usize = 2048;

/// Most tokens whose signature is remembered as good: about 2 MiB.
const REMEMBERED: usize = 4096;

/// What a token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessClaims {
    /// Whose it is.
    pub user: UserId,
    /// Which log-in it stands for.
    pub session: SessionId,
    issued_at_seconds: i64,
    expires_at_seconds: i64,
}

/// The token is not one of ours, or is too old. Why, is nobody's business.
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
}

/// Signs and verifies.
pub struct AccessTokens {
    header: Header,
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
    lifetime: Duration,
    verified: Arc<Cache<Box<str>, AccessClaims>>,
}

impl AccessTokens {
    /// Tokens signed with this key, good for this long.
    pub fn new(key: &[u8], algorithm: TokenAlgorithm, lifetime: Duration) -> Self {
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
        Self {
            header,
            encoding: EncodingKey::from_secret(key),
            decoding: DecodingKey::from_secret(key),
            validation,
            lifetime,
            verified: Arc::new(Cache::new(REMEMBERED)),
        }
    }

    /// How long a new token is good for.
    pub const fn lifetime(&self) -> Duration {
        self.lifetime
    }

    /// Makes a token. `id` makes it unlike any other.
    ///
    /// # Errors
    ///
    /// When the claims cannot be signed, which is a bug.
    pub fn issue(
        &self,
        user: UserId,
        session: SessionId,
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
        };
        jsonwebtoken::encode(&self.header, &claims, &self.encoding).map(Secret::new)
    }

    /// Verifies a token and reads it.
    ///
    /// # Errors
    ///
    /// [`InvalidToken`], whatever is wrong with it.
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
        let token =
            jsonwebtoken::decode::<Claims>(token, &self.decoding, &self.validation)
                .map_err(|_| InvalidToken)?;
        let (header, claims) = (token.header, token.claims);
        if header.typ.as_deref() != Some(TYPE) || header.crit.is_some() {
            return Err(InvalidToken);
        }
        let lifetime = i64::try_from(self.lifetime.as_secs()).unwrap_or(i64::MAX);
        let lasts = claims.exp.checked_sub(claims.iat).ok_or(InvalidToken)?;
        if !(0..=lifetime).contains(&lasts) {
            return Err(InvalidToken);
        }
        let user: u64 = claims.sub.parse().map_err(|_| InvalidToken)?;
        if user.to_string() != claims.sub {
            return Err(InvalidToken);
        }
        Ok(AccessClaims {
            user: UserId::new(user),
            session: claims.sid.parse().map_err(|_| InvalidToken)?,
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

    const KEY: &[u8] = b"0123456789abcdef0123456789abcdef";
    const SESSION: SessionId = SessionId::from_bytes([7; 16]);

    fn now() -> Timestamp {
        "2030-01-01T00:00:00Z".parse().unwrap()
    }

    fn tokens() -> AccessTokens {
        AccessTokens::new(KEY, TokenAlgorithm::Hs256, Duration::from_secs(3600))
    }

    fn claims() -> Value {
        let iat = now().as_seconds();
        json!({
            "iss": ISSUER, "aud": AUDIENCE, "sub": "42", "sid": SESSION.to_string(), "jti": "x",
            "iat": iat, "exp": iat + 3600,
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
        let token = tokens.issue(UserId::new(42), SESSION, [7; 16], now()).unwrap();
        for _ in 0..2 {
            let claims = tokens.verify(token.expose(), now()).unwrap();
            assert_eq!((claims.user, claims.session), (UserId::new(42), SESSION));
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

    #[test]
    fn every_algorithm_signs_what_it_verifies() {
        for algorithm in
            [TokenAlgorithm::Hs256, TokenAlgorithm::Hs384, TokenAlgorithm::Hs512]
        {
            let tokens = AccessTokens::new(KEY, algorithm, Duration::from_secs(60));
            let token = tokens.issue(UserId::new(1), SESSION, [7; 16], now()).unwrap();
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
