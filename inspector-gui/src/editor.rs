//! A description that is being written: its text, what is wrong with it where, and what it describes.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use framescope_ksy::Described;

use crate::background::{Background, Job};

/// What is wrong at a line of a description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The line, counted from 1; 0 where it is the whole file's.
    pub line: usize,
    /// The column, counted from 1.
    pub column: usize,
    /// What is wrong, and what may have been meant.
    pub text: String,
    /// Whether it can be read all the same.
    pub is_warning: bool,
}

/// What came of looking at a text.
type Checked = Result<(Described, Vec<Mistake>), Vec<Mistake>>;

/// A description in the editor.
#[derive(Debug)]
pub struct Editor {
    /// The text as it stands.
    pub text: String,
    path: Option<PathBuf>,
    /// The text as it stands in the file.
    saved: String,
    mistakes: Vec<Mistake>,
    /// The text that was looked at last.
    checked: String,
    /// When it was typed into, if it was not looked at since.
    changed: Option<Instant>,
    background: Background,
    checking: Option<Job<Checked>>,
}

/// How long nobody types before the rows follow.
const PAUSE: Duration = Duration::from_millis(300);

/// What an unsaved description is called.
const UNSAVED: &str = "unsaved.ksy";

impl Editor {
    /// Opens a file.
    ///
    /// # Errors
    /// It can't be read.
    pub fn open(path: &Path, background: &Background) -> Result<Editor, String> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("{} can't be read: {error}", path.display()))?;
        Ok(Editor { saved: text.clone(), path: Some(path.to_owned()), ..Editor::with(text, background) })
    }

    /// Begins with a text that is in no file.
    pub fn with(text: impl Into<String>, background: &Background) -> Editor {
        Editor {
            text: text.into(),
            path: None,
            saved: String::new(),
            mistakes: Vec::new(),
            checked: String::new(),
            changed: Some(background.now()),
            background: background.clone(),
            checking: None,
        }
    }

    /// Its file, or what it is called without one.
    pub fn path(&self) -> &Path {
        self.path.as_deref().unwrap_or(Path::new(UNSAVED))
    }

    /// Whether it has a file.
    pub fn has_file(&self) -> bool {
        self.path.is_some()
    }

    /// Whether the text is another than the file's.
    pub fn is_changed(&self) -> bool {
        self.path.is_none() || self.text != self.saved
    }

    /// What is wrong with the text, as far as it was looked at.
    pub fn mistakes(&self) -> &[Mistake] {
        &self.mistakes
    }

    /// Whether the text as it stands has not been looked at yet.
    pub fn is_behind(&self) -> bool {
        self.checking.is_some() || self.text != self.checked
    }

    /// Somebody typed.
    pub fn typed(&mut self) {
        self.changed = Some(self.background.now());
    }

    /// Looks at the text after a pause in typing. Gives what it describes when that is another than before; the window is
    /// woken when it is time to ask again.
    pub fn follow(&mut self) -> Option<(PathBuf, Described)> {
        if self.waits_for().is_some_and(|waits| waits.is_zero()) {
            self.changed = None;
            self.checked.clone_from(&self.text);
            let (text, path) = (self.text.clone(), self.path().to_owned());
            self.checking = Some(self.background.begin("description", move |_| check(&text, &path)));
        }
        match self.checking.as_ref()?.poll()? {
            Ok(Ok((described, warnings))) => {
                (self.mistakes, self.checking) = (warnings, None);
                Some((self.path().to_owned(), described))
            }
            Ok(Err(mistakes)) => {
                (self.mistakes, self.checking) = (mistakes, None);
                None
            }
            Err(panic) => {
                let text = format!("a bug of ours: {panic}");
                self.mistakes = vec![Mistake { line: 0, column: 0, text, is_warning: false }];
                self.checking = None;
                None
            }
        }
    }

    /// How long until the text is looked at, if it waits for that.
    pub fn waits_for(&self) -> Option<Duration> {
        let changed = self.changed.filter(|_| self.text != self.checked)?;
        Some((changed + PAUSE).saturating_duration_since(self.background.now()))
    }

    /// Takes the file's text in, where it was changed by others and not here. False if both were changed.
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

    /// Writes the text to its file, or to another from now on.
    ///
    /// # Errors
    /// It can't be written.
    pub fn save(&mut self, to: Option<&Path>) -> Result<(), String> {
        let path = to.or(self.path.as_deref()).ok_or("it has no file yet")?.to_owned();
        std::fs::write(&path, &self.text)
            .map_err(|error| format!("{} can't be written: {error}", path.display()))?;
        self.saved.clone_from(&self.text);
        self.path = Some(path);
        Ok(())
    }
}

fn check(text: &str, path: &Path) -> Checked {
    let name = path.display().to_string();
    let mistake = |located: &framescope_ksy::Located, is_warning| Mistake {
        // What is wrong in an imported file is told on top.
        line: if located.file == name { located.line as usize } else { 0 },
        column: located.column as usize,
        text: if located.file == name { located.text.clone() } else { located.to_string() },
        is_warning,
    };
    match Described::from_text(text, path) {
        Ok(described) => {
            let warnings = described.warnings().iter().map(|located| mistake(located, true)).collect();
            Ok((described, warnings))
        }
        Err(error) => Err(error.diagnostics().iter().map(|located| mistake(located, false)).collect()),
    }
}

/// What a stretch of a description is, for colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// A key, with its colon.
    Key,
    /// A value.
    Value,
    /// Text in quotes.
    Text,
    /// A number.
    Number,
    /// A comment.
    Comment,
    /// Signs, blanks.
    Plain,
}

/// The parts of a line, which together are the line.
pub fn parts(line: &str) -> Vec<(Part, &str)> {
    let mut parts = Vec::new();
    let (blanks, mut rest) = line.split_at(line.len() - line.trim_start().len());
    push(&mut parts, Part::Plain, blanks);
    while let Some(item) = rest.strip_prefix("- ") {
        push(&mut parts, Part::Plain, rest.get(..2).unwrap_or_default());
        rest = item;
    }
    if !rest.starts_with(['#', '"', '\''])
        && let Some(colon) =
            rest.find(':').filter(|&at| matches!(rest.as_bytes().get(at + 1), None | Some(b' ')))
    {
        let (key, value) = rest.split_at(colon + 1);
        push(&mut parts, Part::Key, key);
        rest = value;
    }
    let begins = rest.len() - rest.trim_start().len();
    let (blanks, value) = rest.split_at(begins);
    push(&mut parts, Part::Plain, blanks);
    let comment = comment_of(value);
    let (value, comment) = value.split_at(comment);
    let part = match value.trim() {
        text if text.starts_with(['"', '\'']) => Part::Text,
        text if is_number(text) => Part::Number,
        _ => Part::Value,
    };
    push(&mut parts, part, value);
    push(&mut parts, Part::Comment, comment);
    parts
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    !digits.is_empty()
        && digits.chars().all(|c| c.is_ascii_hexdigit() || matches!(c, '.' | '_'))
        && text.starts_with(|c: char| c.is_ascii_digit())
}

/// Where the comment of a value begins.
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

fn push<'l>(parts: &mut Vec<(Part, &'l str)>, part: Part, text: &'l str) {
    if !text.is_empty() {
        parts.push((part, text));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_the_line() {
        for template in framescope_ksy::TEMPLATES {
            for line in template.text.lines() {
                assert_eq!(parts(line).iter().map(|(_, text)| *text).collect::<String>(), line);
            }
        }
        let kinds: Vec<Part> = parts("  - id: kind # what it is").into_iter().map(|(part, _)| part).collect();
        assert_eq!(kinds, [Part::Plain, Part::Plain, Part::Key, Part::Plain, Part::Value, Part::Comment]);
        assert_eq!(parts("doc: 'a # b'").last(), Some(&(Part::Text, "'a # b'")));
    }

    #[test]
    fn the_text_is_followed_and_its_mistakes_stand_at_their_lines() {
        let background = Background::by_hand();
        let pause = |editor: &mut Editor| {
            assert!(editor.follow().is_none() && !background.step(), "nobody has paused");
            background.pass(PAUSE);
            assert!(editor.follow().is_none() && background.step() && editor.is_behind());
            editor.follow()
        };
        let text = "meta:\n  id: mine\nseq:\n  - id: kind\n    type: u1q\n";
        let mut editor = Editor::with(text, &background);
        let described = pause(&mut editor);
        assert!(described.is_none() && !editor.is_behind());
        assert_eq!((editor.mistakes()[0].line, editor.mistakes()[0].column), (5, 11));
        editor.text = editor.text.replace("u1q", "u1");
        editor.typed();
        let described = pause(&mut editor);
        assert_eq!(described.unwrap().1.format().name(), "mine");
        assert!(editor.mistakes().is_empty());
        // What is probably not meant is told, and is used all the same.
        editor.text = editor.text.replace("type: u1", "type: u1\n    -hxe: true");
        editor.typed();
        assert!(pause(&mut editor).is_some());
        let [mistake] = editor.mistakes() else { panic!("{:?}", editor.mistakes()) };
        assert!(mistake.is_warning && (mistake.line, mistake.column) == (6, 5), "{mistake:?}");
        assert!(mistake.text.ends_with("did you mean '-hex'?"), "{mistake:?}");
    }

    #[test]
    fn a_file_that_others_change_is_taken_in_unless_it_was_changed_here() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mine.ksy");
        std::fs::write(&path, "meta: {id: a}\n").unwrap();
        let mut editor = Editor::open(&path, &Background::by_hand()).unwrap();
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
