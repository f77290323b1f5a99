//! Random writes of lists.

use duly::domain::id::ListId;
use duly::domain::label::Label;
use duly::domain::list::{
    Colour, Emptied, Icon, ListAction, ListDone, ListPatch, ListRefused, ListState,
    ListWrite, NewList, TaskList, TasksOfList,
};
use duly::domain::position::Position;
use duly::domain::task::IfMatch;
use proptest::{option, prelude::*, sample};

use crate::harness::values::at;

/// Generates the id of a list: often the default one, sometimes one that does not exist.
pub(super) fn list() -> impl Strategy<Value = ListId> {
    (1..6_u64).prop_map(ListId::new)
}

fn name() -> impl Strategy<Value = Label> {
    sample::select(vec!["Home", "Work"]).prop_map(|text| Label::new(text).unwrap())
}

fn colour() -> impl Strategy<Value = Colour> {
    sample::select(vec!["#000000", "#3366cc"])
        .prop_map(|text| Colour::parse(text).unwrap())
}

fn icon() -> impl Strategy<Value = Icon> {
    sample::select(vec!["x", "y"]).prop_map(|text| Icon::new(text).unwrap())
}

fn position() -> impl Strategy<Value = Position> {
    sample::select(vec!["a0", "a1V", "Zz"])
        .prop_map(|text| Position::parse(text).unwrap())
}

fn if_match() -> impl Strategy<Value = IfMatch> {
    prop_oneof![
        8 => Just(IfMatch::Any),
        1 => (1..3_u64).prop_map(|revision| IfMatch::OneOf(vec![revision])),
        1 => (1..3_u64).prop_map(|revision| IfMatch::NoneOf(vec![revision])),
    ]
}

prop_compose! {
    fn new()(
        name in name(),
        colour in option::of(colour()),
        icon in option::of(icon()),
        position in option::weighted(0.3, position()),
    ) -> NewList {
        NewList { name, colour, icon, position }
    }
}

prop_compose! {
    fn patch()(
        name in option::of(name()),
        colour in option::of(option::of(colour())),
        icon in option::of(option::of(icon())),
        position in option::weighted(0.2, position()),
        archived in option::of(any::<bool>()),
    ) -> ListPatch {
        ListPatch { name, colour, icon, position, archived, id: None, created_at: None }
    }
}

pub(super) fn write() -> impl Strategy<Value = ListWrite> {
    let tasks = sample::select(vec![TasksOfList::Move, TasksOfList::Delete]);
    let action = prop_oneof![
        4 => new().prop_map(ListAction::Create),
        2 => (list(), patch(), if_match())
            .prop_map(|(id, patch, if_match)| ListAction::Patch(id, patch, if_match)),
        2 => (list(), tasks, if_match())
            .prop_map(|(id, tasks, if_match)| ListAction::Delete(id, tasks, if_match)),
    ];
    (action, prop::bool::weighted(0.1), 0..9_i64).prop_map(|(action, dry_run, now)| {
        ListWrite { action, dry_run, now: at(now * 40_000), access: None, unit: None }
    })
}

/// Returns a list without the number of its change.
pub(super) fn plain(state: ListState) -> ListState {
    ListState { list: TaskList { seq: 0, ..state.list }, ..state }
}

/// Returns the result of a write without numbers of changes.
pub(super) fn plain_result(
    written: Result<ListDone, ListRefused>,
) -> Result<ListDone, ListRefused> {
    match written {
        Ok(ListDone::Put(state)) => Ok(ListDone::Put(plain(state))),
        Ok(ListDone::Emptied(emptied)) => {
            Ok(ListDone::Emptied(Emptied { unit: 0, ..emptied }))
        }
        Err(ListRefused::Changed(state)) => {
            Err(ListRefused::Changed(Box::new(plain(*state))))
        }
        other => other,
    }
}
