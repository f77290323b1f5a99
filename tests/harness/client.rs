//! Client that checks the common rules on every response.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::LazyLock;

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, StatusCode};
use hyper_util::client::legacy::Client as Hyper;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

use super::contract;
use super::events::Events;

/// The base path of the API in tests.
pub(crate) const BASE: &str = "/api/v1";

/// Runtime of all connections. They close when the server closes them, even while a test waits for its process to end;
/// otherwise each end of a server would take the two seconds that it gives to open connections.
static CONNECTIONS: LazyLock<Runtime> = LazyLock::new(|| {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
});

/// Client without a credential, or with a token. Clones share connections.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    hyper: Hyper<HttpConnector, Full<Bytes>>,
    address: SocketAddr,
    token: Option<String>,
    headers: HeaderMap,
}

/// Response of a request.
#[derive(Clone, Debug)]
#[must_use]
pub(crate) struct Answer {
    asked: String,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Bytes,
    pub(crate) body: Value,
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        let hyper = Hyper::builder(TokioExecutor::new()).build_http();
        Self { hyper, address, token: None, headers: HeaderMap::new() }
    }

    /// The same client with another token.
    pub(crate) fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// The same client with one more header on every request.
    pub(crate) fn with_header(&self, name: &'static str, value: &str) -> Self {
        let mut client = self.clone();
        let value = HeaderValue::from_str(value).unwrap();
        client.headers.append(HeaderName::from_static(name), value);
        client
    }

    /// Sends a request to a path below [`BASE`], or to a whole path with a leading `!`.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        content_type: Option<&str>,
        body: impl Into<Bytes>,
    ) -> Answer {
        self.try_send(method, path, content_type, body).await.unwrap()
    }

    /// Like `send`, but the connection may break.
    pub(crate) async fn try_send(
        &self,
        method: Method,
        path: &str,
        content_type: Option<&str>,
        body: impl Into<Bytes>,
    ) -> Result<Answer, String> {
        let path =
            path.strip_prefix('!').map_or_else(|| format!("{BASE}{path}"), str::to_owned);
        let uri = format!("http://{}{path}", self.address);
        let mut request = Request::builder().method(method.clone()).uri(uri);
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        let mut request = request.body(Full::new(body.into())).unwrap();
        for (name, value) in &self.headers {
            request.headers_mut().append(name, value.clone());
        }
        let sent = self.hyper.request(request);
        let answered = async {
            let (head, mut body) = sent.await?.into_parts();
            let bytes = if is_stream(&head.headers) {
                // It does not end. The first event is enough.
                body.frame().await.transpose()?.and_then(|it| it.into_data().ok())
            } else {
                Some(body.collect().await?.to_bytes())
            };
            Ok::<_, Box<dyn Error + Send + Sync>>((head, bytes.unwrap_or_default()))
        };
        // Aborts the request when the caller drops this future.
        let mut sending = JoinSet::new();
        sending.spawn_on(answered, CONNECTIONS.handle());
        let answered = sending.join_next().await.unwrap().unwrap();
        let (head, bytes) = answered.map_err(|error| error.to_string())?;
        let asked = format!("{method} {path}");
        Ok(Answer::new(asked, head.status, head.headers, bytes))
    }

    /// Opens a stream of server-sent events.
    pub(crate) async fn stream(&self, path: &str) -> Result<Events, Answer> {
        let uri = format!("http://{}{BASE}{path}", self.address);
        let mut request = Request::builder().uri(uri).body(Full::default()).unwrap();
        if let Some(token) = &self.token {
            let value = HeaderValue::from_str(&format!("Bearer {token}")).unwrap();
            request.headers_mut().insert("authorization", value);
        }
        for (name, value) in &self.headers {
            request.headers_mut().append(name, value.clone());
        }
        let sent = CONNECTIONS.spawn(self.hyper.request(request));
        let (head, body) = sent.await.unwrap().unwrap().into_parts();
        if is_stream(&head.headers) {
            return Ok(Events::new(body));
        }
        let bytes = body.collect().await.unwrap().to_bytes();
        Err(Answer::new(format!("GET {path}"), head.status, head.headers, bytes))
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None, Bytes::new()).await
    }

    pub(crate) async fn head(&self, path: &str) -> Answer {
        self.send(Method::HEAD, path, None, Bytes::new()).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None, Bytes::new()).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some("application/json"), body.to_string()).await
    }

    pub(crate) async fn post_empty(&self, path: &str) -> Answer {
        self.send(Method::POST, path, None, Bytes::new()).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PATCH, path, Some("application/json"), body.to_string()).await
    }

    pub(crate) async fn form(&self, path: &str, body: &'static str) -> Answer {
        let form = Some("application/x-www-form-urlencoded");
        self.send(Method::POST, path, form, body).await
    }

    /// Registers an account and logs in.
    pub(crate) async fn registered(&self, email: &str) -> Self {
        let account = serde_json::json!({ "email": email, "password": PASSWORD });
        self.post("/auth/register", account).await.expect(StatusCode::CREATED);
        self.logged_in(email).await
    }

    /// Logs in to an account with the password [`PASSWORD`].
    pub(crate) async fn logged_in(&self, email: &str) -> Self {
        let form = format!("username={}&password={PASSWORD}", email.replace('+', "%2B"));
        let content_type = Some("application/x-www-form-urlencoded");
        let answer = self.send(Method::POST, "/auth/login", content_type, form).await;
        let body = answer.expect(StatusCode::OK);
        self.with_token(body["access_token"].as_str().unwrap())
    }

    /// Creates a personal token, and returns its id and a client that uses it.
    pub(crate) async fn given_token(&self, scopes: &[&str]) -> (String, Self) {
        let token = serde_json::json!({ "name": "a script", "scopes": scopes });
        let made = self.post("/auth/tokens", token).await.expect(StatusCode::CREATED);
        let text = |name: &str| made[name].as_str().unwrap();
        (text("id").to_owned(), self.with_token(text("token")))
    }

    /// Logs in to an account with the password [`PASSWORD`], and returns the refresh token too.
    pub(crate) async fn granted(&self, email: &str) -> (Self, String) {
        let form = format!("username={email}&password={PASSWORD}");
        self.grant("/auth/login", form).await.unwrap()
    }

    /// Refreshes a session. The error is the response if there are no new tokens.
    pub(crate) async fn refreshed(&self, token: &str) -> Result<(Self, String), Answer> {
        let form = format!("grant_type=refresh_token&refresh_token={token}");
        self.grant("/auth/refresh", form).await
    }

    async fn grant(&self, path: &str, form: String) -> Result<(Self, String), Answer> {
        let form_type = Some("application/x-www-form-urlencoded");
        let answer = self.send(Method::POST, path, form_type, form).await;
        if answer.status != StatusCode::OK {
            return Err(answer);
        }
        let text = |name: &str| answer.body[name].as_str().unwrap().to_owned();
        Ok((self.with_token(&text("access_token")), text("refresh_token")))
    }

    /// Creates a task and returns its id.
    pub(crate) async fn given_task(&self, title: &str) -> u64 {
        let answer = self.post("/tasks", serde_json::json!({ "title": title })).await;
        answer.expect(StatusCode::CREATED)["id"].as_u64().unwrap()
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn token(&self) -> &str {
        self.token.as_deref().unwrap()
    }
}

/// Whether a response is a stream of server-sent events.
fn is_stream(headers: &HeaderMap) -> bool {
    headers.get("content-type").is_some_and(|it| it == "text/event-stream")
}

/// Password of every account in tests.
pub(crate) const PASSWORD: &str = "password123";

impl Answer {
    fn new(asked: String, status: StatusCode, headers: HeaderMap, bytes: Bytes) -> Self {
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        let answer = Self { asked, status, headers, bytes, body };
        answer.check();
        answer
    }

    /// Parses a response without chunks from its bytes.
    pub(super) fn parse(asked: String, bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        let (head, body) = bytes.split_at(end.expect("a whole header") + 4);
        let mut lines = str::from_utf8(head).unwrap().trim_end().split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap();
        let headers = lines.map(|line| {
            let (name, value) = line.split_once(':').unwrap();
            let name: HeaderName = name.parse().unwrap();
            (name, HeaderValue::from_str(value.trim()).unwrap())
        });
        let body = Bytes::copy_from_slice(body);
        Self::new(asked, status.parse().unwrap(), headers.collect(), body)
    }

    /// Checks the rules that hold for every response.
    fn check(&self) {
        let asked = &self.asked;
        let header =
            |name: &str| self.headers.get(name).and_then(|value| value.to_str().ok());
        assert!(
            header("x-request-id").is_some_and(|id| id.len() >= 8),
            "{asked}: no request id"
        );
        assert_eq!(header("x-content-type-options"), Some("nosniff"), "{asked}");
        assert!(header("cache-control").is_some(), "{asked}: no cache-control");
        if self.status == StatusCode::UNAUTHORIZED {
            let challenge = header("www-authenticate").unwrap_or_default();
            assert!(challenge.starts_with("Bearer "), "{asked}: {challenge}");
        }
        if matches!(self.status.as_u16(), 429 | 503) {
            assert!(header("retry-after").is_some(), "{asked}: no retry-after");
        }
        let failed = self.status.is_client_error() || self.status.is_server_error();
        if failed && !asked.starts_with("HEAD") {
            let is_oauth = ["/auth/login", "/auth/refresh", "/auth/revoke"]
                .iter()
                .any(|path| asked.contains(&format!("{BASE}{path}")));
            let wanted =
                if is_oauth { "application/json" } else { "application/problem+json" };
            assert_eq!(header("content-type"), Some(wanted), "{asked}");
            assert_eq!(
                self.body["status"],
                self.status.as_u16(),
                "{asked}: {}",
                self.body
            );
            for name in ["type", "title", "detail", "code"] {
                assert!(self.body[name].is_string(), "{asked}: {name}: {}", self.body);
            }
            assert_eq!(
                self.body["request_id"].as_str(),
                header("x-request-id"),
                "{asked}"
            );
            let fields = self.body["errors"].as_array();
            assert_eq!(
                fields.is_some(),
                self.status.as_u16() == 422,
                "{asked}: {}",
                self.body
            );
        }
        let text = String::from_utf8_lossy(&self.bytes);
        // The guide shows an example of a token.
        let is_guide = asked.contains(" /docs/guide/");
        assert!(is_guide || !text.contains("$argon2"), "{asked}: a hash got out");
        for inside in ["src/", ".rs", "::", "poem", "redb", "serde", "panicked"] {
            assert!(!failed || !text.contains(inside), "{asked}: {text}");
        }
        contract::check(asked, self.status, header("content-type"), &self.body);
    }

    /// Returns the body, if the status is as expected.
    #[track_caller]
    pub(crate) fn expect(self, status: StatusCode) -> Value {
        assert_eq!(self.status, status, "{}: {}", self.asked, self.body);
        self.body
    }

    /// Returns the body of a problem, if status and code are as expected.
    #[track_caller]
    pub(crate) fn expect_problem(self, status: u16, code: &str) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}: {}", self.asked, self.body);
        assert_eq!(self.body["code"], code, "{}: {}", self.asked, self.body);
        self.body
    }

    /// Returns the names of the refused fields, sorted.
    #[track_caller]
    pub(crate) fn expect_refused(self) -> Vec<String> {
        let body = self.expect_problem(422, "invalid");
        let fields = body["errors"].as_array().unwrap().iter();
        let name = |error: &Value| error["field"].as_str().unwrap().to_owned();
        let mut names: Vec<String> = fields.map(name).collect();
        names.sort();
        names
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// Returns the headers, without those that differ each time or that responses to HEAD omit.
    pub(crate) fn comparable_headers(&self) -> HeaderMap {
        let mut headers = self.headers.clone();
        for name in ["x-request-id", "date", "content-length"] {
            headers.remove(name);
        }
        headers
    }

    /// Returns the body, without the one member that differs each time.
    pub(crate) fn comparable(mut self) -> Value {
        if let Some(body) = self.body.as_object_mut() {
            body.remove("request_id");
        }
        self.body
    }
}
