//! When the rows that are looked at were captured, and which of them have problems. Dragging over it looks at that time.

use eframe::egui::accesskit::Role;
use eframe::egui::{Align2, CornerRadius, Pos2, Rect, Sense, Stroke, StrokeKind, Ui, WidgetInfo};

use super::bars::{self, Bar};
use super::cells::clock;
use super::{Command, Look, duration, grouped, label_at};
use crate::actions::Action;

/// What the timeline remembers from frame to frame.
#[derive(Debug, Default)]
pub(crate) struct Brush {
    /// Where a drag began, as a share of the span.
    from: Option<f32>,
}

pub(crate) fn show(ui: &mut Ui, look: Look<'_>, brush: &mut Brush, commands: &mut Vec<Command>) {
    let timeline = &look.view.pictures().timeline;
    let Some((first, last)) = timeline.span else {
        ui.centered_and_justified(|ui| {
            ui.weak(if look.index.is_finished() { "Nothing here has a time." } else { "Reading..." });
        });
        return;
    };
    let rect = ui.available_rect_before_wrap();
    let place = Rect::from_min_max(rect.min, Pos2::new(rect.right(), rect.bottom() - 15.0));
    let rows: u64 = timeline.buckets.iter().map(|bucket| u64::from(bucket.rows)).sum();
    let response = ui.interact(rect, ui.scope_id().with("timeline"), Sense::click_and_drag());
    let spoken = format!(
        "Timeline: {rows} rows from {} to {}. Drag to look at a part of it.",
        clock(first),
        clock(last)
    );
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &spoken));
    ui.painter().rect_filled(place, CornerRadius::same(2), ui.visuals().extreme_bg_color);
    let all: Vec<Bar> = timeline
        .buckets
        .iter()
        .map(|bucket| Bar {
            all: bucket.rows.into(),
            warnings: bucket.warnings.into(),
            errors: bucket.errors.into(),
        })
        .collect();
    bars::paint(ui, place, &all, 0.0);
    let weak = ui.visuals().weak_text_color();
    let y = rect.bottom();
    label_at(ui, Pos2::new(rect.left(), y), Align2::LEFT_BOTTOM, &clock(first), 11.0, weak);
    label_at(ui, Pos2::new(rect.right(), y), Align2::RIGHT_BOTTOM, &clock(last), 11.0, weak);
    let counted = grouped(usize::try_from(rows).unwrap_or(0));
    let hint = match (&look.view.narrowing().span, look.view.is_picturing()) {
        (_, true) => "counting on...",
        (Some(_), false) => "double-click for the whole time",
        (None, false) => "drag to look at a part",
    };
    let middle = format!("{counted} rows in {}; {hint}", duration(last.saturating_sub(first)));
    label_at(ui, Pos2::new(rect.center().x, y), Align2::CENTER_BOTTOM, &middle, 11.0, weak);
    // Where the selected row is.
    let selected = look.view.selected().and_then(|row| look.index.time_ns(&look.index.row(row)?));
    if let Some(bucket) = selected.and_then(|time| timeline.bucket_of(time)) {
        let share = share_of(bucket);
        let x = place.left() + share * place.width();
        ui.painter().vline(x, place.y_range(), Stroke::new(1.5, ui.visuals().strong_text_color()));
    }
    let share_at = |x: f32| ((x - place.left()) / place.width()).clamp(0.0, 1.0);
    if response.drag_started() {
        brush.from = ui.input(|input| input.pointer.press_origin()).map(|at| share_at(at.x));
    }
    let pointer = response.interact_pointer_pos();
    if let (Some(from), Some(pointer)) = (brush.from, pointer) {
        let (low, high) = (from.min(share_at(pointer.x)), from.max(share_at(pointer.x)));
        let x = |share: f32| place.left() + share * place.width();
        let marked = Rect::from_min_max(Pos2::new(x(low), place.top()), Pos2::new(x(high), place.bottom()));
        ui.painter().rect_filled(
            marked,
            CornerRadius::ZERO,
            ui.visuals().selection.bg_fill.gamma_multiply(0.5),
        );
        ui.painter().rect_stroke(
            marked,
            CornerRadius::ZERO,
            ui.visuals().selection.stroke,
            StrokeKind::Inside,
        );
        if response.drag_stopped() {
            brush.from = None;
            let ends = timeline.time_at(low.into()).zip(timeline.time_at(high.into()));
            // Less than a bar is a click that shook.
            if let Some((low, high)) = ends.filter(|_| high - low > 0.002) {
                commands.push(Command::ShowSpan(Some(low..high.saturating_add(1))));
            }
        }
    }
    if response.double_clicked() {
        commands.push(Command::Act(Action::WholeTime));
    } else if response.clicked()
        && let Some(time) = pointer.and_then(|at| timeline.time_at(share_at(at.x).into()))
        && let Some(row) = row_at(look, time)
    {
        commands.push(Command::SelectRow(row));
    }
    if let Some(at) = response.hover_pos()
        && let Some(time) = timeline.time_at(share_at(at.x).into())
        && let Some(bucket) = timeline.bucket_of(time).and_then(|bucket| timeline.buckets.get(bucket))
    {
        response.on_hover_text_at_pointer(format!(
            "{}\n{} rows, {} with errors, {} with warnings",
            clock(time),
            bucket.rows,
            bucket.errors,
            bucket.warnings
        ));
    }
}

// Buckets are some hundreds.
#[allow(clippy::cast_precision_loss)]
fn share_of(bucket: usize) -> f32 {
    (bucket as f32 + 0.5) / crate::survey::BUCKETS as f32
}

/// The first row that was captured then or later. Rows stand nearly in the order of their times.
fn row_at(look: Look<'_>, time: i64) -> Option<u32> {
    if look.view.sort().is_some() {
        return None;
    }
    let (mut low, mut high) = (0, look.view.row_count());
    while low < high {
        let middle = low + (high - low) / 2;
        let then = look.view.row_at(middle).and_then(|row| look.index.time_ns(&look.index.row(row)?));
        match then.is_some_and(|then| then < time) {
            true => low = middle + 1,
            false => high = middle,
        }
    }
    look.view.row_at(low).or_else(|| look.view.row_at(low.checked_sub(1)?))
}
