//! Composes messages: begins with a row or a template, and changes what is composed.

use std::path::Path;

use eframe::egui::Context;
use framescope_capture::RowId;
use framescope_parser::Severity;

use super::{App, Tab};
use crate::models::view::View;
use crate::panels::Compose;

impl App {
    pub(super) fn compose(&mut self, what: Compose, ctx: &Context) {
        let peer = &mut self.desk.peer;
        match what {
            Compose::EditRow(row) => self.edit_row(row),
            Compose::Templates(protocol) => self.desk.make_templates(&protocol),
            Compose::New(protocol, kind) => self.desk.edit_template(&protocol, &kind),
            Compose::Change(change) => self.desk.change(change),
            Compose::Send => self.send_composed(),
            Compose::SendAgain(number) => self.desk.send_again(number, &self.options),
            Compose::EditSent(number) => self.desk.edit_sent(number),
            Compose::Connect => self.desk.connect(&self.options),
            Compose::Disconnect => peer.disconnect(),
            Compose::Stop => peer.stop(),
            Compose::Address(address) => peer.set_address(&address),
            Compose::Udp(is_udp) => peer.set_udp(is_udp),
            Compose::Timeout(timeout) => peer.timeout = timeout,
            Compose::Allow(is_allowed) => peer.allow(is_allowed),
            Compose::OpenRecording => {
                if let Some(path) = peer.recording().map(Path::to_owned) {
                    self.open_path(&path, ctx);
                }
            }
            Compose::EndStep | Compose::Undo | Compose::Redo => {
                let Some(composer) = self.desk.composer_mut() else { return };
                match what {
                    Compose::Undo => composer.undo(),
                    Compose::Redo => composer.redo(),
                    _ => composer.end_step(),
                }
            }
        }
    }

    /// Edits the message of a row, to send it.
    pub fn edit_row(&mut self, row: RowId) {
        let Some(document) = &self.document else { return };
        self.desk.edit_row(row, document.shared());
        self.show_tab(Tab::Compose);
    }

    pub(super) fn edit_selected(&mut self) {
        match self.view.as_ref().and_then(View::selected) {
            Some(row) => self.edit_row(row),
            None => self.notify("Select a message to edit.", Severity::Note),
        }
    }

    /// Sends the message that is composed.
    pub(super) fn send_composed(&mut self) {
        let Some(composer) = self.desk.composer() else {
            return self.notify("Edit a message first, or begin a new one.", Severity::Note);
        };
        if self.desk.peer.address().is_empty() {
            self.notify("Type first where the message is to be sent, as HOST:PORT.", Severity::Note);
        } else if composer.is_settled() && !self.desk.peer.is_busy() {
            self.desk.send(&self.options);
        }
        self.show_tab(Tab::Compose);
    }
}
