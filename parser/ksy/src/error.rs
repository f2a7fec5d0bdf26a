//! What is wrong with a description, and where.

use std::fmt;

/// A place in a description's text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Place {
    /// Which file: the description's own is 0, imported ones follow.
    pub(crate) file: u32,
    pub(crate) line: u32,
    pub(crate) column: u32,
}

impl Place {
    pub(crate) fn new(file: u32, line: usize, column: usize) -> Place {
        let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Place { file, line: small(line), column: small(column) }
    }

    /// So many characters on in the same line.
    pub(crate) fn right(self, characters: usize) -> Place {
        Place { column: self.column.saturating_add(u32::try_from(characters).unwrap_or(u32::MAX)), ..self }
    }
}

/// Something wrong in a description.
#[derive(Clone, Debug)]
pub(crate) struct Mistake {
    pub(crate) place: Place,
    pub(crate) text: String,
}

impl Mistake {
    pub(crate) fn new(place: Place, text: impl Into<String>) -> Mistake {
        Mistake { place, text: text.into() }
    }
}

/// Why a description can't be used: each mistake with its file, line and column.
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
    mistakes: Vec<Located>,
}

/// One mistake in a description, or something in it that is probably not meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// The file, as it was named.
    pub file: String,
    /// The line, counted from 1; 0 where the mistake is the whole file's.
    pub line: u32,
    /// The column, counted from 1.
    pub column: u32,
    /// What is wrong, and the nearest that is right.
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
    pub(crate) fn new(mut mistakes: Vec<Located>) -> LoadError {
        mistakes.sort_by(|a, b| (&a.file, a.line, a.column).cmp(&(&b.file, b.line, b.column)));
        mistakes.dedup();
        LoadError { mistakes }
    }

    /// All of them, in the order of the files' text.
    pub fn mistakes(&self) -> &[Located] {
        &self.mistakes
    }

    /// The line of the first, counted from 1.
    pub fn line(&self) -> u32 {
        self.mistakes.first().map_or(0, |first| first.line)
    }

    /// The column of the first, counted from 1.
    pub fn column(&self) -> u32 {
        self.mistakes.first().map_or(0, |first| first.column)
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, mistake) in self.mistakes.iter().enumerate() {
            let line = if i == 0 { "" } else { "\n" };
            write!(f, "{line}{mistake}")?;
        }
        Ok(())
    }
}

impl std::error::Error for LoadError {}

/// `; did you mean 'x'?`, where one of `known` is near to `name`; else what there is, if that is little.
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
        None if known.len() <= 16 => format!("; there is {}", known.join(", ")),
        None => String::new(),
    }
}
