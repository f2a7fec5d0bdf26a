//! Carries out what panels and keys ask for.

use eframe::egui::Context;
use framescope_capture::RowId;
use framescope_inspect::sample;
use framescope_parser::Severity;

use super::{App, Tab};
use crate::models::actions::Action;
use crate::models::columns::shows_protocol;
use crate::models::copying::{CopyAs, field_as, fields_as_json, range_as};
use crate::models::document::Document;
use crate::models::guessing::Guessing;
use crate::models::levels::Levels;
use crate::models::overlay::{Overlay, Palette};
use crate::models::settings::{ColumnSetting, Settings, Theme, TimeFormat};
use crate::models::view::{Highlight, View};
use crate::panels::{Command, Say};

impl App {
    pub(super) fn dispatch(&mut self, command: Command, ctx: &Context) {
        match command {
            Command::Act(action) => self.act(action, ctx),
            Command::Open(path) => self.open_path(&path, ctx),
            Command::UseKeyLog(path) => self.use_key_log(&path),
            Command::DecodeAs(target, protocol) => self.decode_as(target, protocol.as_deref()),
            Command::Cancel => {
                self.document.iter().for_each(Document::cancel);
                (self.opening, self.pending) = (None, None);
            }
            Command::ApplyFilter => {
                self.apply_filter();
                // A filter is stored when typing has ended.
                if self.filter.error.is_none() && !ctx.egui_wants_keyboard_input() {
                    self.settings.used_filter(&self.filter.text);
                }
            }
            Command::SetFilter(text) => self.set_filter(&text),
            Command::AddToFilter(test) => self.set_filter(&self.filter.text_and(test)),
            Command::Copy(Ok(text)) => ctx.copy_text(text),
            Command::Copy(Err(error)) => self.notify(error.to_string(), Severity::Warning),
            Command::CopySelection => self.copy_selection(ctx),
            Command::SetColumns(columns) => self.set_columns(columns),
            Command::ShowLevels(levels) => self.show_levels(levels),
            Command::StartDescription(template) => self.start_description(template),
            Command::SaveDescription => self.save_description(None),
            Command::SaveDescriptionAs => self.save_dialog(),
            Command::SaveDescriptionTo(path) => self.save_description(Some(&path)),
            Command::SaveRow(row, folder) => self.save_row(row, folder),
            Command::SaveRowTo(row, path) => self.save_row_to(row, &path),
            Command::StartRecording => self.start_recording(),
            Command::SaveRecordingTo(path) => self.save_recording_to(&path),
            Command::Guess(flow) => self.guess(Some(flow)),
            Command::CancelGuess => self.guessing.iter_mut().for_each(Guessing::cancel),
            Command::UseGuess(number) => self.use_guess(number),
            Command::LookAtBytes => {
                self.dock.aligned.aligned.choice.with_others = true;
                self.show_tab(Tab::Aligned);
            }
            Command::Say(say) => self.say(say),
            Command::CloseEditor => self.close_editor(),
            Command::CloseHealth => (self.health, self.checking) = (None, None),
            Command::Dismiss(number) => {
                if number < self.notifications.len() {
                    self.notifications.remove(number);
                }
            }
            Command::GoTo(row) => self.go_to(row),
            Command::Compose(what) => self.compose(what, ctx),
            command => self.dispatch_to_view(command),
        }
    }

    /// Carries out what only changes the view.
    fn dispatch_to_view(&mut self, command: Command) {
        let (Some(view), Some(document)) = (&mut self.view, &self.document) else { return };
        match command {
            Command::ShowFlow(flow) => view.show_flow(flow),
            Command::ShowSpan(span) => view.show_span(span),
            Command::SelectRow(row) => {
                view.select_row(Some(row));
                view.scroll_to_selected();
            }
            Command::CompareWith(row) => {
                view.compare_with(row);
                if row.is_some() {
                    self.show_tab(Tab::Comparison);
                }
            }
            Command::Highlight(what) => view.highlight(what),
            Command::PlaceCursor(at) => view.place_cursor(at),
            Command::ShowLayer(layer) => view.show_layer(layer),
            Command::HighlightBytes(range) => view.highlight_range(range),
            Command::Hover(what) => {
                self.is_hovering = true;
                if view.hovered() != Some(&what) {
                    view.hover(Some(what));
                }
            }
            Command::SortBy(sort) => view.sort_by(sort),
            Command::Seek(code, forward) => view.seek(Some(code), forward, &document.index()),
            Command::StopSearch => {
                view.stop_search();
                self.filter.clear();
            }
            _ => {}
        }
    }

    /// Selects a row, and clears the filter if it hides the row.
    pub fn go_to(&mut self, row: RowId) {
        let Some(view) = &mut self.view else { return };
        if view.reveal(row) {
            self.filter.clear();
        }
        view.select_row(Some(row));
        view.scroll_to_selected();
    }

    fn show_levels(&mut self, levels: Levels) {
        self.settings.levels = levels;
        self.change_view(|view| view.show_levels(levels));
    }

    fn next_levels(&mut self) {
        let Some(view) = self.view.as_ref().filter(|view| view.has_levels()) else {
            return self
                .notify("Nothing in this capture is carried in messages of something else.", Severity::Note);
        };
        self.show_levels(view.scope().levels.next());
    }

    /// A capture with several levels shows the protocol until it is hidden there.
    fn set_columns(&mut self, columns: Vec<ColumnSetting>) {
        if self.view.as_ref().is_some_and(View::has_levels) {
            self.settings.protocol_of_carried = shows_protocol(&columns);
        }
        self.settings.columns = columns;
    }

    fn set_filter(&mut self, text: &str) {
        self.type_filter(text);
        self.settings.used_filter(text);
    }

    /// Carries out an action of a key, the palette or a menu.
    pub fn act(&mut self, action: Action, ctx: &Context) {
        let panels = &mut self.settings.panels;
        match action {
            Action::Open => self.open_dialog(),
            Action::KeyLog => self.key_log_dialog(),
            Action::OpenSample => self.open(sample::source(), true, ctx),
            Action::Reload => self.reload(ctx),
            Action::Record => self.record_or_stop(ctx),
            Action::PauseRecording => self.pause_recording(),
            Action::SaveRecording => self.save_recording(),
            Action::FollowNewest => self.table.follow = !self.table.follow,
            Action::Filter => self.filter.takes_focus = true,
            Action::ClearFilter => self.type_filter(""),
            Action::GoToRow => self.overlay = Overlay::GoToRow(String::new()),
            Action::Palette => self.overlay = Overlay::Palette(Palette::default()),
            Action::Shortcuts => self.overlay = Overlay::Shortcuts,
            Action::Tour => self.tour = Some(0),
            Action::DismissAll => self.notifications.clear(),
            Action::ShowMessage => self.show_tab(Tab::Message),
            Action::ShowTranscript => self.show_tab(Tab::Transcript),
            Action::ShowLadder => self.show_tab(Tab::Ladder),
            Action::ShowProblems => self.show_tab(Tab::Problems),
            Action::ShowStatistics => self.show_tab(Tab::Statistics),
            Action::ShowComparison => self.show_tab(Tab::Comparison),
            Action::ShowAligned => self.show_tab(Tab::Aligned),
            Action::KeepAligned => self.keep_aligned(),
            Action::Guess => self.guess(None),
            Action::ShowGuess => self.show_tab(Tab::Guess),
            Action::State => self.toggle_stating(),
            Action::Undo => self.say(Say::Undo),
            Action::Redo => self.say(Say::Redo),
            Action::ToggleConversations => panels.conversations = !panels.conversations,
            Action::ToggleTimeline => panels.timeline = !panels.timeline,
            Action::ToggleMessage => panels.message = !panels.message,
            Action::ToggleInspector => panels.inspector = !panels.inspector,
            Action::ToggleOrder => self.settings.little_endian = !self.settings.little_endian,
            Action::ToggleBeside => self.settings.message_beside = !self.settings.message_beside,
            Action::NextLevels => self.next_levels(),
            Action::LevelsInnermost => self.show_levels(Levels::Innermost),
            Action::LevelsAll => self.show_levels(Levels::All),
            Action::LevelsOutermost => self.show_levels(Levels::Outermost),
            Action::TimeAbsolute => self.settings.time = TimeFormat::Absolute,
            Action::TimeRelative => self.settings.time = TimeFormat::Relative,
            Action::TimeDelta => self.settings.time = TimeFormat::Delta,
            Action::ResetColumns => {
                self.settings.columns = Settings::default().columns;
                self.settings.protocol_of_carried = true;
            }
            Action::ThemeLight => self.set_theme(Theme::Light, ctx),
            Action::ThemeDark => self.set_theme(Theme::Dark, ctx),
            Action::ThemeSystem => self.set_theme(Theme::System, ctx),
            Action::Editor => self.show_editor(ctx),
            Action::Health => self.check_description(),
            Action::NextProblem => self.seek_problem(true),
            Action::PreviousProblem => self.seek_problem(false),
            Action::GoToPartner => self.go_to_partner(),
            Action::OnlyThisConversation => self.toggle_conversation(),
            Action::Compare => self.compare_with_selected(),
            Action::EditAndSend => self.edit_selected(),
            Action::ShowComposer => self.show_tab(Tab::Compose),
            Action::Send => self.send_composed(),
            Action::WholeTime => self.change_view(|view| view.show_span(None)),
            Action::Unsort => self.change_view(|view| view.sort_by(None)),
            Action::CopyHex => self.copy_hex(ctx),
            Action::CopyJson => self.copy_json(ctx),
        }
    }

    fn change_view(&mut self, change: impl FnOnce(&mut View)) {
        if let Some(view) = &mut self.view {
            change(view);
        }
    }

    fn seek_problem(&mut self, forward: bool) {
        if let (Some(view), Some(document)) = (&mut self.view, &self.document) {
            view.seek(None, forward, &document.index());
        }
    }

    fn go_to_partner(&mut self) {
        let (Some(view), Some(document)) = (&self.view, &self.document) else { return };
        let partner = view.selected().and_then(|row| document.index().counterpart(row));
        match partner {
            Some(partner) => self.go_to(partner),
            None => self.notify("This row is not a reply, and has none.", Severity::Note),
        }
    }

    fn toggle_conversation(&mut self) {
        let (Some(view), Some(document)) = (&mut self.view, &self.document) else { return };
        let of_selected = view.selected().and_then(|row| document.index().row(row)).map(|row| row.flow());
        view.show_flow(of_selected.filter(|_| view.flow().is_none()));
    }

    fn keep_aligned(&mut self) {
        let name = self.document.as_ref().map(Document::name).unwrap_or_default();
        let aligned = &mut self.dock.aligned.aligned;
        // The path of a file says little more than its name.
        aligned.keep(name.rsplit(['/', '\\']).next().unwrap_or(name));
        self.show_tab(Tab::Aligned);
    }

    fn compare_with_selected(&mut self) {
        if let Some(view) = &mut self.view {
            view.compare_with(view.selected());
            self.show_tab(Tab::Comparison);
        }
    }

    fn copy_hex(&mut self, ctx: &Context) {
        if let Some(details) = self.view.as_ref().and_then(View::details) {
            let message = details.captured();
            let copied = range_as(&message, &(0..message.length()), CopyAs::Hex);
            self.dispatch(Command::Copy(copied), ctx);
        }
    }

    fn copy_json(&mut self, ctx: &Context) {
        if let Some(details) = self.view.as_ref().and_then(View::details) {
            ctx.copy_text(fields_as_json(&details.fields));
        }
    }

    /// Copies the highlighted field as its value, other highlighted bytes in hexadecimal, or else the row's summary.
    fn copy_selection(&mut self, ctx: &Context) {
        let Some(view) = &self.view else { return };
        let details = match view.highlighted() {
            Some(highlight) => view.details_of(highlight),
            None => view.details(),
        };
        let Some(details) = details else { return };
        let copied = match view.highlighted() {
            Some(Highlight { range, path, .. }) => match path.as_deref().and_then(|path| details.field(path))
            {
                Some(field) => field_as(field, &details.captured(), CopyAs::Value),
                None => range_as(&details.captured(), range, CopyAs::Hex),
            },
            None => {
                let summary = view.lookup().row_text(details.row).map(|text| text.summary);
                Ok(format!("{} {}", details.title, summary.unwrap_or_default()))
            }
        };
        self.dispatch(Command::Copy(copied), ctx);
    }
}
