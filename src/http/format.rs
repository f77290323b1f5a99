//! Formats of request values: names by which schemas refer to rules that they cannot express.
//!
//! [`super::payload`] checks a value by its format together with all other fields, so that one response names every
//! invalid field. The document shows only the formats that OpenAPI knows.

use crate::domain::due::{Due, LocalTime};
use crate::domain::email::Email;
use crate::domain::label::Label;
use crate::domain::list::{Colour, Icon};
use crate::domain::password::Password;
use crate::domain::position::Position;
use crate::domain::recurrence::{RepeatFrom, Rule};
use crate::domain::tag::Tag;
use crate::domain::task::Title;
use crate::domain::time_zone::TimeZone;
use crate::domain::timestamp::Timestamp;
use crate::domain::uid::Uid;

pub(super) const EMAIL: &str = "email";
pub(super) const TIME: &str = "date-time";
/// A colour of a list.
pub(super) const COLOUR: &str = "duly-colour";
pub(super) const COMPLETED: &str = "duly-completed";
pub(super) const DUE: &str = "duly-due";
/// An icon of a list.
pub(super) const ICON: &str = "duly-icon";
/// A value that is accepted and ignored.
pub(super) const IGNORED: &str = "duly-ignored";
pub(super) const LABEL: &str = "duly-label";
/// A new password.
pub(super) const PASSWORD: &str = "duly-password";
/// A local time of day.
pub(super) const LOCAL_TIME: &str = "duly-local-time";
pub(super) const POSITION: &str = "duly-position";
pub(super) const REPEAT_FROM: &str = "duly-repeat-from";
pub(super) const RULE: &str = "duly-rule";
pub(super) const TAG: &str = "duly-tag";
pub(super) const TITLE: &str = "duly-title";
pub(super) const TIME_ZONE: &str = "duly-time-zone";
/// A unique name of a task.
pub(super) const UID: &str = "duly-uid";

/// Whether a format is known to this program only.
pub(super) fn is_internal(format: &str) -> bool {
    format.starts_with("duly-")
}

/// Checks a text by the rules of its format, if it has rules. The error completes a sentence that begins with the name
/// of the field.
pub(super) fn check(format: &str, text: &str) -> Option<Result<(), String>> {
    Some(match format {
        EMAIL => result(Email::new(text)),
        TIME => result(text.parse::<Timestamp>().map_err(
            |_| "must be a time such as 2030-05-01T12:00:00Z, from 1970 to 9999",
        )),
        COLOUR => result(Colour::parse(text)),
        DUE => result(Due::parse(text, &TimeZone::utc())),
        ICON => result(Icon::new(text)),
        LABEL => result(Label::typed(text)),
        LOCAL_TIME => result(LocalTime::parse(text)),
        PASSWORD => result(Password::check(text)),
        POSITION => result(Position::parse(text)),
        REPEAT_FROM => {
            result(RepeatFrom::from_name(text).ok_or("must be due or completion"))
        }
        RULE => result(Rule::parse(text)),
        TAG => result(Tag::new(text)),
        TITLE => result(Title::typed(text)),
        TIME_ZONE => result(TimeZone::new(text)),
        UID => result(Uid::new(text.to_owned())),
        _ => return None,
    })
}

fn result<T, E: ToString>(checked: Result<T, E>) -> Result<(), String> {
    checked.map(drop).map_err(|error| error.to_string())
}
