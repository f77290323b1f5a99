//! `admin/users`

use std::sync::Arc;

use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::types::{Example, MaybeUndefined};
use poem_openapi::{ApiResponse, Object, OpenApi};
use serde::Serialize;

use super::caller::Authenticated;
use super::idempotency::{IdempotencyHeader, Reply};
use super::ignored::Ignored;
use super::param::{
    AccountSortParam, Faults, LimitParam, SearchParam, SkipParam, UserIdParam,
};
use super::payload::{Json, MergePatch};
use super::problem::Problem;
use super::sessions::EndedView;
use super::users::{RoleView, cleared};
use super::wire::{EmailText, NewPasswordText};
use super::{Api, Site, param};
use crate::auth::permission::Admin;
use crate::domain::id::UserId;
use crate::domain::label::Label;
use crate::domain::page::UserPage;
use crate::domain::quota::{OwnQuota, QuotaPatch, Usage};
use crate::domain::timestamp::Timestamp;
use crate::domain::user::{Account, User};
use crate::service::{AccountChange, FixedAccount, NewAccount, Service};

/// Handlers for the administration of accounts.
pub(super) struct AccountsApi;

/// Body of a request that creates an account.
#[derive(Object)]
#[oai(example, deny_unknown_fields)]
struct AccountCreate {
    /// Stored as typed; compared without regard to case.
    email: EmailText,
    /// Initial password, to pass on to the owner: 8 to 128 characters of any kind.
    password: NewPasswordText,
    /// Role of the account. Defaults to `user`.
    role: Option<RoleView>,
    /// Whether the owner must change the password before anything else. Defaults to true.
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

/// Body of a request that changes an account. Absent members stay unchanged.
#[derive(Object)]
#[oai(example, deny_unknown_fields)]
struct AccountPatch {
    /// Whether the account is disabled. Disabling ends all sessions; personal tokens are rejected until the account is
    /// enabled again.
    disabled: MaybeUndefined<bool>,
    /// Role of the account.
    role: MaybeUndefined<RoleView>,
    /// Whether the owner must change the password before anything else.
    must_change_password: MaybeUndefined<bool>,
    /// Maximum number of tasks; 0 for no limit, null for the server's default limit.
    #[oai(nullable, validator(minimum(value = "0"), maximum(value = "1000000000")))]
    max_tasks: MaybeUndefined<u64>,
    /// Maximum storage, in MiB; 0 for no limit, null for the server's default limit.
    #[oai(nullable, validator(minimum(value = "0"), maximum(value = "1000000000")))]
    max_mib: MaybeUndefined<u64>,
    /// Read-only: accepted if it equals the current value, so that a whole account can be sent back.
    id: Option<u64>,
    /// Read-only, like `id`.
    email: Option<String>,
    /// Read-only, like `id`.
    created_at: Option<Timestamp>,
    /// Read-only, like `id`.
    #[oai(nullable)]
    display_name: MaybeUndefined<String>,
    /// Ignored; computed by the server.
    tasks: Option<Ignored>,
    /// Ignored; computed by the server.
    bytes: Option<Ignored>,
}

impl Example for AccountPatch {
    fn example() -> Self {
        Self {
            disabled: MaybeUndefined::Undefined,
            role: MaybeUndefined::Undefined,
            must_change_password: MaybeUndefined::Undefined,
            max_tasks: MaybeUndefined::Value(1_000),
            max_mib: MaybeUndefined::Undefined,
            id: None,
            email: None,
            created_at: None,
            display_name: MaybeUndefined::Undefined,
            tasks: None,
            bytes: None,
        }
    }
}

impl From<AccountPatch> for AccountChange {
    fn from(patch: AccountPatch) -> Self {
        Self {
            disabled: patch.disabled.take(),
            role: patch.role.take().map(Into::into),
            must_change_password: patch.must_change_password.take(),
            quota: QuotaPatch {
                tasks: cleared(patch.max_tasks),
                mib: cleared(patch.max_mib),
            },
            fixed: FixedAccount {
                id: patch.id.map(UserId::new),
                created_at: patch.created_at,
                email: patch.email,
                display_name: cleared(patch.display_name),
                ..FixedAccount::default()
            },
        }
    }
}

/// An account, as administrators see it. Its tasks are private to its owner.
#[derive(Object, Serialize)]
#[oai(example)]
struct AccountView {
    /// Identifier of the account; never changes.
    id: u64,
    /// Email address, as typed.
    email: String,
    /// Role, which governs access beyond the account's own data.
    role: RoleView,
    /// Creation time.
    created_at: Timestamp,
    /// Display name chosen by the owner.
    #[oai(nullable)]
    display_name: Option<String>,
    /// Whether the account is disabled.
    disabled: bool,
    /// Whether the owner must change the password before anything else.
    must_change_password: bool,
    /// Number of tasks.
    tasks: u64,
    /// Storage used, in bytes: keys and values of its tasks, their index entries, its sessions, personal tokens and
    /// stored responses.
    bytes: u64,
    /// Maximum number of tasks; 0 if there is no limit, null if the server's default limit applies.
    #[oai(nullable)]
    max_tasks: Option<u64>,
    /// Maximum storage, in MiB; 0 if there is no limit, null if the server's default limit applies.
    #[oai(nullable)]
    max_mib: Option<u64>,
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
            tasks: 12,
            bytes: 9_876,
            max_tasks: None,
            max_mib: None,
        }
    }
}

impl From<Account> for AccountView {
    fn from(Account { user, usage }: Account) -> Self {
        let Usage { tasks, bytes, own: OwnQuota { tasks: max_tasks, mib: max_mib } } =
            usage;
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
            tasks,
            bytes,
            max_tasks,
            max_mib,
        }
    }
}

#[derive(ApiResponse)]
enum Created {
    /// The new account.
    #[oai(status = 201)]
    Created(
        Json<AccountView>,
        /// Path of the new account.
        #[oai(header = "Location")]
        String,
    ),
}

impl Created {
    fn of(user: User, prefix: &str) -> Self {
        let location = format!("{prefix}/admin/users/{}", user.id);
        let usage = Usage::default();
        Self::Created(Json(Account { user, usage }.into()), location)
    }
}

#[derive(ApiResponse)]
enum Listed {
    /// One page of accounts.
    #[oai(status = 200)]
    Listed(
        Json<Vec<AccountView>>,
        /// Number of accounts on all pages.
        #[oai(header = "X-Total-Count")]
        u64,
        /// Link to the next page, if there is one ([RFC 8288](https://www.rfc-editor.org/rfc/rfc8288)).
        #[oai(header = "Link")]
        Option<String>,
    ),
}

#[derive(ApiResponse)]
enum Deleted {
    /// The account was deleted with all its data.
    #[oai(status = 204)]
    Deleted,
}

#[OpenApi(prefix_path = "/admin/users", tag = "Api::Admin")]
impl AccountsApi {
    /// List accounts, newest or largest first
    #[oai(path = "/", method = "get", operation_id = "account_list")]
    #[expect(clippy::too_many_arguments, reason = "there are as many parameters")]
    async fn list(
        &self,
        caller: Authenticated<Admin>,
        service: Data<&Service>,
        site: Data<&Site>,
        /// Number of accounts to skip.
        skip: Query<Option<SkipParam>>,
        /// Maximum number of accounts to return.
        limit: Query<Option<LimitParam>>,
        /// Only accounts whose email contains this text, ignoring case.
        email: Query<Option<SearchParam>>,
        /// Sort order: `-created_at` (newest first), `-bytes` (most storage first) or `-tasks` (most tasks first).
        /// Defaults to `-created_at`.
        sort: Query<Option<AccountSortParam>>,
    ) -> Result<Listed, Problem> {
        let mut faults = Faults::default();
        let page = param::page(&mut faults, skip.0.as_ref(), limit.0.as_ref());
        let email = faults.take("email", SearchParam::parse(email.0.as_ref()));
        let order = faults.take("sort", AccountSortParam::parse(sort.0.as_ref()));
        let (Some(page), Some(email), Some(order)) = (page, email, order) else {
            return Err(faults.into_problem());
        };
        let UserPage { users, total } =
            service.account_list(&caller.0, email.as_deref(), order, page).await?;
        let path = format!("{}/admin/users", site.api_prefix);
        let email = email.map(|text| format!("&email={}", param::escape(&text)));
        let sort = AccountSortParam::query(order);
        let query = format!("{}{sort}", email.unwrap_or_default());
        let link = param::next_page(&path, &query, page, total);
        let users = users.into_iter().map(AccountView::from).collect();
        Ok(Listed::Listed(Json(users), total, link))
    }

    /// Create an account for another person
    ///
    /// Works regardless of the `REGISTRATION` setting.
    #[oai(path = "/", method = "post", operation_id = "account_create")]
    async fn create(
        &self,
        caller: Authenticated<Admin>,
        service: Data<&Service>,
        site: Data<&Site>,
        key: IdempotencyHeader,
        body: Json<AccountCreate>,
    ) -> Result<Reply<Created>, Problem> {
        let AccountCreate { email, password, role, must_change_password } = body.0;
        let new = NewAccount { email: email.0, password: password.0 };
        let role = role.unwrap_or(RoleView::User).into();
        let must_change = must_change_password.unwrap_or(true);
        let prefix = Arc::clone(&site.api_prefix);
        let work = |recorder| {
            service.account_create(&caller.0, new, role, must_change, recorder)
        };
        let user = service.once(&caller.0, key.key(), work).await?;
        Ok(Reply::of(user, |user| Created::of(user, &prefix)))
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

    /// Change the status, role or limits of an account, or require a new password
    ///
    /// The body is a JSON merge patch ([RFC 7396](https://www.rfc-editor.org/rfc/rfc7396)), also accepted as
    /// `application/merge-patch+json`.
    #[oai(path = "/:id", method = "patch", operation_id = "account_patch")]
    async fn patch(
        &self,
        caller: Authenticated<Admin>,
        service: Data<&Service>,
        /// The account.
        id: Path<UserIdParam>,
        key: IdempotencyHeader,
        body: MergePatch<AccountPatch>,
    ) -> Result<Reply<Json<AccountView>>, Problem> {
        let (id, patch) = Problem::both(id.0.parse(), body.0)?;
        let work =
            |recorder| service.account_patch(&caller.0, id, patch.into(), recorder);
        let account = service.once(&caller.0, key.key(), work).await?;
        Ok(Reply::of(account, |account| Json(account.into())))
    }

    /// Delete an account
    ///
    /// Deletes its tasks, sessions, tokens and all other data. Cannot be undone.
    #[oai(path = "/:id", method = "delete", operation_id = "account_delete")]
    async fn delete(
        &self,
        caller: Authenticated<Admin>,
        service: Data<&Service>,
        /// The account.
        id: Path<UserIdParam>,
        key: IdempotencyHeader,
    ) -> Result<Reply<Deleted>, Problem> {
        let id = id.0.parse()?;
        let work = |recorder| service.account_delete(&caller.0, id, recorder);
        let deleted = service.once(&caller.0, key.key(), work).await?;
        Ok(Reply::of(deleted, |()| Deleted::Deleted))
    }

    /// End all sessions and personal tokens of an account
    #[oai(path = "/:id/sessions", method = "delete", operation_id = "account_end_access")]
    async fn end_access(
        &self,
        caller: Authenticated<Admin>,
        service: Data<&Service>,
        /// The account.
        id: Path<UserIdParam>,
        key: IdempotencyHeader,
    ) -> Result<Reply<Json<EndedView>>, Problem> {
        let id = id.0.parse()?;
        let work = |recorder| service.account_end_access(&caller.0, id, recorder);
        let ended = service.once(&caller.0, key.key(), work).await?;
        Ok(Reply::of(ended, |ended| Json(ended.into())))
    }
}
