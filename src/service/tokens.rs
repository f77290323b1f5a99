//! Personal access tokens.

use tracing::instrument;

use super::{Error, FieldError, Recorder, Service};
use crate::auth::opaque::{PERSONAL_TOKEN, digest};
use crate::auth::permission::{Account, CreateToken};
use crate::auth::{Caller, Secret};
use crate::domain::id::TokenId;
use crate::domain::label::Label;
use crate::domain::scope::Scopes;
use crate::domain::timestamp::Timestamp;
use crate::domain::token::PersonalToken;

/// Data for a new personal token, unchecked.
#[derive(Clone, Debug)]
pub struct TokenDraft {
    /// Name, checked by [`Label::typed`].
    pub name: String,
    /// Scopes, at least one.
    pub scopes: Scopes,
    /// Expiry time in the future, if any.
    pub expires_at: Option<Timestamp>,
}

const NO_TOKEN: Error = Error::NotFound { what: "token" };

impl Service {
    /// Creates a personal token. Returns the secret, which is never shown again.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] naming every rejected field, [`Error::TooMany`], and store errors.
    #[instrument(skip_all, fields(user.id = %caller.user.id))]
    pub async fn token_create(
        &self,
        caller: &Caller<CreateToken>,
        draft: TokenDraft,
        recorder: Recorder<(PersonalToken, Secret)>,
    ) -> Result<(PersonalToken, Secret), Error> {
        let now = self.0.clock.now();
        let mut refused = Vec::new();
        let name = Label::typed(&draft.name)
            .map_err(|error| refused.push(FieldError::new("name", error)));
        if draft.scopes.is_empty() {
            refused.push(FieldError::new("scopes", "must have at least 1 item"));
        }
        if draft.expires_at.is_some_and(|end| end <= now) {
            refused.push(FieldError::new("expires_at", "must be later than now"));
        }
        let (Ok(name), []) = (name, refused.as_slice()) else {
            return Err(Error::Invalid(refused));
        };
        let (user, id) = (caller.user.id, TokenId::from_bytes(self.random()?));
        let secret: [u8; 32] = self.random()?;
        let text = PERSONAL_TOKEN.write(&[&user.to_bytes(), &id.to_bytes(), &secret]);
        let token = PersonalToken {
            id,
            user,
            name,
            scopes: draft.scopes,
            created_at: now,
            expires_at: draft.expires_at,
            last_used_at: None,
            digest: digest(text.expose().as_bytes()),
        };
        let outcome = (token.clone(), text.clone());
        let created = move |created: &Option<bool>| {
            (*created == Some(true)).then(|| outcome.clone())
        };
        let context = recorder.context(self.authority(caller), created);
        match self.0.store.token_create(token.clone(), context).await? {
            Some(true) => Ok((token, text)),
            Some(false) => {
                Err(Error::TooMany { what: "tokens", most: PersonalToken::MAX_PER_USER })
            }
            None => Err(Error::BadToken),
        }
    }

    /// Lists the caller's personal tokens, newest first.
    ///
    /// # Errors
    ///
    /// Store errors.
    pub async fn token_list(
        &self,
        caller: &Caller<Account>,
    ) -> Result<Vec<PersonalToken>, Error> {
        let mut tokens = self.0.store.token_list(caller.user.id).await?;
        tokens.sort_by_key(|token| std::cmp::Reverse((token.created_at, token.id)));
        Ok(tokens)
    }

    /// Deletes a personal token. It is refused from the next request on.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], and store errors.
    #[instrument(skip_all, fields(user.id = %caller.user.id))]
    pub async fn token_delete(
        &self,
        caller: &Caller<Account>,
        id: Option<TokenId>,
        recorder: Recorder<()>,
    ) -> Result<(), Error> {
        let id = id.ok_or(NO_TOKEN)?;
        let context = recorder
            .context(self.authority(caller), |deleted: &bool| deleted.then_some(()));
        if self.0.store.token_delete(caller.user.id, id, context).await? {
            Ok(())
        } else {
            Err(NO_TOKEN)
        }
    }
}
