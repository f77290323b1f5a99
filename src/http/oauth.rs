//! `auth/revoke`, and the metadata for OAuth 2 clients.

use poem::web::Data;
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use serde::Serialize;

use super::address::ClientOrigin;
use super::base_url::BaseUrl;
use super::idempotency::{IdempotencyHeader, Reply};
use super::payload::{Form, Json};
use super::problem::Problem;
use super::wire::PasswordText;
use super::{Api, Site};
use crate::domain::scope::Scope;
use crate::service::Service;

/// Path of the metadata.
pub(super) const METADATA: &str = "/.well-known/oauth-authorization-server";

/// Handlers for token revocation.
pub(super) struct RevocationApi;

/// Handlers for the metadata, at the root.
pub(super) struct MetadataApi;

/// A token to revoke ([RFC 7009](https://www.rfc-editor.org/rfc/rfc7009#section-2.1)).
#[derive(Object)]
#[oai(example)]
struct Revocation {
    /// A refresh token, an access token or a personal token.
    #[oai(validator(min_length = 1))]
    token: PasswordText,
    /// Accepted for compatibility but not used: the server recognizes the type of a token.
    token_type_hint: Option<String>,
    /// Accepted for compatibility but not used.
    client_id: Option<String>,
    /// Accepted for compatibility but not used.
    client_secret: Option<String>,
}

impl Example for Revocation {
    fn example() -> Self {
        Self {
            token: format!("duly_rt_{}", "0".repeat(152)).as_str().into(),
            token_type_hint: Some("refresh_token".to_owned()),
            client_id: None,
            client_secret: None,
        }
    }
}

/// The token is no longer valid. Empty, because some clients parse a JSON object.
#[derive(Object, Serialize)]
#[oai(example)]
#[expect(clippy::empty_structs_with_brackets, reason = "an object in JSON")]
struct Revoked {}

impl Example for Revoked {
    fn example() -> Self {
        Self {}
    }
}

#[OpenApi(prefix_path = "/auth", tag = "Api::Auth")]
impl RevocationApi {
    /// Revoke a token
    ///
    /// Ends the session of a refresh token or an access token, with all its tokens; deletes a personal token.
    /// Unknown and ended tokens get the same response. No other credential is needed.
    #[oai(path = "/revoke", method = "post", operation_id = "session_revoke")]
    async fn revoke(
        &self,
        service: Data<&Service>,
        origin: ClientOrigin,
        key: IdempotencyHeader,
        form: Form<Revocation>,
    ) -> Result<Reply<Json<Revoked>>, Problem> {
        let revoked = service.session_revoke(form.0.token.as_ref(), origin.0, key.key());
        Ok(Reply::of(revoked.await?, |()| Json(Revoked {})))
    }
}

/// Endpoints and capabilities of this server for OAuth 2 clients
/// ([RFC 8414](https://www.rfc-editor.org/rfc/rfc8414#section-2)).
#[derive(Object, Serialize)]
#[oai(example)]
struct Metadata {
    /// URL of this server, as addressed by the request.
    issuer: String,
    /// Endpoint that issues tokens for a password or a refresh token.
    token_endpoint: String,
    /// Endpoint that revokes tokens.
    revocation_endpoint: String,
    /// Documentation of this API.
    service_documentation: String,
    /// Grants that the token endpoint accepts.
    grant_types_supported: Vec<String>,
    /// Always empty: there is no authorization endpoint.
    response_types_supported: Vec<String>,
    /// All scopes.
    scopes_supported: Vec<String>,
    /// `none`: clients have no secrets.
    token_endpoint_auth_methods_supported: Vec<String>,
    /// `none`: clients have no secrets.
    revocation_endpoint_auth_methods_supported: Vec<String>,
}

impl Metadata {
    /// Builds the metadata. `root` and `prefix` are paths of the server and of the API below `url`.
    fn of(url: &str, root: &str, prefix: &str) -> Self {
        let none = || vec!["none".to_owned()];
        Self {
            issuer: format!("{url}{root}"),
            token_endpoint: format!("{url}{prefix}/auth/login"),
            revocation_endpoint: format!("{url}{prefix}/auth/revoke"),
            service_documentation: format!("{url}{root}/docs"),
            grant_types_supported: vec![
                "password".to_owned(),
                "refresh_token".to_owned(),
            ],
            response_types_supported: Vec::new(),
            scopes_supported: Scope::ALL.map(|scope| scope.as_str().to_owned()).to_vec(),
            token_endpoint_auth_methods_supported: none(),
            revocation_endpoint_auth_methods_supported: none(),
        }
    }
}

impl Example for Metadata {
    fn example() -> Self {
        Self::of("https://tasks.example.com", "", "/api/v1")
    }
}

#[OpenApi(tag = "Api::Auth")]
impl MetadataApi {
    /// Describe this server to OAuth 2 clients
    #[oai(
        path = "/.well-known/oauth-authorization-server",
        method = "get",
        operation_id = "oauth_metadata"
    )]
    async fn metadata(
        &self,
        site: Data<&Site>,
        url: BaseUrl,
    ) -> Result<Json<Metadata>, Problem> {
        Ok(Json(Metadata::of(&url.0, &site.root, &site.api_prefix)))
    }
}
