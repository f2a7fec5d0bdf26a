//! One conversation as arrows between two lifelines: what each side sent when, what was lost and what was retransmitted.

use eframe::egui::accesskit::Role;
use eframe::egui::{
    Align2, FontId, Pos2, Rect, Response, Sense, Shape, Stroke, TextFormat, Ui, Vec2, WidgetInfo,
};
use framescope_capture::{Flow, Row, RowId};
use framescope_parser::{Code, Direction, Severity, SpanType};

use super::list::{self, RowScroll};
use super::paint::{cut_text, label_at, paint_arrow, paint_text, row_background, row_text_colour};
use super::{Command, colours};
use crate::models::ViewContext;
use crate::models::conversation_rows::ConversationRows;
use crate::models::text::{clock, duration};

const STEP: f32 = 30.0;
/// The room for times on the left and latencies on the right.
const MARGIN: f32 = 128.0;

/// What the ladder remembers from frame to frame.
#[derive(Debug, Default)]
pub(crate) struct Ladder {
    rows: RowScroll,
}

pub(crate) fn show(
    ui: &mut Ui,
    context: ViewContext<'_>,
    ladder: &mut Ladder,
    conversation: &ConversationRows,
    commands: &mut Vec<Command>,
) {
    let Some(flow) = context.flow(conversation.flow()) else { return };
    let lifelines = header(ui, flow);
    let rows = conversation.rows();
    let target = ladder.rows.target(context.view.selected(), rows);
    context.view.lookup().request_row_texts(&ladder.rows.nearby(target, rows));
    let mut draw = |ui: &mut Ui, item: usize, rect: Rect| {
        let found = rows.at(item).and_then(|number| Some((number, context.index.row(number)?)));
        if let Some((number, row)) = found {
            Rung { context, number, row, lifelines }.show(ui, rect, commands);
        }
    };
    let scroll = &mut ladder.rows.scroll;
    list::show(ui, "Ladder", scroll, rows.len(), target, &mut |_| STEP, &mut draw);
}

/// Shows the two endpoints, and returns where their lifelines are.
fn header(ui: &mut Ui, flow: &Flow) -> (f32, f32) {
    let width = ui.available_width() - 16.0;
    let (rect, _) = ui.allocate_exact_size(Vec2::new(width, 20.0), Sense::hover());
    let (left, right) = (rect.left() + MARGIN, rect.right() - MARGIN);
    let colour = ui.visuals().strong_text_color();
    for (x, direction) in [(left, Direction::Forward), (right, Direction::Backward)] {
        let endpoint = flow.source(direction);
        let text = endpoint.map_or_else(|| "bytes of the file".to_owned(), |endpoint| endpoint.to_string());
        label_at(ui, Pos2::new(x, rect.center().y), Align2::CENTER_CENTER, &text, 12.5, colour);
    }
    (left, right)
}

/// One row of the ladder.
struct Rung<'v> {
    context: ViewContext<'v>,
    number: RowId,
    row: Row,
    /// Where the lifelines are.
    lifelines: (f32, f32),
}

impl Rung<'_> {
    fn show(&self, ui: &Ui, rect: Rect, commands: &mut Vec<Command>) {
        let &Rung { context, number, row, lifelines: (left, right) } = self;
        let response = ui.interact(rect, ui.scope_id().with(("step", number)), Sense::click());
        let is_selected = context.view.selected() == Some(number);
        row_background(ui, rect, is_selected, response.hovered());
        let line = Stroke::new(1.0, ui.visuals().weak_text_color());
        ui.painter().vline(left, rect.y_range(), line);
        ui.painter().vline(right, rect.y_range(), line);
        let bad = row.severity().filter(|severity| *severity >= Severity::Warning);
        let text = row_text_colour(ui, is_selected);
        let colour = bad.map_or(text, |severity| colours::severity(severity, ui.visuals()));
        let label = self.label(bad);
        self.arrow(ui, rect.bottom() - 8.0, colour);
        self.text(ui, rect, &label, colour);
        self.margins(ui, rect);
        self.respond(&response, &label, is_selected, commands);
    }

    fn is_retransmitted(&self) -> bool {
        let codes = self.row.codes;
        codes.contains(Code::Retransmitted) || codes.contains(Code::ConflictingRetransmission)
    }

    fn label(&self, bad: Option<Severity>) -> String {
        let &Rung { context, number, row, .. } = self;
        let text = context.view.lookup().row_text(number);
        let summary = text.as_ref().map_or("...", |text| &*text.summary);
        let mut label = match row.span_type {
            SpanType::Message => {
                format!("#{number} {}  {summary}", context.index.kind(&row).unwrap_or("message"))
            }
            _ => format!("#{number} {}: {summary}", row.type_name()),
        };
        if self.is_retransmitted() {
            label.push_str("  (retransmitted)");
        }
        if let Some(severity) = bad {
            label.push_str(&format!("  ({severity})"));
        }
        label
    }

    fn direction(&self) -> Direction {
        self.context.index.direction(&self.row)
    }

    fn arrow(&self, ui: &Ui, y: f32, colour: eframe::egui::Color32) {
        let (left, right) = self.lifelines;
        let (a, b) = (Pos2::new(left, y), Pos2::new(right, y));
        let (from, to) = if self.direction() == Direction::Forward { (a, b) } else { (b, a) };
        match self.row.span_type {
            SpanType::Gap => {
                // Missing bytes have no arrow, only a trace where it would be.
                let length = Vec2::new((right - left) * 0.96, 5.0);
                let middle = Rect::from_center_size(Pos2::new((left + right) / 2.0, y), length);
                let ends = [middle.left_center(), middle.right_center()];
                ui.painter().extend(Shape::dotted_line(&ends, colour, 7.0, 1.4));
            }
            SpanType::Message => paint_arrow(ui, from, to, colour, self.is_retransmitted()),
            _ => paint_arrow(ui, from, to, colour, true),
        }
    }

    /// The label, at the side of its sender.
    fn text(&self, ui: &Ui, rect: Rect, label: &str, colour: eframe::egui::Color32) {
        let (left, right) = self.lifelines;
        let bottom = rect.bottom() - 9.0;
        let inner = Rect::from_min_max(Pos2::new(left + 8.0, rect.top()), Pos2::new(right - 8.0, bottom));
        let format = TextFormat::simple(FontId::proportional(12.5), colour);
        let galley = cut_text(ui, label, format, inner.width());
        let x = match self.direction() {
            Direction::Forward => inner.left(),
            Direction::Backward => inner.right() - galley.size().x,
        };
        ui.painter().galley(Pos2::new(x, inner.center().y - galley.size().y / 2.0), galley, colour);
    }

    /// The time on the left, and on the right which row it replies to after how long.
    fn margins(&self, ui: &Ui, rect: Rect) {
        let &Rung { context, number, row, lifelines: (left, right) } = self;
        let weak = ui.visuals().weak_text_color();
        if let Some(time) = context.index.time_ns(&row) {
            let place = Rect::from_min_max(rect.left_top(), Pos2::new(left - 8.0, rect.bottom()));
            paint_text(ui, place, &clock(time), FontId::monospace(11.5), weak);
        }
        if let Some((to, latency)) = context.index.reply_to(number) {
            let after = latency.map_or_else(String::new, |latency| format!(" after {}", duration(latency)));
            let place = Rect::from_min_max(Pos2::new(right + 8.0, rect.top()), rect.right_bottom());
            paint_text(ui, place, &format!("#{to}{after}"), FontId::proportional(11.5), weak);
        }
    }

    fn respond(&self, response: &Response, label: &str, is_selected: bool, commands: &mut Vec<Command>) {
        let way = if self.direction() == Direction::Forward { "to the right" } else { "to the left" };
        response.widget_info(|| {
            WidgetInfo::selected(Role::ListBoxOption, true, is_selected, format!("{label}, {way}"))
        });
        if response.clicked() {
            commands.push(Command::SelectRow(self.number));
        }
    }
}
