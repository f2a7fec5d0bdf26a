//! The text of a problem, without an allocation where it is one of the usual sentences.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use core::fmt;

/// A sentence: a pattern that the program has, with the numbers that go into it, or any other text.
///
/// The texts of millions of messages differ by a few numbers. A pattern needs no memory, and an index can store the
/// numbers only.
///
/// ```
/// use framescope_parser::Sentence;
///
/// let jump = Sentence::new("{} was expected and {} came").with([7, 9]);
/// assert_eq!(jump.to_string(), "7 was expected and 9 came");
/// assert_eq!(jump.pattern(), Some(("{} was expected and {} came", &[7, 9][..])));
/// // A sentence equals its text, and braces in a text mean nothing.
/// assert_eq!(jump, Sentence::from(String::from("7 was expected and 9 came")));
/// assert_eq!(Sentence::from("the template is {}").to_string(), "the template is {}");
/// ```
#[derive(Clone)]
pub struct Sentence(Form);

#[derive(Clone)]
enum Form {
    /// The numbers beyond the count are zero.
    Pattern(&'static str, [u64; Sentence::MOST_NUMBERS], u8),
    Text(Box<str>),
}

impl Sentence {
    /// The most numbers in a pattern.
    pub const MOST_NUMBERS: usize = 3;

    /// A sentence that is the same each time, or the pattern of one: each `{}` is the place of one of the numbers that
    /// [`with`](Sentence::with) gives it. Without any it is shown as it is.
    pub const fn new(pattern: &'static str) -> Sentence {
        Sentence(Form::Pattern(pattern, [0; Sentence::MOST_NUMBERS], 0))
    }

    /// The sentence with these numbers in the places of its pattern, in their order. Surplus places stay as they are,
    /// and surplus numbers are not shown. A text, which has no places, is unchanged.
    ///
    /// At most [`MOST_NUMBERS`](Sentence::MOST_NUMBERS); more do not compile.
    #[must_use]
    pub fn with<const N: usize>(self, numbers: [u64; N]) -> Sentence {
        const { assert!(N <= Sentence::MOST_NUMBERS, "a sentence has at most three numbers") };
        let Form::Pattern(pattern, ..) = self.0 else { return self };
        Sentence::of(pattern, &numbers)
    }

    /// The same with a slice; numbers after the third are left out.
    pub fn of(pattern: &'static str, numbers: &[u64]) -> Sentence {
        let mut all = [0; Sentence::MOST_NUMBERS];
        let mut count = 0;
        for (place, number) in all.iter_mut().zip(numbers) {
            *place = *number;
            count += 1;
        }
        Sentence(Form::Pattern(pattern, all, count))
    }

    /// The pattern and its numbers; None for a text.
    pub fn pattern(&self) -> Option<(&'static str, &[u64])> {
        match &self.0 {
            Form::Pattern(pattern, numbers, count) => {
                Some((pattern, numbers.get(..usize::from(*count)).unwrap_or_default()))
            }
            Form::Text(_) => None,
        }
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        match &self.0 {
            Form::Pattern(pattern, ..) => pattern.is_empty(),
            Form::Text(text) => text.is_empty(),
        }
    }
}

impl fmt::Display for Sentence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut rest, numbers) = match &self.0 {
            Form::Text(text) => return f.write_str(text),
            Form::Pattern(pattern, numbers, count) => (*pattern, numbers.iter().take(usize::from(*count))),
        };
        for number in numbers {
            let Some((before, after)) = rest.split_once("{}") else { break };
            write!(f, "{before}{number}")?;
            rest = after;
        }
        f.write_str(rest)
    }
}

impl fmt::Debug for Sentence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_string(), f)
    }
}

/// Two sentences are equal if their texts are.
impl PartialEq for Sentence {
    fn eq(&self, other: &Sentence) -> bool {
        match (&self.0, &other.0) {
            (Form::Pattern(pattern, numbers, count), Form::Pattern(others, these, this))
                if (pattern, count) == (others, this) && numbers == these =>
            {
                true
            }
            _ => self.to_string() == other.to_string(),
        }
    }
}

impl Eq for Sentence {}

impl From<&'static str> for Sentence {
    /// The text as it is, whatever braces it has.
    fn from(text: &'static str) -> Sentence {
        Sentence::new(text)
    }
}

impl From<String> for Sentence {
    /// The text as it is, whatever braces it has.
    fn from(text: String) -> Sentence {
        Sentence(Form::Text(text.into()))
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn numbers_fill_the_places_of_a_pattern_and_a_text_is_shown_unchanged() {
        let said = |pattern, numbers: &[u64]| Sentence::of(pattern, numbers).to_string();
        assert_eq!(said("{}", &[u64::MAX]), u64::MAX.to_string());
        assert_eq!(said("a {}, b {}; c {}!", &[1, 2, 3]), "a 1, b 2; c 3!");
        assert_eq!(said("{}{}", &[4]), "4{}");
        assert_eq!(said("no place", &[4]), "no place");
        assert_eq!(said("{} {} {} {}", &[1, 2, 3, 4]), "1 2 3 {}");
        assert_eq!(said("{}", &[]), "{}");
        assert_eq!(Sentence::from(String::from("{} {}")).with([1, 2]).to_string(), "{} {}");
        assert_eq!(format!("{:?}", Sentence::new("is {}").with([1])), "\"is 1\"");
    }

    #[test]
    fn sentences_that_say_the_same_are_the_same() {
        assert_eq!(Sentence::new("{} of {}").with([1, 2]), Sentence::new("1 of {}").with([2]));
        assert_eq!(Sentence::new("{}").with([1]), Sentence::from(String::from("1")));
        assert_ne!(Sentence::new("{}").with([1]), Sentence::new("{}").with([2]));
        assert_ne!(Sentence::new("{}").with([0]), Sentence::new("{}"));
        assert!(Sentence::from("").is_empty() && !Sentence::new("{}").is_empty());
    }
}
