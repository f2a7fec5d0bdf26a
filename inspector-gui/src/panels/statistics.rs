//! How long the messages that are looked at are, and how long their replies took.

use eframe::egui::accesskit::Role;
use eframe::egui::{Align2, Pos2, Rect, Sense, Ui, Vec2, WidgetInfo};

use super::bars::{self, Bar};
use super::{Command, Look, duration, grouped, label_at, size};
use crate::survey::Histogram;

/// A bar is no wider than this, in points.
const WIDEST: f32 = 64.0;

pub(crate) fn show(ui: &mut Ui, look: Look<'_>, commands: &mut Vec<Command>) {
    let pictures = look.view.pictures();
    let which = if look.view.is_narrowed() { "the rows that are shown" } else { "all rows" };
    ui.add_space(4.0);
    ui.weak(format!("Of {which}. Click a bar to look at those only."));
    let rect = ui.available_rect_before_wrap();
    let gap = 28.0;
    let half = Vec2::new((rect.width() - gap) / 2.0, rect.height() - 4.0);
    let left = Rect::from_min_size(rect.min + Vec2::new(0.0, 2.0), half);
    let right = left.translate(Vec2::new(half.x + gap, 0.0));
    let latency = |ns: u64| duration(i64::try_from(ns).unwrap_or(i64::MAX));
    histogram(ui, left, "Length", "length", "", &pictures.lengths, &size, commands);
    histogram(ui, right, "Latency of replies", "latency", "ns", &pictures.latencies, &latency, commands);
    ui.advance_cursor_after_rect(rect);
}

#[allow(clippy::too_many_arguments)]
fn histogram(
    ui: &mut Ui,
    rect: Rect,
    title: &str,
    column: &str,
    unit: &str,
    histogram: &Histogram,
    written: &dyn Fn(u64) -> String,
    commands: &mut Vec<Command>,
) {
    let (text, weak) = (ui.visuals().strong_text_color(), ui.visuals().weak_text_color());
    let about = match histogram.ends {
        Some((least, greatest)) => format!(
            "{} of {} to {}",
            grouped(usize::try_from(histogram.count).unwrap_or(usize::MAX)),
            written(least),
            written(greatest)
        ),
        None => "none".to_owned(),
    };
    let name = label_at(ui, rect.left_top(), Align2::LEFT_TOP, title, 13.0, text);
    label_at(ui, Pos2::new(name.right() + 10.0, name.bottom()), Align2::LEFT_BOTTOM, &about, 12.0, weak);
    let shown: Vec<(std::ops::Range<u64>, u64)> = histogram.shown().collect();
    let place = Rect::from_min_max(
        Pos2::new(rect.left(), name.bottom() + 16.0),
        Pos2::new(rect.right(), rect.bottom() - 16.0),
    );
    if shown.is_empty() || place.height() < 8.0 {
        return;
    }
    // Few bars are no wider than they have to be.
    #[allow(clippy::cast_precision_loss)]
    let place = place.with_max_x(place.right().min(place.left() + shown.len() as f32 * WIDEST));
    let all: Vec<Bar> = shown.iter().map(|(_, count)| Bar { all: *count, ..Bar::default() }).collect();
    bars::paint(ui, place, &all, 2.0);
    // Some tens of bars.
    #[allow(clippy::cast_precision_loss)]
    let width = place.width() / shown.len() as f32;
    let mut x = place.left();
    let mut labelled = f32::NEG_INFINITY;
    for (range, count) in &shown {
        let bar = Rect::from_min_max(Pos2::new(x, name.bottom()), Pos2::new(x + width, rect.bottom()));
        let response = ui.interact(bar, ui.scope_id().with((column, range.start)), Sense::click());
        let last = range.end.saturating_sub(1);
        let ends = match range.start == last {
            true => written(last),
            false => format!("{} to {}", written(range.start), written(last)),
        };
        response.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("{title} {ends}: {count}")));
        if response.hovered() {
            ui.painter().rect_stroke(
                bar,
                2.0,
                ui.visuals().widgets.hovered.fg_stroke,
                eframe::egui::StrokeKind::Inside,
            );
        }
        if response.clicked() {
            let low = format!("{column} >= {}{unit}", range.start);
            commands.push(Command::AddToFilter(format!("{low} and {column} <= {last}{unit}")));
        }
        if *count > 0 && width > 26.0 {
            let at = Pos2::new(bar.center().x, place.top() - 2.0);
            label_at(
                ui,
                at,
                Align2::CENTER_BOTTOM,
                &grouped(usize::try_from(*count).unwrap_or(0)),
                10.0,
                weak,
            );
        }
        if x >= labelled {
            let label = label_at(
                ui,
                Pos2::new(x, rect.bottom()),
                Align2::LEFT_BOTTOM,
                &written(range.start),
                10.5,
                weak,
            );
            labelled = label.right() + 8.0;
        }
        response.on_hover_text(format!("{ends}\n{count} of them"));
        x += width;
    }
}
