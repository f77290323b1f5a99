//! Lists in exports.

use serde::{Deserialize, Serialize};

use super::{LineError, field, number, time};
use crate::domain::id::{ListId, UserId};
use crate::domain::label::Label;
use crate::domain::list::{Colour, Icon, TaskList};
use crate::domain::position::Position;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WireList {
    id: u64,
    owner_id: u64,
    name: String,
    colour: Option<String>,
    icon: Option<String>,
    position: String,
    archived: bool,
    created_at: String,
    updated_at: String,
    revision: u64,
}

/// Returns a list as in an export, as a JSON value.
pub(in crate::service) fn list(list: &TaskList) -> serde_json::Value {
    serde_json::to_value(WireList::of(list)).expect("texts, numbers and flags are JSON")
}

impl WireList {
    pub(super) fn of(list: &TaskList) -> Self {
        let TaskList {
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
            // An import has changes of its own.
            ..
        } = list;
        Self {
            id: id.get(),
            owner_id: owner.get(),
            name: name.as_str().to_owned(),
            colour: colour.map(|colour| colour.to_string()),
            icon: icon.as_ref().map(|icon| icon.as_str().to_owned()),
            position: position.as_str().to_owned(),
            archived: *archived,
            created_at: created_at.to_string(),
            updated_at: updated_at.to_string(),
            revision: *revision,
        }
    }

    pub(super) fn check(self) -> Result<TaskList, LineError> {
        let id = ListId::new(number("id", self.id)?);
        if self.archived && id.is_default() {
            return Err(field("archived", "must be false for the default list"));
        }
        let colour = self.colour.as_deref().map(Colour::parse).transpose();
        let icon = self.icon.as_deref().map(Icon::new).transpose();
        Ok(TaskList {
            id,
            owner: UserId::new(number("owner_id", self.owner_id)?),
            name: Label::new(&self.name).map_err(|error| field("name", error))?,
            colour: colour.map_err(|error| field("colour", error))?,
            icon: icon.map_err(|error| field("icon", error))?,
            position: Position::parse(&self.position)
                .map_err(|error| field("position", error))?,
            archived: self.archived,
            created_at: time("created_at", &self.created_at)?,
            updated_at: time("updated_at", &self.updated_at)?,
            revision: number("revision", self.revision)?,
            seq: 0,
        })
    }
}
