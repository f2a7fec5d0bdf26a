//! What is wrong in a description, and where.

use std::fmt;

/// A position in a description's text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Place {
    /// The file: 0 is the description's own, imported ones follow.
    pub(crate) file: u32,
    pub(crate) line: u32,
    pub(crate) column: u32,
}

impl Place {
    pub(crate) fn new(file: u32, line: usize, column: usize) -> Place {
        let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Place { file, line: small(line), column: small(column) }
    }

    /// The place some characters further on in the same line.
    pub(crate) fn right(self, characters: usize) -> Place {
        Place { column: self.column.saturating_add(u32::try_from(characters).unwrap_or(u32::MAX)), ..self }
    }
}

/// A mistake in a description, or a warning.
#[derive(Clone, Debug)]
pub(crate) struct Diagnostic {
    pub(crate) place: Place,
    pub(crate) text: String,
}

impl Diagnostic {
    pub(crate) fn new(place: Place, text: impl Into<String>) -> Diagnostic {
        Diagnostic { place, text: text.into() }
    }
}

/// Why a description can't be used: its mistakes, each with file, line and column.
///
/// ```
/// use framescope_ksy::Described;
///
/// let error = Described::from_ksy("meta:\n  id: mine\nseq:\n  - id: kind\n    typ: u1\n").unwrap_err();
/// assert_eq!((error.line(), error.column()), (5, 5));
/// assert!(error.to_string().contains("did you mean 'type'?"), "{error}");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadError {
    diagnostics: Vec<Located>,
}

/// A mistake in a description, or a warning about something that is probably one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// The file, as the caller named it.
    pub file: String,
    /// The line, counted from 1; 0 if the mistake concerns the whole file.
    pub line: u32,
    /// The column, counted from 1.
    pub column: u32,
    /// What is wrong, and what to write instead.
    pub text: String,
}

impl fmt::Display for Located {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.text),
            _ => write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.text),
        }
    }
}

impl LoadError {
    pub(crate) fn new(mut diagnostics: Vec<Located>) -> LoadError {
        diagnostics.sort_by(|a, b| (&a.file, a.line, a.column).cmp(&(&b.file, b.line, b.column)));
        diagnostics.dedup();
        LoadError { diagnostics }
    }

    /// All of them, in the order of the files' text.
    pub fn diagnostics(&self) -> &[Located] {
        &self.diagnostics
    }

    /// The line of the first, counted from 1.
    pub fn line(&self) -> u32 {
        self.diagnostics.first().map_or(0, |first| first.line)
    }

    /// The column of the first, counted from 1.
    pub fn column(&self) -> u32 {
        self.diagnostics.first().map_or(0, |first| first.column)
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, mistake) in self.diagnostics.iter().enumerate() {
            let line = if i == 0 { "" } else { "\n" };
            write!(f, "{line}{mistake}")?;
        }
        Ok(())
    }
}

impl std::error::Error for LoadError {}

/// `; did you mean 'x'?` if one of `known` is similar to `name`; otherwise all that are expected, if they are few.
pub(crate) fn nearest<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    let near = known
        .iter()
        .map(|candidate| {
            (strsim::damerau_levenshtein(&name.to_lowercase(), &candidate.to_lowercase()), candidate)
        })
        .filter(|(distance, candidate)| *distance <= 1 + name.len().max(candidate.len()) / 3)
        .min_by_key(|(distance, _)| *distance);
    match near {
        Some((_, candidate)) => format!("; did you mean '{candidate}'?"),
        None if known.is_empty() => String::new(),
        None if known.len() <= 16 => format!("; expected one of {}", known.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::{LoadError, Located, nearest};

    #[test]
    fn a_hint_names_what_is_similar_or_all_of_a_few() {
        assert_eq!(nearest("lenght", ["length", "kind"]), "; did you mean 'length'?");
        assert_eq!(nearest("zzz", ["length", "kind"]), "; expected one of length, kind");
        assert_eq!(nearest("zzz", []), "");
    }

    #[test]
    fn diagnostics_are_sorted_by_place_and_reported_once() {
        let at = |line| Located { file: "a".into(), line, column: 1, text: "wrong".into() };
        let error = LoadError::new(vec![at(9), at(2), at(9)]);
        assert_eq!(error.to_string(), "a:2:1: wrong\na:9:1: wrong");
    }
}
