//! What is to be done once, however often it is asked for.
//!
//! A client that got no answer does not know whether its request was done. It gives the request a key and sends it
//! again. The answer is kept under that key in the transaction that does what was asked, so there is never one
//! without the other, and a request whose answer is there is not done again.

use std::any::Any;
use std::cell::Cell;
use std::fmt;

use super::StoreError;
use crate::domain::answer::{Answer, AnswerKey};
use crate::domain::id::UserId;
use crate::domain::timestamp::Timestamp;

/// A write that is to be done once.
pub struct Once {
    /// Whose key it is. `None` if the write makes its owner, so that only its outcome tells.
    pub owner: Option<UserId>,
    /// The key.
    pub key: AnswerKey,
    /// The time now.
    pub at: Timestamp,
    /// Makes the answer that is kept, and says whose it is, from what the write came to (the `T` of a method of
    /// [`super::Store`]). `None` if nothing was done: a refusal is judged anew next time.
    pub answer: MakeAnswer,
}

/// See [`Once::answer`].
pub type MakeAnswer = Box<
    dyn FnOnce(&dyn Any) -> Result<Option<(UserId, Answer)>, StoreError> + Send + 'static,
>;

impl fmt::Debug for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Once").field("owner", &self.owner).finish_non_exhaustive()
    }
}

tokio::task_local! {
    static ONCE: Cell<Option<Once>>;
}

/// Does a write once. The first write within keeps its answer with what it does; it fails with
/// [`StoreError::Repeated`], and changes nothing, if there is a live answer under the key already.
pub async fn once<T>(once: Once, write: impl Future<Output = T>) -> T {
    ONCE.scope(Cell::new(Some(once)), write).await
}

/// What the next write of this task is to do once, if anything.
pub(super) fn take() -> Option<Once> {
    ONCE.try_with(Cell::take).ok().flatten()
}
