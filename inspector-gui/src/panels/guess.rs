//! What conversations could be that no protocol explains: the hypotheses, why each is believed, and how it fits.

use eframe::egui::{CollapsingHeader, Frame, Label, ProgressBar, RichText, ScrollArea, Ui};
use framescope_parser::Severity;

use super::{Command, colours};
use crate::models::actions::{Action, name};
use crate::models::guessing::{Guessing, Hypothesis, State};

pub(crate) fn show(ui: &mut Ui, guessing: Option<&Guessing>, commands: &mut Vec<Command>) {
    ui.add_space(4.0);
    let Some(guessing) = guessing else {
        ui.label("Where do messages begin and end, and what do their bytes mean? The selected conversation, and those that go to the same port, are searched for lengths, checks and fields.");
        ask(ui, commands);
        return;
    };
    ui.horizontal_wrapped(|ui| {
        ui.strong(format!("What could {} be?", guessing.group));
        ui.weak(guessing.about());
        if !guessing.is_running() {
            ask(ui, commands);
        }
    });
    match &guessing.state {
        State::Running(job) => {
            ui.horizontal(|ui| {
                let bar = ProgressBar::new(job.progress()).desired_width(260.0);
                ui.add(bar.text("looking at the bytes"));
                if ui.button("Cancel").clicked() {
                    commands.push(Command::CancelGuess);
                }
            });
        }
        State::Cancelled => drop(ui.weak("Cancelled.")),
        State::Failed(error) => {
            ui.colored_label(colours::severity(Severity::Error, ui.visuals()), error);
        }
        State::Done(found) if found.is_empty() => nothing(ui, commands),
        State::Done(found) => {
            ui.weak("Some of the bytes were kept apart: each answer is tried on what it was not made of.");
            ScrollArea::vertical().id_salt("guesses").auto_shrink([false, false]).show(ui, |ui| {
                for (number, found) in found.iter().enumerate() {
                    hypothesis(ui, number, found, guessing.used == Some(number), commands);
                }
            });
        }
    }
}

fn ask(ui: &mut Ui, commands: &mut Vec<Command>) {
    let hover = "Look at the selected conversation, and at those that go to the same port";
    if ui.button(name(Action::Guess)).on_hover_text(hover).clicked() {
        commands.push(Command::Act(Action::Guess));
    }
}

fn nothing(ui: &mut Ui, commands: &mut Vec<Command>) {
    ui.label("Nothing was found.");
    ui.add(Label::new("Either there are too few messages to tell, or the bytes are encrypted, compressed or random, or their format is none that is looked for. A longer capture helps most. You can also look at the bytes yourself and say what they are.").wrap());
    if ui.button("Look at the bytes (Align)").clicked() {
        commands.push(Command::LookAtBytes);
    }
}

fn hypothesis(ui: &mut Ui, number: usize, found: &Hypothesis, is_used: bool, commands: &mut Vec<Command>) {
    Frame::group(ui.style()).show(ui, |ui| {
        ui.take_available_width();
        ui.horizontal(|ui| {
            let label = format!("Use {}", number + 1);
            let hover = "Read the capture with this description, and open it in the editor";
            if is_used {
                ui.add_enabled(false, eframe::egui::Button::new("In use"));
            } else if ui.button(label).on_hover_text(hover).clicked() {
                commands.push(Command::UseGuess(number));
            }
            ui.add(Label::new(RichText::new(found.sureness()).strong()).truncate());
        });
        for line in &found.guess.evidence {
            ui.horizontal(|ui| {
                ui.weak("-");
                ui.add(Label::new(line).wrap());
            });
        }
        ui.add(Label::new(found.coverage()).wrap());
        if let Some(test) = found.test() {
            ui.add(Label::new(test).wrap());
        }
        CollapsingHeader::new("Description").id_salt(("description", number)).show(ui, |ui| {
            ui.add(Label::new(RichText::new(&found.guess.description).monospace()).wrap());
        });
    });
}
