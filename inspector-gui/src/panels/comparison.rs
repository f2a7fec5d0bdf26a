//! Two messages field by field, with the differences marked.

use eframe::egui::accesskit::Role;
use eframe::egui::{CornerRadius, FontId, Pos2, Rect, Sense, Ui, Vec2, WidgetInfo};

use super::list::{self, Scroll};
use super::paint::{indent, paint_text};
use super::shortcuts::keys;
use super::{Command, colours};
use crate::models::ViewContext;
use crate::models::actions::Action;
use crate::models::compare::{Comparison, FieldPair};

const LINE: f32 = 19.0;
/// The room for the sign of a difference.
const SIGN: f32 = 20.0;

/// What the comparison remembers from frame to frame.
#[derive(Debug, Default)]
pub(crate) struct ComparisonPanel {
    scroll: Scroll,
    comparison: Comparison,
}

pub(crate) fn show(
    ui: &mut Ui,
    context: ViewContext<'_>,
    panel: &mut ComparisonPanel,
    commands: &mut Vec<Command>,
) {
    ui.add_space(4.0);
    let (Some(first), Some(second)) = (context.view.compared(), context.view.selected()) else {
        let keys = keys(Action::Compare, ui.ctx());
        ui.weak(format!(
            "Select a row and press {keys}, or Ctrl-click a row. Then select a row to compare with it."
        ));
        return;
    };
    let lookup = context.view.lookup();
    let Some((first, second)) = lookup.details(first).zip(lookup.details(second)) else {
        ui.weak("Reading...");
        return;
    };
    let comparison = &mut panel.comparison;
    comparison.update(&first, &second);
    ui.horizontal(|ui| {
        ui.strong(format!("{} and {}", first.title, second.title));
        ui.label(match comparison.different_values() {
            0 => "all fields are equal".to_owned(),
            1 => "1 field differs".to_owned(),
            count => format!("{count} fields differ"),
        });
        ui.checkbox(&mut comparison.only_differences, "Only differences");
        if ui.button("Stop comparing").clicked() {
            commands.push(Command::CompareWith(None));
        }
    });
    pairs(ui, comparison, (&first.title, &second.title), &mut panel.scroll);
}

/// Shows the fields of two messages, which have these titles.
pub(super) fn pairs(ui: &mut Ui, comparison: &Comparison, titles: (&str, &str), scroll: &mut Scroll) {
    let columns = Columns::of(ui.available_width() - 16.0);
    columns.header(ui, titles);
    let mut draw = |ui: &mut Ui, at: usize, rect: Rect| {
        if let Some(pair) = comparison.pair(at) {
            show_pair(ui, at, pair, columns, rect);
        }
    };
    list::show(ui, "Comparison", scroll, comparison.len(), None, &mut |_| LINE, &mut draw);
}

/// The widths of the columns.
#[derive(Clone, Copy)]
struct Columns {
    name: f32,
    value: f32,
}

impl Columns {
    fn of(width: f32) -> Columns {
        Columns { name: width * 0.28, value: width * 0.36 }
    }

    fn cell(rect: Rect, from: f32, width: f32) -> Rect {
        Rect::from_min_size(Pos2::new(rect.left() + from, rect.top()), Vec2::new(width - 8.0, LINE))
    }

    fn first(self, rect: Rect) -> Rect {
        Columns::cell(rect, self.name, self.value)
    }

    fn second(self, rect: Rect) -> Rect {
        Columns::cell(rect, self.name + self.value, self.value)
    }

    fn header(self, ui: &mut Ui, (first, second): (&str, &str)) {
        let (rect, _) = ui.allocate_exact_size(Vec2::new(ui.available_width(), LINE), Sense::hover());
        let (weak, small) = (ui.visuals().weak_text_color(), FontId::proportional(12.0));
        paint_text(ui, Columns::cell(rect, SIGN, self.name), "Field", small.clone(), weak);
        paint_text(ui, self.first(rect), first, small.clone(), weak);
        paint_text(ui, self.second(rect), second, small, weak);
        ui.painter().hline(rect.x_range(), rect.bottom(), ui.visuals().widgets.noninteractive.bg_stroke);
    }
}

fn show_pair(ui: &Ui, at: usize, pair: &FieldPair, columns: Columns, rect: Rect) {
    let response = ui.interact(rect, ui.scope_id().with(("pair", at)), Sense::hover());
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "absent".to_owned());
    let (first, second) = (text(&pair.first), text(&pair.second));
    response.widget_info(|| {
        let sign = if pair.differs { "differs" } else { "same" };
        let spoken = format!("{} {sign}: {first} / {second}", pair.path);
        WidgetInfo::labeled(Role::Label, true, spoken)
    });
    let (visuals, mono) = (ui.visuals(), FontId::monospace(12.5));
    if pair.differs {
        ui.painter().rect_filled(rect, CornerRadius::same(2), colours::at_fault(visuals));
        let (sign, font) = (Columns::cell(rect, 4.0, SIGN), FontId::proportional(14.0));
        paint_text(ui, sign, "\u{2260}", font, visuals.strong_text_color());
    }
    let left = SIGN + indent(pair.depth, 14.0);
    let name = Columns::cell(rect, left, columns.name - left);
    paint_text(ui, name, &pair.name, mono.clone(), visuals.weak_text_color());
    let colour = |value: &Option<String>| {
        if value.is_some() { visuals.text_color() } else { visuals.weak_text_color() }
    };
    paint_text(ui, columns.first(rect), &first, mono.clone(), colour(&pair.first));
    paint_text(ui, columns.second(rect), &second, mono, colour(&pair.second));
    response.on_hover_text(format!("{}\n{first}\n{second}", pair.path));
}
