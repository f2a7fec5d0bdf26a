//! The status line: the file, how many rows and packets there are, the problems, and how much memory is in use.

use std::path::Path;

use eframe::egui::{ProgressBar, Ui};

use super::Command;
use super::conversations::badges;
use crate::models::ViewContext;
use crate::models::levels::Levels;
use crate::models::memory::resident;
use crate::models::notices::Notices;
use crate::models::text::{duration, grouped, size};

pub(super) fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

/// Shows the status line. `fonts` says which package to install for characters that have no font.
pub(crate) fn show(
    ui: &mut Ui,
    context: ViewContext<'_>,
    notices: &Notices,
    fonts: Option<&str>,
    commands: &mut Vec<Command>,
) {
    let index = context.index;
    ui.horizontal(|ui| {
        let source = index.source();
        ui.label(format!("{}, {}", file_name(Path::new(source.name())), size(source.length())))
            .on_hover_text(source.name());
        ui.separator();
        scope(ui, context, commands);
        ui.separator();
        ui.label(format!("{} packets", grouped(index.packets() as usize)));
        ui.separator();
        let (counts, is_done) = {
            let survey = context.view.survey();
            (survey.counts, survey.is_done)
        };
        if counts == Default::default() {
            ui.label(if is_done { "no problems" } else { "counting problems..." });
        } else {
            badges(ui, counts);
        }
        for note in notices.packets() {
            ui.separator();
            ui.weak(&note.text).on_hover_text(&note.reasons);
        }
        if let Some(memory) = resident() {
            ui.separator();
            ui.weak(format!("{} memory", size(memory)));
        }
        if let Some(fonts) = fonts {
            ui.separator();
            ui.weak(fonts);
        }
    });
}

/// How many rows are shown, and what hides the others.
fn scope(ui: &mut Ui, context: ViewContext<'_>, commands: &mut Vec<Command>) {
    let (index, view) = (context.index, context.view);
    let rows = grouped(index.row_count());
    if view.is_narrowed() {
        let searching = if view.is_searching() { ", searching" } else { "" };
        ui.label(format!("{} of {rows} rows{searching}", grouped(view.row_count())));
        if view.has_levels() && view.scope().levels != Levels::All {
            let text = format!("{} level", view.scope().levels.name().to_lowercase());
            if ui.small_button(text).on_hover_text("Show all levels").clicked() {
                commands.push(Command::ShowLevels(Levels::All));
            }
        }
        if let Some(span) = &view.scope().span {
            let text = format!("time span: {}", duration(span.end.saturating_sub(span.start)));
            if ui.small_button(text).on_hover_text("Show all times").clicked() {
                commands.push(Command::ShowSpan(None));
            }
        }
        if let Some(flow) = view.scope().flow {
            let text = format!("conversation {flow}");
            if ui.small_button(text).on_hover_text("Show all conversations").clicked() {
                commands.push(Command::ShowFlow(None));
            }
        }
    } else {
        ui.label(format!("{rows} rows"));
    }
    if let Some(progress) = view.search_progress().filter(|_| view.is_searching() && index.is_finished()) {
        ui.add(ProgressBar::new(progress).desired_width(90.0));
        if ui.small_button("Stop").on_hover_text("Stop searching and show all rows").clicked() {
            commands.push(Command::StopSearch);
        }
    }
}
