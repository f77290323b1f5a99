//! Registration of accounts.

use tracing::instrument;
use zeroize::Zeroizing;

use super::{Error, FieldError, Outcome, Recorder, RequestKey, Service};
use crate::auth::opaque::{INVITATION, digest};
use crate::auth::password::Whose;
use crate::config::Registration;
use crate::domain::authority::Authority;
use crate::domain::digest::SecretDigest;
use crate::domain::email::Email;
use crate::domain::id::InvitationId;
use crate::domain::network::Network;
use crate::domain::user::{Admission, NewUser, Refused, Role, User};

/// Data of a registration, unchecked.
pub struct NewAccount {
    /// Email, checked by [`Email::new`].
    pub email: String,
    /// Password, checked by the password rules.
    pub password: Zeroizing<String>,
}

impl std::fmt::Debug for NewAccount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NewAccount(..)")
    }
}

pub(super) const NO_USER: Error = Error::NotFound { what: "user" };

impl Service {
    /// Registers an account from this network, if the settings allow it.
    ///
    /// # Errors
    ///
    /// [`Error::RegistrationClosed`], [`Error::RegistrationFull`], [`Error::Invalid`] naming every rejected field,
    /// [`Error::EmailTaken`], [`Error::Throttled`], [`Error::Busy`] if too many passwords wait, and store errors.
    #[instrument(skip_all, fields(user.id))]
    pub async fn user_register(
        &self,
        new: NewAccount,
        invitation: Option<String>,
        network: Network,
        key: Option<RequestKey>,
    ) -> Result<Outcome<User>, Error> {
        let admission = match (self.0.registration, invitation) {
            (Registration::Closed, _) => return Err(Error::RegistrationClosed),
            (Registration::Invite, None) => {
                return Err(Error::field("invitation", "is required"));
            }
            (Registration::Open, None) => Admission::Open,
            (_, Some(text)) => invited(&text).ok_or_else(bad_invitation)?,
        };
        if let Some(throttle) = &self.0.throttle {
            throttle
                .registration(network)
                .map_err(|why| self.throttled(network, None, why))?;
        }
        let email = new.email.clone();
        if let Some(user) = self.registered(&email, key.as_ref()).await? {
            return Ok(Outcome::Replayed(user));
        }
        let recorder = self.recorder(key.clone(), |user: &User| user.id);
        match self.user_make(new, admission, network, recorder).await {
            // An earlier copy of the same request may have taken it.
            Err(error @ (Error::EmailTaken | Error::Invalid(_))) => {
                let user = self.registered(&email, key.as_ref()).await?;
                user.map(Outcome::Replayed).ok_or(error)
            }
            made => Ok(Outcome::Fresh(made?)),
        }
    }

    async fn user_make(
        &self,
        new: NewAccount,
        admission: Admission,
        network: Network,
        recorder: Recorder<User>,
    ) -> Result<User, Error> {
        if let Admission::Invited(id, digest) = admission {
            self.see_invitation(id, digest, &new.email).await?;
        }
        let whose = Whose::Stranger(network);
        let new = self.user_prepare(new, Role::User, false, admission, whose).await?;
        let created = |created: &Result<User, Refused>| created.clone().ok();
        let context = recorder.context(Authority::System, created);
        let user = self.0.store.user_create(new, context).await??;
        tracing::Span::current().record("user.id", tracing::field::display(user.id));
        tracing::info!("user registered");
        Ok(user)
    }

    /// Returns the account if this very request created it. Says nothing of any other request: its sender may be a
    /// stranger.
    async fn registered(
        &self,
        email: &str,
        key: Option<&RequestKey>,
    ) -> Result<Option<User>, Error> {
        let Some(email) = key.and_then(|_| Email::new(email).ok()) else {
            return Ok(None);
        };
        let Some(found) = self.0.store.user_by_email(email).await? else {
            return Ok(None);
        };
        match self.replay(found.user.id, key).await {
            Err(Error::KeyReused | Error::OutcomeLost) => Ok(None),
            outcome => outcome,
        }
    }

    /// Checks an invitation before the email is judged or the password hashed. The store decides whether it is still
    /// valid when the account is made.
    async fn see_invitation(
        &self,
        id: InvitationId,
        digest: SecretDigest,
        email: &str,
    ) -> Result<(), Error> {
        let email = Email::new(email).ok().map(|email| email.canonical());
        let now = self.0.clock.now();
        let all = self.0.store.invitation_list().await?;
        let is_good = all
            .iter()
            .any(|found| found.id == id && found.admits(digest, email.as_ref(), now));
        if is_good { Ok(()) } else { Err(bad_invitation()) }
    }

    /// Validates the data of a new account, and hashes its password.
    pub(super) async fn user_prepare(
        &self,
        new: NewAccount,
        role: Role,
        must_change_password: bool,
        admission: Admission,
        whose: Whose,
    ) -> Result<NewUser, Error> {
        let email =
            Email::new(&new.email).map_err(|error| FieldError::new("email", error));
        let password = self.password_length("password", new.password);
        let (email, password) = match (email, password) {
            (Ok(email), Ok(password)) => (email, password),
            (email, password) => {
                let refused = [email.err(), password.err()].into_iter().flatten();
                return Err(Error::Invalid(refused.collect()));
            }
        };
        self.password_strength("password", &password, email.as_str(), whose).await?;
        // Avoids a needless hash. The store decides below whether the email is free.
        if self.0.store.user_by_email(email.clone()).await?.is_some() {
            return Err(Error::EmailTaken);
        }
        let password = self.0.hasher.hash(whose, password).await?;
        let created_at = self.0.clock.now();
        Ok(NewUser { email, password, role, must_change_password, created_at, admission })
    }

    pub(super) async fn user_by_email(&self, email: &str) -> Result<User, Error> {
        let Ok(email) = Email::new(email) else { return Err(NO_USER) };
        let found = self.0.store.user_by_email(email).await?;
        found.map(|credential| credential.user).ok_or(NO_USER)
    }
}

fn bad_invitation() -> Error {
    Error::field("invitation", "is not valid, or no longer valid, for this email")
}

/// Parses an invitation. The store decides whether it exists.
fn invited(text: &str) -> Option<Admission> {
    let bytes: [u8; 40] = INVITATION.read(text)?;
    let (id, secret) = bytes.split_first_chunk()?;
    Some(Admission::Invited(InvitationId::from_bytes(*id), digest(secret)))
}

impl From<Refused> for Error {
    fn from(why: Refused) -> Self {
        match why {
            Refused::Missing => NO_USER,
            Refused::EmailTaken => Self::EmailTaken,
            Refused::PasswordChanged => Self::WrongCredentials,
            Refused::Full => Self::RegistrationFull,
            Refused::LastAdmin => Self::LastAdmin,
            Refused::BadInvitation => bad_invitation(),
        }
    }
}
