//! `admin/users`

use std::sync::Arc;

use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::types::{Example, MaybeUndefined};
use poem_openapi::{ApiResponse, Object, OpenApi};
use serde::Serialize;

use super::caller::Authenticated;
use super::once::{Attempt, Reply};
use super::param::{Faults, LimitParam, SearchParam, SkipParam, UserIdParam};
use super::payload::{Json, MergePatch};
use super::problem::Problem;
use super::sessions::EndedView;
use super::users::RoleView;
use super::wire::{EmailText, PasswordText};
use super::{Api, Site, param};
use crate::auth::permission::Admin;
use crate::domain::label::Label;
use crate::domain::page::UserPage;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::User;
use crate::service::{AccountChange, NewAccount, Service};

/// Handlers for other people's accounts.
pub(super) struct AccountsApi;

/// What an administrator sends to make an account.
#[derive(Object)]
#[oai(example, deny_unknown_fields)]
struct AccountCreate {
    /// Kept as typed; upper and lower case make no difference.
    email: EmailText,
    /// The first password, to be told to the owner. 8 to 128 characters of any kind.
    #[oai(validator(min_length = 8, max_length = 128))]
    password: PasswordText,
    /// What the account may do; `user` if absent.
    role: Option<RoleView>,
    /// Whether the owner must set another password before anything else; true if absent.
    must_change_password: Option<bool>,
}

impl Example for AccountCreate {
    fn example() -> Self {
        Self {
            email: EmailText("john@example.com".to_owned()),
            password: "password123".into(),
            role: Some(RoleView::User),
            must_change_password: Some(true),
        }
    }
}

/// What an administrator sends to change an account. What is absent stays as it is.
#[derive(Object)]
#[oai(example, deny_unknown_fields)]
struct AccountPatch {
    /// Disabled, or enabled again. Disabling ends all sessions; personal tokens are refused as long as it
    /// lasts.
    disabled: MaybeUndefined<bool>,
    /// What the account may do.
    role: MaybeUndefined<RoleView>,
    /// Whether the owner must set another password before anything else.
    must_change_password: MaybeUndefined<bool>,
}

impl Example for AccountPatch {
    fn example() -> Self {
        Self {
            disabled: MaybeUndefined::Value(true),
            role: MaybeUndefined::Undefined,
            must_change_password: MaybeUndefined::Undefined,
        }
    }
}

/// An account, as administrators see it. Its tasks are nobody's business but its owner's.
#[derive(Object, Serialize)]
#[oai(example)]
struct AccountView {
    /// Never changes.
    id: u64,
    /// As typed.
    email: String,
    /// What the account may do beyond its own things.
    role: RoleView,
    /// When the account was made.
    created_at: Timestamp,
    /// What its owner wants to be called.
    #[oai(nullable)]
    display_name: Option<String>,
    /// Whether nobody may use it.
    disabled: bool,
    /// Whether the owner must set another password before anything else.
    must_change_password: bool,
}

impl Example for AccountView {
    fn example() -> Self {
        Self {
            id: 2,
            email: "john@example.com".to_owned(),
            role: RoleView::User,
            created_at: super::example_time(),
            display_name: None,
            disabled: false,
            must_change_password: true,
        }
    }
}

impl From<User> for AccountView {
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
            disabled: user.disabled,
            must_change_password: user.must_change_password,
        }
    }
}

#[derive(ApiResponse)]
enum Created {
    /// The new account.
    #[oai(status = 201)]
    Created(
        Json<AccountView>,
        /// Where the account is found from now on.
        #[oai(header = "Location")]
        String,
    ),
}

impl Created {
    fn of(user: User, prefix: &str) -> Self {
        let location = format!("{prefix}/admin/users/{}", user.id);
        Self::Created(Json(user.into()), location)
    }
}

#[derive(ApiResponse)]
enum Listed {
    /// One page of accounts, newest first.
    #[oai(status = 200)]
    Listed(
        Json<Vec<AccountView>>,
        /// How many accounts there are on all pages.
        #[oai(header = "X-Total-Count")]
        u64,
        /// The next page, if there is one ([RFC 8288](https://www.rfc-editor.org/rfc/rfc8288)).
        #[oai(header = "Link")]
        Option<String>,
    ),
}

#[derive(ApiResponse)]
enum Deleted {
    /// The account is gone, with all that it had.
    #[oai(status = 204)]
    Deleted,
}

#[OpenApi(prefix_path = "/admin/users", tag = "Api::Admin")]
impl AccountsApi {
    /// List accounts, newest first
    #[oai(path = "/", method = "get", operation_id = "account_list")]
    async fn list(
        &self,
        caller: Authenticated<Admin>,
        service: Data<&Service>,
        site: Data<&Site>,
        /// How many accounts to pass over.
        skip: Query<Option<SkipParam>>,
        /// Most accounts to return.
        limit: Query<Option<LimitParam>>,
        /// Only those whose email has this text in it, in upper or lower case.
        email: Query<Option<SearchParam>>,
    ) -> Result<Listed, Problem> {
        let mut faults = Faults::default();
        let page = param::page(&mut faults, skip.0.as_ref(), limit.0.as_ref());
        let email = faults.take("email", SearchParam::parse(email.0.as_ref()));
        let (Some(page), Some(email)) = (page, email) else {
            return Err(faults.into_problem());
        };
        let UserPage { users, total } =
            service.account_list(&caller.0, email.as_deref(), page).await?;
        let path = format!("{}/admin/users", site.api_prefix);
        let query = email.map(|text| format!("&email={}", param::escape(&text)));
        let link = param::next_page(&path, &query.unwrap_or_default(), page, total);
        let users = users.into_iter().map(AccountView::from).collect();
        Ok(Listed::Listed(Json(users), total, link))
    }

    /// Make an account for somebody
    ///
    /// Whatever the server says of registration.
    #[oai(path = "/", method = "post", operation_id = "account_create")]
    async fn create(
        &self,
        caller: Authenticated<Admin>,
        service: Data<&Service>,
        site: Data<&Site>,
        attempt: Attempt,
        body: Json<AccountCreate>,
    ) -> Result<Reply<Created>, Problem> {
        let AccountCreate { email, password, role, must_change_password } = body.0;
        let new = NewAccount { email: email.0, password: password.0 };
        let role = role.unwrap_or(RoleView::User).into();
        let must_change = must_change_password.unwrap_or(true);
        let prefix = Arc::clone(&site.api_prefix);
        let answers = attempt.with(move |user: &User| Created::of(user.clone(), &prefix));
        let work =
            |doing| service.account_create(&caller.0, new, role, must_change, doing);
        Ok(answers.reply(service.once(&caller.0, answers.once(), work).await?))
    }

    /// Show an account
    #[oai(path = "/:id", method = "get", operation_id = "account_get")]
    async fn get(
        &self,
        caller: Authenticated<Admin>,
        service: Data<&Service>,
        /// The account.
        id: Path<UserIdParam>,
    ) -> Result<Json<AccountView>, Problem> {
        Ok(Json(service.account_get(&caller.0, id.0.parse()?).await?.into()))
    }

    /// Disable an account, give it a role, or ask for another password
    ///
    /// The body is a JSON merge patch ([RFC 7396](https://www.rfc-editor.org/rfc/rfc7396)).
    #[oai(path = "/:id", method = "patch", operation_id = "account_patch")]
    async fn patch(
        &self,
        caller: Authenticated<Admin>,
        service: Data<&Service>,
        /// The account.
        id: Path<UserIdParam>,
        body: MergePatch<AccountPatch>,
    ) -> Result<Json<AccountView>, Problem> {
        let (id, patch) = Problem::both(id.0.parse(), body.0)?;
        let AccountPatch { disabled, role, must_change_password } = patch;
        let change = AccountChange {
            disabled: disabled.take(),
            role: role.take().map(Into::into),
            must_change_password: must_change_password.take(),
        };
        Ok(Json(service.account_patch(&caller.0, id, change).await?.into()))
    }

    /// Delete an account
    ///
    /// With its tasks, sessions, tokens and all else. Cannot be undone.
    #[oai(path = "/:id", method = "delete", operation_id = "account_delete")]
    async fn delete(
        &self,
        caller: Authenticated<Admin>,
        service: Data<&Service>,
        /// The account.
        id: Path<UserIdParam>,
    ) -> Result<Deleted, Problem> {
        service.account_delete(&caller.0, id.0.parse()?).await?;
        Ok(Deleted::Deleted)
    }

    /// End all sessions and personal tokens of an account
    #[oai(path = "/:id/sessions", method = "delete", operation_id = "account_end_access")]
    async fn end_access(
        &self,
        caller: Authenticated<Admin>,
        service: Data<&Service>,
        /// The account.
        id: Path<UserIdParam>,
    ) -> Result<Json<EndedView>, Problem> {
        let ended = service.account_end_access(&caller.0, id.0.parse()?).await?;
        Ok(Json(ended.into()))
    }
}
