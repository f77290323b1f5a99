//! Tables with one index, by owner.

use rusqlite::{Connection, OptionalExtension, Result, params};

use super::{Design, Job};
use crate::engine::Work;

/// Tables with one index.
pub(crate) const PLAIN: Design = Design {
    names: ["sqlite", "sqlite, group commit"],
    file: "plain.sqlite",
    tables: TABLES,
    indexes: "",
    execute,
};

const TABLES: &str = "
    CREATE TABLE users (id INTEGER PRIMARY KEY);
    CREATE TABLE tasks (
        id INTEGER PRIMARY KEY,
        owner INTEGER NOT NULL REFERENCES users (id),
        title TEXT NOT NULL,
        description TEXT,
        completed INTEGER NOT NULL,
        created_ms INTEGER NOT NULL,
        updated_ms INTEGER NOT NULL,
        revision INTEGER NOT NULL
    );
    CREATE INDEX tasks_by_owner ON tasks (owner);
";

const INSERT: &str = "INSERT INTO tasks VALUES (NULL, ?1, ?2, NULL, ?3, ?4, ?4, 1)";

/// Row as a program would read it.
type Row = (i64, String, Option<String>, bool, i64, i64, i64);

fn row(row: &rusqlite::Row<'_>) -> Result<Row> {
    Ok((
        row.get(0)?,
        row.get(2)?,
        row.get(3)?,
        row.get(4)?,
        row.get(5)?,
        row.get(6)?,
        row.get(7)?,
    ))
}

fn execute(connection: &Connection, job: Job) -> Result<()> {
    let Job { work, owner, id, step } = job;
    match work {
        Work::Create => {
            let title = format!("Buy {step} bottles of milk for the whole family");
            let created = 1_900_000_000_000 + step;
            let mut insert = connection.prepare_cached(INSERT)?;
            insert.execute(params![owner, title, step % 3 == 0, created])?;
        }
        Work::Get => {
            let text = "SELECT * FROM tasks WHERE id = ?1 AND owner = ?2";
            let found = connection
                .prepare_cached(text)?
                .query_row([id, owner], row)
                .optional()?;
            assert!(found.is_some());
        }
        Work::List => {
            let text = "SELECT * FROM tasks WHERE owner = ?1 ORDER BY id DESC LIMIT 50";
            let mut list = connection.prepare_cached(text)?;
            let tasks = list.query_map([owner], row)?.collect::<Result<Vec<Row>>>()?;
            let text = "SELECT count(*) FROM tasks WHERE owner = ?1";
            let total: i64 =
                connection.prepare_cached(text)?.query_row([owner], |it| it.get(0))?;
            assert!(total >= i64::try_from(tasks.len()).unwrap());
        }
        Work::Patch => {
            let text = "UPDATE tasks SET title = ?3, completed = ?4, updated_ms = ?5,
                revision = revision + 1 WHERE id = ?1 AND owner = ?2 RETURNING *";
            let title = format!("Buy {step} other bottles");
            let values =
                params![id, owner, title, step % 2 == 0, 1_900_000_000_000 + step];
            connection.prepare_cached(text)?.query_row(values, row)?;
        }
        Work::Delete => {
            let text = "DELETE FROM tasks WHERE id = ?1 AND owner = ?2";
            assert_eq!(connection.prepare_cached(text)?.execute([id, owner])?, 1);
        }
    }
    Ok(())
}
