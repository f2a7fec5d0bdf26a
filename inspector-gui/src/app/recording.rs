//! Records what passes an interface, shows it as it comes, and saves it.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use eframe::egui::Context;
use framescope_capture::Source;
use framescope_live::capturing::{Recording, Request, Tool};
use framescope_parser::Severity;

use super::App;
use crate::models::background::JobControl;
use crate::models::overlay::{Overlay, PathPurpose};
use crate::models::recording::{RecordDialog, Running};
use crate::models::text::size;

/// How often the number of packets is shown anew when no rows come.
const BETWEEN: Duration = Duration::from_millis(500);
/// What is copied at a time.
const PIECE: usize = 1 << 20;

impl App {
    /// Records with this tool, instead of the first that may.
    pub fn record_with(&mut self, tool: Option<Tool>) {
        self.capture_tool = tool;
    }

    /// Begins to record. A dialog shows why if it can't.
    pub fn record(&mut self, request: Request, ctx: &Context) {
        self.wake_through(ctx);
        self.capture_tool.clone_from(&request.tool);
        let interface = request.interface.clone().unwrap_or_default();
        let mut dialog =
            RecordDialog::new(request.tool.clone(), &interface, &request.filter, &self.background);
        dialog.promiscuous = request.promiscuous;
        dialog.start_with(request, &self.background);
        self.overlay = Overlay::Record(Box::new(dialog));
    }

    /// Ends the recording that runs, or asks what to record.
    pub(super) fn record_or_stop(&mut self, ctx: &Context) {
        self.wake_through(ctx);
        match &self.recording {
            Some(running) if running.is_running() => running.stop(),
            _ => {
                let settings = &self.settings;
                let (interface, filter) = (&settings.record_interface, &settings.record_filter);
                let dialog =
                    RecordDialog::new(self.capture_tool.clone(), interface, filter, &self.background);
                self.overlay = Overlay::Record(Box::new(dialog));
            }
        }
    }

    /// Starts what was chosen in the dialog.
    pub(super) fn start_recording(&mut self) {
        let Overlay::Record(dialog) = &mut self.overlay else { return };
        self.settings.record_interface.clone_from(&dialog.interface);
        self.settings.record_filter.clone_from(&dialog.filter);
        dialog.start(&self.background);
    }

    /// Shows no new rows, or all that came meanwhile.
    pub(super) fn pause_recording(&mut self) {
        let Some(running) = self.recording.as_mut().filter(|running| running.is_running()) else {
            return self.notify("Nothing is being recorded.", Severity::Note);
        };
        running.is_paused = !running.is_paused;
        let is_paused = running.is_paused;
        self.document.iter().for_each(|document| document.pause(is_paused));
    }

    /// Takes over what became of a recording since the last frame.
    pub(super) fn follow_recording(&mut self, ctx: &Context) {
        if let Overlay::Record(dialog) = &mut self.overlay {
            dialog.update();
            if let Some(recording) = dialog.started() {
                self.overlay = Overlay::None;
                self.show_recording(recording, ctx);
            }
        }
        let Some(running) = &mut self.recording else { return };
        if let Some((text, is_early)) = running.notice_end() {
            running.is_paused = false;
            self.document.iter().for_each(|document| document.pause(false));
            let severity = if is_early { Severity::Error } else { Severity::Warning };
            text.into_iter().for_each(|text| self.notify(text, severity));
        } else if running.is_running() {
            ctx.request_repaint_after(BETWEEN);
        }
        self.follow_saving();
    }

    fn show_recording(&mut self, recording: Recording, ctx: &Context) {
        let Some(source) = recording.source() else { return };
        let saved = recording.file().map(Path::to_owned);
        self.notifications.clear();
        self.open(source, false, ctx);
        self.recording = Some(Running::new(recording, saved));
    }

    /// Asks where to save what was recorded.
    pub(super) fn save_recording(&mut self) {
        if self.recording.is_none() {
            return self.notify("Nothing was recorded.", Severity::Note);
        }
        self.dialog(PathPurpose::Recording, PathBuf::from("recording.pcapng"));
    }

    /// Copies what was recorded until now to a file.
    pub fn save_recording_to(&mut self, path: &Path) {
        let Some(running) = &mut self.recording else { return };
        let Some(source) = running.source() else { return };
        let to = path.to_owned();
        let copy = move |control: &JobControl| copy(&source, &to, control);
        running.saving = Some((path.to_owned(), self.background.spawn("save", copy)));
    }

    fn follow_saving(&mut self) {
        let Some(running) = &mut self.recording else { return };
        let Some((path, job)) = &running.saving else { return };
        let Some(result) = job.poll() else { return };
        let path = path.clone();
        running.saving = None;
        let (text, severity) = match result {
            Ok(Ok(length)) => {
                if !running.is_running() {
                    running.saved = Some(path.clone());
                }
                self.settings.opened(&path);
                (format!("Saved {} as {}.", size(length), path.display()), Severity::Note)
            }
            Ok(Err(error)) => (format!("Can't write {}: {error}.", path.display()), Severity::Error),
            Err(error) => (format!("Can't write {}: {error}.", path.display()), Severity::Error),
        };
        self.notify(text, severity);
    }
}

/// Copies the bytes that are there, which end with a whole packet.
fn copy(source: &Source, to: &Path, control: &JobControl) -> io::Result<u64> {
    let length = source.length();
    let mut file = File::create(to)?;
    let mut piece = vec![0; PIECE];
    let mut done = 0;
    while done < length && control.report(done, length) {
        let most = usize::try_from(length - done).unwrap_or(PIECE).min(PIECE);
        let piece = piece.get_mut(..most).unwrap_or_default();
        source.read_exact_at(done, piece)?;
        file.write_all(piece)?;
        done += piece.len() as u64;
    }
    Ok(done)
}
