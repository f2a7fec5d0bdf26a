//! What the two sides of a conversation sent, in a few words, as text or in hexadecimal, to be read and searched.

use std::cell::RefCell;

use eframe::egui::accesskit::Role;
use eframe::egui::text::LayoutJob;
use eframe::egui::{
    Color32, CornerRadius, FontId, Key, Pos2, Rect, Sense, TextEdit, TextFormat, Ui, Visuals, WidgetInfo,
};
use framescope_capture::{FlowId, Row, RowId};
use framescope_parser::{Direction, SpanType};

use super::list::{self, RowScroll};
use super::paint::{paint_text, row_background, row_text_colour};
use super::{Command, colours};
use crate::models::ViewContext;
use crate::models::conversation_rows::ConversationRows;
use crate::models::rows::Rows;
use crate::models::text::clock;
use crate::models::transcript::{Form, Transcript};

const HEAD: f32 = 20.0;
const LINE: f32 = 16.0;
const INDENT: f32 = 26.0;

/// What the panel remembers from frame to frame.
#[derive(Debug, Default)]
pub(crate) struct TranscriptPanel {
    rows: RowScroll,
    pub(crate) transcript: Transcript,
}

pub(crate) fn show(
    ui: &mut Ui,
    context: ViewContext<'_>,
    panel: &mut TranscriptPanel,
    conversation: &ConversationRows,
    commands: &mut Vec<Command>,
) {
    ui.horizontal(|ui| {
        ui.strong(title(context, conversation.flow()));
        forms(ui, &mut panel.transcript);
        search(ui, context, &mut panel.transcript, conversation.matches(), commands);
    });
    let rows = conversation.rows();
    let target = panel.rows.target(context.view.selected(), rows);
    let lookup = context.view.lookup();
    panel.transcript.request(&panel.rows.nearby(target, rows), lookup);
    let search = panel.transcript.search.trim().to_owned();
    let transcript = RefCell::new(&mut panel.transcript);
    let lines_of = |item: usize| transcript.borrow_mut().lines(rows.at(item)?, lookup);
    // A message is cut at some tens of lines.
    #[allow(clippy::cast_precision_loss)]
    let mut height =
        |item: usize| HEAD + lines_of(item).map_or(LINE, |lines| lines.len() as f32 * LINE) + 4.0;
    let mut draw = |ui: &mut Ui, item: usize, rect: Rect| {
        let found = rows.at(item).and_then(|number| Some((number, context.index.row(number)?)));
        if let Some((number, row)) = found {
            let lines = lines_of(item);
            let lines = lines.as_deref().map(Vec::as_slice);
            Entry { context, number, row, search: &search }.show(ui, rect, lines, commands);
        }
    };
    list::show(ui, "Transcript", &mut panel.rows.scroll, rows.len(), target, &mut height, &mut draw);
}

fn title(context: ViewContext<'_>, flow: FlowId) -> String {
    let endpoints = context.flow(flow).and_then(|known| {
        Some(format!("{} and {}", known.source(Direction::Forward)?, known.source(Direction::Backward)?))
    });
    endpoints.unwrap_or_else(|| "Bytes of the file".to_owned())
}

fn forms(ui: &mut Ui, transcript: &mut Transcript) {
    for (form, name, about) in [
        (Form::Summary, "Summary", "Show each message in a few words"),
        (Form::Text, "Text", "Show the bytes as text"),
        (Form::Hex, "Hex", "Show the bytes in hexadecimal"),
    ] {
        if ui.selectable_label(transcript.form() == form, name).on_hover_text(about).clicked() {
            transcript.show_as(form);
        }
    }
}

fn search(
    ui: &mut Ui,
    context: ViewContext<'_>,
    transcript: &mut Transcript,
    matches: Option<&Rows>,
    commands: &mut Vec<Command>,
) {
    let label = ui.label("Find");
    let hint = if transcript.form() == Form::Hex { "text, or bytes such as f5 4d" } else { "text" };
    let edit = TextEdit::singleline(&mut transcript.search).hint_text(hint).desired_width(170.0);
    let edit = ui.add(edit).labelled_by(label.id);
    let entered = edit.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
    let Some(matches) = matches else { return };
    let (previous, next) = (ui.button("Previous match").clicked(), ui.button("Next match").clicked());
    let count = matches.len();
    if count > 0 && (previous || next || entered) {
        let is_backward = previous || entered && ui.input(|input| input.modifiers.shift);
        let found = transcript.step(matches, context.view.selected(), !is_backward);
        commands.extend(found.map(Command::SelectRow));
        if entered {
            edit.request_focus();
        }
    }
    let plural = if count == 1 { "" } else { "es" };
    ui.weak(format!("{count} match{plural}{}", if matches.is_caught_up() { "" } else { " so far" }));
}

/// One row of the transcript.
struct Entry<'v> {
    context: ViewContext<'v>,
    number: RowId,
    row: Row,
    search: &'v str,
}

impl Entry<'_> {
    fn show(&self, ui: &Ui, rect: Rect, lines: Option<&[String]>, commands: &mut Vec<Command>) {
        let &Entry { context, number, row, search } = self;
        let response = ui.interact(rect, ui.scope_id().with(("entry", number)), Sense::click());
        let is_selected = context.view.selected() == Some(number);
        row_background(ui, rect, is_selected, response.hovered());
        let visuals = ui.visuals();
        // The two sides differ by position and sign, not only by colour.
        let (indent, sign, colour) = match context.index.direction(&row) {
            Direction::Forward => (0.0, ">", colours::kind("LOGIN", visuals)),
            Direction::Backward => (INDENT, "<", colours::kind("DATA", visuals)),
        };
        let left = rect.left() + 4.0 + indent;
        let (top, bottom) = (rect.top() + 2.0, rect.bottom() - 4.0);
        let bar = Rect::from_min_max(Pos2::new(left, top), Pos2::new(left + 3.0, bottom));
        ui.painter().rect_filled(bar, CornerRadius::same(1), colour);
        let text_left = left + 10.0;
        let head = self.head(sign);
        let weak = visuals.weak_text_color();
        let head_colour = row.severity().map_or(weak, |severity| colours::severity(severity, visuals));
        let upper = Pos2::new(text_left, rect.top());
        let place = Rect::from_min_max(upper, Pos2::new(rect.right(), rect.top() + HEAD));
        paint_text(ui, place, &head, FontId::proportional(12.0), head_colour);
        let colour = row_text_colour(ui, is_selected);
        let other = match row.span_type {
            SpanType::Gap => [format!("{} bytes are missing here", row.length)],
            _ => ["...".to_owned()],
        };
        let lines = lines.filter(|_| row.span_type != SpanType::Gap).unwrap_or(&other);
        let mut y = rect.top() + HEAD;
        for line in lines {
            if y + LINE > ui.clip_rect().top() && y < ui.clip_rect().bottom() {
                let job = line_job(line, search, colour, visuals);
                let galley = ui.fonts_mut(|fonts| fonts.layout_job(job));
                ui.painter().galley(Pos2::new(text_left, y), galley, colour);
            }
            y += LINE;
        }
        response.widget_info(|| {
            let spoken = format!("{head}\n{}", lines.join("\n"));
            WidgetInfo::selected(Role::ListBoxOption, true, is_selected, spoken)
        });
        if response.clicked() {
            commands.push(Command::SelectRow(number));
        }
    }

    fn head(&self, sign: &str) -> String {
        let &Entry { context, number, row, .. } = self;
        let index = context.index;
        let kind = index.kind(&row).filter(|_| row.span_type == SpanType::Message);
        let kind = kind.unwrap_or(row.type_name());
        let from = index.endpoints(&row).map_or_else(String::new, |(from, _)| from.to_string());
        let time = index.time_ns(&row).map(clock).unwrap_or_default();
        let problem = row.severity().map_or_else(String::new, |severity| format!("  ({severity})"));
        format!("{sign} {from}  {time}  #{number} {kind}, {} bytes{problem}", row.length)
    }
}

/// A line with the searched text highlighted.
fn line_job(line: &str, search: &str, colour: Color32, visuals: &Visuals) -> LayoutJob {
    let plain = TextFormat::simple(FontId::monospace(12.5), colour);
    let highlighted = TextFormat { background: colours::highlighted(visuals), ..plain.clone() };
    let mut job = LayoutJob::default();
    job.wrap.max_width = f32::INFINITY;
    let mut rest = line;
    while !search.is_empty()
        && let Some((before, behind)) = rest.split_once(search)
    {
        job.append(before, 0.0, plain.clone());
        job.append(search, 0.0, highlighted.clone());
        rest = behind;
    }
    job.append(rest, 0.0, plain);
    job
}
