//! Painting that several panels share: cut text, labels, arrows, triangles, the background of a row, bars.

use eframe::egui::text::{LayoutJob, TextWrapping};
use eframe::egui::{
    Align2, Color32, CornerRadius, FontId, Galley, Pos2, Rect, Shape, Stroke, TextFormat, Ui, Vec2,
};
use framescope_parser::Severity;

use super::colours;

/// Lays text out on one line, cut with an ellipsis at a width.
pub(super) fn cut_text(ui: &Ui, text: &str, format: TextFormat, width: f32) -> std::sync::Arc<Galley> {
    let mut job = LayoutJob::single_section(text.to_owned(), format);
    job.wrap = TextWrapping::truncate_at_width(width.max(1.0));
    ui.fonts_mut(|fonts| fonts.layout_job(job))
}

/// Paints text at the left of a rectangle, vertically centred, and cut where it is too long.
pub(super) fn paint_text(ui: &Ui, rect: Rect, text: &str, font: FontId, colour: Color32) {
    if text.is_empty() || rect.width() < 4.0 {
        return;
    }
    let galley = cut_text(ui, text, TextFormat::simple(font, colour), rect.width());
    let at = Pos2::new(rect.left(), rect.center().y - galley.size().y / 2.0);
    ui.painter().galley(at, galley, colour);
}

/// Paints text that is aligned to a point.
pub(super) fn label_at(ui: &Ui, at: Pos2, align: Align2, text: &str, size: f32, colour: Color32) -> Rect {
    ui.painter().text(at, align, text, FontId::proportional(size), colour)
}

/// Paints an arrow, which needs no font.
pub(super) fn paint_arrow(ui: &Ui, from: Pos2, to: Pos2, colour: Color32, dashed: bool) {
    let stroke = Stroke::new(1.5, colour);
    if dashed {
        ui.painter().extend(Shape::dashed_line(&[from, to], stroke, 5.0, 4.0));
    } else {
        ui.painter().line_segment([from, to], stroke);
    }
    let direction = (to - from).normalized();
    let across = direction.rot90();
    let back = to - direction * 7.0;
    let head = vec![to, back + across * 3.5, back - across * 3.5];
    ui.painter().add(Shape::convex_polygon(head, colour, Stroke::NONE));
}

/// Paints a triangle around a point that opens or closes a field.
pub(super) fn paint_disclosure(ui: &Ui, at: Pos2, is_open: bool) {
    let points = match is_open {
        true => vec![at + Vec2::new(-4.0, -2.0), at + Vec2::new(4.0, -2.0), at + Vec2::new(0.0, 3.5)],
        false => vec![at + Vec2::new(-2.0, -4.0), at + Vec2::new(3.5, 0.0), at + Vec2::new(-2.0, 4.0)],
    };
    ui.painter().add(Shape::convex_polygon(points, ui.visuals().weak_text_color(), Stroke::NONE));
}

/// Paints a lock around a point, closed or open.
pub(super) fn paint_lock(ui: &Ui, at: Pos2, is_open: bool, colour: Color32) {
    let body = Rect::from_center_size(at + Vec2::new(0.0, 3.0), Vec2::new(9.0, 7.0));
    ui.painter().rect_filled(body, CornerRadius::same(1), colour);
    let stroke = Stroke::new(1.5, colour);
    let (left, right, top) = (at.x - 3.0, at.x + 3.0, at.y - 4.5);
    let lift = if is_open { 2.0 } else { 0.0 };
    let bow = [
        Pos2::new(left, body.top()),
        Pos2::new(left, top - lift + 1.5),
        Pos2::new(left + 1.5, top - lift),
        Pos2::new(right - 1.5, top - lift),
        Pos2::new(right, top - lift + 1.5),
        // An open one does not reach down on the right.
        Pos2::new(right, if is_open { top + 1.5 } else { body.top() }),
    ];
    ui.painter().add(Shape::line(bow.to_vec(), stroke));
}

/// Paints the background of a row that is selected or under the pointer.
pub(super) fn row_background(ui: &Ui, rect: Rect, is_selected: bool, is_hovered: bool) {
    let visuals = ui.visuals();
    let fill = match (is_selected, is_hovered) {
        (true, _) => visuals.selection.bg_fill,
        (false, true) => visuals.widgets.hovered.weak_bg_fill,
        (false, false) => return,
    };
    ui.painter().rect_filled(rect, CornerRadius::same(2), fill);
}

/// The colour of the text of a row.
pub(super) fn row_text_colour(ui: &Ui, is_selected: bool) -> Color32 {
    if is_selected { ui.visuals().strong_text_color() } else { ui.visuals().text_color() }
}

/// The offset of a nesting depth, in points. Deeper than forty levels no one can see the difference.
pub(super) fn indent(depth: usize, step: f32) -> f32 {
    f32::from(u16::try_from(depth.min(40)).unwrap_or(40)) * step
}

/// What one bar counts.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bar {
    /// All rows.
    pub(super) all: u64,
    /// Those of them with a warning.
    pub(super) warnings: u64,
    /// Those of them with an error.
    pub(super) errors: u64,
}

/// Fills a rectangle with bars, of which the highest counts `most`. `gap` is left between two.
pub(super) fn paint_bars(ui: &Ui, rect: Rect, bars: impl ExactSizeIterator<Item = Bar>, most: u64, gap: f32) {
    // Some hundreds of bars, some hundreds of points high.
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
    let (width, share) =
        (rect.width() / bars.len().max(1) as f32, |count: u64| (count as f64 / most.max(1) as f64) as f32);
    let visuals = ui.visuals();
    let mut x = rect.left();
    for bar in bars {
        let right = x + (width - gap).max(1.0);
        let mut bottom = rect.bottom();
        let fine = bar.all - bar.warnings - bar.errors;
        for (count, colour) in [
            // Errors are at the foot, and are never too few to be seen.
            (bar.errors, colours::severity(Severity::Error, visuals)),
            (bar.warnings, colours::severity(Severity::Warning, visuals)),
            (fine, colours::bar(visuals)),
        ] {
            if count > 0 {
                let top = (bottom - (share(count) * rect.height()).max(2.0)).max(rect.top());
                let part = Rect::from_min_max(Pos2::new(x, top), Pos2::new(right, bottom));
                ui.painter().rect_filled(part, CornerRadius::ZERO, colour);
                bottom = top;
            }
        }
        x += width;
    }
}
