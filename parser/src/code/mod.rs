//! The codes of problems: the built-in ones, and those that a protocol declares for itself.

mod built_in;
mod set;

use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};

pub use built_in::Code;
pub use set::CodeSet;

/// How much a [`Code`] matters. Ordered: a note is less than a warning, a warning less than an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing; nothing need be wrong.
    Note,
    /// Well-formed, but suspicious.
    Warning,
    /// The bytes are not what the format says.
    Error,
}

impl Severity {
    /// `note`, `warning` or `error`.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Code {
    /// The code as scripts write it, such as `checksum-mismatch`.
    #[inline]
    pub fn as_str(self) -> &'static str {
        self.info().name
    }

    /// How much it matters.
    #[inline]
    pub fn severity(self) -> Severity {
        self.info().severity
    }

    /// What it means, in a sentence for a person who meets it for the first time.
    pub fn meaning(self) -> &'static str {
        self.info().meaning
    }

    /// What usually causes it, in a sentence.
    pub fn usual_cause(self) -> &'static str {
        self.info().usual_cause
    }

    /// What to do about it, in a sentence.
    pub fn what_to_do(self) -> &'static str {
        self.info().what_to_do
    }

    /// The built-in code written as `text`, if there is one. [`CodeDomain::code_named`] finds those that a protocol declares.
    ///
    /// ```
    /// use framescope_parser::{Code, Severity};
    ///
    /// let code = Code::from_name("checksum-mismatch").unwrap();
    /// assert_eq!((code.severity(), code.as_str()), (Severity::Error, "checksum-mismatch"));
    /// assert!(code.meaning().starts_with("The checksum of the frame does not match"));
    /// ```
    pub fn from_name(text: &str) -> Option<Code> {
        Self::ALL.iter().copied().find(|code| code.as_str() == text)
    }

    /// Its number among the built-in codes, or among those of its [domain](Code::domain).
    pub fn number(self) -> u8 {
        self.place().unwrap_or_else(CustomCode::number)
    }

    /// The codes that it was declared with; None for a built-in one.
    pub fn domain(self) -> Option<&'static CodeDomain> {
        self.place().err().map(|code| code.domain)
    }

    /// Whether a person may mean it by this name: its own, or with its domain before a dot, such as
    /// `telemetry.bad-sensor`.
    pub fn is_named(self, name: &str) -> bool {
        let own = self.as_str();
        match self.domain() {
            _ if name == own => true,
            Some(domain) => {
                let path = name.strip_prefix(domain.name).and_then(|rest| rest.strip_prefix('.'));
                path == Some(own)
            }
            None => false,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What is known of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeInfo {
    /// The code as scripts write it: lower-case words with dashes between them.
    pub name: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// What it means, in a sentence for a person who meets it for the first time.
    pub meaning: &'static str,
    /// What usually causes it, in a sentence.
    pub usual_cause: &'static str,
    /// What to do about it, in a sentence.
    pub what_to_do: &'static str,
}

/// The codes that a protocol declares for itself, as a `static` beside it. [`Protocol::codes`](crate::Protocol::codes) makes them
/// known by their names, and whatever reports problems may report them as it does the built-in ones.
///
/// ```
/// use framescope_parser::{Code, CodeDomain, CodeInfo, CodeSet, Severity};
///
/// static CODES: CodeDomain = CodeDomain::new("telemetry", &[CodeInfo {
///     name: "bad-sensor",
///     severity: Severity::Warning,
///     meaning: "The sensor's number was never assigned.",
///     usual_cause: "The number is in the wrong byte order, or the sensor is newer than this program.",
///     what_to_do: "Compare the number with the list of sensors.",
/// }]);
/// const BAD_SENSOR: Code = CODES.code(0);
///
/// assert_eq!((BAD_SENSOR.as_str(), BAD_SENSOR.severity()), ("bad-sensor", Severity::Warning));
/// assert!(BAD_SENSOR.is_named("bad-sensor") && BAD_SENSOR.is_named("telemetry.bad-sensor"));
/// assert_eq!(CODES.code_named("bad-sensor"), Some(BAD_SENSOR));
/// let codes: CodeSet = [BAD_SENSOR, Code::Cut].into_iter().collect();
/// assert!(codes.contains(BAD_SENSOR) && !codes.contains(Code::Glued));
/// ```
#[derive(Debug)]
pub struct CodeDomain {
    name: &'static str,
    codes: &'static [CodeInfo],
}

impl CodeDomain {
    /// The most codes that a protocol may declare.
    pub const MAX_CODES: usize = 64;

    /// The codes of the protocol with that name. Two domains with the same name are taken for the same.
    ///
    /// # Panics
    /// If there are more than [`MAX_CODES`](CodeDomain::MAX_CODES). In a `static` that is a compile error.
    pub const fn new(name: &'static str, codes: &'static [CodeInfo]) -> CodeDomain {
        assert!(codes.len() <= CodeDomain::MAX_CODES, "a protocol declares at most 64 codes");
        CodeDomain { name, codes }
    }

    /// The name of the protocol that declares them.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The code with that number, counted from 0 in the order of their declaration. A number that is not declared is a code
    /// named `undeclared`.
    pub const fn code(&'static self, number: u8) -> Code {
        Code::Custom(CustomCode { domain: self, number })
    }

    /// All of them, in the order of their declaration.
    pub fn codes(&'static self) -> impl Iterator<Item = Code> {
        (0..).zip(self.codes).map(|(number, _)| self.code(number))
    }

    /// The one that a person may mean by this name, see [`Code::is_named`].
    pub fn code_named(&'static self, name: &str) -> Option<Code> {
        self.codes().find(|code| code.is_named(name))
    }
}

// A domain is its name: a `static` has one address, but what a constant refers to may have several.
impl PartialEq for CodeDomain {
    fn eq(&self, other: &CodeDomain) -> bool {
        core::ptr::eq(self, other) || self.name == other.name
    }
}

impl Eq for CodeDomain {}

impl PartialOrd for CodeDomain {
    fn partial_cmp(&self, other: &CodeDomain) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for CodeDomain {
    fn cmp(&self, other: &CodeDomain) -> Ordering {
        self.name.cmp(other.name)
    }
}

impl Hash for CodeDomain {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

/// A code that a protocol declares: [`CodeDomain::code`] gives it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CustomCode {
    domain: &'static CodeDomain,
    number: u8,
}

impl CustomCode {
    /// The codes that it was declared with.
    pub fn domain(self) -> &'static CodeDomain {
        self.domain
    }

    /// Its number among them.
    pub fn number(self) -> u8 {
        self.number
    }

    /// What is declared of it.
    pub fn info(self) -> &'static CodeInfo {
        static UNDECLARED: CodeInfo = CodeInfo {
            name: "undeclared",
            severity: Severity::Warning,
            meaning: "The protocol reports a problem that it does not declare.",
            usual_cause: "The protocol's list of codes is shorter than the numbers that it uses.",
            what_to_do: "Add the code to the protocol's CodeDomain.",
        };
        self.domain.codes.get(usize::from(self.number)).unwrap_or(&UNDECLARED)
    }
}

impl fmt::Debug for CustomCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.domain.name, self.info().name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_found_by_its_name_and_has_sentences() {
        for &code in Code::ALL {
            assert_eq!(Code::from_name(code.as_str()), Some(code));
            for text in [code.meaning(), code.usual_cause(), code.what_to_do()] {
                assert!(text.len() > 10 && text.ends_with('.'), "{code}: {text}");
                assert!(text.starts_with(char::is_uppercase), "{code}: {text}");
            }
        }
    }
}
