//! The bytes of a composed message in hexadecimal, to be typed over. Changed bytes are green; only visible lines are laid out.

use std::ops::Range;

use eframe::egui::accesskit::Role;
use eframe::egui::{
    Event, EventFilter, Id, Key, Modifiers, Pos2, Rect, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo,
};

use super::super::Command;
use super::super::bytes::Metrics;
use super::super::colours;
use super::super::hex_line::{Grid, Tints, line_job};
use super::super::list::{self, Scroll};
use super::{Compose, Marks};
use crate::models::composer::values::bytes_of_hex;
use crate::models::composer::{Change, Composer};
use crate::models::details::Details;
use crate::models::holes::{HexLine, HexLines};

/// What the bytes remember from frame to frame.
#[derive(Debug, Default)]
pub(super) struct HexEditor {
    scroll: Scroll,
    cursor: Option<Cursor>,
    anchor: Option<usize>,
    /// Where was scrolled to last.
    followed: Option<usize>,
}

/// Where the next digit goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Cursor {
    at: usize,
    is_second: bool,
}

/// A line of bytes.
struct Line<'l> {
    details: &'l Details,
    lines: &'l HexLines,
    grid: Grid,
    metrics: &'l Metrics,
    tints: &'l Tints<'l>,
    number: usize,
    rect: Rect,
}

pub(super) fn show(
    ui: &mut Ui,
    composer: &Composer,
    editor: &mut HexEditor,
    marks: &mut Marks,
    commands: &mut Vec<Command>,
) {
    let shown = composer.shown();
    let details = &*shown.details;
    let id = Id::unique("composed bytes");
    let metrics = Metrics::of(ui);
    let grid = Grid::fitting(ui.available_width() / metrics.width);
    let length = details.bytes.len();
    // The place behind the last byte is there to be typed at.
    let lines = HexLines::new(length, &[], grid.bytes());
    let has_focus = ui.memory(|memory| memory.has_focus(id));
    if has_focus {
        editor.keys(ui, details, grid, marks, commands);
    }
    let rect = ui.available_rect_before_wrap();
    let area = ui.interact(rect, id, Sense::click());
    area.widget_info(|| {
        let text = match (editor.cursor, marks.range()) {
            (Some(cursor), _) if has_focus => format!("Bytes to edit, at byte {}", cursor.at),
            _ => format!("Bytes to edit, {length} of them"),
        };
        WidgetInfo::labeled(Role::MultilineTextInput, true, text)
    });
    let tints = Tints::of_composed(details, marks.range(), marks.hovered_range(), &shown.changed);
    let wanted = editor.cursor.filter(|_| has_focus).map(|cursor| cursor.at).or(marks.first());
    let target = wanted
        .filter(|at| editor.followed != Some(*at))
        .and_then(|at| lines.line_of(at.min(length.saturating_sub(1))));
    editor.followed = wanted;
    let mut clicked = area.clicked().then_some(length);
    let HexEditor { scroll, anchor, cursor, .. } = editor;
    let mut draw = |ui: &mut Ui, number: usize, rect: Rect| {
        let line = Line { details, lines: &lines, grid, metrics: &metrics, tints: &tints, number, rect };
        line.show(ui, cursor.filter(|_| has_focus), anchor, marks, &mut clicked);
    };
    list::show(
        ui,
        "Composed bytes",
        scroll,
        lines.count().max(1),
        target,
        &mut |_| metrics.height,
        &mut draw,
    );
    editor.anchor = editor.anchor.filter(|_| ui.input(|input| input.pointer.any_down()));
    if let Some(at) = clicked {
        editor.cursor = Some(Cursor { at, is_second: false });
        ui.memory_mut(|memory| memory.request_focus(id));
    }
    if has_focus {
        let filter = EventFilter { horizontal_arrows: true, vertical_arrows: true, ..EventFilter::default() };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(id, filter));
    }
}

impl HexEditor {
    fn keys(
        &mut self,
        ui: &Ui,
        details: &Details,
        grid: Grid,
        marks: &mut Marks,
        commands: &mut Vec<Command>,
    ) {
        let length = details.bytes.len();
        let mut cursor = self.cursor.unwrap_or_default();
        cursor.at = cursor.at.min(length);
        let selected = marks.selected.clone().filter(|range| range.len() > 1 && range.end <= length);
        let mut typing = Typing { cursor, end: length, row: grid.bytes(), selected, asked: Vec::new() };
        for event in ui.input(|input| input.events.clone()) {
            if typing.take(&event) {
                marks.selected = None;
                typing.selected = None;
            }
        }
        self.cursor = Some(typing.cursor);
        commands.extend(typing.asked.into_iter().map(Command::Compose));
    }
}

/// What the keys of a frame do.
struct Typing {
    cursor: Cursor,
    /// Where the last byte ends, as soon as what is asked for is done.
    end: usize,
    /// How many bytes are on a line.
    row: usize,
    selected: Option<Range<usize>>,
    asked: Vec<Compose>,
}

impl Typing {
    /// Takes an event. False if it does nothing.
    fn take(&mut self, event: &Event) -> bool {
        match event {
            Event::Text(text) => {
                let digits = text.chars().filter_map(|c| u8::try_from(c.to_digit(16)?).ok());
                digits.for_each(|digit| self.digit(digit));
            }
            Event::Paste(text) => {
                let Ok(bytes) = bytes_of_hex(text) else { return false };
                let range = self.selected.clone().unwrap_or(self.cursor.at..self.cursor.at);
                let behind = range.start + bytes.len();
                self.splice(range, bytes);
                self.go_to(behind);
            }
            Event::Key { key, pressed: true, modifiers, .. } if modifiers.command => {
                self.asked.push(match key {
                    Key::Z if modifiers.shift => Compose::Redo,
                    Key::Z => Compose::Undo,
                    Key::Y => Compose::Redo,
                    _ => return false,
                });
            }
            Event::Key { key, pressed: true, modifiers: Modifiers { alt: false, .. }, .. } => {
                return self.removes(*key) || self.moves(*key);
            }
            _ => return false,
        }
        true
    }

    fn digit(&mut self, digit: u8) {
        let Cursor { at, is_second } = self.cursor;
        self.asked.push(Compose::Change(Change::Digit { at, is_first: !is_second, digit }));
        self.end = self.end.max(at + 1);
        self.cursor = Cursor { at: at + usize::from(is_second), is_second: !is_second };
    }

    fn splice(&mut self, range: Range<usize>, bytes: Vec<u8>) {
        self.end = self.end + bytes.len() - range.len();
        self.asked.push(Compose::Change(Change::Splice(range, bytes)));
    }

    fn go_to(&mut self, at: usize) {
        self.cursor = Cursor { at: at.min(self.end), is_second: false };
    }

    /// Removes bytes, or puts one in.
    fn removes(&mut self, key: Key) -> bool {
        let at = self.cursor.at;
        let range = match (key, self.selected.clone()) {
            (Key::Delete | Key::Backspace, Some(selected)) => selected,
            (Key::Delete, None) if at < self.end => at..at + 1,
            (Key::Backspace, None) if at > 0 => at - 1..at,
            (Key::Insert, _) => {
                self.splice(at..at, vec![0]);
                self.go_to(at);
                return true;
            }
            _ => return false,
        };
        let start = range.start;
        self.splice(range, Vec::new());
        self.go_to(start);
        true
    }

    fn moves(&mut self, key: Key) -> bool {
        let at = self.cursor.at;
        self.go_to(match key {
            Key::ArrowLeft => at.saturating_sub(1),
            Key::ArrowRight => at + 1,
            Key::ArrowUp => at.checked_sub(self.row).unwrap_or(at),
            Key::ArrowDown => at + self.row,
            Key::Home => 0,
            Key::End => self.end,
            _ => return false,
        });
        true
    }
}

impl Line<'_> {
    fn show(
        &self,
        ui: &Ui,
        cursor: Option<Cursor>,
        anchor: &mut Option<usize>,
        marks: &mut Marks,
        clicked: &mut Option<usize>,
    ) {
        let &Line { details, lines, grid, metrics, rect, number, .. } = self;
        let range = match lines.line(number) {
            Some(HexLine::Bytes(range)) => range,
            _ => 0..0,
        };
        let bytes = details.bytes.get(range.clone()).unwrap_or_default();
        let job = line_job(ui, grid, 0, range.start, bytes, self.tints, &metrics.font);
        let spoken = job.text.clone();
        let galley = ui.fonts_mut(|fonts| fonts.layout_job(job));
        let place = Rect::from_min_size(rect.min, Vec2::new(galley.size().x, metrics.height));
        let response =
            ui.interact(place, ui.scope_id().with(("composed line", number)), Sense::click_and_drag());
        response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &spoken));
        ui.painter().galley(rect.min + Vec2::new(0.0, 1.0), galley, ui.visuals().text_color());
        let is_last = number + 1 >= lines.count();
        if let Some(cursor) = cursor.filter(|cursor| {
            range.contains(&cursor.at)
                || is_last && cursor.at == range.end && cursor.at - range.start < grid.bytes()
        }) {
            self.paint_cursor(ui, cursor, range.start);
        }
        let byte_under = |pointer: Pos2| self.byte_under(pointer);
        if response.drag_started() {
            *anchor = ui.input(|input| input.pointer.press_origin()).and_then(byte_under);
        }
        if response.dragged()
            && let (Some(from), Some(to)) = (*anchor, response.interact_pointer_pos().and_then(byte_under))
            && from != to
        {
            marks.select(details, from.min(to)..from.max(to) + 1);
            *clicked = Some(from.min(to));
        }
        if response.clicked() {
            // Beside the last byte is behind it.
            let at = response.interact_pointer_pos().and_then(byte_under).unwrap_or(range.end);
            *clicked = Some(at);
            marks.mark(details, at);
        }
        if let Some(byte) = response.hover_pos().and_then(byte_under) {
            marks.hover(details, byte);
            if let Some(field) = details.smallest_field(&(byte..byte + 1)) {
                response.on_hover_text_at_pointer(format!("{}\nbyte {byte}", field.path));
            }
        }
    }

    // Columns of a line are few.
    #[allow(clippy::cast_precision_loss)]
    fn paint_cursor(&self, ui: &Ui, cursor: Cursor, start: usize) {
        let column = self.grid.hex_column(cursor.at - start) + usize::from(cursor.is_second);
        let corner = self.rect.min + Vec2::new(column as f32 * self.metrics.width, 0.0);
        let width = if cursor.is_second { 1.0 } else { 2.0 } * self.metrics.width;
        let place = Rect::from_min_size(corner, Vec2::new(width, self.metrics.height - 1.0));
        let stroke = Stroke::new(1.5, colours::segment_end(ui.visuals()));
        ui.painter().rect_stroke(place.expand(1.0), 2, stroke, StrokeKind::Inside);
    }

    /// The byte at a position of the pointer, which may be on another line while it is dragged.
    fn byte_under(&self, pointer: Pos2) -> Option<usize> {
        let row = ((pointer.y - self.rect.top()) / self.metrics.height).floor();
        // Only some tens of lines are visible.
        #[allow(clippy::cast_possible_truncation)]
        let line = self.number.checked_add_signed(row as isize)?;
        let HexLine::Bytes(range) = self.lines.line(line)? else { return None };
        let column = (pointer.x - self.rect.left()) / self.metrics.width;
        let at = range.start + self.grid.byte_at(column)?;
        range.contains(&at).then_some(at)
    }
}

/// The bytes of a range, or none.
pub(super) fn range_of(at: usize, length: usize) -> Range<usize> {
    if at < length { at..at + 1 } else { 0..0 }
}
