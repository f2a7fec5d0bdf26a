//! Histograms of the rows that are shown: the lengths of messages and the latencies of replies.

use std::ops::Range;

use eframe::egui::accesskit::Role;
use eframe::egui::{Align2, Pos2, Rect, Sense, StrokeKind, Ui, Vec2, WidgetInfo};

use super::Command;
use super::paint::{Bar, label_at, paint_bars};
use crate::models::ViewContext;
use crate::models::levels::Levels;
use crate::models::survey::Histogram;
use crate::models::text::{duration, grouped, size};

/// The widest bar, in points.
const WIDEST: f32 = 64.0;
/// The room between the two charts.
const GAP: f32 = 28.0;

pub(crate) fn show(ui: &mut Ui, context: ViewContext<'_>, commands: &mut Vec<Command>) {
    let charts = context.view.charts();
    let which = if context.view.is_narrowed() { "The rows that are shown" } else { "All rows" };
    ui.add_space(4.0);
    // What is carried is also part of what carries it.
    let levels = match context.view.has_levels() && context.view.scope().levels == Levels::All {
        true => " of all levels, so that what is carried counts once more in each carrier",
        false => "",
    };
    ui.weak(format!("{which}{levels}. Click a bar to filter by it."));
    let rect = ui.available_rect_before_wrap();
    let half = Vec2::new((rect.width() - GAP) / 2.0, rect.height() - 4.0);
    let left = Rect::from_min_size(rect.min + Vec2::new(0.0, 2.0), half);
    let right = left.translate(Vec2::new(half.x + GAP, 0.0));
    let latency = |ns: u64| duration(i64::try_from(ns).unwrap_or(i64::MAX));
    let lengths = Quantity { title: "Length", column: "length", unit: "", text: &size };
    let latencies = Quantity { title: "Latency of replies", column: "latency", unit: "ns", text: &latency };
    lengths.show(ui, left, &charts.lengths, commands);
    latencies.show(ui, right, &charts.latencies, commands);
    ui.advance_cursor_after_rect(rect);
}

/// What a histogram counts.
struct Quantity<'q> {
    title: &'q str,
    /// The column and the unit in a filter.
    column: &'q str,
    unit: &'q str,
    /// Formats a value.
    text: &'q dyn Fn(u64) -> String,
}

impl Quantity<'_> {
    fn show(&self, ui: &Ui, rect: Rect, histogram: &Histogram, commands: &mut Vec<Command>) {
        let (strong, weak) = (ui.visuals().strong_text_color(), ui.visuals().weak_text_color());
        let title = label_at(ui, rect.left_top(), Align2::LEFT_TOP, self.title, 13.0, strong);
        let at = Pos2::new(title.right() + 10.0, title.bottom());
        label_at(ui, at, Align2::LEFT_BOTTOM, &self.range(histogram), 12.0, weak);
        let (top, bottom) = (title.bottom() + 16.0, rect.bottom() - 16.0);
        let count = histogram.bars.len();
        if count == 0 || bottom - top < 8.0 {
            return;
        }
        // Some tens of bars.
        #[allow(clippy::cast_precision_loss)]
        let width = (rect.width() / count as f32).min(WIDEST);
        #[allow(clippy::cast_precision_loss)]
        let right = rect.left() + count as f32 * width;
        let place = Rect::from_min_max(Pos2::new(rect.left(), top), Pos2::new(right, bottom));
        let bars = histogram.bars.iter().map(|(_, count)| Bar { all: *count, ..Bar::default() });
        paint_bars(ui, place, bars, histogram.most, 2.0);
        let mut x = place.left();
        let mut labelled_to = f32::NEG_INFINITY;
        for (range, count) in &histogram.bars {
            let bar = Rect::from_min_max(Pos2::new(x, title.bottom()), Pos2::new(x + width, rect.bottom()));
            self.bar(ui, bar, range, *count, commands);
            if *count > 0 && width > 26.0 {
                let at = Pos2::new(bar.center().x, place.top() - 2.0);
                let text = grouped(usize::try_from(*count).unwrap_or(usize::MAX));
                label_at(ui, at, Align2::CENTER_BOTTOM, &text, 10.0, weak);
            }
            if x >= labelled_to {
                let text = (self.text)(range.start);
                let label = label_at(ui, bar.left_bottom(), Align2::LEFT_BOTTOM, &text, 10.5, weak);
                labelled_to = label.right() + 8.0;
            }
            x += width;
        }
    }

    fn range(&self, histogram: &Histogram) -> String {
        let count = grouped(usize::try_from(histogram.count).unwrap_or(usize::MAX));
        match histogram.ends {
            Some((least, greatest)) => {
                format!("{count} values, {} to {}", (self.text)(least), (self.text)(greatest))
            }
            None => "no values".to_owned(),
        }
    }

    fn bar(&self, ui: &Ui, rect: Rect, range: &Range<u64>, count: u64, commands: &mut Vec<Command>) {
        let Quantity { title, column, unit, text } = self;
        let response = ui.interact(rect, ui.scope_id().with((column, range.start)), Sense::click());
        let (first, last) = (range.start, range.end.saturating_sub(1));
        let ends = match first == last {
            true => text(last),
            false => format!("{} to {}", text(first), text(last)),
        };
        response.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("{title} {ends}: {count}")));
        if response.hovered() {
            let stroke = ui.visuals().widgets.hovered.fg_stroke;
            ui.painter().rect_stroke(rect, 2.0, stroke, StrokeKind::Inside);
        }
        if response.clicked() {
            let test = format!("{column} >= {first}{unit} and {column} <= {last}{unit}");
            commands.push(Command::AddToFilter(test));
        }
        response.on_hover_text(format!("{ends}: {count}\nClick to filter by it"));
    }
}
