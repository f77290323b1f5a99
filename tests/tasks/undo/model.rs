//! States of tasks between requests, and the state after undoing some of these requests.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

/// Fields that can be undone. The value of `completed` is the time of completion.
const FIELDS: [&str; 10] = [
    "title",
    "description",
    "completed",
    "due",
    "priority",
    "tags",
    "position",
    "parent_id",
    "list_id",
    "recurrence",
];

type Fields = BTreeMap<&'static str, Value>;

/// All tasks.
pub(super) type State = BTreeMap<u64, Fields>;

/// Names of the fields of tasks that keep their values.
pub(super) type Kept = BTreeMap<u64, BTreeSet<String>>;

/// Reads tasks.
pub(super) fn state(tasks: &[Value]) -> State {
    let fields = |task: &Value| {
        let value = |name| match name {
            "completed" => task["completed_at"].clone(),
            "recurrence" => json!([task["recurrence"], task["repeat_from"]]),
            _ => task[name].clone(),
        };
        FIELDS.into_iter().map(|name| (name, value(name))).collect()
    };
    tasks.iter().map(|task| (task["id"].as_u64().unwrap(), fields(task))).collect()
}

/// Reads the tasks of an answer that keep their values.
pub(super) fn kept(answer: &Value) -> Kept {
    let names = |task: &Value| {
        let names = task["fields"].as_array().unwrap().iter();
        names.map(|name| name.as_str().unwrap().to_owned()).collect()
    };
    let tasks = answer.as_array().unwrap().iter();
    tasks.map(|task| (task["id"].as_u64().unwrap(), names(task))).collect()
}

/// Request that has changed tasks.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) batch: Value,
    pub(super) by: usize,
    pub(super) at: String,
}

/// Change of one task by one request.
#[derive(Debug)]
enum Step {
    Created(Fields),
    Set(&'static str, Value, Value),
    Deleted,
    Restored(Fields),
}

/// Result of undoing.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Undoing {
    pub(super) state: State,
    pub(super) kept: Kept,
}

/// All states so far.
#[derive(Default)]
pub(super) struct Model {
    pub(super) now: State,
    pub(super) requests: Vec<Request>,
    /// Last known fields of all tasks.
    last: State,
    /// Steps of each task, with the number of the request.
    steps: BTreeMap<u64, Vec<(usize, Step)>>,
}

impl Model {
    /// Returns a task that differs. A task whose place alone differs may have another request as its last one.
    pub(super) fn changed(&self, after: &State) -> Option<u64> {
        let ids = self.now.keys().chain(after.keys());
        ids.copied().find(|id| self.now.get(id) != after.get(id))
    }

    /// Describes the steps of a task.
    pub(super) fn told(&self, id: u64) -> String {
        let step = |(number, step): &(usize, Step)| {
            let Request { batch, by, at } = &self.requests[*number];
            format!("\nbatch {batch} by {by} at {at}: {step:?}")
        };
        self.steps[&id].iter().map(step).collect()
    }

    pub(super) fn deleted(&self) -> Vec<u64> {
        self.last.keys().copied().filter(|id| !self.now.contains_key(id)).collect()
    }

    /// Adds a request by the state after it.
    pub(super) fn add(&mut self, after: State, batch: Value, by: usize, at: String) {
        let number = self.requests.len();
        self.requests.push(Request { batch, by, at });
        for (id, fields) in &after {
            let steps = self.steps.entry(*id).or_default();
            match (self.now.get(id), self.last.get(id)) {
                (None, None) => steps.push((number, Step::Created(fields.clone()))),
                (None, Some(before)) => {
                    steps.extend(differences(before, fields).map(|it| (number, it)));
                    steps.push((number, Step::Restored(fields.clone())));
                }
                (Some(before), _) => {
                    steps.extend(differences(before, fields).map(|it| (number, it)));
                }
            }
            self.last.insert(*id, fields.clone());
        }
        for id in self.now.keys().filter(|id| !after.contains_key(id)) {
            self.steps.get_mut(id).unwrap().push((number, Step::Deleted));
        }
        self.now = after;
    }

    /// Returns what must result from undoing some requests.
    pub(super) fn undoing(&self, is_meant: &dyn Fn(usize) -> bool) -> Undoing {
        let mut undoing = Undoing { state: self.now.clone(), kept: Kept::new() };
        let mut unmade = BTreeSet::new();
        for (id, steps) in &self.steps {
            let of_these: Vec<&Step> = steps
                .iter()
                .filter(|(number, _)| is_meant(*number))
                .map(|(_, step)| step)
                .collect();
            if of_these.is_empty() {
                continue;
            }
            let is_deleted = !self.now.contains_key(id);
            if is_deleted
                && !matches!(steps.last(), Some((number, Step::Deleted)) if is_meant(*number))
            {
                // A creation alone is of no matter.
                let is_change = |step: &&Step| !matches!(step, Step::Created(_));
                if of_these.iter().any(is_change) {
                    undoing.kept.insert(*id, ["deleted".to_owned()].into());
                }
                continue;
            }
            let (target, is_there, edited) = self.unwound(*id, is_meant);
            if !is_there && edited.is_empty() {
                if !is_deleted {
                    unmade.insert(*id);
                }
                continue;
            }
            undoing.state.insert(*id, target);
            if !edited.is_empty() {
                undoing.kept.insert(*id, edited);
            }
        }
        self.fit(&mut undoing);
        remove(&mut undoing, unmade);
        undoing
    }

    /// Takes back what still stands, the last step first, and names the other fields. Returns also whether the task
    /// exists then.
    fn unwound(
        &self,
        id: u64,
        is_meant: &dyn Fn(usize) -> bool,
    ) -> (Fields, bool, BTreeSet<String>) {
        let mut fields = self.last[&id].clone();
        let (mut is_there, mut edited) = (self.now.contains_key(&id), BTreeSet::new());
        let steps = self.steps[&id].iter().rev();
        for (_, step) in steps.filter(|(number, _)| is_meant(*number)) {
            match step {
                Step::Set(name, before, after) => {
                    let value = fields.get_mut(name).unwrap();
                    if value == after {
                        *value = before.clone();
                    } else if value != before {
                        edited.insert((*name).to_owned());
                    }
                }
                Step::Deleted => is_there = true,
                Step::Created(then) | Step::Restored(then) if is_there => {
                    let is_same = |name: &&str| fields[name] == then[name];
                    let since = FIELDS.into_iter().filter(|name| !is_same(name));
                    let since: Vec<String> = since.map(str::to_owned).collect();
                    is_there = !since.is_empty();
                    edited.extend(since);
                }
                Step::Created(_) | Step::Restored(_) => {}
            }
        }
        (fields, is_there, edited)
    }

    /// Makes tasks that come back top-level tasks if their parents do not.
    fn fit(&self, undoing: &mut Undoing) {
        loop {
            let lost = |(id, fields): (&u64, &Fields)| {
                let parent = fields["parent_id"].as_u64()?;
                (!undoing.state.contains_key(&parent)).then_some(*id)
            };
            let Some(id) = undoing.state.iter().find_map(lost) else { return };
            let fields = undoing.state.get_mut(&id).unwrap();
            fields.insert("parent_id", Value::Null);
            if self.now.contains_key(&id) {
                undoing.kept.entry(id).or_default().insert("parent_id".to_owned());
            }
        }
    }
}

/// Returns the steps from one state to another.
fn differences(before: &Fields, after: &Fields) -> impl Iterator<Item = Step> {
    let step = |name| (name, before[name].clone(), after[name].clone());
    let steps = FIELDS.into_iter().map(step).filter(|(_, before, after)| before != after);
    steps.map(|(name, before, after)| Step::Set(name, before, after))
}

/// Deletes tasks unless others are below them.
fn remove(undoing: &mut Undoing, mut unmade: BTreeSet<u64>) {
    loop {
        let is_free = |id: &u64| {
            let parent = Some(*id);
            undoing.state.values().all(|it| it["parent_id"].as_u64() != parent)
        };
        let Some(id) = unmade.iter().copied().find(is_free) else { break };
        unmade.remove(&id);
        undoing.state.remove(&id);
    }
    for id in unmade {
        undoing.kept.insert(id, ["subtasks".to_owned()].into());
    }
}
