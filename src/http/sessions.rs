//! `auth/login`

use poem::web::Data;
use poem_openapi::types::Example;
use poem_openapi::{Enum, Object, OpenApi};
use serde::Serialize;

use super::Api;
use super::address::ClientAddress;
use super::payload::{Form, Json};
use super::problem::Problem;
use crate::domain::network::Network;
use crate::service::{Grant, Service};

/// Handlers for sessions.
pub(super) struct SessionsApi;

/// What an OAuth 2 client sends to log in ([RFC 6749, section 4.3](https://www.rfc-editor.org/rfc/rfc6749#section-4.3)).
#[derive(Object)]
#[oai(example)]
struct Login {
    /// `password`, or nothing.
    grant_type: Option<GrantType>,
    /// The email of the account.
    username: String,
    /// The password of the account.
    #[oai(validator(max_length = 4096))]
    password: String,
    /// Taken, since clients send it. Every session may do everything.
    scope: Option<String>,
    /// Taken, since clients send it. Not looked at.
    client_id: Option<String>,
    /// Taken, since clients send it. Not looked at.
    client_secret: Option<String>,
}

#[derive(Enum)]
#[oai(rename_all = "lowercase")]
enum GrantType {
    Password,
}

impl Example for Login {
    fn example() -> Self {
        Self {
            grant_type: Some(GrantType::Password),
            username: "jane@example.com".to_owned(),
            password: "password123".to_owned(),
            scope: None,
            client_id: None,
            client_secret: None,
        }
    }
}

/// What a client gets when it logs in.
#[derive(Object, Serialize)]
#[oai(example)]
#[expect(clippy::struct_field_names, reason = "RFC 6749, section 5.1 names them")]
struct Token {
    /// Send it with every request, as `Authorization: Bearer ...`.
    access_token: String,
    /// Always `bearer`.
    token_type: TokenType,
    /// How long the access token is good for, in seconds.
    expires_in: u64,
    /// Kept for renewing the session without the password, which no operation does yet. Keep it secret.
    refresh_token: String,
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
            refresh_token: "0".repeat(64),
        }
    }
}

impl From<Grant> for Token {
    fn from(grant: Grant) -> Self {
        Self {
            access_token: grant.access_token.expose().to_owned(),
            token_type: TokenType::Bearer,
            expires_in: grant.expires_in.as_secs(),
            refresh_token: grant.refresh_token.expose().to_owned(),
        }
    }
}

#[OpenApi(prefix_path = "/auth", tag = "Api::Auth")]
impl SessionsApi {
    /// Log in
    ///
    /// The password flow of OAuth 2. An unknown email and a wrong password get the same answer.
    #[oai(path = "/login", method = "post", operation_id = "session_login")]
    async fn login(
        &self,
        service: Data<&Service>,
        address: ClientAddress,
        form: Form<Login>,
    ) -> Result<Json<Token>, Problem> {
        let Login { username, password, .. } = form.0;
        let network = Network::of(address.0);
        Ok(Json(service.session_open(&username, password, network).await?.into()))
    }
}
