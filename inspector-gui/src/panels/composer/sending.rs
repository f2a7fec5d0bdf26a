//! Where a composed message is sent, and what was sent with its answers.

use std::sync::Arc;
use std::time::Duration;

use eframe::egui::accesskit::Role;
use eframe::egui::{
    Button, Color32, ComboBox, DragValue, FontId, Id, Panel, Rect, RichText, Sense, TextEdit, Ui, WidgetInfo,
};
use framescope_parser::Severity;

use super::super::list::{self, Scroll};
use super::super::menus::entry;
use super::super::paint::{paint_text, row_background, row_text_colour};
use super::super::shortcuts::keys;
use super::super::{Command, colours};
use super::answers::{About, AnswerPanel};
use super::{Compose, text_info};
use crate::models::actions::Action;
use crate::models::composer::peer::{Peer, Progress, Sent, State};
use crate::models::composer::{Desk, as_command, as_json};
use crate::models::copying::{CopyAs, bytes_as};
use crate::models::text::duration;

const LINE: f32 = 20.0;

/// What the panel remembers from frame to frame.
#[derive(Debug, Default)]
pub(super) struct SendingPanel {
    scroll: Scroll,
    selected: Option<Item>,
    compared: Option<Item>,
    /// How many messages there were: the last is scrolled to when there are more.
    messages: usize,
    answer: AnswerPanel,
}

/// A line of the history: a message that was sent, or one of its answers, or what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item {
    Sent(usize),
    Answer(usize, usize),
    State(usize),
}

pub(super) fn show(ui: &mut Ui, desk: &Desk, panel: &mut SendingPanel, commands: &mut Vec<Command>) {
    let peer = &desk.peer;
    target(ui, desk, peer, commands);
    if let Some(error) = peer.error() {
        ui.colored_label(colours::severity(Severity::Error, ui.visuals()), error);
    }
    ui.separator();
    let progress: Vec<Arc<Progress>> = peer.sent().iter().map(Sent::progress).collect();
    if progress.is_empty() {
        ui.weak("What you send is listed here, with the answers.");
        return;
    }
    let items = items(&progress);
    let messages = items.iter().filter(|item| !matches!(item, Item::State(_))).count();
    if messages > panel.messages {
        // What came last is shown.
        panel.selected = items.iter().rev().find(|item| !matches!(item, Item::State(_))).copied();
    }
    let target = (messages != panel.messages).then(|| items.len() - 1);
    panel.messages = messages;
    let about = |item: Item| details_of(peer, &progress, item);
    if let Some(selected) = panel.selected.and_then(about) {
        let compared = panel.compared.filter(|item| Some(*item) != panel.selected).and_then(about);
        let shown = Panel::bottom("sent message")
            .resizable(true)
            .default_size(ui.available_height() * 0.55)
            .min_size(50.0);
        let answer = &mut panel.answer;
        let stops = shown.show(ui, |ui| answer.show(ui, &selected, compared.as_ref())).inner;
        if stops {
            panel.compared = None;
        }
    }
    let SendingPanel { scroll, selected, compared, .. } = panel;
    let mut draw = |ui: &mut Ui, at: usize, rect: Rect| {
        let Some(&item) = items.get(at) else { return };
        let line = Line { peer, progress: &progress, item, is_compared: *compared == Some(item) };
        line.show(ui, rect, selected, compared, commands);
    };
    list::show(ui, "Sent messages", scroll, items.len(), target, &mut |_| LINE, &mut draw);
    if progress.last().is_some_and(|progress| progress.state.is_under_way()) {
        ui.ctx().request_repaint_after(Duration::from_millis(50));
    }
}

fn items(progress: &[Arc<Progress>]) -> Vec<Item> {
    let mut items = Vec::new();
    for (number, progress) in progress.iter().enumerate() {
        items.push(Item::Sent(number));
        items.extend((0..progress.answers.len()).map(|answer| Item::Answer(number, answer)));
        if says(progress).is_some() {
            items.push(Item::State(number));
        }
    }
    items
}

/// What became of a message, where its answers do not show it.
fn says(progress: &Progress) -> Option<(String, Severity)> {
    let more = match progress.more {
        0 => String::new(),
        more => format!("{more} more are in the capture; "),
    };
    let (text, severity) = match &progress.state {
        State::Connecting => ("connecting...".to_owned(), Severity::Note),
        State::Waiting if progress.answers.is_empty() => {
            ("waiting for an answer...".to_owned(), Severity::Note)
        }
        State::Waiting | State::Answered if more.is_empty() => return None,
        State::Waiting | State::Answered => (String::new(), Severity::Note),
        State::NoAnswer => {
            ("no answer within the time limit; the connection is still open".to_owned(), Severity::Warning)
        }
        State::Stopped => ("not waited for any longer".to_owned(), Severity::Note),
        State::Closed => ("the peer closed the connection".to_owned(), Severity::Warning),
        State::Reset => ("the peer broke the connection off".to_owned(), Severity::Error),
        State::Flooded => {
            ("the peer sent more than is kept: the connection was closed".to_owned(), Severity::Error)
        }
        State::Failed(why) => (format!("not sent: {why}"), Severity::Error),
    };
    Some((format!("{more}{text}").trim_end_matches("; ").to_owned(), severity))
}

fn details_of(peer: &Peer, progress: &[Arc<Progress>], item: Item) -> Option<About> {
    match item {
        Item::Sent(number) | Item::State(number) => {
            let sent = peer.sent().get(number).filter(|sent| sent.draft.is_some())?;
            let details = sent.details.clone();
            Some(About { title: format!("{}. {}", number + 1, details.title), details })
        }
        Item::Answer(number, answer) => {
            let details = progress.get(number)?.answers.get(answer)?.details.clone();
            Some(About { title: format!("{} in answer to {}", details.title, number + 1), details })
        }
    }
}

fn target(ui: &mut Ui, desk: &Desk, peer: &Peer, commands: &mut Vec<Command>) {
    let mut ask = |what: Compose| commands.push(Command::Compose(what));
    let is_ready =
        desk.composer().is_some_and(crate::models::composer::Composer::is_settled) && !peer.is_busy();
    ui.horizontal(|ui| {
        let name = |is_udp: bool| if is_udp { "UDP" } else { "TCP" };
        let transport = ComboBox::from_id_salt("transport").width(52.0).selected_text(name(peer.is_udp()));
        let transport = transport.show_ui(ui, |ui| {
            for is_udp in [false, true] {
                if ui.selectable_label(peer.is_udp() == is_udp, name(is_udp)).clicked() {
                    ask(Compose::Udp(is_udp));
                }
            }
        });
        transport.response.widget_info(|| WidgetInfo::labeled(Role::ComboBox, true, "Transport"));
        let mut address = peer.typed_address().to_owned();
        let width = (ui.available_width() - 66.0).clamp(80.0, 260.0);
        let line = TextEdit::singleline(&mut address)
            .id(Id::unique("target"))
            .hint_text("HOST:PORT")
            .desired_width(width);
        let response = ui.add(line);
        response.widget_info(|| text_info(peer.typed_address(), &address, "Target"));
        if response.changed() {
            ask(Compose::Address(address.clone()));
        }
        let has_target = !peer.address().is_empty();
        let keys = keys(Action::Send, ui.ctx());
        let hover = match peer.is_connected() {
            true => format!("Send on the open connection ({keys})"),
            false => format!("Connect and send ({keys})"),
        };
        let send = ui.add_enabled(is_ready && has_target, Button::new(RichText::new("Send").strong()));
        if send.on_hover_text(hover).clicked() {
            ask(Compose::Send);
        }
    });
    ui.horizontal(|ui| {
        if peer.is_busy() {
            if ui.button("Stop").on_hover_text("Wait no longer for an answer").clicked() {
                ask(Compose::Stop);
            }
        } else if peer.is_connected() {
            let hover = "Close this connection: the next message opens a new one";
            if ui.button("Disconnect").on_hover_text(hover).clicked() {
                ask(Compose::Disconnect);
            }
        } else {
            let hover = "Open a connection without sending, for a program that speaks first";
            if ui
                .add_enabled(is_ready && !peer.address().is_empty(), Button::new("Connect"))
                .on_hover_text(hover)
                .clicked()
            {
                ask(Compose::Connect);
            }
        }
        ui.weak(if peer.is_connected() { "connected" } else { "not connected" });
        ui.weak("wait");
        let mut seconds = peer.timeout.as_secs_f32();
        let value = DragValue::new(&mut seconds).range(0.1..=600.0).speed(0.1).max_decimals(1).suffix(" s");
        let response = ui.add(value).on_hover_text("How long an answer is waited for");
        response.widget_info(|| WidgetInfo::labeled(Role::SpinButton, true, "Time limit"));
        if response.changed() {
            ask(Compose::Timeout(Duration::from_secs_f32(seconds.clamp(0.1, 600.0))));
        }
        if peer.recording().is_some() {
            let hover = "Open what was said on the last connection as a capture";
            if ui.button("Open as capture").on_hover_text(hover).clicked() {
                ask(Compose::OpenRecording);
            }
        }
    });
    if peer.is_elsewhere() || peer.is_allowed() {
        let mut is_allowed = peer.is_allowed();
        let text =
            format!("Other machines: {} is not this one. Tick this if you may send to it.", peer.address());
        if ui.checkbox(&mut is_allowed, text).changed() {
            ask(Compose::Allow(is_allowed));
        }
    }
}

/// A line of the history.
struct Line<'l> {
    peer: &'l Peer,
    progress: &'l [Arc<Progress>],
    item: Item,
    is_compared: bool,
}

impl Line<'_> {
    fn show(
        &self,
        ui: &mut Ui,
        rect: Rect,
        selected: &mut Option<Item>,
        compared: &mut Option<Item>,
        commands: &mut Vec<Command>,
    ) {
        let is_selected = *selected == Some(self.item);
        let (left, right, colour) = self.texts(ui, is_selected);
        let response =
            ui.interact(rect, ui.scope_id().with(("sent", format!("{:?}", self.item))), Sense::click());
        response.widget_info(|| {
            WidgetInfo::selected(Role::ListBoxOption, true, is_selected, format!("{left} {right}").trim())
        });
        row_background(ui, rect, is_selected, response.hovered());
        let font = FontId::proportional(13.0);
        let indent = if matches!(self.item, Item::Sent(_)) { 6.0 } else { 24.0 };
        let room = if right.is_empty() { 0.0 } else { 74.0 };
        let mark = if self.is_compared { "= " } else { "" };
        let place = rect.with_min_x(rect.left() + indent).with_max_x(rect.right() - room);
        paint_text(ui, place, &format!("{mark}{left}"), font.clone(), colour);
        let weak = ui.visuals().weak_text_color();
        paint_text(
            ui,
            rect.with_min_x(rect.right() - room),
            &right,
            font,
            if is_selected { colour } else { weak },
        );
        if response.clicked() {
            *selected = Some(self.item);
        }
        let long = left.chars().count() > 30;
        response.context_menu(|ui| self.menu(ui, compared, commands));
        if long {
            response.on_hover_text(left);
        }
    }

    /// What is on the left and on the right of the line.
    fn texts(&self, ui: &Ui, is_selected: bool) -> (String, String, Color32) {
        let colour = row_text_colour(ui, is_selected);
        let nothing = (String::new(), String::new(), colour);
        match self.item {
            Item::Sent(number) => {
                let Some(sent) = self.peer.sent().get(number) else { return nothing };
                let elsewhere = match sent.target == self.peer.target() {
                    true => String::new(),
                    false => format!(" to {}", sent.target),
                };
                let text = format!("{}. {} {}{elsewhere}", number + 1, sent.details.title, sent.summary);
                (text, String::new(), colour)
            }
            Item::Answer(number, answer) => {
                let found = self.progress.get(number).and_then(|progress| progress.answers.get(answer));
                let Some(answer) = found else { return nothing };
                let worst = answer.details.problems.iter().map(|problem| problem.code.severity()).max();
                let sign = match worst {
                    Some(severity @ (Severity::Error | Severity::Warning)) => format!(" ({severity})"),
                    _ => String::new(),
                };
                let latency = answer.latency_ns.map_or_else(String::new, duration);
                (format!("{} {}{sign}", answer.details.title, answer.summary), latency, colour)
            }
            Item::State(number) => {
                let Some((text, severity)) = self.progress.get(number).and_then(|progress| says(progress))
                else {
                    return nothing;
                };
                (text, String::new(), colours::severity(severity, ui.visuals()))
            }
        }
    }

    fn menu(&self, ui: &mut Ui, compared: &mut Option<Item>, commands: &mut Vec<Command>) {
        let (Item::Sent(number) | Item::Answer(number, _) | Item::State(number)) = self.item;
        let draft = self.peer.sent().get(number).and_then(|sent| sent.draft.as_ref());
        if let (Some(draft), false) = (draft, matches!(self.item, Item::Answer(..))) {
            entry(ui, "Edit again", || Command::Compose(Compose::EditSent(number)), commands);
            entry(ui, "Send again", || Command::Compose(Compose::SendAgain(number)), commands);
            let command = || Command::Copy(Ok(as_command(draft, &self.peer.target())));
            entry(ui, "Copy as a framescope send command", command, commands);
            if let Some(json) = as_json(draft) {
                entry(ui, "Copy as JSON for framescope send", || Command::Copy(Ok(json)), commands);
            }
            ui.separator();
        }
        if let Some(about) = details_of(self.peer, self.progress, self.item) {
            if ui.button("Compare with this").clicked() {
                *compared = Some(self.item);
                ui.close();
            }
            let hex = || Command::Copy(Ok(bytes_as(&about.details.bytes, CopyAs::Hex)));
            entry(ui, "Copy the bytes as hex", hex, commands);
            let json = || Command::Copy(Ok(crate::models::copying::fields_as_json(&about.details.fields)));
            entry(ui, "Copy the fields as JSON", json, commands);
        }
        entry(ui, "Open as capture", || Command::Compose(Compose::OpenRecording), commands);
    }
}
