//! What the service remembers from one request to the next. Lost when the process ends.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::auth::last_use::LastUse;

/// Most people at once who read all that is kept about them: each holds up to a megabyte.
const MAX_EXPORTS: usize = 8;

/// Shared by all requests.
#[derive(Debug)]
pub struct State {
    pub(super) last_use: LastUse,
    pub(super) exports: Arc<Semaphore>,
}

impl Default for State {
    fn default() -> Self {
        let exports = Arc::new(Semaphore::new(MAX_EXPORTS));
        Self { last_use: LastUse::default(), exports }
    }
}
