//! What is said of a message, without an allocation where it is one of the usual sentences.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use core::fmt;

/// A sentence: a pattern that the program has, with the numbers that go into it, or any other text.
///
/// What is said of millions of messages differs by a few numbers. As a pattern it takes no memory of its own, and whoever keeps
/// it can keep the numbers only.
///
/// ```
/// use framescope_parser::Sentence;
///
/// let jump = Sentence::new("{} was expected and {} came").with([7, 9]);
/// assert_eq!(jump.to_string(), "7 was expected and 9 came");
/// assert_eq!(jump.pattern(), Some(("{} was expected and {} came", &[7, 9][..])));
/// // What was said says the same as a text, and a text's braces mean nothing.
/// assert_eq!(jump, Sentence::from(String::from("7 was expected and 9 came")));
/// assert_eq!(Sentence::from("the template is {}").to_string(), "the template is {}");
/// ```
#[derive(Clone)]
pub struct Sentence(Said);

#[derive(Clone)]
enum Said {
    /// The numbers beyond the count are zero.
    Pattern(&'static str, [u64; Sentence::MOST_NUMBERS], u8),
    Text(Box<str>),
}

impl Sentence {
    /// More numbers than these no pattern has.
    pub const MOST_NUMBERS: usize = 3;

    /// A sentence that is the same each time, or the pattern of one: each `{}` is the place of one of the numbers that
    /// [`with`](Sentence::with) gives it. Without any it is shown as it stands.
    pub const fn new(pattern: &'static str) -> Sentence {
        Sentence(Said::Pattern(pattern, [0; Sentence::MOST_NUMBERS], 0))
    }

    /// The sentence with these numbers in the places of its pattern, in their order. More places than numbers stay as they
    /// stand, and numbers without a place are not shown. A text, which has no places, stays what it is.
    ///
    /// No more than [`MOST_NUMBERS`](Sentence::MOST_NUMBERS) are taken; it does not compile with more.
    #[must_use]
    pub fn with<const N: usize>(self, numbers: [u64; N]) -> Sentence {
        const { assert!(N <= Sentence::MOST_NUMBERS, "a sentence has at most three numbers") };
        let Said::Pattern(pattern, ..) = self.0 else { return self };
        Sentence::of(pattern, &numbers)
    }

    /// The same of a slice; what is beyond the third is left out.
    pub fn of(pattern: &'static str, numbers: &[u64]) -> Sentence {
        let mut all = [0; Sentence::MOST_NUMBERS];
        let mut count = 0;
        for (place, number) in all.iter_mut().zip(numbers) {
            *place = *number;
            count += 1;
        }
        Sentence(Said::Pattern(pattern, all, count))
    }

    /// The pattern and its numbers; None for a text.
    pub fn pattern(&self) -> Option<(&'static str, &[u64])> {
        match &self.0 {
            Said::Pattern(pattern, numbers, count) => {
                Some((pattern, numbers.get(..usize::from(*count)).unwrap_or_default()))
            }
            Said::Text(_) => None,
        }
    }

    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        match &self.0 {
            Said::Pattern(pattern, ..) => pattern.is_empty(),
            Said::Text(text) => text.is_empty(),
        }
    }
}

impl fmt::Display for Sentence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut rest, numbers) = match &self.0 {
            Said::Text(text) => return f.write_str(text),
            Said::Pattern(pattern, numbers, count) => (*pattern, numbers.iter().take(usize::from(*count))),
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

/// Two sentences are the same if they say the same.
impl PartialEq for Sentence {
    fn eq(&self, other: &Sentence) -> bool {
        match (&self.0, &other.0) {
            (Said::Pattern(pattern, numbers, count), Said::Pattern(others, these, this))
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
    /// The text as it stands, whatever braces it has.
    fn from(text: &'static str) -> Sentence {
        Sentence::new(text)
    }
}

impl From<String> for Sentence {
    /// The text as it stands, whatever braces it has.
    fn from(text: String) -> Sentence {
        Sentence(Said::Text(text.into()))
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn numbers_stand_in_the_places_of_a_pattern_and_a_text_is_shown_as_it_stands() {
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
