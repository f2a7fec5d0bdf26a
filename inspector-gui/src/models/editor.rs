//! The editor's model: the text of a protocol description, its diagnostics, and the protocol that it describes.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use framescope_ksy::Described;

use super::background::{Background, Job};

/// An error or a warning at a line of a description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The line, counted from 1; 0 if it concerns the whole file.
    pub line: usize,
    /// The column, counted from 1.
    pub column: usize,
    /// What is wrong, and what may have been intended.
    pub text: String,
    /// Whether the description is usable all the same.
    pub is_warning: bool,
}

/// The result of checking a text: the protocol with warnings, or errors.
type Checked = Result<(Described, Vec<Diagnostic>), Vec<Diagnostic>>;

/// A description in the editor.
#[derive(Debug)]
pub struct Editor {
    /// The text as edited.
    pub text: String,
    path: Option<PathBuf>,
    /// The file that is proposed while it has none.
    proposed: PathBuf,
    /// The text as saved.
    saved: String,
    diagnostics: Vec<Diagnostic>,
    /// How many of them are errors.
    errors: usize,
    /// Raised when the diagnostics change.
    revision: u64,
    /// The text that was checked last.
    checked: String,
    /// When the text was last edited, unless it was checked since.
    changed: Option<Instant>,
    background: Background,
    checking: Option<Job<Checked>>,
}

/// The pause in typing after which the text is checked.
const PAUSE: Duration = Duration::from_millis(300);

/// The name of a description that was never saved.
const UNSAVED: &str = "unsaved.ksy";

/// Why a description could not be opened or saved.
#[derive(Debug, thiserror::Error)]
pub enum EditorError {
    /// The file can't be read.
    #[error("can't read {}: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        error: std::io::Error,
    },
    /// The file can't be written.
    #[error("can't write {}: {error}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        error: std::io::Error,
    },
    /// The description was never saved, so it has no file to save to.
    #[error("the description has no file yet; choose one with Save as")]
    NoFile,
}

impl Editor {
    /// Opens a file.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn open(path: &Path, background: &Background) -> Result<Editor, EditorError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| EditorError::Read { path: path.to_owned(), error })?;
        Ok(Editor { saved: text.clone(), path: Some(path.to_owned()), ..Editor::with(text, background) })
    }

    /// Starts with a text that has no file.
    pub fn with(text: impl Into<String>, background: &Background) -> Editor {
        Editor {
            text: text.into(),
            path: None,
            proposed: PathBuf::from(UNSAVED),
            saved: String::new(),
            diagnostics: Vec::new(),
            errors: 0,
            revision: 0,
            checked: String::new(),
            changed: Some(background.now()),
            background: background.clone(),
            checking: None,
        }
    }

    /// Starts with a text that has no file, for which one is proposed.
    pub fn proposed(text: impl Into<String>, path: PathBuf, background: &Background) -> Editor {
        Editor { proposed: path, ..Editor::with(text, background) }
    }

    /// Its file, or the one that is proposed.
    pub fn path(&self) -> &Path {
        self.path.as_deref().unwrap_or(&self.proposed)
    }

    /// Whether it has a file.
    pub fn has_file(&self) -> bool {
        self.path.is_some()
    }

    /// Whether the text differs from its file.
    pub fn is_changed(&self) -> bool {
        self.path.is_none() || self.text != self.saved
    }

    /// The errors and warnings of the text that was checked last, in the order of their lines.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// How many of them are errors.
    pub fn error_count(&self) -> usize {
        self.errors
    }

    /// Changes when the diagnostics do.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    fn report(&mut self, diagnostics: Vec<Diagnostic>) {
        self.errors = diagnostics.iter().filter(|diagnostic| !diagnostic.is_warning).count();
        self.diagnostics = diagnostics;
        self.diagnostics.sort_by_key(|diagnostic| diagnostic.line);
        self.revision += 1;
        self.checking = None;
    }

    /// Whether the text still has to be checked.
    pub fn is_behind(&self) -> bool {
        self.checking.is_some() || self.text != self.checked
    }

    /// Call after changing the text.
    pub fn typed(&mut self) {
        self.changed = Some(self.background.now());
    }

    /// Checks the text after a pause in typing. Returns the protocol when a new one is described. What it imports by absolute path is
    /// looked up in `folders` first.
    pub fn follow(&mut self, folders: &[PathBuf]) -> Option<(PathBuf, Described)> {
        if self.waits_for().is_some_and(|waits| waits.is_zero()) {
            self.changed = None;
            self.checked.clone_from(&self.text);
            let (text, path, folders) = (self.text.clone(), self.path().to_owned(), folders.to_vec());
            self.checking =
                Some(self.background.spawn("description", move |_| check(&text, &path, &folders)));
        }
        match self.checking.as_ref()?.poll()? {
            Ok(Ok((described, warnings))) => {
                self.report(warnings);
                Some((self.path().to_owned(), described))
            }
            Ok(Err(errors)) => {
                self.report(errors);
                None
            }
            Err(error) => {
                let text = error.to_string();
                self.report(vec![Diagnostic { line: 0, column: 0, text, is_warning: false }]);
                None
            }
        }
    }

    /// The time until the text is checked, if a check is due.
    pub fn waits_for(&self) -> Option<Duration> {
        let changed = self.changed.filter(|_| self.text != self.checked)?;
        Some((changed + PAUSE).saturating_duration_since(self.background.now()))
    }

    /// Loads the file's text if another program changed it. False if the text was edited here as well, which stays.
    pub fn reload(&mut self) -> bool {
        let Some(Ok(text)) = self.path.as_ref().map(std::fs::read_to_string) else { return true };
        if text == self.saved {
            return true;
        }
        let is_free = !self.is_changed();
        self.saved.clone_from(&text);
        if is_free {
            self.text = text;
            self.typed();
        }
        is_free
    }

    /// Saves the text to its file, or to another one, which is its file from then on.
    ///
    /// # Errors
    /// The file can't be written, or there is none.
    pub fn save(&mut self, to: Option<&Path>) -> Result<(), EditorError> {
        let path = to.or(self.path.as_deref()).ok_or(EditorError::NoFile)?.to_owned();
        std::fs::write(&path, &self.text)
            .map_err(|error| EditorError::Write { path: path.clone(), error })?;
        self.saved.clone_from(&self.text);
        self.path = Some(path);
        Ok(())
    }
}

fn check(text: &str, path: &Path, folders: &[PathBuf]) -> Checked {
    let name = path.display().to_string();
    let diagnostic = |located: &framescope_ksy::Located, is_warning| Diagnostic {
        // An error in an imported file concerns the whole file here.
        line: if located.file == name { located.line as usize } else { 0 },
        column: located.column as usize,
        text: if located.file == name { located.text.clone() } else { located.to_string() },
        is_warning,
    };
    match Described::from_text_in(text, path, folders) {
        Ok(described) => {
            let said = described.warnings().iter().chain(described.limits());
            let warnings = said.map(|located| diagnostic(located, true)).collect();
            Ok((described, warnings))
        }
        Err(error) => Err(error.diagnostics().iter().map(|located| diagnostic(located, false)).collect()),
    }
}

/// The kind of a token, for syntax colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// A key, with its colon.
    Key,
    /// A value.
    Value,
    /// A quoted string.
    Text,
    /// A number.
    Number,
    /// A comment.
    Comment,
    /// Punctuation and blanks.
    Plain,
}

/// Splits a line into tokens, which together are the line.
pub fn tokens(line: &str) -> Vec<(TokenKind, &str)> {
    let mut tokens = Vec::new();
    let (blanks, mut rest) = line.split_at(line.len() - line.trim_start().len());
    push(&mut tokens, TokenKind::Plain, blanks);
    while let Some(item) = rest.strip_prefix("- ") {
        push(&mut tokens, TokenKind::Plain, rest.get(..2).unwrap_or_default());
        rest = item;
    }
    if !rest.starts_with(['#', '"', '\''])
        && let Some(colon) =
            rest.find(':').filter(|&at| matches!(rest.as_bytes().get(at + 1), None | Some(b' ')))
    {
        let (key, value) = rest.split_at(colon + 1);
        push(&mut tokens, TokenKind::Key, key);
        rest = value;
    }
    let begins = rest.len() - rest.trim_start().len();
    let (blanks, value) = rest.split_at(begins);
    push(&mut tokens, TokenKind::Plain, blanks);
    let comment = comment_of(value);
    let (value, comment) = value.split_at(comment);
    let kind = match value.trim() {
        text if text.starts_with(['"', '\'']) => TokenKind::Text,
        text if is_number(text) => TokenKind::Number,
        _ => TokenKind::Value,
    };
    push(&mut tokens, kind, value);
    push(&mut tokens, TokenKind::Comment, comment);
    tokens
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    !digits.is_empty()
        && digits.chars().all(|c| c.is_ascii_hexdigit() || matches!(c, '.' | '_'))
        && text.starts_with(|c: char| c.is_ascii_digit())
}

/// Where the comment after a value starts.
fn comment_of(value: &str) -> usize {
    let mut quote = None;
    let mut before = ' ';
    for (at, c) in value.char_indices() {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if c == '#' && before == ' ' => return at,
            None if matches!(c, '"' | '\'') && matches!(before, ' ' | '[' | ',' | '{') => quote = Some(c),
            None => {}
        }
        before = c;
    }
    value.len()
}

fn push<'l>(tokens: &mut Vec<(TokenKind, &'l str)>, kind: TokenKind, text: &'l str) {
    if !text.is_empty() {
        tokens.push((kind, text));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_add_up_to_the_line() {
        for template in framescope_ksy::TEMPLATES {
            for line in template.text.lines() {
                assert_eq!(tokens(line).iter().map(|(_, text)| *text).collect::<String>(), line);
            }
        }
        let kinds: Vec<TokenKind> =
            tokens("  - id: kind # what it is").into_iter().map(|(kind, _)| kind).collect();
        use TokenKind::{Comment, Key, Plain, Value};
        assert_eq!(kinds, [Plain, Plain, Key, Plain, Value, Comment]);
        assert_eq!(tokens("doc: 'a # b'").last(), Some(&(TokenKind::Text, "'a # b'")));
    }

    #[test]
    fn the_text_is_checked_after_a_pause_and_diagnostics_have_places() {
        let background = Background::manual();
        let pause = |editor: &mut Editor| {
            assert!(editor.follow(&[]).is_none() && !background.step(), "there was no pause yet");
            background.advance(PAUSE);
            assert!(editor.follow(&[]).is_none() && background.step() && editor.is_behind());
            editor.follow(&[])
        };
        let text = "meta:\n  id: mine\nseq:\n  - id: kind\n    type: u1q\n";
        let mut editor = Editor::with(text, &background);
        let described = pause(&mut editor);
        assert!(described.is_none() && !editor.is_behind());
        assert_eq!((editor.diagnostics()[0].line, editor.diagnostics()[0].column), (5, 11));
        editor.text = editor.text.replace("u1q", "u1");
        editor.typed();
        let described = pause(&mut editor);
        assert_eq!(described.unwrap().1.format().name(), "mine");
        assert!(editor.diagnostics().is_empty());
        // A probable typo is a warning, and the description is used all the same.
        editor.text = editor.text.replace("type: u1", "type: u1\n    -hxe: true");
        editor.typed();
        assert!(pause(&mut editor).is_some());
        let [warning] = editor.diagnostics() else { panic!("{:?}", editor.diagnostics()) };
        assert!(warning.is_warning && (warning.line, warning.column) == (6, 5), "{warning:?}");
        assert!(warning.text.ends_with("did you mean '-hex'?"), "{warning:?}");
    }

    #[test]
    fn a_file_changed_by_another_program_is_loaded_unless_it_was_edited_here() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mine.ksy");
        std::fs::write(&path, "meta: {id: a}\n").unwrap();
        let mut editor = Editor::open(&path, &Background::manual()).unwrap();
        std::fs::write(&path, "meta: {id: b}\n").unwrap();
        assert!(editor.reload());
        assert_eq!(editor.text, "meta: {id: b}\n");
        editor.text.push_str("seq: []\n");
        std::fs::write(&path, "meta: {id: c}\n").unwrap();
        assert!(!editor.reload());
        assert!(editor.text.ends_with("seq: []\n") && editor.is_changed());
        editor.save(None).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), editor.text);
        assert!(!editor.is_changed() && editor.reload());
    }
}
