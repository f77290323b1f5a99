//! Requests that can be retried and are executed once
//! ([draft-ietf-httpapi-idempotency-key-header-07](https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-idempotency-key-header-07)).
//!
//! A client may give its request a key. The outcome is then stored under the key, sealed, in the transaction of the write
//! ([`Idempotency`]), and replayed for [`IdempotencyRecord::RETENTION`]. Keys belong to an account: no account sees the
//! outcomes of another. A refusal does nothing, so it is not stored.
//!
//! A replay requires the same authorization as the request itself, checked at that time: nothing here replaces a
//! credential.

mod key;
mod outcome;
mod wire;

use std::fmt;
use std::io;

use zeroize::Zeroizing;

pub use self::key::RequestKey;
pub use self::outcome::{Outcome, Replayable};
use super::{Error, Service};
use crate::auth::Caller;
use crate::auth::permission::Permission;
use crate::domain::authority::Authority;
use crate::domain::id::{SessionId, UserId};
use crate::domain::idempotency::IdempotencyRecord;
use crate::store::{Idempotency, StoreError, WriteContext};

const OUTCOME: &str = "outcome";
const REQUEST: &str = "request";

/// Purpose of records of versions that stored the HTTP response. They are not replayed.
const RESPONSE: &str = "answer";

/// Size of a record beyond which it is opened on a blocking thread, in bytes.
const LONG: usize = 64 * 1024;

/// Recorder of the outcome of a request in progress. Records nothing if the request has no key.
pub struct Recorder<A>(Option<Box<Plan<A>>>);

struct Plan<A> {
    service: Service,
    owner: Owner<A>,
    key: RequestKey,
    session: Option<SessionId>,
}

/// Owner of a record.
enum Owner<A> {
    Known(UserId),
    /// The account that the request creates.
    Created(fn(&A) -> UserId),
}

// Derived, these would require the same of the outcome.
impl<A> Clone for Recorder<A> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<A> Clone for Plan<A> {
    fn clone(&self) -> Self {
        let Self { service, owner, key, session } = self;
        let owner = match owner {
            Owner::Known(id) => Owner::Known(*id),
            Owner::Created(of) => Owner::Created(*of),
        };
        Self { service: service.clone(), owner, key: key.clone(), session: *session }
    }
}

impl<A> fmt::Debug for Recorder<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recorder(..)")
    }
}

impl<A: Replayable> Recorder<A> {
    fn new(service: &Service, owner: Owner<A>, key: Option<RequestKey>) -> Self {
        Self(key.map(|key| {
            let service = service.clone();
            Box::new(Plan { service, owner, key, session: None })
        }))
    }

    /// Marks the outcome as giving access to a session, which it must not outlive.
    pub(super) fn of_session(mut self, id: SessionId) -> Self {
        if let Some(plan) = &mut self.0 {
            plan.session = Some(id);
        }
        self
    }

    /// Returns the context of the write. `outcome` converts the result of the write if it succeeded, and returns `None`
    /// if it was refused.
    pub(super) fn context<T>(
        self,
        authority: Authority,
        outcome: impl FnMut(&T) -> Option<A> + Send + 'static,
    ) -> WriteContext<T> {
        let idempotency = self.0.map(|plan| plan.idempotency(outcome));
        WriteContext { authority, idempotency }
    }
}

impl<A: Replayable> Plan<A> {
    fn idempotency<T>(
        self,
        mut outcome: impl FnMut(&T) -> Option<A> + Send + 'static,
    ) -> Idempotency<T> {
        let at = self.service.0.clock.now();
        let owner = match self.owner {
            Owner::Known(owner) => Some(owner),
            Owner::Created(_) => None,
        };
        let key = self.key.key;
        let record = move |result: &T| {
            let Some(outcome) = outcome(result) else { return Ok(None) };
            let bytes = outcome.encode().map_err(StoreError::internal)?;
            if bytes.len() > IdempotencyRecord::MAX_BYTES - 64 {
                return Err(StoreError::OutcomeTooLarge);
            }
            let owner = match self.owner {
                Owner::Known(owner) => owner,
                Owner::Created(owner) => owner(&outcome),
            };
            let plain = Zeroizing::new(join(self.session, &bytes));
            let sealer = &self.service.0.sealer;
            let sealed =
                sealer.seal(OUTCOME, &[&owner.to_bytes(), &key.to_bytes()], &plain);
            let request = sealer.digest(REQUEST, &[&owner.to_bytes(), &self.key.request]);
            Ok(Some((owner, IdempotencyRecord { key, request, made_at: at, sealed })))
        };
        Idempotency { owner, key, at, record: Box::new(record) }
    }
}

/// Returns the bytes to seal: the session that the outcome must not outlive, if any, and the outcome.
fn join(session: Option<SessionId>, outcome: &[u8]) -> Vec<u8> {
    match session {
        None => [&[0], outcome].concat(),
        Some(id) => [&[1], &id.to_bytes()[..], outcome].concat(),
    }
}

fn split(plain: &[u8]) -> Option<(Option<SessionId>, &[u8])> {
    match plain.split_first()? {
        (0, outcome) => Some((None, outcome)),
        (_, rest) => {
            let (id, outcome) = rest.split_first_chunk()?;
            Some((Some(SessionId::from_bytes(*id)), outcome))
        }
    }
}

impl Service {
    /// Executes a request for a caller, unless it was executed before under the same key.
    ///
    /// # Errors
    ///
    /// The errors of `work`; [`Error::KeyReused`] and [`Error::OutcomeLost`]; [`Error::BadToken`] and [`Error::Denied`]
    /// if the caller is no longer authorized.
    pub async fn once<P: Permission, A: Replayable, F>(
        &self,
        caller: &Caller<P>,
        key: Option<RequestKey>,
        work: impl FnOnce(Recorder<A>) -> F,
    ) -> Result<Outcome<A>, Error>
    where
        F: Future<Output = Result<A, Error>>,
    {
        if key.is_some() {
            // The body may have taken long to arrive.
            self.reauthorize(caller).await?;
        }
        self.once_of(caller.user.id, key, work).await
    }

    /// Does the same for an account that has just been authenticated.
    pub(super) async fn once_of<A: Replayable, F>(
        &self,
        owner: UserId,
        key: Option<RequestKey>,
        work: impl FnOnce(Recorder<A>) -> F,
    ) -> Result<Outcome<A>, Error>
    where
        F: Future<Output = Result<A, Error>>,
    {
        if let Some(outcome) = self.replay(owner, key.as_ref()).await? {
            return Ok(Outcome::Replayed(outcome));
        }
        let recorder = Recorder::new(self, Owner::Known(owner), key.clone());
        match work(recorder).await {
            Err(Error::Repeated) => {
                let outcome = self.replay(owner, key.as_ref()).await?;
                outcome.map(Outcome::Replayed).ok_or(Error::Repeated)
            }
            done => Ok(Outcome::Fresh(done?)),
        }
    }

    /// Returns the recorder of a request that creates its own owner. The caller looks for an earlier outcome itself.
    pub(super) fn recorder<A: Replayable>(
        &self,
        key: Option<RequestKey>,
        owner: fn(&A) -> UserId,
    ) -> Recorder<A> {
        Recorder::new(self, Owner::Created(owner), key)
    }

    /// Returns the stored outcome of this request.
    ///
    /// # Errors
    ///
    /// [`Error::KeyReused`] if the key belongs to another request; [`Error::OutcomeLost`] if the outcome was sealed with
    /// a key that is no longer known, was stored by another version of this program, or gives access to a session that
    /// has ended.
    pub(super) async fn replay<A: Replayable>(
        &self,
        owner: UserId,
        key: Option<&RequestKey>,
    ) -> Result<Option<A>, Error> {
        let Some(key) = key else { return Ok(None) };
        let now = self.0.clock.now();
        let record = self.0.store.idempotency_get(owner, key.key).await?;
        let is_kept =
            |record: &IdempotencyRecord| now.since(record.made_at) < key.retention;
        let Some(record) = record.filter(is_kept) else { return Ok(None) };
        let is_of_this = self.is_record_of(owner, key, &record);
        let (session, outcome) = match self.open_outcome::<A>(owner, record).await? {
            None => return Err(Error::OutcomeLost),
            Some(_) if !is_of_this => return Err(Error::KeyReused),
            Some(opened) => opened,
        };
        if let Some(id) = session
            && !self.is_live(owner, id).await?
        {
            return Err(Error::OutcomeLost);
        }
        outcome.map(Some).ok_or(Error::OutcomeLost)
    }

    /// Returns the session that the stored outcome of this request gives access to, if any.
    pub(super) async fn replayed_session(
        &self,
        owner: UserId,
        key: Option<&RequestKey>,
    ) -> Result<Option<SessionId>, Error> {
        let Some(key) = key else { return Ok(None) };
        let found = self.0.store.idempotency_get(owner, key.key).await?;
        let Some(record) = found.filter(|it| self.is_record_of(owner, key, it)) else {
            return Ok(None);
        };
        let opened = self.open_record(owner, &record);
        Ok(opened.and_then(|(_, plain)| split(&plain)?.0))
    }

    /// Opens a record: its purpose, and the sealed bytes. `None` if it was sealed with a key that is no longer known.
    fn open_record(
        &self,
        owner: UserId,
        record: &IdempotencyRecord,
    ) -> Option<(&'static str, Zeroizing<Vec<u8>>)> {
        let context = [&owner.to_bytes()[..], &record.key.to_bytes()[..]];
        [OUTCOME, RESPONSE].into_iter().find_map(|purpose| {
            let plain = self.0.sealer.open(purpose, &context, &record.sealed)?;
            Some((purpose, plain))
        })
    }

    /// Opens a record like [`Self::open_record`]: the session that the outcome must not outlive, and the outcome if it
    /// can be decoded.
    async fn open_outcome<A: Replayable>(
        &self,
        owner: UserId,
        record: IdempotencyRecord,
    ) -> Result<Option<(Option<SessionId>, Option<A>)>, Error> {
        let service = self.clone();
        let is_long = record.sealed.len() > LONG;
        let open = move || {
            let (purpose, plain) = service.open_record(owner, &record)?;
            let (session, bytes) = split(&plain)?;
            let outcome = if purpose == OUTCOME { A::decode(bytes) } else { None };
            Some((session, outcome))
        };
        if is_long {
            Ok(tokio::task::spawn_blocking(open).await.map_err(io::Error::other)?)
        } else {
            Ok(open())
        }
    }

    fn is_record_of(
        &self,
        owner: UserId,
        key: &RequestKey,
        record: &IdempotencyRecord,
    ) -> bool {
        let request: [&[u8]; 2] = [&owner.to_bytes(), &key.request];
        self.0.sealer.is_digest(&record.request, REQUEST, &request)
    }

    async fn is_live(&self, user: UserId, id: SessionId) -> Result<bool, Error> {
        let now = self.0.clock.now();
        let found = self.0.store.session_get(user, id).await?;
        Ok(found.is_some_and(|(_, session)| !session.is_expired(now)))
    }
}
