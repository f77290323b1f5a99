//! Names in requests.

use poem_openapi::registry::MetaSchema;

use super::format;
use super::wire::text_type;
use crate::domain::label::Label;

/// Pattern of names: no control characters, and at least one character with a shape that is not white space
/// ([`is_visible`]; not expressed beyond U+FFFF). Spelled out, since `\s` differs between regex dialects.
///
/// [`is_visible`]: crate::domain::visible::is_visible
const LABEL_PATTERN: &str = concat!(
    r"^[^\u0000-\u001f\u007f-\u009f]*",
    r"[^\u0000-\u0020\u007f-\u00a0\u00ad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200f",
    r"\u2028-\u202f\u205f-\u206f\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb]",
    r"[^\u0000-\u001f\u007f-\u009f]*$",
);

text_type!(
    /// A name in a request, checked by [`Label::typed`].
    LabelText,
    "string_label",
    MetaSchema {
        min_length: Some(1),
        max_length: Some(Label::MAX_CHARS),
        pattern: Some(LABEL_PATTERN.to_owned()),
        ..MetaSchema::new_with_format("string", format::LABEL)
    }
);
