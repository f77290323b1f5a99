//! Benchmark of one-phase commits against two-phase commits with quick repair, on a small and on a large file.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use ::duly::store::redb::CommitMode;
use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput};
use tempfile::TempDir;

use crate::data::{Data, Size, fill, open, runtime};
use crate::duly::{Caller, Duly};
use crate::engine::{CALLERS, Work, is_test};

pub(crate) const MODES: [(&str, CommitMode); 2] =
    [("one phase", CommitMode::OnePhase), ("two phases", CommitMode::TwoPhase)];

/// Length of the description of each task in bytes; descriptions make the file grow faster than its index.
const DESCRIPTION: usize = 800;

pub(crate) fn bench(criterion: &mut Criterion) {
    for file in files() {
        let runtime = Arc::new(runtime());
        let copies = MODES.map(|(name, mode)| {
            let path = file.copy(name);
            let caller = Caller::new(Arc::new(open(&path, mode)), Arc::clone(&file.data));
            let duly = Duly { runtime: Arc::clone(&runtime), caller, one_by_one: false };
            (name, duly)
        });
        let mut group = criterion.benchmark_group(format!("commit/{}", file.name));
        group.sampling_mode(SamplingMode::Flat);
        for callers in CALLERS {
            group.throughput(Throughput::Elements(u64::try_from(callers).unwrap()));
            for (name, duly) in &copies {
                group.bench_function(BenchmarkId::new(*name, callers), |bencher| {
                    bencher.iter_custom(|rounds| {
                        duly.times(Work::Create, callers, rounds).0
                    });
                });
            }
        }
        group.finish();
        if !crate::engine::is_filtered() {
            for callers in CALLERS {
                for (name, duly) in &copies {
                    report_latency(file.name, name, duly, callers);
                }
            }
        }
    }
}

fn report_latency(file: &str, name: &str, duly: &Duly, callers: usize) {
    let rounds = if is_test() { 2 } else { 200 };
    let (_, mut times) = duly.times(Work::Create, callers, rounds);
    times.sort_unstable();
    let [half, most] = [50, 99].map(|percent| times[(times.len() - 1) * percent / 100]);
    println!("latency/{file}/{name}/{callers}: p50 {half:?}, p99 {most:?}");
}

/// Closed file to be copied, with its data.
#[derive(Debug)]
pub(crate) struct Template {
    pub(crate) name: &'static str,
    pub(crate) data: Arc<Data>,
    folder: TempDir,
}

impl Template {
    fn new(name: &'static str, tasks: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(open(&folder.path().join("template"), CommitMode::TwoPhase));
        let size = Size { name, tasks, owners: tasks.min(10_000) };
        let data = Arc::new(fill(&runtime(), &store, size, DESCRIPTION));
        drop(store);
        Self { name, data, folder }
    }

    /// Copies the file for one purpose.
    pub(crate) fn copy(&self, purpose: &str) -> PathBuf {
        let path = self.folder.path().join(purpose);
        fs::copy(self.folder.path().join("template"), &path).unwrap();
        path
    }
}

/// Returns a file of about 10 MB and one of about 1 GB.
pub(crate) fn files() -> &'static [Template] {
    static FILES: OnceLock<Vec<Template>> = OnceLock::new();
    FILES.get_or_init(|| {
        if is_test() {
            return vec![Template::new("small", 200)];
        }
        let files = vec![Template::new("10MB", 9_000), Template::new("1GB", 900_000)];
        for file in &files {
            println!(
                "file {}: {} MB",
                file.name,
                size_of(&file.folder.path().join("template")) >> 20
            );
        }
        files
    })
}

pub(crate) fn size_of(path: &Path) -> u64 {
    fs::metadata(path).unwrap().len()
}
