//! Format of exports: JSON Lines, version 5.
//!
//! ```text
//! {"export":{"version":5,"created_at":"...","next_user_id":3,"next_task_id":9}}
//! {"user":{"id":1,"email":"...","role":"user","created_at":"...","password_hash":"$argon2id$...",
//!          "display_name":null,"time_zone":"Europe/Berlin","disabled":false,"must_change_password":false}}
//! {"list":{"id":2,"owner_id":1,"name":"Home","colour":"#3366cc","icon":null,"position":"a1","archived":false,
//!          "created_at":"...","updated_at":"...","revision":1}}
//! {"task":{"id":1,"owner_id":1,"title":"...","description":null,"completed":false,
//!          "created_at":"...","updated_at":"...","revision":1,"completed_at":null,"due":"2030-05-01",
//!          "due_local":null,"priority":"none","tags":["home"],"position":"a0","parent_id":null,
//!          "recurrence":"FREQ=WEEKLY","repeat_from":"due","uid":"00000000-0000-8000-877d-0d5b3f5d0c9a",
//!          "list_id":2}}
//! {"end":{"users":2,"lists":1,"tasks":8}}
//! ```
//!
//! One object a line ([JSON Lines](https://jsonlines.org)), UTF-8. The first line is `export`. The last is `end`, with
//! the counts of the lines between, which tells a whole file from a truncated one. Lists and then
//! tasks follow their account; its default list has a line if it was changed. Times
//! are RFC 3339 in UTC. Password hashes are included as PHC strings: an import is complete, and the file is a secret.
//! Sessions, personal tokens, invitations and audit records are excluded.
//!
//! Later versions may add fields and kinds of lines under a higher number; older versions stay readable. In version 1
//! accounts lack the last four fields; in versions 1 and 2 tasks end with `revision`. In version 3 a recurring task has
//! its local time in `recurrence_time_ms`, in milliseconds since midnight, and not in `due_local`. The local time differs
//! from that of `due` where the clocks skip it. Since version 5 tasks have their `uid`, and there are
//! lists; tasks of earlier versions are in the default list.

mod history;
mod list;

use serde::{Deserialize, Serialize};

pub(super) use self::history::values;
use self::list::WireList;
pub(super) use self::list::list;
use super::wire_error;
use crate::auth::password;
use crate::domain::due::{Due, LocalError, LocalTime};
use crate::domain::email::Email;
use crate::domain::id::{ListId, TaskId, UserId};
use crate::domain::label::Label;
use crate::domain::password::PasswordHash;
use crate::domain::position::Position;
use crate::domain::priority::Priority;
use crate::domain::recurrence::{Recurrence, RepeatFrom, Rule};
use crate::domain::tag::{Tag, Tags};
use crate::domain::task::{Description, Origin, Task, Title};
use crate::domain::time_zone::TimeZone;
use crate::domain::timestamp::Timestamp;
use crate::domain::transfer::{NextIds, Record};
use crate::domain::uid::Uid;
use crate::domain::user::{Credential, Role, User};

/// Version that is written, and the newest that is read.
pub const VERSION: u32 = 5;

/// Maximum length of a line that is read, in bytes. Lines that are written are less than half as long.
pub const MAX_LINE: usize = 64 * 1024;

/// Largest number that is read: the last that every JSON reader takes for an integer (RFC 8259, section 6).
const MAX_NUMBER: u64 = Task::MAX_REVISION;

/// A line of an export.
#[derive(Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "all lines but two are records")]
pub enum Line {
    /// First line.
    Start {
        /// Time of the export.
        created_at: Timestamp,
        /// Next free ids at that time.
        ids: NextIds,
    },
    /// An account, a list or a task.
    Record(Record),
    /// Last line, with the counts of accounts, lists and tasks before it.
    End {
        /// Number of accounts.
        users: u64,
        /// Number of lists.
        lists: u64,
        /// Number of tasks.
        tasks: u64,
    },
}

/// Reason that a line cannot be read. Never quotes the line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// The line is not JSON, or has none of the forms above.
    #[error("is not a valid line of an export")]
    Malformed,
    /// The export is from a later version of the program.
    #[error(
        "has version {0} of the export format, but this program supports versions up to {VERSION}"
    )]
    Newer(u32),
    /// A field has a value that this program would not have written.
    #[error("{field} {reason}")]
    Field {
        /// Name of the field.
        field: String,
        /// Rest of the sentence.
        reason: String,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[expect(clippy::large_enum_variant, reason = "most lines are tasks")]
enum Wire {
    Export(WireStart),
    User(WireUser),
    List(WireList),
    Task(WireTask),
    End(WireEnd),
}

/// The version alone; other members are ignored.
#[derive(Deserialize)]
struct AnyStart {
    export: AnyVersion,
}

#[derive(Deserialize)]
struct AnyVersion {
    version: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireStart {
    version: u32,
    created_at: String,
    next_user_id: u64,
    next_task_id: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireUser {
    id: u64,
    email: String,
    role: String,
    created_at: String,
    password_hash: String,
    #[serde(default)]
    display_name: Option<String>,
    #[serde(default)]
    time_zone: Option<String>,
    #[serde(default)]
    disabled: bool,
    #[serde(default)]
    must_change_password: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireTask {
    id: u64,
    owner_id: u64,
    title: String,
    description: Option<String>,
    completed: bool,
    created_at: String,
    updated_at: String,
    revision: u64,
    #[serde(default)]
    completed_at: Option<String>,
    #[serde(default)]
    due: Option<String>,
    #[serde(default)]
    due_local: Option<String>,
    #[serde(default)]
    priority: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    position: Option<String>,
    #[serde(default)]
    parent_id: Option<u64>,
    #[serde(default)]
    recurrence: Option<String>,
    #[serde(default)]
    repeat_from: Option<String>,
    #[serde(default)]
    uid: Option<String>,
    #[serde(default)]
    list_id: Option<u64>,
    #[serde(default, skip_serializing)]
    recurrence_time_ms: Option<u32>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireEnd {
    users: u64,
    #[serde(default)]
    lists: u64,
    tasks: u64,
}

impl Line {
    /// Returns the line, without its line end.
    pub fn write(&self) -> String {
        let wire = match self {
            Self::Start { created_at, ids } => Wire::Export(WireStart {
                version: VERSION,
                created_at: created_at.to_string(),
                next_user_id: ids.user,
                next_task_id: ids.task,
            }),
            Self::Record(Record::User(Credential { user, password, .. })) => {
                Wire::User(WireUser {
                    id: user.id.get(),
                    email: user.email.as_str().to_owned(),
                    role: user.role.as_str().to_owned(),
                    created_at: user.created_at.to_string(),
                    password_hash: password.as_str().to_owned(),
                    display_name: user
                        .display_name
                        .as_ref()
                        .map(|it| it.as_str().to_owned()),
                    time_zone: user.time_zone.as_ref().map(|it| it.as_str().to_owned()),
                    disabled: user.disabled,
                    must_change_password: user.must_change_password,
                })
            }
            Self::Record(Record::List(list)) => Wire::List(WireList::of(list)),
            Self::Record(Record::Task(task)) => Wire::Task(WireTask::of(task)),
            Self::End { users, lists, tasks } => {
                Wire::End(WireEnd { users: *users, lists: *lists, tasks: *tasks })
            }
        };
        serde_json::to_string(&wire).expect("texts, numbers and flags are JSON")
    }

    /// Parses a line. Every field is validated as if a client had sent it.
    ///
    /// # Errors
    ///
    /// Every variant of [`LineError`].
    pub fn read(line: &str) -> Result<Self, LineError> {
        // Some editors begin a file with a byte order mark, and files may be concatenated.
        let line = line.strip_prefix('\u{FEFF}').unwrap_or(line);
        match serde_json::from_str(line) {
            Ok(Wire::Export(start)) if (1..=VERSION).contains(&start.version) => {
                Ok(Self::Start {
                    created_at: time("created_at", &start.created_at)?,
                    ids: NextIds {
                        user: number("next_user_id", start.next_user_id)?,
                        task: number("next_task_id", start.next_task_id)?,
                    },
                })
            }
            Ok(Wire::User(user)) => Ok(Self::Record(Record::User(user.check()?))),
            Ok(Wire::List(list)) => Ok(Self::Record(Record::List(list.check()?))),
            Ok(Wire::Task(task)) => Ok(Self::Record(Record::Task(task.check()?))),
            Ok(Wire::End(WireEnd { users, lists, tasks })) => {
                Ok(Self::End { users, lists, tasks })
            }
            Ok(Wire::Export(_)) | Err(_) => Err(match serde_json::from_str(line) {
                Ok(AnyStart { export: AnyVersion { version } }) if version > VERSION => {
                    LineError::Newer(version)
                }
                _ => {
                    let line = &mut serde_json::Deserializer::from_str(line);
                    let read: Result<Wire, _> = serde_path_to_error::deserialize(line);
                    read.err().as_ref().map_or(LineError::Malformed, wire_error::of)
                }
            }),
        }
    }
}

impl WireUser {
    fn check(self) -> Result<Credential, LineError> {
        let role = Role::from_name(&self.role)
            .ok_or_else(|| field("role", "is not supported by this program"))?;
        let display_name = self.display_name.as_deref().map(Label::new).transpose();
        let time_zone = self.time_zone.as_deref().map(TimeZone::new).transpose();
        let hash = PasswordHash::new(self.password_hash);
        password::check(&hash).map_err(|why| field("password_hash", why))?;
        Ok(Credential {
            user: User {
                id: UserId::new(number("id", self.id)?),
                email: Email::new(&self.email).map_err(|error| field("email", error))?,
                role,
                created_at: time("created_at", &self.created_at)?,
                display_name: display_name
                    .map_err(|error| field("display_name", error))?,
                time_zone: time_zone.map_err(|error| field("time_zone", error))?,
                disabled: self.disabled,
                must_change_password: self.must_change_password,
            },
            password: hash,
            // The networks of log-ins are private to this server.
            networks: Vec::new(),
        })
    }
}

/// Returns a task as in an export, as a JSON value.
pub(super) fn task(task: &Task) -> serde_json::Value {
    serde_json::to_value(WireTask::of(task)).expect("texts, numbers and flags are JSON")
}

impl WireTask {
    fn of(task: &Task) -> Self {
        let is_completed = task.is_completed();
        let Task {
            id,
            owner,
            uid,
            title,
            description,
            completed_at,
            due,
            priority,
            tags,
            position,
            parent,
            list,
            recurrence,
            created_at,
            updated_at,
            revision,
            // An import has changes and an origin of its own.
            ..
        } = task;
        let recurrence = recurrence.as_ref();
        Self {
            id: id.get(),
            owner_id: owner.get(),
            title: title.as_str().to_owned(),
            description: description.as_ref().map(|text| text.as_str().to_owned()),
            completed: is_completed,
            created_at: created_at.to_string(),
            updated_at: updated_at.to_string(),
            revision: *revision,
            completed_at: completed_at.map(|time| time.to_string()),
            due: due.as_ref().map(Due::to_string),
            due_local: due.as_ref().and_then(Due::local_time).map(|it| it.to_string()),
            priority: Some(priority.as_str().to_owned()),
            tags: tags.iter().map(|tag| tag.as_str().to_owned()).collect(),
            position: Some(position.as_str().to_owned()),
            parent_id: parent.map(TaskId::get),
            recurrence: recurrence.map(|it| it.rule().to_string()),
            repeat_from: recurrence.map(|it| it.repeat_from().as_str().to_owned()),
            uid: Some(uid.as_str().to_owned()),
            list_id: Some(list.get()),
            recurrence_time_ms: None,
        }
    }

    fn check(self) -> Result<Task, LineError> {
        let id_of_task = number("id", self.id)?;
        let description = self.description.map(Description::new).transpose();
        let updated_at = time("updated_at", &self.updated_at)?;
        let completed_at =
            self.completed_at.map(|text| time("completed_at", &text)).transpose()?;
        let due = self.due.map(|text| Due::parse(&text, &TimeZone::utc())).transpose();
        let due = due.map_err(|error| field("due", error))?;
        let due = match (due, self.due_local) {
            (due, None) => due.map(|due| meaning_former(due, self.recurrence_time_ms)),
            (None, Some(_)) => return Err(field("due_local", LocalError::Untimed)),
            (Some(due), Some(text)) => {
                let time =
                    LocalTime::parse(&text).map_err(|error| field("due_local", error))?;
                Some(due.meaning(time).map_err(|error| field("due_local", error))?)
            }
        };
        let priority = match self.priority.as_deref() {
            None => Priority::None,
            Some(name) => Priority::from_name(name)
                .ok_or_else(|| field("priority", "is not supported by this program"))?,
        };
        let tags: Result<Vec<Tag>, _> =
            self.tags.iter().map(|tag| Tag::new(tag)).collect();
        let tags = tags.map_err(|error| field("tags", error))?;
        let position = match self.position {
            Some(text) => {
                Position::parse(&text).map_err(|error| field("position", error))?
            }
            // Tasks of versions 1 and 2 are in order of creation.
            None => Position::of_number(id_of_task),
        };
        let rule = self.recurrence.map(|text| Rule::parse(&text)).transpose();
        let rule = rule.map_err(|error| field("recurrence", error))?;
        if rule.is_some() && due.is_none() {
            return Err(field("recurrence", "is only for tasks with a due date"));
        }
        let from = match self.repeat_from.as_deref() {
            None => RepeatFrom::Due,
            Some(name) => RepeatFrom::from_name(name).ok_or_else(|| {
                field("repeat_from", "is not supported by this program")
            })?,
        };
        if self.recurrence_time_ms.is_some_and(|time| time >= 86_400_000) {
            return Err(field("recurrence_time_ms", "must be less than a day"));
        }
        let id = TaskId::new(id_of_task);
        let created_at = time("created_at", &self.created_at)?;
        let uid = match self.uid {
            Some(text) => Uid::new(text).map_err(|error| field("uid", error))?,
            None => Uid::former(id, created_at),
        };
        Ok(Task {
            id,
            owner: UserId::new(number("owner_id", self.owner_id)?),
            uid,
            title: Title::new(self.title).map_err(|error| field("title", error))?,
            description: description.map_err(|error| field("description", error))?,
            completed_at: self.completed.then(|| completed_at.unwrap_or(updated_at)),
            due,
            priority,
            tags: Tags::new(tags).map_err(|error| field("tags", error))?,
            position,
            parent: self
                .parent_id
                .map(|it| number("parent_id", it))
                .transpose()?
                .map(TaskId::new),
            list: match self.list_id {
                Some(id) => ListId::new(number("list_id", id)?),
                None => ListId::DEFAULT,
            },
            recurrence: rule.map(|rule| Recurrence::new(rule, from)),
            created_at,
            updated_at,
            revision: number("revision", self.revision)?,
            seq: 0,
            origin: Origin::UNKNOWN,
        })
    }
}

/// Returns a due time with the local time that version 3 kept with the rule.
fn meaning_former(due: Due, millis: Option<u32>) -> Due {
    match due {
        Due::At { at, zone, .. } => Due::at(at, zone, millis.map(LocalTime::from_millis)),
        due @ Due::On(_) => due,
    }
}

/// Validates an id or a revision.
fn number(name: &'static str, number: u64) -> Result<u64, LineError> {
    if (1..=MAX_NUMBER).contains(&number) {
        Ok(number)
    } else {
        Err(field(name, "must be from 1 to 2^53 - 1"))
    }
}

fn time(name: &'static str, text: &str) -> Result<Timestamp, LineError> {
    text.parse().map_err(|error| field(name, error))
}

fn field(field: &'static str, reason: impl ToString) -> LineError {
    LineError::Field { field: field.to_owned(), reason: reason.to_string() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TASK: &str = r#"{"task":{"id":2,"owner_id":1,"title":"a","description":null,"completed":true,"created_at":"1970-01-01T00:00:00.003Z","updated_at":"1970-01-01T00:00:00.004Z","revision":5,"completed_at":"1970-01-01T00:00:00.004Z","due":"2030-05-01","due_local":null,"priority":"high","tags":["home"],"position":"a2","parent_id":1,"recurrence":null,"repeat_from":null,"uid":"00000000-0000-8000-8bf9-1b8cb0036377","list_id":2}}"#;
    const LIST: &str = r##"{"list":{"id":2,"owner_id":1,"name":"Home","colour":"#3366cc","icon":"x","position":"a1","archived":true,"created_at":"1970-01-01T00:00:00.003Z","updated_at":"1970-01-01T00:00:00.004Z","revision":5}}"##;
    const USER: &str = r#"{"user":{"id":1,"email":"Jane@example.com","role":"user","created_at":"1970-01-01T00:00:00.001Z","password_hash":"$argon2id$v=19$m=19456,t=2,p=1$qDeoIcJwyFrR7RWRw0uNUw$+ZVx6hEjLiSHF9K2Dk189iiuYDS/rJX39SEqzE83fSE","display_name":"Jane","time_zone":"Europe/Berlin","disabled":true,"must_change_password":true}}"#;
    const START: &str = r#"{"export":{"version":5,"created_at":"2030-01-01T00:00:00.000Z","next_user_id":2,"next_task_id":3}}"#;
    const END: &str = r#"{"end":{"users":1,"lists":1,"tasks":1}}"#;

    #[test]
    fn lines_never_change() {
        for line in [START, USER, LIST, TASK, END] {
            assert_eq!(Line::read(line).unwrap().write(), line);
        }
    }

    #[test]
    fn earlier_versions_are_read_for_ever() {
        for version in ["1", "2", "3", "4"] {
            let start = START.replace("\"version\":5", &format!("\"version\":{version}"));
            assert_eq!(Line::read(&start), Line::read(START));
        }
        let (user, _) = USER.split_once(",\"display_name\"").unwrap();
        let Ok(Line::Record(Record::User(read))) = Line::read(&format!("{user}}}}}"))
        else {
            panic!("no user");
        };
        assert_eq!((read.user.display_name, read.user.disabled), (None, false));
        let (task, _) = TASK.split_once(",\"completed_at\"").unwrap();
        let Ok(Line::Record(Record::Task(read))) = Line::read(&format!("{task}}}}}"))
        else {
            panic!("no task");
        };
        assert_eq!(read.completed_at, Some(read.updated_at));
        assert_eq!(read.list, ListId::DEFAULT);
        let end = Line::read(r#"{"end":{"users":1,"tasks":2}}"#).unwrap();
        assert_eq!(end, Line::End { users: 1, lists: 0, tasks: 2 });
        assert_eq!((read.position, read.due), (Position::of_number(2), None));
    }

    #[test]
    fn a_member_that_is_wrong_is_named_and_not_quoted() {
        for (from, to, expected) in [
            (r#""title":"a","#, "", "title is missing"),
            (r#""id":2"#, r#""id":"secret""#, "id has the wrong type"),
            (r#""title":"a""#, r#""title":7"#, "title has the wrong type"),
            (r#"["home"]"#, r#"["home",7]"#, "tags.1 has the wrong type"),
            (r#""revision":5"#, r#""revision":-5"#, "revision has the wrong type"),
            (r#""id":2"#, r#""id":2,"id":3"#, "id is present twice"),
            (r#""id":2"#, r#""colour":1,"id":2"#, "colour is not a known field"),
            (r#""id":2"#, r#""Secret!":1,"id":2"#, "is not a valid line of an export"),
            (r#""id":2"#, r#""id":2.5"#, "id has the wrong type"),
        ] {
            assert!(TASK.contains(from), "{from}");
            let error = Line::read(&TASK.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{expected}: {error}");
        }
        let without = USER.replace(r#""email":"Jane@example.com","#, "");
        assert_eq!(Line::read(&without).unwrap_err().to_string(), "email is missing");
    }

    #[test]
    fn a_later_version_is_told_from_nonsense() {
        let newer = START.replace("\"version\":5", "\"more\":true,\"version\":6");
        assert_eq!(Line::read(&newer), Err(LineError::Newer(6)));
        for line in ["", "{}", "[]", "null", START.trim_start_matches('{'), "\u{0}"] {
            assert_eq!(Line::read(line), Err(LineError::Malformed), "{line:?}");
        }
    }

    #[test]
    fn what_no_client_could_have_sent_is_refused_by_name() {
        for (line, from, to, name) in [
            (TASK, "\"a\"", "\"\"", "title"),
            (TASK, "\"id\":2", "\"id\":0", "id"),
            (TASK, "\"revision\":5", "\"revision\":9007199254740992", "revision"),
            (TASK, "00.003Z", "00.003", "created_at"),
            (TASK, "2030-05-01", "soon", "due"),
            (TASK, "\"home\"", "\"\"", "tags"),
            (TASK, "\"a2\"", "\"\"", "position"),
            (TASK, "\"high\"", "\"top\"", "priority"),
            (TASK, "\"recurrence\":null", "\"recurrence\":\"FREQ=NEVER\"", "recurrence"),
            (TASK, "\"repeat_from\":null", "\"repeat_from\":\"birth\"", "repeat_from"),
            (TASK, "\"due_local\":null", "\"due_local\":\"09:00\"", "due_local"),
            (TASK, "\"list_id\":2", "\"list_id\":0", "list_id"),
            (LIST, "\"Home\"", "\"\"", "name"),
            (LIST, "#3366cc", "blue", "colour"),
            (LIST, "\"x\"", "\"\"", "icon"),
            (LIST, "\"a1\"", "\"\"", "position"),
            (LIST, "\"id\":2", "\"id\":1", "archived"),
            (USER, "Jane@", "Jane", "email"),
            (USER, "\"user\",", "\"king\",", "role"),
            (USER, "$argon2id$", "plain", "password_hash"),
            (START, "\"next_task_id\":3", "\"next_task_id\":0", "next_task_id"),
        ] {
            match Line::read(&line.replacen(from, to, 1)) {
                Err(LineError::Field { field, .. }) => assert_eq!(field, name),
                other => panic!("{name}: {other:?}"),
            }
        }
    }

    #[test]
    fn the_longest_line_that_is_written_can_be_read() {
        let Ok(Line::Record(Record::Task(mut task))) = Line::read(TASK) else {
            panic!("no task");
        };
        // Each of these characters takes six bytes of JSON.
        task.title = Title::new("\u{1}".repeat(Title::MAX_CHARS)).unwrap();
        let description = Description::new("\u{1}".repeat(Description::MAX_CHARS));
        task.description = Some(description.unwrap());
        let tag = |n: u8| Tag::new(&format!("{n}{}", "\u{1F9F9}".repeat(48))).unwrap();
        task.tags = Tags::new((10..30).map(tag).collect()).unwrap();
        task.position = Position::parse(&format!("a0{}", "z".repeat(7998))).unwrap();
        assert!(Line::Record(Record::Task(task)).write().len() < MAX_LINE / 2);
    }

    proptest! {
        #[test]
        fn any_text_survives_the_round_trip(title in ".{1,255}", description in prop::option::of(".{0,100}")) {
            let Ok(Line::Record(Record::Task(mut task))) = Line::read(TASK) else {
                panic!("no task");
            };
            task.title = Title::new(title).unwrap();
            task.description = description.map(|text| Description::new(text).unwrap());
            let line = Line::Record(Record::Task(task));
            let text = line.write();
            prop_assert!(!text.contains('\n'));
            prop_assert_eq!(Line::read(&text).unwrap(), line);
        }
    }
}
