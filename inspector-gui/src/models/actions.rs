//! All actions with their names and keys, in one table: the keyboard, the command palette and the list of shortcuts read it.

use std::sync::LazyLock;

/// Something that can be done without pointing at anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Opens a file.
    Open,
    /// Opens the sample capture.
    OpenSample,
    /// Takes the secrets of TLS from a file.
    KeyLog,
    /// Reads the file again.
    Reload,
    /// Records what passes an interface, or ends the recording.
    Record,
    /// Shows no new rows of a recording, or all that came meanwhile.
    PauseRecording,
    /// Saves what was recorded.
    SaveRecording,
    /// Keeps the newest rows visible, or not.
    FollowNewest,
    /// Moves the focus to the filter.
    Filter,
    /// Shows all rows.
    ClearFilter,
    /// Goes to a row by its number.
    GoToRow,
    /// Selects the next row with a warning or an error.
    NextProblem,
    /// Selects the previous row with a warning or an error.
    PreviousProblem,
    /// Selects the reply to the selected row, or the request that it replies to.
    GoToPartner,
    /// Shows only the conversation of the selected row, or all again.
    OnlyThisConversation,
    /// Compares other rows with the selected one.
    Compare,
    /// Edits the message of the selected row, to send it.
    EditAndSend,
    /// Shows the message that is composed, or where a new one begins.
    ShowComposer,
    /// Sends the message that is composed.
    Send,
    /// Shows the fields and bytes.
    ShowMessage,
    /// Shows what the two sides of a conversation sent.
    ShowTranscript,
    /// Shows the conversation as arrows between two lines.
    ShowLadder,
    /// Shows the problems.
    ShowProblems,
    /// Shows the lengths of messages and the latencies of replies.
    ShowStatistics,
    /// Shows two messages side by side.
    ShowComparison,
    /// Shows messages under each other, byte by byte.
    ShowAligned,
    /// Finds out what messages could be that no protocol explains.
    Guess,
    /// Shows what they could be.
    ShowGuess,
    /// Shows or hides where bytes are said to be something.
    State,
    /// Takes back what was said last.
    Undo,
    /// Says again what was taken back.
    Redo,
    /// Keeps the messages that are under each other, to compare others with them.
    KeepAligned,
    /// Shows or hides the conversations.
    ToggleConversations,
    /// Shows or hides the timeline.
    ToggleTimeline,
    /// Shows or hides the message panel.
    ToggleMessage,
    /// Shows or hides the data inspector.
    ToggleInspector,
    /// Shows numbers in the other byte order.
    ToggleOrder,
    /// Moves the message panel beside the table, or below it.
    ToggleBeside,
    /// Shows the rows of all times.
    WholeTime,
    /// Shows the next choice of levels.
    NextLevels,
    /// Shows the rows that carry nothing further.
    LevelsInnermost,
    /// Shows the rows of all levels.
    LevelsAll,
    /// Shows the rows that packets bring.
    LevelsOutermost,
    /// Shows the time of day.
    TimeAbsolute,
    /// Shows the time since the first packet.
    TimeRelative,
    /// Shows the time since the previous row.
    TimeDelta,
    /// Shows the rows in their own order.
    Unsort,
    /// Restores the default columns.
    ResetColumns,
    /// Copies the message's bytes.
    CopyHex,
    /// Copies the message as JSON.
    CopyJson,
    /// Dark text on a light background.
    ThemeLight,
    /// Light text on a dark background.
    ThemeDark,
    /// The system's theme.
    ThemeSystem,
    /// Opens the editor of a protocol description.
    Editor,
    /// Checks the description against the capture.
    Health,
    /// Opens the command palette.
    Palette,
    /// Shows the keyboard shortcuts.
    Shortcuts,
    /// Shows the introduction.
    Tour,
    /// Dismisses all notifications.
    DismissAll,
}

/// Keys that are pressed together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shortcut {
    /// Whether Ctrl is held; on macOS the command key.
    pub command: bool,
    /// Whether Shift is held.
    pub shift: bool,
    /// The key's name.
    pub key: &'static str,
}

const fn plain(key: &'static str) -> Shortcut {
    Shortcut { command: false, shift: false, key }
}

const fn shift(key: &'static str) -> Shortcut {
    Shortcut { shift: true, ..plain(key) }
}

const fn command(key: &'static str) -> Shortcut {
    Shortcut { command: true, ..plain(key) }
}

const fn command_shift(key: &'static str) -> Shortcut {
    Shortcut { command: true, ..shift(key) }
}

/// An action, its name, and its shortcuts.
pub type Entry = (Action, &'static str, &'static [Shortcut]);

/// All actions.
pub const ALL: &[Entry] = &[
    (Action::Palette, "Command palette", &[command_shift("P"), command("K")]),
    (Action::Shortcuts, "Keyboard shortcuts", &[plain("?"), shift("?"), plain("F1")]),
    (Action::Open, "Open a file", &[command("O")]),
    (Action::OpenSample, "Open the sample capture", &[]),
    (Action::KeyLog, "TLS key log file", &[]),
    (Action::Reload, "Reload the file", &[command("R")]),
    (Action::Record, "Record packets, or stop recording", &[command_shift("R")]),
    (Action::PauseRecording, "Pause the recording, or resume it", &[]),
    (Action::SaveRecording, "Save the recorded packets", &[]),
    (Action::FollowNewest, "Follow the newest rows", &[]),
    (Action::ClearFilter, "Clear the filter", &[command_shift("F")]),
    (Action::Filter, "Filter the rows", &[command("F")]),
    (Action::GoToRow, "Go to a row", &[command("G")]),
    (Action::PreviousProblem, "Previous problem", &[shift("F8")]),
    (Action::NextProblem, "Next problem", &[plain("F8")]),
    (Action::GoToPartner, "Go to the reply or the request", &[command("J")]),
    (Action::OnlyThisConversation, "Show only this conversation, or all", &[command("L")]),
    (Action::Compare, "Compare with this row", &[command("D")]),
    (Action::EditAndSend, "Edit and send", &[command_shift("E")]),
    (Action::ShowMessage, "Show the message", &[command("1")]),
    (Action::ShowTranscript, "Show the transcript", &[command("2")]),
    (Action::ShowLadder, "Show the ladder", &[command("3")]),
    (Action::ShowProblems, "Show the problems", &[command("4")]),
    (Action::ShowStatistics, "Show the statistics", &[command("5")]),
    (Action::ShowComparison, "Show the comparison", &[command("6")]),
    (Action::ShowComposer, "Compose a new message, or go on with it", &[command("7")]),
    (Action::Send, "Send the composed message", &[command("Enter")]),
    (Action::ShowAligned, "Align messages", &[command("8")]),
    (Action::Guess, "What could this be?", &[command_shift("G")]),
    (Action::ShowGuess, "Show what it could be", &[command("9")]),
    (Action::State, "This is ...", &[command_shift("S")]),
    (Action::Undo, "Take back what was said last", &[command("Z")]),
    (Action::Redo, "Say again what was taken back", &[command_shift("Z"), command("Y")]),
    (Action::KeepAligned, "Keep the aligned messages to compare", &[]),
    (Action::ToggleConversations, "Conversations panel", &[command_shift("C")]),
    (Action::ToggleTimeline, "Timeline panel", &[command_shift("T")]),
    (Action::ToggleMessage, "Message panel", &[command_shift("M")]),
    (Action::ToggleInspector, "Data inspector", &[command_shift("I")]),
    (Action::ToggleOrder, "Byte order of the data inspector", &[]),
    (Action::ToggleBeside, "Message panel beside or below the table", &[command_shift("B")]),
    (Action::WholeTime, "Show all times", &[]),
    (Action::NextLevels, "Innermost, all or outermost levels", &[command_shift("L")]),
    (Action::LevelsInnermost, "Show only the innermost level", &[]),
    (Action::LevelsAll, "Show all levels", &[]),
    (Action::LevelsOutermost, "Show only the outermost level", &[]),
    (Action::TimeAbsolute, "Time of day", &[]),
    (Action::TimeRelative, "Time since the first packet", &[]),
    (Action::TimeDelta, "Time since the previous row", &[]),
    (Action::Unsort, "Restore the order of the rows", &[]),
    (Action::ResetColumns, "Reset the columns", &[]),
    (Action::CopyHex, "Copy the message as hex", &[command_shift("H")]),
    (Action::CopyJson, "Copy the message as JSON", &[command_shift("J")]),
    (Action::ThemeLight, "Light theme", &[]),
    (Action::ThemeDark, "Dark theme", &[]),
    (Action::ThemeSystem, "System theme", &[]),
    (Action::Editor, "Describe a protocol", &[command("E")]),
    (Action::Health, "Check the description", &[]),
    (Action::Tour, "Show the introduction", &[]),
    (Action::DismissAll, "Dismiss all notifications", &[]),
];

/// All shortcuts with their actions. Of two with the same key the one with more modifiers comes first.
pub(crate) static SHORTCUTS: LazyLock<Vec<(Action, Shortcut)>> = LazyLock::new(|| {
    let of_entry = |&(action, _, shortcuts): &Entry| shortcuts.iter().map(move |keys| (action, *keys));
    let mut all: Vec<(Action, Shortcut)> = ALL.iter().flat_map(of_entry).collect();
    all.sort_by_key(|(_, keys)| (!keys.shift, !keys.command));
    all
});

/// The name of an action.
pub fn name(action: Action) -> &'static str {
    ALL.iter().find(|(known, ..)| *known == action).map_or("", |(_, name, _)| name)
}

/// The first shortcut of an action.
pub fn shortcut(action: Action) -> Option<Shortcut> {
    ALL.iter().find(|(known, ..)| *known == action).and_then(|(.., shortcuts)| shortcuts.first().copied())
}

/// The actions whose names contain all words of a text; names that start with it come first.
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
    fn a_shortcut_with_more_modifiers_comes_first() {
        for (at, (_, keys)) in SHORTCUTS.iter().enumerate() {
            let more = |other: &Shortcut| other.shift && !keys.shift && (other.command || !keys.command);
            let mut later = SHORTCUTS.iter().skip(at);
            assert!(!later.any(|(_, other)| other.key == keys.key && more(other)), "{keys:?}");
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
