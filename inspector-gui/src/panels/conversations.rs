//! The conversations of the capture, on the left.

use eframe::egui::accesskit::Role;
use eframe::egui::{FontId, Pos2, Rect, Sense, TextFormat, Ui, Vec2, WidgetInfo};
use framescope_capture::FlowId;

use super::list::{self, Scroll};
use super::menus::{decode_as, entry};
use super::paint::{cut_text, indent, paint_text, row_background, row_text_colour};
use super::{Command, colours};
use crate::models::ViewContext;
use crate::models::actions::{Action, name};
use crate::models::channels::about_channel;
use crate::models::conversations::{ConversationText, Conversations, by_severity, count_text};
use crate::models::survey::Counts;

const HEIGHT: f32 = 54.0;
/// By how much each carrier indents what it carries.
const INDENT: f32 = 12.0;

/// What the list remembers from frame to frame.
#[derive(Debug, Default)]
pub(crate) struct ConversationList {
    scroll: Scroll,
    pub(crate) texts: Conversations,
}

pub(crate) fn show(
    ui: &mut Ui,
    context: ViewContext<'_>,
    list: &mut ConversationList,
    commands: &mut Vec<Command>,
) {
    ui.add_space(4.0);
    ui.strong("Conversations");
    ui.add_space(2.0);
    list.texts.update(context);
    let all = format!("All conversations ({})", list.texts.all());
    if ui.selectable_label(context.view.flow().is_none(), all).clicked() {
        commands.push(Command::ShowFlow(None));
    }
    ui.separator();
    let texts = &mut list.texts;
    let count = texts.count(context.index);
    let mut draw = |ui: &mut Ui, item: usize, rect: Rect| {
        let flow = texts.at(context.index, item);
        if let Some((flow, text)) = flow.and_then(|flow| Some((flow, texts.text(context, flow)?))) {
            conversation(ui, context, flow, &text, rect, commands);
        }
    };
    list::show(ui, "Conversations", &mut list.scroll, count, None, &mut |_| HEIGHT, &mut draw);
}

fn conversation(
    ui: &Ui,
    context: ViewContext<'_>,
    flow: FlowId,
    text: &ConversationText,
    rect: Rect,
    commands: &mut Vec<Command>,
) {
    let is_selected = context.view.flow() == Some(flow);
    let level = context.flow(flow).map_or(0, |flow| flow.level());
    let rect = rect.with_min_x(rect.left() + indent(level.into(), INDENT).min(rect.width() / 2.0));
    let response = ui.interact(rect, ui.scope_id().with(("conversation", flow)), Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::ListBoxOption, true, is_selected, text.spoken()));
    if level > 0 {
        let stroke = ui.visuals().widgets.noninteractive.bg_stroke;
        ui.painter().vline(rect.left() + 1.0, rect.shrink(4.0).y_range(), stroke);
    }
    row_background(ui, rect.shrink2(Vec2::new(0.0, 1.0)), is_selected, response.hovered());
    let line = |number: f32| {
        let top = rect.top() + 2.0 + number * 16.5;
        Rect::from_min_max(Pos2::new(rect.left() + 5.0, top), Pos2::new(rect.right() - 2.0, top + 17.0))
    };
    let (weak, small) = (ui.visuals().weak_text_color(), FontId::proportional(12.0));
    let colour = row_text_colour(ui, is_selected);
    paint_text(ui, line(0.0), &text.title, FontId::proportional(13.0), colour);
    paint_text(ui, line(1.0), &text.kind, small.clone(), weak);
    let amount = cut_text(ui, &text.amount, TextFormat::simple(small.clone(), weak), rect.width());
    let behind = line(2.0).left() + amount.size().x + 8.0;
    paint_text(ui, line(2.0), &text.amount, small.clone(), weak);
    if let Some(severity) = text.severity {
        let colour = colours::severity(severity, ui.visuals());
        paint_text(ui, line(2.0).with_min_x(behind), &text.problems, small, colour);
    }
    if response.clicked() {
        commands.push(Command::ShowFlow((!is_selected).then_some(flow)));
    }
    let response = match about_channel(context.index, flow) {
        Some(about) => response.on_hover_text(about),
        None => response,
    };
    response.context_menu(|ui| {
        entry(ui, "Show only this conversation", || Command::ShowFlow(Some(flow)), commands);
        entry(ui, name(Action::Guess), || Command::Guess(flow), commands);
        ui.menu_button("Decode as", |ui| decode_as(ui, context, Some(flow), commands));
    });
}

/// How many problems there are of each severity, in its colour.
pub(super) fn badges(ui: &mut Ui, counts: Counts) {
    for (count, severity) in by_severity(counts) {
        let colour = colours::severity(severity, ui.visuals());
        ui.colored_label(colour, count_text(count, severity));
    }
}
