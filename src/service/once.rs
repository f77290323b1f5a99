//! Requests that can be repeated and are done once.
//!
//! A client may give its request a key. The answer is then kept under the key, sealed, in the transaction of the write
//! ([`crate::store::once()`]), and replayed for [`Answer::KEPT`]. Keys belong to an account: no account sees the
//! answers of another. A refusal does nothing, so it is not kept.
//!
//! A replay requires the same authorization as the request itself, checked at that time: nothing here replaces a
//! credential.

use std::any::Any;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use super::{Error, Service};
use crate::auth::Caller;
use crate::auth::permission::Permission;
use crate::auth::seal::fingerprint;
use crate::domain::answer::{Answer, AnswerKey};
use crate::domain::id::{SessionId, UserId};
use crate::store::{self, StoreError};

const ANSWER: &str = "answer";
const REQUEST: &str = "request";

/// Identity of a request: its key and a hash of its content.
#[derive(Clone)]
pub struct Asked {
    key: AnswerKey,
    /// Hash of the whole request.
    request: [u8; 32],
    /// Time for which the answer is replayed.
    kept: Duration,
}

/// A rendered answer, in bytes.
pub struct Recorded(pub Zeroizing<Vec<u8>>);

/// Function that renders an answer.
type Render<A> = Arc<dyn Fn(&A) -> io::Result<Recorded> + Send + Sync>;

/// A request that may be repeated, and the rendering of its answer.
pub struct Once<A> {
    asked: Option<Asked>,
    render: Render<A>,
}

/// Outcome of a request.
pub enum Done<A> {
    /// Done now.
    Now(A),
    /// Done before, with the answer of that time.
    Before(Recorded),
}

/// A request in progress; its effect must be written with [`Self::record`].
pub struct Doing<A>(Option<Box<Plan<A>>>);

struct Plan<A> {
    service: Service,
    owner: Whose<A>,
    asked: Asked,
    render: Render<A>,
    session: Option<SessionId>,
}

/// Owner of an answer.
enum Whose<A> {
    Known(UserId),
    /// The account that the request creates.
    Of(fn(&A) -> UserId),
}

impl Asked {
    /// Creates a request with the client's key from its parts.
    pub fn new(key: &str, request: &[&[u8]]) -> Self {
        let key = fingerprint("idempotency key", &[key.as_bytes()]);
        let key = *key.first_chunk().expect("32 bytes are more than 16");
        let request = fingerprint("idempotent request", request);
        Self { key: AnswerKey::from_bytes(key), request, kept: Answer::KEPT }
    }

    /// Creates a request without a client's key, identified by its parts.
    pub(super) fn implied(parts: &[&[u8]], kept: Duration) -> Self {
        let request = fingerprint("implied request", parts);
        let key = fingerprint("implied key", parts);
        let key = *key.first_chunk().expect("32 bytes are more than 16");
        Self { key: AnswerKey::from_bytes(key), request, kept }
    }
}

macro_rules! hidden {
    ($($name:ident $(<$of:ident>)?),+) => {$(
        impl $(<$of>)? fmt::Debug for $name $(<$of>)? {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    )+};
}

hidden!(Asked, Recorded, Once<A>, Done<A>, Doing<A>);

impl<A> Once<A> {
    /// Creates a request, with or without a key. The answer is rendered on the writer's thread, so `render` must be
    /// quick.
    pub fn new(
        asked: Option<Asked>,
        render: impl Fn(&A) -> io::Result<Recorded> + Send + Sync + 'static,
    ) -> Self {
        Self { asked, render: Arc::new(render) }
    }

    pub(super) const fn asked(&self) -> Option<&Asked> {
        self.asked.as_ref()
    }

    fn doing(self, service: &Service, owner: Whose<A>) -> Doing<A> {
        let Self { asked, render } = self;
        Doing(asked.map(|asked| {
            let service = service.clone();
            Box::new(Plan { service, owner, asked, render, session: None })
        }))
    }

    /// Drops the key, so that the request is done every time.
    pub(super) fn without_key(self) -> Self {
        Self { asked: None, ..self }
    }

    /// Copies the request with a key that the client did not give.
    pub(super) fn implied(&self, asked: Asked) -> Self {
        Self { asked: Some(asked), render: Arc::clone(&self.render) }
    }
}

impl<A: 'static> Doing<A> {
    /// Marks the answer as giving access to a session, which it must not outlive.
    pub(super) fn of_session(mut self, id: SessionId) -> Self {
        if let Some(plan) = &mut self.0 {
            plan.session = Some(id);
        }
        self
    }

    /// Writes, and keeps the answer in the same transaction. `effect` returns the answer if the write succeeded, or
    /// `None` if it was refused.
    pub(super) async fn record<T: Any>(
        self,
        write: impl Future<Output = Result<T, StoreError>>,
        effect: impl FnOnce(&T) -> Option<A> + Send + 'static,
    ) -> Result<T, StoreError> {
        match self.0 {
            None => write.await,
            Some(plan) => store::once(plan.once(effect), write).await,
        }
    }
}

impl<A: 'static> Plan<A> {
    fn once<T: Any>(
        self,
        effect: impl FnOnce(&T) -> Option<A> + Send + 'static,
    ) -> store::Once {
        let at = self.service.0.clock.now();
        let owner = match self.owner {
            Whose::Known(owner) => Some(owner),
            Whose::Of(_) => None,
        };
        let key = self.asked.key;
        let answer = move |outcome: &dyn Any| {
            let outcome = outcome.downcast_ref().ok_or_else(|| bug("another outcome"))?;
            let Some(answer) = effect(outcome) else { return Ok(None) };
            let Recorded(bytes) = (self.render)(&answer).map_err(StoreError::internal)?;
            if bytes.len() > Answer::MAX_BYTES - 64 {
                return Err(StoreError::AnswerTooLarge);
            }
            let owner = match self.owner {
                Whose::Known(owner) => owner,
                Whose::Of(owner) => owner(&answer),
            };
            let plain = Zeroizing::new(join(self.session, &bytes));
            let sealer = &self.service.0.sealer;
            let sealed =
                sealer.seal(ANSWER, &[&owner.to_bytes(), &key.to_bytes()], &plain);
            let request =
                sealer.digest(REQUEST, &[&owner.to_bytes(), &self.asked.request]);
            Ok(Some((owner, Answer { key, request, made_at: at, sealed })))
        };
        store::Once { owner, key, at, answer: Box::new(answer) }
    }
}

fn bug(what: &'static str) -> StoreError {
    StoreError::internal(io::Error::other(what))
}

/// Returns the bytes to seal: the session that the answer must not outlive, if any, and the answer.
fn join(session: Option<SessionId>, answer: &[u8]) -> Vec<u8> {
    match session {
        None => [&[0], answer].concat(),
        Some(id) => [&[1], &id.to_bytes()[..], answer].concat(),
    }
}

fn split(mut plain: Zeroizing<Vec<u8>>) -> Option<(Option<SessionId>, Recorded)> {
    let (&has_session, rest) = plain.split_first()?;
    let session = match has_session {
        0 => None,
        _ => Some(SessionId::from_bytes(*rest.split_first_chunk()?.0)),
    };
    plain.drain(..join(session, &[]).len());
    Some((session, Recorded(plain)))
}

impl Service {
    /// Does a request for a caller, unless it was done before under the same key.
    ///
    /// # Errors
    ///
    /// The errors of `work`; [`Error::KeyReused`] and [`Error::AnswerLost`]; [`Error::BadToken`] and [`Error::Denied`]
    /// if the caller is no longer authorized.
    pub async fn once<P: Permission, A: 'static, F>(
        &self,
        caller: &Caller<P>,
        once: Once<A>,
        work: impl FnOnce(Doing<A>) -> F,
    ) -> Result<Done<A>, Error>
    where
        F: Future<Output = Result<A, Error>>,
    {
        if once.asked.is_some() {
            // The body may have taken long to arrive.
            self.see_again(caller).await?;
        }
        self.once_of(caller.user.id, once, work).await
    }

    /// Does the same for an account that has just been authenticated.
    pub(super) async fn once_of<A: 'static, F>(
        &self,
        owner: UserId,
        once: Once<A>,
        work: impl FnOnce(Doing<A>) -> F,
    ) -> Result<Done<A>, Error>
    where
        F: Future<Output = Result<A, Error>>,
    {
        let asked = once.asked.clone();
        if let Some(before) = self.replay(owner, asked.as_ref()).await? {
            return Ok(Done::Before(before));
        }
        match work(once.doing(self, Whose::Known(owner))).await {
            Err(Error::Repeated) => {
                let before = self.replay(owner, asked.as_ref()).await?;
                before.map(Done::Before).ok_or(Error::Repeated)
            }
            done => Ok(Done::Now(done?)),
        }
    }

    /// Begins a request that creates its own owner. The caller looks for an earlier answer itself.
    pub(super) fn doing<A: 'static>(
        &self,
        once: Once<A>,
        owner: fn(&A) -> UserId,
    ) -> Doing<A> {
        once.doing(self, Whose::Of(owner))
    }

    /// Returns the kept answer to this request.
    ///
    /// # Errors
    ///
    /// [`Error::KeyReused`] if the key belongs to another request; [`Error::AnswerLost`] if the answer was sealed with
    /// a key that is no longer known, or gives access to a session that has ended.
    pub(super) async fn replay(
        &self,
        owner: UserId,
        asked: Option<&Asked>,
    ) -> Result<Option<Recorded>, Error> {
        let Some(asked) = asked else { return Ok(None) };
        let now = self.0.clock.now();
        let answer = self.0.store.answer_get(owner, asked.key).await?;
        let is_kept = |answer: &Answer| now.since(answer.made_at) < asked.kept;
        let Some(answer) = answer.filter(is_kept) else {
            return Ok(None);
        };
        let opened = self.open_answer(owner, &answer).ok_or(Error::AnswerLost)?;
        if !self.is_answer_to(owner, asked, &answer) {
            return Err(Error::KeyReused);
        }
        let (session, recorded) = opened;
        if let Some(id) = session
            && !self.is_live(owner, id).await?
        {
            return Err(Error::AnswerLost);
        }
        Ok(Some(recorded))
    }

    /// Returns the session that the kept answer to this request gives access to, if any.
    pub(super) async fn answer_session(
        &self,
        owner: UserId,
        asked: Option<&Asked>,
    ) -> Result<Option<SessionId>, Error> {
        let Some(asked) = asked else { return Ok(None) };
        let found = self.0.store.answer_get(owner, asked.key).await?;
        Ok(found
            .filter(|answer| self.is_answer_to(owner, asked, answer))
            .and_then(|answer| self.open_answer(owner, &answer))
            .and_then(|(session, _)| session))
    }

    /// Opens a kept answer; `None` if it was sealed with a key that is no longer known.
    fn open_answer(
        &self,
        owner: UserId,
        answer: &Answer,
    ) -> Option<(Option<SessionId>, Recorded)> {
        let context: [&[u8]; 2] = [&owner.to_bytes(), &answer.key.to_bytes()];
        self.0.sealer.open(ANSWER, &context, &answer.sealed).and_then(split)
    }

    fn is_answer_to(&self, owner: UserId, asked: &Asked, answer: &Answer) -> bool {
        let request: [&[u8]; 2] = [&owner.to_bytes(), &asked.request];
        self.0.sealer.is_digest(&answer.request, REQUEST, &request)
    }

    async fn is_live(&self, user: UserId, id: SessionId) -> Result<bool, Error> {
        let now = self.0.clock.now();
        let found = self.0.store.session_get(user, id).await?;
        Ok(found.is_some_and(|(_, session)| !session.is_expired(now)))
    }
}
