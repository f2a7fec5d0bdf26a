//! One conversation as what both sides said, as text or in hexadecimal, to be read and searched.

use std::collections::HashMap;
use std::sync::Arc;

use eframe::egui::accesskit::Role;
use eframe::egui::text::LayoutJob;
use eframe::egui::{CornerRadius, FontId, Key, Pos2, Rect, Sense, TextEdit, TextFormat, Ui, WidgetInfo};
use framescope_capture::export::hex;
use framescope_parser::{Captured, Direction, SpanType};

use super::cells::clock;
use super::list::{self, Scroll};
use super::{Command, Look, paint_text};
use crate::colours;
use crate::dialogue::{hex_lines, text_lines};
use crate::lookup::{Beginning, Lookup};
use crate::rows::Rows;

const HEAD: f32 = 20.0;
const LINE: f32 = 16.0;
/// What is said that is longer is cut until it is looked at by itself.
const LINES_SHOWN: usize = 40;
const INDENT: f32 = 26.0;

/// What the dialogue remembers from frame to frame.
#[derive(Debug, Default)]
pub(crate) struct Dialogue {
    scroll: Scroll,
    shown: Option<u32>,
    form: Form,
    /// Lines that were laid out lately, by row.
    lines: HashMap<u32, Arc<Vec<String>>>,
    /// What is searched for.
    pub(crate) wanted: String,
    /// The row that the search went to last.
    found: Option<u32>,
}

/// How what is said is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Form {
    /// Each message in a few words, as its protocol tells it.
    #[default]
    Summary,
    /// The bytes as text.
    Text,
    Hex,
}

const LINES_KEPT: usize = 2048;

impl Dialogue {
    /// Forgets what was laid out: the rows have become others.
    pub(crate) fn forget(&mut self) {
        self.lines.clear();
        self.found = None;
    }

    /// The test that a search in a conversation is; None if nothing is searched for.
    pub(crate) fn test(&self) -> Option<String> {
        let wanted = self.wanted.trim();
        if wanted.is_empty() {
            return None;
        }
        let digits: String = wanted.chars().filter(|c| !c.is_whitespace()).collect();
        let bytes = (self.form == Form::Hex).then(|| framescope_parser::hex::decode(&digits)).flatten();
        Some(match bytes {
            Some(bytes) => format!("bytes contains x\"{}\"", hex(&bytes)),
            None => format!("bytes contains {}", framescope_capture::filter::written(wanted)),
        })
    }

    /// The lines of a row; None if it is still being read.
    fn lines_of(&mut self, row: u32, lookup: &Lookup) -> Option<Arc<Vec<String>>> {
        if let Some(lines) = self.lines.get(&row) {
            return Some(Arc::clone(lines));
        }
        let (mut lines, more) = match self.form {
            Form::Summary => (text_lines(&Captured::whole(lookup.line(row)?.summary.as_bytes())), 0),
            Form::Text | Form::Hex => {
                let Beginning { bytes, missing, more } = lookup.beginning(row)?;
                let message = Captured::with_missing(&bytes, &missing);
                (if self.form == Form::Hex { hex_lines(&message) } else { text_lines(&message) }, more)
            }
        };
        let left_out = lines.len() > LINES_SHOWN;
        lines.truncate(LINES_SHOWN);
        if left_out || more > 0 {
            lines.push("... more in the message".to_owned());
        }
        let lines = Arc::new(lines);
        if self.lines.len() > LINES_KEPT {
            self.lines.clear();
        }
        self.lines.insert(row, Arc::clone(&lines));
        Some(lines)
    }
}

pub(crate) fn show(
    ui: &mut Ui,
    look: Look<'_>,
    dialogue: &mut Dialogue,
    conversation: Option<(u32, &Rows)>,
    found: Option<&Rows>,
    commands: &mut Vec<Command>,
) {
    ui.add_space(4.0);
    let Some((flow, rows)) = conversation else {
        ui.weak("Select a message, or a conversation at the left.");
        return;
    };
    let mut target = None;
    ui.horizontal(|ui| {
        let title = look.index.flows().get(flow as usize).and_then(|known| {
            Some(format!("{} and {}", known.source(Direction::Forward)?, known.source(Direction::Backward)?))
        });
        ui.strong(title.unwrap_or_else(|| "Bytes of the file".to_owned()));
        let form = dialogue.form;
        ui.selectable_value(&mut dialogue.form, Form::Summary, "Summary")
            .on_hover_text("Each message in a few words");
        ui.selectable_value(&mut dialogue.form, Form::Text, "Text").on_hover_text("The bytes as text");
        ui.selectable_value(&mut dialogue.form, Form::Hex, "Hex").on_hover_text("The bytes in hexadecimal");
        if dialogue.form != form {
            dialogue.lines.clear();
        }
        let label = ui.label("Find");
        let hint = if dialogue.form == Form::Hex { "text, or digits such as f5 4d" } else { "text" };
        let edit = ui.add(TextEdit::singleline(&mut dialogue.wanted).hint_text(hint).desired_width(170.0));
        let edit = edit.labelled_by(label.id);
        let entered = edit.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
        let backwards = ui.input(|input| input.modifiers.shift);
        let Some(found) = found else { return };
        let (before, after) = (ui.button("Previous match").clicked(), ui.button("Next match").clicked());
        let count = found.len();
        let at = dialogue.found.or(look.view.selected());
        if count > 0 && (before || after || entered) {
            let forward = !(before || (entered && backwards));
            target = step(found, count, at, forward);
            if entered {
                edit.request_focus();
            }
        }
        let plural = if count == 1 { "" } else { "es" };
        ui.weak(format!("{count} match{plural}{}", if found.is_done() { "" } else { " so far" }));
    });
    if let Some(row) = target {
        dialogue.found = Some(row);
        commands.push(Command::SelectRow(row));
    }
    let is_new = dialogue.shown != look.view.selected();
    let to_show = look.view.selected().filter(|_| is_new).and_then(|row| rows.place_of(row, false));
    if to_show.is_some() || look.view.selected().is_none() {
        dialogue.shown = look.view.selected();
    }
    let count = rows.len();
    let first = to_show.unwrap_or(dialogue.scroll.top).saturating_sub(30);
    let visible: Vec<u32> = (first..count.min(first + 80)).filter_map(|place| rows.at(place)).collect();
    match dialogue.form {
        Form::Summary => look.view.lookup().want_lines(&visible),
        Form::Text | Form::Hex => look.view.lookup().want_beginnings(&visible),
    }
    let mut scroll = dialogue.scroll;
    let state = std::cell::RefCell::new(dialogue);
    let lines_of = |item: usize| state.borrow_mut().lines_of(rows.at(item)?, look.view.lookup());
    // No message is higher than a few of the window's heights.
    #[allow(clippy::cast_precision_loss)]
    let height = |item: usize| HEAD + lines_of(item).map_or(LINE, |lines| lines.len() as f32 * LINE) + 4.0;
    let wanted = state.borrow().wanted.trim().to_owned();
    list::show(
        ui,
        "Dialogue",
        &mut scroll,
        count,
        to_show,
        &mut |item| height(item),
        &mut |ui, item, rect| {
            let Some(row) = rows.at(item) else { return };
            said(ui, look, row, rect, lines_of(item).as_deref(), &wanted, commands);
        },
    );
    state.into_inner().scroll = scroll;
}

/// The row with a match behind the one at hand, or before it, and round the end.
fn step(found: &Rows, count: usize, at: Option<u32>, forward: bool) -> Option<u32> {
    let all = (0..count).filter_map(|place| found.at(place));
    match (at, forward) {
        (Some(at), true) => all.clone().find(|&row| row > at).or_else(|| found.at(0)),
        (Some(at), false) => all.clone().take_while(|&row| row < at).last().or_else(|| found.at(count - 1)),
        (None, _) => found.at(0),
    }
}

fn said(
    ui: &mut Ui,
    look: Look<'_>,
    number: u32,
    rect: Rect,
    lines: Option<&Vec<String>>,
    wanted: &str,
    commands: &mut Vec<Command>,
) {
    let Some(row) = look.index.row(number) else { return };
    let response = ui.interact(rect, ui.scope_id().with(("said", number)), Sense::click());
    let visuals = ui.visuals().clone();
    let is_selected = look.view.selected() == Some(number);
    if is_selected || response.hovered() {
        let ground =
            if is_selected { visuals.selection.bg_fill } else { visuals.widgets.hovered.weak_bg_fill };
        ui.painter().rect_filled(rect, CornerRadius::same(2), ground);
    }
    let direction = look.index.direction(&row);
    // The two sides are told apart by where they stand and by a sign, not only by colour.
    let (indent, sign, colour) = match direction {
        Direction::Forward => (0.0, ">", colours::kind("LOGIN", &visuals)),
        Direction::Backward => (INDENT, "<", colours::kind("DATA", &visuals)),
    };
    let left = rect.left() + 4.0 + indent;
    let bar =
        Rect::from_min_max(Pos2::new(left, rect.top() + 2.0), Pos2::new(left + 3.0, rect.bottom() - 4.0));
    ui.painter().rect_filled(bar, CornerRadius::same(1), colour);
    let text_left = left + 10.0;
    let time = look.index.time_ns(&row).map(clock).unwrap_or_default();
    let what =
        look.index.kind(&row).filter(|_| row.span_type == SpanType::Message).unwrap_or(row.type_name());
    let from = look.index.endpoints(&row).map_or_else(String::new, |(from, _)| from.to_string());
    let problem = row.severity().map_or_else(String::new, |severity| format!("  ({severity})"));
    let head = format!("{sign} {from}  {time}  #{number} {what}, {} bytes{problem}", row.length);
    let head_colour =
        row.severity().map_or(visuals.weak_text_color(), |severity| colours::severity(severity, &visuals));
    let place =
        Rect::from_min_max(Pos2::new(text_left, rect.top()), Pos2::new(rect.right(), rect.top() + HEAD));
    paint_text(ui, place, &head, FontId::proportional(12.0), head_colour);
    let colour = if is_selected { visuals.strong_text_color() } else { visuals.text_color() };
    let missing;
    let lines = match (lines, row.span_type) {
        (_, SpanType::Gap) => {
            missing = vec![format!("{} bytes are missing here", row.length)];
            &missing
        }
        (Some(lines), _) => lines,
        (None, _) => {
            missing = vec!["...".to_owned()];
            &missing
        }
    };
    let mut y = rect.top() + HEAD;
    for line in lines {
        if y + LINE > ui.clip_rect().top() && y < ui.clip_rect().bottom() {
            let galley = ui.fonts_mut(|fonts| fonts.layout_job(line_job(line, wanted, colour, &visuals)));
            ui.painter().galley(Pos2::new(text_left, y), galley, colour);
        }
        y += LINE;
    }
    response.widget_info(|| {
        let spoken: Vec<&str> = lines.iter().map(String::as_str).collect();
        WidgetInfo::selected(Role::ListBoxOption, true, is_selected, format!("{head}\n{}", spoken.join("\n")))
    });
    if response.clicked() {
        commands.push(Command::SelectRow(number));
    }
}

fn line_job(
    line: &str,
    wanted: &str,
    colour: eframe::egui::Color32,
    visuals: &eframe::egui::Visuals,
) -> LayoutJob {
    let plain = TextFormat::simple(FontId::monospace(12.5), colour);
    let mut job = LayoutJob::default();
    job.wrap.max_width = f32::INFINITY;
    let mut rest = line;
    while !wanted.is_empty()
        && let Some(at) = rest.find(wanted)
    {
        let (before, found) = rest.split_at(at);
        let (found, behind) = found.split_at(wanted.len());
        job.append(before, 0.0, plain.clone());
        job.append(found, 0.0, TextFormat { background: colours::marked(visuals), ..plain.clone() });
        rest = behind;
    }
    job.append(rest, 0.0, plain);
    job
}
