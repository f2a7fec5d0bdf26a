//! The bytes of the selected message in hexadecimal and as text, tinted by field, with lines between segments. A hole is one
//! line, however long it is. Only visible lines are laid out.

use std::ops::Range;
use std::sync::Arc;

use eframe::egui::accesskit::Role;
use eframe::egui::{FontId, Label, Pos2, Rect, RichText, Sense, Ui, Vec2, WidgetInfo};
use framescope_capture::RowId;

use super::Command;
use super::hex_line::{Grid, Tints, line_job, paint_hole, paint_segment_ends};
use super::list::{self, Scroll};
use super::menus::copy_entries;
use crate::models::ViewContext;
use crate::models::copying::range_as;
use crate::models::details::{Details, byte_range};
use crate::models::holes::{HexLine, HexLines};
use crate::models::text::grouped;
use crate::models::view::{Highlight, field_at};

/// What the hex view remembers from frame to frame.
#[derive(Debug, Default)]
pub(crate) struct HexView {
    scroll: Scroll,
    /// The byte that a drag started on.
    anchor: Option<usize>,
    /// The bytes that were scrolled to last.
    followed: Option<(RowId, Range<usize>)>,
    layout: Option<Layout>,
}

/// The lines of a message, made once for it and a number of bytes on a line.
#[derive(Debug)]
struct Layout {
    details: Arc<Details>,
    grid: Grid,
    lines: HexLines,
}

impl HexView {
    fn layout(&mut self, details: &Arc<Details>, grid: Grid) {
        let is_this = |layout: &Layout| Arc::ptr_eq(&layout.details, details) && layout.grid == grid;
        if !self.layout.as_ref().is_some_and(is_this) {
            let lines = HexLines::new(details.captured().length(), &details.missing, grid.bytes());
            self.layout = Some(Layout { details: Arc::clone(details), grid, lines });
        }
    }
}

/// The font of the hex view, and the size of its characters.
struct Metrics {
    font: FontId,
    width: f32,
    height: f32,
}

impl Metrics {
    fn of(ui: &Ui) -> Metrics {
        let font = FontId::monospace(13.0);
        let (width, height) =
            ui.fonts_mut(|fonts| (fonts.glyph_width(&font, '0'), fonts.row_height(&font) + 2.0));
        Metrics { font, width, height }
    }
}

pub(crate) fn show(
    ui: &mut Ui,
    context: ViewContext<'_>,
    details: &Arc<Details>,
    view: &mut HexView,
    commands: &mut Vec<Command>,
) {
    let highlight = context.view.highlighted();
    header(ui, details, highlight, commands);
    let metrics = Metrics::of(ui);
    view.layout(details, Grid::fitting(ui.available_width() / metrics.width));
    let HexView { scroll, anchor, followed, layout: Some(layout) } = view else { return };
    let tints = Tints::new(context, details);
    // Bytes that were highlighted elsewhere are scrolled to once.
    let current = highlight.map(|highlight| (details.row, highlight.range.clone()));
    let target = current.as_ref().filter(|current| followed.as_ref() != Some(current));
    let target = target.and_then(|(_, range)| layout.lines.line_of(range.start));
    *followed = current;
    let mut draw = |ui: &mut Ui, number: usize, rect: Rect| {
        let line = Line { layout, metrics: &metrics, tints: &tints, highlight, number, rect };
        match layout.lines.line(number) {
            Some(HexLine::Bytes(range)) => line.show_bytes(ui, range, anchor, commands),
            Some(HexLine::Hole(range)) => line.show_hole(ui, range, commands),
            None => {}
        }
    };
    list::show(ui, "Bytes", scroll, layout.lines.count(), target, &mut |_| metrics.height, &mut draw);
    *anchor = anchor.filter(|_| ui.input(|input| input.pointer.any_down()));
}

/// A visible line.
struct Line<'l> {
    layout: &'l Layout,
    metrics: &'l Metrics,
    tints: &'l Tints<'l>,
    highlight: Option<&'l Highlight>,
    number: usize,
    rect: Rect,
}

impl Line<'_> {
    fn show_hole(&self, ui: &Ui, range: Range<usize>, commands: &mut Vec<Command>) {
        let (details, highlight) = (&self.layout.details, self.highlight);
        let response = ui.interact(self.rect, ui.scope_id().with(("line", self.number)), Sense::click());
        let text = paint_hole(ui, &range, self.tints, &self.metrics.font, self.rect);
        response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &text));
        if response.clicked() {
            commands.push(Command::HighlightBytes(range.clone()));
        }
        if response.hovered() {
            let path = details.smallest_field(&range).map(|field| field.path.clone());
            commands.push(Command::Hover(Highlight { range: range.clone(), path }));
        }
        response
            .on_hover_text_at_pointer(details.describe(&range))
            .context_menu(|ui| copy_menu(ui, details, highlight, commands));
    }

    fn show_bytes(
        &self,
        ui: &Ui,
        range: Range<usize>,
        anchor: &mut Option<usize>,
        commands: &mut Vec<Command>,
    ) {
        let &Line { layout, metrics, rect, highlight, .. } = self;
        let details = &layout.details;
        let start = layout.lines.first_column(&range);
        let bytes = details.bytes_of(&range);
        let job = line_job(ui, layout.grid, range.start - start, start, bytes, self.tints, &metrics.font);
        let spoken = job.text.clone();
        let galley = ui.fonts_mut(|fonts| fonts.layout_job(job));
        let place = Rect::from_min_size(rect.min, Vec2::new(galley.size().x, metrics.height));
        let response = ui.interact(place, ui.scope_id().with(("line", self.number)), Sense::click_and_drag());
        response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &spoken));
        ui.painter().galley(rect.min + Vec2::new(0.0, 1.0), galley, ui.visuals().text_color());
        let size = Vec2::new(metrics.width, metrics.height);
        paint_segment_ends(ui, details, layout.grid, start, range, rect, size);
        let byte_under = |pointer: Pos2| self.byte_under(pointer);
        if response.drag_started() {
            *anchor = ui.input(|input| input.pointer.press_origin()).and_then(byte_under);
        }
        if response.dragged()
            && let (Some(from), Some(to)) = (*anchor, response.interact_pointer_pos().and_then(byte_under))
            && from != to
        {
            let range = from.min(to)..from.max(to) + 1;
            commands.push(Command::Highlight(Some(Highlight { range, path: None })));
        }
        if response.clicked()
            && let Some(byte) = response.interact_pointer_pos().and_then(byte_under)
        {
            commands.push(Command::Highlight(Some(field_at(details, byte))));
        }
        if let Some(byte) = response.hover_pos().and_then(byte_under) {
            let field = field_at(details, byte);
            let place = details.describe(&(byte..byte + 1));
            let about = match &field.path {
                Some(path) => format!("{path}\n{place}"),
                None => place,
            };
            commands.push(Command::Hover(field));
            response.clone().on_hover_text_at_pointer(about);
        }
        response.context_menu(|ui| copy_menu(ui, details, highlight, commands));
    }

    /// The byte at a position of the pointer, which may be on another line while it is dragged.
    fn byte_under(&self, pointer: Pos2) -> Option<usize> {
        let Layout { lines, grid, .. } = self.layout;
        let row = ((pointer.y - self.rect.top()) / self.metrics.height).floor();
        // Only some tens of lines are visible.
        #[allow(clippy::cast_possible_truncation)]
        let line = self.number.checked_add_signed(row as isize)?;
        let HexLine::Bytes(range) = lines.line(line)? else { return None };
        let column = (pointer.x - self.rect.left()) / self.metrics.width;
        let at = lines.first_column(&range) + grid.byte_at(column)?;
        range.contains(&at).then_some(at)
    }
}

fn header(ui: &mut Ui, details: &Details, highlight: Option<&Highlight>, commands: &mut Vec<Command>) {
    ui.add_space(4.0);
    ui.horizontal(|ui| {
        ui.strong("Bytes");
        ui.menu_button("Copy bytes", |ui| copy_menu(ui, details, highlight, commands));
        let text = match highlight {
            Some(Highlight { range, path: Some(path) }) => {
                RichText::new(format!("{path}: {}", byte_range(range)))
            }
            Some(Highlight { range, path: None }) => {
                RichText::new(format!("selected: {}", byte_range(range)))
            }
            None => RichText::new(summary(details)).weak(),
        };
        ui.add(Label::new(text).truncate());
    });
    ui.separator();
}

fn summary(details: &Details) -> String {
    let message = details.captured();
    let mut text = format!("{} bytes", grouped(message.length()));
    if let segments @ 2.. = details.segments.len() {
        text.push_str(&format!(" in {segments} segments, which end at the vertical lines"));
    }
    if let missing @ 1.. = message.missing_bytes() {
        text.push_str(&format!("; {} of them were not captured", grouped(missing)));
    }
    text.push_str("; click a byte to select its field");
    text
}

fn copy_menu(ui: &mut Ui, details: &Details, highlight: Option<&Highlight>, commands: &mut Vec<Command>) {
    let message = details.captured();
    let range = highlight.map_or(0..message.length(), |highlight| highlight.range.clone());
    ui.label(if highlight.is_some() { "Copy the selected bytes as" } else { "Copy all bytes as" });
    copy_entries(ui, "", "Text", |form| range_as(&message, &range, form), commands);
}
