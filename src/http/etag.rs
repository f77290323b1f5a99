//! Entity tags of tasks ([RFC 9110, section 8.8.3](https://www.rfc-editor.org/rfc/rfc9110#section-8.8.3)): the revision
//! in quotes, and strong.
//!
//! Proxies that compress an answer rename its tag: nginx makes `W/"3"` of `"3"`, Apache `"3-gzip"`. A client behind one
//! knows no other tag, and `If-Match` with it would fail for ever. A revision is one state of a task, however it is
//! encoded, so both forms name it. This is an exception to RFC 9110, section 13.1.1, by which weak tags match nothing.

use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaParamIn, MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};

use crate::domain::task::Task;

/// Suffixes that proxies add to the tag of an answer that they compress.
const CODINGS: [&[u8]; 8] = [
    b"--gzip",
    b"--br",
    b"--zstd",
    b"--deflate",
    b"-gzip",
    b"-br",
    b"-zstd",
    b"-deflate",
];

/// The tag of a task.
pub(super) fn of(task: &Task) -> String {
    format!("\"{}\"", task.revision)
}

/// Revisions that a header names.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// `*`: every revision.
    All,
    /// A list of tags, of which those that are none of ours name nothing.
    These(Vec<u64>),
}

impl Named {
    /// Reads `*` or a list of tags.
    pub(super) fn parse(text: &[u8]) -> Result<Self, String> {
        if text.trim_ascii() == b"*" {
            return Ok(Self::All);
        }
        list(text).map(Self::These).ok_or_else(|| {
            "must be entity tags such as \"3\", separated by commas, or *".to_owned()
        })
    }

    /// Whether a task is in one of these states.
    pub(super) fn names(&self, task: &Task) -> bool {
        match self {
            Self::All => true,
            Self::These(revisions) => revisions.contains(&task.revision),
        }
    }
}

/// A header of entity tags: all its lines as one list
/// ([RFC 9110, section 5.3](https://www.rfc-editor.org/rfc/rfc9110#section-5.3)), or nothing if it was not sent.
#[derive(Clone, Debug)]
pub(super) struct EntityTags(Option<Vec<u8>>);

impl EntityTags {
    /// The revisions that are named, if the header was sent.
    pub(super) fn parse(&self) -> Result<Option<Named>, String> {
        self.0.as_deref().map(Named::parse).transpose()
    }
}

impl<'a> ApiExtractor<'a> for EntityTags {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];
    const PARAM_IS_REQUIRED: bool = false;
    type ParamType = ();
    type ParamRawType = ();

    fn register(_registry: &mut Registry) {}

    fn param_in() -> Option<MetaParamIn> {
        Some(MetaParamIn::Header)
    }

    fn param_schema_ref() -> Option<MetaSchemaRef> {
        let schema = MetaSchema {
            pattern: Some(r#"^(\*|(W/)?"[!#-~]*"( ?, ?(W/)?"[!#-~]*")*)$"#.to_owned()),
            ..MetaSchema::new("string")
        };
        Some(MetaSchemaRef::Inline(Box::new(schema)))
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        param_opts: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let lines = request.headers().get_all(param_opts.name).iter();
        let lines: Vec<&[u8]> = lines.map(|line| line.as_bytes()).collect();
        Ok(Self((!lines.is_empty()).then(|| lines.join(&b','))))
    }
}

/// Revisions of a list of tags; nothing if it is no such list.
fn list(text: &[u8]) -> Option<Vec<u64>> {
    let (mut revisions, mut rest) = (Vec::new(), text.trim_ascii());
    while let Some(byte) = rest.first() {
        if *byte == b',' {
            rest = rest.get(1..)?.trim_ascii_start();
            continue;
        }
        let opaque = rest.strip_prefix(b"W/").unwrap_or(rest).strip_prefix(b"\"")?;
        let end = opaque.iter().position(|byte| *byte == b'"')?;
        let (opaque, after) = opaque.split_at_checked(end)?;
        if opaque.iter().any(|byte| byte.is_ascii_whitespace() || byte.is_ascii_control())
        {
            return None;
        }
        revisions.extend(revision(opaque));
        rest = after.get(1..)?.trim_ascii_start();
        if !rest.is_empty() && !rest.starts_with(b",") {
            return None;
        }
    }
    Some(revisions)
}

/// The revision that a tag stands for, if it is one of ours.
fn revision(opaque: &[u8]) -> Option<u64> {
    let plain = CODINGS.iter().find_map(|coding| opaque.strip_suffix(*coding));
    let plain = plain.unwrap_or(opaque);
    let is_ours = plain.iter().all(u8::is_ascii_digit) && !plain.starts_with(b"0");
    str::from_utf8(plain).ok().filter(|_| is_ours)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_of_ours_name_revisions_and_others_nothing() {
        for (text, named) in [
            (r#""3""#, vec![3]),
            (r#""1", W/"2" ,"x","4", "99999999999999999999""#, vec![1, 2, 4]),
            (r#" , "1",,"a,b" ,"#, vec![1]),
            (r#""7-gzip", "8--br", "9-", "10-gzip-gzip""#, vec![7, 8]),
            (r#""01", "+1", "-1", "1.0", "", "\u{fc}""#, vec![]),
            ("", vec![]),
        ] {
            assert_eq!(Named::parse(text.as_bytes()), Ok(Named::These(named)), "{text}");
        }
        assert_eq!(Named::parse(b" * "), Ok(Named::All));
    }

    #[test]
    fn a_text_that_is_no_list_of_tags_is_refused() {
        for text in [
            "3",
            "\"3",
            "w/\"3\"",
            "\"3\" \"4\"",
            "**",
            "*, \"3\"",
            "\"",
            "\"3 \"",
            "\u{fc}",
            "W/3",
            "W/",
            "\"\t\"",
        ] {
            assert!(Named::parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
