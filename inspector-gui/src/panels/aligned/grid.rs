//! The messages, of which only the visible bytes of the visible ones are read and painted.

use eframe::egui::accesskit::Role;
use eframe::egui::text::LayoutJob;
use eframe::egui::{FontId, Pos2, Rect, Sense, TextFormat, Ui, WidgetInfo};
use framescope_capture::{Row, RowId};
use framescope_parser::Direction;

use super::header::paint_column;
use super::{AlignedPanel, Layout, cell_text, list, position_text};
use crate::models::ViewContext;
use crate::models::actions::{Action, name};
use crate::models::aligned::{Alignment, Bytes, Counted, byte_at, byte_test};
use crate::models::text::grouped;
use crate::models::view::Highlight;
use crate::panels::bytes::Metrics;
use crate::panels::menus::{entry, filter_entries};
use crate::panels::paint::{paint_arrow, paint_text, row_background, row_text_colour};
use crate::panels::{Command, colours};

/// Shows the messages.
pub(super) fn show(
    ui: &mut Ui,
    context: ViewContext<'_>,
    panel: &mut AlignedPanel,
    counted: &Counted,
    (layout, metrics): (Layout, &Metrics),
    commands: &mut Vec<Command>,
) {
    let is_text = panel.is_text;
    let AlignedPanel { aligned, rows: scroll, column, across, anchor, .. } = panel;
    let Some(rows) = aligned.rows() else { return };
    let target = scroll.target(context.view.selected(), rows);
    context.view.lookup().request_previews(&scroll.nearby(target, rows));
    let area = ui.available_rect_before_wrap();
    let mut chosen = None;
    let mut draw = |ui: &mut Ui, item: usize, rect: Rect| {
        let found = rows.at(item).and_then(|number| Some((number, context.index.row(number)?)));
        if let Some((number, row)) = found {
            let line = Line { context, counted, layout, metrics, is_text, number, row };
            chosen = line.show(ui, rect, anchor, commands).or(chosen);
        }
    };
    list::show(ui, "Messages", &mut scroll.scroll, rows.len(), target, &mut |_| metrics.height, &mut draw);
    *anchor = anchor.filter(|_| ui.input(|input| input.pointer.any_down()));
    if let Some((position, cursor)) = chosen {
        *column = Some(position);
        panel.followed = Some(cursor);
        across.target = Some(position);
    }
    if let Some(position) = *column {
        paint_column(ui, layout, position, area, true);
    }
}

/// A visible message.
struct Line<'l> {
    context: ViewContext<'l>,
    counted: &'l Counted,
    layout: Layout,
    metrics: &'l Metrics,
    is_text: bool,
    number: RowId,
    row: Row,
}

impl Line<'_> {
    /// Shows the message. Returns the position that was clicked, and the byte there.
    fn show(
        &self,
        ui: &Ui,
        rect: Rect,
        anchor_byte: &mut Option<(RowId, usize)>,
        commands: &mut Vec<Command>,
    ) -> Option<(i64, (RowId, usize))> {
        let Line { context, counted, layout, number, row, .. } = self;
        let is_selected = context.view.selected() == Some(*number);
        let response = ui.interact(rect, ui.scope_id().with(("message", number)), Sense::click_and_drag());
        let preview = context.view.lookup().preview(*number);
        let bytes = preview.as_ref().map(|preview| Bytes::of(preview, row.length));
        let anchor = bytes.and_then(|bytes| counted.alignment.anchor(bytes));
        let text = bytes.zip(anchor).map(|(bytes, anchor)| self.job(ui, bytes, anchor, is_selected));
        let spoken = format!("{}: {}", self.title(), text.as_ref().map_or("", |job| job.text.trim_end()));
        response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &spoken));
        let gutter = rect.with_max_x(layout.left - 4.0);
        row_background(ui, gutter, is_selected, response.hovered());
        self.gutter(ui, gutter, is_selected);
        let at = Pos2::new(layout.left, rect.top() + 1.0);
        if let Some(job) = text {
            let galley = ui.fonts_mut(|fonts| fonts.layout_job(job));
            ui.painter().with_clip_rect(rect).galley(at, galley, ui.visuals().text_color());
        } else {
            let text = match &counted.alignment {
                Alignment::At(_) if bytes.is_some() => "does not have these bytes",
                _ => "Reading...",
            };
            let place = Rect::from_min_max(at, rect.max);
            paint_text(ui, place, text, FontId::proportional(12.0), ui.visuals().weak_text_color());
        }
        let offset_under = |pointer: Pos2| {
            let position = layout.position_at(pointer.x)?;
            let offset = usize::try_from(anchor?.checked_add(position)?).ok()?;
            ((offset as u64) < row.length).then_some((position, offset))
        };
        if response.drag_started()
            && let Some((_, at)) = ui.input(|input| input.pointer.press_origin()).and_then(offset_under)
        {
            *anchor_byte = Some((*number, at));
            if !is_selected {
                commands.push(Command::SelectRow(*number));
            }
        }
        if response.dragged()
            && let Some((_, from)) = anchor_byte.filter(|(row, _)| row == number)
            && let Some((_, to)) = response.interact_pointer_pos().and_then(offset_under)
        {
            let range = from.min(to)..from.max(to) + 1;
            commands.push(Command::Highlight(Some(Highlight { range, path: None, of: None })));
        }
        let is_clicked = response.clicked() || response.secondary_clicked();
        let clicked = is_clicked.then(|| response.interact_pointer_pos()).flatten();
        if clicked.is_some() && !is_selected {
            commands.push(Command::SelectRow(*number));
        }
        if let Some((position, offset)) = response.hover_pos().and_then(offset_under) {
            let byte = bytes.and_then(|bytes| bytes.at(offset));
            response.clone().on_hover_text_at_pointer(self.about(position, offset, byte));
        }
        // What a right click selects is there in the next frame.
        let cursor = context.view.cursor().filter(|_| is_selected);
        let at_cursor = cursor.and_then(|offset| {
            let position = i64::try_from(offset).ok()?.checked_sub(anchor?)?;
            Some((position, bytes?.at(offset)?))
        });
        response.context_menu(|ui| {
            entry(ui, name(Action::State), || Command::Act(Action::State), commands);
            match at_cursor {
                Some((position, byte)) => self.menu(ui, position, byte, commands),
                None => drop(ui.weak("Right-click a byte")),
            }
        });
        let (position, offset) = clicked.and_then(offset_under)?;
        let marked = context.view.highlighted().filter(|what| is_selected && what.of.is_none());
        if response.secondary_clicked() && marked.is_some_and(|what| what.range.contains(&offset)) {
            // What is marked stays so for the menu.
            return None;
        }
        commands.push(Command::HighlightBytes(offset..offset + 1));
        Some((position, (*number, offset)))
    }

    /// The menu of the byte at the cursor.
    fn menu(&self, ui: &mut Ui, position: i64, byte: u8, commands: &mut Vec<Command>) {
        match byte_test(&self.counted.alignment, position, byte) {
            Some(test) => {
                ui.label(format!("Messages with {byte:02x} here"));
                filter_entries(ui, &test, commands);
            }
            None => drop(ui.weak("Align messages at their start or end to filter by a byte")),
        }
    }

    fn title(&self) -> String {
        let kind = self.context.index.kind(&self.row).unwrap_or(self.row.type_name());
        format!("#{} {kind}", self.number)
    }

    /// The number and kind, the direction as an arrow, and the length.
    fn gutter(&self, ui: &Ui, rect: Rect, is_selected: bool) {
        let colour = row_text_colour(ui, is_selected);
        let font = FontId::proportional(12.0);
        let title = rect.with_max_x(rect.right() - 74.0);
        paint_text(ui, title, &self.title(), font.clone(), colour);
        let (left, right) = (Pos2::new(title.right() + 4.0, rect.center().y), title.right() + 20.0);
        let right = Pos2::new(right, rect.center().y);
        let (from, to) = match self.context.index.direction(&self.row) {
            Direction::Forward => (left, right),
            Direction::Backward => (right, left),
        };
        paint_arrow(ui, from, to, ui.visuals().weak_text_color(), false);
        let length = Rect::from_min_max(Pos2::new(right.x + 6.0, rect.top()), rect.max);
        let text = grouped(usize::try_from(self.row.length).unwrap_or(usize::MAX));
        paint_text(ui, length, &text, font, ui.visuals().weak_text_color());
    }

    /// The visible bytes. What was not captured is two dots.
    fn job(&self, ui: &Ui, bytes: Bytes<'_>, anchor: i64, is_selected: bool) -> LayoutJob {
        let visuals = ui.visuals();
        let plain = TextFormat::simple(self.metrics.font.clone(), visuals.text_color());
        let weak = TextFormat { color: visuals.weak_text_color(), ..plain.clone() };
        let highlighted = self.context.view.highlighted().filter(|what| is_selected && what.of.is_none());
        let is_highlighted = |offset: usize| highlighted.is_some_and(|what| what.range.contains(&offset));
        let mut job = LayoutJob::default();
        for (position, _) in self.layout.cells() {
            let offset = anchor.checked_add(position).and_then(|offset| usize::try_from(offset).ok());
            let offset = offset.filter(|&offset| (offset as u64) < bytes.length);
            match (offset, byte_at(bytes, anchor, position)) {
                (Some(offset), Some(byte)) => {
                    let (text, is_character) = cell_text(byte, self.is_text);
                    let is_weak = if self.is_text { !is_character } else { byte == 0 };
                    let mut format = if is_weak { weak.clone() } else { plain.clone() };
                    format.background = colours::value(byte, visuals);
                    if is_highlighted(offset) {
                        format.background = colours::highlighted(visuals);
                        format.color = visuals.strong_text_color();
                    }
                    job.append(&text, 0.0, format);
                }
                (Some(_), None) => job.append("··", 0.0, weak.clone()),
                (None, _) => job.append("  ", 0.0, plain.clone()),
            }
            job.append(" ", 0.0, plain.clone());
        }
        job
    }

    fn about(&self, position: i64, offset: usize, byte: Option<u8>) -> String {
        let Some(byte) = byte else {
            return format!("{}, byte {offset}\nnot captured, or too far from the beginning", self.title());
        };
        let text = match byte {
            0x20..=0x7e => format!(", '{}'", char::from(byte)),
            _ => String::new(),
        };
        let mut about = format!("{}, byte {offset} (0x{offset:x})", self.title());
        if self.counted.alignment != Alignment::Start {
            about.push_str(&format!(", {}", position_text(position, &self.counted.alignment)));
        }
        about.push_str(&format!("\n0x{byte:02x}, {byte}{text}"));
        if let Some(column) = self.counted.columns.at(position) {
            let share = column.share(byte) * 100.0;
            about.push_str(&format!("\n{share:.0} % of the messages have this value here"));
        }
        about
    }
}
