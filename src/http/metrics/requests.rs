//! Requests by operation, counted by the middleware.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::problems::Problems;
use crate::metrics::{Counter, Distribution, Histogram, Unit};

/// Status classes; the last is for requests whose client disconnected before the response.
const CLASSES: [&str; 5] = ["2xx", "3xx", "4xx", "5xx", "abandoned"];

/// Method label of requests that match no operation of their route.
pub(in crate::http) const OTHER: &str = "other";

/// Counts of requests to one route with one method.
pub(in crate::http) struct Operation {
    pub(super) route: String,
    pub(super) method: String,
    by_class: [Counter; CLASSES.len()],
    times: Histogram,
}

impl Operation {
    /// Creates counts of zero. `method` is in upper case, or [`OTHER`].
    pub(in crate::http) fn new(route: &str, method: &str) -> Arc<Self> {
        Arc::new(Self {
            route: route.to_owned(),
            method: method.to_owned(),
            by_class: Default::default(),
            times: Histogram::new(Unit::Time),
        })
    }

    /// Counts a request with its status, if it got one.
    pub(in crate::http) fn count(&self, status: Option<u16>, took: Duration) {
        let class = match status {
            None => 4,
            Some(status @ 300..600) => usize::from(status / 100) - 2,
            Some(_) => 0,
        };
        if let Some(count) = self.by_class.get(class) {
            count.add(1);
        }
        self.times.add_time(took);
    }

    /// Whether it counts requests with this method.
    pub(in crate::http) fn is_for(&self, method: &str) -> bool {
        self.method == method
    }

    pub(super) fn by_class(&self) -> impl Iterator<Item = (&'static str, u64)> {
        CLASSES.into_iter().zip(self.by_class.iter().map(Counter::get))
    }

    pub(super) fn times(&self) -> Distribution {
        self.times.snapshot()
    }
}

/// Counts of all requests. Clones share the counts.
#[derive(Clone)]
pub struct Requests {
    pub(super) operations: Arc<[Arc<Operation>]>,
    pub(in crate::http) problems: Arc<Problems>,
}

impl Requests {
    /// Creates counts for requests to these operations and for their error responses.
    pub(in crate::http) fn new(operations: Vec<Arc<Operation>>) -> Self {
        Self { operations: operations.into(), problems: Arc::default() }
    }
}

impl fmt::Debug for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Requests").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_the_class_of_their_status() {
        let operation = Operation::new("/tasks", "GET");
        for status in
            [Some(101), Some(204), Some(304), Some(404), Some(499), Some(599), None]
        {
            operation.count(status, Duration::ZERO);
        }
        let counted: Vec<u64> = operation.by_class().map(|(_, count)| count).collect();
        assert_eq!(counted, [2, 1, 2, 1, 1]);
        assert_eq!(operation.times().counts.iter().sum::<u64>(), 7);
    }
}
