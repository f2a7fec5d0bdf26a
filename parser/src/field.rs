//! The fields of a message: names, byte ranges and values, borrowed from the message.
//!
//! A protocol reports the fields to a [`Visit`] as it reads them. [`Dissection`] is the visitor that builds the tree a
//! person looks at; an index uses one that keeps the problem codes only and allocates nothing.

use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use crate::hex::Hex;
use crate::{Code, Problem, Protocol};

/// The value of a field.
///
/// ```
/// use framescope_parser::Value;
///
/// assert_eq!((Value::Hex(62797).to_string(), Value::Hex(62797).as_u64()), ("0xf54d".into(), Some(62797)));
/// assert_eq!(Value::utf8("你".as_bytes()).to_string(), "\"你\"");
/// assert_eq!(Value::utf8(b"\xff").as_bytes(), Some(&[0xff][..]));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// A whole number that is never negative.
    Unsigned(u64),
    /// The same, shown to people in hexadecimal: magics, flags, checks.
    Hex(u64),
    /// A whole number.
    Signed(i64),
    /// A whole number that none of these can hold.
    Wide(Wide),
    /// A floating-point number.
    Float(f64),
    /// True or false.
    Bool(bool),
    /// Text, valid in its encoding.
    Text(Cow<'a, str>),
    /// Bytes without further meaning, or text that is not valid in its encoding.
    Bytes(Cow<'a, [u8]>),
    /// A number that stands for a name, and the name if it has one.
    Enum(Kind<'a>),
    /// No value: a group of the fields in it.
    Group,
    /// Unknown: bytes of the field were not captured. The fields in it, if any, are those that were.
    Missing,
}

impl<'a> Value<'a> {
    /// The text if `bytes` are UTF-8, else the bytes.
    pub fn utf8(bytes: &'a [u8]) -> Value<'a> {
        match core::str::from_utf8(bytes) {
            Ok(text) => Value::Text(Cow::Borrowed(text)),
            Err(_) => Value::Bytes(Cow::Borrowed(bytes)),
        }
    }

    /// The number, where the value is one that is not negative.
    pub fn as_u64(&self) -> Option<u64> {
        match self {
            Value::Unsigned(n) | Value::Hex(n) => Some(*n),
            Value::Signed(n) => u64::try_from(*n).ok(),
            Value::Enum(kind) => u64::try_from(kind.number()).ok(),
            Value::Bool(b) => Some(u64::from(*b)),
            _ => None,
        }
    }

    /// The bytes, where the value is bytes or text.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Value::Text(text) => Some(text.as_bytes()),
            Value::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Unsigned(n) => n.fmt(f),
            Value::Hex(n) => write!(f, "{n:#x}"),
            Value::Signed(n) => n.fmt(f),
            Value::Wide(n) => n.number().fmt(f),
            Value::Float(n) => n.fmt(f),
            Value::Bool(b) => b.fmt(f),
            Value::Text(text) => write!(f, "{text:?}"),
            Value::Bytes(bytes) => Hex(bytes).fmt(f),
            Value::Enum(kind) => match kind.name {
                Some(name) => write!(f, "{name} ({})", kind.number()),
                None => kind.fmt(f),
            },
            Value::Group => Ok(()),
            Value::Missing => f.write_str("not captured"),
        }
    }
}

/// A number that may have a name, such as a message's kind. Shown as its name, else in hex: `DATA`, `0x2a`; a negative one in decimal.
///
/// ```
/// use framescope_parser::Kind;
///
/// let (data, none) = (Kind::new(3, Some("DATA")), Kind::signed(-1, Some("NONE")));
/// assert_eq!((data.number(), none.number(), none.to_string().as_str()), (3, -1, "NONE"));
/// assert_eq!((Kind::new(42, None).to_string(), Kind::signed(-1, None).to_string()), ("0x2a".into(), "-1".into()));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Kind<'a> {
    /// The number; of a negative one the 64 bits of its two's complement.
    pub value: u64,
    /// Whether the number is negative.
    pub is_negative: bool,
    /// Its name, where it has one.
    pub name: Option<&'a str>,
}

impl<'a> Kind<'a> {
    /// A number that is not negative.
    pub const fn new(value: u64, name: Option<&'a str>) -> Kind<'a> {
        Kind { value, is_negative: false, name }
    }

    /// A number that may be negative.
    pub const fn signed(value: i64, name: Option<&'a str>) -> Kind<'a> {
        Kind { value: value.cast_unsigned(), is_negative: value < 0, name }
    }

    /// The number.
    pub const fn number(&self) -> i128 {
        match self.is_negative {
            true => self.value.cast_signed() as i128,
            false => self.value as i128,
        }
    }
}

/// A whole number of up to 128 bits, which takes no more room in a [`Value`] than a text.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Wide([u8; 16]);

impl Wide {
    /// The number.
    pub const fn number(self) -> i128 {
        i128::from_ne_bytes(self.0)
    }
}

impl From<i128> for Wide {
    fn from(n: i128) -> Wide {
        Wide(n.to_ne_bytes())
    }
}

impl fmt::Debug for Wide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Wide({})", self.number())
    }
}

impl fmt::Display for Kind<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name {
            Some(name) => f.pad(name),
            None if self.is_negative => self.number().fmt(f),
            None => write!(f, "{:#04x}", self.value),
        }
    }
}

/// A number of bytes, in words.
pub(crate) struct Bytes(pub(crate) usize);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} byte{}", self.0, if self.0 == 1 { "" } else { "s" })
    }
}

/// Receives the fields of a message in the order of their bytes. Ranges are offsets in the message.
///
/// A visitor keeps what it wants. This one counts, and allocates nothing:
///
/// ```
/// use core::{fmt::Arguments, ops::Range};
/// use framescope_parser::{Code, Kind, Protocol, Value, Visit, missive::{FrameBuf, Missive}};
///
/// #[derive(Default)]
/// struct Count { fields: usize, problems: usize }
///
/// impl<'a> Visit<'a> for Count {
///     fn kind(&mut self, _: Kind<'a>) {}
///     fn field(&mut self, _: &'a str, _: Range<usize>, _: Value<'a>) { self.fields += 1 }
///     fn begin(&mut self, _: &'a str, _: Range<usize>, _: Value<'a>) { self.fields += 1 }
///     fn end(&mut self) {}
///     fn problem(&mut self, _: Code, _: Range<usize>, _: Arguments<'_>) { self.problems += 1 }
///     fn summary(&mut self, _: Arguments<'_>) {}
/// }
///
/// let bytes = FrameBuf::new(framescope_parser::missive::Kind(0x2a)).to_bytes()?;
/// let (missive, mut count) = (Missive::default(), Count::default());
/// missive.dissect(&bytes, &mut count);
/// assert_eq!((count.fields, count.problems), (14, 1));
/// # Ok::<(), framescope_parser::Error>(())
/// ```
pub trait Visit<'a> {
    /// The kind of message. Called at most once.
    fn kind(&mut self, kind: Kind<'a>);
    /// A field. `fields` between [`begin`](Visit::begin) and [`end`](Visit::end) are inside that one.
    fn field(&mut self, name: &'a str, range: Range<usize>, value: Value<'a>);
    /// A field with fields in it begins; it may also have a value.
    fn begin(&mut self, name: &'a str, range: Range<usize>, value: Value<'a>);
    /// The field begun last ends.
    fn end(&mut self);
    /// Something is wrong with the bytes of `range`.
    fn problem(&mut self, code: Code, range: Range<usize>, text: fmt::Arguments<'_>);
    /// A summary of the message in a few words. Called at most once.
    fn summary(&mut self, text: fmt::Arguments<'_>);
}

/// One field of a message.
#[derive(Clone, Debug, PartialEq)]
pub struct Field<'a> {
    /// Its name as the specification has it.
    pub name: &'a str,
    /// Its bytes, as offsets in the message.
    pub range: Range<usize>,
    /// Its value.
    pub value: Value<'a>,
    /// The fields in it.
    pub fields: Vec<Field<'a>>,
}

impl<'a> Field<'a> {
    /// The field in this one with that name.
    pub fn field(&self, name: &str) -> Option<&Field<'a>> {
        self.fields.iter().find(|field| field.name == name)
    }
}

/// A dissected message: what a person looks at.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dissection<'a> {
    /// What kind of message it is.
    pub kind: Option<Kind<'a>>,
    /// Its summary, in a few words.
    pub summary: String,
    /// Its fields in the order of their bytes.
    pub fields: Vec<Field<'a>>,
    /// What is wrong with it.
    pub problems: Vec<Problem>,
    open: Vec<Field<'a>>,
}

impl<'a> Dissection<'a> {
    /// Dissects one message. `message` is what [`Protocol::next`] called a message, or a part of one.
    pub fn of(protocol: &'a dyn Protocol, message: &'a [u8]) -> Self {
        let mut dissection = Dissection::default();
        protocol.dissect(message, &mut dissection);
        dissection
    }

    /// A message that is given by its fields, to be written.
    pub fn with_fields(fields: Vec<Field<'a>>) -> Self {
        Dissection { fields, ..Dissection::default() }
    }

    /// The field at a path of names joined by dots, such as `payload.user`.
    ///
    /// ```
    /// use framescope_parser::{Dissection, missive::{FrameBuf, Missive, Payload}};
    ///
    /// let bytes = FrameBuf::of(Payload::Login { user: "ada", credential: b"" })?.to_bytes()?;
    /// let missive = Missive::default();
    /// let message = Dissection::of(&missive, &bytes);
    /// let user = message.field("payload.user").unwrap();
    /// assert_eq!((user.range.clone(), user.value.to_string()), (22..25, "\"ada\"".into()));
    /// # Ok::<(), framescope_parser::Error>(())
    /// ```
    pub fn field(&self, path: &str) -> Option<&Field<'a>> {
        let mut names = path.split('.');
        let first = names.next()?;
        let top = self.fields.iter().find(|field| field.name == first)?;
        names.try_fold(top, |field, name| field.field(name))
    }

    /// Whether any of its problems has that code.
    pub fn has(&self, code: Code) -> bool {
        self.problems.iter().any(|problem| problem.code == code)
    }

    fn push(&mut self, field: Field<'a>) {
        match self.open.last_mut() {
            Some(parent) => parent.fields.push(field),
            None => self.fields.push(field),
        }
    }
}

impl<'a> Visit<'a> for Dissection<'a> {
    fn kind(&mut self, kind: Kind<'a>) {
        self.kind = Some(kind);
    }

    fn field(&mut self, name: &'a str, range: Range<usize>, value: Value<'a>) {
        self.push(Field { name, range, value, fields: Vec::new() });
    }

    fn begin(&mut self, name: &'a str, range: Range<usize>, value: Value<'a>) {
        self.open.push(Field { name, range, value, fields: Vec::new() });
    }

    fn end(&mut self) {
        if let Some(field) = self.open.pop() {
            self.push(field);
        }
    }

    fn problem(&mut self, code: Code, range: Range<usize>, text: fmt::Arguments<'_>) {
        self.problems.push(Problem { code, range, text: text.to_string() });
    }

    fn summary(&mut self, text: fmt::Arguments<'_>) {
        self.summary = text.to_string();
    }
}
