//! `auth/login`, `auth/refresh`, `auth/logout`, `auth/sessions`

use poem::web::Data;
use poem_openapi::param::Path;
use poem_openapi::types::Example;
use poem_openapi::{ApiResponse, Enum, Object, OpenApi};
use serde::Serialize;

use super::Api;
use super::address::ClientOrigin;
use super::caller::Authenticated;
use super::idempotency::{IdempotencyHeader, Reply};
use super::param::RandomIdParam;
use super::payload::{Form, Json, Unchecked};
use super::problem::Problem;
use super::wire::{PasswordText, ScopeText};
use crate::auth::permission::{Account, ChangePassword, LogOut};
use crate::domain::access::Access;
use crate::domain::label::Label;
use crate::domain::scope::Scopes;
use crate::domain::session::Session;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::Ended;
use crate::service::{FieldError, Grant, Service};

/// Handlers for sessions.
pub(super) struct SessionsApi;

/// Form that an OAuth 2 client sends to log in
/// ([RFC 6749, section 4.3](https://www.rfc-editor.org/rfc/rfc6749#section-4.3)) or to refresh a session (section 6).
#[derive(Object)]
#[oai(example)]
struct Login {
    /// `password`, the default, or `refresh_token`.
    grant_type: Option<Unchecked<GrantType>>,
    /// Email of the account. Required to log in.
    username: Option<String>,
    /// Password of the account. Required to log in.
    #[oai(validator(max_length = 4096))]
    password: Option<PasswordText>,
    /// Refresh token. Required if `grant_type` is `refresh_token`.
    refresh_token: Option<String>,
    /// Scopes of the access token, separated by spaces: any of `tasks:read`, `tasks:write` and `account`. Defaults to
    /// all; for a refresh token, to the scopes of the log-in.
    scope: Option<ScopeText>,
    /// Accepted for compatibility but not used.
    client_id: Option<String>,
    /// Accepted for compatibility but not used.
    client_secret: Option<String>,
}

#[derive(Clone, Copy, Enum)]
#[oai(rename_all = "snake_case")]
enum GrantType {
    Password,
    RefreshToken,
}

impl Example for Login {
    fn example() -> Self {
        Self {
            grant_type: Some(Unchecked::new("password".into())),
            username: Some("jane@example.com".to_owned()),
            password: Some("password123".into()),
            refresh_token: None,
            scope: Some(ScopeText(Scopes::ALL.to_string())),
            client_id: None,
            client_secret: None,
        }
    }
}

/// Form that an OAuth 2 client sends to refresh a session
/// ([RFC 6749, section 6](https://www.rfc-editor.org/rfc/rfc6749#section-6)).
#[derive(Object)]
#[oai(example)]
#[expect(clippy::struct_field_names, reason = "RFC 6749, section 6 names them")]
struct Refresh {
    /// Always `refresh_token`.
    grant_type: Unchecked<RefreshGrant>,
    /// Refresh token from the latest response.
    #[oai(validator(min_length = 1))]
    refresh_token: String,
    /// Scopes of the access token, if fewer than at the log-in.
    scope: Option<ScopeText>,
    /// Accepted for compatibility but not used.
    client_id: Option<String>,
    /// Accepted for compatibility but not used.
    client_secret: Option<String>,
}

#[derive(Clone, Copy, Enum)]
#[oai(rename_all = "snake_case")]
enum RefreshGrant {
    RefreshToken,
}

impl Example for Refresh {
    fn example() -> Self {
        Self {
            grant_type: Unchecked::new("refresh_token".into()),
            refresh_token: format!("duly_rt_{}", "0".repeat(152)),
            scope: None,
            client_id: None,
            client_secret: None,
        }
    }
}

/// Tokens of a session.
#[derive(Object, Serialize)]
#[oai(example)]
#[expect(clippy::struct_field_names, reason = "RFC 6749, section 5.1 names them")]
struct Token {
    /// Access token. Send it with every request, as `Authorization: Bearer ...`.
    access_token: String,
    /// Always `bearer`.
    token_type: TokenType,
    /// Lifetime of the access token, in seconds.
    expires_in: u64,
    /// Refresh token, which obtains new tokens for the session without the password. Valid for one use; keep it secret.
    refresh_token: String,
    /// Scopes of the access token.
    scope: String,
}

#[derive(Enum, Serialize)]
#[oai(rename_all = "lowercase")]
#[serde(rename_all = "lowercase")]
enum TokenType {
    Bearer,
}

impl Example for Token {
    fn example() -> Self {
        Self {
            access_token: "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl"
                .to_owned(),
            token_type: TokenType::Bearer,
            expires_in: 3600,
            refresh_token: Refresh::example().refresh_token,
            scope: Scopes::ALL.to_string(),
        }
    }
}

impl Token {
    fn of(grant: Grant) -> Json<Self> {
        Json(Self {
            access_token: grant.access_token.expose().to_owned(),
            token_type: TokenType::Bearer,
            expires_in: grant.expires_in.as_secs(),
            refresh_token: grant.refresh_token.expose().to_owned(),
            scope: grant.scopes.to_string(),
        })
    }
}

/// Reads the scopes of a request. `None` if it names none.
fn scopes(text: Option<ScopeText>) -> Result<Option<Scopes>, Problem> {
    let scopes = text.map(|text| text.0.parse::<Scopes>()).transpose();
    let scopes = scopes.map_err(|error| Problem::invalid_scope(error.to_string()))?;
    Ok(scopes.filter(|scopes| !scopes.is_empty()))
}

/// A session, as its owner sees it.
#[derive(Object, Serialize)]
#[oai(example)]
struct SessionView {
    /// Identifier of the session.
    id: String,
    /// Name of the client, from its `User-Agent` header.
    #[oai(nullable)]
    client: Option<String>,
    /// Last known IP address of the client.
    #[oai(nullable)]
    address: Option<String>,
    /// Time of the log-in.
    created_at: Timestamp,
    /// Time of last use, to the minute; the time of the log-in if it was never used.
    last_used_at: Timestamp,
    /// Expiry time; a refresh extends it.
    expires_at: Timestamp,
    /// Whether the request was made with this session.
    current: bool,
}

impl Example for SessionView {
    fn example() -> Self {
        Self {
            id: "00112233445566778899aabbccddeeff".to_owned(),
            client: Some("curl/8.5.0".to_owned()),
            address: Some("192.0.2.1".to_owned()),
            created_at: super::example_time(),
            last_used_at: super::example_time(),
            expires_at: super::example_time(),
            current: true,
        }
    }
}

impl SessionView {
    fn new(session: Session, access: Access) -> Self {
        Self {
            id: session.id.to_string(),
            client: session.client.map(Label::into_string),
            address: session.address.map(|address| address.to_string()),
            created_at: session.created_at,
            last_used_at: session.last_used_at,
            expires_at: session.expires_at,
            current: access == Access::Session(session.id),
        }
    }
}

/// Numbers of ended sessions and personal tokens.
#[derive(Object, Serialize)]
#[oai(example)]
pub(super) struct EndedView {
    /// Number of ended sessions.
    sessions_ended: u64,
    /// Number of ended personal tokens.
    tokens_ended: u64,
}

impl Example for EndedView {
    fn example() -> Self {
        Self { sessions_ended: 2, tokens_ended: 1 }
    }
}

impl From<Ended> for EndedView {
    fn from(ended: Ended) -> Self {
        Self { sessions_ended: ended.sessions, tokens_ended: ended.tokens }
    }
}

#[derive(ApiResponse)]
enum LoggedOut {
    /// The session or personal token has ended.
    #[oai(status = 204)]
    LoggedOut,
}

#[OpenApi(prefix_path = "/auth", tag = "Api::Auth")]
impl SessionsApi {
    /// Log in
    ///
    /// The password flow of OAuth 2. An unknown email and a wrong password get the same response. Also accepts the
    /// refresh token grant, like `auth/refresh`, because OAuth 2 clients use one token URL. A session with fewer scopes
    /// cannot create personal tokens or manage accounts. The form may also be `multipart/form-data`.
    ///
    /// An account has at most 20 sessions. A further log-in ends the least recently used session of the first of these
    /// groups that is not empty: sessions unused for an hour, where the log-in itself does not count as a use; sessions
    /// used only in the first minute after their log-in, and the ten newest of the last minute; all sessions.
    #[oai(path = "/login", method = "post", operation_id = "session_login")]
    async fn login(
        &self,
        service: Data<&Service>,
        origin: ClientOrigin,
        key: IdempotencyHeader,
        form: Form<Login>,
    ) -> Result<Reply<Json<Token>>, Problem> {
        let Login { grant_type, username, password, refresh_token, scope, .. } = form.0;
        let mut missing = Vec::new();
        let mut required = |name: &str, value: Option<String>| {
            value.unwrap_or_else(|| {
                missing.push(FieldError::new(name, "is required"));
                String::new()
            })
        };
        let password = password.map(|it| it.0);
        let key = key.key();
        // OAuth 2 has an error code of its own for this.
        let grant_type = grant_type.map(Unchecked::check).transpose();
        let grant_type = grant_type.map_err(|_| Problem::unsupported_grant())?;
        let scopes = scopes(scope)?;
        let grant = match grant_type.unwrap_or(GrantType::Password) {
            GrantType::Password => {
                let username = required("username", username);
                let password =
                    password.unwrap_or_else(|| required("password", None).into());
                if !missing.is_empty() {
                    return Err(Problem::invalid(missing));
                }
                let scopes = scopes.unwrap_or(Scopes::ALL);
                service.session_open(&username, password, scopes, origin.0, key).await?
            }
            GrantType::RefreshToken => {
                let token = required("refresh_token", refresh_token);
                if !missing.is_empty() {
                    return Err(Problem::invalid(missing));
                }
                service.session_refresh(&token, scopes, origin.0, key).await?
            }
        };
        Ok(Reply::of(grant, Token::of))
    }

    /// Refresh a session
    ///
    /// Issues a new access token and a new refresh token. A refresh token is valid for one use. For 20 seconds, reusing
    /// it returns the same new refresh token again, so that a lost response or two concurrent refreshes do not end the
    /// session. Any other reuse ends the session. A session expires after 30 days without a refresh, and after 90 days
    /// at the latest.
    #[oai(path = "/refresh", method = "post", operation_id = "session_refresh")]
    async fn refresh(
        &self,
        service: Data<&Service>,
        origin: ClientOrigin,
        key: IdempotencyHeader,
        form: Form<Refresh>,
    ) -> Result<Reply<Json<Token>>, Problem> {
        form.0
            .grant_type
            .check::<RefreshGrant>()
            .map_err(|_| Problem::unsupported_grant())?;
        let token = form.0.refresh_token;
        let scopes = scopes(form.0.scope)?;
        let grant = service.session_refresh(&token, scopes, origin.0, key.key());
        Ok(Reply::of(grant.await?, Token::of))
    }

    /// Log out
    ///
    /// Ends the session at once, with its access and refresh tokens. With a personal token, deletes that token.
    #[oai(path = "/logout", method = "post", operation_id = "session_logout")]
    async fn logout(
        &self,
        caller: Authenticated<LogOut>,
        service: Data<&Service>,
        key: IdempotencyHeader,
    ) -> Result<Reply<LoggedOut>, Problem> {
        let work = |recorder| service.session_leave(&caller.0, recorder);
        let ended = service.once(&caller.0, key.key(), work).await?;
        Ok(Reply::of(ended, |()| LoggedOut::LoggedOut))
    }

    /// Log out everywhere
    ///
    /// Ends all sessions and all personal tokens at once, including the one in use.
    #[oai(path = "/logout-all", method = "post", operation_id = "session_logout_all")]
    async fn logout_all(
        &self,
        caller: Authenticated<ChangePassword>,
        service: Data<&Service>,
        key: IdempotencyHeader,
    ) -> Result<Reply<Json<EndedView>>, Problem> {
        let work = |recorder| service.session_leave_all(&caller.0, recorder);
        let ended = service.once(&caller.0, key.key(), work).await?;
        Ok(Reply::of(ended, |ended| Json(ended.into())))
    }

    /// List my sessions, most recently used first
    #[oai(path = "/sessions", method = "get", operation_id = "session_list")]
    async fn list(
        &self,
        caller: Authenticated<Account>,
        service: Data<&Service>,
    ) -> Result<Json<Vec<SessionView>>, Problem> {
        let sessions = service.session_list(&caller.0).await?;
        let view = |session| SessionView::new(session, caller.0.access);
        Ok(Json(sessions.into_iter().map(view).collect()))
    }

    /// End a session
    #[oai(path = "/sessions/:id", method = "delete", operation_id = "session_delete")]
    async fn delete(
        &self,
        caller: Authenticated<Account>,
        service: Data<&Service>,
        /// The session.
        id: Path<RandomIdParam>,
        key: IdempotencyHeader,
    ) -> Result<Reply<LoggedOut>, Problem> {
        let id = id.0.parse();
        let work = |recorder| service.session_delete(&caller.0, id, recorder);
        let deleted = service.once(&caller.0, key.key(), work).await?;
        Ok(Reply::of(deleted, |()| LoggedOut::LoggedOut))
    }
}
