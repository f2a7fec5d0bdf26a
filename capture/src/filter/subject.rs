//! What the names in an expression refer to: a column of all rows, or fields of messages.

use std::fmt;
use std::sync::Arc;

use framescope_parser::{Names, Protocol};
use thiserror::Error;

use super::codes;
use super::column::Column;
use super::error::{FilterError, nearest};
use super::expression::Subject;

/// Why a name refers to nothing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(super) enum UnknownName {
    #[error("there is no column or field '{name}'{}", DidYouMean(near))]
    Subject { name: String, near: Option<String> },
    #[error("{protocol} has no field '{path}'{}", DidYouMean(near))]
    Field { protocol: String, path: String, near: Option<String> },
}

/// The end of a sentence about a name that nearly exists.
struct DidYouMean<'n>(&'n Option<String>);

impl fmt::Display for DidYouMean<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_ref().map_or(Ok(()), |near| write!(f, "; did you mean '{near}'?"))
    }
}

/// What the name at byte `at` of a list of `names` refers to.
pub(crate) fn subject(
    name: &str,
    protocols: &[Arc<dyn Protocol>],
    names: &str,
    at: usize,
) -> Result<Subject, FilterError> {
    let failed = |error: UnknownName| FilterError::new(names, at..at + name.len(), &error.to_string());
    find(name, protocols).map_err(failed)
}

/// What a name refers to. `protocols` are those whose fields it may be.
pub(super) fn find(name: &str, protocols: &[Arc<dyn Protocol>]) -> Result<Subject, UnknownName> {
    if let Some(column) = Column::from_name(name) {
        return Ok(Subject::Column(column));
    }
    let with_name = protocols.iter().find_map(|protocol| {
        let path = name.strip_prefix(protocol.name())?.strip_prefix('.')?;
        Some((protocol, path))
    });
    let path = with_name.map_or(name, |(_, path)| path);
    let candidates = with_name.map_or(protocols, |(protocol, _)| std::slice::from_ref(protocol));
    let names: Vec<Names> = candidates.iter().map(|protocol| protocol.names()).collect();
    let is_code = codes::is_code(name, protocols);
    // What the messages of a protocol name themselves may be anything, if that protocol is meant.
    let is_any = |names: &Names| names.fields.is_empty() || with_name.is_some() && names.are_open();
    let all_known = is_code || !names.iter().any(is_any);
    // Names that may be anywhere are found by the field around them.
    let (around, last) = path.rsplit_once('.').unwrap_or(("", path));
    let is_anywhere = names.iter().any(|names| names.anywhere.iter().any(|name| name == last));
    let is_known = |path: &str| names.iter().any(|names| names.may_have(path));
    if !all_known || is_known(path) || is_anywhere && (around.is_empty() || is_known(around)) {
        let path = path.split('.').map(str::to_owned).collect();
        let protocol = with_name.map(|(protocol, _)| protocol.name().to_owned());
        return Ok(Subject::Field { protocol, path });
    }
    let known: Vec<&str> = names.iter().flat_map(|names| &names.fields).map(String::as_str).collect();
    let near = |names: Vec<&str>| nearest(path, names).map(str::to_owned);
    if let Some((protocol, _)) = with_name {
        let protocol = protocol.name().to_owned();
        let near = near(known).map(|near| format!("{protocol}.{near}"));
        return Err(UnknownName::Field { protocol, path: path.to_owned(), near });
    }
    let columns = Column::ALL.iter().map(|(_, name, _)| *name);
    // Also the last names of paths: 'usr' probably means 'payload.user'.
    let last = known.iter().filter_map(|path| path.rsplit('.').next());
    let near = near(columns.chain(known.iter().copied()).chain(last).collect());
    Err(UnknownName::Subject { name: name.to_owned(), near })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(name: &str) -> (Option<String>, String) {
        match find(name, &framescope_parser::built_in()) {
            Ok(Subject::Field { protocol, path }) => (protocol, path.join(".")),
            other => panic!("{name}: {other:?}"),
        }
    }

    #[test]
    fn a_name_is_a_column_or_the_end_of_a_path() {
        assert!(matches!(
            find("src.port", &framescope_parser::built_in()),
            Ok(Subject::Column(Column::SrcPort))
        ));
        assert_eq!(path("user"), (None, "user".to_owned()));
        assert_eq!(path("missive.payload.user"), (Some("missive".to_owned()), "payload.user".to_owned()));
    }

    #[test]
    fn an_unknown_name_is_an_error_with_the_nearest_known_one() {
        let error = |name: &str| find(name, &framescope_parser::built_in()).unwrap_err().to_string();
        assert_eq!(error("knid"), "there is no column or field 'knid'; did you mean 'kind'?");
        assert_eq!(
            error("missive.sequense"),
            "missive has no field 'sequense'; did you mean 'missive.sequence'?"
        );
        assert_eq!(error("ser"), "there is no column or field 'ser'; did you mean 'user'?");
        assert_eq!(error("nothing_like_it"), "there is no column or field 'nothing_like_it'");
    }

    #[test]
    fn an_error_in_a_list_of_names_marks_its_own() {
        let error = subject("knid", &framescope_parser::built_in(), "row, knid", 5).unwrap_err();
        assert_eq!((error.expression.as_str(), error.range), ("row, knid", 5..9));
    }
}
