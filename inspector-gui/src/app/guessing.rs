//! What conversations could be that no protocol explains: asked, answered, and used as their description.

use std::path::{Path, PathBuf};
use std::time::Duration;

use eframe::egui::Context;
use framescope_capture::FlowId;
use framescope_guess::groups::{Group, alike, is_unexplained};
use framescope_parser::Severity;

use super::{App, Tab};
use crate::models::editor::Editor;
use crate::models::guessing::Guessing;

/// How often progress is shown.
const BETWEEN: Duration = Duration::from_millis(100);

impl App {
    /// Starts to find out what a conversation is, and those that go where it goes and are read like it.
    pub(super) fn guess(&mut self, flow: Option<FlowId>) {
        let Some(document) = &self.document else {
            return self.notify("Open a capture first.", Severity::Note);
        };
        let Some(flow) = flow.or_else(|| self.conversation_to_guess()) else {
            let text = "A protocol explains every conversation. Select one to look at it all the same.";
            return self.notify(text, Severity::Note);
        };
        let found = alike(&document.index(), flow);
        if let Some(found) = found {
            let shared = document.shared();
            self.guessing = Some(Guessing::start(found, shared, &self.options, &self.background));
        }
        self.show_tab(Tab::Guess);
    }

    /// The conversation that is shown, else that of the selected row, else the first that no protocol explains.
    pub(super) fn conversation_to_guess(&self) -> Option<FlowId> {
        let (document, view) = (self.document.as_ref()?, self.view.as_ref()?);
        let index = document.index();
        let shown = view.flow().filter(|flow| index.flow(*flow).is_some());
        let of_row = || view.selected().and_then(|row| index.row(row)).map(|row| row.flow());
        let first = || index.flows().map(|(flow, _)| flow).find(|flow| is_unexplained(&index, *flow));
        shown.or_else(of_row).or_else(first)
    }

    /// Takes over the answer.
    pub(super) fn follow_guessing(&mut self, ctx: &Context) {
        let Some(guessing) = &mut self.guessing else { return };
        guessing.update();
        if guessing.is_running() {
            ctx.request_repaint_after(BETWEEN);
        }
    }

    /// Uses the description of a hypothesis, by its number from 0 on.
    pub fn use_guess(&mut self, number: usize) {
        let Some(guessing) = &self.guessing else { return };
        let Some(found) = guessing.hypothesis(number) else { return };
        let (text, group, flows) = (found.guess.description.clone(), guessing.group, guessing.flows.clone());
        if self.use_text(text, group, &flows)
            && let Some(guessing) = &mut self.guessing
        {
            guessing.used = Some(number);
        }
    }

    /// Opens a description that was written for conversations in the editor, whose text the rows follow. False if the editor has
    /// a text that would be lost.
    pub(super) fn use_text(&mut self, text: String, group: Group, flows: &[FlowId]) -> bool {
        let is_ours = |editor: &Editor| self.written.as_ref() == Some(&editor.text);
        if self.editor.as_ref().is_some_and(|editor| editor.is_changed() && !is_ours(editor)) {
            let text = "The editor has a description that is not saved. Save it or close it first.";
            self.notify(text, Severity::Warning);
            return false;
        }
        // A choice for these conversations would override where the description says that its protocol is spoken.
        self.decode_as.retain(|(known, _)| known.is_some_and(|known| !flows.contains(&known)));
        if group.port.is_none() {
            self.decode_as.push((None, group.id()));
        }
        let path = self.beside_capture(&format!("{}.ksy", group.id()));
        self.editor = Some(Editor::proposed(text.clone(), path, &self.background));
        (self.health, self.checking) = (None, None);
        self.written = Some(text);
        true
    }

    /// A file in the folder of the capture.
    fn beside_capture(&self, name: &str) -> PathBuf {
        let source = self.source.as_ref().filter(|source| source.is_file());
        let folder = source.and_then(|source| Path::new(source.name()).parent());
        folder.map_or_else(|| PathBuf::from(name), |folder| folder.join(name))
    }
}
