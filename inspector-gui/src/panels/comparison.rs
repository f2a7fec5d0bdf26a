//! Two messages field by field, with what differs marked.

use eframe::egui::accesskit::Role;
use eframe::egui::{CornerRadius, FontId, Pos2, Rect, Sense, Ui, Vec2, WidgetInfo};

use super::list::{self, Scroll};
use super::{Command, Look, paint_text};
use crate::actions::{Action, keys};
use crate::colours;
use crate::compare::compare;

const LINE: f32 = 19.0;

/// What the comparison remembers from frame to frame.
#[derive(Debug, Default)]
pub(crate) struct Comparison {
    scroll: Scroll,
    only_differences: bool,
}

pub(crate) fn show(ui: &mut Ui, look: Look<'_>, comparison: &mut Comparison, commands: &mut Vec<Command>) {
    ui.add_space(4.0);
    let (Some(first), Some(second)) = (look.view.compared(), look.view.selected()) else {
        let keys = keys(Action::Compare, ui.ctx());
        ui.weak(format!(
            "Select a row and press {keys}, or Ctrl-click a row: then every row that you select is compared with it."
        ));
        return;
    };
    let details = look.view.lookup().details(first).zip(look.view.lookup().details(second));
    let Some((a, b)) = details else {
        ui.weak("Reading...");
        return;
    };
    let mut pairs = compare(&a.fields, &b.fields);
    let different = pairs
        .iter()
        .filter(|pair| {
            pair.differs && (pair.first.as_deref() != Some("") || pair.second.as_deref() != Some(""))
        })
        .count();
    ui.horizontal(|ui| {
        ui.strong(format!("{} and {}", a.title, b.title));
        ui.label(match different {
            0 => "all fields are the same".to_owned(),
            1 => "1 field differs".to_owned(),
            count => format!("{count} fields differ"),
        });
        ui.checkbox(&mut comparison.only_differences, "Only what differs");
        if ui.button("Compare with another").clicked() {
            commands.push(Command::CompareWith(None));
        }
    });
    if comparison.only_differences {
        pairs.retain(|pair| pair.differs);
    }
    let width = ui.available_width() - 16.0;
    let (name_width, value_width) = (width * 0.28, width * 0.36);
    let cell = |rect: Rect, from: f32, width: f32| {
        Rect::from_min_size(Pos2::new(rect.left() + from, rect.top()), Vec2::new(width - 8.0, LINE))
    };
    let (header, _) = ui.allocate_exact_size(Vec2::new(ui.available_width(), LINE), Sense::hover());
    let weak = ui.visuals().weak_text_color();
    let small = FontId::proportional(12.0);
    paint_text(ui, cell(header, 20.0, name_width), "Field", small.clone(), weak);
    paint_text(ui, cell(header, name_width, value_width), &a.title, small.clone(), weak);
    paint_text(ui, cell(header, name_width + value_width, value_width), &b.title, small, weak);
    ui.painter().hline(header.x_range(), header.bottom(), ui.visuals().widgets.noninteractive.bg_stroke);
    list::show(
        ui,
        "Comparison",
        &mut comparison.scroll,
        pairs.len(),
        None,
        &mut |_| LINE,
        &mut |ui, at, rect| {
            let Some(pair) = pairs.get(at) else { return };
            let response = ui.interact(rect, ui.scope_id().with(("pair", at)), Sense::hover());
            let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "not there".to_owned());
            let (first, second) = (shown(&pair.first), shown(&pair.second));
            let sign = if pair.differs { "differs" } else { "same" };
            response.widget_info(|| {
                WidgetInfo::labeled(Role::Label, true, format!("{} {sign}: {first} / {second}", pair.path))
            });
            let visuals = ui.visuals().clone();
            if pair.differs {
                ui.painter().rect_filled(rect, CornerRadius::same(2), colours::at_fault(&visuals));
            }
            let mono = FontId::monospace(12.5);
            // Never by colour alone.
            if pair.differs {
                paint_text(
                    ui,
                    cell(rect, 4.0, 20.0),
                    "\u{2260}",
                    FontId::proportional(14.0),
                    visuals.strong_text_color(),
                );
            }
            let indent = 20.0 + f32::from(u16::try_from(pair.depth.min(40)).unwrap_or(40)) * 14.0;
            paint_text(
                ui,
                cell(rect, indent, name_width - indent),
                &pair.name,
                mono.clone(),
                visuals.weak_text_color(),
            );
            let colour = |value: &Option<String>| {
                if value.is_some() { visuals.text_color() } else { visuals.weak_text_color() }
            };
            paint_text(ui, cell(rect, name_width, value_width), &first, mono.clone(), colour(&pair.first));
            paint_text(
                ui,
                cell(rect, name_width + value_width, value_width),
                &second,
                mono,
                colour(&pair.second),
            );
            response.on_hover_text(format!("{}\n{first}\n{second}", pair.path));
        },
    );
}
