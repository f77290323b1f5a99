//! Visibility of texts.

/// Error message for a text without a visible character. Follows the name of the field.
pub const INVISIBLE: &str = "must contain a visible character";

/// Whether a text has a visible character.
///
/// White space, control characters and characters without a shape are not visible. The last are
/// `Default_Ignorable_Code_Point` in
/// [DerivedCoreProperties.txt](https://www.unicode.org/Public/UCD/latest/ucd/DerivedCoreProperties.txt), interlinear
/// annotations, and the blank Braille pattern.
///
/// ```
/// use duly::domain::visible::is_visible;
/// assert!(is_visible(" .") && is_visible("\u{1F389}"));
/// assert!(!is_visible(" \t") && !is_visible("\u{200B}") && !is_visible(""));
/// ```
pub fn is_visible(text: &str) -> bool {
    text.chars().any(|c| !c.is_whitespace() && !c.is_control() && !is_blank(c))
}

const fn is_blank(c: char) -> bool {
    matches!(
        c,
        '\u{AD}'
            | '\u{34F}'
            | '\u{61C}'
            | '\u{115F}'..='\u{1160}'
            | '\u{17B4}'..='\u{17B5}'
            | '\u{180B}'..='\u{180F}'
            | '\u{200B}'..='\u{200F}'
            | '\u{202A}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{FE00}'..='\u{FE0F}'
            | '\u{FEFF}'
            | '\u{FFA0}'
            | '\u{FFF0}'..='\u{FFFB}'
            | '\u{1BCA0}'..='\u{1BCA3}'
            | '\u{1D173}'..='\u{1D17A}'
            | '\u{E0000}'..='\u{E0FFF}'
    )
}
