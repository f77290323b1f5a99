//! Accounts as administrators and the operator manage them. Every action leaves an audit record, in the same
//! transaction.

use tracing::instrument;
use zeroize::Zeroizing;

use super::profile::Changed;
use super::users::NO_USER;
use super::{Error, FixedAccount, NewAccount, Recorder, Service};
use crate::auth::Caller;
use crate::auth::password::Whose;
use crate::auth::permission::Admin;
use crate::domain::audit::{Act, Actor};
use crate::domain::id::UserId;
use crate::domain::page::{AuditPage, Page, UserOrder, UserPage};
use crate::domain::quota::{QuotaPatch, Usage};
use crate::domain::user::{
    Account, Admission, Ended, Ending, Refused, Role, User, UserChange, UserPatch,
};
use crate::store::WriteContext;

/// Changes to an account by an administrator. `None` leaves a member unchanged.
#[derive(Clone, Debug, Default)]
pub struct AccountChange {
    /// Disables the account or enables it again. Disabling ends all sessions; tokens are refused while it lasts.
    pub disabled: Option<bool>,
    /// New role.
    pub role: Option<Role>,
    /// Whether the owner must change the password before anything else.
    pub must_change_password: Option<bool>,
    /// Changes to the account's own limits.
    pub quota: QuotaPatch,
    /// Members that cannot be changed.
    pub fixed: FixedAccount,
}

impl Service {
    /// Lists accounts in the given order, filtered by a text in their email if one is given.
    ///
    /// # Errors
    ///
    /// Store errors.
    pub async fn account_list(
        &self,
        _caller: &Caller<Admin>,
        containing: Option<&str>,
        order: UserOrder,
        page: Page,
    ) -> Result<UserPage, Error> {
        let containing = containing.map(str::to_owned);
        Ok(self.0.store.user_page(containing, order, page).await?)
    }

    /// Returns an account.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], and store errors.
    pub async fn account_get(
        &self,
        _caller: &Caller<Admin>,
        id: UserId,
    ) -> Result<Account, Error> {
        let found = self.0.store.user_get(id).await?.ok_or(NO_USER)?;
        Ok(Account { user: found.user, usage: self.usage(id).await? })
    }

    /// Creates an account, even if registration is closed.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`], [`Error::EmailTaken`], [`Error::Busy`], and store errors.
    #[instrument(skip_all, fields(admin.id = %caller.user.id))]
    pub async fn account_create(
        &self,
        caller: &Caller<Admin>,
        new: NewAccount,
        role: Role,
        must_change_password: bool,
        recorder: Recorder<User>,
    ) -> Result<User, Error> {
        let by = Admission::By(self.act(caller)?);
        let new = self
            .user_prepare(new, role, must_change_password, by, caller.whose())
            .await?;
        let made = |made: &Result<User, Refused>| made.clone().ok();
        let context = recorder.context(self.authority(caller), made);
        let user = self.0.store.user_create(new, context).await??;
        tracing::info!(made.id = %user.id, role = role.as_str(), "account created");
        Ok(user)
    }

    /// Changes an account.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::Invalid`], [`Error::LastAdmin`], and store errors.
    #[instrument(skip_all, fields(admin.id = %caller.user.id, user.id = %id))]
    pub async fn account_patch(
        &self,
        caller: &Caller<Admin>,
        id: UserId,
        change: AccountChange,
        recorder: Recorder<Account>,
    ) -> Result<Account, Error> {
        let AccountChange { disabled, role, must_change_password, quota, fixed } = change;
        let by = Some(self.act(caller)?);
        let Account { user, usage } = self.account_get(caller, id).await?;
        let refused = fixed.check(&user);
        if !refused.is_empty() {
            return Err(Error::Invalid(refused));
        }
        let patch =
            UserPatch { role, disabled, must_change_password, ..UserPatch::default() };
        let change = UserChange { patch, quota, by, ..UserChange::default() };
        let account = move |user: &User| {
            let usage = Usage { own: quota.apply(usage.own), ..usage };
            Account { user: user.clone(), usage }
        };
        let changed =
            move |changed: &Changed| changed.as_ref().ok().map(|(user, _)| account(user));
        let context = recorder.context(self.authority(caller), changed);
        let (user, _) = self.0.store.user_patch(id, change, context).await??;
        tracing::info!(
            ?disabled,
            ?role,
            ?must_change_password,
            ?quota,
            "account changed"
        );
        Ok(account(&user))
    }

    /// Deletes an account and all its data.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::LastAdmin`], and store errors.
    #[instrument(skip_all, fields(admin.id = %caller.user.id, user.id = %id))]
    pub async fn account_delete(
        &self,
        caller: &Caller<Admin>,
        id: UserId,
        recorder: Recorder<()>,
    ) -> Result<(), Error> {
        let by = Some(self.act(caller)?);
        let deleted = |deleted: &Result<(), Refused>| (*deleted).ok();
        let context = recorder.context(self.authority(caller), deleted);
        self.0.store.user_delete(id, None, by, context).await??;
        tracing::info!("account deleted");
        Ok(())
    }

    /// Ends all sessions and personal tokens of an account.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], and store errors.
    #[instrument(skip_all, fields(admin.id = %caller.user.id, user.id = %id))]
    pub async fn account_end_access(
        &self,
        caller: &Caller<Admin>,
        id: UserId,
        recorder: Recorder<Ended>,
    ) -> Result<Ended, Error> {
        let by = Some(self.act(caller)?);
        let ended = |ended: &Result<Ended, Refused>| (*ended).ok();
        let context = recorder.context(self.authority(caller), ended);
        let ended =
            self.0.store.access_end(id, Ending::Everything, by, context).await??;
        tracing::info!("access ended");
        Ok(ended)
    }

    /// Lists the actions of administrators and the operator, newest first.
    ///
    /// # Errors
    ///
    /// Store errors.
    pub async fn audit_list(
        &self,
        _caller: &Caller<Admin>,
        page: Page,
    ) -> Result<AuditPage, Error> {
        Ok(self.0.store.audit_list(page).await?)
    }

    /// Creates an account, for the operator.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`], [`Error::EmailTaken`], and store errors.
    #[instrument(skip_all)]
    pub async fn user_add(&self, new: NewAccount, role: Role) -> Result<User, Error> {
        let by = Admission::By(self.operator());
        let new = self.user_prepare(new, role, false, by, Whose::Operator).await?;
        Ok(self.0.store.user_create(new, WriteContext::system()).await??)
    }

    /// Sets the password of an account and ends its sessions and tokens, for the operator.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::Invalid`], and store errors.
    #[instrument(skip_all)]
    pub async fn user_set_password(
        &self,
        email: &str,
        password: Zeroizing<String>,
    ) -> Result<(), Error> {
        let user = self.user_by_email(email).await?;
        let email = user.email.as_str();
        let password =
            self.new_password("password", password, email, Whose::Operator).await?;
        let patch = UserPatch {
            password: Some(self.0.hasher.hash(Whose::Operator, password).await?),
            must_change_password: Some(false),
            ..UserPatch::default()
        };
        let (ending, by) = (Ending::Everything, Some(self.operator()));
        let change = UserChange { patch, ending, by, ..UserChange::default() };
        self.0.store.user_patch(user.id, change, WriteContext::system()).await??;
        Ok(())
    }

    /// Sets the role of an account, for the operator.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::LastAdmin`], and store errors.
    #[instrument(skip_all)]
    pub async fn user_set_role(&self, email: &str, role: Role) -> Result<(), Error> {
        let patch = UserPatch { role: Some(role), ..UserPatch::default() };
        self.operator_patch(email, patch).await
    }

    /// Disables an account and ends its sessions, or enables it again, for the operator.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::LastAdmin`], and store errors.
    #[instrument(skip_all)]
    pub async fn user_set_disabled(
        &self,
        email: &str,
        disabled: bool,
    ) -> Result<(), Error> {
        let patch = UserPatch { disabled: Some(disabled), ..UserPatch::default() };
        self.operator_patch(email, patch).await
    }

    async fn operator_patch(&self, email: &str, patch: UserPatch) -> Result<(), Error> {
        let user = self.user_by_email(email).await?;
        let by = Some(self.operator());
        let change = UserChange { patch, by, ..UserChange::default() };
        self.0.store.user_patch(user.id, change, WriteContext::system()).await??;
        Ok(())
    }

    /// Deletes an account and all its data, for the operator. Returns the usage that was freed.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::LastAdmin`], and store errors.
    #[instrument(skip_all)]
    pub async fn user_delete(&self, email: &str) -> Result<Usage, Error> {
        let user = self.user_by_email(email).await?;
        let usage = self.usage(user.id).await?;
        let by = Some(self.operator());
        self.0.store.user_delete(user.id, None, by, WriteContext::system()).await??;
        Ok(usage)
    }

    /// Counts an action of an administrator against the throttle.
    pub(super) fn act(&self, caller: &Caller<Admin>) -> Result<Act, Error> {
        if let Some(throttle) = &self.0.throttle {
            let admin = caller.user.id;
            throttle
                .admin(admin)
                .map_err(|why| self.throttled(caller.network, Some(admin), why))?;
        }
        Ok(Act { actor: Actor::Admin(caller.user.id), at: self.0.clock.now() })
    }

    /// Changes the limits of an account, if any are given, for the operator. Returns its usage.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], and store errors.
    #[instrument(skip_all)]
    pub async fn user_quota(
        &self,
        email: &str,
        quota: QuotaPatch,
    ) -> Result<Usage, Error> {
        let user = self.user_by_email(email).await?;
        if quota != QuotaPatch::default() {
            let by = Some(self.operator());
            let change = UserChange { quota, by, ..UserChange::default() };
            self.0.store.user_patch(user.id, change, WriteContext::system()).await??;
        }
        self.usage(user.id).await
    }

    async fn usage(&self, id: UserId) -> Result<Usage, Error> {
        self.0.store.user_usage(id).await?.ok_or(NO_USER)
    }

    pub(super) fn operator(&self) -> Act {
        Act { actor: Actor::Operator, at: self.0.clock.now() }
    }
}
