//! `auth/register`, `auth/me`, `auth/password`

use poem::web::Data;
use poem_openapi::types::{Example, MaybeUndefined};
use poem_openapi::{ApiResponse, Enum, Object, OpenApi};
use serde::Serialize;

use super::Api;
use super::address::ClientAddress;
use super::caller::Authenticated;
use super::idempotency::{IdempotencyHeader, Reply};
use super::label::LabelText;
use super::payload::{Json, Lines, MergePatch};
use super::problem::Problem;
use super::response_memory::Room;
use super::sessions::EndedView;
use super::wire::{EmailText, NewPasswordText, PasswordText, TimeZoneText};
use crate::auth::permission::{Account, ChangePassword, Identity};
use crate::domain::id::UserId;
use crate::domain::label::Label;
use crate::domain::network::Network;
use crate::domain::time_zone::TimeZone;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::{Role, User};
use crate::service::{FixedAccount, NewAccount, ProfileChange, Service};

/// Handlers for the caller's account.
pub(super) struct UsersApi;

/// Body of a registration.
#[derive(Object)]
#[oai(example, deny_unknown_fields)]
struct UserRegister {
    /// Stored as typed; compared without regard to case.
    email: EmailText,
    /// 8 to 128 characters of any kind. A server may require more, or a password that is hard to guess.
    password: NewPasswordText,
    /// Invitation. Required if registration is by invitation only.
    #[oai(validator(max_length = 200))]
    invitation: Option<String>,
}

impl Example for UserRegister {
    fn example() -> Self {
        let email = EmailText("jane@example.com".to_owned());
        Self { email, password: "password123".into(), invitation: None }
    }
}

/// Body of a request that changes the caller's account. Absent members stay unchanged.
#[derive(Object)]
#[oai(example, deny_unknown_fields)]
struct ProfilePatch {
    /// New email; requires the password.
    email: MaybeUndefined<EmailText>,
    /// Display name; null clears it.
    #[oai(nullable)]
    display_name: MaybeUndefined<LabelText>,
    /// Name in the IANA time zone database, such as Europe/Berlin; null clears it.
    #[oai(nullable)]
    time_zone: MaybeUndefined<TimeZoneText>,
    /// Password of the account, required to change the email.
    #[oai(validator(max_length = 4096))]
    password: MaybeUndefined<PasswordText>,
    /// Read-only: accepted if it equals the current value, so that a whole account can be sent back.
    id: Option<u64>,
    /// Read-only, like `id`.
    role: Option<RoleView>,
    /// Read-only, like `id`.
    created_at: Option<Timestamp>,
    /// Read-only, like `id`.
    must_change_password: Option<bool>,
}

impl Example for ProfilePatch {
    fn example() -> Self {
        Self {
            email: MaybeUndefined::Undefined,
            display_name: MaybeUndefined::Value(LabelText("Jane".to_owned())),
            time_zone: MaybeUndefined::Value(TimeZoneText("Europe/Berlin".to_owned())),
            password: MaybeUndefined::Undefined,
            id: None,
            role: None,
            created_at: None,
            must_change_password: None,
        }
    }
}

impl From<ProfilePatch> for ProfileChange {
    fn from(patch: ProfilePatch) -> Self {
        Self {
            email: patch.email.take().map(|email| email.0),
            display_name: cleared(patch.display_name).map(|name| name.map(|it| it.0)),
            time_zone: cleared(patch.time_zone).map(|zone| zone.map(|it| it.0)),
            password: patch.password.take().map(|it| it.0),
            fixed: FixedAccount {
                id: patch.id.map(UserId::new),
                created_at: patch.created_at,
                role: patch.role.map(Into::into),
                must_change_password: patch.must_change_password,
                ..FixedAccount::default()
            },
        }
    }
}

/// Body of a password change.
#[derive(Object)]
#[oai(example, deny_unknown_fields)]
struct PasswordChange {
    /// Current password.
    #[oai(validator(max_length = 4096))]
    current_password: PasswordText,
    /// New password: 8 to 128 characters of any kind.
    new_password: NewPasswordText,
}

impl Example for PasswordChange {
    fn example() -> Self {
        Self {
            current_password: "password123".into(),
            new_password: "correct horse battery staple".into(),
        }
    }
}

/// Password that confirms the request.
#[derive(Object)]
#[oai(example, deny_unknown_fields)]
struct PasswordProof {
    /// The password of the account.
    #[oai(validator(max_length = 4096))]
    password: PasswordText,
}

impl Example for PasswordProof {
    fn example() -> Self {
        // Differs from other examples, so that trying this one does not delete the account.
        Self { password: "the password of this account".into() }
    }
}

/// An account, as its owner sees it.
#[derive(Debug, Object, Serialize)]
#[oai(example)]
pub(super) struct UserView {
    /// Identifier of the account; never changes.
    id: u64,
    /// Email address, as typed.
    email: String,
    /// Role, which governs access beyond the account's own data.
    role: RoleView,
    /// Creation time.
    created_at: Timestamp,
    /// Display name chosen by the owner. Absent if not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<String>,
    /// Time zone of the owner. Absent if not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    time_zone: Option<String>,
    /// True if the owner must change the password before anything else. Absent otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    must_change_password: Option<bool>,
}

#[derive(Clone, Copy, Debug, Enum, Serialize)]
#[oai(rename_all = "lowercase")]
#[serde(rename_all = "lowercase")]
pub(super) enum RoleView {
    User,
    Admin,
}

impl From<Role> for RoleView {
    fn from(role: Role) -> Self {
        match role {
            Role::User => Self::User,
            Role::Admin => Self::Admin,
        }
    }
}

impl From<RoleView> for Role {
    fn from(role: RoleView) -> Self {
        match role {
            RoleView::User => Self::User,
            RoleView::Admin => Self::Admin,
        }
    }
}

impl Example for UserView {
    fn example() -> Self {
        Self {
            id: 1,
            email: "jane@example.com".to_owned(),
            role: RoleView::User,
            created_at: super::example_time(),
            display_name: Some("Jane".to_owned()),
            time_zone: Some("Europe/Berlin".to_owned()),
            must_change_password: None,
        }
    }
}

impl From<User> for UserView {
    fn from(user: User) -> Self {
        Self {
            id: user.id.get(),
            email: user.email.as_str().to_owned(),
            role: user.role.into(),
            created_at: user.created_at,
            display_name: user
                .display_name
                .as_ref()
                .map(Label::as_str)
                .map(str::to_owned),
            time_zone: user.time_zone.map(TimeZone::into_string),
            must_change_password: user.must_change_password.then_some(true),
        }
    }
}

#[derive(ApiResponse)]
enum Registered {
    /// The new account.
    #[oai(status = 201)]
    Created(Json<UserView>),
}

#[derive(ApiResponse)]
enum Left {
    /// The account was deleted with all its data.
    #[oai(status = 204)]
    Left,
}

#[OpenApi(prefix_path = "/auth", tag = "Api::Auth")]
impl UsersApi {
    /// Create an account
    #[oai(path = "/register", method = "post", operation_id = "user_register")]
    async fn register(
        &self,
        service: Data<&Service>,
        address: ClientAddress,
        key: IdempotencyHeader,
        body: Json<UserRegister>,
    ) -> Result<Reply<Registered>, Problem> {
        let UserRegister { email, password, invitation } = body.0;
        let new = NewAccount { email: email.0, password: password.0 };
        let network = Network::of(address.0);
        let user = service.user_register(new, invitation, network, key.key()).await?;
        Ok(Reply::of(user, |user| Registered::Created(Json(user.into()))))
    }

    /// Show my account
    ///
    /// Accepts any access token or personal token, regardless of its scopes.
    #[oai(path = "/me", method = "get", operation_id = "user_me")]
    async fn me(
        &self,
        caller: Authenticated<Identity>,
    ) -> Result<Json<UserView>, Problem> {
        Ok(Json(caller.0.user.into()))
    }

    /// Change my account
    ///
    /// The body is a JSON merge patch ([RFC 7396](https://www.rfc-editor.org/rfc/rfc7396)), also accepted as
    /// `application/merge-patch+json`.
    #[oai(path = "/me", method = "patch", operation_id = "user_update")]
    async fn update(
        &self,
        caller: Authenticated<Account>,
        service: Data<&Service>,
        key: IdempotencyHeader,
        body: MergePatch<ProfilePatch>,
    ) -> Result<Reply<Json<UserView>>, Problem> {
        let change = body.0?.into();
        let work = |recorder| service.user_update(&caller.0, change, recorder);
        let user = service.once(&caller.0, key.key(), work).await?;
        Ok(Reply::of(user, |user| Json(user.into())))
    }

    /// Delete my account
    ///
    /// Deletes its tasks, sessions, tokens and all other data. Cannot be undone.
    #[oai(path = "/me", method = "delete", operation_id = "user_leave")]
    async fn leave(
        &self,
        caller: Authenticated<Account>,
        service: Data<&Service>,
        body: Json<PasswordProof>,
    ) -> Result<Left, Problem> {
        service.user_leave(&caller.0, body.0.password.0).await?;
        Ok(Left::Left)
    }

    /// Export all my data
    ///
    /// JSON Lines, one object per line: the account with its limits and the networks it logs in from, sessions,
    /// personal tokens, invitations it created, audit records of its actions and of actions on it, stored responses,
    /// and tasks. The last line counts them. Secrets are excluded: passwords, tokens and the content of stored
    /// responses. A personal token also needs the scope `tasks:read`.
    #[oai(path = "/me/export", method = "get", operation_id = "user_export")]
    async fn export(
        &self,
        caller: Authenticated<Account>,
        _room: Room,
        service: Data<&Service>,
    ) -> Result<Lines, Problem> {
        Ok(Lines(service.personal_data(&caller.0).await?))
    }

    /// Change my password
    ///
    /// Ends all other sessions and all personal tokens, and returns the number of each.
    #[oai(path = "/password", method = "post", operation_id = "user_change_password")]
    async fn change_password(
        &self,
        caller: Authenticated<ChangePassword>,
        service: Data<&Service>,
        key: IdempotencyHeader,
        body: Json<PasswordChange>,
    ) -> Result<Reply<Json<EndedView>>, Problem> {
        let PasswordChange { current_password, new_password } = body.0;
        let (caller, old, new) = (&caller.0, current_password.0, new_password.0);
        let work = |recorder| service.user_change_password(caller, old, new, recorder);
        let ended = service.once(caller, key.key(), work).await?;
        Ok(Reply::of(ended, |ended| Json(ended.into())))
    }
}

/// Returns `None` if the member stays, `Some(None)` if it is cleared.
#[expect(clippy::option_option, reason = "as the service takes it")]
pub(super) fn cleared<T>(value: MaybeUndefined<T>) -> Option<Option<T>> {
    match value {
        MaybeUndefined::Undefined => None,
        MaybeUndefined::Null => Some(None),
        MaybeUndefined::Value(value) => Some(Some(value)),
    }
}
