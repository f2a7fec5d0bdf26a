//! What marked bytes could be, what a person said that bytes are and how far that holds, and what could be said next.

use eframe::egui::{Button, CentralPanel, Checkbox, Frame, Label, Margin, Panel, RichText, ScrollArea, Ui};
use framescope_guess::checks::Form;
use framescope_guess::stated::{Offer, Proposal, Statement, Verdict, What, check_of};
use framescope_ksy::checks::Algorithm;
use framescope_parser::{Direction, Severity};

use super::{Command, colours};
use crate::models::ViewContext;
use crate::models::actions::{Action, name};
use crate::models::stating::{Reported, Scope, Stating};
use crate::models::text::grouped;

/// A change of what is said.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Say {
    That(Statement),
    /// The statement of this number.
    NoLonger(usize),
    Undo,
    Redo,
    /// Of which messages the marked bytes are meant.
    Of(Scope),
    /// Begins again with nothing said.
    Anew,
    /// Uses the description.
    Use,
}

const WIDTH: f32 = 350.0;
/// So many messages where a statement does not hold have a link.
const LINKS: usize = 6;

/// Shows the panel, if it is visible, at the right or at the bottom of what `rest` shows.
pub(super) fn beside(
    ui: &mut Ui,
    context: ViewContext<'_>,
    (is_shown, stating): (bool, Option<&Stating>),
    commands: &mut Vec<Command>,
    rest: impl FnOnce(&mut Ui, &mut Vec<Command>),
) {
    let is_below = context.settings.message_beside;
    let has_room = if is_below { ui.available_height() > 300.0 } else { ui.available_width() > 500.0 };
    if is_shown && has_room && is_below {
        let most = (ui.available_height() - 140.0).max(60.0);
        let panel = Panel::bottom("stating below").resizable(true).default_size(260.0).min_size(80.0);
        panel.max_size(most).frame(Frame::new()).show(ui, |ui| show(ui, context, stating, commands));
    } else if is_shown && has_room {
        let most = (ui.available_width() * 0.6).max(220.0);
        let panel = Panel::right("stating").resizable(true).default_size(WIDTH.min(most)).min_size(220.0);
        let frame = Frame::new().inner_margin(Margin { left: 6, right: 0, top: 0, bottom: 0 });
        panel.max_size(most).frame(frame).show(ui, |ui| show(ui, context, stating, commands));
    }
    CentralPanel::default().frame(Frame::new()).show(ui, |ui| rest(ui, commands));
}

/// The button that shows or hides the panel.
pub(super) fn button(ui: &mut Ui, is_shown: bool, commands: &mut Vec<Command>) {
    let hover = "Mark bytes and say what they are: a description is written of that";
    if ui.selectable_label(is_shown, name(Action::State)).on_hover_text(hover).clicked() {
        commands.push(Command::Act(Action::State));
    }
}

fn show(ui: &mut Ui, context: ViewContext<'_>, stating: Option<&Stating>, commands: &mut Vec<Command>) {
    ui.take_available_width();
    ui.add_space(4.0);
    let Some(stating) = stating else {
        header(ui, None, commands);
        ui.weak("Select a message, or a conversation on the left.");
        return;
    };
    header(ui, Some(stating), commands);
    if let Some(error) = &stating.error {
        ui.colored_label(colours::severity(Severity::Error, ui.visuals()), error);
    }
    ScrollArea::vertical().id_salt("stating").auto_shrink([false, false]).show(ui, |ui| {
        let Some(reported) = &stating.reported else {
            ui.weak("Looking at the messages...");
            return;
        };
        marked(ui, stating, commands);
        ui.separator();
        said(ui, context, stating, reported, commands);
        if !reported.report.next.is_empty() {
            ui.separator();
            ui.strong("Next");
            for proposal in &reported.report.next {
                next(ui, proposal, stating.is_reported(), commands);
            }
        }
    });
}

fn header(ui: &mut Ui, stating: Option<&Stating>, commands: &mut Vec<Command>) {
    ui.horizontal_wrapped(|ui| {
        ui.strong(match stating {
            Some(stating) => format!("What {} says", stating.group),
            None => name(Action::State).to_owned(),
        });
        if let Some(stating) = stating {
            for (label, say, is_possible, action) in [
                ("Undo", Say::Undo, stating.can_undo(), Action::Undo),
                ("Redo", Say::Redo, stating.can_redo(), Action::Redo),
            ] {
                let keys = super::shortcuts::keys(action, ui.ctx());
                let button = ui.add_enabled(is_possible, Button::new(label).small());
                if button.on_hover_text(keys).clicked() {
                    commands.push(Command::Say(say));
                }
            }
            let is_ready = stating.is_reported() && !stating.said().is_empty();
            let hover = "Read the capture with the description that follows, and open it in the editor";
            if ui.add_enabled(is_ready, Button::new("Use").small()).on_hover_text(hover).clicked() {
                commands.push(Command::Say(Say::Use));
            }
        }
        if ui.add(Button::new("Hide").small()).on_hover_text("Hide this; what is said stays").clicked() {
            commands.push(Command::Act(Action::State));
        }
    });
}

/// The marked bytes, and what they could be.
fn marked(ui: &mut Ui, stating: &Stating, commands: &mut Vec<Command>) {
    let Some(place) = stating.place() else {
        ui.add(
            Label::new(
                RichText::new(
                    "Mark bytes of a message: drag over them here or among the bytes of the message.",
                )
                .weak(),
            )
            .wrap(),
        );
        return;
    };
    let text = place.to_string();
    let mut letters = text.chars();
    let first = letters.next().map(|c| c.to_ascii_uppercase()).into_iter().collect::<String>();
    ui.label(RichText::new(format!("{first}{} of each message", letters.as_str())).strong());
    scope(ui, stating, commands);
    let Some(offers) = stating.offers() else {
        ui.weak("Comparing with all messages...");
        return;
    };
    let is_sure = |offer: &&Offer| offer.holds == offer.of;
    let of = offers.iter().map(|offer| offer.of).max().unwrap_or(0);
    let sure = offers.iter().filter(is_sure).count();
    if sure > 0 {
        ui.weak(format!("This is, as all {} messages agree:", grouped(of)));
    }
    ui.horizontal_wrapped(|ui| {
        for offer in offers.iter().filter(is_sure) {
            offer_button(ui, stating, offer, commands);
        }
    });
    if sure < offers.len() {
        ui.weak("Or, though some messages disagree:");
    }
    ui.horizontal_wrapped(|ui| {
        for offer in offers.iter().filter(|offer| !is_sure(offer)) {
            offer_button(ui, stating, offer, commands);
        }
        if matches!(place.length, Some(1 | 2 | 3 | 4 | 8)) {
            ui.menu_button("Another check", |ui| {
                ScrollArea::vertical().max_height(320.0).show(ui, |ui| checks(ui, stating, commands));
            });
        }
    });
}

fn scope(ui: &mut Ui, stating: &Stating, commands: &mut Vec<Command>) {
    let before = stating.scope;
    let mut scope = before;
    ui.horizontal_wrapped(|ui| {
        ui.selectable_value(&mut scope.from_end, false, "from the start");
        ui.selectable_value(&mut scope.from_end, true, "from the end");
        let to_end = match stating.behind() {
            0 => "up to the end".to_owned(),
            1 => "up to the last byte".to_owned(),
            behind => format!("up to the last {behind} bytes"),
        };
        ui.add(Checkbox::new(&mut scope.to_end, to_end))
            .on_hover_text("However long the message is: what follows is as long in each");
        let who = if stating.is_of_client() { "only the client's" } else { "only the server's" };
        ui.add(Checkbox::new(&mut scope.only_side, who));
        if let Some((at, value)) = stating.marked_kind() {
            ui.add(Checkbox::new(&mut scope.only_kind, format!("only of kind 0x{value:02x}")))
                .on_hover_text(format!("Only messages of which byte {at} is 0x{value:02x}"));
        }
    });
    if scope != before {
        commands.push(Command::Say(Say::Of(scope)));
    }
}

fn offer_button(ui: &mut Ui, stating: &Stating, offer: &Offer, commands: &mut Vec<Command>) {
    let Some(statement) = stating.statement(offer.what.clone()) else { return };
    let text = what_text(&statement);
    let holds = format!("holds in {} of {} messages", grouped(offer.holds), grouped(offer.of));
    let label = if offer.holds == offer.of { text } else { format!("{text} ({holds})") };
    let is_strong = offer.is_telling && offer.holds == offer.of;
    let label = if is_strong { RichText::new(label).strong() } else { RichText::new(label) };
    if ui.add(Button::new(label)).on_hover_text(holds).clicked() {
        commands.push(Command::Say(Say::That(statement)));
    }
}

/// What a statement says of its bytes.
fn what_text(statement: &Statement) -> String {
    let whole = statement.to_string();
    let bare = Statement { side: None, kind: None, ..statement.clone() }.to_string();
    let text = if bare.is_empty() { whole } else { bare };
    text.split_once(": ").map_or(text.clone(), |(_, text)| text.to_owned())
}

fn checks(ui: &mut Ui, stating: &Stating, commands: &mut Vec<Command>) {
    let Some(place) = stating.place() else { return };
    let forms = if place.length == Some(1) {
        &[(Form::Big, "")][..]
    } else {
        &[(Form::Big, ", big-endian"), (Form::Little, ", little-endian")]
    };
    for algorithm in Algorithm::names() {
        for (form, order) in forms {
            let Some(check) = check_of(place, algorithm, *form) else { continue };
            if ui.button(format!("{algorithm}{order}")).clicked() {
                let said = stating.statement(What::Check(check));
                commands.extend(said.map(|said| Command::Say(Say::That(said))));
                ui.close();
            }
        }
    }
}

/// What was said, and how far that holds.
fn said(
    ui: &mut Ui,
    context: ViewContext<'_>,
    stating: &Stating,
    reported: &Reported,
    commands: &mut Vec<Command>,
) {
    let report = &reported.report;
    ui.strong("Messages");
    for line in &report.framing {
        ui.add(Label::new(line).wrap());
    }
    let (covered, all) = report.bytes;
    ui.label(format!(
        "{} messages with {} of {} bytes",
        grouped(report.messages),
        grouped(covered),
        grouped(all)
    ));
    if !stating.is_reported() {
        ui.weak("Comparing with all messages...");
    } else if let Some(fit) = stating.fit() {
        let problems = match fit.problems {
            0 => "without a problem".to_owned(),
            problems => format!("{} of them with a problem", grouped(problems)),
        };
        let text = format!("Read with the description: {} messages, {problems}", grouped(fit.messages));
        ui.add(Label::new(text).wrap());
    } else if !stating.said().is_empty() {
        ui.weak("Reading the capture with the description...");
    }
    if stating.said().is_empty() {
        return;
    }
    ui.add_space(4.0);
    ui.horizontal(|ui| {
        ui.strong("You said");
        if ui.small_button("Begin again").on_hover_text("Forget all that was said").clicked() {
            commands.push(Command::Say(Say::Anew));
        }
    });
    if report.is_left_out {
        let text = "Messages of lines and of known values are described as a whole: what you say is compared with them, but not written, \
            unless a length says where they end.";
        ui.add(Label::new(RichText::new(text).weak()).wrap());
    }
    for (number, statement) in stating.said().iter().enumerate() {
        ui.horizontal_wrapped(|ui| {
            let remove = ui.small_button("Remove").on_hover_text(format!("No longer say {statement}"));
            if remove.clicked() {
                commands.push(Command::Say(Say::NoLonger(number)));
            }
            ui.add(Label::new(statement.to_string()).wrap());
        });
        let verdict = report.verdicts.get(number).filter(|_| stating.is_reported());
        if let Some(verdict) = verdict {
            verdict_line(ui, context, verdict, commands);
        }
    }
}

fn verdict_line(ui: &mut Ui, context: ViewContext<'_>, verdict: &Verdict, commands: &mut Vec<Command>) {
    let index = context.index;
    ui.horizontal_wrapped(|ui| {
        let text = format!("holds in {} of {}", grouped(verdict.holds), grouped(verdict.of));
        match verdict.holds == verdict.of && verdict.of > 0 {
            true => drop(ui.weak(text)),
            false => drop(ui.colored_label(colours::severity(Severity::Warning, ui.visuals()), text)),
        }
        if !verdict.failing.is_empty() {
            ui.label("and not in");
        }
        for &(flow, side, offset) in verdict.failing.iter().take(LINKS) {
            let direction = if side == 0 { Direction::Forward } else { Direction::Backward };
            let row = context.flow(flow).and_then(|_| index.row_at(flow, direction, offset));
            let Some((row, at)) =
                row.and_then(|row| Some((row, offset.checked_sub(index.row(row)?.offset)?)))
            else {
                continue;
            };
            let label = if at == 0 { format!("#{row}") } else { format!("#{row} byte {at}") };
            if ui.link(label).on_hover_text("Show this message").clicked() {
                commands.push(Command::GoTo(row));
                if let Some(at) = usize::try_from(at).ok().filter(|at| *at > 0) {
                    commands.push(Command::HighlightBytes(at..at + 1));
                }
            }
        }
        if verdict.failing.len() > LINKS {
            ui.weak("...");
        }
    });
}

fn next(ui: &mut Ui, proposal: &Proposal, is_ready: bool, commands: &mut Vec<Command>) {
    ui.horizontal_wrapped(|ui| {
        if ui.add_enabled(is_ready, Button::new("Accept").small()).clicked() {
            commands.push(Command::Say(Say::That(proposal.said.clone())));
        }
        let percent = (proposal.confidence * 100.0).round();
        let text = format!("{} ({percent} % sure)", proposal.said);
        ui.add(Label::new(text).wrap()).on_hover_text(&proposal.evidence);
    });
}
