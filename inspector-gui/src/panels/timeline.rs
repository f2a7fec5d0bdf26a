//! When the rows that are shown were captured, and which of them have problems. Dragging over it selects a time span.

use eframe::egui::accesskit::Role;
use eframe::egui::{Align2, CornerRadius, Pos2, Rect, Response, Sense, Stroke, StrokeKind, Ui, WidgetInfo};

use super::Command;
use super::paint::{Bar, label_at, paint_bars};
use crate::models::ViewContext;
use crate::models::actions::Action;
use crate::models::survey::{BUCKETS, Bucket, Timeline};
use crate::models::text::{clock, duration, grouped};

/// What the timeline remembers from frame to frame.
#[derive(Debug, Default)]
pub(crate) struct Brush {
    /// Where a drag started, as a share of the span.
    from: Option<f32>,
}

/// The shortest drag, as a share of the span: a shorter one is a click of an unsteady hand.
const SHORTEST_DRAG: f32 = 0.002;

pub(crate) fn show(ui: &mut Ui, context: ViewContext<'_>, brush: &mut Brush, commands: &mut Vec<Command>) {
    let timeline = &context.view.charts().timeline;
    let Some((first, last)) = timeline.span else {
        ui.centered_and_justified(|ui| {
            ui.weak(if context.index.is_finished() { "No row has a time." } else { "Reading..." });
        });
        return;
    };
    let rect = ui.available_rect_before_wrap();
    let chart = Rect::from_min_max(rect.min, Pos2::new(rect.right(), rect.bottom() - 15.0));
    let response = ui.interact(rect, ui.scope_id().with("timeline"), Sense::click_and_drag());
    response.widget_info(|| {
        let (rows, from, to) = (timeline.rows, clock(first), clock(last));
        let spoken = format!("Timeline: {rows} rows from {from} to {to}. Drag to select a time span.");
        WidgetInfo::labeled(Role::Image, true, spoken)
    });
    ui.painter().rect_filled(chart, CornerRadius::same(2), ui.visuals().extreme_bg_color);
    let bar = |bucket: &Bucket| Bar {
        all: bucket.rows.into(),
        warnings: bucket.warnings.into(),
        errors: bucket.errors.into(),
    };
    paint_bars(ui, chart, timeline.buckets.iter().map(bar), timeline.most.into(), 0.0);
    labels(ui, context, timeline, (first, last), rect);
    selected_row(ui, context, timeline, chart);
    let share_at = |x: f32| ((x - chart.left()) / chart.width()).clamp(0.0, 1.0);
    drag(ui, timeline, brush, &response, chart, commands);
    let pointer = response.interact_pointer_pos();
    if response.double_clicked() {
        commands.push(Command::Act(Action::WholeTime));
    } else if response.clicked()
        && let Some(time) = pointer.and_then(|at| timeline.time_at(share_at(at.x).into()))
        && let Some(row) = context.view.row_at_time(context.index, time)
    {
        commands.push(Command::SelectRow(row));
    }
    if let Some(at) = response.hover_pos()
        && let Some(time) = timeline.time_at(share_at(at.x).into())
        && let Some(bucket) = timeline.bucket_of(time).and_then(|bucket| timeline.buckets.get(bucket))
    {
        let Bucket { rows, errors, warnings } = bucket;
        let text = format!("{}\n{rows} rows, {errors} with errors, {warnings} with warnings", clock(time));
        response.on_hover_text_at_pointer(text);
    }
}

/// The ends of the span, how many rows it has, and what can be done.
fn labels(ui: &Ui, context: ViewContext<'_>, timeline: &Timeline, (first, last): (i64, i64), rect: Rect) {
    let weak = ui.visuals().weak_text_color();
    label_at(ui, rect.left_bottom(), Align2::LEFT_BOTTOM, &clock(first), 11.0, weak);
    label_at(ui, rect.right_bottom(), Align2::RIGHT_BOTTOM, &clock(last), 11.0, weak);
    let rows = grouped(usize::try_from(timeline.rows).unwrap_or(usize::MAX));
    let hint = match (&context.view.scope().span, context.view.is_charting()) {
        (_, true) => "counting...",
        (Some(_), false) => "double-click to show all",
        (None, false) => "drag to select a time span",
    };
    let text = format!("{rows} rows in {}; {hint}", duration(last.saturating_sub(first)));
    label_at(ui, rect.center_bottom(), Align2::CENTER_BOTTOM, &text, 11.0, weak);
}

/// A line at the time of the selected row.
fn selected_row(ui: &Ui, context: ViewContext<'_>, timeline: &Timeline, chart: Rect) {
    let time = context.view.selected().and_then(|row| context.index.time_ns(&context.index.row(row)?));
    if let Some(bucket) = time.and_then(|time| timeline.bucket_of(time)) {
        // Some hundreds of buckets.
        #[allow(clippy::cast_precision_loss)]
        let share = (bucket as f32 + 0.5) / BUCKETS as f32;
        let x = chart.left() + share * chart.width();
        ui.painter().vline(x, chart.y_range(), Stroke::new(1.5, ui.visuals().strong_text_color()));
    }
}

/// Shows the span that is being dragged over, and selects it in the end.
fn drag(
    ui: &Ui,
    timeline: &Timeline,
    brush: &mut Brush,
    response: &Response,
    chart: Rect,
    commands: &mut Vec<Command>,
) {
    let share_at = |x: f32| ((x - chart.left()) / chart.width()).clamp(0.0, 1.0);
    if response.drag_started() {
        brush.from = ui.input(|input| input.pointer.press_origin()).map(|at| share_at(at.x));
    }
    let (Some(from), Some(pointer)) = (brush.from, response.interact_pointer_pos()) else { return };
    let (low, high) = (from.min(share_at(pointer.x)), from.max(share_at(pointer.x)));
    let x = |share: f32| chart.left() + share * chart.width();
    let span = Rect::from_min_max(Pos2::new(x(low), chart.top()), Pos2::new(x(high), chart.bottom()));
    let selection = ui.visuals().selection;
    ui.painter().rect_filled(span, CornerRadius::ZERO, selection.bg_fill.gamma_multiply(0.5));
    ui.painter().rect_stroke(span, CornerRadius::ZERO, selection.stroke, StrokeKind::Inside);
    if response.drag_stopped() {
        brush.from = None;
        let ends = timeline.time_at(low.into()).zip(timeline.time_at(high.into()));
        if let Some((low, high)) = ends.filter(|_| high - low > SHORTEST_DRAG) {
            commands.push(Command::ShowSpan(Some(low..high.saturating_add(1))));
        }
    }
}
