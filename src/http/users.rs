//! `auth/register`, `auth/me`, `auth/password`

use poem::web::Data;
use poem_openapi::types::{Example, MaybeUndefined};
use poem_openapi::{ApiResponse, Enum, Object, OpenApi};
use serde::Serialize;

use super::Api;
use super::address::ClientAddress;
use super::budget::Room;
use super::caller::Authenticated;
use super::label::LabelText;
use super::once::{Attempt, Reply};
use super::payload::{Json, Lines, MergePatch};
use super::problem::Problem;
use super::sessions::EndedView;
use super::wire::{EmailText, NewPasswordText, PasswordText, TimeZoneText};
use crate::auth::permission::{Account, Entry, Identity};
use crate::domain::id::UserId;
use crate::domain::label::Label;
use crate::domain::network::Network;
use crate::domain::time_zone::TimeZone;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::{Ended, Role, User};
use crate::service::{FixedAccount, NewAccount, ProfileChange, Service};

/// Handlers for accounts.
pub(super) struct UsersApi;

/// What a client sends to register.
#[derive(Object)]
#[oai(example, deny_unknown_fields)]
struct UserRegister {
    /// Kept as typed; upper and lower case make no difference.
    email: EmailText,
    /// 8 to 128 characters of any kind. A server may be set to ask for more, or for one that is hard to guess.
    password: NewPasswordText,
    /// Needed where only those may register who were invited.
    #[oai(validator(max_length = 200))]
    invitation: Option<String>,
}

impl Example for UserRegister {
    fn example() -> Self {
        let email = EmailText("jane@example.com".to_owned());
        Self { email, password: "password123".into(), invitation: None }
    }
}

/// What a client sends to change the own account. What is absent stays as it is.
#[derive(Object)]
#[oai(example, deny_unknown_fields)]
struct ProfilePatch {
    /// Takes the password.
    email: MaybeUndefined<EmailText>,
    /// What to be called; null clears it.
    #[oai(nullable)]
    display_name: MaybeUndefined<LabelText>,
    /// A name of the IANA time zone database, such as Europe/Berlin; null clears it.
    #[oai(nullable)]
    time_zone: MaybeUndefined<TimeZoneText>,
    /// The password of the account, to change the email.
    #[oai(validator(max_length = 4096))]
    password: MaybeUndefined<PasswordText>,
    /// Cannot be changed: taken if it is that of the account, so that a whole account can be sent back.
    id: Option<u64>,
    /// Cannot be changed, as `id`.
    role: Option<RoleView>,
    /// Cannot be changed, as `id`.
    created_at: Option<Timestamp>,
    /// Cannot be changed, as `id`.
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

/// What a client sends to set another password.
#[derive(Object)]
#[oai(example, deny_unknown_fields)]
struct PasswordChange {
    /// The one of now.
    #[oai(validator(max_length = 4096))]
    current_password: PasswordText,
    /// The one from now on. 8 to 128 characters of any kind.
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

/// Proof that it is the owner who asks.
#[derive(Object)]
#[oai(example, deny_unknown_fields)]
struct PasswordProof {
    /// The password of the account.
    #[oai(validator(max_length = 4096))]
    password: PasswordText,
}

impl Example for PasswordProof {
    fn example() -> Self {
        // Not the password of other examples: it would delete the account of a person who only tries.
        Self { password: "the password of this account".into() }
    }
}

/// An account, as its owner sees it.
#[derive(Debug, Object, Serialize)]
#[oai(example)]
struct UserView {
    /// Never changes.
    id: u64,
    /// As typed.
    email: String,
    /// What the account may do beyond its own things.
    role: RoleView,
    /// When the account was made.
    created_at: Timestamp,
    /// What its owner wants to be called. Absent if nothing is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<String>,
    /// Where its owner lives, as far as the clock goes. Absent if nothing is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    time_zone: Option<String>,
    /// True if the password must be changed before anything else. Absent otherwise.
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
    /// The account is gone, with all that it had.
    #[oai(status = 204)]
    Left,
}

#[OpenApi(prefix_path = "/auth", tag = "Api::Auth")]
impl UsersApi {
    /// Make an account
    #[oai(path = "/register", method = "post", operation_id = "user_register")]
    async fn register(
        &self,
        service: Data<&Service>,
        address: ClientAddress,
        attempt: Attempt,
        body: Json<UserRegister>,
    ) -> Result<Reply<Registered>, Problem> {
        let UserRegister { email, password, invitation } = body.0;
        let new = NewAccount { email: email.0, password: password.0 };
        let network = Network::of(address.0);
        let answers =
            attempt.with(|user: &User| Registered::Created(Json(user.clone().into())));
        let made = service.user_register(new, invitation, network, answers.once());
        Ok(answers.reply(made.await?))
    }

    /// Show my account
    ///
    /// Every access token and every personal token may ask whose it is, whatever its scopes.
    #[oai(path = "/me", method = "get", operation_id = "user_me")]
    async fn me(
        &self,
        caller: Authenticated<Identity>,
    ) -> Result<Json<UserView>, Problem> {
        Ok(Json(caller.0.user.into()))
    }

    /// Change my account
    ///
    /// The body is a JSON merge patch ([RFC 7396](https://www.rfc-editor.org/rfc/rfc7396)), also taken as
    /// `application/merge-patch+json`.
    #[oai(path = "/me", method = "patch", operation_id = "user_update")]
    async fn update(
        &self,
        caller: Authenticated<Account>,
        service: Data<&Service>,
        attempt: Attempt,
        body: MergePatch<ProfilePatch>,
    ) -> Result<Reply<Json<UserView>>, Problem> {
        let change = body.0?.into();
        let answers = attempt.with(|user: &User| Json(UserView::from(user.clone())));
        let work = |doing| service.user_update(&caller.0, change, doing);
        Ok(answers.reply(service.once(&caller.0, answers.once(), work).await?))
    }

    /// Delete my account
    ///
    /// With its tasks, sessions, tokens and all else. Cannot be undone.
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

    /// Get all that is kept about me
    ///
    /// JSON Lines, one object a line: the account with its limits and the networks it logs in from, sessions, personal
    /// tokens, invitations it made, audit records of what it did and of what was done to it, kept answers, and tasks.
    /// The last line counts them. Passwords, tokens and what kept answers say are left out: they are secrets. A personal
    /// token needs the scope `tasks:read` too.
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
    /// Ends every other session and every personal token, and tells how many.
    #[oai(path = "/password", method = "post", operation_id = "user_change_password")]
    async fn change_password(
        &self,
        caller: Authenticated<Entry>,
        service: Data<&Service>,
        attempt: Attempt,
        body: Json<PasswordChange>,
    ) -> Result<Reply<Json<EndedView>>, Problem> {
        let PasswordChange { current_password, new_password } = body.0;
        let answers = attempt.with(|ended: &Ended| Json(EndedView::from(*ended)));
        let (caller, old, new) = (&caller.0, current_password.0, new_password.0);
        let work = |doing| service.user_change_password(caller, old, new, doing);
        Ok(answers.reply(service.once(caller, answers.once(), work).await?))
    }
}

/// `None` if it stays, `Some(None)` if it goes.
#[expect(clippy::option_option, reason = "as the service takes it")]
pub(super) fn cleared<T>(value: MaybeUndefined<T>) -> Option<Option<T>> {
    match value {
        MaybeUndefined::Undefined => None,
        MaybeUndefined::Null => Some(None),
        MaybeUndefined::Value(value) => Some(Some(value)),
    }
}
