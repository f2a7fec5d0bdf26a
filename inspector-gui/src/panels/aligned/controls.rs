//! Which messages are shown, how they are aligned, and what they are compared with.

use eframe::egui::{Label, RichText, ScrollArea, Ui};
use framescope_parser::Direction;

use super::{AlignedPanel, position_text};
use crate::models::ViewContext;
use crate::models::actions::{Action, name};
use crate::models::aligned::{Against, Aligned, Alignment, Columns, Counted, Difference, kinds};
use crate::models::text::grouped;
use crate::panels::Command;
use crate::panels::{inspector, stating};

/// The most bytes that messages can be aligned by.
const PATTERN: usize = 16;
/// The height of the list of kinds, in points.
const KINDS_HEIGHT: f32 = 320.0;
/// The most differences that are listed.
const LISTED: usize = 8;

pub(super) fn show(
    ui: &mut Ui,
    context: ViewContext<'_>,
    panel: &mut AlignedPanel,
    is_stating: bool,
    commands: &mut Vec<Command>,
) {
    ui.horizontal_wrapped(|ui| {
        ui.strong(count_text(&panel.aligned)).on_hover_text(
            "The messages of the rows in the table: what the filter, the timeline and the conversations leave",
        );
        let aligned = &mut panel.aligned;
        kind_menu(ui, context, aligned);
        side_menu(ui, aligned);
        alignment_menu(ui, context, aligned);
        against_menu(ui, aligned, panel.column);
        let text = ui.selectable_label(panel.is_text, "Text");
        if text.on_hover_text("Show bytes that are ASCII characters as these").clicked() {
            panel.is_text = !panel.is_text;
        }
        let keep = ui.button("Keep to compare");
        let about = "Keep these messages. Then change the filter or the kind, or open another capture, to see which bytes differ.";
        if keep.on_hover_text(about).clicked() {
            commands.push(Command::Act(Action::KeepAligned));
        }
        stating::button(ui, is_stating, commands);
        inspector::button(ui, context.settings.panels.inspector, commands);
    });
}

fn count_text(aligned: &Aligned) -> String {
    let count = aligned.rows().map_or(0, |rows| rows.len());
    let mut text = if count == 1 { "1 message".to_owned() } else { format!("{} messages", grouped(count)) };
    let Some(counted) = aligned.counted() else { return text };
    let Columns { messages, aligned: with, .. } = counted.columns;
    if aligned.is_sampled() {
        text.push_str(&format!(", {} of them counted", grouped(messages)));
    }
    if with < messages {
        text.push_str(&format!(", {} with these bytes", grouped(with)));
    }
    text
}

/// What is shown in place of no messages.
pub(super) fn nothing(ui: &mut Ui, panel: &mut AlignedPanel, commands: &mut Vec<Command>) {
    let choice = &mut panel.aligned.choice;
    ui.add_space(8.0);
    ui.weak("None of the rows in the table is a message of this choice.");
    if choice.kind.is_some() && ui.button("Messages of all kinds").clicked() {
        choice.kind = None;
    }
    if choice.side.is_some() && ui.button("Messages of both sides").clicked() {
        choice.side = None;
    }
    if !choice.with_others {
        ui.weak("Bytes that no protocol knows are not messages: Decode as, in the menu of a row, can take each segment as one.");
        ui.horizontal(|ui| {
            if ui.button("Show skipped bytes too").clicked() {
                choice.with_others = true;
            }
            if ui.button(name(Action::Guess)).clicked() {
                commands.push(Command::Act(Action::Guess));
            }
        });
    }
}

fn kind_menu(ui: &mut Ui, context: ViewContext<'_>, aligned: &mut Aligned) {
    let choice = &mut aligned.choice;
    let label = choice.kind.as_deref().unwrap_or("all");
    ui.menu_button(format!("Kind: {label}"), |ui| {
        if ui.selectable_label(choice.kind.is_none(), "All kinds").clicked() {
            choice.kind = None;
            ui.close();
        }
        ScrollArea::vertical().max_height(KINDS_HEIGHT).show(ui, |ui| {
            for kind in kinds(context.index) {
                if ui.selectable_label(choice.kind.as_deref() == Some(kind), kind).clicked() {
                    choice.kind = Some(kind.to_owned());
                    ui.close();
                }
            }
        });
        ui.separator();
        ui.checkbox(&mut choice.with_others, "Skipped bytes and partial messages too");
    });
}

fn side_menu(ui: &mut Ui, aligned: &mut Aligned) {
    let choice = &mut aligned.choice;
    let sides =
        [(None, "both"), (Some(Direction::Forward), "forward"), (Some(Direction::Backward), "backward")];
    let label = sides.iter().find(|(side, _)| *side == choice.side).map_or("", |(_, name)| *name);
    ui.menu_button(format!("Direction: {label}"), |ui| {
        for (side, name) in sides {
            if ui.selectable_label(choice.side == side, name).clicked() {
                choice.side = side;
                ui.close();
            }
        }
    });
}

fn alignment_menu(ui: &mut Ui, context: ViewContext<'_>, aligned: &mut Aligned) {
    let choice = &mut aligned.choice;
    let label = match &choice.alignment {
        Alignment::Start => "start".to_owned(),
        Alignment::End => "end".to_owned(),
        Alignment::At(bytes) => pattern_text(bytes),
    };
    ui.menu_button(format!("Align at: {label}"), |ui| {
        let mut entry = |ui: &mut Ui, alignment: Alignment, label: String| {
            if ui.selectable_label(choice.alignment == alignment, label).clicked() {
                choice.alignment = alignment;
                ui.close();
            }
        };
        entry(ui, Alignment::Start, "The start of each message".to_owned());
        entry(ui, Alignment::End, "The end of each message".to_owned());
        match selected_bytes(context) {
            Some(bytes) => {
                let label = format!("The first {} (the selected bytes)", pattern_text(&bytes));
                entry(ui, Alignment::At(bytes), label);
            }
            None => drop(ui.weak("Select up to 16 bytes to align messages where they occur")),
        }
    });
}

fn pattern_text(bytes: &[u8]) -> String {
    let text = bytes.iter().all(|byte| (0x20..0x7f).contains(byte));
    match text {
        true => format!("\"{}\"", String::from_utf8_lossy(bytes)),
        false => bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" "),
    }
}

/// The selected bytes of the selected message.
fn selected_bytes(context: ViewContext<'_>) -> Option<Vec<u8>> {
    let highlight = context.view.highlighted().filter(|highlight| highlight.of.is_none())?;
    let details = context.view.details()?;
    let bytes = details.bytes_of(&highlight.range);
    (1..=PATTERN).contains(&bytes.len()).then(|| bytes.to_vec())
}

fn against_menu(ui: &mut Ui, aligned: &mut Aligned, column: Option<i64>) {
    let choice = &mut aligned.choice;
    let label = match choice.against {
        Against::Length => "length".to_owned(),
        Against::Position(at) => format!("position {at}"),
    };
    ui.menu_button(format!("Correlation with: {label}"), |ui| {
        let mut entry = |ui: &mut Ui, against: Against, label: String| {
            if ui.selectable_label(choice.against == against, label).clicked() {
                choice.against = against;
                ui.close();
            }
        };
        entry(ui, Against::Length, "The length of the message".to_owned());
        match column {
            Some(at) => {
                let label = format!("The chosen column: {}", position_text(at, &choice.alignment.clone()));
                entry(ui, Against::Position(at), label);
            }
            None => drop(ui.weak("Click a column to choose it")),
        }
    });
}

/// What the messages are compared with, and the positions that differ. A click on one shows it.
pub(super) fn differences(ui: &mut Ui, panel: &mut AlignedPanel, counted: &Counted) {
    let Some(kept) = panel.aligned.kept() else { return };
    let name = kept.name.clone();
    let Some(columns) = &counted.kept else { return };
    let lengths = |lengths: Option<(u64, u64)>| match lengths {
        Some((least, most)) if least == most => format!("{least} bytes each"),
        Some((least, most)) => format!("{least} to {most} bytes"),
        None => "no bytes".to_owned(),
    };
    let kept_text =
        format!("Kept: {name} ({} messages, {})", grouped(columns.messages), lengths(columns.lengths));
    ui.horizontal_wrapped(|ui| {
        if ui.button("Stop comparing").clicked() {
            panel.aligned.stop_comparing();
        }
        let about = format!("{kept_text}; now: {}.", lengths(counted.columns.lengths));
        ui.add(Label::new(RichText::new(about).weak()));
        let found = &counted.differences;
        ui.label(match found.len() {
            0 => "No position differs between the two sets more than within them.".to_owned(),
            1 => "1 position differs between the two sets more than within them:".to_owned(),
            count => format!("{count} positions differ between the two sets more than within them:"),
        });
        for difference in found.iter().take(LISTED) {
            if difference_button(ui, difference, counted) {
                (panel.column, panel.across.target) = (Some(difference.position), Some(difference.position));
            }
        }
        if found.len() > LISTED {
            ui.weak(format!("and {} more", found.len() - LISTED));
        }
    });
}

fn difference_button(ui: &mut Ui, difference: &Difference, counted: &Counted) -> bool {
    let Difference { position, kept, now, score } = difference;
    let text = format!("{position}: {:02x} \u{2192} {:02x}", kept.0, now.0);
    let percent = |share: f64| format!("{:.0} %", share * 100.0);
    let about = format!(
        "{}\n0x{:02x} in {} of the kept messages, 0x{:02x} in {} of these\nscore {score:.2} of 1",
        position_text(*position, &counted.alignment),
        kept.0,
        percent(kept.1),
        now.0,
        percent(now.1),
    );
    ui.small_button(text).on_hover_text(about).clicked()
}
