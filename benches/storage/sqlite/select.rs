//! Lists of tasks as SQL.

use ::duly::domain::due::DueRange;
use ::duly::domain::id::UserId;
use ::duly::domain::task::{Start, TaskFilter, TaskOrder, TaskQuery, TaskSort};
use rusqlite::types::Value;
use rusqlite::{Connection, Result, params_from_iter};

/// Task with its tags, as a program would read it.
const TASK: &str = "t.id, t.title, t.description, t.completed_at, t.due, t.priority, t.position, t.parent,
    t.created_ms, t.updated_ms, t.revision, (SELECT group_concat(tag) FROM task_tags WHERE task = t.id)";

/// Columns of [`TASK`].
type Row = (
    i64,
    String,
    Option<String>,
    Option<i64>,
    Option<i64>,
    u8,
    f64,
    Option<i64>,
    i64,
    i64,
    i64,
    Option<String>,
);

/// Statements for a page of a list and for its total.
#[derive(Debug)]
pub(crate) struct Select {
    page: String,
    total: String,
    values: Vec<Value>,
}

impl Select {
    /// Writes the statements for a query.
    ///
    /// A list by words is sorted, as its index has no order: first the ids alone, then the tasks of the page are read.
    pub(crate) fn new(owner: UserId, query: &TaskQuery) -> Self {
        let TaskQuery { filter, order, start, limit, .. } = query;
        let Start::Skip(skip) = start else { unreachable!("pages begin at a number") };
        let is_of_words = !filter.words.is_empty();
        let is_of_tag = !filter.tags.is_empty() && !is_of_words;
        let of_task = of_task(filter);
        let tables = match (is_of_words, filter.tags.is_empty()) {
            (false, true) => "tasks t",
            (false, false) => "task_tags g JOIN tasks t ON t.id = g.task",
            (true, true) => "words JOIN tasks t ON t.id = words.rowid",
            (true, false) => {
                "words JOIN tasks t ON t.id = words.rowid JOIN task_tags g ON g.task = t.id"
            }
        };
        let of_total =
            if is_of_tag && of_task.is_empty() { "task_tags g" } else { tables };
        let clauses = [of_index(owner, filter, is_of_tag), of_task].concat();
        let (texts, values): (Vec<_>, Vec<_>) = clauses.into_iter().unzip();
        let matching = texts.join(" AND ");
        let place = ordered(*order, is_of_tag);
        let end =
            format!("WHERE {matching} ORDER BY {place} LIMIT {limit} OFFSET {skip}");
        let page = if is_of_words {
            format!(
                "SELECT {TASK} FROM (SELECT t.id FROM {tables} {end}) page
                JOIN tasks t ON t.id = page.id ORDER BY {place}"
            )
        } else {
            format!("SELECT {TASK} FROM {tables} {end}")
        };
        Self {
            page,
            total: format!("SELECT count(*) FROM {of_total} WHERE {matching}"),
            values: values.into_iter().flatten().collect(),
        }
    }

    /// Returns the titles of a page, and the total in the same snapshot.
    pub(crate) fn run(&self, connection: &Connection) -> Result<(Vec<String>, u64)> {
        let txn = connection.unchecked_transaction()?;
        let mut page = txn.prepare_cached(&self.page)?;
        let rows =
            page.query_map(params_from_iter(&self.values), |row| Row::try_from(row))?;
        let titles = rows.map(|row| Ok(row?.1)).collect::<Result<_>>()?;
        let mut total = txn.prepare_cached(&self.total)?;
        let total = total.query_row(params_from_iter(&self.values), |row| row.get(0))?;
        Ok((titles, total))
    }
}

/// Part of a condition, and its parameter.
type Clause = (&'static str, Option<Value>);

/// Returns the clauses that name the account, the words and the tag.
fn of_index(owner: UserId, filter: &TaskFilter, is_of_tag: bool) -> Vec<Clause> {
    let owner = Some(integer(i64::try_from(owner.get()).unwrap()));
    let mut clauses =
        vec![(if is_of_tag { "g.owner = ?" } else { "t.owner = ?" }, owner)];
    if !filter.words.is_empty() {
        let words = filter.words.iter().map(|(word, is_prefix)| {
            format!("\"{}\"{}", letters(word), if is_prefix { "*" } else { "" })
        });
        let words = words.collect::<Vec<_>>().join(" AND ");
        clauses.push(("words MATCH ?", Some(Value::Text(words))));
    }
    assert!(filter.tags.len() <= 1, "no list has two tags");
    for tag in &filter.tags {
        clauses.push(("g.tag = ?", Some(Value::Text(tag.as_str().to_owned()))));
    }
    clauses
}

/// Returns the letters of a word by its key. All words here are of small Latin letters.
fn letters(key: &[u8]) -> String {
    key.iter().map(|byte| char::from(b'a' + (byte - 0x2B) / 2)).collect()
}

/// Returns the clauses that other columns of the task decide.
fn of_task(filter: &TaskFilter) -> Vec<Clause> {
    let TaskFilter {
        completed, priorities, due, updated_since, parent, not_overdue, ..
    } = filter;
    assert!(updated_since.is_none() && parent.is_none() && not_overdue.is_none());
    let mut clauses = Vec::new();
    match completed {
        Some(true) => clauses.push(("t.completed_at IS NOT NULL", None)),
        Some(false) => clauses.push(("t.completed_at IS NULL", None)),
        None => {}
    }
    if let Some(priority) = priorities.first() {
        clauses.push(("t.priority = ?", Some(integer(priority.code().into()))));
    }
    if let Some(DueRange { days, .. }) = due {
        let midnight = |day| Some(integer(i64::from(day) * 86_400_000));
        clauses.push(("t.due >= ?", midnight(days.start)));
        clauses.push(("t.due < ?", midnight(days.end)));
    }
    clauses
}

fn ordered(order: TaskOrder, is_of_tag: bool) -> String {
    let columns: &[&str] = match order.by {
        TaskSort::Created if is_of_tag => &["g.created_ms", "g.task"],
        TaskSort::Created => &["t.created_ms", "t.id"],
        TaskSort::Updated => &["t.updated_ms", "t.id"],
        TaskSort::Due => &["t.due", "t.id"],
        TaskSort::Completed => unreachable!("no list is by completion"),
        TaskSort::Priority => &["t.priority", "t.created_ms", "t.id"],
        TaskSort::Position => &["t.position", "t.id"],
        TaskSort::Title => &["t.folded", "t.id"],
    };
    let direction = if order.descending { "DESC" } else { "ASC" };
    let columns = columns.iter().map(|column| match *column {
        "t.due" => format!("t.due {direction} NULLS LAST"),
        column => format!("{column} {direction}"),
    });
    columns.collect::<Vec<_>>().join(", ")
}

const fn integer(value: i64) -> Value {
    Value::Integer(value)
}
