//! Tests of damage that is met while a file is closed.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use duly::store::redb::{Options, RedbStore};
use redb::StorageBackend;
use redb::backends::InMemoryBackend;

use crate::harness::values::given_user;

/// File in memory that fails in redb when told to.
#[derive(Clone, Debug, Default)]
struct Tripwire {
    memory: Arc<InMemoryBackend>,
    set: Arc<AtomicBool>,
    sprung: Arc<AtomicBool>,
}

impl StorageBackend for Tripwire {
    fn len(&self) -> io::Result<u64> {
        self.memory.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.memory.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.memory.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.memory.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        if self.set.load(Ordering::Relaxed) {
            self.sprung.store(true, Ordering::Relaxed);
            panic!("as redb does when pages make no sense");
        }
        self.memory.write(offset, data)
    }
}

/// Regression, found by flipping bytes: redb reads some of its own tables only when it closes a file, and closing is
/// not an operation that can fail.
#[tokio::test]
async fn closing_a_file_whose_pages_make_no_sense_is_no_panic() {
    let file = Tripwire::default();
    let store = RedbStore::open_backend(file.clone(), &Options::default()).unwrap();
    given_user(&store, "jane@example.com").await;

    file.set.store(true, Ordering::Relaxed);
    drop(store);

    assert!(file.sprung.load(Ordering::Relaxed), "nothing was written");
}
