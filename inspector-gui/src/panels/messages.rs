//! The table of messages. Only the rows that are seen are laid out, and only they are decoded.

use eframe::egui::{Align, Label, RichText, Sense, TextWrapMode, Ui};
use egui_extras::{Column, TableBuilder};
use framescope_capture::Index;
use framescope_capture::export::rfc3339;
use framescope_parser::TileType;

use super::Command;
use crate::colours;
use crate::view::View;

const ROW_HEIGHT: f32 = 20.0;

/// `scroll_to` is the place of a row to bring into sight.
pub(crate) fn show(
    ui: &mut Ui,
    index: &Index,
    view: &mut View,
    scroll_to: Option<usize>,
    commands: &mut Vec<Command>,
) {
    let fixed = |width: f32| Column::initial(width).at_least(30.0).clip(true).resizable(true);
    let mut table = TableBuilder::new(ui)
        .id_salt("messages")
        .striped(true)
        .sense(Sense::click())
        .auto_shrink([false, false])
        .column(fixed(54.0))
        .column(fixed(118.0))
        .column(fixed(34.0))
        .column(fixed(262.0))
        .column(fixed(52.0))
        .column(fixed(66.0))
        .column(fixed(48.0))
        .column(fixed(158.0))
        .column(Column::remainder().at_least(120.0).clip(true));
    if let Some(place) = scroll_to {
        table = table.scroll_to_row(place, Some(Align::Center));
    }
    let names =
        ["Row", "Time (UTC)", "Flow", "From > to", "Protocol", "Kind", "Bytes", "Problems", "Summary"];
    table
        .header(22.0, |mut header| {
            for name in names {
                header.col(|ui| {
                    ui.strong(name);
                });
            }
        })
        .body(|body| {
            body.rows(ROW_HEIGHT, view.row_count(), |mut line| {
                let Some(number) = view.row_at(line.index()) else { return };
                let Some(row) = index.row(number) else { return };
                line.set_selected(view.selected() == Some(number));
                let text = view.line(number, index);
                let time = index.time_ns(&row).map(rfc3339);
                let from_to = match index.endpoints(&row) {
                    Some((src, dst)) => format!("{src} > {dst}"),
                    None => String::new(),
                };
                let protocol = index.protocol(&row).map_or("", |protocol| protocol.name());
                let what = match (row.tile_type, index.kind(&row)) {
                    (TileType::Message, Some(kind)) => kind.to_owned(),
                    (TileType::Message, None) => "message".to_owned(),
                    (_, _) => row.type_name().to_owned(),
                };
                let cells = [
                    number.to_string(),
                    time.as_deref().and_then(|time| time.get(11..26)).unwrap_or_default().to_owned(),
                    row.flow().to_string(),
                    from_to,
                    protocol.to_owned(),
                    what,
                    row.length.to_string(),
                ];
                let severity = row.severity();
                let is_message = row.tile_type == TileType::Message;
                for (column, cell) in cells.into_iter().enumerate() {
                    let cell = RichText::new(cell);
                    let cell = match column {
                        0..=3 | 6 => cell.monospace(),
                        5 if is_message => cell.strong(),
                        5 => cell.italics(),
                        _ => cell,
                    };
                    line.col(|ui| label(ui, cell));
                }
                line.col(|ui| {
                    if let Some(severity) = severity {
                        let cell = RichText::new(format!("{severity}: {}", text.problems));
                        label(ui, cell.color(colours::severity(severity, ui.visuals())));
                    }
                });
                line.col(|ui| label(ui, RichText::new(text.summary)));
                if line.response().clicked() {
                    commands.push(Command::SelectRow(number));
                }
            });
        });
}

fn label(ui: &mut Ui, text: RichText) {
    ui.add(Label::new(text).selectable(false).wrap_mode(TextWrapMode::Truncate));
}
