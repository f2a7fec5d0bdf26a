//! What is wrong in the capture, by its code: how often, what that means, what usually causes it and what to do.

use eframe::egui::{Button, CollapsingHeader, Label, RichText, ScrollArea, Ui};
use framescope_parser::{Code, Severity};

use super::{Command, Look, grouped};
use crate::colours;
use crate::survey::CodeFacts;

pub(crate) fn show(ui: &mut Ui, look: Look<'_>, commands: &mut Vec<Command>) {
    let mut codes: Vec<(Code, CodeFacts)> = {
        let survey = look.view.survey();
        survey.codes.iter().map(|(code, facts)| (*code, *facts)).collect()
    };
    // The worst first, and of those the most frequent.
    codes.sort_by_key(|(code, facts)| (std::cmp::Reverse(code.severity()), std::cmp::Reverse(facts.rows)));
    ui.add_space(4.0);
    if codes.is_empty() {
        let text = if look.view.survey().is_done {
            "Nothing is wrong in this capture."
        } else {
            "Still counting..."
        };
        ui.weak(text);
        return;
    }
    ScrollArea::vertical().id_salt("problems").auto_shrink([false, false]).show(ui, |ui| {
        for severity in [Severity::Error, Severity::Warning, Severity::Note] {
            let of_these: Vec<&(Code, CodeFacts)> =
                codes.iter().filter(|(code, _)| code.severity() == severity).collect();
            if of_these.is_empty() {
                continue;
            }
            let heading = match severity {
                Severity::Error => "Errors: the bytes are not what the format says",
                Severity::Warning => "Warnings: well-formed, but suspicious",
                Severity::Note => "Notes: worth knowing",
            };
            ui.label(RichText::new(heading).strong().color(colours::severity(severity, ui.visuals())));
            for (code, facts) in of_these {
                group(ui, *code, *facts, commands);
            }
            ui.add_space(6.0);
        }
    });
}

fn group(ui: &mut Ui, code: Code, facts: CodeFacts, commands: &mut Vec<Command>) {
    let plural = if facts.rows == 1 { "" } else { "s" };
    let title = format!("{code}    {} row{plural}", grouped(facts.rows));
    CollapsingHeader::new(title).id_salt(code.as_str()).default_open(false).show(ui, |ui| {
        ui.add(Label::new(code.meaning()).wrap());
        for (name, text) in [("Usual cause", code.usual_cause()), ("What to do", code.what_to_do())] {
            ui.horizontal_wrapped(|ui| {
                ui.strong(format!("{name}:"));
                ui.add(Label::new(text).wrap());
            });
        }
        ui.horizontal(|ui| {
            if ui.button("First").clicked() {
                commands.push(Command::GoTo(facts.first));
            }
            if ui.button("Previous").clicked() {
                commands.push(Command::Seek(code, false));
            }
            if ui.button("Next").clicked() {
                commands.push(Command::Seek(code, true));
            }
            if ui.add(Button::new("Show only these rows")).clicked() {
                commands.push(Command::SetFilter(format!("problems == {code}")));
            }
        });
    });
}
