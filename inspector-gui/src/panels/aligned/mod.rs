//! Messages under each other, byte by byte, with what the bytes of each column have in common above them, and where they differ
//! from messages that were kept.

mod across;
mod controls;
mod grid;
mod header;

use std::ops::Range;

use eframe::egui::{Align2, Rect, Ui, UiBuilder, Vec2};
use framescope_capture::RowId;

use super::Command;
use super::bytes::Metrics;
use super::list::{self, RowScroll};
use crate::models::ViewContext;
use crate::models::aligned::{Aligned, Alignment, Bytes, Counted};
use crate::models::lookup::Lookup;
use crate::models::view::Highlight;
use across::Across;

/// The width of what is before the bytes of a row: its number, kind, direction and length.
const GUTTER: f32 = 190.0;
/// The characters of a cell: two digits and a blank.
const CELL: f32 = 3.0;
const SCROLL_BAR: f32 = 12.0;

/// What the panel remembers from frame to frame.
#[derive(Debug, Default)]
pub(crate) struct AlignedPanel {
    pub(crate) aligned: Aligned,
    rows: RowScroll,
    /// Of which set of messages this is the scroll position.
    generation: usize,
    across: Across,
    /// The position that was chosen last.
    column: Option<i64>,
    /// The byte of a message on which a drag began.
    anchor: Option<(RowId, usize)>,
    /// The cursor that this position was last that of.
    followed: Option<(RowId, usize)>,
    /// Whether bytes that are characters are shown as these.
    is_text: bool,
    /// What was aligned in the last frame.
    alignment: Alignment,
}

/// Which columns are visible, and where.
#[derive(Clone, Copy)]
struct Layout {
    /// The position at the left.
    first: i64,
    /// How many columns there is room for, and no more than there are.
    visible: usize,
    /// Where the first cell begins.
    left: f32,
    /// The width of a cell.
    cell: f32,
}

impl Layout {
    /// The visible positions with where they begin.
    fn cells(self) -> impl Iterator<Item = (i64, f32)> {
        // Some tens of columns are visible.
        #[allow(clippy::cast_precision_loss)]
        (self.first..)
            .take(self.visible)
            .enumerate()
            .map(move |(at, position)| (position, self.left + at as f32 * self.cell))
    }

    /// The position at a place.
    fn position_at(self, x: f32) -> Option<i64> {
        // Some tens of columns are visible.
        #[allow(clippy::cast_possible_truncation)]
        let at = ((x - self.left) / self.cell).floor() as i64;
        (0..i64::try_from(self.visible).ok()?).contains(&at).then(|| self.first + at)
    }
}

/// Shows the messages.
pub(crate) fn show(
    ui: &mut Ui,
    context: ViewContext<'_>,
    panel: &mut AlignedPanel,
    is_stating: bool,
    commands: &mut Vec<Command>,
) {
    ui.add_space(4.0);
    controls::show(ui, context, panel, is_stating, commands);
    let Some(counted) = panel.aligned.counted().filter(|_| panel.aligned.rows().is_some()) else {
        ui.weak("Reading...");
        return;
    };
    if panel.aligned.rows().is_some_and(|rows| rows.is_empty() && rows.is_caught_up()) {
        controls::nothing(ui, panel, commands);
        return;
    }
    if let Some(error) = panel.aligned.error() {
        ui.colored_label(ui.visuals().error_fg_color, error);
    }
    controls::differences(ui, panel, &counted);
    ui.separator();
    let metrics = Metrics::of(ui);
    panel.follow(context, &counted);
    let rect = ui.available_rect_before_wrap();
    if rect.height() < 40.0 || rect.width() < GUTTER + 40.0 {
        return;
    }
    let layout = panel.layout(&counted, &metrics, rect);
    header::show(ui, context, panel, &counted, (layout, &metrics), commands);
    let rest = ui.available_rect_before_wrap();
    let above = rest.with_max_y(rest.bottom() - SCROLL_BAR - 2.0);
    let mut child = ui.new_child(UiBuilder::new().max_rect(above).id_salt("aligned"));
    grid::show(&mut child, context, panel, &counted, (layout, &metrics), commands);
    let bar = Rect::from_min_max(
        eframe::egui::Pos2::new(layout.left, rest.bottom() - SCROLL_BAR),
        eframe::egui::Pos2::new(rest.right() - 14.0, rest.bottom()),
    );
    panel.across.bar(ui, bar, layout.visible, counted.columns.columns.len());
    let wheel =
        if ui.rect_contains_pointer(rect) { ui.input(|input| input.smooth_scroll_delta().x) } else { 0.0 };
    panel.across.move_by(-wheel / layout.cell);
    ui.advance_cursor_after_rect(rest);
}

impl AlignedPanel {
    /// Forgets what was of a capture that is no longer open.
    pub(crate) fn forget(&mut self) {
        self.aligned.forget();
        (self.column, self.followed) = (None, None);
    }

    /// Follows the cursor of the selected message, and shows where the messages are aligned when that is elsewhere.
    fn follow(&mut self, context: ViewContext<'_>, counted: &Counted) {
        if self.alignment != counted.alignment {
            self.alignment = counted.alignment.clone();
            let at = match self.alignment {
                Alignment::Start => 0,
                Alignment::End => -1,
                Alignment::At(_) => 0,
            };
            self.across.target = Some(at);
            (self.column, self.followed) = (None, None);
        }
        if self.generation != self.aligned.generation() {
            // The selected message is scrolled to, if it is one of them.
            (self.generation, self.rows) = (self.aligned.generation(), RowScroll::default());
        }
        let view = context.view;
        // What a click highlights is the field that the byte is in.
        view.details();
        let is_own = view.highlighted().is_some_and(|highlight| highlight.of.is_none());
        let cursor = view.selected().zip(view.cursor()).filter(|_| is_own);
        if self.followed == cursor {
            return;
        }
        let Some((row, at)) = cursor else {
            self.followed = None;
            return;
        };
        view.lookup().request_previews(&[row]);
        if let Some(anchor) = anchor_of(context, view.lookup(), &self.alignment, row) {
            let position = i64::try_from(at).unwrap_or(i64::MAX).saturating_sub(anchor);
            (self.column, self.across.target) = (Some(position), Some(position));
            self.followed = cursor;
        }
    }

    fn layout(&mut self, counted: &Counted, metrics: &Metrics, rect: Rect) -> Layout {
        let (all, first) = (counted.columns.columns.len(), counted.columns.first());
        let (left, cell) = (rect.left() + GUTTER, metrics.width * CELL);
        // As many as are completely visible.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let room = ((rect.right() - 14.0 - left) / cell).max(1.0) as usize;
        let visible = room.min(all);
        let skipped = self.across.first(first, visible, all);
        Layout { first: first + i64::try_from(skipped).unwrap_or_default(), visible, left, cell }
    }

    /// Chooses a position, and in the selected message the byte there.
    fn choose(&mut self, position: i64, context: ViewContext<'_>, commands: &mut Vec<Command>) {
        self.column = Some(position);
        self.across.target = Some(position);
        if let Some(at) = self.offset_in_selected(position, context) {
            commands.push(Command::HighlightBytes(at..at + 1));
        }
    }

    /// Marks the bytes at some positions in the selected message, or in the first one.
    fn mark(&mut self, positions: Range<i64>, context: ViewContext<'_>, commands: &mut Vec<Command>) {
        let Some(rows) = self.aligned.rows() else { return };
        let is_here = |row: RowId| rows.position_of(row, false).is_some();
        if !context.view.selected().is_some_and(is_here) {
            // What is selected now is marked in the next frame of the drag.
            commands.extend(rows.at(self.rows.scroll.top).map(Command::SelectRow));
            return;
        }
        let from = self.offset_in_selected(positions.start, context);
        let to = self.offset_in_selected(positions.end - 1, context);
        if let Some((from, to)) = from.zip(to) {
            let highlight = Highlight { range: from..to + 1, path: None, of: None };
            commands.push(Command::Highlight(Some(highlight)));
        }
    }

    /// Where a position is in the selected message, if that is one of these and has it.
    fn offset_in_selected(&self, position: i64, context: ViewContext<'_>) -> Option<usize> {
        let is_here =
            |row: &RowId| self.aligned.rows().is_some_and(|rows| rows.position_of(*row, false).is_some());
        let row = context.view.selected().filter(is_here)?;
        let anchor = anchor_of(context, context.view.lookup(), &self.alignment, row)?;
        let at = usize::try_from(anchor.checked_add(position)?).ok()?;
        (at as u64 <= context.index.row(row)?.length.saturating_sub(1)).then_some(at)
    }
}

/// The offset of a message that is at position 0; None while it is being read, and if it has none.
fn anchor_of(context: ViewContext<'_>, lookup: &Lookup, alignment: &Alignment, row: RowId) -> Option<i64> {
    let length = context.index.row(row)?.length;
    alignment.anchor(Bytes::of(&lookup.preview(row)?, length))
}

/// A position as text, relative to where the messages are aligned.
fn position_text(position: i64, alignment: &Alignment) -> String {
    match alignment {
        Alignment::Start => format!("byte {position}"),
        Alignment::End => format!("byte {position} from the end"),
        Alignment::At(_) => format!("byte {position:+}"),
    }
}

/// The two characters of a byte, and whether it is shown as a character.
fn cell_text(byte: u8, is_text: bool) -> (String, bool) {
    match byte {
        0x21..=0x7e if is_text => (format!(" {}", char::from(byte)), true),
        b' ' if is_text => (" \u{b7}".to_owned(), true),
        _ => (format!("{byte:02x}"), false),
    }
}

/// Paints text at the left of the line that begins at a height.
fn gutter_text(ui: &Ui, rect: Rect, text: &str) {
    let weak = ui.visuals().weak_text_color();
    let at = rect.left_center() + Vec2::new(2.0, 0.0);
    super::paint::label_at(ui, at, Align2::LEFT_CENTER, text, 11.0, weak);
}
