//! Keyboard shortcuts as egui knows them.

use eframe::egui::{Context, Key, KeyboardShortcut, Modifiers};

use crate::models::actions::{Action, Shortcut, shortcut};

/// The shortcut as egui's input consumes it; None for a key that egui does not have.
pub(crate) fn keyboard_shortcut(shortcut: Shortcut) -> Option<KeyboardShortcut> {
    let mut modifiers = Modifiers::NONE;
    if shortcut.command {
        modifiers |= Modifiers::COMMAND;
    }
    if shortcut.shift {
        modifiers |= Modifiers::SHIFT;
    }
    Some(KeyboardShortcut::new(modifiers, Key::from_name(shortcut.key)?))
}

/// How a shortcut is written on this system.
pub(crate) fn shortcut_text(shortcut: Shortcut, ctx: &Context) -> String {
    match shortcut.key {
        // egui spells this one out.
        "?" => "?".to_owned(),
        _ => keyboard_shortcut(shortcut).map_or_else(String::new, |keys| ctx.format_shortcut(&keys)),
    }
}

/// The same for the first shortcut of an action; empty without one.
pub(crate) fn keys(action: Action, ctx: &Context) -> String {
    shortcut(action).map_or_else(String::new, |keys| shortcut_text(keys, ctx))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::actions::ALL;

    #[test]
    fn egui_has_the_key_of_every_shortcut() {
        for (_, name, shortcuts) in ALL {
            assert!(shortcuts.iter().all(|keys| keyboard_shortcut(*keys).is_some()), "{name}");
        }
    }
}
