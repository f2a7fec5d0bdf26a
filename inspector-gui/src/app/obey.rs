//! Does what the panels and the keys ask for.

use eframe::egui::Context;
use framescope_parser::Severity;

use super::{App, Tab};
use crate::actions::Action;
use crate::copying::{CopyAs, field_as, fields_as_json, range_as};
use crate::document::Document;
use crate::panels::overlays::Overlay;
use crate::panels::{Command, Target};
use crate::settings::{Settings, Theme, TimeFormat};
use crate::view::Marked;
use framescope_inspect::sample;

impl App {
    pub(super) fn obey(&mut self, command: Command, ctx: &Context) {
        match command {
            Command::Act(action) => self.act(action, ctx),
            Command::Open(path) => self.open_path(&path, ctx),
            Command::DecodeAs(target, protocol) => self.decode_as(target, protocol.as_deref()),
            Command::Cancel => {
                self.document.iter().for_each(Document::cancel);
                (self.opening, self.pending) = (None, None);
            }
            Command::Filter => {
                self.filter_rows();
                let typed = self.filter.fault.is_none() && !self.filter.text.trim().is_empty();
                if typed && !ctx.egui_wants_keyboard_input() {
                    self.settings.used_filter(&self.filter.text);
                }
            }
            Command::SetFilter(text) => {
                self.type_filter(&text);
                self.settings.used_filter(&text);
            }
            Command::AddToFilter(test) => {
                let text = self.filter.text.trim();
                let text = match (text.is_empty(), text.contains(" or ") || text.contains("||")) {
                    (true, _) => test,
                    (false, false) => format!("{text} and {test}"),
                    (false, true) => format!("({text}) and {test}"),
                };
                self.type_filter(&text);
                self.settings.used_filter(&text);
            }
            Command::Copy(text) | Command::CopyIf(Ok(text)) => ctx.copy_text(text),
            Command::CopyIf(Err(why)) => self.say(why, Severity::Warning),
            Command::CopyMarked => self.copy_marked(ctx),
            Command::SetColumns(columns) => self.settings.columns = columns,
            Command::StartDescription(template) => self.start_description(template),
            Command::SaveDescription => self.save_description(None),
            Command::SaveDescriptionAs => self.save_dialog(),
            Command::SaveTo(path) => self.save_description(Some(&path)),
            Command::SaveRow(row, kept) => self.save_row(row, kept),
            Command::SaveRowTo(row, path) => self.save_row_to(row, &path),
            Command::CloseEditor => self.close_editor(),
            Command::CloseHealth => (self.health, self.checking) = (None, None),
            Command::Dismiss(number) => {
                if number < self.banners.len() {
                    self.banners.remove(number);
                }
            }
            Command::GoTo(row) => self.go_to(row),
            command => self.look(command),
        }
    }

    /// What only changes what is looked at.
    fn look(&mut self, command: Command) {
        let (Some(view), Some(document)) = (&mut self.view, &self.document) else { return };
        match command {
            Command::ShowFlow(flow) => view.show_flow(flow),
            Command::ShowSpan(span) => view.show_span(span),
            Command::SelectRow(row) => {
                view.select_row(Some(row));
                view.show_selected();
            }
            Command::CompareWith(row) => {
                view.compare_with(row);
                if row.is_some() {
                    self.tab = Tab::Comparison;
                    self.settings.panels.message = true;
                }
            }
            Command::Mark(what) => view.mark(what),
            Command::MarkBytes(range) => view.mark_bytes(range),
            Command::Hover(what) => {
                self.hovers = true;
                if view.hovered() != Some(&what) {
                    view.hover(Some(what));
                }
            }
            Command::SortBy(sort) => view.sort_by(sort),
            Command::Seek(code, forward) => view.seek(Some(code), forward, &document.index()),
            Command::StopLooking => {
                view.stop_looking();
                self.filter.text.clear();
                self.filter.fault = None;
            }
            _ => {}
        }
    }

    /// Looks at a row, whatever the filter says of it.
    pub fn go_to(&mut self, row: u32) {
        let Some(view) = &mut self.view else { return };
        if !view.wants(row) {
            self.filter.text.clear();
            self.filter.fault = None;
            view.show_all();
        }
        view.select_row(Some(row));
        view.show_selected();
    }

    /// Reads something as a protocol; as what it looks like, where none is named.
    fn decode_as(&mut self, target: Target, protocol: Option<&str>) {
        let flow = match target {
            Target::Port(selector) => {
                self.settings.decode_as(&selector, protocol);
                // What was said of all, or of a conversation, would hide it.
                self.chosen_protocols.clear();
                return self.read_again();
            }
            Target::Flow(flow) => Some(flow),
            Target::All => None,
        };
        // What was said of all counts no more when something else is said of all.
        self.chosen_protocols.retain(|(known, _)| flow.is_some() && *known != flow);
        self.chosen_protocols.extend(protocol.map(|protocol| (flow, protocol.to_owned())));
        self.read_again();
    }

    /// Does what a key, the palette or a menu asks for.
    pub fn act(&mut self, action: Action, ctx: &Context) {
        let panels = &mut self.settings.panels;
        match action {
            Action::Open => self.open_dialog(),
            Action::OpenSample => self.open(sample::source(), true, ctx),
            Action::Reload => self.reload(ctx),
            Action::Filter => self.filter.takes_focus = true,
            Action::ClearFilter => self.type_filter(""),
            Action::GoToRow => self.overlay = Overlay::GoToRow(String::new()),
            Action::Palette => self.overlay = Overlay::Palette { text: String::new(), chosen: 0 },
            Action::Shortcuts => self.overlay = Overlay::Shortcuts,
            Action::Tour => self.tour = Some(0),
            Action::DismissAll => self.banners.clear(),
            Action::ShowMessage => self.show_tab(Tab::Message),
            Action::ShowDialogue => self.show_tab(Tab::Dialogue),
            Action::ShowLadder => self.show_tab(Tab::Ladder),
            Action::ShowProblems => self.show_tab(Tab::Problems),
            Action::ShowStatistics => self.show_tab(Tab::Statistics),
            Action::ShowComparison => self.show_tab(Tab::Comparison),
            Action::ToggleConversations => panels.conversations = !panels.conversations,
            Action::ToggleTimeline => panels.timeline = !panels.timeline,
            Action::ToggleMessage => panels.message = !panels.message,
            Action::ToggleBeside => self.settings.message_beside = !self.settings.message_beside,
            Action::TimeAbsolute => self.settings.time = TimeFormat::Absolute,
            Action::TimeRelative => self.settings.time = TimeFormat::Relative,
            Action::TimeDelta => self.settings.time = TimeFormat::Delta,
            Action::ResetColumns => self.settings.columns = Settings::default().columns,
            Action::ThemeLight => self.set_theme(Theme::Light, ctx),
            Action::ThemeDark => self.set_theme(Theme::Dark, ctx),
            Action::ThemeSystem => self.set_theme(Theme::System, ctx),
            Action::Editor => {
                if self.editor.is_none() {
                    let named = self.reading.own.iter().next().map(|(path, _)| path.clone());
                    match named {
                        Some(path) => self.open_path(&path, ctx),
                        None => self.start_description(
                            framescope_ksy::TEMPLATES.first().map_or("", |first| first.name),
                        ),
                    }
                }
            }
            Action::Health => self.check_description(),
            Action::NextProblem
            | Action::PreviousProblem
            | Action::GoToPartner
            | Action::OnlyThisConversation
            | Action::Compare
            | Action::WholeTime
            | Action::Unsort
            | Action::CopyHex
            | Action::CopyJson => self.act_on_view(action, ctx),
        }
    }

    fn act_on_view(&mut self, action: Action, ctx: &Context) {
        let (Some(view), Some(document)) = (&mut self.view, &self.document) else { return };
        let index = document.index();
        let selected = view.selected();
        match action {
            Action::NextProblem => view.seek(None, true, &index),
            Action::PreviousProblem => view.seek(None, false, &index),
            Action::GoToPartner => {
                let partner = selected.and_then(|row| index.counterpart(row));
                drop(index);
                match partner {
                    Some(partner) => self.go_to(partner),
                    None => self.say("This row answers none, and none answers it.", Severity::Note),
                }
            }
            Action::OnlyThisConversation => {
                let flow = selected.and_then(|row| index.row(row)).map(|row| row.flow());
                view.show_flow(flow.filter(|_| view.flow().is_none()));
            }
            Action::Compare => {
                view.compare_with(selected);
                drop(index);
                self.show_tab(Tab::Comparison);
            }
            Action::WholeTime => view.show_span(None),
            Action::Unsort => view.sort_by(None),
            Action::CopyHex => {
                if let Some(details) = view.details() {
                    let message = details.captured();
                    let copied = range_as(&message, &(0..message.length()), CopyAs::Hex);
                    drop(index);
                    self.obey(Command::CopyIf(copied), ctx);
                }
            }
            Action::CopyJson => {
                if let Some(details) = view.details() {
                    ctx.copy_text(fields_as_json(&details.fields));
                }
            }
            _ => {}
        }
    }

    /// Copies the marked field as its value, marked bytes in hexadecimal, or else what the row says in a few words.
    fn copy_marked(&mut self, ctx: &Context) {
        let Some(view) = &self.view else { return };
        let Some(details) = view.details() else { return };
        let copied = match view.marked() {
            Some(Marked { range, path }) => match path.as_deref().and_then(|path| details.field(path)) {
                Some(field) => field_as(field, &details.captured(), CopyAs::Value),
                None => range_as(&details.captured(), range, CopyAs::Hex),
            },
            None => {
                let summary = view.lookup().line(details.row).map(|line| line.summary);
                Ok(format!("{} {}", details.title, summary.unwrap_or_default()))
            }
        };
        self.obey(Command::CopyIf(copied), ctx);
    }

    fn set_theme(&mut self, theme: Theme, ctx: &Context) {
        self.settings.theme = theme;
        self.use_theme(ctx);
    }
}
