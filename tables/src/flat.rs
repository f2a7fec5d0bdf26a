//! Tables of selected columns and fields only.

use std::sync::Arc;

use framescope_capture::Index;
use framescope_capture::export::NamedField;
use framescope_capture::filter::{Filter, Subject};

use crate::columns::leaf::LeafType;
use crate::columns::tree::ColumnShape;
use crate::error::TableError;
use crate::layout::{Origin, RowNames};
use crate::options::TableOptions;

/// The columns of the selected fields, in their order.
pub(crate) fn columns(
    index: &Arc<Index>,
    filter: Option<&Filter>,
    options: &TableOptions,
    selected: &[NamedField],
    names: &RowNames,
) -> Result<Vec<(Origin, ColumnShape)>, TableError> {
    let _ = (index, filter, options);
    let column = |(at, field): (usize, &NamedField)| match &field.subject {
        Subject::Column(column) => (Origin::Row(*column), names.shape(*column, &field.name)),
        Subject::Field { .. } => (Origin::Selected(at), ColumnShape::leaf(&*field.name, LeafType::Json)),
    };
    Ok(selected.iter().enumerate().map(column).collect())
}
