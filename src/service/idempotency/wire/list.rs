//! Lists, and the tasks of deleted lists.

use serde::{Deserialize, Serialize};

use super::{Millis, Stored};
use crate::domain::id::{ListId, UserId};
use crate::domain::label::Label;
use crate::domain::list::{Colour, Icon, ListState, TaskList};
use crate::domain::position::Position;
use crate::domain::task::TaskCounts;
use crate::service::ListGone;

#[derive(Serialize, Deserialize)]
pub(in crate::service::idempotency) struct WireList {
    id: u64,
    owner: u64,
    name: String,
    colour: Option<[u8; 3]>,
    icon: Option<String>,
    position: String,
    archived: bool,
    created_at: Millis,
    updated_at: Millis,
    revision: u64,
    tasks: u64,
    open: u64,
}

#[derive(Serialize, Deserialize)]
pub(in crate::service::idempotency) struct WireListGone {
    moved: u64,
    deleted: u64,
}

impl Stored for ListState {
    type Wire = WireList;

    fn to_wire(&self) -> Self::Wire {
        let Self {
            list:
                TaskList {
                    id,
                    owner,
                    name,
                    colour,
                    icon,
                    position,
                    archived,
                    created_at,
                    updated_at,
                    revision,
                    // No response has it.
                    ..
                },
            counts: TaskCounts { total, open },
        } = self;
        WireList {
            id: id.get(),
            owner: owner.get(),
            name: name.as_str().to_owned(),
            colour: colour.map(Colour::to_bytes),
            icon: icon.as_ref().map(|icon| icon.as_str().to_owned()),
            position: position.as_str().to_owned(),
            archived: *archived,
            created_at: (*created_at).into(),
            updated_at: (*updated_at).into(),
            revision: *revision,
            tasks: *total,
            open: *open,
        }
    }

    fn from_wire(wire: Self::Wire) -> Option<Self> {
        let list = TaskList {
            id: ListId::new(wire.id),
            owner: UserId::new(wire.owner),
            name: Label::new_unchecked(wire.name),
            colour: wire.colour.map(Colour::of_bytes),
            icon: wire.icon.map(Icon::new_unchecked),
            position: Position::new_unchecked(wire.position),
            archived: wire.archived,
            created_at: wire.created_at.time().ok()?,
            updated_at: wire.updated_at.time().ok()?,
            revision: wire.revision,
            seq: 0,
        };
        let counts = TaskCounts { total: wire.tasks, open: wire.open };
        Some(Self { list, counts })
    }
}

impl Stored for ListGone {
    type Wire = WireListGone;

    fn to_wire(&self) -> Self::Wire {
        let Self { moved, deleted } = *self;
        WireListGone { moved, deleted }
    }

    fn from_wire(wire: Self::Wire) -> Option<Self> {
        let WireListGone { moved, deleted } = wire;
        Some(Self { moved, deleted })
    }
}
