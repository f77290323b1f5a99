//! Tests of forged and stolen tokens, each at every operation that requires one.
//!
//! Most are signed with the server's own key, so that they are refused for the one defect under test
//! and not for their signature.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use duly::auth::token::{AccessTokens, Keys};
use duly::config::TokenAlgorithm;
use duly::domain::hex::hex;
use duly::domain::id::{SessionId, UserId};
use duly::domain::scope::Scopes;
use hyper::StatusCode;
use jsonwebtoken::{Algorithm, EncodingKey, crypto, decode_header};
use serde_json::{Value, json};

use crate::access::guarded;
use crate::harness::client::{BASE, PASSWORD};
use crate::harness::raw::{head, raw};
use crate::harness::server::{KEY, START};
use crate::harness::{Answer, Client, Server};

const OTHER_KEY: &[u8] = b"another key, of another server..";

/// Length of the longest piece of a token that a response may contain by chance.
const CHANCE: usize = 8;

/// Kind of a forgery, and a forged token.
type Forgery = (String, String);

/// Server, a logged-in account, and the content of its token.
struct Case {
    server: Server,
    jane: Client,
    refresh: String,
    header: Value,
    claims: Value,
}

impl Case {
    /// Starts a server, and checks that a token made like the forgeries but without a defect is accepted.
    async fn start() -> Self {
        let server = Server::start().await;
        server.client.registered("john@example.com").await;
        let jane = server.client.registered("jane@example.com").await;
        let form = "username=jane%40example.com&password=password123";
        let grant = server.client.form("/auth/login", form).await.expect(StatusCode::OK);
        let text = |name: &str| grant[name].as_str().unwrap().to_owned();
        jane.given_task("mine").await;
        let jane = jane.with_token(&text("access_token"));
        let header = serde_json::to_value(decode_header(jane.token()).unwrap()).unwrap();
        let claims = claims_of(jane.token());
        let case = Self { server, jane, refresh: text("refresh_token"), header, claims };
        let resigned = forged(&case.header, &case.claims);
        case.me(&resigned).await.expect(StatusCode::OK);
        case
    }

    async fn me(&self, token: &str) -> Answer {
        self.server.client.with_token(token).get("/auth/me").await
    }

    /// Valid token, except for some members of its header.
    fn with_header(&self, members: Value) -> String {
        forged(&changed(&self.header, members), &self.claims)
    }

    /// Valid token, except for some claims.
    fn with_claims(&self, claims: Value) -> String {
        forged(&self.header, &changed(&self.claims, claims))
    }

    /// Header, payload and signature of a valid token, encoded.
    fn parts(&self) -> [&str; 3] {
        let parts: Vec<_> = self.jane.token().split('.').collect();
        parts.try_into().unwrap()
    }

    /// Checks that each token is refused in the same way, at every operation, without an effect.
    async fn refuses(&self, forgeries: Vec<Forgery>) {
        for (kind, token) in forgeries {
            let forger = self.server.client.with_token(&token);
            for operation in guarded() {
                let answer = operation.call(&forger, 1).await;
                assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{kind}");
                let challenge = answer.header("www-authenticate").unwrap();
                assert!(
                    challenge.contains("error=\"invalid_token\""),
                    "{kind}: {challenge}"
                );
                let text = String::from_utf8_lossy(&answer.bytes);
                let said = format!("{:?} {text}", answer.headers);
                for piece in token.split(|c: char| !c.is_ascii_alphanumeric()) {
                    assert!(
                        piece.len() < CHANCE || !said.contains(piece),
                        "{kind}: {said}"
                    );
                }
                answer.expect_problem(401, "invalid_token");
            }
        }
        let task = self.jane.get("/tasks/1").await.expect(StatusCode::OK);
        assert_eq!(task["title"], "mine");
        assert_eq!(self.jane.get("/tasks").await.header("x-total-count"), Some("1"));
    }
}

fn is(kind: impl Into<String>, token: impl Into<String>) -> Forgery {
    (kind.into(), token.into())
}

/// Copy of the object, with these members set.
fn changed(object: &Value, members: Value) -> Value {
    let mut object = object.clone();
    for (name, value) in members.as_object().unwrap() {
        object[name] = value.clone();
    }
    object
}

fn without(object: &Value, name: &str) -> Value {
    let mut object = object.clone();
    assert!(object.as_object_mut().unwrap().remove(name).is_some(), "no {name}");
    object
}

/// Bytes in the encoding of tokens (RFC 4648, section 5).
fn base64url(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] =
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits = (0..3).fold(0_usize, |bits, at| {
            (bits << 8) | usize::from(three.get(at).copied().unwrap_or(0))
        });
        for at in 0..=three.len() {
            text.push(char::from(DIGITS[(bits >> (18 - 6 * at)) & 63]));
        }
    }
    text
}

/// Token with another header and other claims, validly signed.
fn forged(header: &Value, claims: &Value) -> String {
    compact(&header.to_string(), &claims.to_string(), KEY)
}

/// Token signed with any key.
fn compact(header: &str, payload: &str, key: &[u8]) -> String {
    signed(header.as_bytes(), payload.as_bytes(), key, Algorithm::HS256)
}

fn signed(header: &[u8], payload: &[u8], key: &[u8], algorithm: Algorithm) -> String {
    let message = format!("{}.{}", base64url(header), base64url(payload));
    let key = EncodingKey::from_secret(key);
    let signature = crypto::sign(message.as_bytes(), &key, algorithm).unwrap();
    format!("{message}.{signature}")
}

/// Claims of a token.
fn claims_of(token: &str) -> Value {
    let claims = jsonwebtoken::dangerous::insecure_decode::<Value>(token);
    claims.unwrap().claims
}

#[tokio::test]
async fn no_token_chooses_its_algorithm() {
    let case = Case::start().await;
    let [_, payload, signature] = case.parts();
    let mut forgeries = Vec::new();
    for name in ["none", "None", "NONE", "nOnE", ""] {
        let header = changed(&case.header, json!({ "alg": name })).to_string();
        let message = format!("{}.{payload}", base64url(header.as_bytes()));
        forgeries.push(is(format!("{name}, unsigned"), format!("{message}.")));
        forgeries.push(is(format!("{name}, signed"), format!("{message}.{signature}")));
    }
    for name in [
        "HS384", "HS512", "RS256", "RS512", "PS256", "ES256", "ES384", "EdDSA", "hs256",
        "HS256 ", "HS1", "dir", "A256KW",
    ] {
        let kind = format!("{name}, signed as HS256");
        forgeries.push(is(kind, case.with_header(json!({ "alg": name }))));
    }
    for (name, algorithm) in [("HS384", Algorithm::HS384), ("HS512", Algorithm::HS512)] {
        let header = changed(&case.header, json!({ "alg": name })).to_string();
        let claims = case.claims.to_string();
        let token = signed(header.as_bytes(), claims.as_bytes(), KEY, algorithm);
        forgeries.push(is(format!("{name}, signed so"), token));
        let (header, claims) = (case.header.to_string(), claims.as_bytes());
        let token = signed(header.as_bytes(), claims, KEY, algorithm);
        forgeries.push(is(format!("signed as {name}, called HS256"), token));
    }
    for value in [json!(null), json!(256), json!(["HS256"]), json!({})] {
        let kind = format!("algorithm {value}");
        forgeries.push(is(kind, case.with_header(json!({ "alg": value }))));
    }
    let header = without(&case.header, "alg");
    forgeries.push(is("no algorithm", forged(&header, &case.claims)));
    case.refuses(forgeries).await;
}

#[tokio::test]
async fn no_signature_but_the_right_one_passes() {
    let case = Case::start().await;
    let [header, payload, signature] = case.parts();
    let john = case.server.client.logged_in("john@example.com").await;
    let johns: Vec<_> = john.token().split('.').collect();
    let with = |signature: &str| format!("{header}.{payload}.{signature}");
    let last = signature.len() - 1;
    let flipped = |at: usize| {
        let mut bytes = signature.as_bytes().to_vec();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        with(str::from_utf8(&bytes).unwrap())
    };
    // The last two bits of the 43 digits are unused.
    let digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let next = digits.find(&signature[last..]).unwrap() + 1;
    let loose = with(&format!("{}{}", &signature[..last], &digits[next..=next]));
    let tampered = without(&changed(&case.claims, json!({ "sub": "1" })), "jti");
    let tampered = base64url(tampered.to_string().as_bytes());
    case.refuses(vec![
        is("no signature", with("")),
        is("no signature and no dot", format!("{header}.{payload}")),
        is("one digit less", with(&signature[..last])),
        is("half a signature", with(&signature[..last / 2])),
        is("one digit", with(&signature[..1])),
        is("twice the signature", with(&signature.repeat(2))),
        is("one digit more", with(&format!("{signature}A"))),
        is("zeroes", with(&"A".repeat(43))),
        is("first digit changed", flipped(0)),
        is("middle digit changed", flipped(last / 2)),
        is("last digit changed", flipped(last)),
        is("last digit spelled otherwise", loose),
        is("another's signature", with(johns[2])),
        is("another's payload", format!("{header}.{}.{signature}", johns[1])),
        is("another payload", format!("{header}.{tampered}.{signature}")),
        is("another header", {
            let odd = changed(&case.header, json!({ "x": 1 })).to_string();
            format!("{}.{payload}.{signature}", base64url(odd.as_bytes()))
        }),
        is(
            "the empty key's",
            compact(&case.header.to_string(), &case.claims.to_string(), &[0; 32]),
        ),
    ])
    .await;
}

#[tokio::test]
async fn no_header_but_ours_passes() {
    let case = Case::start().await;
    let mut forgeries = Vec::new();
    let kid = case.header["kid"].as_str().unwrap().to_owned();
    for value in [
        json!("0123456789abcdef"),
        json!(kid.to_uppercase()),
        json!(format!("{kid} ")),
        json!(&kid[1..]),
        json!(""),
        json!("../../dev/null"),
        json!("/dev/null"),
        json!("duly.redb.key"),
        json!("' OR '1'='1"),
        json!("http://localhost/key"),
        json!("\u{0}"),
        json!("k".repeat(1000)),
        json!(1),
        json!(true),
        json!([kid.clone()]),
        json!({ "kid": kid.clone() }),
    ] {
        let token = case.with_header(json!({ "kid": value }));
        forgeries.push(is(format!("key {value}"), token));
    }
    // A key that the server knows only from the token itself.
    let own = json!({ "kty": "oct", "k": base64url(OTHER_KEY), "alg": "HS256" });
    for (name, value) in [
        ("jku", json!("https://example.com/keys.json")),
        ("x5u", json!("https://example.com/key.pem")),
        ("jwk", own),
        ("x5c", json!(["AAAA"])),
        ("x5t", json!("AAAA")),
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("crit", json!("exp")),
        ("zip", json!("DEF")),
        ("enc", json!("A256GCM")),
        ("cty", json!("JWT")),
        ("b64", json!(false)),
        ("typ", json!("JWT")),
        ("typ", json!("rt+jwt")),
        ("typ", json!("AT+JWT")),
        ("typ", json!("")),
        ("typ", json!(null)),
        ("typ", json!(["at+jwt"])),
        ("duly", json!("anything else")),
    ] {
        let header = changed(&case.header, json!({ name: value }));
        let token = forged(&header, &case.claims);
        forgeries.push(is(format!("{name} {value}"), token));
        let claims = case.claims.to_string();
        for header in [&header, &without(&header, "kid")] {
            let token = compact(&header.to_string(), &claims, OTHER_KEY);
            forgeries.push(is(format!("{name} {value}, another key"), token));
        }
    }
    let header = without(&case.header, "typ");
    forgeries.push(is("no type", forged(&header, &case.claims)));
    let (text, claims) = (case.header.to_string(), case.claims.to_string());
    for (name, value) in [("alg", "none"), ("alg", "HS256"), ("kid", &kid), ("typ", "x")]
    {
        let twice = format!("{{\"{name}\":\"{value}\",{}", &text[1..]);
        forgeries.push(is(format!("{name} twice"), compact(&twice, &claims, KEY)));
        let twice = format!("{},\"{name}\":\"{value}\"}}", &text[..text.len() - 1]);
        forgeries.push(is(format!("{name} twice, last"), compact(&twice, &claims, KEY)));
    }
    for odd in ["", "null", "[]", "\"HS256\"", "{", "{}", &format!("{text}{text}")] {
        forgeries.push(is(format!("header {odd}"), compact(odd, &claims, KEY)));
    }
    case.refuses(forgeries).await;
}

#[tokio::test]
async fn no_claim_is_missing_or_of_another_type() {
    let case = Case::start().await;
    let mut forgeries = Vec::new();
    let names: Vec<_> = case.claims.as_object().unwrap().keys().cloned().collect();
    assert_eq!(names, ["aud", "exp", "iat", "iss", "jti", "scope", "sid", "sub"]);
    for name in &names {
        let right = &case.claims[name];
        let mut wrong = vec![json!(true), json!([right]), json!({ "a": right })];
        // A token of an earlier version has no scope and may be used for everything.
        if name != "scope" {
            wrong.push(json!(null));
            let token = forged(&case.header, &without(&case.claims, name));
            forgeries.push(is(format!("no {name}"), token));
        }
        if right.is_string() {
            wrong.extend([json!(1), json!(-1)]);
        } else {
            let number = right.as_i64().unwrap();
            wrong.extend([json!(number.to_string()), json!(format!("{number}.0"))]);
        }
        for value in wrong {
            let token = case.with_claims(json!({ name: value }));
            forgeries.push(is(format!("{name} {value}"), token));
        }
        let text = case.claims.to_string();
        let twice = format!("{{\"{name}\":{right},{}", &text[1..]);
        let token = compact(&case.header.to_string(), &twice, KEY);
        forgeries.push(is(format!("{name} twice"), token));
    }
    for payload in ["", "null", "[]", "1", "{", "{}", "\u{feff}{}", "eyJ9", "{}{}"] {
        let token = compact(&case.header.to_string(), payload, KEY);
        forgeries.push(is(format!("payload {payload}"), token));
    }
    let claims = case.claims.to_string();
    for odd in [format!("{claims}\0"), format!("{claims}x"), "[".repeat(1000)] {
        let token = compact(&case.header.to_string(), &odd, KEY);
        forgeries.push(is("a payload with something behind it", token));
    }
    let mut bytes = claims.into_bytes();
    bytes.insert(2, 0xFF);
    let token = signed(case.header.to_string().as_bytes(), &bytes, KEY, Algorithm::HS256);
    forgeries.push(is("a payload that is no text", token));
    case.refuses(forgeries).await;
}

#[tokio::test]
async fn no_claim_says_what_ours_never_say() {
    let case = Case::start().await;
    let iat = case.claims["iat"].as_i64().unwrap();
    let with = |name: &str, value: Value| {
        let kind = format!("{name} {value}");
        is(kind, case.with_claims(json!({ name: value })))
    };
    // Number formats that serde_json does not produce.
    let literally = |name: &str, number: &str| {
        let claims = without(&case.claims, name).to_string();
        let claims = format!("{{\"{name}\":{number},{}", &claims[1..]);
        let token = compact(&case.header.to_string(), &claims, KEY);
        is(format!("{name} {number}"), token)
    };
    case.refuses(vec![
        with("exp", json!(iat + 3601)),
        with("exp", json!(i64::MAX)),
        with("exp", json!(iat - 1)),
        with("exp", json!(0)),
        with("exp", json!(-1)),
        literally("exp", "9223372036854775808"),
        literally("exp", "18446744073709551615"),
        literally("exp", "1e300"),
        literally("exp", "-1e300"),
        literally("exp", "1e999"),
        literally("exp", &format!("{}.5", iat + 60)),
        literally("exp", &format!("{iat}e0")),
        literally("iat", "-9223372036854775808"),
        literally("iat", "1e300"),
        with("iat", json!(iat + 3600)),
        is(
            "wholly in the future",
            case.with_claims(json!({ "iat": iat + 60, "exp": iat + 120 })),
        ),
        is(
            "wholly in the past",
            case.with_claims(json!({ "iat": iat - 120, "exp": iat - 60 })),
        ),
        with("nbf", json!(iat + 60)),
        with("nbf", json!(iat + 1)),
        with("nbf", json!(i64::MAX)),
        with("nbf", json!("soon")),
        with("nbf", json!([0])),
        literally("iss", "\"\""),
        with("iss", json!("Duly")),
        with("iss", json!("https://example.com")),
        with("aud", json!("duly")),
        with("aud", json!(["duly-api", "else"])),
        with("aud", json!("duly-api,else")),
        with("sub", json!("1")),
        with("sub", json!("99")),
        with("sub", json!("02")),
        with("sub", json!("+2")),
        with("sub", json!("2 ")),
        with("sub", json!("")),
        with("sub", json!("18446744073709551618")),
        with("sub", json!("jane@example.com")),
        with("sid", json!("")),
        with("sid", json!("0".repeat(32))),
        with("sid", json!(format!("{}A", &case.claims["sid"].as_str().unwrap()[1..]))),
        with("sid", json!("../../../../../dev/null")),
    ])
    .await;
}

#[tokio::test]
async fn no_other_shape_passes() {
    let case = Case::start().await;
    let token = case.jane.token();
    let [header, payload, signature] = case.parts();
    let mut forgeries: Vec<_> = [
        "_",
        ".",
        "..",
        "...",
        "garbage",
        "a.b.c",
        "null",
        "undefined",
        "Bearer",
        "e30.e30.",
        "e30.e30.e30",
    ]
    .iter()
    .map(|text| is(format!("'{text}'"), *text))
    .collect();
    for (kind, odd) in [
        ("an extra dot behind", format!("{token}.")),
        ("an extra dot in front", format!(".{token}")),
        ("an extra dot in the middle", format!("{header}..{payload}.{signature}")),
        ("four parts", format!("{token}.{signature}")),
        ("five parts", format!("{header}.{payload}.{signature}.{payload}.{signature}")),
        ("two tokens", format!("{token},{token}")),
        ("two tokens apart", format!("{token} {token}")),
        ("the scheme twice", format!("Bearer {token}")),
        ("a space inside", format!("{header}. {payload}.{signature}")),
        ("a tab inside", format!("{header}.{payload}\t.{signature}")),
        ("quoted", format!("\"{token}\"")),
        ("in brackets", format!("<{token}>")),
        ("percent signs", token.replace('.', "%2E")),
        ("padding behind", format!("{token}=")),
        ("padding in the payload", format!("{header}.{payload}=.{signature}")),
        ("padding in the header", format!("{header}==.{payload}.{signature}")),
        ("upper case", token.to_uppercase()),
        ("reversed", format!("{signature}.{payload}.{header}")),
        ("hex", hex(token.as_bytes())),
        (
            "JSON instead",
            json!({ "protected": header, "payload": payload, "signature": signature })
                .to_string(),
        ),
        (
            "JSON with several signatures",
            json!({ "payload": payload,
                "signatures": [{ "protected": header, "signature": signature }] })
            .to_string(),
        ),
        ("the refresh token", case.refresh.clone()),
        ("the password", PASSWORD.to_owned()),
        ("the session", case.claims["sid"].as_str().unwrap().to_owned()),
        ("the key", str::from_utf8(KEY).unwrap().to_owned()),
    ] {
        forgeries.push(is(kind, odd));
    }
    let head = case.header.to_string();
    forgeries.push(is("a token in a token", compact(&head, token, KEY)));
    let nested = changed(&case.header, json!({ "cty": "JWT" })).to_string();
    forgeries.push(is("a token in a token, said so", compact(&nested, token, KEY)));
    let quoted = json!(token).to_string();
    forgeries.push(is("a token in a text in a token", compact(&head, &quoted, KEY)));
    // Digits of the standard alphabet, in a token that contains some.
    let standard = (0..1000).find_map(|number| {
        let token = case.with_claims(json!({ "jti": number.to_string() }));
        token.contains(['-', '_']).then(|| token.replace('-', "+").replace('_', "/"))
    });
    forgeries.push(is("another alphabet", standard.unwrap()));
    case.refuses(forgeries).await;
}

#[tokio::test]
async fn no_token_of_another_server_or_another_session_passes() {
    let case = Case::start().await;
    let hour = Duration::from_secs(3600);
    let session: SessionId = case.claims["sid"].as_str().unwrap().parse().unwrap();
    let issued = |key: &[u8], user: u64, session| {
        let tokens = AccessTokens::new(Keys::only(key), TokenAlgorithm::Hs256, hour);
        let now = START.parse().unwrap();
        tokens
            .issue(UserId::new(user), session, Scopes::ALL, [1; 16], now)
            .unwrap()
            .expose()
            .to_owned()
    };
    case.me(&issued(KEY, 2, session)).await.expect(StatusCode::OK);
    let elsewhere = Server::start().await;
    let there = elsewhere.client.registered("jane@example.com").await;
    let (header, claims) = (case.header.to_string(), case.claims.to_string());
    case.refuses(vec![
        is("another server's", issued(OTHER_KEY, 2, session)),
        is("another server's of the same key", there.token()),
        is("another key under our name", compact(&header, &claims, OTHER_KEY)),
        is(
            "another key without a name",
            compact(&without(&case.header, "kid").to_string(), &claims, OTHER_KEY),
        ),
        is("for another service", case.with_claims(json!({ "aud": "tasks-api" }))),
        is("no such session", issued(KEY, 2, SessionId::from_bytes([9; 16]))),
        is("another's session", issued(KEY, 1, session)),
        is("no such account", issued(KEY, 99, session)),
    ])
    .await;
}

/// Tokens of the previous version named no key.
#[tokio::test]
async fn a_token_of_the_version_before_is_good() {
    let case = Case::start().await;
    let unnamed = forged(&without(&case.header, "kid"), &case.claims);
    case.me(&unnamed).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn a_long_token_is_refused_unread() {
    let case = Case::start().await;
    let address = case.server.client.address();
    let padded = |length: usize| case.with_claims(json!({ "pad": "x".repeat(length) }));
    case.me(&padded(10)).await.expect(StatusCode::OK);
    let line = format!("GET {BASE}/auth/me");
    // The header of a request may have 16 KiB in all.
    for (length, status, code) in [
        (2 * 1024, 401, "invalid_token"),
        (11 * 1024, 401, "invalid_token"),
        (15 * 1024, 431, "header_too_large"),
    ] {
        let value = format!("Bearer {}", padded(length));
        let answer = raw(address, head(&line, &[("Authorization", &value)])).await;
        let text = String::from_utf8_lossy(&answer.bytes).into_owned();
        assert!(!text.contains(&value[20..40]), "{text}");
        answer.expect_problem(status, code);
    }

    // More than the connection buffers before parsing: hyper's own response, or none if the client is still sending
    // when the connection closes.
    let token = padded(75 * 1024);
    assert!(token.len() > 100 * 1024);
    let request = head(&line, &[("Authorization", &format!("Bearer {token}"))]);
    let answer = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        drop(stream.write_all(request.as_bytes()));
        let mut answer = Vec::new();
        drop(stream.read_to_end(&mut answer));
        String::from_utf8(answer).unwrap()
    });
    let answer = answer.await.unwrap();
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");
    assert!(!answer.contains(&token[20..40]), "{answer}");
    case.me(case.jane.token()).await.expect(StatusCode::OK);
}
