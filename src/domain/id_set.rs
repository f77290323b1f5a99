//! Sets of sequential ids, with one bit per id: ten million ids take a few megabytes.

use std::collections::BTreeMap;

use super::id::TaskId;

/// Set of task ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskIds(BTreeMap<u64, u64>);

impl TaskIds {
    /// Adds an id. Returns `false` if it was present.
    pub fn insert(&mut self, id: TaskId) -> bool {
        let (block, bit) = place(id);
        let bits = self.0.entry(block).or_default();
        let is_new = *bits & bit == 0;
        *bits |= bit;
        is_new
    }

    /// Whether the set contains an id.
    pub fn contains(&self, id: TaskId) -> bool {
        let (block, bit) = place(id);
        self.0.get(&block).is_some_and(|bits| bits & bit != 0)
    }
}

fn place(id: TaskId) -> (u64, u64) {
    (id.get() / 64, 1 << (id.get() % 64))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_set_is_like_any_other(ids in prop::collection::vec(prop_oneof![0..200_u64, any::<u64>()], 0..100)) {
            let (mut set, mut model) = (TaskIds::default(), BTreeSet::new());
            for id in ids {
                prop_assert_eq!(set.contains(TaskId::new(id)), model.contains(&id));
                prop_assert_eq!(set.insert(TaskId::new(id)), model.insert(id));
                prop_assert!(set.contains(TaskId::new(id)));
            }
        }
    }
}
