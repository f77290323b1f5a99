//! Entity tags of tasks and lists ([RFC 9110, section 8.8.3](https://www.rfc-editor.org/rfc/rfc9110#section-8.8.3)): the
//! revision in quotes, as a strong tag.
//!
//! Proxies that compress a response rename its tag: nginx turns `"3"` into `W/"3"`, Apache into `"3-gzip"`. A client
//! behind one knows no other tag, so `If-Match` would always fail. A revision is one state of a task or list in any
//! encoding, so both forms match it. This is an exception to RFC 9110, section 13.1.1, by which weak tags never match.

use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaParamIn, MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};

/// Suffixes that proxies add to the tag of a response that they compress.
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

/// Returns the tag of a revision.
pub(super) fn of(revision: u64) -> String {
    format!("\"{revision}\"")
}

/// Revisions named in a header.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// `*`: every revision.
    All,
    /// Revisions of a list of tags; tags of other servers are left out.
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

    /// Whether a revision is one of these.
    pub(super) fn names(&self, revision: u64) -> bool {
        match self {
            Self::All => true,
            Self::These(revisions) => revisions.contains(&revision),
        }
    }
}

/// Header of entity tags: all its lines as one list
/// ([RFC 9110, section 5.3](https://www.rfc-editor.org/rfc/rfc9110#section-5.3)), or `None` if it was not sent.
#[derive(Clone, Debug)]
pub(super) struct EntityTags(Option<Vec<u8>>);

impl EntityTags {
    /// Returns the named revisions, if the header was sent.
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

/// Parses the revisions of a list of tags. `None` if it is malformed.
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

/// Returns the revision of a tag, if the tag is one of ours.
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
