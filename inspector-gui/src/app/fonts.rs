//! What helps where a character can't be shown.

/// Whether a font could have a character: damaged bytes make many that none has.
pub(super) fn is_of_a_script(c: char) -> bool {
    c.is_alphanumeric()
        || matches!(c, '\u{2E80}'..='\u{9FFF}' | '\u{FF00}'..='\u{FFEF}' | '\u{1F300}'..='\u{1FAFF}')
}

/// What helps where a character can't be shown.
pub(super) fn missing_font_text(c: char) -> String {
    let what = match c {
        '\u{2E80}'..='\u{9FFF}'
        | '\u{AC00}'..='\u{D7FF}'
        | '\u{F900}'..='\u{FAFF}'
        | '\u{FF00}'..='\u{FFEF}' => {
            "Chinese, Japanese and Korean need a font, such as the package fonts-noto-cjk"
        }
        '\u{1F000}'..='\u{1FAFF}' => {
            "some emoji need a font with outlines, such as the package fonts-symbola"
        }
        _ => {
            return format!(
                "no font has '{}' (U+{:04X}); the package fonts-noto-core has most",
                c,
                u32::from(c)
            );
        }
    };
    what.to_owned()
}
