//! A message that is being composed: its fields to edit, its bytes to type over, and where it is sent.

mod answers;
mod bytes;
mod fields;
mod sending;

use std::ops::Range;
use std::time::Duration;

use eframe::egui::{CentralPanel, Frame, Label, Margin, Panel, RichText, Ui, WidgetInfo};
use framescope_capture::RowId;
use framescope_parser::Severity;

use super::{Command, colours};
use crate::models::composer::{Change, Composer, Desk};
use crate::models::details::{Details, FieldNode};
use bytes::{HexEditor, range_of};
use fields::FieldEditor;
use sending::SendingPanel;

/// What the composer asks of the app.
#[derive(Clone, Debug)]
pub(crate) enum Compose {
    /// Edits the message of a row.
    EditRow(RowId),
    /// Makes templates of a protocol.
    Templates(String),
    /// Edits a new message of a protocol and a kind.
    New(String, String),
    /// Changes the message.
    Change(Change),
    /// What is typed next is undone by itself.
    EndStep,
    Undo,
    Redo,
    /// Sends the message.
    Send,
    /// Opens a new connection, and sends nothing.
    Connect,
    Disconnect,
    /// Waits no longer for an answer.
    Stop,
    /// Where it is sent.
    Address(String),
    Udp(bool),
    Timeout(Duration),
    /// Whether the target may be sent to although it is another machine.
    Allow(bool),
    /// Edits a message again that was sent.
    EditSent(usize),
    SendAgain(usize),
    /// Opens the recording of the conversation.
    OpenRecording,
}

impl PartialEq for Compose {
    fn eq(&self, _: &Self) -> bool {
        // Commands are compared to find those that are alike; none of these is.
        false
    }
}

/// What the panel remembers from frame to frame.
#[derive(Debug, Default)]
pub(crate) struct ComposerPanel {
    fields: FieldEditor,
    bytes: HexEditor,
    sending: SendingPanel,
    marks: Marks,
}

/// The marked bytes, and those under the pointer.
#[derive(Debug, Default)]
struct Marks {
    /// The marked field.
    marked: Option<(String, Range<usize>)>,
    /// Marked bytes that are no field.
    selected: Option<Range<usize>>,
    /// What is under the pointer, and what was in the frame before.
    hovered: Option<Range<usize>>,
    was_hovered: Option<Range<usize>>,
}

impl Marks {
    fn path(&self) -> Option<String> {
        self.marked.as_ref().filter(|_| self.selected.is_none()).map(|(path, _)| path.clone())
    }

    fn range(&self) -> Range<usize> {
        let marked = self.marked.as_ref().map(|(_, range)| range);
        self.selected.as_ref().or(marked).cloned().unwrap_or_default()
    }

    fn first(&self) -> Option<usize> {
        Some(self.range()).filter(|range| !range.is_empty()).map(|range| range.start)
    }

    fn hovered_range(&self) -> Range<usize> {
        self.was_hovered.clone().unwrap_or_default()
    }

    fn mark_field(&mut self, field: &FieldNode) {
        (self.marked, self.selected) = (Some((field.path.clone(), field.range.clone())), None);
    }

    /// Marks the field of a byte.
    fn mark(&mut self, details: &Details, at: usize) {
        self.selected = None;
        let range = range_of(at, details.bytes.len());
        self.marked = details.smallest_field(&range).map(|field| (field.path.clone(), field.range.clone()));
    }

    fn select(&mut self, details: &Details, range: Range<usize>) {
        let field = details.smallest_field(&range).filter(|field| field.range == range);
        match field {
            Some(field) => self.mark_field(field),
            None => self.selected = Some(range),
        }
    }

    fn hover(&mut self, details: &Details, at: usize) {
        let field = details.smallest_field(&range_of(at, details.bytes.len()));
        self.hovered = field.map(|field| field.range.clone());
    }

    /// The marked field may be elsewhere by now.
    fn follow(&mut self, details: &Details) {
        self.marked = self.marked.take().and_then(|(path, _)| {
            let range = details.field(&path)?.range.clone();
            Some((path, range))
        });
        self.selected = self.selected.take().filter(|range| range.end <= details.bytes.len());
    }
}

/// The width below which the parts are below each other.
const NARROW: f32 = 760.0;

pub(crate) fn show(ui: &mut Ui, desk: &Desk, panel: &mut ComposerPanel, commands: &mut Vec<Command>) {
    let Some(composer) = desk.composer() else { return nothing(ui, desk, commands) };
    header(ui, desk, composer, commands);
    panel.marks.follow(&composer.shown().details);
    let ComposerPanel { fields: field_editor, bytes: hex, sending, marks } = panel;
    let frame = Frame::new().inner_margin(Margin { left: 6, right: 0, top: 0, bottom: 0 });
    let (width, height) = (ui.available_width(), ui.available_height());
    let mut fields = |ui: &mut Ui, marks: &mut Marks, commands: &mut Vec<Command>| {
        warnings(ui, desk, composer);
        fields::show(ui, composer, field_editor, marks, commands);
    };
    // A part with little in it is as large as the others.
    if width < NARROW {
        let below = Panel::bottom("composed sending below").resizable(true).default_size(height * 0.4);
        below.frame(Frame::new()).show(ui, |ui| {
            ui.take_available_height();
            sending::show(ui, desk, sending, commands);
        });
        let below = Panel::bottom("composed bytes below").resizable(true).default_size(height * 0.25);
        below.frame(Frame::new()).show(ui, |ui| {
            ui.take_available_height();
            bytes::show(ui, composer, hex, marks, commands);
        });
        CentralPanel::default().frame(Frame::new()).show(ui, |ui| fields(ui, marks, commands));
    } else {
        let right = Panel::right("composed sending").resizable(true).default_size(width * 0.27);
        right.min_size(260.0).frame(frame).show(ui, |ui| {
            ui.take_available_width();
            sending::show(ui, desk, sending, commands);
        });
        let left = Panel::left("composed fields").resizable(true).default_size(width * 0.28);
        left.min_size(220.0).frame(Frame::new()).show(ui, |ui| {
            ui.take_available_width();
            fields(ui, marks, commands);
        });
        CentralPanel::default().frame(frame).show(ui, |ui| bytes::show(ui, composer, hex, marks, commands));
    }
    let hovered = marks.hovered.take();
    if marks.was_hovered != hovered {
        marks.was_hovered = hovered;
        ui.ctx().request_repaint();
    }
}

/// What is shown before a message is edited.
fn nothing(ui: &mut Ui, desk: &Desk, commands: &mut Vec<Command>) {
    ui.add_space(8.0);
    if let Some(error) = desk.error() {
        ui.colored_label(colours::severity(Severity::Warning, ui.visuals()), error);
    }
    if desk.is_opening() {
        ui.weak("Reading...");
        return;
    }
    ui.horizontal_wrapped(|ui| {
        ui.label("Right-click a message and choose");
        ui.strong("Edit and send");
        ui.label("to change it and send it again. Or begin here:");
        new_message(ui, desk, commands);
    });
}

/// The menu of protocols and their kinds.
fn new_message(ui: &mut Ui, desk: &Desk, commands: &mut Vec<Command>) {
    ui.menu_button("New message", |ui| {
        for protocol in desk.offered() {
            ui.menu_button(protocol, |ui| match kinds_of(ui, desk, protocol) {
                None => {
                    commands.push(Command::Compose(Compose::Templates(protocol.to_owned())));
                    ui.weak("Generating...");
                }
                Some(kinds) if kinds.is_empty() => {
                    ui.weak("There is no template. Edit a message of a capture.");
                }
                Some(kinds) => {
                    for kind in kinds {
                        if ui.button(kind).clicked() {
                            let new = Compose::New(protocol.to_owned(), kind.to_owned());
                            commands.push(Command::Compose(new));
                            ui.close();
                        }
                    }
                }
            });
        }
    });
}

/// The kinds of a protocol, in a menu with room for their names.
fn kinds_of<'d>(ui: &mut Ui, desk: &'d Desk, protocol: &str) -> Option<Vec<&'d str>> {
    ui.set_min_width(180.0);
    desk.kinds(protocol)
}

fn header(ui: &mut Ui, desk: &Desk, composer: &Composer, commands: &mut Vec<Command>) {
    let shown = composer.shown();
    ui.add_space(2.0);
    ui.horizontal(|ui| {
        new_message(ui, desk, commands);
        let mut button = |ui: &mut Ui, label: &str, about: &str, is_enabled: bool, what: Compose| {
            let button = ui.add_enabled(is_enabled, eframe::egui::Button::new(label));
            if button.on_hover_text(about).clicked() {
                commands.push(Command::Compose(what));
            }
        };
        button(ui, "Undo", "Undo the last change", composer.can_undo(), Compose::Undo);
        button(ui, "Redo", "Make the change again that was undone", composer.can_redo(), Compose::Redo);
        if composer.draft().has_given() {
            let about = "Derive all lengths and checks from the other fields again";
            button(ui, "Derive all", about, true, Compose::Change(Change::DeriveAll));
        }
        ui.separator();
        ui.strong(&shown.details.title);
        let format = composer.draft().format();
        let stage = format.stage().map_or_else(String::new, |stage| format!(", state {stage}"));
        let text = format!("{} · {}{stage} · {}", shown.summary, format.name(), composer.origin());
        ui.add(Label::new(RichText::new(text.trim_start_matches([' ', '·'])).weak()).truncate());
    });
    ui.separator();
}

/// A line of text as it is read out.
fn text_info(before: &str, text: &str, label: &str) -> WidgetInfo {
    WidgetInfo { label: Some(label.to_owned()), ..WidgetInfo::text_edit(true, before, text, "") }
}

/// What has to be known before the message is sent.
fn warnings(ui: &mut Ui, desk: &Desk, composer: &Composer) {
    let shown = composer.shown();
    let warning = colours::severity(Severity::Warning, ui.visuals());
    let mut line = |text: &str| drop(ui.add(Label::new(RichText::new(text).color(warning)).wrap()));
    if let Some((path, error)) = composer.error() {
        let path = path.map_or_else(String::new, |path| format!("{path}: "));
        line(&format!("Not changed. {path}{error}"));
    }
    shown.doubt.iter().for_each(|doubt| line(doubt));
    desk.error().iter().map(String::as_str).chain(desk.notice()).for_each(&mut line);
    if let Some(why) = composer.draft().unwritten() {
        line(&format!(
            "These bytes are sent as they are: {why}. Changing a field may derive all lengths and checks again."
        ));
    }
    composer.draft().notes().iter().take(3).for_each(|note| line(note));
}
