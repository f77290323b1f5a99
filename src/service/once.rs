//! Requests that are sent again and done once.
//!
//! A client may give its request a key. What was answered is then kept under the key, sealed, in the same
//! transaction as what was done ([`crate::store::once()`]), and given again for [`Answer::KEPT`]. Keys are those of
//! a person: nobody meets the answers of somebody else. A refusal does nothing, so it is not kept.
//!
//! A replay is given only to whoever would be let in for the request itself, now: nothing here stands for a
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

/// What a client says of its request.
#[derive(Clone)]
pub struct Asked {
    key: AnswerKey,
    /// A hash of all that was asked for.
    request: [u8; 32],
    /// How long the answer is given again.
    kept: Duration,
}

/// An answer as bytes, as whoever renders it wants to have it back.
pub struct Recorded(pub Zeroizing<Vec<u8>>);

/// Turns an answer into bytes.
type Render<A> = Arc<dyn Fn(&A) -> io::Result<Recorded> + Send + Sync>;

/// A request that may be sent again, and how its answer is kept.
pub struct Once<A> {
    asked: Option<Asked>,
    render: Render<A>,
}

/// What a request came to.
pub enum Done<A> {
    /// It was done now.
    Now(A),
    /// It was done before, and this is what was answered.
    Before(Recorded),
}

/// A request that is being done; what it does is to be written with [`Self::record`].
pub struct Doing<A>(Option<Box<Plan<A>>>);

struct Plan<A> {
    service: Service,
    owner: Whose<A>,
    asked: Asked,
    render: Render<A>,
    session: Option<SessionId>,
}

/// Whose answer it is.
enum Whose<A> {
    Known(UserId),
    /// Of whom was made.
    Of(fn(&A) -> UserId),
}

impl Asked {
    /// A request, taken to pieces, with the key of its client.
    pub fn new(key: &str, request: &[&[u8]]) -> Self {
        let key = fingerprint("idempotency key", &[key.as_bytes()]);
        let key = *key.first_chunk().expect("32 bytes are more than 16");
        let request = fingerprint("idempotent request", request);
        Self { key: AnswerKey::from_bytes(key), request, kept: Answer::KEPT }
    }

    /// A request without a key of its client, by all that tells it from others.
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
    /// A request, with a key or without one. The answer is rendered on the thread that writes, so that must be
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

    /// To be done whenever it is asked for.
    pub(super) fn without_key(self) -> Self {
        Self { asked: None, ..self }
    }

    /// The same with a key that the client did not give.
    pub(super) fn implied(&self, asked: Asked) -> Self {
        Self { asked: Some(asked), render: Arc::clone(&self.render) }
    }
}

impl<A: 'static> Doing<A> {
    /// The answer gives access to a session, and must not outlive it.
    pub(super) fn of_session(mut self, id: SessionId) -> Self {
        if let Some(plan) = &mut self.0 {
            plan.session = Some(id);
        }
        self
    }

    /// Writes, and keeps the answer with what is written. `effect` is the answer if the write, which came to this, did
    /// what was asked; `None` if it was refused.
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

/// What is sealed: the session that the answer must not outlive, if there is one, and the answer.
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
    /// Does something for a caller, unless it was done before under the same key.
    ///
    /// # Errors
    ///
    /// Those of `work`; [`Error::KeyReused`] and [`Error::AnswerLost`]; [`Error::BadToken`] and [`Error::Denied`] if
    /// the caller would not be let in any more.
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
            // The body may have taken its time.
            self.see_again(caller).await?;
        }
        self.once_of(caller.user.id, once, work).await
    }

    /// The same for somebody who has just shown who it is.
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

    /// Does something that makes its own owner. Whether it was done before is for `before` to find.
    pub(super) fn doing<A: 'static>(
        &self,
        once: Once<A>,
        owner: fn(&A) -> UserId,
    ) -> Doing<A> {
        once.doing(self, Whose::Of(owner))
    }

    /// What was answered to this request.
    ///
    /// # Errors
    ///
    /// [`Error::KeyReused`] if the key was that of another request, and [`Error::AnswerLost`] if the answer was sealed
    /// with a key that is known no more, or gives access to a session that has ended.
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

    /// The session that the answer to this very request gives access to, if there is such an answer.
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

    /// `None` if the answer was sealed with a key that is known no more.
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
