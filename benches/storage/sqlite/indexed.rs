//! Tables with all columns and all indexes of the store.

use std::path::Path;

use ::duly::domain::fold::sort_key;
use ::duly::domain::id::UserId;
use ::duly::domain::task::NewTask;
use rusqlite::{Connection, Result, params};

use super::{Design, Job, connect, user};
use crate::engine::Work;

/// Tables with the indexes of the store.
pub(crate) const INDEXED: Design = Design {
    names: ["sqlite, same indexes, a commit each", "sqlite, same indexes"],
    file: "indexed.sqlite",
    tables: TABLES,
    indexes: INDEXES,
    execute,
};

/// Tables, and the index that tells the position of the next task.
const TABLES: &str = "
    CREATE TABLE users (id INTEGER PRIMARY KEY);
    CREATE TABLE tasks (
        id INTEGER PRIMARY KEY,
        owner INTEGER NOT NULL REFERENCES users (id),
        title TEXT NOT NULL,
        folded TEXT NOT NULL,
        description TEXT,
        completed_at INTEGER,
        due INTEGER,
        priority INTEGER NOT NULL,
        position REAL NOT NULL,
        parent INTEGER REFERENCES tasks (id) ON DELETE CASCADE,
        created_ms INTEGER NOT NULL,
        updated_ms INTEGER NOT NULL,
        revision INTEGER NOT NULL
    );
    CREATE TABLE task_tags (
        task INTEGER NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
        tag TEXT NOT NULL,
        owner INTEGER NOT NULL,
        created_ms INTEGER NOT NULL,
        PRIMARY KEY (task, tag)
    ) WITHOUT ROWID;
    CREATE INDEX tasks_by_position ON tasks (owner, position);
";

/// Indexes. Each has its list in order, so that SQLite need not sort; two end in `completed_at`, so that open tasks are
/// counted without their rows. FTS5 keeps no places of words, because no query asks for them.
const INDEXES: &str = "
    CREATE INDEX tasks_by_created ON tasks (owner, created_ms, id, completed_at);
    CREATE INDEX tasks_by_updated ON tasks (owner, updated_ms);
    CREATE INDEX tasks_by_due ON tasks (owner, due, id, completed_at);
    CREATE INDEX tasks_by_priority ON tasks (owner, priority, created_ms);
    CREATE INDEX tasks_by_title ON tasks (owner, folded);
    CREATE INDEX tasks_by_parent ON tasks (parent) WHERE parent IS NOT NULL;
    CREATE INDEX tasks_by_tag ON task_tags (owner, tag, created_ms, task);
    CREATE VIRTUAL TABLE words USING fts5 (
        title,
        description,
        content = 'tasks',
        content_rowid = 'id',
        tokenize = 'unicode61 remove_diacritics 2',
        detail = 'none',
        columnsize = 0
    );
    INSERT INTO words (words) VALUES ('rebuild');
    CREATE TRIGGER words_insert AFTER INSERT ON tasks BEGIN
        INSERT INTO words (rowid, title, description)
            VALUES (new.id, new.title, new.description);
    END;
    CREATE TRIGGER words_delete AFTER DELETE ON tasks BEGIN
        INSERT INTO words (words, rowid, title, description)
            VALUES ('delete', old.id, old.title, old.description);
    END;
    CREATE TRIGGER words_update AFTER UPDATE OF title, description ON tasks BEGIN
        INSERT INTO words (words, rowid, title, description)
            VALUES ('delete', old.id, old.title, old.description);
        INSERT INTO words (rowid, title, description)
            VALUES (new.id, new.title, new.description);
    END;
";

/// Fills a new file with tasks of several accounts, and counts what is in the indexes for the planner.
pub(crate) fn fill_lists(
    path: &Path,
    owners: &[UserId],
    tasks: impl Iterator<Item = (UserId, NewTask)>,
) -> Result<Connection> {
    let mut connection = connect(path)?;
    let txn = connection.transaction()?;
    txn.execute_batch(TABLES)?;
    for owner in owners {
        user(&txn, *owner)?;
    }
    for (owner, new) in tasks {
        Row::of(owner, &new).insert(&txn)?;
    }
    txn.execute_batch(INDEXES)?;
    txn.execute_batch("INSERT INTO words (words) VALUES ('optimize'); ANALYZE;")?;
    txn.commit()?;
    connection.query_row("PRAGMA wal_checkpoint (TRUNCATE)", [], |_| Ok(()))?;
    Ok(connection)
}

/// Task to be created.
struct Row {
    owner: i64,
    title: String,
    description: Option<String>,
    completed: bool,
    /// Milliseconds; a date counts from midnight UTC.
    due: Option<i64>,
    priority: u8,
    created_ms: i64,
    tags: Vec<String>,
}

impl Row {
    fn of(owner: UserId, new: &NewTask) -> Self {
        Self {
            owner: i64::try_from(owner.get()).unwrap(),
            title: new.title.as_str().to_owned(),
            description: new.description.as_ref().map(|text| text.as_str().to_owned()),
            completed: new.completed,
            due: new.due.as_ref().map(|due| due.stored_key().0),
            priority: new.priority.code(),
            created_ms: new.created_at.as_millis(),
            tags: new.tags.iter().map(|tag| tag.as_str().to_owned()).collect(),
        }
    }

    fn insert(&self, connection: &Connection) -> Result<()> {
        let text = "INSERT INTO tasks VALUES (NULL, ?1, ?2, ?3, ?4, ?5, ?6, ?7,
            (SELECT coalesce(max(position), 0) + 1 FROM tasks WHERE owner = ?1), NULL, ?8, ?8, 1)";
        let values = params![
            self.owner,
            self.title,
            sort_key(&self.title),
            self.description,
            self.completed.then_some(self.created_ms),
            self.due,
            self.priority,
            self.created_ms,
        ];
        let id = connection.prepare_cached(text)?.insert(values)?;
        for tag in &self.tags {
            connection
                .prepare_cached("INSERT INTO task_tags VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![id, tag, self.owner, self.created_ms])?;
        }
        Ok(())
    }
}

/// Does a write. Reads are measured on the plain tables.
fn execute(connection: &Connection, job: Job) -> Result<()> {
    let Job { work, owner, id, step } = job;
    let now = 1_900_000_000_000 + step;
    match work {
        Work::Create => Row {
            owner,
            title: format!("Buy {step} bottles of milk for the whole family"),
            description: None,
            completed: step % 3 == 0,
            due: None,
            priority: 0,
            created_ms: now,
            tags: Vec::new(),
        }
        .insert(connection)?,
        Work::Patch => {
            let text = "UPDATE tasks SET title = ?3, folded = ?4,
                completed_at = CASE WHEN ?5 THEN coalesce(completed_at, ?6) END,
                updated_ms = ?6, revision = revision + 1
                WHERE id = ?1 AND owner = ?2 RETURNING *";
            let title = format!("Buy {step} other bottles");
            let values = params![id, owner, title, sort_key(&title), step % 2 == 0, now];
            let revision: i64 =
                connection.prepare_cached(text)?.query_row(values, |row| row.get(12))?;
            assert!(revision > 1);
        }
        Work::Delete => {
            let text = "DELETE FROM tasks WHERE id = ?1 AND owner = ?2";
            assert_eq!(connection.prepare_cached(text)?.execute([id, owner])?, 1);
        }
        Work::Get | Work::List => unreachable!("reads are those of the plain tables"),
    }
    Ok(())
}
