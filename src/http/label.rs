//! How names look in requests.

use poem_openapi::registry::MetaSchema;

use super::format;
use super::wire::text_type;
use crate::domain::label::Label;

/// No control characters, and one at least that is no white space. Spelled out, since `\s` is not the same to all
/// who read patterns.
const LABEL_PATTERN: &str = concat!(
    r"^[^\u0000-\u001f\u007f-\u009f]*",
    r"[^\u0000-\u0020\u007f-\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]",
    r"[^\u0000-\u001f\u007f-\u009f]*$",
);

text_type!(
    /// A name in a request, checked by [`Label::new`].
    LabelText,
    "string_label",
    MetaSchema {
        min_length: Some(1),
        max_length: Some(Label::MAX_CHARS),
        pattern: Some(LABEL_PATTERN.to_owned()),
        ..MetaSchema::new_with_format("string", format::LABEL)
    }
);
