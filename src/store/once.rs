//! Writes that take effect once, however often they are requested.
//!
//! A client that got no answer does not know whether its request was executed. It gives the request a key and
//! sends it again. The answer is stored under that key in the transaction of the write, so neither exists without
//! the other, and a request with a stored answer is not executed again.

use std::any::Any;
use std::cell::Cell;
use std::fmt;

use super::StoreError;
use crate::domain::answer::{Answer, AnswerKey};
use crate::domain::id::UserId;
use crate::domain::timestamp::Timestamp;

/// Write to execute once.
pub struct Once {
    /// Owner of the key. `None` if the write creates its owner, so that only its outcome tells.
    pub owner: Option<UserId>,
    /// Key of the request.
    pub key: AnswerKey,
    /// Current time.
    pub at: Timestamp,
    /// Function that makes the answer to store, and names its owner, from the result of the write (the `T` of a
    /// method of [`super::Store`]). `None` if nothing was done: a refusal is decided anew next time.
    pub answer: MakeAnswer,
}

/// Type of [`Once::answer`].
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

/// Executes a write once. The first write within stores its answer with its changes; it fails with
/// [`StoreError::Repeated`], and changes nothing, if there is a live answer under the key already.
pub async fn once<T>(once: Once, write: impl Future<Output = T>) -> T {
    ONCE.scope(Cell::new(Some(once)), write).await
}

/// Takes the pending [`Once`] for the next write of this task, if any.
pub(super) fn take() -> Option<Once> {
    ONCE.try_with(Cell::take).ok().flatten()
}
