//! The bytes of the selected message, as hexadecimal and as text, each field in its own tint, with the places where one
//! segment ends and the next begins. What was not captured is one line, however long it is. Only the lines that are seen are
//! laid out.

use std::ops::Range;

use eframe::egui::accesskit::Role;
use eframe::egui::text::LayoutJob;
use eframe::egui::{
    Color32, FontId, Label, Pos2, Rect, RichText, Sense, Stroke, TextFormat, Ui, Vec2, WidgetInfo,
};

use super::fields::{byte_range, leaves, place_text};
use super::list::{self, Scroll};
use super::{Command, Look, grouped};
use crate::colours;
use crate::copying::{CopyAs, range_as};
use crate::details::Details;
use crate::holes::{HexLine, HexLines, hole_text};
use crate::view::{Marked, field_at};

/// Characters of a line before its first byte: the offset and two blanks.
const OFFSET_WIDTH: usize = 10;

/// What the bytes remember from frame to frame.
#[derive(Debug, Default)]
pub(crate) struct Hex {
    scroll: Scroll,
    /// The byte that the pointer was pressed on, while it is dragged.
    anchor: Option<usize>,
    /// The bytes that were brought into sight last.
    shown: Option<(u32, Range<usize>)>,
}

/// What every byte is coloured by.
struct Tints<'d> {
    details: &'d Details,
    /// Ranges of fields, in rising order, with their tints.
    fields: Vec<(Range<usize>, usize)>,
    marked: Range<usize>,
    hovered: Range<usize>,
}

impl<'d> Tints<'d> {
    fn new(look: Look<'_>, details: &'d Details) -> Tints<'d> {
        let mut fields: Vec<(Range<usize>, usize)> = leaves(&details.fields)
            .into_iter()
            .enumerate()
            .filter(|(_, leaf)| !leaf.range.is_empty())
            .map(|(tint, leaf)| (leaf.range.clone(), tint))
            .collect();
        fields.sort_by_key(|(range, _)| range.start);
        let range = |marked: Option<&Marked>| marked.map(|marked| marked.range.clone()).unwrap_or_default();
        Tints { details, fields, marked: range(look.view.marked()), hovered: range(look.view.hovered()) }
    }

    fn of(&self, at: usize) -> Option<usize> {
        let behind = self.fields.partition_point(|(range, _)| range.start <= at);
        let (range, tint) = self.fields.get(behind.checked_sub(1)?)?;
        range.contains(&at).then_some(*tint)
    }

    fn is_at_fault(&self, at: usize) -> bool {
        self.details.is_at_fault(at)
    }
}

pub(crate) fn show(
    ui: &mut Ui,
    look: Look<'_>,
    details: &Details,
    hex: &mut Hex,
    commands: &mut Vec<Command>,
) {
    let marked = look.view.marked();
    header(ui, details, marked, commands);
    let font = FontId::monospace(13.0);
    let (width, height) =
        ui.fonts_mut(|fonts| (fonts.glyph_width(&font, '0'), fonts.row_height(&font) + 2.0));
    // Half as many where there is no room for sixteen.
    let grid = if ui.available_width() >= Grid(16).width() * width + 20.0 { Grid(16) } else { Grid(8) };
    let lines = HexLines::new(details.captured().length(), &details.missing, grid.0);
    let count = lines.count();
    let tints = Tints::new(look, details);
    // What was marked elsewhere is brought into sight, once.
    let now = marked.map(|marked| (details.row, marked.range.clone()));
    let to_show = now
        .as_ref()
        .filter(|now| hex.shown.as_ref() != Some(now))
        .and_then(|(_, range)| lines.line_of(range.start));
    hex.shown = now;
    let mut anchor = hex.anchor;
    list::show(ui, "Bytes", &mut hex.scroll, count, to_show, &mut |_| height, &mut |ui, line, rect| {
        let range = match lines.line(line) {
            Some(HexLine::Bytes(range)) => range,
            Some(HexLine::Hole(range)) => {
                let response = hole(ui, &range, &tints, &font, rect, line);
                if response.clicked() {
                    commands.push(Command::MarkBytes(range.clone()));
                }
                if response.hovered() {
                    let path = details.smallest_field(&range).map(|field| field.path.clone());
                    commands.push(Command::Hover(Marked { range: range.clone(), path }));
                }
                response
                    .on_hover_text_at_pointer(place_text(details, &range))
                    .context_menu(|ui| copy_menu(ui, details, marked, commands));
                return;
            }
            None => return,
        };
        let start = lines.first_column(&range);
        let bytes = details.bytes_of(&range);
        let job = line_job(ui, grid, range.start - start, start, bytes, &tints, &font);
        let spoken = job.text.clone();
        let galley = ui.fonts_mut(|fonts| fonts.layout_job(job));
        let place = Rect::from_min_size(rect.min, Vec2::new(galley.size().x, height));
        let response = ui.interact(place, ui.scope_id().with(("line", line)), Sense::click_and_drag());
        response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &spoken));
        ui.painter().galley(rect.min + Vec2::new(0.0, 1.0), galley, ui.visuals().text_color());
        paint_cuts(ui, details, grid, start, range, rect, (width, height));
        let byte_under = |pointer: Pos2| {
            let row = ((pointer.y - rect.top()) / height).floor();
            // Lines that are seen are few.
            #[allow(clippy::cast_possible_truncation)]
            let line = line.checked_add_signed(row as isize)?;
            let HexLine::Bytes(range) = lines.line(line)? else { return None };
            let at = lines.first_column(&range) + grid.byte_at((pointer.x - rect.left()) / width)?;
            range.contains(&at).then_some(at)
        };
        if response.drag_started() {
            anchor = ui.input(|input| input.pointer.press_origin()).and_then(byte_under);
        }
        if response.dragged()
            && let (Some(from), Some(to)) = (anchor, response.interact_pointer_pos().and_then(byte_under))
            && from != to
        {
            commands.push(Command::Mark(Some(Marked { range: from.min(to)..from.max(to) + 1, path: None })));
        }
        let under = response.hover_pos().and_then(byte_under);
        if response.clicked()
            && let Some(byte) = response.interact_pointer_pos().and_then(byte_under)
        {
            commands.push(Command::Mark(Some(field_at(details, byte))));
        }
        if let Some(byte) = under {
            let field = field_at(details, byte);
            let about = match &field.path {
                Some(path) => format!("{path}\n{}", place_text(details, &(byte..byte + 1))),
                None => place_text(details, &(byte..byte + 1)),
            };
            commands.push(Command::Hover(field));
            response.clone().on_hover_text_at_pointer(about);
        }
        response.context_menu(|ui| copy_menu(ui, details, marked, commands));
    });
    hex.anchor = anchor.filter(|_| ui.input(|input| input.pointer.any_down()));
}

fn header(ui: &mut Ui, details: &Details, marked: Option<&Marked>, commands: &mut Vec<Command>) {
    ui.add_space(4.0);
    ui.horizontal(|ui| {
        ui.strong("Bytes");
        ui.menu_button("Copy bytes", |ui| copy_menu(ui, details, marked, commands));
        let text = match marked {
            Some(Marked { range, path: Some(path) }) => {
                RichText::new(format!("{path}: {}", byte_range(range)))
            }
            Some(Marked { range, path: None }) => RichText::new(format!("marked: {}", byte_range(range))),
            None => {
                let segments = match details.segments.len() {
                    0 | 1 => String::new(),
                    count => format!(" from {count} segments, cut where the lines are"),
                };
                let message = details.captured();
                let count = message.length();
                let missing = match message.missing_bytes() {
                    0 => String::new(),
                    missing => format!("; {} of them were not captured", grouped(missing)),
                };
                let text = format!("{count} in this message{segments}{missing}; click one to see its field");
                RichText::new(text).weak()
            }
        };
        ui.add(Label::new(text).truncate());
    });
    ui.separator();
}

fn copy_menu(ui: &mut Ui, details: &Details, marked: Option<&Marked>, commands: &mut Vec<Command>) {
    let message = details.captured();
    let range = marked.map_or(0..message.length(), |marked| marked.range.clone());
    ui.label(if marked.is_some() { "The marked bytes as" } else { "All bytes as" });
    for (form, name) in CopyAs::ALL {
        let name = if form == CopyAs::Value { "Text" } else { name };
        if ui.button(name).clicked() {
            commands.push(Command::CopyIf(range_as(&message, &range, form)));
            ui.close();
        }
    }
}

/// The line of bytes that were not captured.
fn hole(
    ui: &Ui,
    range: &Range<usize>,
    tints: &Tints<'_>,
    font: &FontId,
    rect: Rect,
    line: usize,
) -> eframe::egui::Response {
    let visuals = ui.visuals();
    let overlaps = |other: &Range<usize>| other.start < range.end && range.start < other.end;
    let (ground, colour) = if overlaps(&tints.marked) {
        (colours::marked(visuals), visuals.strong_text_color())
    } else if overlaps(&tints.hovered) {
        (colours::hovered(visuals), visuals.text_color())
    } else {
        (visuals.faint_bg_color, visuals.weak_text_color())
    };
    let text = format!("… {} …", hole_text(range));
    let response = ui.interact(rect, ui.scope_id().with(("line", line)), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &text));
    ui.painter().rect_filled(rect, 2, ground);
    // The column of the first byte, so that it stands among the bytes.
    let indent = ui.fonts_mut(|fonts| fonts.glyph_width(font, '0')) * 10.0;
    let galley = ui.fonts_mut(|fonts| fonts.layout_no_wrap(text, font.clone(), colour));
    ui.painter().galley(rect.min + Vec2::new(indent, 1.0), galley, colour);
    response
}

/// Lines between bytes that came in different segments; `start` is the offset of the first column.
fn paint_cuts(
    ui: &Ui,
    details: &Details,
    grid: Grid,
    start: usize,
    bytes: Range<usize>,
    rect: Rect,
    (width, height): (f32, f32),
) {
    for at in bytes.clone().filter(|&at| details.is_cut_before(at)) {
        let byte = at - start;
        // Columns of a line are few.
        #[allow(clippy::cast_precision_loss)]
        let columns = [grid.hex_column(byte) as f32 - 0.5, grid.text_column(byte) as f32];
        for column in columns {
            let x = rect.left() + column * width;
            let stroke = Stroke::new(2.0, colours::cut(ui.visuals()));
            ui.painter().vline(x, rect.top()..=rect.top() + height, stroke);
        }
    }
}

/// How a line is laid out: its offset, so many bytes in two halves, and the same as text.
#[derive(Clone, Copy)]
struct Grid(usize);

impl Grid {
    fn hex_column(self, byte: usize) -> usize {
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

    /// Which byte of a line stands at a column, in the hexadecimal or in the text.
    fn byte_at(self, column: f32) -> Option<usize> {
        // The number is small and not negative where it matters.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let column = column.max(0.0) as usize;
        let column = column.checked_sub(OFFSET_WIDTH)?;
        // A blank stands between the halves, and two before the text.
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

/// `start` is the offset of the first column; `before` columns are empty.
fn line_job(
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
    let format_of = |at: usize| {
        let mut format = plain.clone();
        if let Some(tint) = tints.of(at) {
            format.background = colours::tint(tint, visuals);
        }
        if tints.is_at_fault(at) {
            format.background = colours::at_fault(visuals);
            format.underline =
                Stroke::new(1.5, colours::severity(framescope_parser::Severity::Error, visuals));
        }
        if tints.hovered.contains(&at) {
            format.background = colours::hovered(visuals);
        }
        if tints.marked.contains(&at) {
            format.background = colours::marked(visuals);
            format.color = visuals.strong_text_color();
        }
        format
    };
    let blank_between = |at: usize| {
        let (this, next) = (format_of(at), format_of(at + 1));
        let joined = this.background == next.background
            && tints.of(at) == tints.of(at + 1)
            && before + bytes.len() > at + 1 - start;
        if joined { TextFormat { underline: Stroke::NONE, ..this } } else { plain.clone() }
    };
    let mut job = LayoutJob::default();
    job.append(&format!("{start:08x}  "), 0.0, weak);
    let halves = grid.0 / 2 - 1;
    for i in 0..grid.0 {
        let at = start + i;
        match i.checked_sub(before).and_then(|i| bytes.get(i)) {
            Some(byte) => {
                job.append(&format!("{byte:02x}"), 0.0, format_of(at));
                job.append(if i == halves { "  " } else { " " }, 0.0, blank_between(at));
            }
            None => job.append(if i == halves { "    " } else { "   " }, 0.0, plain.clone()),
        }
    }
    job.append(&" ".repeat(1 + before), 0.0, plain.clone());
    for (i, &byte) in bytes.iter().enumerate() {
        let (text, is_text) = match byte {
            0x20..=0x7e => (char::from(byte).to_string(), true),
            _ => (".".to_owned(), false),
        };
        let mut format = format_of(start + before + i);
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
