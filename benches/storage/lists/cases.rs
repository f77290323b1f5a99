//! Queries of the table, and the tasks that they find.

use ::duly::domain::due::{Due, DueRange};
use ::duly::domain::priority::Priority;
use ::duly::domain::tag::{Tag, Tags};
use ::duly::domain::task::{
    NewTask, Start, TaskFilter, TaskOrder, TaskQuery, TaskSort, Title,
};
use ::duly::domain::time_zone::TimeZone;
use ::duly::domain::words::Words;

use crate::data::time;

/// Number of tasks that fulfil a rare condition.
const RARE: usize = 50;

/// List to be measured.
pub(super) struct Case {
    pub(super) name: &'static str,
    filter: TaskFilter,
    order: TaskOrder,
    /// Whether the page starts in the middle of all tasks, which all match.
    is_half_way: bool,
}

impl Case {
    /// Returns the query for a page of 50.
    pub(super) fn query(self, size: usize) -> TaskQuery {
        let skip = if self.is_half_way { size / 2 } else { 0 };
        let start = Start::Skip(u64::try_from(skip).unwrap());
        let home = TimeZone::utc();
        TaskQuery { filter: self.filter, order: self.order, home, start, limit: 50 }
    }
}

/// Task with a number.
pub(super) fn task(n: usize) -> NewTask {
    let is_rare = (1..=RARE).contains(&n);
    let word = if is_rare { "zebra" } else { "cow" };
    let title = Title::new(format!("Buy {n} bottles of milk for the {word}")).unwrap();
    let day = if is_rare {
        "2029-12-01".to_owned()
    } else {
        format!("2030-{:02}-{:02}", 1 + n % 12, 1 + n % 28)
    };
    let tags = [Some("common"), is_rare.then_some("rare")];
    let tags = tags.into_iter().flatten().map(|tag| Tag::new(tag).unwrap()).collect();
    NewTask {
        completed: !is_rare && n.is_multiple_of(2),
        due: Due::parse(&day, &TimeZone::utc()).ok(),
        priority: if is_rare { Priority::Urgent } else { Priority::None },
        tags: Tags::new(tags).unwrap(),
        ..NewTask::new(title, time(n))
    }
}

/// Returns the lists, in the order of the table.
pub(super) fn cases() -> Vec<Case> {
    let by = TaskOrder::by;
    let newest = TaskOrder::NEWEST;
    let all = TaskFilter::ALL;
    let tag =
        |tag: &str| TaskFilter { tags: vec![Tag::new(tag).unwrap()], ..TaskFilter::ALL };
    let words =
        |text| TaskFilter { words: Words::parse(text).unwrap(), ..TaskFilter::ALL };
    let before = |day: &str| {
        let zone = TimeZone::utc();
        let bound = Due::parse(day, &zone).unwrap();
        TaskFilter {
            due: Some(DueRange::before(&bound, &zone)),
            ..TaskFilter::completed(Some(false))
        }
    };
    let urgent = TaskFilter { priorities: vec![Priority::Urgent], ..TaskFilter::ALL };
    let both = TaskFilter { completed: Some(false), ..tag("common") };
    let mixed = TaskFilter { priorities: vec![Priority::None], ..tag("common") };
    let word_and_tag = TaskFilter { words: words("milk").words, ..tag("common") };
    let case = |name, filter, order| Case { name, filter, order, is_half_way: false };
    let half_way = case("word (broad), from half way", words("milk"), newest);
    vec![
        case("newest first", all.clone(), newest),
        case("open", TaskFilter::completed(Some(false)), newest),
        case("urgent (rare)", urgent.clone(), newest),
        case("urgent by title (rare)", urgent, by(TaskSort::Title, false)),
        case("tag (rare)", tag("rare"), newest),
        case("tag (broad)", tag("common"), newest),
        case("tag, open (broad)", both, newest),
        case("word (rare)", words("zebra"), newest),
        case("beginning of a word (rare)", words("zeb*"), newest),
        case("two words, one broad (rare)", words("milk zebra"), newest),
        case("word (broad)", words("milk"), newest),
        case("beginning of a word (broad)", words("mil*"), newest),
        Case { is_half_way: true, ..half_way },
        case("word and tag (broad)", word_and_tag, newest),
        case("overdue (rare)", before("2030-01-01"), by(TaskSort::Due, false)),
        case("overdue, newest (rare)", before("2030-01-01"), newest),
        case("due this year (broad)", before("2031-01-01"), by(TaskSort::Due, false)),
        case("by due", all.clone(), by(TaskSort::Due, false)),
        case("by priority, urgent first", all.clone(), by(TaskSort::Priority, true)),
        case("by last change", all.clone(), by(TaskSort::Updated, true)),
        case("by position", all.clone(), by(TaskSort::Position, false)),
        case("by title", all, by(TaskSort::Title, false)),
        case("tag and priority (broad)", mixed, newest),
    ]
}
