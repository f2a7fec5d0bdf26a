//! The bytes of the selected message, as hexadecimal and as text. Only the lines that are seen are laid out.

use std::ops::Range;

use eframe::egui::text::LayoutJob;
use eframe::egui::{Color32, FontId, Label, ScrollArea, Sense, TextFormat, Ui};

use super::Command;
use super::fields::byte_range;
use crate::colours;
use crate::view::Details;

const BYTES_A_LINE: usize = 16;
/// Characters of a line before its first byte: the offset and two blanks.
const OFFSET_WIDTH: usize = 10;

pub(crate) fn show(
    ui: &mut Ui,
    details: &Details,
    selected: Option<(Range<usize>, Option<&str>)>,
    commands: &mut Vec<Command>,
) {
    ui.add_space(4.0);
    ui.horizontal(|ui| {
        ui.strong("Bytes");
        match &selected {
            Some((range, Some(path))) => ui.label(format!("{path}: {}", byte_range(range))),
            Some((range, None)) => ui.label(format!("marked: {}", byte_range(range))),
            None => ui.weak(format!("{} in this message; click one to see its field", details.bytes.len())),
        };
    });
    ui.separator();
    let font = FontId::monospace(13.0);
    let (width, height) = ui.fonts_mut(|fonts| (fonts.glyph_width(&font, '0'), fonts.row_height(&font)));
    let lines = details.bytes.len().div_ceil(BYTES_A_LINE);
    let marked = selected.map(|(range, _)| range).unwrap_or_default();
    let area = ScrollArea::both().id_salt("bytes").auto_shrink([false, false]);
    area.show_rows(ui, height, lines, |ui, range| {
        for line in range {
            let start = line * BYTES_A_LINE;
            let bytes = details.bytes.get(start..).unwrap_or_default();
            let bytes = bytes.get(..BYTES_A_LINE).unwrap_or(bytes);
            let job = line_job(ui, start, bytes, &marked, details, &font);
            let response = ui.add(Label::new(job).selectable(false).extend().sense(Sense::click()));
            if response.clicked()
                && let Some(pointer) = response.interact_pointer_pos()
                && let Some(byte) = byte_at((pointer.x - response.rect.left()) / width, bytes.len())
            {
                commands.push(Command::SelectByte(start + byte));
            }
        }
    });
}

/// Which byte of a line stands at a column, in the hexadecimal or in the text.
fn byte_at(column: f32, length: usize) -> Option<usize> {
    // Columns of a line are few: the number is small and not negative where it matters.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let column = column.max(0.0) as usize;
    let column = column.checked_sub(OFFSET_WIDTH)?;
    // A blank stands between the halves, and two before the text.
    let hex_width = BYTES_A_LINE * 3 + 1;
    let byte = if column < hex_width {
        let half = BYTES_A_LINE / 2 * 3;
        if column < half { column / 3 } else { (column - 1) / 3 }
    } else {
        column.checked_sub(hex_width + 1)?
    };
    (byte < length).then_some(byte)
}

fn line_job(
    ui: &Ui,
    start: usize,
    bytes: &[u8],
    marked: &Range<usize>,
    details: &Details,
    font: &FontId,
) -> LayoutJob {
    let visuals = ui.visuals();
    let plain = TextFormat::simple(font.clone(), visuals.text_color());
    let weak = TextFormat::simple(font.clone(), visuals.weak_text_color());
    let format_of = |at: usize| {
        let mut format = plain.clone();
        if marked.contains(&at) {
            format.background = colours::marked(visuals);
            format.color = visuals.strong_text_color();
        } else if details
            .problems
            .iter()
            .any(|problem| problem.range.contains(&at) && problem.range.len() < details.bytes.len())
        {
            format.background = colours::at_fault(visuals);
        }
        format
    };
    let blank_between = |at: usize| {
        let joined = format_of(at).background == format_of(at + 1).background && bytes.len() > at + 1 - start;
        if joined { format_of(at) } else { plain.clone() }
    };
    let mut job = LayoutJob::default();
    job.append(&format!("{start:08x}  "), 0.0, weak);
    for i in 0..BYTES_A_LINE {
        let at = start + i;
        match bytes.get(i) {
            Some(byte) => {
                job.append(&format!("{byte:02x}"), 0.0, format_of(at));
                job.append(if i == 7 { "  " } else { " " }, 0.0, blank_between(at));
            }
            None => job.append(if i == 7 { "    " } else { "   " }, 0.0, plain.clone()),
        }
    }
    job.append(" ", 0.0, plain.clone());
    for (i, &byte) in bytes.iter().enumerate() {
        let (text, is_text) = match byte {
            0x20..=0x7e => (char::from(byte).to_string(), true),
            _ => (".".to_owned(), false),
        };
        let mut format = format_of(start + i);
        if !is_text && format.background == Color32::TRANSPARENT {
            format.color = visuals.weak_text_color();
        }
        job.append(&text, 0.0, format);
    }
    job
}

#[cfg(test)]
mod tests {
    #![allow(clippy::cast_precision_loss)]

    use super::*;

    #[test]
    fn a_column_leads_to_the_byte_that_stands_there() {
        // As `line_job` lays a line out: "00000000  00 11 .. 77  88 .. ff  text".
        assert_eq!(byte_at(3.0, 16), None);
        for byte in 0..16 {
            let hex = OFFSET_WIDTH + byte * 3 + usize::from(byte >= 8);
            let text = OFFSET_WIDTH + 16 * 3 + 1 + 1 + byte;
            assert_eq!(byte_at(hex as f32 + 0.5, 16), Some(byte), "hex of {byte}");
            assert_eq!(byte_at(hex as f32 + 1.5, 16), Some(byte), "hex of {byte}");
            assert_eq!(byte_at(text as f32 + 0.5, 16), Some(byte), "text of {byte}");
        }
        assert_eq!(byte_at(OFFSET_WIDTH as f32 + 15.0, 5), None);
    }
}
