//! The data inspector: what each type makes of the bytes at the cursor, to be copied by a click.

use std::ops::Range;

use eframe::egui::accesskit::Role;
use eframe::egui::{CentralPanel, FontId, Frame, Margin, Panel, Pos2, Rect, Sense, Ui, Vec2, WidgetInfo};

use super::Command;
use super::list::{self, Scroll};
use super::paint::{paint_text, row_background};
use crate::models::ViewContext;
use crate::models::actions::Action;
use crate::models::inspector::{Group, Meaning, Order, Reading, readings};
use crate::models::text::grouped;
use crate::models::view::Highlight;

const LINE: f32 = 17.0;
/// The width of the names of types.
const NAMES: f32 = 104.0;
/// The width from which on both byte orders are beside each other.
const BOTH_ORDERS: f32 = 470.0;
/// The bytes that are looked at from the cursor on.
const LOOKED_AT: usize = 4096;

/// What the inspector remembers from frame to frame.
#[derive(Debug, Default)]
pub(crate) struct Inspector {
    scroll: Scroll,
}

/// The button that shows or hides the inspector.
pub(super) fn button(ui: &mut Ui, is_shown: bool, commands: &mut Vec<Command>) {
    let button = ui.selectable_label(is_shown, "Data inspector");
    let hover = "Show what the bytes at the cursor are as numbers, times and text";
    if button.on_hover_text(hover).clicked() {
        commands.push(Command::Act(Action::ToggleInspector));
    }
}

/// Shows the inspector, if it is visible, at the right or at the bottom of what `rest` shows. Its width may change.
pub(super) fn beside(
    ui: &mut Ui,
    context: ViewContext<'_>,
    (inspector, width): (&mut Inspector, &mut f32),
    commands: &mut Vec<Command>,
    rest: impl FnOnce(&mut Ui, &mut Vec<Command>),
) {
    let mut is_shown = context.settings.panels.inspector;
    // A narrow panel has room below.
    let is_below = context.settings.message_beside;
    is_shown &= if is_below { ui.available_height() > 240.0 } else { ui.available_width() > 400.0 };
    if is_shown && is_below {
        let panel = Panel::bottom("inspector below").resizable(true).default_size(190.0).min_size(60.0);
        let most = (ui.available_height() - 140.0).max(60.0);
        panel.max_size(most).frame(Frame::new()).show(ui, |ui| show(ui, context, inspector, commands));
    } else if is_shown {
        let most = (ui.available_width() * 0.5).max(180.0);
        let panel = Panel::right("inspector").resizable(true).default_size(width.min(most)).min_size(180.0);
        let frame = Frame::new().inner_margin(Margin { left: 6, right: 0, top: 0, bottom: 0 });
        let shown = panel.max_size(most).frame(frame).show(ui, |ui| show(ui, context, inspector, commands));
        *width = shown.response.rect.width();
    }
    CentralPanel::default().frame(Frame::new()).show(ui, |ui| rest(ui, commands));
}

/// The bytes from the cursor on, up to a hole or the end, and how many of them are selected.
struct Inspected<'b> {
    bytes: &'b [u8],
    at: usize,
    selected: Range<usize>,
}

fn show(ui: &mut Ui, context: ViewContext<'_>, inspector: &mut Inspector, commands: &mut Vec<Command>) {
    ui.add_space(4.0);
    let highlight = context.view.highlighted();
    let details = match highlight {
        Some(highlight) => context.view.details_of(highlight),
        None => context.view.details(),
    };
    let Some(details) = details else {
        ui.weak("Select a message.");
        return;
    };
    let at = context.view.cursor().unwrap_or(0);
    let message = details.captured();
    let end = message.missing().iter().map(|hole| hole.start).filter(|start| *start >= at).min();
    let end = end.unwrap_or(usize::MAX).min(message.length()).min(at.saturating_add(LOOKED_AT));
    let bytes = message.get(at..end.max(at)).unwrap_or_default();
    let selected = highlight.map_or(at..at + 1, |highlight| highlight.range.clone());
    let of = highlight.and_then(|highlight| highlight.of);
    let inspected = Inspected { bytes, at, selected };
    header(ui, context, &inspected, commands);
    let length = inspected.selected.end.saturating_sub(at);
    let groups = readings(inspected.bytes, length);
    let lines: Vec<Line<'_>> = groups.iter().flat_map(Line::of).collect();
    let columns = Columns::of(ui.available_width() - 14.0, context.settings.little_endian);
    let mut draw = |ui: &mut Ui, number: usize, rect: Rect| match lines.get(number) {
        Some(Line::Group(name)) => heading(ui, name, columns, rect, number == 0),
        Some(Line::Reading(reading)) => {
            let range = at..at + reading.length.min(inspected.bytes.len());
            let is_selected = range == inspected.selected && range.len() > 1;
            let hovered = columns.show(ui, (reading, number), is_selected, rect, commands);
            if hovered && !range.is_empty() {
                commands.push(Command::Hover(Highlight { range, path: None, of }));
            }
        }
        None => {}
    };
    list::show(ui, "Data inspector", &mut inspector.scroll, lines.len(), None, &mut |_| LINE, &mut draw);
}

fn header(ui: &mut Ui, context: ViewContext<'_>, inspected: &Inspected<'_>, commands: &mut Vec<Command>) {
    ui.horizontal(|ui| {
        ui.strong("Data inspector");
        if ui.available_width() < BOTH_ORDERS - 100.0 {
            let is_little = context.settings.little_endian;
            for (little, name) in [(false, "Big-endian"), (true, "Little-endian")] {
                if ui.selectable_label(is_little == little, name).clicked() && is_little != little {
                    commands.push(Command::Act(Action::ToggleOrder));
                }
            }
        }
    });
    let Inspected { bytes, at, selected } = inspected;
    let selection = match selected.len() {
        0 | 1 => format!("byte {at} (0x{at:x})"),
        length => format!("byte {at} (0x{at:x}); {} bytes selected", grouped(length)),
    };
    let text = if bytes.is_empty() { format!("{selection}: not captured") } else { selection };
    let shown = eframe::egui::Label::new(eframe::egui::RichText::new(text).weak()).truncate();
    ui.add(shown).on_hover_text(
        "Click a byte, or drag over several. Alt with the left and right arrow keys moves on.",
    );
    ui.separator();
}

/// A line of the list.
enum Line<'g> {
    Group(&'static str),
    Reading(&'g Reading),
}

impl Line<'_> {
    fn of(group: &Group) -> impl Iterator<Item = Line<'_>> {
        std::iter::once(Line::Group(group.name)).chain(group.readings.iter().map(Line::Reading))
    }
}

fn heading(ui: &Ui, name: &str, columns: Columns, rect: Rect, is_first: bool) {
    let (font, weak) = (FontId::proportional(11.5), ui.visuals().weak_text_color());
    paint_text(ui, rect, name, font.clone(), weak);
    // The orders are named once.
    if columns.has_both && is_first {
        paint_text(ui, columns.cell(rect, 0), "little-endian", font.clone(), weak);
        paint_text(ui, columns.cell(rect, 1), "big-endian", font, weak);
    }
    ui.painter().hline(rect.x_range(), rect.bottom() - 1.0, ui.visuals().widgets.noninteractive.bg_stroke);
}

/// Where the values are.
#[derive(Clone, Copy)]
struct Columns {
    has_both: bool,
    /// The order that is shown alone.
    order: Order,
    value: f32,
}

impl Columns {
    fn of(width: f32, is_little: bool) -> Columns {
        let has_both = width >= BOTH_ORDERS;
        let order = if is_little { Order::Little } else { Order::Big };
        let room = (width - NAMES).max(20.0);
        Columns { has_both, order, value: if has_both { room / 2.0 } else { room } }
    }

    fn cell(self, rect: Rect, number: u8) -> Rect {
        let left = rect.left() + NAMES + f32::from(number) * self.value;
        Rect::from_min_size(Pos2::new(left, rect.top()), Vec2::new(self.value - 6.0, LINE))
    }

    /// Shows a reading, and returns whether the pointer is over it.
    fn show(
        self,
        ui: &Ui,
        (reading, line): (&Reading, usize),
        is_selected: bool,
        rect: Rect,
        commands: &mut Vec<Command>,
    ) -> bool {
        let (font, weak) = (FontId::proportional(12.5), ui.visuals().weak_text_color());
        let orders: &[Order] = match (reading.has_order, self.has_both) {
            (true, true) => &[Order::Little, Order::Big],
            _ => std::slice::from_ref(&self.order),
        };
        let colour = if is_selected { ui.visuals().strong_text_color() } else { weak };
        let mut is_hovered = false;
        for (number, &order) in (0..).zip(orders) {
            let mut place = self.cell(rect, number);
            if !reading.has_order {
                place.max.x = rect.right();
            }
            is_hovered |= value(ui, (reading, order, line), place, is_selected, commands);
        }
        let name = Rect::from_min_size(rect.min, Vec2::new(NAMES - 6.0, LINE));
        paint_text(ui, name, reading.name, font, colour);
        is_hovered
    }
}

/// Shows a value, which a click copies. Returns whether the pointer is over it.
fn value(
    ui: &Ui,
    (reading, order, line): (&Reading, Order, usize),
    place: Rect,
    is_selected: bool,
    commands: &mut Vec<Command>,
) -> bool {
    let known = reading.of(order);
    let text = known.map_or("–", |meaning| meaning.text.as_str());
    let response = ui.interact(place, ui.scope_id().with((line, order == Order::Big)), Sense::click());
    let name = match (reading.has_order, order) {
        (false, _) => reading.name.to_owned(),
        (true, Order::Little) => format!("{} little-endian", reading.name),
        (true, Order::Big) => format!("{} big-endian", reading.name),
    };
    response.widget_info(|| WidgetInfo::labeled(Role::Button, known.is_some(), format!("{name}: {text}")));
    row_background(ui, place, false, response.hovered() && known.is_some());
    let visuals = ui.visuals();
    let colour = match known {
        Some(Meaning { is_likely: true, .. }) if is_selected => visuals.strong_text_color(),
        Some(Meaning { is_likely: true, .. }) => visuals.text_color(),
        _ => visuals.weak_text_color(),
    };
    paint_text(ui, place, text, FontId::monospace(12.5), colour);
    let is_hovered = response.hovered();
    if let Some(meaning) = known {
        if response.clicked() {
            commands.push(Command::Copy(Ok(meaning.text.clone())));
        }
        response.on_hover_text(format!("{name}\n{}\nClick to copy", meaning.text));
    }
    is_hovered
}
