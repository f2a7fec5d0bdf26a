//! The bars at the top and the bottom: what is open, how far it is read, what is wrong with it.

use std::path::Path;

use eframe::egui::{Button, Label, ProgressBar, RichText, Ui};

use super::conversations::badges;
use super::{Command, Look, decode_as, duration, grouped, size};
use crate::actions::{Action, keys, name};
use crate::document::Document;

/// Which kind of file a path is, for the list of recent ones.
fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

/// The bar at the top.
pub(crate) fn top(
    ui: &mut Ui,
    document: Option<&Document>,
    look: Option<Look<'_>>,
    recent: &[std::path::PathBuf],
    busy: Option<(String, f32)>,
    commands: &mut Vec<Command>,
) {
    ui.horizontal(|ui| {
        let act = |ui: &mut Ui, action: Action, commands: &mut Vec<Command>| {
            if ui.add(Button::new(name(action)).shortcut_text(keys(action, ui.ctx()))).clicked() {
                commands.push(Command::Act(action));
                ui.close();
            }
        };
        ui.menu_button("File", |ui| {
            act(ui, Action::Open, commands);
            act(ui, Action::OpenSample, commands);
            act(ui, Action::Reload, commands);
            act(ui, Action::Editor, commands);
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
        });
        ui.menu_button("View", |ui| {
            for action in [
                Action::ToggleConversations,
                Action::ToggleTimeline,
                Action::ToggleMessage,
                Action::ToggleBeside,
            ] {
                act(ui, action, commands);
            }
            ui.separator();
            for action in
                [Action::TimeAbsolute, Action::TimeRelative, Action::TimeDelta, Action::ResetColumns]
            {
                act(ui, action, commands);
            }
            ui.separator();
            for action in [Action::ThemeSystem, Action::ThemeLight, Action::ThemeDark] {
                act(ui, action, commands);
            }
        });
        ui.menu_button("Go", |ui| {
            for action in [
                Action::GoToRow,
                Action::NextProblem,
                Action::PreviousProblem,
                Action::GoToPartner,
                Action::OnlyThisConversation,
                Action::WholeTime,
            ] {
                act(ui, action, commands);
            }
        });
        ui.menu_button("Help", |ui| {
            for action in [Action::Shortcuts, Action::Palette, Action::Tour] {
                act(ui, action, commands);
            }
        });
        ui.separator();
        if ui
            .button("Open...")
            .on_hover_text(format!(
                "Open a capture, or a .ksy that describes a protocol ({}). Or drop a file on this window.",
                keys(Action::Open, ui.ctx())
            ))
            .clicked()
        {
            commands.push(Command::Act(Action::Open));
        }
        let (Some(document), Some(look)) = (document, look) else { return };
        let flow = look.view.flow();
        ui.menu_button("Decode as", |ui| decode_as(ui, look, flow, commands))
            .response
            .on_hover_text("Read the conversation that is shown, or all, as another protocol");
        ui.separator();
        if document.is_sample() {
            ui.strong("Sample capture");
            ui.weak("a damaged chat, to look around in");
        } else {
            let name = file_name(Path::new(document.name()));
            ui.add(Label::new(RichText::new(name).strong()).truncate()).on_hover_text(document.name());
        }
        if let Some((text, share)) = busy {
            ui.separator();
            ui.add(ProgressBar::new(share).desired_width(210.0).text(text));
            if ui.button("Cancel").clicked() {
                commands.push(Command::Cancel);
            }
        }
        let counts = look.view.survey().counts;
        if counts.errors + counts.warnings > 0 {
            ui.separator();
            let hover = |action| format!("{} ({})", name(action), keys(action, ui.ctx()));
            let (previous, next) = (hover(Action::PreviousProblem), hover(Action::NextProblem));
            if ui.button("Previous").on_hover_text(previous).clicked() {
                commands.push(Command::Act(Action::PreviousProblem));
            }
            if ui.button("Next problem").on_hover_text(next).clicked() {
                commands.push(Command::Act(Action::NextProblem));
            }
        }
    });
}

/// The bar at the bottom. `fonts` says what to install where texts can't be shown.
pub(crate) fn bottom(ui: &mut Ui, look: Look<'_>, fonts: Option<&str>, commands: &mut Vec<Command>) {
    ui.horizontal(|ui| {
        let (index, view) = (look.index, look.view);
        let source = index.source();
        ui.label(format!("{}, {}", file_name(Path::new(source.name())), size(source.length())))
            .on_hover_text(source.name());
        ui.separator();
        let rows = index.row_count();
        if view.is_narrowed() {
            let looking = if view.is_looking() { ", looking" } else { "" };
            ui.label(format!("{} of {} rows{looking}", grouped(view.row_count()), grouped(rows)));
            if let Some(span) = &view.narrowing().span {
                let what = format!("only {} of time", duration(span.end.saturating_sub(span.start)));
                if ui.small_button(what).on_hover_text("Show the whole time again").clicked() {
                    commands.push(Command::ShowSpan(None));
                }
            }
            if let Some(flow) = view.narrowing().flow {
                let what = format!("only conversation {flow}");
                if ui.small_button(what).on_hover_text("Show all conversations again").clicked() {
                    commands.push(Command::ShowFlow(None));
                }
            }
        } else {
            ui.label(format!("{} rows", grouped(rows)));
        }
        if let Some(progress) = view.search_progress().filter(|_| view.is_looking() && index.is_finished()) {
            ui.add(ProgressBar::new(progress).desired_width(90.0));
            if ui.small_button("Stop").on_hover_text("Stop looking, and show all rows").clicked() {
                commands.push(Command::StopLooking);
            }
        }
        ui.separator();
        ui.label(format!("{} packets", grouped(index.packets() as usize)));
        ui.separator();
        let (counts, is_done) = {
            let survey = view.survey();
            (survey.counts, survey.is_done)
        };
        if counts == Default::default() {
            ui.label(if is_done { "no problems" } else { "counting problems" });
        } else {
            badges(ui, counts);
        }
        let unread: u64 = index.unread_packets().map(|(_, unread)| unread.count).sum();
        if unread > 0 {
            ui.separator();
            let reasons: Vec<String> =
                index.unread_packets().map(|(reason, unread)| format!("{} {reason}", unread.count)).collect();
            ui.weak(format!("{unread} packets carry no stream")).on_hover_text(reasons.join("\n"));
        }
        let odd: u64 = index.odd_packets().map(|(_, odd)| odd.count).sum();
        if odd > 0 {
            ui.separator();
            let what: Vec<String> =
                index.odd_packets().map(|(what, odd)| format!("{} {what}", odd.count)).collect();
            ui.weak(format!("{odd} packets are odd")).on_hover_text(what.join("\n"));
        }
        if let Some(memory) = crate::memory::resident() {
            ui.separator();
            ui.weak(format!("{} of memory", size(memory)));
        }
        if let Some(fonts) = fonts {
            ui.separator();
            ui.weak(fonts);
        }
    });
}
