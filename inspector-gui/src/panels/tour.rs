//! The introduction that is shown with the sample until it is dismissed.

use eframe::egui::Ui;

const HINTS: [(&str, &str); 5] = [
    (
        "This is a sample",
        "Six conversations of a small chat program, with everything that goes wrong in practice. Each row is a message, or the reason why there is none.",
    ),
    (
        "See a message",
        "Click a row to see its fields and bytes below. Click a field to see its bytes, or a byte to see its field, with the packet it came from.",
    ),
    (
        "Find problems",
        "F8 goes to the next problem. The Problems tab says what each one means, its usual cause, and what to do.",
    ),
    (
        "Filter",
        "Type into the filter, for example kind == DATA, or right-click a cell or a field to add it. Drag over the timeline to select a time span.",
    ),
    (
        "Open your own capture",
        "Open a file, or drop it on the window. Describe your own format with Ctrl+E: the rows follow as you type. Ctrl+K finds everything else.",
    ),
];

/// Shows a hint. `at` is its number; None when the introduction is over.
pub(crate) fn show(ui: &mut Ui, at: &mut Option<usize>) {
    let Some((number, (title, text))) = at.and_then(|at| Some((at, HINTS.get(at)?))) else {
        *at = None;
        return;
    };
    ui.horizontal_wrapped(|ui| {
        ui.strong(format!("{title}  ({} of {})", number + 1, HINTS.len()));
        ui.label(*text);
        let is_last = number + 1 == HINTS.len();
        if ui.button(if is_last { "Done" } else { "Next hint" }).clicked() {
            *at = Some(number + 1).filter(|_| !is_last);
        }
        if !is_last && ui.button("Skip the introduction").clicked() {
            *at = None;
        }
    });
}
