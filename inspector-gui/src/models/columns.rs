//! The columns of the table: how wide each has to be, which ones fit, and what moving, resizing and hiding them changes.

use framescope_capture::filter::Column;

use super::ViewContext;
use super::settings::{ColumnSetting, Settings};

/// The width of the last column in points, below which others are left out.
pub(crate) const LAST_WIDTH: f32 = 130.0;
/// The default width of a column that is shown again.
const NEW_WIDTH: f32 = 96.0;
/// The width of the protocols of what is carried, some of which are indented.
const PROTOCOL_WIDTH: f32 = 128.0;
const NARROWEST: f32 = 28.0;
/// Columns that are left out where there is too little room, in this order.
const LEFT_OUT: [Column; 5] = [Column::Flow, Column::Dst, Column::ReplyTo, Column::Src, Column::Time];
/// The digits and the rest of a column of numbers, in points.
const DIGIT: f32 = 7.6;

/// The width that a column of numbers needs for the greatest of them.
pub(crate) fn needed_width(context: ViewContext<'_>, column: Column) -> f32 {
    let digits = |greatest: usize| u16::try_from(greatest.max(1).ilog10() + 1).unwrap_or(20);
    let rows = digits(context.index.row_count());
    match column {
        Column::Row => f32::from(rows) * DIGIT + 12.0,
        Column::Flow => f32::from(digits(context.index.flows().len())) * DIGIT + 12.0,
        Column::ReplyTo => f32::from(rows) * 7.4 + 96.0,
        _ => 0.0,
    }
}

/// Splits columns into those that fit into a width and those that are left out.
pub(crate) fn fitting(mut columns: Vec<(Column, f32)>, width: f32) -> (Vec<(Column, f32)>, Vec<Column>) {
    let mut left_out = Vec::new();
    for column in LEFT_OUT {
        let before_last =
            columns.split_last().map_or(0.0, |(_, all)| all.iter().map(|(_, width)| width).sum());
        // The last column gets what is left, and needs less than it is set to.
        let last = columns.last().map_or(0.0, |(_, width)| width.min(LAST_WIDTH));
        if before_last + last <= width {
            break;
        }
        let before = columns.len();
        columns.retain(|(known, _)| *known != column);
        if columns.len() < before {
            left_out.push(column);
        }
    }
    (columns, left_out)
}

/// The column at a distance from the left end of the first one.
pub(crate) fn column_at(columns: &[(Column, f32)], mut x: f32) -> Option<Column> {
    for (column, width) in columns {
        if x < *width {
            return Some(*column);
        }
        x -= width;
    }
    None
}

/// The visible columns without unknown names, as they are stored. A capture in which rows carry others also shows the protocol,
/// unless that was hidden there.
fn visible(settings: &Settings, has_levels: bool) -> Vec<ColumnSetting> {
    let setting = |(column, width): (Column, f32)| ColumnSetting { name: column.name().to_owned(), width };
    let mut columns: Vec<ColumnSetting> = settings.columns().map(setting).collect();
    if has_levels && settings.protocol_of_carried && !shows_protocol(&columns) {
        let kind = columns.iter().position(|known| known.name == Column::Kind.name());
        columns.insert(kind.unwrap_or(0), setting((Column::Protocol, PROTOCOL_WIDTH)));
    }
    columns
}

/// Whether the protocol is one of some columns.
pub(crate) fn shows_protocol(columns: &[ColumnSetting]) -> bool {
    columns.iter().any(|known| known.name == Column::Protocol.name())
}

/// The visible columns with their widths.
pub(crate) fn shown(context: ViewContext<'_>) -> Vec<(Column, f32)> {
    let columns = visible(context.settings, context.view.has_levels());
    columns.iter().filter_map(|known| Some((Column::from_name(&known.name)?, known.width))).collect()
}

/// The columns with one moved in front of another, or to the end. None if it stays where it is.
pub(crate) fn moved(
    (settings, has_levels): (&Settings, bool),
    column: Column,
    before: Option<Column>,
) -> Option<Vec<ColumnSetting>> {
    let mut columns = visible(settings, has_levels);
    let at = |column: Column| columns.iter().position(|known| known.name == column.name());
    let from = at(column)?;
    let to = before.and_then(at).unwrap_or(columns.len());
    if to == from || to == from + 1 {
        return None;
    }
    let column = columns.remove(from);
    columns.insert(if to > from { to - 1 } else { to }, column);
    Some(columns)
}

/// The columns with one shown or hidden. None if no column would be left.
pub(crate) fn toggled(
    (settings, has_levels): (&Settings, bool),
    column: Column,
) -> Option<Vec<ColumnSetting>> {
    let mut columns = visible(settings, has_levels);
    let count = columns.len();
    columns.retain(|known| known.name != column.name());
    if columns.len() == count {
        // Before the summary, which gets the room that is left.
        let is_summary = columns.last().is_some_and(|last| last.name == Column::Summary.name());
        let at = columns.len() - usize::from(is_summary);
        columns.insert(at, ColumnSetting { name: column.name().to_owned(), width: NEW_WIDTH });
    }
    (!columns.is_empty()).then_some(columns)
}

/// The columns with one made wider or narrower.
pub(crate) fn resized(context: ViewContext<'_>, column: Column, by: f32) -> Vec<ColumnSetting> {
    let mut columns = visible(context.settings, context.view.has_levels());
    if let Some(known) = columns.iter_mut().find(|known| known.name == column.name()) {
        known.width = (known.width.max(needed_width(context, column)) + by).max(NARROWEST);
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_important_columns_stay_where_there_is_little_room() {
        let all =
            vec![(Column::Row, 50.0), (Column::Flow, 40.0), (Column::Src, 100.0), (Column::Summary, 200.0)];
        assert_eq!(fitting(all.clone(), 400.0), (all.clone(), vec![]));
        assert_eq!(fitting(all.clone(), 320.0).1, vec![], "the last one is narrower");
        let (shown, left_out) = fitting(all.clone(), 300.0);
        assert_eq!((shown.len(), left_out), (3, vec![Column::Flow]));
        let (shown, left_out) = fitting(all, 10.0);
        assert_eq!(shown, [(Column::Row, 50.0), (Column::Summary, 200.0)]);
        assert_eq!(left_out, [Column::Flow, Column::Src]);
    }

    #[test]
    fn a_distance_leads_to_its_column() {
        let places = [(Column::Row, 50.0), (Column::Kind, 100.0)];
        assert_eq!(
            [0.0, 49.0, 50.0, 149.0, 150.0].map(|x| column_at(&places, x)),
            [Some(Column::Row), Some(Column::Row), Some(Column::Kind), Some(Column::Kind), None]
        );
    }

    fn settings(names: &[&str]) -> Settings {
        let column = |name: &&str| ColumnSetting { name: (*name).to_owned(), width: 50.0 };
        Settings { columns: names.iter().map(column).collect(), ..Settings::default() }
    }

    fn names(columns: Option<Vec<ColumnSetting>>) -> Option<Vec<String>> {
        Some(columns?.into_iter().map(|column| column.name).collect())
    }

    #[test]
    fn a_column_moves_in_front_of_another_or_to_the_end() {
        let settings = settings(&["row", "time", "kind"]);
        let moved = |column, before| names(moved((&settings, false), column, before));
        assert_eq!(moved(Column::Kind, Some(Column::Row)).unwrap(), ["kind", "row", "time"]);
        assert_eq!(moved(Column::Row, Some(Column::Kind)).unwrap(), ["time", "row", "kind"]);
        assert_eq!(moved(Column::Row, None).unwrap(), ["time", "kind", "row"]);
        assert_eq!(moved(Column::Row, Some(Column::Time)), None, "it is there already");
        assert_eq!(moved(Column::Src, None), None, "it is hidden");
    }

    #[test]
    fn a_capture_with_carriers_shows_the_protocol_until_it_is_hidden_there() {
        let mut settings = settings(&["row", "kind", "summary"]);
        let columns = |settings: &Settings, has_levels| names(Some(visible(settings, has_levels))).unwrap();
        assert_eq!(columns(&settings, false), ["row", "kind", "summary"]);
        assert_eq!(columns(&settings, true), ["row", "protocol", "kind", "summary"]);
        assert_eq!(
            names(toggled((&settings, true), Column::Protocol)).unwrap(),
            ["row", "kind", "summary"],
            "it is hidden like any other"
        );
        settings.protocol_of_carried = false;
        assert_eq!(columns(&settings, true), ["row", "kind", "summary"]);
    }

    #[test]
    fn a_column_is_shown_before_the_summary_and_the_last_one_stays() {
        let toggled =
            |names_before: &[&str], column| names(toggled((&settings(names_before), false), column));
        assert_eq!(toggled(&["row", "summary"], Column::Kind).unwrap(), ["row", "kind", "summary"]);
        assert_eq!(toggled(&["row", "kind"], Column::Row).unwrap(), ["kind"]);
        assert_eq!(toggled(&["row"], Column::Row), None);
    }
}
