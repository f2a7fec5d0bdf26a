//! Which columns are visible: a position from left to right, in whole columns.

use eframe::egui::accesskit::Role;
use eframe::egui::{CornerRadius, Pos2, Rect, Sense, Ui, WidgetInfo};

const SHORTEST_HANDLE: f32 = 26.0;

/// The horizontal scroll position.
#[derive(Debug, Default)]
pub(super) struct Across {
    /// How many columns are to the left of the visible ones.
    skipped: f32,
    /// The position to scroll to.
    pub(super) target: Option<i64>,
    /// Where the handle was grabbed, while it is dragged.
    grabbed: Option<f32>,
}

// There are some thousands of columns.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
impl Across {
    /// How many of `all` columns are to the left of the visible ones. `first` is the position of the first of all.
    pub(super) fn first(&mut self, first: i64, visible: usize, all: usize) -> usize {
        let last = all.saturating_sub(visible);
        if let Some(target) = self.target.take() {
            let at = usize::try_from(target - first).unwrap_or_default().min(all);
            let skipped = self.skipped as usize;
            if at < skipped || at >= skipped + visible {
                // Some of what is before it is visible too.
                self.skipped = at.saturating_sub(visible / 4) as f32;
            }
        }
        self.skipped = self.skipped.clamp(0.0, last as f32);
        self.skipped as usize
    }

    pub(super) fn move_by(&mut self, columns: f32) {
        self.skipped = (self.skipped + columns).max(0.0);
    }

    /// Shows the scroll bar, if there are more columns than visible ones.
    pub(super) fn bar(&mut self, ui: &Ui, bar: Rect, visible: usize, all: usize) {
        if visible >= all || bar.width() < SHORTEST_HANDLE {
            return;
        }
        let last = (all - visible) as f32;
        let length = (visible as f32 / all as f32 * bar.width()).max(SHORTEST_HANDLE);
        let free = bar.width() - length;
        let left = bar.left() + self.skipped.min(last) / last * free;
        let handle = Rect::from_min_max(
            Pos2::new(left, bar.top() + 2.0),
            Pos2::new(left + length, bar.bottom() - 2.0),
        );
        let response = ui.interact(bar, ui.scope_id().with("across"), Sense::click_and_drag());
        let label = format!("Columns: {} of {all}", self.skipped as usize);
        response.widget_info(|| WidgetInfo::labeled(Role::ScrollBar, true, &label));
        if let Some(pointer) = response.interact_pointer_pos() {
            let grabbed = *self.grabbed.get_or_insert_with(|| {
                // A click beside the handle grabs it in the middle.
                if handle.contains(pointer) { pointer.x - handle.left() } else { length / 2.0 }
            });
            let share = ((pointer.x - grabbed - bar.left()) / free.max(1.0)).clamp(0.0, 1.0);
            self.skipped = (share * last).round();
        } else {
            self.grabbed = None;
        }
        ui.painter().rect_filled(bar, CornerRadius::same(4), ui.visuals().extreme_bg_color);
        let colour = ui.style().interact(&response).fg_stroke.color.gamma_multiply(0.6);
        ui.painter().rect_filled(handle, CornerRadius::same(4), colour);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_scrolled_to_and_the_ends_are_kept() {
        let mut across = Across { target: Some(-1), ..Across::default() };
        assert_eq!(across.first(-100, 40, 100), 60, "the last column");
        across.target = Some(-30);
        assert_eq!(across.first(-100, 40, 100), 60, "it is visible already");
        across.target = Some(-100);
        assert_eq!(across.first(-100, 40, 100), 0);
        across.move_by(1000.0);
        assert_eq!(across.first(-100, 40, 100), 60);
        assert_eq!(across.first(-100, 100, 100), 0, "all are visible");
    }
}
