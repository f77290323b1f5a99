//! Values that are made when first requested.

use std::sync::{Arc, OnceLock};

use tokio::sync::Mutex;

use crate::http::problem::Problem;

/// Value that takes long to make, made on a blocking thread by the first request.
///
/// It is made once, also if that request is dropped meanwhile.
pub(super) struct Lazy<T> {
    value: Arc<OnceLock<T>>,
    making: Arc<Mutex<()>>,
}

impl<T> Default for Lazy<T> {
    fn default() -> Self {
        Self { value: Arc::new(OnceLock::new()), making: Arc::default() }
    }
}

impl<T: Send + Sync + 'static> Lazy<T> {
    /// Returns the value. Only the first call makes it.
    pub(super) async fn get(
        &self,
        make: impl FnOnce() -> T + Send + 'static,
    ) -> Result<&T, Problem> {
        if let Some(value) = self.value.get() {
            return Ok(value);
        }
        // Held until the value is made, even if the client disconnects.
        let making = Arc::clone(&self.making).lock_owned().await;
        if self.value.get().is_none() {
            let value = Arc::clone(&self.value);
            let make = move || {
                value.get_or_init(make);
                drop(making);
            };
            tokio::task::spawn_blocking(make).await.map_err(|_| Problem::internal())?;
        }
        self.value.get().ok_or_else(Problem::internal)
    }
}
