//! What the valid messages of a protocol look like: which fields a message of each form has, and which values each may have. A
//! program that chooses values, and makes what it has chosen smaller, gets a valid message of any of them.
//!
//! Forms are learned by trying: messages are written with other values and read again. So a length or a check is never among what
//! is chosen, a constant is what it has to be, and any protocol that writes messages has forms.

mod domains;
mod learn;
mod node;
mod place;
mod probe;
mod samples;

use framescope_ksy::Described;
use framescope_parser::{Context, Protocol};

use self::node::{Mask, Node, count};
use self::probe::Writer;

/// The forms of a protocol's messages, the simplest first.
#[derive(Clone, Debug, Default)]
pub struct Forms {
    forms: Vec<Form>,
}

/// One form: messages of one kind with the same fields.
#[derive(Clone, Debug)]
pub struct Form {
    kind: Option<String>,
    /// Whether the kind has a name, and is not only a number.
    is_named: bool,
    nodes: Vec<Node>,
    simplest: Vec<u8>,
}

/// What is chosen for a message of a form, in the order of its fields.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// The value of a field.
    Value {
        /// Its path of names, joined by dots.
        path: String,
        /// Which values it may have.
        domain: Domain,
    },
    /// A repeated field.
    Items {
        /// Its path.
        path: String,
        /// How few there may be.
        least: usize,
        /// How many there may be.
        most: usize,
        /// What is chosen for one of them, by what it looks like.
        alternatives: Vec<Vec<Part>>,
    },
}

/// Which values a field may have, as far as was tried. A value that turns out to be none in a message leaves the field as it is
/// in the [simplest](Form::simplest).
#[derive(Clone, Debug, PartialEq)]
pub enum Domain {
    /// Whole numbers from one to another.
    Numbers(i128, i128),
    /// One of these numbers.
    OneNumber(Vec<i128>),
    /// True or false.
    Bool,
    /// A floating-point number of so many bits.
    Float(u8),
    /// Text.
    Text {
        /// The greatest character.
        last: char,
        /// Those before it that it can't have.
        except: Vec<char>,
        /// The least number of characters.
        least: usize,
        /// The greatest.
        most: usize,
    },
    /// One of these texts.
    OneText(Vec<String>),
    /// Bytes.
    Bytes {
        /// Those that it can't have.
        except: Vec<u8>,
        /// The least number of bytes.
        least: usize,
        /// The greatest.
        most: usize,
    },
}

/// What was chosen for a [`Part`].
#[derive(Clone, Debug, PartialEq)]
pub enum Chosen {
    /// A whole number.
    Number(i128),
    /// True or false.
    Bool(bool),
    /// A floating-point number.
    Float(f64),
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// Items: which of the alternatives each is, and what was chosen for it.
    Items(Vec<(usize, Vec<Chosen>)>),
}

impl Forms {
    /// The forms of a described protocol's messages, found in generated ones: more with more `tries`, and the same with as many.
    pub fn of(protocol: &Described, tries: u32) -> Forms {
        Forms::in_context(protocol, &Context::default(), Vec::new(), tries)
    }

    /// The forms of messages in a stage of a conversation, whose `protocol` is the one of that stage; those that are `known` too.
    pub fn in_context(
        protocol: &Described,
        context: &Context<'_>,
        mut known: Vec<Vec<u8>>,
        tries: u32,
    ) -> Forms {
        let writer = Writer::new(protocol, context);
        let named = samples::named(protocol);
        known.extend(samples::generated(protocol, context, tries));
        Forms { forms: learn::forms(&writer, &named, known, tries) }
    }

    /// The forms of a built-in protocol's messages: of Missive, or of one that the known messages show.
    pub fn of_messages(protocol: &dyn Protocol, known: Vec<Vec<u8>>, tries: u32) -> Forms {
        let context = Context::default();
        Forms { forms: learn::forms(&Writer::new(protocol, &context), &[], known, tries) }
    }

    /// The forms of Missive's messages, found in so many generated ones.
    pub fn of_missive(tries: u32) -> Forms {
        let missive = framescope_parser::missive::Missive::default();
        Forms::of_messages(&missive, samples::frames(tries as usize), tries)
    }

    /// All of them.
    pub fn all(&self) -> &[Form] {
        &self.forms
    }
}

impl Form {
    /// The kind of its messages.
    pub fn kind(&self) -> Option<&str> {
        self.kind.as_deref()
    }

    /// The message for which nothing was chosen.
    pub fn simplest(&self) -> &[u8] {
        &self.simplest
    }

    /// What can be chosen.
    pub fn parts(&self) -> Vec<Part> {
        node::parts(&self.nodes, "")
    }

    /// The message with what was chosen, valid in any case: what can't be in this message is left out.
    pub fn write(&self, protocol: &dyn Protocol, context: &Context<'_>, chosen: &[Chosen]) -> Vec<u8> {
        let writer = Writer::new(protocol, context);
        let write = |mask: &Mask<'_>| writer.valid(&node::fields(&self.nodes, chosen, mask), self.kind());
        if let Some(bytes) = write(&Mask::All) {
            return bytes;
        }
        // Not all of it can be: one after another, as long as the message is valid.
        let mut kept = vec![false; count(chosen).min(MOST_TRIED)];
        let mut best = None;
        for at in 0..kept.len() {
            kept.iter_mut().skip(at).take(1).for_each(|one| *one = true);
            match write(&Mask::Some(&kept)) {
                Some(bytes) => best = Some(bytes),
                None => kept.iter_mut().skip(at).take(1).for_each(|one| *one = false),
            }
        }
        // In another context even the simplest may have to be written anew.
        best.or_else(|| write(&Mask::None)).unwrap_or_else(|| self.simplest.clone())
    }
}

/// How many of the chosen values are tried one by one.
const MOST_TRIED: usize = 256;

#[cfg(test)]
mod tests;
