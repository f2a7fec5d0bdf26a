//! What the keyboard does.

use eframe::egui::text_selection::LabelSelectionState;
use eframe::egui::{Event, Key, Modifiers, Popup, Ui};

use super::App;
use crate::models::actions::{Action, SHORTCUTS};
use crate::panels::Command;
use crate::panels::shortcuts::keyboard_shortcut;

impl App {
    pub(super) fn keys(&mut self, ui: &Ui, commands: &mut Vec<Command>) {
        if self.overlay.is_some() {
            return;
        }
        let ctx = ui.ctx();
        let is_typing = ctx.egui_wants_keyboard_input();
        for (action, shortcut) in SHORTCUTS.iter() {
            // In a text field these keys are a character, and of the text.
            let is_of_text = shortcut.key == "?" || matches!(action, Action::Undo | Action::Redo);
            if is_typing && is_of_text {
                continue;
            }
            let Some(keys) = keyboard_shortcut(*shortcut) else { continue };
            if ctx.input_mut(|input| input.consume_shortcut(&keys)) {
                commands.push(Command::Act(*action));
            }
        }
        // The other keys move in the text field.
        if is_typing {
            return;
        }
        // Selected text is copied by egui.
        let has_selected_text = ctx.plugin::<LabelSelectionState>().lock().has_selection();
        if !has_selected_text && ctx.input(|input| input.events.contains(&Event::Copy)) {
            commands.push(Command::CopySelection);
        }
        self.navigation_keys(ui);
    }

    fn navigation_keys(&mut self, ui: &Ui) {
        let ctx = ui.ctx();
        let pressed = |modifiers, key| ctx.input_mut(|input| input.consume_key(modifiers, key));
        let Some(view) = self.view.as_mut() else { return };
        for (key, by) in [(Key::ArrowDown, 1), (Key::ArrowUp, -1)] {
            if pressed(Modifiers::ALT, key) {
                view.move_highlight(by);
            }
        }
        for (key, by) in [(Key::ArrowRight, 1), (Key::ArrowLeft, -1)] {
            if pressed(Modifiers::ALT, key) {
                view.move_cursor(by);
            }
        }
        let page = isize::try_from(self.table.scroll.visible.max(2) - 1).unwrap_or(20);
        let moves = [
            (Key::ArrowDown, 1),
            (Key::ArrowUp, -1),
            (Key::PageDown, page),
            (Key::PageUp, -page),
            (Key::End, isize::MAX),
            (Key::Home, isize::MIN),
        ];
        for (key, by) in moves {
            if pressed(Modifiers::NONE, key) {
                view.move_selection(by);
                view.scroll_to_selected();
            }
        }
        // An open menu is closed first.
        let is_free = !Popup::is_any_open(ctx) && view.highlighted().is_some();
        if is_free && pressed(Modifiers::NONE, Key::Escape) {
            view.highlight(None);
        }
    }
}
