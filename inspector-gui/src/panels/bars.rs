//! Bars side by side, parted by how bad what they count is: the drawing of the timeline and the histograms.

use eframe::egui::{CornerRadius, Pos2, Rect, Ui};
use framescope_parser::Severity;

use crate::colours;

/// What one bar counts.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bar {
    /// All.
    pub(crate) all: u64,
    /// Those of them with a warning.
    pub(crate) warnings: u64,
    /// Those of them with an error.
    pub(crate) errors: u64,
}

/// Fills a place with bars; the highest reaches its top. `gap` is left between two.
pub(crate) fn paint(ui: &Ui, place: Rect, bars: &[Bar], gap: f32) {
    let most = bars.iter().map(|bar| bar.all).max().unwrap_or(0).max(1);
    // Some hundreds of bars, some hundreds of points high.
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
    let (width, share) =
        (place.width() / bars.len().max(1) as f32, |count: u64| (count as f64 / most as f64) as f32);
    let visuals = ui.visuals();
    let mut x = place.left();
    for bar in bars {
        let right = x + (width - gap).max(1.0);
        let mut bottom = place.bottom();
        let fine = bar.all - bar.warnings - bar.errors;
        for (count, colour) in [
            // What is wrong stands at the foot, and is never too little to be seen.
            (bar.errors, colours::severity(Severity::Error, visuals)),
            (bar.warnings, colours::severity(Severity::Warning, visuals)),
            (fine, colours::bar(visuals)),
        ] {
            if count > 0 {
                let top = bottom - (share(count) * place.height()).max(2.0);
                let part = Rect::from_min_max(Pos2::new(x, top.max(place.top())), Pos2::new(right, bottom));
                ui.painter().rect_filled(part, CornerRadius::ZERO, colour);
                bottom = top.max(place.top());
            }
        }
        x += width;
    }
}
