//! Descriptions of protocols: opened, edited, saved, followed when other programs change them, and checked.

use std::path::Path;
use std::time::Duration;

use eframe::egui::Context;
use framescope_inspect::health::health;
use framescope_ksy::Described;
use framescope_parser::{Protocol, Severity};

use super::App;
use crate::models::background::Job;
use crate::models::editor::Editor;

impl App {
    /// Uses a description, in place of one for the same protocol, and shows it in the editor.
    pub(super) fn open_description(&mut self, path: &Path) {
        match self.reading.own.name(path) {
            Ok(described) => {
                let places = described.usual_places();
                let places = match places.is_empty() {
                    true => "wherever it is detected".to_owned(),
                    false => format!("on {} and wherever it is detected", places.join(", ")),
                };
                let text =
                    format!("{} is now used {places}, and where Decode as selects it.", described.name());
                self.notify(text, Severity::Note);
                self.read_again();
            }
            Err(error) => self.notify(error.to_string(), Severity::Error),
        }
        match Editor::open(path, &self.background) {
            Ok(editor) => self.editor = Some(editor),
            Err(error) => self.notify(error.to_string(), Severity::Error),
        }
    }

    /// Takes over descriptions that other programs have changed.
    pub(super) fn follow_descriptions(&mut self) {
        if let Some(editor) = &mut self.editor
            && !editor.reload()
        {
            let path = editor.path().display();
            let text = format!(
                "{path} was changed by another program. The editor keeps your text; saving overwrites the file."
            );
            self.notify(text, Severity::Warning);
        }
        self.read_descriptions();
    }

    /// Loads the descriptions again, and decodes the capture by them.
    fn read_descriptions(&mut self) {
        let mut errors: Vec<String> = self.reading.own.reload().iter().map(ToString::to_string).collect();
        if let Some(editor) = &self.editor {
            // The editor shows the errors of its description.
            let edited = format!("{}:", editor.path().display());
            errors.retain(|error| !error.starts_with(&edited));
        }
        self.notifications.retain(|(_, severity)| *severity != Severity::Error);
        // With an invalid description what is shown stays.
        if errors.is_empty() {
            self.read_again();
        }
        for error in errors {
            self.notify(error, Severity::Error);
        }
    }

    /// Decodes the capture by the text in the editor after each pause in typing.
    pub(super) fn follow_editor(&mut self, ctx: &Context) {
        let Some(editor) = &mut self.editor else { return };
        if let Some(waits) = editor.waits_for() {
            ctx.request_repaint_after(waits.max(Duration::from_millis(1)));
        }
        if let Some(described) = editor.follow(self.reading.own.folders()) {
            self.reading.own.edit(Some(described));
            self.read_again();
        }
    }

    /// Shows the editor with a description that is used, or else with a template.
    pub(super) fn show_editor(&mut self, ctx: &Context) {
        if self.editor.is_some() {
            return;
        }
        let used = self.reading.own.iter().next().map(|(path, _)| path.clone());
        match (used, framescope_ksy::TEMPLATES.first()) {
            (Some(path), _) => self.open_path(&path, ctx),
            (None, Some(template)) => self.start_description(template.name),
            (None, None) => {}
        }
    }

    /// Starts a description from a template.
    pub(super) fn start_description(&mut self, template: &str) {
        let template = framescope_ksy::TEMPLATES.iter().find(|known| known.name == template);
        if let Some(template) = template {
            self.editor = Some(Editor::with(template.text, &self.background));
            self.health = None;
        }
    }

    pub(super) fn save_description(&mut self, to: Option<&Path>) {
        let Some(editor) = &mut self.editor else { return };
        let path = to.unwrap_or(editor.path()).to_owned();
        let saved = match &self.watcher {
            Some(watcher) => watcher.without_reporting(&path, || editor.save(to)),
            None => editor.save(to),
        };
        if let Err(error) = saved {
            return self.notify(error.to_string(), Severity::Error);
        }
        self.notify(format!("Saved {}.", path.display()), Severity::Note);
        // An invalid description can't be used; the editor says why.
        if self.reading.own.name(&path).is_err() {
            return;
        }
        self.reading.own.edit(None);
        match self.reading.own.is_imported(&path) {
            true => self.read_descriptions(),
            // The rows follow the editor already.
            false => self.watch(),
        }
    }

    pub(super) fn close_editor(&mut self) {
        let was_changed = self.editor.as_ref().is_some_and(Editor::is_changed);
        (self.editor, self.health, self.checking) = (None, None, None);
        self.reading.own.edit(None);
        if was_changed {
            self.read_again();
        }
    }

    /// Starts to check how the description in the editor, or else the first that is used, fits the capture.
    pub(super) fn check_description(&mut self) {
        let edited = self.editor.as_ref().map(Editor::path);
        let is_meant = |path: &Path| edited.is_none_or(|edited| edited == path);
        let found = self.reading.own.iter().find(|(path, _)| is_meant(path)).cloned();
        let (Some((path, described)), Some(document)) = (found, &self.document) else {
            let text =
                "There is no description to check. Open a .ksy file, or write one with Describe a protocol.";
            return self.notify(text, Severity::Note);
        };
        if self.editor.is_none() {
            self.editor = Editor::open(&path, &self.background).ok();
        }
        let (index, described) = (document.shared(), with_key(&described, self));
        self.health = None;
        self.checking = Some(self.background.spawn("health", move |control| {
            let index = index.read();
            let all = index.row_count() as u64;
            health(&index, &described, &mut |done| control.report(done as u64, all))
        }));
    }

    /// Takes over the result of the check.
    pub(super) fn follow_check(&mut self) {
        let Some(result) = self.checking.as_ref().and_then(Job::poll) else { return };
        self.checking = None;
        let error = match result {
            Ok(Ok(health)) => return self.health = Some(health),
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        self.notify(format!("The description could not be checked: {error}."), Severity::Error);
    }
}

fn with_key(described: &Described, app: &App) -> Described {
    described.clone().with_key(app.reading.key.clone())
}
