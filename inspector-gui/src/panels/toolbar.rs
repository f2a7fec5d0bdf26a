//! The bar at the top: menus, what is open, how far it is read, and the way to the next problem.

use std::path::{Path, PathBuf};

use eframe::egui::{Button, Label, ProgressBar, RichText, Ui};
use framescope_guess::groups;

use super::menus::decode_as;
use super::shortcuts::keys;
use super::status::file_name;
use super::{Command, recording};
use crate::models::ViewContext;
use crate::models::actions::{Action, name};
use crate::models::document::Document;
use crate::models::levels::Levels;
use crate::models::recording::Running;

/// The menus on the top left, with separators between groups.
const MENUS: [(&str, &[&[Action]]); 5] = [
    (
        "File",
        &[
            &[Action::Open, Action::OpenSample, Action::Reload, Action::KeyLog],
            &[Action::Editor, Action::Guess, Action::State, Action::Health],
            &[Action::Record, Action::PauseRecording, Action::SaveRecording],
        ],
    ),
    (
        "View",
        &[
            &[
                Action::ToggleConversations,
                Action::ToggleTimeline,
                Action::ToggleMessage,
                Action::ToggleBeside,
                Action::ToggleInspector,
            ],
            &[Action::LevelsInnermost, Action::LevelsAll, Action::LevelsOutermost, Action::NextLevels],
            &[Action::TimeAbsolute, Action::TimeRelative, Action::TimeDelta, Action::ResetColumns],
            &[Action::ThemeSystem, Action::ThemeLight, Action::ThemeDark],
        ],
    ),
    (
        "Go",
        &[&[
            Action::GoToRow,
            Action::NextProblem,
            Action::PreviousProblem,
            Action::GoToPartner,
            Action::OnlyThisConversation,
            Action::WholeTime,
            Action::FollowNewest,
        ]],
    ),
    ("Compose", &[&[Action::EditAndSend, Action::ShowComposer, Action::Send]]),
    ("Help", &[&[Action::Shortcuts, Action::Palette, Action::Tour]]),
];

/// Shows the bar. `busy` is the current background work, and its progress; `follow` whether the newest rows are kept visible.
#[allow(clippy::too_many_arguments)]
pub(crate) fn show(
    ui: &mut Ui,
    document: Option<&Document>,
    context: Option<ViewContext<'_>>,
    recent: &[PathBuf],
    busy: Option<(String, f32)>,
    recording: Option<&Running>,
    follow: bool,
    commands: &mut Vec<Command>,
) {
    ui.horizontal(|ui| {
        for (title, groups) in MENUS {
            ui.menu_button(title, |ui| {
                actions(ui, groups, commands);
                if title == "File" {
                    recent_files(ui, recent, commands);
                }
            });
        }
        ui.separator();
        let keys = keys(Action::Open, ui.ctx());
        let hover = format!("Open a capture or a .ksy description ({keys}), or drop a file on the window");
        if ui.button("Open...").on_hover_text(hover).clicked() {
            commands.push(Command::Act(Action::Open));
        }
        let is_growing = context.is_some_and(|context| context.index.source().is_growing());
        recording::controls(ui, recording, is_growing.then_some(follow), commands);
        let (Some(document), Some(context)) = (document, context) else { return };
        let flow = context.view.flow();
        ui.menu_button("Decode as", |ui| decode_as(ui, context, flow, commands))
            .response
            .on_hover_text("Decode the conversation that is shown, or all, as another protocol");
        if is_unexplained(context) {
            let keys = super::shortcuts::keys(Action::Guess, ui.ctx());
            let hover =
                format!("No protocol explains this conversation: propose a description of it ({keys})");
            if ui.button(name(Action::Guess)).on_hover_text(hover).clicked() {
                commands.push(Command::Act(Action::Guess));
            }
        }
        if context.view.has_levels() {
            ui.separator();
            levels(ui, context.view.scope().levels, commands);
        }
        ui.separator();
        match recording {
            Some(recording) => drop(ui.strong(recording.text())),
            None => open_file(ui, document),
        }
        if let Some((text, share)) = busy {
            ui.separator();
            ui.add(ProgressBar::new(share).desired_width(210.0).text(text));
            if ui.button("Cancel").clicked() {
                commands.push(Command::Cancel);
            }
        }
        let counts = context.view.survey().counts;
        if counts.errors + counts.warnings > 0 {
            ui.separator();
            seek_buttons(ui, commands);
        }
    });
}

/// Of a capture where nothing is selected, so many conversations are looked at.
const LOOKED_AT: usize = 32;

/// Whether no protocol explains the conversation that is shown or selected, or if there is none, one of the first.
fn is_unexplained(context: ViewContext<'_>) -> bool {
    let (index, view) = (context.index, context.view);
    let of_row = || view.selected().and_then(|row| index.row(row)).map(|row| row.flow());
    match view.flow().filter(|flow| index.flow(*flow).is_some()).or_else(of_row) {
        Some(flow) => groups::is_unexplained(index, flow),
        None => index.flows().take(LOOKED_AT).any(|(flow, _)| groups::is_unexplained(index, flow)),
    }
}

/// Which levels of a capture with carriers are shown.
fn levels(ui: &mut Ui, shown: Levels, commands: &mut Vec<Command>) {
    let keys = keys(Action::NextLevels, ui.ctx());
    for (levels, name, about) in Levels::CHOICES {
        let choice = ui.selectable_label(shown == levels, name);
        if choice.on_hover_text(format!("{about} ({keys})")).clicked() {
            commands.push(Command::ShowLevels(levels));
        }
    }
}

fn actions(ui: &mut Ui, groups: &[&[Action]], commands: &mut Vec<Command>) {
    for (number, group) in groups.iter().enumerate() {
        if number > 0 {
            ui.separator();
        }
        for &action in *group {
            let button = Button::new(name(action)).shortcut_text(keys(action, ui.ctx()));
            if ui.add(button).clicked() {
                commands.push(Command::Act(action));
                ui.close();
            }
        }
    }
}

fn recent_files(ui: &mut Ui, recent: &[PathBuf], commands: &mut Vec<Command>) {
    if !recent.is_empty() {
        ui.separator();
        ui.weak("Recent");
    }
    for path in recent {
        if ui.button(file_name(path)).on_hover_text(path.display().to_string()).clicked() {
            commands.push(Command::Open(path.clone()));
            ui.close();
        }
    }
}

fn open_file(ui: &mut Ui, document: &Document) {
    if document.is_sample() {
        ui.strong("Sample capture");
        ui.weak("a damaged chat to explore");
    } else {
        let name = file_name(Path::new(document.name()));
        ui.add(Label::new(RichText::new(name).strong()).truncate()).on_hover_text(document.name());
    }
}

fn seek_buttons(ui: &mut Ui, commands: &mut Vec<Command>) {
    for (label, action) in [("Previous", Action::PreviousProblem), ("Next problem", Action::NextProblem)] {
        let hover = format!("{} ({})", name(action), keys(action, ui.ctx()));
        if ui.button(label).on_hover_text(hover).clicked() {
            commands.push(Command::Act(action));
        }
    }
}
