//! `auth/tokens`

use poem::web::Data;
use poem_openapi::param::Path;
use poem_openapi::types::Example;
use poem_openapi::{ApiResponse, Enum, Object, OpenApi};
use serde::Serialize;

use super::Api;
use super::caller::Authenticated;
use super::idempotency::{IdempotencyHeader, Reply};
use super::label::LabelText;
use super::param::RandomIdParam;
use super::payload::Json;
use super::problem::Problem;
use crate::auth::Secret;
use crate::auth::permission::{Account, CreateToken};
use crate::domain::scope::{Scope, Scopes};
use crate::domain::timestamp::Timestamp;
use crate::domain::token::PersonalToken;
use crate::service::{Service, TokenDraft};

/// Handlers for personal tokens.
pub(super) struct TokensApi;

/// Body of a request that creates a personal token.
#[derive(Object)]
#[oai(example, deny_unknown_fields)]
struct TokenCreate {
    /// Name of the token, 1 to 100 characters.
    name: LabelText,
    /// Scopes of the token.
    #[oai(validator(min_items = 1, max_items = 3))]
    scopes: Vec<ScopeView>,
    /// Expiry time. If absent or null, the token does not expire.
    #[oai(nullable)]
    expires_at: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, Enum, Serialize)]
enum ScopeView {
    #[oai(rename = "tasks:read")]
    #[serde(rename = "tasks:read")]
    TasksRead,
    #[oai(rename = "tasks:write")]
    #[serde(rename = "tasks:write")]
    TasksWrite,
    #[oai(rename = "account")]
    #[serde(rename = "account")]
    Account,
}

impl From<ScopeView> for Scope {
    fn from(scope: ScopeView) -> Self {
        match scope {
            ScopeView::TasksRead => Self::TasksRead,
            ScopeView::TasksWrite => Self::TasksWrite,
            ScopeView::Account => Self::Account,
        }
    }
}

fn views(scopes: Scopes) -> Vec<ScopeView> {
    let view = |scope| match scope {
        Scope::TasksRead => ScopeView::TasksRead,
        Scope::TasksWrite => ScopeView::TasksWrite,
        Scope::Account => ScopeView::Account,
    };
    scopes.iter().map(view).collect()
}

impl Example for TokenCreate {
    fn example() -> Self {
        Self {
            name: LabelText("backup script".to_owned()),
            scopes: vec![ScopeView::TasksRead],
            // A date in the past would be refused.
            expires_at: None,
        }
    }
}

/// A personal token, as its owner sees it.
#[derive(Object, Serialize)]
#[oai(example)]
struct TokenView {
    /// Identifier of the token.
    id: String,
    /// Name of the token.
    name: String,
    /// Scopes of the token.
    scopes: Vec<ScopeView>,
    /// Creation time.
    created_at: Timestamp,
    /// Expiry time, if any.
    #[oai(nullable)]
    expires_at: Option<Timestamp>,
    /// Time of last use, to the minute.
    #[oai(nullable)]
    last_used_at: Option<Timestamp>,
}

impl Example for TokenView {
    fn example() -> Self {
        Self {
            id: "0123456789abcdef".to_owned(),
            name: "backup script".to_owned(),
            scopes: vec![ScopeView::TasksRead],
            created_at: super::example_time(),
            expires_at: Some(super::example_time()),
            last_used_at: None,
        }
    }
}

impl From<PersonalToken> for TokenView {
    fn from(token: PersonalToken) -> Self {
        Self {
            id: token.id.to_string(),
            name: token.name.as_str().to_owned(),
            scopes: views(token.scopes),
            created_at: token.created_at,
            expires_at: token.expires_at,
            last_used_at: token.last_used_at,
        }
    }
}

/// A new personal token, with its secret, which is never shown again.
#[derive(Object, Serialize)]
#[oai(example)]
struct NewTokenView {
    /// Identifier of the token.
    id: String,
    /// Secret, sent like an access token. Shown only once; keep it secret.
    token: String,
    /// Name of the token.
    name: String,
    /// Scopes of the token.
    scopes: Vec<ScopeView>,
    /// Creation time.
    created_at: Timestamp,
    /// Expiry time, if any.
    #[oai(nullable)]
    expires_at: Option<Timestamp>,
}

impl Example for NewTokenView {
    fn example() -> Self {
        let TokenView { id, name, scopes, created_at, expires_at, .. } =
            TokenView::example();
        let token = format!("duly_pat_{}", "0".repeat(104));
        Self { id, token, name, scopes, created_at, expires_at }
    }
}

#[derive(ApiResponse)]
enum Created {
    /// The new token.
    #[oai(status = 201)]
    Created(Json<NewTokenView>),
}

impl Created {
    fn of((token, secret): (PersonalToken, Secret)) -> Self {
        let view = TokenView::from(token);
        let TokenView { id, name, scopes, created_at, expires_at, .. } = view;
        let token = secret.expose().to_owned();
        let view = NewTokenView { id, token, name, scopes, created_at, expires_at };
        Self::Created(Json(view))
    }
}

#[derive(ApiResponse)]
enum Deleted {
    /// The token is no longer valid.
    #[oai(status = 204)]
    Deleted,
}

#[OpenApi(prefix_path = "/auth/tokens", tag = "Api::Auth")]
impl TokensApi {
    /// Create a personal token
    ///
    /// A credential for a script, valid until it expires, is deleted, or the account's password changes. Creating one
    /// requires a log-in.
    #[oai(path = "/", method = "post", operation_id = "token_create")]
    async fn create(
        &self,
        caller: Authenticated<CreateToken>,
        service: Data<&Service>,
        key: IdempotencyHeader,
        body: Json<TokenCreate>,
    ) -> Result<Reply<Created>, Problem> {
        let TokenCreate { name, scopes, expires_at } = body.0;
        let scopes = scopes.into_iter().map(Scope::from).collect();
        let draft = TokenDraft { name: name.0, scopes, expires_at };
        let work = |recorder| service.token_create(&caller.0, draft, recorder);
        let created = service.once(&caller.0, key.key(), work).await?;
        Ok(Reply::of(created, Created::of))
    }

    /// List my personal tokens, newest first
    #[oai(path = "/", method = "get", operation_id = "token_list")]
    async fn list(
        &self,
        caller: Authenticated<Account>,
        service: Data<&Service>,
    ) -> Result<Json<Vec<TokenView>>, Problem> {
        let tokens = service.token_list(&caller.0).await?;
        Ok(Json(tokens.into_iter().map(TokenView::from).collect()))
    }

    /// Delete a personal token
    #[oai(path = "/:id", method = "delete", operation_id = "token_delete")]
    async fn delete(
        &self,
        caller: Authenticated<Account>,
        service: Data<&Service>,
        /// The token.
        id: Path<RandomIdParam>,
        key: IdempotencyHeader,
    ) -> Result<Reply<Deleted>, Problem> {
        let id = id.0.parse();
        let work = |recorder| service.token_delete(&caller.0, id, recorder);
        let deleted = service.once(&caller.0, key.key(), work).await?;
        Ok(Reply::of(deleted, |()| Deleted::Deleted))
    }
}
