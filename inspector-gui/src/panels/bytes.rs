//! The bytes of the selected message in hexadecimal and as text, tinted by field, with lines between segments. A hole is one
//! line, however long it is. Only visible lines are laid out.

use std::ops::Range;
use std::sync::Arc;

use eframe::egui::accesskit::Role;
use eframe::egui::{FontId, Label, Pos2, Rect, RichText, Sense, Ui, Vec2, WidgetInfo};
use framescope_capture::RowId;

use super::Command;
use super::hex_line::{Grid, Tints, line_job, paint_hole, paint_segment_ends};
use super::inspector;
use super::list::{self, Scroll};
use super::menus::{copy_entries, entry};
use crate::models::ViewContext;
use crate::models::actions::{Action, name};
use crate::models::copying::range_as;
use crate::models::details::{CarrierRow, Details, byte_range};
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
pub(super) struct Metrics {
    pub(super) font: FontId,
    pub(super) width: f32,
    pub(super) height: f32,
}

impl Metrics {
    pub(super) fn of(ui: &Ui) -> Metrics {
        let font = FontId::monospace(13.0);
        let (width, height) =
            ui.fonts_mut(|fonts| (fonts.glyph_width(&font, '0'), fonts.row_height(&font) + 2.0));
        Metrics { font, width, height }
    }
}

/// Shows the bytes of the selected message, or those of a carrier's message around it.
pub(crate) fn show(
    ui: &mut Ui,
    context: ViewContext<'_>,
    selected: &Arc<Details>,
    view: &mut HexView,
    commands: &mut Vec<Command>,
) {
    let layer = context.view.layer().and_then(|row| selected.carrier(row));
    let of = layer.map(|carrier| carrier.row);
    let outer = of.and_then(|row| context.view.lookup().details(row));
    if of.is_some() && outer.is_none() {
        ui.weak("Reading...");
        return;
    }
    let details = outer.as_ref().unwrap_or(selected);
    let relevant = layer.and_then(|carrier| carrier.relevant.as_deref()).unwrap_or_default();
    let highlight = context.view.highlighted().filter(|highlight| highlight.of == of);
    layers(ui, context, selected, commands);
    header(ui, details, layer, highlight, context.settings.panels.inspector, commands);
    let metrics = Metrics::of(ui);
    let is_other = view.layout.as_ref().is_none_or(|known| known.details.row != details.row);
    view.layout(details, Grid::fitting(ui.available_width() / metrics.width));
    let HexView { scroll, anchor, followed, layout: Some(layout) } = view else { return };
    let tints = Tints::new(context, details, of, relevant);
    // Bytes that were highlighted elsewhere are scrolled to once.
    let current = highlight.map(|highlight| (details.row, highlight.range.clone()));
    let target = current.as_ref().filter(|current| followed.as_ref() != Some(current));
    let first_relevant = relevant.first().map(|range| range.start).filter(|_| is_other);
    let target = target.map(|(_, range)| range.start).or(first_relevant);
    let target = target.and_then(|at| layout.lines.line_of(at));
    *followed = current;
    let mut draw = |ui: &mut Ui, number: usize, rect: Rect| {
        let line = Line { layout, metrics: &metrics, tints: &tints, highlight, of, number, rect };
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
    /// The message of a carrier whose bytes these are; None of the selected message.
    of: Option<RowId>,
    number: usize,
    rect: Rect,
}

impl Line<'_> {
    fn show_hole(&self, ui: &Ui, range: Range<usize>, commands: &mut Vec<Command>) {
        let (details, highlight) = (&self.layout.details, self.highlight);
        let response = ui.interact(self.rect, ui.scope_id().with(("line", self.number)), Sense::click());
        let text = paint_hole(ui, &range, self.tints, &self.metrics.font, self.rect);
        response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &text));
        let field = || {
            let path = details.smallest_field(&range).map(|field| field.path.clone());
            Highlight { range: range.clone(), path, of: self.of }
        };
        if response.clicked() {
            commands.push(Command::Highlight(Some(field())));
        }
        if response.hovered() {
            commands.push(Command::Hover(field()));
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
            commands.push(Command::Highlight(Some(Highlight { range, path: None, of: self.of })));
        }
        if response.clicked()
            && let Some(byte) = response.interact_pointer_pos().and_then(byte_under)
        {
            commands.push(Command::Highlight(Some(field_at(details, byte).within(self.of))));
            commands.push(Command::PlaceCursor(byte));
        }
        if let Some(byte) = response.hover_pos().and_then(byte_under) {
            let field = field_at(details, byte).within(self.of);
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

/// The most carriers' messages that have a tab of their own.
const TABS: usize = 6;

/// The choice between the message's own bytes and those of the carriers around it.
fn layers(ui: &mut Ui, context: ViewContext<'_>, details: &Details, commands: &mut Vec<Command>) {
    if details.carriers.is_empty() {
        return;
    }
    let shown = context.view.layer().filter(|row| details.carrier(*row).is_some());
    ui.add_space(4.0);
    ui.horizontal(|ui| {
        ui.weak("Bytes of");
        if ui.selectable_label(shown.is_none(), "this message").clicked() {
            commands.push(Command::ShowLayer(None));
        }
        let mut tab = |ui: &mut Ui, carrier: &CarrierRow| {
            let label = format!("#{} {}", carrier.row, carrier.title);
            let tab = ui.selectable_label(shown == Some(carrier.row), label);
            if tab.on_hover_text(&carrier.place).clicked() {
                commands.push(Command::ShowLayer(Some(carrier.row)));
                ui.close();
            }
        };
        // The innermost first, as the message itself is the first.
        let mut inner_first = details.carriers.iter().rev();
        inner_first.by_ref().take(TABS).for_each(|carrier| tab(ui, carrier));
        if details.carriers.len() > TABS {
            ui.menu_button("More", |ui| inner_first.for_each(|carrier| tab(ui, carrier)));
        }
    });
}

fn header(
    ui: &mut Ui,
    details: &Details,
    layer: Option<&CarrierRow>,
    highlight: Option<&Highlight>,
    is_inspected: bool,
    commands: &mut Vec<Command>,
) {
    ui.add_space(4.0);
    ui.horizontal(|ui| {
        ui.strong("Bytes");
        ui.menu_button("Copy bytes", |ui| copy_menu(ui, details, highlight, commands));
        inspector::button(ui, is_inspected, commands);
        let text = match (highlight, layer) {
            (Some(Highlight { range, path: Some(path), .. }), _) => {
                RichText::new(format!("{path}: {}", byte_range(range)))
            }
            (Some(Highlight { range, path: None, .. }), _) => {
                RichText::new(format!("selected: {}", byte_range(range)))
            }
            (None, Some(carrier)) => RichText::new(about_layer(details, carrier)).weak(),
            (None, None) => RichText::new(summary(details)).weak(),
        };
        ui.add(Label::new(text).truncate());
    });
    ui.separator();
}

/// What the bytes of a carrier's message have to do with the selected message.
fn about_layer(details: &Details, carrier: &CarrierRow) -> String {
    let all = grouped(details.captured().length());
    match &carrier.relevant {
        Some(ranges) => {
            let own = grouped(ranges.iter().map(Range::len).sum());
            format!("{all} bytes of the carrier; the {own} in green are what it carries of the message")
        }
        None => format!("{all} bytes of the carrier, from which the message was unpacked"),
    }
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
    entry(ui, name(Action::State), || Command::Act(Action::State), commands);
    ui.label(if highlight.is_some() { "Copy the selected bytes as" } else { "Copy all bytes as" });
    copy_entries(ui, "", "Text", |form| range_as(&message, &range, form), commands);
}
