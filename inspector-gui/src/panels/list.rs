//! A list of any length, of which only the visible items are laid out. Its scroll position is the number of an item, since
//! distances in f32 are too coarse for millions of items.

use eframe::egui::accesskit::Role;
use eframe::egui::{Color32, CornerRadius, Id, Pos2, Rect, Sense, Ui, UiBuilder, Vec2, WidgetInfo};
use framescope_capture::RowId;

use crate::models::rows::Rows;

/// The scroll position of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Scroll {
    /// The first visible item.
    pub(crate) top: usize,
    /// How much of it is above the upper edge, in points.
    pub(crate) offset: f32,
    /// Where the handle of the scroll bar was grabbed, while it is dragged.
    grabbed: Option<f32>,
    /// How many items were completely visible in the last frame.
    pub(crate) visible: usize,
    /// Whether the last item was completely visible in the last frame.
    pub(crate) is_at_end: bool,
}

const BAR_WIDTH: f32 = 12.0;
const SHORTEST_HANDLE: f32 = 26.0;

impl Scroll {
    /// Scrolls to the last item, which ends at the lower edge.
    pub(crate) fn show_end(&mut self, count: usize, room: f32, height: &mut dyn FnMut(usize) -> f32) {
        (self.top, self.offset) = Scroll::last(count, room, height);
    }

    /// Whether another position is elsewhere.
    pub(crate) fn is_moved(&self, to: &Scroll) -> bool {
        (self.top, self.offset) != (to.top, to.offset)
    }

    /// Scrolls by a distance in points.
    fn move_by(&mut self, distance: f32, count: usize, height: &mut dyn FnMut(usize) -> f32) {
        self.offset += distance;
        while self.offset < 0.0 && self.top > 0 {
            self.top -= 1;
            self.offset += height(self.top);
        }
        while self.top + 1 < count && self.offset >= height(self.top) {
            self.offset -= height(self.top);
            self.top += 1;
        }
        self.offset = self.offset.max(0.0);
    }

    /// The last position from which the list still fills the height `room`.
    fn last(count: usize, room: f32, height: &mut dyn FnMut(usize) -> f32) -> (usize, f32) {
        let (mut top, mut sum) = (count, 0.0);
        while top > 0 && sum < room {
            top -= 1;
            sum += height(top);
        }
        (top, (sum - room).max(0.0))
    }

    fn keep_within(&mut self, count: usize, room: f32, height: &mut dyn FnMut(usize) -> f32) {
        let (top, offset) = Scroll::last(count, room, height);
        if self.top > top || (self.top == top && self.offset > offset) {
            (self.top, self.offset) = (top, offset);
        }
    }

    /// Scrolls to an item: to the middle, unless it is visible already.
    pub(crate) fn show_item(&mut self, item: usize, room: f32, height: &mut dyn FnMut(usize) -> f32) {
        let mut bottom = -self.offset;
        if item >= self.top && item - self.top <= self.visible + 1 {
            for above in self.top..item {
                bottom += height(above);
            }
            let own = height(item);
            if bottom >= 0.0 && bottom + own <= room {
                return;
            }
        }
        (self.top, self.offset) = (item, 0.0);
        let above = (room - height(item)).max(0.0) / 2.0;
        self.move_by(-above, usize::MAX, height);
    }
}

/// The scroll position of a list of rows, which follows the selection.
#[derive(Debug, Default)]
pub(crate) struct RowScroll {
    pub(crate) scroll: Scroll,
    /// The row that was scrolled to last.
    followed: Option<RowId>,
}

impl RowScroll {
    /// The position to scroll to, if another row was selected since the last frame, or nothing was shown yet.
    pub(crate) fn target(&mut self, selected: Option<RowId>, rows: &Rows) -> Option<usize> {
        let is_new = self.followed != selected || self.scroll.visible == 0;
        let target = selected.filter(|_| is_new).and_then(|row| rows.position_of(row, false));
        if target.is_some() || selected.is_none() {
            self.followed = selected;
        }
        target
    }

    /// The rows that are about to be visible, or are near it.
    pub(crate) fn nearby(&self, target: Option<usize>, rows: &Rows) -> Vec<RowId> {
        let first = target.unwrap_or(self.scroll.top).saturating_sub(30);
        (first..rows.len().min(first + 80)).filter_map(|position| rows.at(position)).collect()
    }
}

/// The item at a share of the scroll bar.
// A share of a list is between its ends.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
fn item_at(share: f32, last: usize) -> usize {
    ((f64::from(share.clamp(0.0, 1.0)) * last as f64).round() as usize).min(last)
}

// A bar is some hundreds of points long: that is as exact as it can be visible.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
fn share_of(items: usize, of: usize) -> f32 {
    (items as f64 / of.max(1) as f64) as f32
}

/// Shows a list in the room that is left. `height` says how high an item is, `draw` draws one that is visible.
pub(crate) fn show(
    ui: &mut Ui,
    name: &str,
    scroll: &mut Scroll,
    count: usize,
    to_show: Option<usize>,
    height: &mut dyn FnMut(usize) -> f32,
    draw: &mut dyn FnMut(&mut Ui, usize, Rect),
) {
    let rect = ui.available_rect_before_wrap();
    let room = rect.height();
    let id = ui.scope_id().with(name);
    if ui.rect_contains_pointer(rect) {
        let wheel = ui.input(|input| input.smooth_scroll_delta().y);
        if wheel != 0.0 {
            scroll.move_by(-wheel, count, height);
        }
    }
    if let Some(item) = to_show.filter(|&item| item < count) {
        scroll.show_item(item, room, height);
    }
    let bar = Rect::from_min_max(Pos2::new(rect.right() - BAR_WIDTH, rect.top()), rect.right_bottom());
    drag_bar(ui, id, name, scroll, count, bar, room, height);
    scroll.keep_within(count, room, height);
    let inside = rect.with_max_x(bar.left() - 2.0);
    let mut child = ui.new_child(UiBuilder::new().max_rect(inside).id_salt(name));
    child.shrink_clip_rect(inside);
    let (mut y, mut item) = (inside.top() - scroll.offset, scroll.top);
    let mut visible = 0;
    while y < inside.bottom() && item < count {
        let own = height(item);
        let place = Rect::from_min_size(Pos2::new(inside.left(), y), Vec2::new(inside.width(), own));
        draw(&mut child, item, place);
        y += own;
        visible += usize::from(y <= inside.bottom());
        item += 1;
    }
    scroll.visible = visible;
    // Half a point is less than can be seen.
    scroll.is_at_end = item == count && y <= inside.bottom() + 0.5;
    ui.advance_cursor_after_rect(rect);
}

#[allow(clippy::too_many_arguments)]
fn drag_bar(
    ui: &Ui,
    id: Id,
    name: &str,
    scroll: &mut Scroll,
    count: usize,
    bar: Rect,
    room: f32,
    height: &mut dyn FnMut(usize) -> f32,
) {
    let (last, _) = Scroll::last(count, room, height);
    if last == 0 && scroll.top == 0 {
        return;
    }
    let visible = count - last;
    let handle_length = (share_of(visible, count) * bar.height()).max(SHORTEST_HANDLE).min(bar.height());
    let free = bar.height() - handle_length;
    let top = bar.top() + share_of(scroll.top.min(last), last) * free;
    let handle =
        Rect::from_min_size(Pos2::new(bar.left() + 2.0, top), Vec2::new(BAR_WIDTH - 4.0, handle_length));
    let response = ui.interact(bar, id.with("bar"), Sense::click_and_drag());
    let label = format!("{name}: item {} of {count}", scroll.top);
    response.widget_info(|| WidgetInfo::labeled(Role::ScrollBar, true, &label));
    if let Some(pointer) = response.interact_pointer_pos() {
        let grabbed = *scroll.grabbed.get_or_insert_with(|| {
            // A click beside the handle grabs it in the middle.
            if handle.contains(pointer) { pointer.y - handle.top() } else { handle_length / 2.0 }
        });
        let share = (pointer.y - grabbed - bar.top()) / free.max(1.0);
        (scroll.top, scroll.offset) = (item_at(share, last), 0.0);
    } else {
        scroll.grabbed = None;
    }
    let visuals = ui.style().interact(&response);
    ui.painter().rect_filled(bar, CornerRadius::same(4), ui.visuals().extreme_bg_color);
    let colour = if response.hovered() || response.dragged() {
        visuals.fg_stroke.color
    } else {
        blend(ui.visuals().weak_text_color(), ui.visuals().extreme_bg_color)
    };
    ui.painter().rect_filled(handle, CornerRadius::same(4), colour);
}

fn blend(a: Color32, b: Color32) -> Color32 {
    a.lerp_to_gamma(b, 0.35)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_one_of_ten_million_rows_can_be_scrolled_to() {
        let count = 10_000_000;
        let mut height = |_: usize| 20.0;
        for row in [0, 1, 2_000_001, 5_555_555, 9_999_998, 9_999_999] {
            let mut scroll = Scroll { visible: 30, ..Scroll::default() };
            scroll.show_item(row, 600.0, &mut height);
            scroll.keep_within(count, 600.0, &mut height);
            assert!((scroll.top..scroll.top + 31).contains(&row), "{row} is not visible from {scroll:?}");
        }
        // The wheel scrolls by one row anywhere.
        let mut scroll = Scroll { top: 9_000_000, ..Scroll::default() };
        scroll.move_by(20.0, count, &mut height);
        assert_eq!((scroll.top, scroll.offset), (9_000_001, 0.0));
        scroll.move_by(-20.0 * 3.5, count, &mut height);
        assert_eq!((scroll.top, scroll.offset), (8_999_997, 10.0));
    }

    #[test]
    fn the_bar_leads_to_the_ends_and_between() {
        assert_eq!((item_at(0.0, 9_999_970), item_at(1.0, 9_999_970)), (0, 9_999_970));
        assert_eq!(item_at(0.5, 10_000_000), 5_000_000);
        assert_eq!(item_at(f32::NAN, 10), 0);
    }

    #[test]
    fn the_list_ends_at_the_lower_edge() {
        let mut height = |item: usize| if item.is_multiple_of(2) { 10.0 } else { 30.0 };
        let mut scroll = Scroll { top: 99, ..Scroll::default() };
        scroll.keep_within(100, 100.0, &mut height);
        assert_eq!((scroll.top, scroll.offset), (95, 10.0));
        let mut scroll = Scroll { top: 2, offset: 5.0, ..Scroll::default() };
        scroll.keep_within(3, 100.0, &mut height);
        assert_eq!((scroll.top, scroll.offset), (0, 0.0), "what fits is at the top");
    }

    #[test]
    fn a_visible_item_is_not_scrolled_to() {
        let mut height = |_: usize| 20.0;
        let mut scroll = Scroll { top: 100, offset: 5.0, visible: 10, ..Scroll::default() };
        let before = scroll;
        scroll.show_item(103, 205.0, &mut height);
        assert_eq!(scroll, before);
        scroll.show_item(100, 205.0, &mut height);
        assert_ne!(scroll, before, "the edge cut it");
    }
}
