//! What is above the columns: bars for how often their bytes change, their entropy and what they follow, their positions, and their
//! most frequent values.

use eframe::egui::accesskit::Role;
use eframe::egui::{
    Align2, CornerRadius, FontId, Pos2, Rect, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo,
};
use framescope_parser::Severity;

use super::{AlignedPanel, GUTTER, Layout, cell_text, gutter_text, position_text};
use crate::models::ViewContext;
use crate::models::aligned::{Against, Column, Columns, Counted, score};
use crate::panels::bytes::Metrics;
use crate::panels::paint::label_at;
use crate::panels::{Command, colours};

const BAR: f32 = 16.0;
const RULER: f32 = 15.0;

/// What a row of bars shows of a column.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Measure {
    Change,
    Entropy,
    Correlation,
    /// How surely it tells these messages from the kept ones.
    Difference,
}

impl Measure {
    fn name(self, against: Against) -> String {
        match (self, against) {
            (Measure::Change, _) => "Change".to_owned(),
            (Measure::Entropy, _) => "Entropy".to_owned(),
            (Measure::Correlation, Against::Length) => "Correlation with length".to_owned(),
            (Measure::Correlation, Against::Position(at)) => format!("Correlation with {at}"),
            (Measure::Difference, _) => "Differs from kept".to_owned(),
        }
    }

    /// From 0 to 1.
    fn of(self, column: &Column, counted: &Counted) -> Option<f64> {
        match self {
            Measure::Change => column.change(),
            Measure::Entropy => Some(column.entropy() / 8.0),
            Measure::Correlation => column.correlation.map(f64::abs),
            Measure::Difference => {
                let kept = counted.kept.as_ref()?;
                Some(score((kept, kept.at(column.position)?), (&counted.columns, column)))
            }
        }
    }
}

/// Shows the header. A click chooses a column.
pub(super) fn show(
    ui: &mut Ui,
    context: ViewContext<'_>,
    panel: &mut AlignedPanel,
    counted: &Counted,
    (layout, metrics): (Layout, &Metrics),
    commands: &mut Vec<Command>,
) {
    let mut bars = vec![Measure::Change, Measure::Entropy, Measure::Correlation];
    bars.extend(counted.kept.as_ref().map(|_| Measure::Difference));
    let lines: Vec<(&str, &Columns)> = std::iter::once(("Most frequent", &counted.columns))
        .chain(counted.kept.iter().map(|kept| ("Most frequent of kept", kept)))
        .collect();
    // A few lines.
    #[allow(clippy::cast_precision_loss)]
    let height = BAR * bars.len() as f32 + RULER + metrics.height * lines.len() as f32 + 2.0;
    let (rect, response) =
        ui.allocate_exact_size(Vec2::new(ui.available_width(), height), Sense::click_and_drag());
    let last = layout.first.saturating_add(i64::try_from(layout.visible).unwrap_or_default()) - 1;
    let label = format!("Columns {} to {last} of {} messages", layout.first, counted.columns.messages);
    response.widget_info(|| WidgetInfo::labeled(Role::Group, true, &label));
    let mut top = rect.top();
    let mut line = |height: f32| {
        let place = Rect::from_min_size(Pos2::new(rect.left(), top), Vec2::new(rect.width(), height));
        top += height;
        place
    };
    for &bar in &bars {
        paint_bars(ui, bar, counted, layout, line(BAR));
    }
    paint_ruler(ui, layout, line(RULER));
    for set in lines {
        paint_frequent(ui, set, layout, (metrics, panel.is_text), line(metrics.height));
    }
    ui.painter().hline(rect.x_range(), rect.bottom(), ui.visuals().widgets.noninteractive.bg_stroke);
    let under = |pointer: Pos2| layout.position_at(pointer.x);
    if let Some(position) = response.hover_pos().and_then(under) {
        paint_column(ui, layout, position, rect, false);
        if let Some(column) = counted.columns.at(position) {
            response.clone().on_hover_text_at_pointer(about(column, counted));
        }
    }
    if response.clicked()
        && let Some(position) = response.interact_pointer_pos().and_then(under)
    {
        panel.choose(position, context, commands);
    }
    if response.dragged()
        && let Some(from) = ui.input(|input| input.pointer.press_origin()).and_then(under)
        && let Some(to) = response.interact_pointer_pos().and_then(under)
        && from != to
    {
        panel.mark(from.min(to)..from.max(to) + 1, context, commands);
    }
    if let Some(position) = panel.column {
        paint_column(ui, layout, position, rect, true);
    }
}

fn paint_bars(ui: &Ui, bars: Measure, counted: &Counted, layout: Layout, rect: Rect) {
    gutter_text(ui, rect.with_max_x(rect.left() + GUTTER), &bars.name(counted.against));
    let visuals = ui.visuals();
    let colour = if bars == Measure::Difference {
        colours::severity(Severity::Warning, visuals)
    } else {
        colours::bar(visuals)
    };
    let floor = Stroke::new(1.0, visuals.widgets.noninteractive.bg_stroke.color);
    for (position, x) in layout.cells() {
        let value = counted.columns.at(position).and_then(|column| bars.of(column, counted));
        let width = layout.cell * 0.72;
        ui.painter().hline(x..=x + width, rect.bottom() - 1.0, floor);
        // A share of some points.
        #[allow(clippy::cast_possible_truncation)]
        let height = value.map_or(0.0, |value| value.clamp(0.0, 1.0) as f32 * (BAR - 3.0));
        if height > 0.4 {
            let bottom = rect.bottom() - 1.0;
            let bar = Rect::from_min_max(Pos2::new(x, bottom - height), Pos2::new(x + width, bottom));
            ui.painter().rect_filled(bar, CornerRadius::ZERO, colour);
        }
    }
}

fn paint_ruler(ui: &Ui, layout: Layout, rect: Rect) {
    let weak = ui.visuals().weak_text_color();
    gutter_text(ui, rect.with_max_x(rect.left() + GUTTER), "Position");
    let last = layout.first.saturating_add(i64::try_from(layout.visible).unwrap_or_default());
    let longest = layout.first.to_string().len().max(last.to_string().len());
    // Where numbers are long not every one has room.
    let step = if longest <= 3 { 1 } else { 2 };
    for (position, x) in layout.cells().filter(|(position, _)| position % step == 0) {
        let at = Pos2::new(x + layout.cell * 0.33, rect.center().y);
        label_at(ui, at, Align2::CENTER_CENTER, &position.to_string(), 10.0, weak);
    }
}

/// The most frequent values, the weaker the fewer messages have them.
fn paint_frequent(
    ui: &Ui,
    (name, columns): (&str, &Columns),
    layout: Layout,
    (metrics, is_text): (&Metrics, bool),
    rect: Rect,
) {
    gutter_text(ui, rect.with_max_x(rect.left() + GUTTER), name);
    let visuals = ui.visuals();
    for (position, x) in layout.cells() {
        let Some((value, share)) = columns.at(position).and_then(Column::most_frequent) else { continue };
        let place =
            Rect::from_min_size(Pos2::new(x, rect.top()), Vec2::new(metrics.width * 2.0, metrics.height));
        let is_mostly = share >= 0.5;
        if is_mostly {
            ui.painter().rect_filled(place, CornerRadius::ZERO, colours::value(value, visuals));
        }
        let colour = if is_mostly { visuals.strong_text_color() } else { visuals.weak_text_color() };
        let text = if is_mostly { cell_text(value, is_text).0 } else { "··".to_owned() };
        let font: FontId = metrics.font.clone();
        ui.painter().text(place.center(), Align2::CENTER_CENTER, text, font, colour);
    }
}

/// Outlines a column.
pub(super) fn paint_column(ui: &Ui, layout: Layout, position: i64, rect: Rect, is_chosen: bool) {
    let Some((_, x)) = layout.cells().find(|(known, _)| *known == position) else { return };
    let place = Rect::from_min_max(
        Pos2::new(x - layout.cell * 0.16, rect.top()),
        Pos2::new(x + layout.cell * 0.82, rect.bottom()),
    );
    let visuals = ui.visuals();
    let stroke = if is_chosen { visuals.selection.stroke } else { visuals.widgets.hovered.bg_stroke };
    ui.painter().rect_stroke(place, CornerRadius::same(1), stroke, StrokeKind::Inside);
}

/// A column in words.
fn about(column: &Column, counted: &Counted) -> String {
    let mut text = position_text(column.position, &counted.alignment);
    let percent = |share: f64| format!("{:.0} %", share * 100.0);
    if column.messages == 0 {
        text.push_str("\nnot captured, or too far from the beginning");
        return text;
    }
    if let Some(change) = column.change() {
        text.push_str(&format!("\ndiffers from the message before in {}", percent(change)));
    }
    let values = match column.values() {
        1 => "1 value".to_owned(),
        values => format!("{values} values"),
    };
    text.push_str(&format!(
        "\nentropy {:.1} of 8 bits, {values} in {} messages",
        column.entropy(),
        column.messages
    ));
    if let Some((value, share)) = column.most_frequent() {
        text.push_str(&format!("\nmost often 0x{value:02x} ({})", percent(share)));
    }
    let with = match counted.against {
        Against::Length => "the length of the message".to_owned(),
        Against::Position(at) => position_text(at, &counted.alignment),
    };
    match column.correlation {
        Some(value) => text.push_str(&format!("\ncorrelation with {with}: {value:.2}")),
        None => text.push_str(&format!("\nno correlation with {with}: one of them never changes")),
    }
    let kept = counted.kept.as_ref().and_then(|kept| kept.at(column.position));
    if let Some((value, share)) = kept.and_then(Column::most_frequent) {
        text.push_str(&format!("\nof the kept ones most often 0x{value:02x} ({})", percent(share)));
    }
    text.push_str("\nClick to choose this column");
    text
}
