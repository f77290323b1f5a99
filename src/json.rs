//! Texts and numbers in JSON, appended to bytes.

use serde::Serialize;

/// Appends a text as a JSON string.
///
/// serde looks for characters to escape one by one. Most texts have none, and a loop without an early return compares
/// many bytes at once.
pub fn write_text(bytes: &mut Vec<u8>, text: &str) {
    let escaped = text.bytes().fold(0, |found, byte| {
        found | u8::from(byte < b' ') | u8::from(byte == b'"') | u8::from(byte == b'\\')
    });
    if escaped == 0 {
        write_plain(bytes, text.as_bytes());
    } else {
        write(bytes, text);
    }
}

/// Appends a text as a JSON string, if none of its characters must be escaped.
pub fn write_plain(bytes: &mut Vec<u8>, text: &[u8]) {
    bytes.push(b'"');
    bytes.extend_from_slice(text);
    bytes.push(b'"');
}

/// Appends a text, a number or a boolean as JSON.
pub fn write<T: Serialize + ?Sized>(bytes: &mut Vec<u8>, value: &T) {
    serde_json::to_writer(bytes, value).expect("memory takes every scalar");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_is_written_as_serde_does() {
        let all = (0..=0xA0).chain([0x2028, 0xFEFF, 0xFFFF, 0x1F600]);
        for char in all.filter_map(char::from_u32) {
            let among = format!("{}{char}{char}\u{e9}", "x".repeat(37));
            for text in [String::from(char), among] {
                let mut bytes = Vec::new();
                write_text(&mut bytes, &text);
                assert_eq!(bytes, serde_json::to_vec(&text).unwrap(), "{text:?}");
            }
        }
    }
}
