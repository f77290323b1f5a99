//! Benchmarks of encoding and decoding keys and records.

use std::hint::black_box;

use ::duly::domain::id::{TaskId, UserId};
use ::duly::domain::position::Position;
use ::duly::domain::uid::Uid;
use ::duly::store::redb::bench::{task_decode, task_encode, task_keys};
use criterion::Criterion;

use crate::data::new_task;

pub(crate) fn bench(criterion: &mut Criterion) {
    let (owner, id) = (UserId::new(1_234), TaskId::new(567_890));
    let task = new_task(7, Some("From the corner shop, not the mall".to_owned()))
        .into_task(owner, id, Uid::made(id, 1), Position::of_number(567_890))
        .unwrap();
    let value = task_encode(&task).unwrap();
    let mut group = criterion.benchmark_group("encode");
    group.bench_function("keys of a task", |bencher| {
        bencher.iter(|| {
            let (key, entries) = task_keys(black_box(&task));
            black_box(key.as_ref().len() + entries.len())
        });
    });
    group.bench_function("task to bytes", |bencher| {
        bencher.iter(|| task_encode(black_box(&task)).unwrap());
    });
    group.bench_function("task from bytes", |bencher| {
        bencher.iter(|| task_decode(black_box(&task), black_box(&value)).unwrap());
    });
    group.finish();
}
