//! `auth/register` and `auth/me`

use poem::web::Data;
use poem_openapi::types::Example;
use poem_openapi::{ApiResponse, Enum, Object, OpenApi};
use serde::Serialize;

use super::Api;
use super::address::ClientAddress;
use super::caller::Authenticated;
use super::payload::Json;
use super::problem::Problem;
use super::wire::EmailText;
use crate::domain::network::Network;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::{Role, User};
use crate::service::{NewAccount, Service};

/// Handlers for accounts.
pub(super) struct UsersApi;

/// What a client sends to register.
#[derive(Object)]
#[oai(example, deny_unknown_fields)]
struct UserRegister {
    /// Kept as typed; upper and lower case make no difference.
    email: EmailText,
    /// 8 to 128 characters of any kind. A server may be set to ask for more, or for one that is hard to guess.
    #[oai(validator(min_length = 8, max_length = 128))]
    password: String,
}

impl Example for UserRegister {
    fn example() -> Self {
        let email = EmailText("jane@example.com".to_owned());
        Self { email, password: "password123".to_owned() }
    }
}

/// An account, as its owner sees it.
#[derive(Debug, Object, Serialize)]
#[oai(example)]
struct UserView {
    /// Never changes.
    id: u64,
    /// As typed at registration.
    email: String,
    /// What the account may do beyond its own things.
    role: RoleView,
    /// When the account was made.
    created_at: Timestamp,
}

#[derive(Debug, Enum, Serialize)]
#[oai(rename_all = "lowercase")]
#[serde(rename_all = "lowercase")]
enum RoleView {
    User,
}

impl Example for UserView {
    fn example() -> Self {
        Self {
            id: 1,
            email: "jane@example.com".to_owned(),
            role: RoleView::User,
            created_at: super::example_time(),
        }
    }
}

impl From<User> for UserView {
    fn from(user: User) -> Self {
        Self {
            id: user.id.get(),
            email: user.email.as_str().to_owned(),
            role: match user.role {
                Role::User => RoleView::User,
            },
            created_at: user.created_at,
        }
    }
}

#[derive(ApiResponse)]
enum Registered {
    /// The new account.
    #[oai(status = 201)]
    Created(Json<UserView>),
}

#[OpenApi(prefix_path = "/auth", tag = "Api::Auth")]
impl UsersApi {
    /// Make an account
    #[oai(path = "/register", method = "post", operation_id = "user_register")]
    async fn register(
        &self,
        service: Data<&Service>,
        address: ClientAddress,
        body: Json<UserRegister>,
    ) -> Result<Registered, Problem> {
        let new = NewAccount { email: body.0.email.0, password: body.0.password };
        let user = service.user_register(new, Some(Network::of(address.0))).await?;
        Ok(Registered::Created(Json(user.into())))
    }

    /// Show my account
    #[oai(path = "/me", method = "get", operation_id = "user_me")]
    async fn me(&self, caller: Authenticated) -> Result<Json<UserView>, Problem> {
        Ok(Json(caller.0.user.into()))
    }
}
