//! What helps if a character has no font.

/// Whether a font could have a character. Damaged bytes make many that none has.
pub(super) fn is_of_a_script(c: char) -> bool {
    c.is_alphanumeric()
        || matches!(c, '\u{2E80}'..='\u{9FFF}' | '\u{FF00}'..='\u{FFEF}' | '\u{1F300}'..='\u{1FAFF}')
}

/// Which package to install for a character.
pub(super) fn missing_font_text(c: char) -> String {
    match c {
        '\u{2E80}'..='\u{9FFF}'
        | '\u{AC00}'..='\u{D7FF}'
        | '\u{F900}'..='\u{FAFF}'
        | '\u{FF00}'..='\u{FFEF}' => {
            "No font for Chinese, Japanese or Korean; install one such as fonts-noto-cjk".to_owned()
        }
        '\u{1F000}'..='\u{1FAFF}' => {
            "No font for some emoji; install one with outlines such as fonts-symbola".to_owned()
        }
        c => format!("No font for '{c}' (U+{:04X}); fonts-noto-core has most characters", u32::from(c)),
    }
}
