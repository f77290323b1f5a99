//! Everyday work in files of three sizes, with one caller and with many.

use std::sync::Arc;

use ::duly::store::redb::CommitMode;
use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput};

use crate::data::{fill, open, runtime};
use crate::duly::{Caller, Duly};
use crate::engine::{CALLERS, Engine, Work, sizes};
use crate::sqlite::{INDEXED, PLAIN, Sqlite};

pub(crate) fn bench(criterion: &mut Criterion) {
    for size in sizes() {
        let folder = tempfile::tempdir().unwrap();
        let runtime = Arc::new(runtime());
        let store =
            Arc::new(open(&folder.path().join("bench.redb"), CommitMode::TwoPhase));
        let data = Arc::new(fill(&runtime, &store, size, 0));
        let caller = Caller::new(store, Arc::clone(&data));
        let sqlite =
            |design, group| Sqlite::new(folder.path(), &runtime, &data, design, group);
        let duly = |one_by_one| Duly {
            runtime: Arc::clone(&runtime),
            caller: caller.clone(),
            one_by_one,
        };
        let engines: [Box<dyn Engine>; 5] = [
            Box::new(duly(false)),
            Box::new(sqlite(&PLAIN, false)),
            Box::new(duly(true)),
            Box::new(sqlite(&PLAIN, true)),
            Box::new(sqlite(&INDEXED, true)),
        ];
        for work in Work::ALL {
            let mut group =
                criterion.benchmark_group(format!("{}/{}", work.name(), size.name));
            group.sampling_mode(SamplingMode::Flat);
            for callers in CALLERS {
                group.throughput(Throughput::Elements(u64::try_from(callers).unwrap()));
                // Commits and indexes of other lists make no difference to reads.
                let count = if work.writes() { engines.len() } else { 2 };
                for engine in engines.iter().take(count) {
                    let id = BenchmarkId::new(engine.name(), callers);
                    group.bench_function(id, |bencher| {
                        bencher.iter_custom(|rounds| engine.run(work, callers, rounds));
                    });
                }
            }
            group.finish();
        }
    }
}
