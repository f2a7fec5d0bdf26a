//! The problems of the capture by code: how often each occurs, what it means, what usually causes it and what to do.

use eframe::egui::{CollapsingHeader, Label, RichText, ScrollArea, Ui};
use framescope_parser::{Code, Severity};

use super::{Command, colours};
use crate::models::ViewContext;
use crate::models::survey::CodeStats;
use crate::models::text::grouped;

pub(crate) fn show(ui: &mut Ui, context: ViewContext<'_>, commands: &mut Vec<Command>) {
    let survey = context.view.survey();
    ui.add_space(4.0);
    if survey.ranked.is_empty() {
        ui.weak(match survey.is_done {
            true => "No problems were found in this capture.",
            false => "Counting problems...",
        });
        return;
    }
    if context.view.has_levels() {
        ui.weak("All rows are counted, at every level: a packet that is lost can be a problem of a carrier and of what it carries.");
    }
    ScrollArea::vertical().id_salt("problems").auto_shrink([false, false]).show(ui, |ui| {
        let mut section = None;
        for &(code, stats) in &survey.ranked {
            if section != Some(code.severity()) {
                if section.is_some() {
                    ui.add_space(6.0);
                }
                section = Some(code.severity());
                heading(ui, code.severity());
            }
            group(ui, code, stats, commands);
        }
    });
}

fn heading(ui: &mut Ui, severity: Severity) {
    let heading = match severity {
        Severity::Error => "Errors: the bytes are not what the format requires",
        Severity::Warning => "Warnings: well-formed, but suspicious",
        Severity::Note => "Notes: worth knowing",
    };
    ui.label(RichText::new(heading).strong().color(colours::severity(severity, ui.visuals())));
}

fn group(ui: &mut Ui, code: Code, stats: CodeStats, commands: &mut Vec<Command>) {
    let plural = if stats.rows == 1 { "" } else { "s" };
    let title = format!("{code}    {} row{plural}", grouped(stats.rows));
    CollapsingHeader::new(title).id_salt(code.as_str()).default_open(false).show(ui, |ui| {
        ui.add(Label::new(code.meaning()).wrap());
        for (name, text) in [("Usual cause", code.usual_cause()), ("What to do", code.what_to_do())] {
            ui.horizontal_wrapped(|ui| {
                ui.strong(format!("{name}:"));
                ui.add(Label::new(text).wrap());
            });
        }
        ui.horizontal(|ui| {
            for (label, command) in [
                ("First", Command::GoTo(stats.first)),
                ("Previous", Command::Seek(code, false)),
                ("Next", Command::Seek(code, true)),
                ("Show only these rows", Command::SetFilter(format!("problems == {code}"))),
            ] {
                if ui.button(label).clicked() {
                    commands.push(command);
                }
            }
        });
    });
}
