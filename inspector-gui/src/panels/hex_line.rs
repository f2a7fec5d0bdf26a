//! One line of the hex view: how it is laid out and tinted.

use std::ops::Range;

use eframe::egui::text::LayoutJob;
use eframe::egui::{Color32, FontId, Rect, Stroke, TextFormat, Ui, Vec2};
use framescope_capture::RowId;
use framescope_parser::Severity;

use super::colours;
use crate::models::ViewContext;
use crate::models::details::Details;
use crate::models::holes::hole_text;
use crate::models::view::Highlight;

/// Characters of a line before its first byte: the offset and two blanks.
const OFFSET_WIDTH: usize = 10;

/// What the bytes are coloured by.
pub(super) struct Tints<'d> {
    details: &'d Details,
    highlighted: Range<usize>,
    hovered: Range<usize>,
    /// The byte that the data inspector begins with.
    cursor: Option<usize>,
    /// What of a carrier's message is the selected one's.
    relevant: &'d [Range<usize>],
    /// What of a composed message was changed.
    changed: &'d [Range<usize>],
}

impl<'d> Tints<'d> {
    /// The colours of the selected message's bytes, or of those of a carrier's message around it.
    pub(super) fn new(
        context: ViewContext<'_>,
        details: &'d Details,
        of: Option<RowId>,
        relevant: &'d [Range<usize>],
    ) -> Tints<'d> {
        let range = |highlight: Option<&Highlight>| {
            let here = highlight.filter(|highlight| highlight.of == of);
            here.map(|highlight| highlight.range.clone()).unwrap_or_default()
        };
        let highlighted = range(context.view.highlighted());
        let cursor = context.view.cursor().filter(|at| highlighted.len() > 1 && highlighted.contains(at));
        let hovered = range(context.view.hovered());
        Tints { details, highlighted, hovered, cursor, relevant, changed: &[] }
    }

    /// The colours of a composed message's bytes, of which some were changed.
    pub(super) fn of_composed(
        details: &'d Details,
        highlighted: Range<usize>,
        hovered: Range<usize>,
        changed: &'d [Range<usize>],
    ) -> Tints<'d> {
        Tints { details, highlighted, hovered, cursor: None, relevant: &[], changed }
    }

    /// The tint of a byte's field.
    fn of(&self, at: usize) -> Option<usize> {
        let tints = &self.details.tints;
        let behind = tints.partition_point(|(range, _)| range.start <= at);
        let (range, tint) = tints.get(behind.checked_sub(1)?)?;
        range.contains(&at).then_some(*tint)
    }

    fn format(&self, at: usize, plain: &TextFormat, ui: &Ui) -> TextFormat {
        let visuals = ui.visuals();
        let mut format = plain.clone();
        if let Some(tint) = self.of(at) {
            format.background = colours::tint(tint, visuals);
        }
        if contains(self.relevant, at) {
            format.background = colours::carried(visuals);
        }
        if self.details.is_at_fault(at) {
            format.background = colours::at_fault(visuals);
            format.underline = Stroke::new(1.5, colours::severity(Severity::Error, visuals));
        }
        if self.hovered.contains(&at) {
            format.background = colours::hovered(visuals);
        }
        if self.highlighted.contains(&at) {
            format.background = colours::highlighted(visuals);
            format.color = visuals.strong_text_color();
        }
        if self.cursor == Some(at) {
            format.underline = Stroke::new(2.0, visuals.strong_text_color());
        }
        if contains(self.changed, at) {
            format.background = colours::changed(visuals);
        }
        format
    }
}

/// Whether a byte is in one of some ranges, which are in rising order.
fn contains(ranges: &[Range<usize>], at: usize) -> bool {
    let behind = ranges.partition_point(|range| range.start <= at);
    let last = behind.checked_sub(1).and_then(|last| ranges.get(last));
    last.is_some_and(|range| range.contains(&at))
}

/// Paints the line of a hole, and returns its text.
pub(super) fn paint_hole(
    ui: &Ui,
    range: &Range<usize>,
    tints: &Tints<'_>,
    font: &FontId,
    rect: Rect,
) -> String {
    let visuals = ui.visuals();
    let overlaps = |other: &Range<usize>| other.start < range.end && range.start < other.end;
    let (fill, colour) = if overlaps(&tints.highlighted) {
        (colours::highlighted(visuals), visuals.strong_text_color())
    } else if overlaps(&tints.hovered) {
        (colours::hovered(visuals), visuals.text_color())
    } else {
        (visuals.faint_bg_color, visuals.weak_text_color())
    };
    let text = format!("… {} …", hole_text(range));
    ui.painter().rect_filled(rect, 2, fill);
    // In the column of the first byte.
    let indent = ui.fonts_mut(|fonts| fonts.glyph_width(font, '0')) * 10.0;
    let galley = ui.fonts_mut(|fonts| fonts.layout_no_wrap(text.clone(), font.clone(), colour));
    ui.painter().galley(rect.min + Vec2::new(indent, 1.0), galley, colour);
    text
}

/// Paints lines between bytes of different segments. `start` is the offset of the first column, `size` that of a character.
pub(super) fn paint_segment_ends(
    ui: &Ui,
    details: &Details,
    grid: Grid,
    start: usize,
    bytes: Range<usize>,
    rect: Rect,
    size: Vec2,
) {
    let stroke = Stroke::new(2.0, colours::segment_end(ui.visuals()));
    for at in bytes.filter(|&at| details.is_cut_before(at)) {
        let byte = at - start;
        // Columns of a line are few.
        #[allow(clippy::cast_precision_loss)]
        let columns = [grid.hex_column(byte) as f32 - 0.5, grid.text_column(byte) as f32];
        for column in columns {
            let x = rect.left() + column * size.x;
            ui.painter().vline(x, rect.top()..=rect.top() + size.y, stroke);
        }
    }
}

/// The columns of a line: its offset, this many bytes in two halves, and the same as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Grid(usize);

impl Grid {
    /// Sixteen bytes on a line, or half as many if there is no room.
    pub(super) fn fitting(characters: f32) -> Grid {
        if characters >= Grid(16).width() + 3.0 { Grid(16) } else { Grid(8) }
    }

    /// How many bytes are on a line.
    pub(super) fn bytes(self) -> usize {
        self.0
    }

    pub(super) fn hex_column(self, byte: usize) -> usize {
        OFFSET_WIDTH + byte * 3 + usize::from(byte >= self.0 / 2)
    }

    fn text_column(self, byte: usize) -> usize {
        OFFSET_WIDTH + self.0 * 3 + 2 + byte
    }

    /// Characters of a line.
    // Columns of a line are few.
    #[allow(clippy::cast_precision_loss)]
    fn width(self) -> f32 {
        self.text_column(self.0) as f32
    }

    /// The byte at a column, in hexadecimal or as text.
    pub(super) fn byte_at(self, column: f32) -> Option<usize> {
        // Columns are few, and negative ones have no byte.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let column = column.max(0.0) as usize;
        let column = column.checked_sub(OFFSET_WIDTH)?;
        // There is a blank between the halves, and two before the text.
        let hex_width = self.0 * 3 + 1;
        let byte = if column < hex_width {
            let half = self.0 / 2 * 3;
            if column < half { column / 3 } else { (column - 1) / 3 }
        } else {
            column.checked_sub(hex_width + 1)?
        };
        (byte < self.0).then_some(byte)
    }
}

/// Lays a line out. `start` is the offset of the first column; `before` columns are empty.
pub(super) fn line_job(
    ui: &Ui,
    grid: Grid,
    before: usize,
    start: usize,
    bytes: &[u8],
    tints: &Tints<'_>,
    font: &FontId,
) -> LayoutJob {
    let visuals = ui.visuals();
    let plain = TextFormat::simple(font.clone(), visuals.text_color());
    let weak = TextFormat::simple(font.clone(), visuals.weak_text_color());
    // A blank between two bytes of the same field has its tint.
    let blank_after = |at: usize| {
        let (this, next) = (tints.format(at, &plain, ui), tints.format(at + 1, &plain, ui));
        let is_inside = this.background == next.background
            && tints.of(at) == tints.of(at + 1)
            && before + bytes.len() > at + 1 - start;
        if is_inside { TextFormat { underline: Stroke::NONE, ..this } } else { plain.clone() }
    };
    let mut job = LayoutJob::default();
    job.append(&format!("{start:08x}  "), 0.0, weak);
    let last_of_half = grid.0 / 2 - 1;
    for i in 0..grid.0 {
        let (at, blank) = (start + i, if i == last_of_half { "  " } else { " " });
        match i.checked_sub(before).and_then(|i| bytes.get(i)) {
            Some(byte) => {
                job.append(&format!("{byte:02x}"), 0.0, tints.format(at, &plain, ui));
                job.append(blank, 0.0, blank_after(at));
            }
            None => job.append(&format!("  {blank}"), 0.0, plain.clone()),
        }
    }
    job.append(&" ".repeat(1 + before), 0.0, plain.clone());
    for (i, &byte) in bytes.iter().enumerate() {
        let (text, is_text) = match byte {
            0x20..=0x7e => (char::from(byte).to_string(), true),
            _ => (".".to_owned(), false),
        };
        let mut format = tints.format(start + before + i, &plain, ui);
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
    fn a_column_leads_to_its_byte() {
        // As `line_job` lays it out: "00000000  00 11 .. 77  88 .. ff  text".
        for grid in [Grid(16), Grid(8)] {
            assert_eq!(grid.byte_at(3.0), None);
            for byte in 0..grid.0 {
                let (hex, text) = (grid.hex_column(byte), grid.text_column(byte));
                assert_eq!(grid.byte_at(hex as f32 + 0.5), Some(byte), "hex of {byte}");
                assert_eq!(grid.byte_at(hex as f32 + 1.5), Some(byte), "hex of {byte}");
                assert_eq!(grid.byte_at(text as f32 + 0.5), Some(byte), "text of {byte}");
            }
            assert_eq!(grid.byte_at(grid.width() + 0.5), None);
        }
    }
}
