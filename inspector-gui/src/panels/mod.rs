//! The parts of the window. Each reads the index and the view and gives commands back; only the app changes state.

pub(crate) mod bars;
pub(crate) mod bytes;
mod cells;
mod columns;
pub(crate) mod comparison;
pub(crate) mod conversations;
pub(crate) mod dialogue;
pub(crate) mod editor;
pub(crate) mod fields;
pub(crate) mod filter;
pub(crate) mod ladder;
pub(crate) mod list;
pub(crate) mod messages;
pub(crate) mod overlays;
pub(crate) mod problems;
pub(crate) mod statistics;
pub(crate) mod status;
pub(crate) mod timeline;

use std::ops::Range;
use std::path::PathBuf;

use eframe::egui::text::{LayoutJob, TextWrapping};
use eframe::egui::{Align2, Color32, FontId, Galley, Pos2, Rect, TextFormat, Ui};
use framescope_capture::Index;
use framescope_parser::Code;

use crate::actions::Action;
use crate::rows::Sort;
use crate::settings::{Settings, ShownColumn};
use crate::view::{Marked, View};

/// What a panel asks the app to do.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Command {
    Act(Action),
    ShowFlow(Option<u32>),
    ShowSpan(Option<Range<i64>>),
    SelectRow(u32),
    /// Looks at a row whatever the filter says of it.
    GoTo(u32),
    CompareWith(Option<u32>),
    Mark(Option<Marked>),
    MarkBytes(Range<usize>),
    Hover(Marked),
    /// Reads something as a protocol; as what it looks like, where none is named.
    DecodeAs(Target, Option<String>),
    Open(PathBuf),
    Cancel,
    StopLooking,
    Filter,
    /// Adds a test to the filter, joined by `and`.
    AddToFilter(String),
    SetFilter(String),
    SortBy(Option<Sort>),
    SetColumns(Vec<ShownColumn>),
    /// The next row with that problem, or the one before.
    Seek(Code, bool),
    Copy(String),
    /// The same, or why there is nothing to copy.
    CopyIf(Result<String, String>),
    /// Copies the marked field, the marked bytes, or what the selected row says.
    CopyMarked,
    StartDescription(&'static str),
    SaveDescription,
    SaveDescriptionAs,
    SaveTo(PathBuf),
    /// Asks where a row's bytes shall be kept, as a seed of a fuzzer or as a regression.
    SaveRow(u32, Kept),
    SaveRowTo(u32, PathBuf),
    CloseEditor,
    CloseHealth,
    Dismiss(usize),
}

/// As what a row's bytes are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    Seed,
    Regression,
}

/// What is decoded as something.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Target {
    All,
    Flow(u32),
    /// A port, as a selector; this is remembered.
    Port(String),
}

/// What a panel looks at.
#[derive(Clone, Copy)]
pub(crate) struct Look<'l> {
    pub(crate) index: &'l Index,
    pub(crate) view: &'l View,
    pub(crate) settings: &'l Settings,
    pub(crate) protocols: &'l [String],
}

/// What a conversation, a port or all can be decoded as.
pub(crate) fn decode_as(ui: &mut Ui, look: Look<'_>, flow: Option<u32>, commands: &mut Vec<Command>) {
    let Some(flow) = flow else {
        return choose_protocol(ui, &Target::All, look.protocols, commands);
    };
    ui.menu_button("This conversation", |ui| {
        choose_protocol(ui, &Target::Flow(flow), look.protocols, commands)
    });
    let known = look.index.flows().get(flow as usize);
    let mut ports: Vec<(u16, String)> = Vec::new();
    for direction in [framescope_parser::Direction::Backward, framescope_parser::Direction::Forward] {
        if let Some((known, end)) = known.and_then(|known| Some((known, known.source(direction)?))) {
            ports.push((end.port(), format!("{}.port={}", known.transport.as_str(), end.port())));
        }
    }
    for (port, selector) in ports {
        ui.menu_button(format!("Port {port}, from now on"), |ui| {
            choose_protocol(ui, &Target::Port(selector), look.protocols, commands);
        });
    }
    ui.menu_button("All conversations", |ui| choose_protocol(ui, &Target::All, look.protocols, commands));
}

fn choose_protocol(ui: &mut Ui, target: &Target, protocols: &[String], commands: &mut Vec<Command>) {
    let mut choose = |ui: &mut Ui, name: &str, protocol: Option<&String>| {
        if ui.button(name).clicked() {
            commands.push(Command::DecodeAs(target.clone(), protocol.cloned()));
            ui.close();
        }
    };
    choose(ui, "What it looks like", None);
    ui.separator();
    for name in protocols {
        choose(ui, name, Some(name));
    }
}

/// Text on one line, cut with an ellipsis where it is wider than there is room.
pub(crate) fn cut_text(ui: &Ui, text: &str, format: TextFormat, width: f32) -> std::sync::Arc<Galley> {
    let mut job = LayoutJob::single_section(text.to_owned(), format);
    job.wrap = TextWrapping::truncate_at_width(width.max(1.0));
    ui.fonts_mut(|fonts| fonts.layout_job(job))
}

/// Paints text at the left of a place, in its middle height, cut where it is too long.
pub(crate) fn paint_text(ui: &Ui, place: Rect, text: &str, font: FontId, colour: Color32) {
    if text.is_empty() || place.width() < 4.0 {
        return;
    }
    let galley = cut_text(ui, text, TextFormat::simple(font, colour), place.width());
    let at = Pos2::new(place.left(), place.center().y - galley.size().y / 2.0);
    ui.painter().galley(at, galley, colour);
}

/// A sign that the selected row and another belong together: it needs no font.
pub(crate) fn paint_arrow(ui: &Ui, from: Pos2, to: Pos2, colour: Color32, dashed: bool) {
    let stroke = eframe::egui::Stroke::new(1.5, colour);
    if dashed {
        ui.painter().extend(eframe::egui::Shape::dashed_line(&[from, to], stroke, 5.0, 4.0));
    } else {
        ui.painter().line_segment([from, to], stroke);
    }
    let direction = (to - from).normalized();
    let across = direction.rot90();
    let back = to - direction * 7.0;
    ui.painter().add(eframe::egui::Shape::convex_polygon(
        vec![to, back + across * 3.5, back - across * 3.5],
        colour,
        eframe::egui::Stroke::NONE,
    ));
}

/// A number with its thousands apart.
pub(crate) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A number of bytes in a unit that suits it.
pub(crate) fn size(bytes: u64) -> String {
    let in_unit = |unit: u32| {
        let tenths = (bytes >> (unit - 10)) * 10 / 1024;
        format!("{}.{}", tenths / 10, tenths % 10)
    };
    match bytes {
        0..1_024 => format!("{bytes} B"),
        1_024..1_048_576 => format!("{} KiB", in_unit(10)),
        1_048_576..1_073_741_824 => format!("{} MiB", in_unit(20)),
        _ => format!("{} GiB", in_unit(30)),
    }
}

/// A duration with three digits that count.
pub(crate) fn duration(ns: i64) -> String {
    let sign = if ns < 0 { "-" } else { "" };
    let ns = ns.unsigned_abs();
    let (unit, name) = match ns {
        0..1_000 => return format!("{sign}{ns} ns"),
        1_000..1_000_000 => (1_000, "µs"),
        1_000_000..1_000_000_000 => (1_000_000, "ms"),
        1_000_000_000..120_000_000_000 => (1_000_000_000, "s"),
        120_000_000_000..7_200_000_000_000 => (60_000_000_000, "min"),
        _ => (3_600_000_000_000, "h"),
    };
    let (whole, rest) = (ns / unit, ns % unit);
    match whole {
        0..10 => format!("{sign}{whole}.{:02} {name}", rest * 100 / unit),
        10..100 => format!("{sign}{whole}.{} {name}", rest * 10 / unit),
        _ => format!("{sign}{whole} {name}"),
    }
}

/// Paints a text that stands in a corner or the middle of a place.
pub(crate) fn label_at(ui: &Ui, at: Pos2, align: Align2, text: &str, size: f32, colour: Color32) -> Rect {
    ui.painter().text(at, align, text, FontId::proportional(size), colour)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(
            [0, 1023, 1024, 1_600_000, 5 << 30].map(size),
            ["0 B", "1023 B", "1.0 KiB", "1.5 MiB", "5.0 GiB"]
        );
        assert_eq!(
            [0, -999, 1_234, 56_789_000, 5_000_000_000, 3_600_000_000_000, i64::MAX].map(duration),
            ["0 ns", "-999 ns", "1.23 µs", "56.7 ms", "5.00 s", "60.0 min", "2562047 h"]
        );
    }
}
