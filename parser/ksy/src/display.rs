//! Values as people read them, shortened.

use framescope_parser::Value;

use crate::plan::{Attr, NodeId, Piece, Plan, Shape, Style, TypeId};

/// The most values of a summary that the author did not write.
const MOST_NAMED: u32 = 4;
/// The length in bytes at which a summary stops.
const LONGEST_SUMMARY: usize = 300;

/// The summary of a structure. `written` gives a value as it appears there; empty if it is not present.
pub(crate) fn summary(plan: &Plan, ty: TypeId, mut written: impl FnMut(NodeId, &Style) -> String) -> String {
    let mut text = String::new();
    let mut named = 0;
    for piece in &plan.type_of(ty).summary {
        match piece {
            Piece::Text(piece) => text.push_str(piece),
            Piece::Value(node, style) => text.push_str(&written(*node, style)),
            Piece::Named(sym, node) => {
                let written = written(*node, &Style::Plain);
                if !written.is_empty() {
                    let comma = if named == 0 { "" } else { ", " };
                    text.push_str(&format!("{comma}{} {written}", plan.name(*sym)));
                    named += 1;
                }
            }
        }
        if text.len() > LONGEST_SUMMARY || named == MOST_NAMED {
            break;
        }
    }
    text.trim().to_owned()
}

/// Text as it appears in a summary.
pub(crate) fn short_text(text: &str) -> String {
    const LONGEST: usize = 80;
    let end = match text.len() > LONGEST {
        true => text.char_indices().nth(LONGEST).map(|(at, _)| at),
        false => None,
    };
    let shown = end.and_then(|end| text.get(..end)).unwrap_or(text);
    // There is hardly ever anything to replace.
    let is_plain = shown.bytes().fold(true, |plain, byte| plain & matches!(byte, b' '..=b'~'));
    let mut short = match is_plain {
        true => shown.to_owned(),
        false => shown.replace(char::is_control, " "),
    };
    if end.is_some() {
        short.push('…');
    }
    short
}

/// The first bytes in hexadecimal.
pub(crate) fn short_bytes(bytes: &[u8]) -> String {
    let more = if bytes.len() > 16 { "…" } else { "" };
    let shown: Vec<String> = bytes.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("{}{more}", shown.join(" "))
}

/// A whole number as it is reported.
pub(crate) fn whole_number(attr: &Attr, n: i128) -> Value<'static> {
    match (u64::try_from(n), i64::try_from(n)) {
        (Ok(n), _) if attr.hex => Value::Hex(n),
        (Ok(n), _) if !is_signed(&attr.shape) || attr.value.is_some() => Value::Unsigned(n),
        (_, Ok(n)) => Value::Signed(n),
        (Ok(n), _) => Value::Unsigned(n),
        _ => Value::Wide(n.into()),
    }
}

fn is_signed(shape: &Shape) -> bool {
    matches!(shape, Shape::Int { signed: true, .. })
}

#[cfg(test)]
mod tests {
    use super::{short_bytes, short_text};

    #[test]
    fn long_text_is_cut_at_a_character_and_control_characters_are_blanks() {
        assert_eq!(short_text("a\nb"), "a b");
        let long = short_text(&"ä".repeat(100));
        assert_eq!((long.chars().count(), long.ends_with('…')), (81, true));
    }

    #[test]
    fn the_first_sixteen_bytes_are_shown() {
        assert_eq!(short_bytes(&[1, 0xff]), "01 ff");
        assert!(short_bytes(&[0; 17]).ends_with("00…"));
    }
}
