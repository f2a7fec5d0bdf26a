//! The layers around a message and inside it: the rows of carriers that brought it, and the rows that it brings.

use eframe::egui::accesskit::Role;
use eframe::egui::{FontId, Label, Pos2, Rect, RichText, Sense, Ui, Vec2, WidgetInfo};
use framescope_capture::RowId;
use framescope_parser::Severity;

use super::super::menus::entry;
use super::super::paint::{indent, paint_disclosure, paint_text, row_background};
use super::super::{Command, colours};
use super::{INDENT, LINE};
use crate::models::ViewContext;
use crate::models::actions::{Action, name};
use crate::models::details::{CarriedRow, CarrierRow, Details};

/// The room that the link to a row has, in points.
const LINK: f32 = 84.0;

/// A message of a carrier around the selected one. True if its fields are to be shown or hidden.
pub(super) fn carrier(
    ui: &mut Ui,
    context: ViewContext<'_>,
    carrier: &CarrierRow,
    is_open: bool,
    rect: Rect,
    commands: &mut Vec<Command>,
) -> bool {
    let is_shown = context.view.layer() == Some(carrier.row);
    let response = ui.interact(rect, ui.scope_id().with(("carrier", carrier.row)), Sense::click());
    let text = format!("carried in #{} {}", carrier.row, carrier.title);
    let spoken = format!("{text}, {}", carrier.place);
    response.widget_info(|| WidgetInfo::selected(Role::TreeItem, true, is_shown, &spoken));
    row_background(ui, rect, is_shown, response.hovered());
    let left = rect.left() + 2.0 + indent(carrier.level.into(), INDENT / 2.0);
    let sign = Rect::from_min_size(Pos2::new(left, rect.top()), Vec2::splat(LINE));
    let toggle = ui.interact(sign, ui.scope_id().with(("open carrier", carrier.row)), Sense::click());
    let verb = if is_open { "Close" } else { "Open" };
    let label = format!("{verb} the fields of #{}", carrier.row);
    toggle.widget_info(|| WidgetInfo::labeled(Role::DisclosureTriangle, true, &label));
    paint_disclosure(ui, sign.center() - Vec2::new(3.0, 0.0), is_open);
    let place = rect.with_min_x(left + INDENT + 4.0).with_max_x(rect.right() - LINK);
    let weak = ui.visuals().weak_text_color();
    paint_text(ui, place, &format!("{text}   {}", carrier.place), FontId::proportional(12.5), weak);
    link(ui, carrier.row, rect, commands);
    if response.clicked() && !toggle.clicked() {
        commands.push(Command::ShowLayer((!is_shown).then_some(carrier.row)));
    }
    response.on_hover_text(format!("{spoken}\nClick to see its bytes")).context_menu(|ui| {
        entry(ui, "Show its bytes", || Command::ShowLayer(Some(carrier.row)), commands);
        entry(ui, "Go to its row", || Command::GoTo(carrier.row), commands);
    });
    toggle.clicked()
}

/// A row that the selected message carries.
pub(super) fn carried(ui: &Ui, carried: &CarriedRow, rect: Rect, commands: &mut Vec<Command>) {
    let response = ui.interact(rect, ui.scope_id().with(("carried", carried.row)), Sense::click());
    let text = format!("carries #{} {}", carried.row, carried.title);
    response.widget_info(|| WidgetInfo::labeled(Role::Link, true, &text));
    row_background(ui, rect, false, response.hovered());
    let place = rect.with_min_x(rect.left() + INDENT + 6.0).with_max_x(rect.right() - LINK);
    paint_text(ui, place, &text, FontId::proportional(12.5), ui.visuals().text_color());
    link(ui, carried.row, rect, commands);
    if response.clicked() {
        commands.push(Command::GoTo(carried.row));
    }
}

/// At the right of a line, the way to a row.
fn link(ui: &Ui, row: RowId, rect: Rect, commands: &mut Vec<Command>) {
    let place = Rect::from_min_max(Pos2::new(rect.right() - LINK, rect.top()), rect.right_bottom());
    let response = ui.interact(place, ui.scope_id().with(("go to", row)), Sense::click());
    let text = format!("Go to #{row}");
    response.widget_info(|| WidgetInfo::labeled(Role::Link, true, &text));
    paint_text(ui, place, &text, FontId::proportional(12.5), ui.visuals().hyperlink_color);
    if response.clicked() {
        commands.push(Command::GoTo(row));
    }
}

/// That not everything is listed.
pub(super) fn more(ui: &Ui, text: &str, rect: Rect) {
    let place = rect.with_min_x(rect.left() + INDENT + 6.0);
    paint_text(ui, place, text, FontId::proportional(12.5), ui.visuals().weak_text_color());
}

/// How to get the secrets of an encrypted message that lacks them, and the way to give them.
pub(super) fn missing_secrets(ui: &mut Ui, details: &Details, commands: &mut Vec<Command>) {
    let Some(code) = details.no_secrets else { return };
    let colour = colours::severity(Severity::Note, ui.visuals());
    ui.horizontal(|ui| {
        if ui.button(format!("{}...", name(Action::KeyLog))).clicked() {
            commands.push(Command::Act(Action::KeyLog));
        }
        ui.add(
            Label::new(RichText::new("Not decrypted: the secrets are not known.").color(colour)).truncate(),
        );
    });
    ui.add(Label::new(RichText::new(code.what_to_do()).color(colour).small()).wrap());
}
