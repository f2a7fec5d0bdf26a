//! What a person says that bytes are: begun, followed, and used as their description.

use std::time::Duration;

use eframe::egui::Context;
use framescope_guess::groups::alike;
use framescope_parser::{Direction, Severity};

use super::{App, Tab};
use crate::models::stating::Stating;
use crate::panels::Say;

/// How often progress is shown.
const BETWEEN: Duration = Duration::from_millis(100);

impl App {
    /// Shows the panel where bytes are said to be something, or hides it.
    pub(super) fn toggle_stating(&mut self) {
        self.dock.is_stating = !self.shows_stating();
        if self.dock.is_stating && !self.shows_bytes() {
            self.show_tab(Tab::Aligned);
        }
    }

    /// Whether a tab is shown in which bytes can be marked.
    fn shows_bytes(&self) -> bool {
        matches!(self.dock.tab, Tab::Aligned | Tab::Message) && self.settings.panels.message
    }

    /// Whether it is shown what is said.
    pub(super) fn shows_stating(&self) -> bool {
        self.dock.is_stating && self.shows_bytes()
    }

    /// Keeps what is said up to date with what is marked.
    pub(super) fn follow_stating(&mut self, ctx: &Context) {
        if !self.shows_stating() {
            return;
        }
        if self.stating.is_none() {
            self.start_stating();
        }
        let (Some(stating), Some(document), Some(view)) = (&mut self.stating, &self.document, &self.view)
        else {
            return;
        };
        let index = document.index();
        let highlight = view.highlighted().filter(|highlight| highlight.of.is_none());
        let row = view.selected().and_then(|row| index.row(row));
        let marked = highlight.zip(row.as_ref()).map(|(highlight, row)| {
            let side = u8::from(index.direction(row) == Direction::Backward);
            (row, side, highlight.range.clone())
        });
        let details = view.details();
        let byte = |at: usize| details.as_ref()?.bytes_of(&(at..at + 1)).first().copied();
        stating.mark(marked, &byte);
        stating.update(&self.background);
        if !stating.is_settled() {
            ctx.request_repaint_after(BETWEEN);
        }
    }

    fn start_stating(&mut self) {
        let Some(document) = &self.document else { return };
        let Some(flow) = self.conversation_to_guess() else { return };
        let Some((group, flows)) = alike(&document.index(), flow) else { return };
        // What is used, or else the likeliest of what was guessed.
        let guessed = self.guessing.as_ref().filter(|guessing| guessing.group == group);
        let guessed = guessed.and_then(|guessing| guessing.hypothesis(guessing.used.unwrap_or(0)));
        let framings = guessed.map(|found| {
            found.guess.framings.each_ref().map(|framed| framed.as_ref().map(|framed| framed.framing.clone()))
        });
        let shared = document.shared();
        let stating = Stating::start((group, flows), framings, shared, &self.options, &self.background);
        self.stating = Some(stating);
    }

    /// Says the first of what the highlighted bytes could be.
    pub fn say_likeliest(&mut self) {
        let Some(stating) = &mut self.stating else { return };
        let likeliest = stating.offers().and_then(|offers| offers.first()).map(|offer| offer.what.clone());
        if let Some(said) = likeliest.and_then(|what| stating.statement(what)) {
            stating.say(said);
        }
    }

    /// Changes what is said.
    pub(super) fn say(&mut self, say: Say) {
        // What is not shown is not changed.
        let is_shown = self.shows_stating();
        let Some(stating) = self.stating.as_mut().filter(|_| is_shown) else { return };
        match say {
            Say::That(statement) => stating.say(statement),
            Say::NoLonger(number) => stating.withdraw(number),
            Say::Undo => stating.undo(),
            Say::Redo => stating.redo(),
            Say::Of(scope) => stating.scope = scope,
            Say::Anew => {
                self.stating = None;
            }
            Say::Use => self.use_stated(),
        }
    }

    fn use_stated(&mut self) {
        let Some(stating) = self.stating.as_ref().filter(|stating| stating.is_reported()) else {
            return self.notify("The messages are still being looked at.", Severity::Note);
        };
        let text = stating.reported.as_ref().and_then(|reported| reported.report.description.clone());
        let (group, flows) = (stating.group, stating.flows.clone());
        match text {
            Some(text) => drop(self.use_text(text, group, &flows)),
            None => self.notify("There are no messages to describe.", Severity::Note),
        }
    }
}
