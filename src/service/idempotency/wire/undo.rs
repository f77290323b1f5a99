//! Results of undoing.

use serde::{Deserialize, Serialize};

use super::Stored;
use crate::domain::id::TaskId;
use crate::service::{Kept, UndoReport};

#[derive(Serialize, Deserialize)]
pub(in crate::service::idempotency) struct WireUndo {
    batch: Option<u64>,
    changed: u64,
    restored: u64,
    deleted: u64,
    kept: Vec<(u64, Vec<String>)>,
    kept_total: u64,
}

impl Stored for UndoReport {
    type Wire = WireUndo;

    fn to_wire(&self) -> Self::Wire {
        let Self { batch, changed, restored, deleted, kept, kept_total } = self;
        let kept = kept.iter().map(|it| (it.id.get(), it.fields.clone()));
        WireUndo {
            batch: *batch,
            changed: *changed,
            restored: *restored,
            deleted: *deleted,
            kept: kept.collect(),
            kept_total: *kept_total,
        }
    }

    fn from_wire(wire: Self::Wire) -> Option<Self> {
        let WireUndo { batch, changed, restored, deleted, kept, kept_total } = wire;
        let kept = kept.into_iter();
        let kept = kept.map(|(id, fields)| Kept { id: TaskId::new(id), fields });
        let kept = kept.collect();
        Some(Self { batch, changed, restored, deleted, kept, kept_total })
    }
}
