//! Everything that can be done from the keyboard, in one table: it is what the keys do, what the palette offers and what the
//! sheet of shortcuts shows.

use eframe::egui::{Key, KeyboardShortcut, Modifiers};

/// Something that a person can do without pointing at anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Opens a file.
    Open,
    /// Opens the sample.
    OpenSample,
    /// Reads the file again.
    Reload,
    /// Types into the filter.
    Filter,
    /// Shows all rows again.
    ClearFilter,
    /// Goes to a row by its number.
    GoToRow,
    /// The next row with a warning or an error.
    NextProblem,
    /// The one before.
    PreviousProblem,
    /// The row that answers the selected one, or that it answers.
    GoToPartner,
    /// Shows the conversation of the selected row only, or all again.
    OnlyThisConversation,
    /// Remembers the selected row to compare others with.
    Compare,
    /// Shows the fields and bytes.
    ShowMessage,
    /// Shows the conversation as a dialogue.
    ShowDialogue,
    /// Shows the conversation as arrows between two lines.
    ShowLadder,
    /// Shows the problems.
    ShowProblems,
    /// Shows how long messages and replies are.
    ShowStatistics,
    /// Shows two messages side by side.
    ShowComparison,
    /// Shows or hides the conversations.
    ToggleConversations,
    /// Shows or hides the timeline.
    ToggleTimeline,
    /// Shows or hides the message.
    ToggleMessage,
    /// The message beside the table, or below it.
    ToggleBeside,
    /// Shows the whole time again.
    WholeTime,
    /// The time of day.
    TimeAbsolute,
    /// The time since the first packet.
    TimeRelative,
    /// The time since the row before.
    TimeDelta,
    /// The rows in their own order.
    Unsort,
    /// All columns as at first.
    ResetColumns,
    /// Copies the message's bytes.
    CopyHex,
    /// Copies the message as JSON.
    CopyJson,
    /// Dark text on light ground.
    ThemeLight,
    /// Light text on dark ground.
    ThemeDark,
    /// As the system is.
    ThemeSystem,
    /// Begins or shows a description of a protocol.
    Editor,
    /// How the description fits the capture.
    Health,
    /// Everything that can be done.
    Palette,
    /// The sheet of shortcuts.
    Shortcuts,
    /// The hints for the first time.
    Tour,
    /// Sends all banners away.
    DismissAll,
}

const COMMAND_SHIFT: Modifiers = Modifiers::COMMAND.plus(Modifiers::SHIFT);

/// An action, what it is called, and its keys.
pub type Entry = (Action, &'static str, &'static [KeyboardShortcut]);

const fn key(modifiers: Modifiers, key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(modifiers, key)
}

/// All actions. Of two whose keys are the same but for a modifier, the one with more modifiers stands first.
pub const ALL: &[Entry] = &[
    (Action::Palette, "Command palette", &[key(COMMAND_SHIFT, Key::P), key(Modifiers::COMMAND, Key::K)]),
    (
        Action::Shortcuts,
        "Keyboard shortcuts",
        &[
            key(Modifiers::NONE, Key::Questionmark),
            key(Modifiers::SHIFT, Key::Questionmark),
            key(Modifiers::NONE, Key::F1),
        ],
    ),
    (Action::Open, "Open a file", &[key(Modifiers::COMMAND, Key::O)]),
    (Action::OpenSample, "Open the sample capture", &[]),
    (Action::Reload, "Read the file again", &[key(Modifiers::COMMAND, Key::R)]),
    (Action::ClearFilter, "Clear the filter", &[key(COMMAND_SHIFT, Key::F)]),
    (Action::Filter, "Filter the rows", &[key(Modifiers::COMMAND, Key::F)]),
    (Action::GoToRow, "Go to a row", &[key(Modifiers::COMMAND, Key::G)]),
    (Action::PreviousProblem, "Previous problem", &[key(Modifiers::SHIFT, Key::F8)]),
    (Action::NextProblem, "Next problem", &[key(Modifiers::NONE, Key::F8)]),
    (Action::GoToPartner, "Go to the reply or the request", &[key(Modifiers::COMMAND, Key::J)]),
    (Action::OnlyThisConversation, "Only this conversation, or all", &[key(Modifiers::COMMAND, Key::L)]),
    (Action::Compare, "Compare with this row", &[key(Modifiers::COMMAND, Key::D)]),
    (Action::ShowMessage, "Show the message", &[key(Modifiers::COMMAND, Key::Num1)]),
    (Action::ShowDialogue, "Show the dialogue", &[key(Modifiers::COMMAND, Key::Num2)]),
    (Action::ShowLadder, "Show the ladder", &[key(Modifiers::COMMAND, Key::Num3)]),
    (Action::ShowProblems, "Show the problems", &[key(Modifiers::COMMAND, Key::Num4)]),
    (Action::ShowStatistics, "Show the statistics", &[key(Modifiers::COMMAND, Key::Num5)]),
    (Action::ShowComparison, "Show the comparison", &[key(Modifiers::COMMAND, Key::Num6)]),
    (Action::ToggleConversations, "Conversations panel", &[key(COMMAND_SHIFT, Key::C)]),
    (Action::ToggleTimeline, "Timeline panel", &[key(COMMAND_SHIFT, Key::T)]),
    (Action::ToggleMessage, "Message panel", &[key(COMMAND_SHIFT, Key::M)]),
    (Action::ToggleBeside, "Message beside or below the table", &[key(COMMAND_SHIFT, Key::B)]),
    (Action::WholeTime, "Show the whole time", &[]),
    (Action::TimeAbsolute, "Times as the time of day", &[]),
    (Action::TimeRelative, "Times since the first packet", &[]),
    (Action::TimeDelta, "Times since the row before", &[]),
    (Action::Unsort, "Rows in their own order", &[]),
    (Action::ResetColumns, "Columns as at first", &[]),
    (Action::CopyHex, "Copy the message as hex", &[key(COMMAND_SHIFT, Key::H)]),
    (Action::CopyJson, "Copy the message as JSON", &[key(COMMAND_SHIFT, Key::J)]),
    (Action::ThemeLight, "Light theme", &[]),
    (Action::ThemeDark, "Dark theme", &[]),
    (Action::ThemeSystem, "The system's theme", &[]),
    (Action::Editor, "Describe a protocol", &[key(Modifiers::COMMAND, Key::E)]),
    (Action::Health, "How the description fits", &[]),
    (Action::Tour, "Show the hints again", &[]),
    (Action::DismissAll, "Dismiss all messages", &[]),
];

/// What an action is called.
pub fn name(action: Action) -> &'static str {
    ALL.iter().find(|(known, ..)| *known == action).map_or("", |(_, name, _)| name)
}

/// Its first key, as it is written on this system; empty without one.
pub fn keys(action: Action, context: &eframe::egui::Context) -> String {
    let keys = ALL.iter().find(|(known, ..)| *known == action).and_then(|(.., keys)| keys.first());
    keys.map_or_else(String::new, |keys| context.format_shortcut(keys))
}

/// The actions whose names have all the words of `text` in them, or begin with their letters; those that begin with it
/// first.
pub fn matching(text: &str) -> Vec<&'static Entry> {
    let text = text.trim().to_lowercase();
    let mut found: Vec<(bool, &Entry)> = ALL
        .iter()
        .filter_map(|entry| {
            let name = entry.1.to_lowercase();
            let all = text.split_whitespace().all(|word| name.contains(word));
            all.then_some((!name.starts_with(&text), entry))
        })
        .collect();
    found.sort_by_key(|(rank, _)| *rank);
    found.into_iter().map(|(_, entry)| entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_actions_have_the_same_name_or_key() {
        for (at, (action, name, keys)) in ALL.iter().enumerate() {
            for (other, others_name, others_keys) in ALL.iter().skip(at + 1) {
                assert_ne!(action, other);
                assert_ne!(name, others_name);
                assert!(keys.iter().all(|key| !others_keys.contains(key)), "{name} and {others_name}");
            }
        }
    }

    #[test]
    fn an_action_is_found_by_words_of_its_name() {
        assert_eq!(matching("next pro").first().map(|entry| entry.0), Some(Action::NextProblem));
        assert_eq!(matching("problem").len(), 3);
        assert_eq!(matching("").len(), ALL.len());
        assert!(matching("no such thing").is_empty());
    }
}
