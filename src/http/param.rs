//! Path and query parameters, taken as text so that all faults are reported together.
//!
//! poem-openapi parses parameters one by one and stops at the first invalid one. Here a parameter shows its
//! schema in the document, and [`Faults`] collects the errors of all.

use std::ops::RangeInclusive;
use std::str::FromStr;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use poem_openapi::registry::MetaSchema;
use poem_openapi::types::{ParseFromParameter, ParseResult};

use super::completed::Completed;
use super::problem::Problem;
use super::wire::schema_type;
use crate::domain::email::Email;
use crate::domain::id::{ListId, TaskId, UserId};
use crate::domain::list::TasksOfList;
use crate::domain::page::{Page, UserOrder};
use crate::domain::priority::Priority;
use crate::domain::task::{ChangeKinds, TaskSort};
use crate::service::FieldError;

/// Name of the parameter with the position in a list.
pub(super) const CURSOR: &str = "cursor";

/// Errors in the parameters of a request.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<FieldError>);

impl Faults {
    /// Returns the value, or records the error.
    pub(super) fn take<T>(&mut self, name: &str, value: Result<T, String>) -> Option<T> {
        value.map_err(|message| self.0.push(FieldError::new(name, message))).ok()
    }

    /// Whether there are no errors.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the problem to respond with.
    pub(super) fn into_problem(self) -> Problem {
        Problem::invalid(self.0)
    }
}

macro_rules! text_params {
    ($($(#[$doc:meta])* $name:ident => $schema:expr;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub(super) struct $name(String);

        schema_type!($name, stringify!($name), $schema);

        impl ParseFromParameter for $name {
            fn parse_from_parameter(text: &str) -> ParseResult<Self> {
                Ok(Self(text.to_owned()))
            }
        }
    )+};
}

text_params! {
    /// The id of a task, in a path.
    TaskIdParam => MetaSchema {
        minimum: Some(1.0),
        ..MetaSchema::new_with_format("integer", "int64")
    };
    /// The id of a list, in a path or a filter.
    ListIdParam => MetaSchema {
        minimum: Some(1.0),
        ..MetaSchema::new_with_format("integer", "int64")
    };
    /// Fate of the tasks of a list that is deleted.
    ListTasksParam => MetaSchema {
        enum_items: vec!["move".into(), "delete".into()],
        ..MetaSchema::new("string")
    };
    /// The id of an account, in a path.
    UserIdParam => MetaSchema {
        minimum: Some(1.0),
        ..MetaSchema::new_with_format("integer", "int64")
    };
    /// An id of random digits, in a path.
    RandomIdParam => MetaSchema::new("string");
    /// A text to search for.
    SearchParam => MetaSchema { max_length: Some(SearchParam::MAX_CHARS), ..MetaSchema::new("string") };
    /// Number of items to skip.
    SkipParam => MetaSchema {
        minimum: Some(0.0),
        default: Some(0.into()),
        ..MetaSchema::new_with_format("integer", "int64")
    };
    /// Maximum number of items to return.
    LimitParam => MetaSchema {
        minimum: Some(1.0),
        maximum: Some(Page::MAX_LIMIT.into()),
        default: Some(Page::DEFAULT_LIMIT.into()),
        ..MetaSchema::new_with_format("integer", "int32")
    };
    /// Completed or open.
    CompletedParam => MetaSchema::new("boolean");
    /// True or false.
    FlagParam => MetaSchema::new("boolean");
    /// Sort key of a list.
    SortParam => MetaSchema {
        enum_items: TaskSort::ALL
            .map(TaskSort::as_str)
            .into_iter()
            .flat_map(|name| [name.into(), format!("-{name}").into()])
            .collect(),
        ..MetaSchema::new("string")
    };
    /// Sort key of a list of accounts.
    AccountSortParam => MetaSchema {
        enum_items: AccountSortParam::ORDERS.map(|(name, _)| name.into()).to_vec(),
        ..MetaSchema::new("string")
    };
    /// Priority of a task.
    PriorityParam => MetaSchema {
        enum_items: Priority::ALL.map(|priority| priority.as_str().into()).to_vec(),
        ..MetaSchema::new("string")
    };
    /// Maximum number of changes to return.
    ChangeLimitParam => MetaSchema {
        minimum: Some(1.0),
        maximum: Some(500.0),
        default: Some(200.into()),
        ..MetaSchema::new_with_format("integer", "int32")
    };
    /// Seconds to wait for a change.
    WaitParam => MetaSchema {
        minimum: Some(0.0),
        maximum: Some(25.0),
        default: Some(0.into()),
        ..MetaSchema::new_with_format("integer", "int32")
    };
    /// Number of a change.
    NumberParam => MetaSchema {
        minimum: Some(1.0),
        ..MetaSchema::new_with_format("integer", "int64")
    };
    /// Kind of an object that changes.
    KindParam => MetaSchema {
        enum_items: vec!["task".into(), "list".into(), "account".into()],
        ..MetaSchema::new("string")
    };
    /// A text with rules of its own.
    TextParam => MetaSchema::new("string");
    /// Position in a list, where the next page begins.
    CursorParam => MetaSchema::new("string");
}

impl TaskIdParam {
    pub(super) fn parse(&self) -> Result<TaskId, Problem> {
        id(&self.0).map(TaskId::new)
    }
}

impl ListIdParam {
    pub(super) fn parse(&self) -> Result<ListId, Problem> {
        id(&self.0).map(ListId::new)
    }

    pub(super) fn into_string(self) -> String {
        self.0
    }
}

impl ListTasksParam {
    pub(super) fn parse(param: Option<&Self>) -> Result<TasksOfList, String> {
        match param.map(|Self(text)| text.as_str()) {
            Some("move") => Ok(TasksOfList::Move),
            Some("delete") => Ok(TasksOfList::Delete),
            Some(_) | None => Err("must be move or delete".to_owned()),
        }
    }
}

impl UserIdParam {
    pub(super) fn parse(&self) -> Result<UserId, Problem> {
        id(&self.0).map(UserId::new)
    }
}

impl RandomIdParam {
    /// Parses the id. `None` if it is malformed.
    pub(super) fn parse<T: FromStr>(&self) -> Option<T> {
        self.0.parse().ok()
    }
}

impl SearchParam {
    /// Maximum length of a search text, in characters, which the document counts too.
    const MAX_CHARS: usize = Email::MAX_BYTES;

    pub(super) fn parse(param: Option<&Self>) -> Result<Option<String>, String> {
        match param {
            Some(Self(text)) if text.chars().nth(Self::MAX_CHARS).is_some() => {
                Err(format!("must have at most {} characters", Self::MAX_CHARS))
            }
            Some(Self(text)) if text.is_empty() => Ok(None),
            Some(Self(text)) => Ok(Some(text.clone())),
            None => Ok(None),
        }
    }
}

/// Parses an id. A number that no item can have becomes 0, which names nothing; other text is an error.
fn id(text: &str) -> Result<u64, Problem> {
    if let Some(id) = whole_number(text).filter(|id| i64::try_from(*id).is_ok()) {
        return Ok(id);
    }
    let digits = text.strip_prefix('-').unwrap_or(text);
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(0);
    }
    let fault = FieldError::new("id", "must be a whole number");
    Err(Problem::invalid(vec![fault]))
}

impl SortParam {
    pub(super) fn into_string(self) -> String {
        self.0
    }
}

impl AccountSortParam {
    const ORDERS: [(&'static str, UserOrder); 3] = [
        ("-created_at", UserOrder::Newest),
        ("-bytes", UserOrder::Bytes),
        ("-tasks", UserOrder::Tasks),
    ];

    pub(super) fn parse(param: Option<&Self>) -> Result<UserOrder, String> {
        let Some(Self(text)) = param else { return Ok(UserOrder::Newest) };
        let found = Self::ORDERS.iter().find(|(name, _)| name == text);
        found
            .map(|(_, order)| *order)
            .ok_or_else(|| "must be -created_at, -bytes or -tasks".to_owned())
    }

    /// Returns the query parameter for an order, with a leading `&`.
    pub(super) const fn query(order: UserOrder) -> &'static str {
        match order {
            UserOrder::Newest => "",
            UserOrder::Bytes => "&sort=-bytes",
            UserOrder::Tasks => "&sort=-tasks",
        }
    }
}

impl PriorityParam {
    pub(super) fn into_string(self) -> String {
        self.0
    }
}

impl TextParam {
    pub(super) fn into_string(self) -> String {
        self.0
    }
}

impl CursorParam {
    pub(super) fn into_string(self) -> String {
        self.0
    }
}

impl ChangeLimitParam {
    pub(super) fn parse(param: Option<&Self>) -> Result<u16, String> {
        within(param.map(|it| it.0.as_str()), 1..=500, 200)
    }
}

impl WaitParam {
    pub(super) fn parse(param: Option<&Self>) -> Result<u16, String> {
        within(param.map(|it| it.0.as_str()), 0..=25, 0)
    }
}

impl KindParam {
    /// Returns the kinds that are wanted: all, if none are named.
    pub(super) fn parse(kinds: &[Self]) -> Result<ChangeKinds, String> {
        let has = |kind: &str| kinds.is_empty() || kinds.iter().any(|it| it.0 == kind);
        let is_known = |kind: &Self| matches!(&*kind.0, "task" | "list" | "account");
        if kinds.iter().all(is_known) {
            let (tasks, lists, account) = (has("task"), has("list"), has("account"));
            Ok(ChangeKinds { tasks, lists, account })
        } else {
            Err("must be task, list or account".to_owned())
        }
    }
}

impl NumberParam {
    pub(super) fn parse(param: Option<&Self>) -> Result<Option<u64>, String> {
        let Some(Self(text)) = param else { return Ok(None) };
        let is_one = |number: &u64| *number > 0 && i64::try_from(*number).is_ok();
        let number = whole_number(text).filter(is_one);
        number.map(Some).ok_or_else(|| "must be a positive whole number".to_owned())
    }
}

/// Parses a whole number in a range.
fn within(
    text: Option<&str>,
    range: RangeInclusive<u16>,
    default: u16,
) -> Result<u16, String> {
    let Some(text) = text else { return Ok(default) };
    let number = whole_number(text).and_then(|number| u16::try_from(number).ok());
    number.filter(|number| range.contains(number)).ok_or_else(|| {
        format!("must be a whole number from {} to {}", range.start(), range.end())
    })
}

impl SkipParam {
    pub(super) fn parse(param: Option<&Self>) -> Result<u64, String> {
        match param {
            None => Ok(0),
            Some(Self(text)) => whole_number(text)
                .filter(|skip| i64::try_from(*skip).is_ok())
                .ok_or_else(|| "must be a whole number, at least 0".to_owned()),
        }
    }
}

impl LimitParam {
    pub(super) fn parse(param: Option<&Self>) -> Result<u16, String> {
        let Some(Self(text)) = param else { return Ok(Page::DEFAULT_LIMIT) };
        whole_number(text)
            .and_then(|limit| u16::try_from(limit).ok())
            .filter(|limit| (1..=Page::MAX_LIMIT).contains(limit))
            .ok_or_else(|| {
                format!("must be a whole number from 1 to {}", Page::MAX_LIMIT)
            })
    }
}

impl CompletedParam {
    pub(super) fn parse(param: Option<&Self>) -> Result<Option<bool>, String> {
        let Some(Self(text)) = param else { return Ok(None) };
        let completed = Completed::parse(text).ok_or("must be true or false")?;
        Ok(Some(completed.0))
    }
}

impl FlagParam {
    pub(super) fn parse(param: Option<&Self>) -> Result<Option<bool>, String> {
        match param.map(|Self(text)| text.as_str()) {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => Err("must be true or false".to_owned()),
        }
    }
}

/// Reads the page that `skip` and `limit` select.
pub(super) fn page(
    faults: &mut Faults,
    skip: Option<&SkipParam>,
    limit: Option<&LimitParam>,
) -> Option<Page> {
    let skip = faults.take("skip", SkipParam::parse(skip));
    let limit = faults.take("limit", LimitParam::parse(limit));
    Some(Page { skip: skip?, limit: limit? })
}

/// Returns the `Link` header to the next page, if there is one
/// ([RFC 8288](https://www.rfc-editor.org/rfc/rfc8288)). `filter` holds the other query parameters, each with a
/// leading `&`.
pub(super) fn next_page(
    path: &str,
    filter: &str,
    page: Page,
    total: u64,
) -> Option<String> {
    let skip =
        page.skip.checked_add(u64::from(page.limit)).filter(|skip| *skip < total)?;
    let limit = page.limit;
    Some(format!("<{path}?skip={skip}&limit={limit}{filter}>; rel=\"next\""))
}

/// Joins names for an error: `a, b or c`.
pub(super) fn one_of<const N: usize>(names: [&str; N]) -> String {
    match names.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}

/// Percent-encodes a text as a query value.
pub(super) fn escape(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// Parses digits only: `parse` alone would accept a plus sign.
pub(super) fn whole_number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_no_task_can_have_name_no_task() {
        let parse = |text: &str| TaskIdParam(text.to_owned()).parse().map_err(|_| ());
        assert_eq!(parse("7"), Ok(TaskId::new(7)));
        for text in ["0", "-1", "9223372036854775808", "99999999999999999999999"] {
            assert_eq!(parse(text), Ok(TaskId::new(0)), "{text}");
        }
        for text in ["", "-", "abc", "+1", "1.0", "1e3", "0x1", " 1"] {
            assert_eq!(parse(text), Err(()), "{text}");
        }
    }
}
