//! Sets of problem codes.

use core::hash::{Hash, Hasher};

use crate::{Code, CodeDomain, Severity};

/// A set of [`Code`]s, as the index stores it for each message: small, copied freely, and without an allocation.
///
/// Of the codes that protocols declare it holds those of one [`CodeDomain`], as a message has one protocol.
///
/// ```
/// use framescope_parser::{Code, CodeSet, Severity};
///
/// let mut codes = CodeSet::EMPTY;
/// codes.insert(Code::Cut);
/// codes.insert(Code::SequenceJump);
/// assert!(codes.contains(Code::Cut) && codes.iter().count() == 2);
/// assert_eq!(codes.worst(), Some(Severity::Warning));
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialOrd, Ord)]
pub struct CodeSet {
    /// A bit for each of [`Code::ALL`].
    built_in: u64,
    /// A bit for each code of the domain.
    custom: u64,
    /// None as long as `custom` is 0.
    domain: Option<&'static CodeDomain>,
}

// A set has one bit for each code; a 65th built-in code needs a wider set.
const _: () = assert!(Code::ALL.len() <= 64 && CodeDomain::MAX_CODES <= 64);
const _: () = assert!(size_of::<CodeSet>() <= 24);

impl CodeSet {
    /// The empty set.
    pub const EMPTY: CodeSet = CodeSet { built_in: 0, custom: 0, domain: None };

    /// Adds `code`. A code of another domain than those that are in already is left out.
    #[inline]
    pub fn insert(&mut self, code: Code) {
        match code.place() {
            Ok(place) => self.built_in |= 1 << place,
            Err(code) => {
                self.insert_custom(code.domain(), 1u64.checked_shl(code.number().into()).unwrap_or(0))
            }
        }
    }

    #[cold]
    fn insert_custom(&mut self, domain: &'static CodeDomain, bits: u64) {
        let is_same = self.domain.is_none_or(|known| known == domain);
        debug_assert!(is_same, "codes of {:?} and of {} in one set", self.domain, domain.name());
        if is_same && bits != 0 {
            self.domain = Some(domain);
            self.custom |= bits;
        }
    }

    /// Adds all of `other`'s codes, as [`insert`](CodeSet::insert) does.
    #[inline]
    pub fn extend(&mut self, other: CodeSet) {
        self.built_in |= other.built_in;
        if let Some(domain) = other.domain {
            self.insert_custom(domain, other.custom);
        }
    }

    /// Whether `code` is in.
    #[inline]
    pub fn contains(self, code: Code) -> bool {
        match code.place() {
            Ok(place) => self.built_in & (1 << place) != 0,
            Err(code) => {
                let bit = 1u64.checked_shl(code.number().into()).unwrap_or(0);
                self.custom & bit != 0 && self.domain == Some(code.domain())
            }
        }
    }

    /// Whether no code is in.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.built_in | self.custom == 0
    }

    /// The codes in the set: the built-in ones in the order of their declaration, and then the others in that of theirs.
    pub fn iter(self) -> impl Iterator<Item = Code> {
        let custom = self.domain.into_iter().flat_map(move |domain| {
            let is_in = move |number: &u8| self.custom & (1 << number) != 0;
            (0..64).filter(is_in).map(move |number| domain.code(number))
        });
        Code::ALL.iter().copied().filter(move |code| self.contains(*code)).chain(custom)
    }

    /// The highest severity in the set.
    pub fn worst(self) -> Option<Severity> {
        self.iter().map(Code::severity).max()
    }
}

impl PartialEq for CodeSet {
    #[inline]
    fn eq(&self, other: &CodeSet) -> bool {
        let is_same = self.built_in == other.built_in && self.custom == other.custom;
        // Without custom codes there is no domain, which is nearly always so.
        is_same && (self.custom == 0 || self.domain == other.domain)
    }
}

impl Hash for CodeSet {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.built_in.hash(state);
        // Nearly always there are none.
        if let Some(domain) = self.domain {
            self.custom.hash(state);
            domain.hash(state);
        }
    }
}

impl FromIterator<Code> for CodeSet {
    fn from_iter<I: IntoIterator<Item = Code>>(codes: I) -> Self {
        let mut set = CodeSet::EMPTY;
        for code in codes {
            set.insert(code);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CodeInfo;
    use alloc::vec::Vec;

    const fn info(name: &'static str, severity: Severity) -> CodeInfo {
        CodeInfo { name, severity, meaning: "A.", usual_cause: "B.", what_to_do: "C." }
    }

    static MINE: CodeDomain =
        CodeDomain::new("mine", &[info("bad-thing", Severity::Error), info("cut", Severity::Note)]);
    static YOURS: CodeDomain = CodeDomain::new("yours", &[info("bad-thing", Severity::Warning)]);

    #[test]
    fn a_set_gives_back_what_was_put_in() {
        let set: CodeSet = [Code::Late, Code::NotAFrame, Code::SequenceJump].into_iter().collect();
        assert_eq!(set.iter().collect::<Vec<_>>(), [Code::NotAFrame, Code::SequenceJump, Code::Late]);
        assert_eq!(set.worst(), Some(Severity::Error));
        assert_eq!(CodeSet::EMPTY.worst(), None);
    }

    #[test]
    fn a_set_holds_the_codes_that_a_protocol_declares_beside_the_built_in_ones() {
        let mut set: CodeSet = [MINE.code(1), Code::Cut].into_iter().collect();
        assert!(set.contains(MINE.code(1)) && set.contains(Code::Cut));
        assert!(!set.contains(MINE.code(0)) && !set.contains(YOURS.code(0)), "bit 1 is of this domain only");
        assert_eq!(set.worst(), Some(Severity::Note));
        let mut other = CodeSet::EMPTY;
        other.insert(MINE.code(0));
        assert!(!other.is_empty() && other != CodeSet::EMPTY && other != set);
        set.extend(other);
        assert_eq!(set.iter().collect::<Vec<_>>(), [Code::Cut, MINE.code(0), MINE.code(1)]);
        assert_eq!(set.worst(), Some(Severity::Error));
        // A number that is not declared is a code too, but for those that have no bit.
        set.insert(MINE.code(63));
        assert_eq!(set.iter().last().map(Code::as_str), Some("undeclared"));
        set.insert(MINE.code(64));
        assert_eq!((set.iter().count(), set.contains(MINE.code(64))), (4, false));
    }

    #[test]
    fn codes_are_distinguished_by_domain_and_number() {
        assert_ne!(MINE.code(0), YOURS.code(0));
        assert_ne!(MINE.code(1), Code::Cut, "the same name is not the same code");
        static AGAIN: CodeDomain = CodeDomain::new("mine", &[]);
        assert_eq!(AGAIN.code(0), MINE.code(0), "a domain is its name");
        assert!(MINE.code(0).is_named("mine.bad-thing") && !MINE.code(0).is_named("yours.bad-thing"));
        assert!(!Code::Cut.is_named("mine.cut") && Code::Cut.is_named("cut"));
        assert_eq!(MINE.code_named("mine.cut"), Some(MINE.code(1)));
        assert_eq!((MINE.code_named("nothing"), Code::from_name("bad-thing")), (None, None));
        assert!(Code::NoProtocol < MINE.code(0) && MINE.code(1) < YOURS.code(0));
    }
}
