//! What a layout says: the fields of a message in their order, where they are, and what they mean.

/// The fields of a group of messages. They are in order and leave out no byte.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layout {
    /// Them.
    pub fields: Vec<Field>,
    /// How many messages (or elements, of a repeated part) were looked at.
    pub messages: usize,
}

/// Bytes of a message that belong together.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Where it begins.
    pub place: Place,
    /// Where it ends.
    pub size: Size,
    /// What it means.
    pub meaning: Meaning,
    /// Why this is believed, in words.
    pub evidence: String,
    /// In how many messages (or elements) the claim holds.
    pub holds: usize,
    /// Of how many.
    pub of: usize,
    /// How likely the claim is right, from 0 to 1.
    pub confidence: f64,
}

/// Where a field begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// So many bytes after the beginning of the message (or element).
    Start(usize),
    /// Where the field before it ends, which is not the same in all messages.
    After,
    /// So many bytes before the end of the message.
    End(usize),
}

/// How many bytes a field has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Size {
    /// As many in all messages.
    Fixed(usize),
    /// A number before it says so: its value, times `unit`, plus `plus` bytes.
    By {
        /// Which field of the same layout, of [`Meaning::Length`] or [`Meaning::Count`].
        field: usize,
        /// Bytes that each unit of the value stands for.
        unit: usize,
        /// Bytes beside them; negative where the value also counts other fields.
        plus: i64,
    },
    /// It ends with these bytes, which belong to it.
    Terminated(Vec<u8>),
    /// Its own bytes show where it ends: a number of variable length.
    Varint,
    /// All up to the next field, which is placed from the end; or to the end.
    Rest,
}

/// What the bytes of a field mean.
#[derive(Clone, Debug, PartialEq)]
pub enum Meaning {
    /// They were explained before: which of the `taken` that were passed.
    Taken(usize),
    /// The same in all messages.
    Constant(Vec<u8>),
    /// A number.
    Integer(Number),
    /// A number that gives the size of a later field.
    Length(Number),
    /// A number that says how often a later field is repeated.
    Count(Number),
    /// A number that says where in the message a later field begins.
    Offset(Number),
    /// A number that rises from message to message.
    Sequence {
        /// How it is written.
        number: Number,
        /// By how much, if it is always as much.
        step: Option<u64>,
        /// Among which messages.
        among: Among,
    },
    /// The same bytes as in the message that is answered: a request's identifier.
    Echo {
        /// How it is written, if it is as long as a number.
        number: Option<Number>,
        /// Where they are in the message that is answered.
        offset: usize,
    },
    /// The time at which the message was sent.
    Time {
        /// How it is written.
        order: Order,
        /// What it counts.
        clock: Clock,
    },
    /// The IP address of a side.
    Address {
        /// Of the side that said the message; of the other if not.
        is_source: bool,
        /// Its bytes reversed (little-endian), or in network order.
        order: Order,
    },
    /// The port of a side.
    Port {
        /// Of the side that said the message; of the other if not.
        is_source: bool,
        /// How it is written.
        order: Order,
    },
    /// Text.
    Text {
        /// Its encoding.
        encoding: Encoding,
        /// The byte with which it is filled up to its size.
        padding: Option<u8>,
    },
    /// A floating-point number of 4 or 8 bytes.
    Float(Order),
    /// Bits that vary by themselves.
    Flags {
        /// How they are written.
        number: Number,
        /// The bits that were set in some message and not in another.
        varying: u64,
    },
    /// A number with few values, that name something.
    Enumeration {
        /// How it is written.
        number: Number,
        /// The values, rising, and how often each occurs.
        values: Vec<(u64, usize)>,
    },
    /// Fields, of a part of the message that has a size of its own.
    Fields(Box<Layout>),
    /// Equal parts one after another.
    Repeated {
        /// The fields of each.
        element: Box<Layout>,
        /// How many there are.
        times: Times,
    },
    /// Bytes without a meaning, up to a multiple of a size.
    Padding(u8),
    /// A known serialisation, complete.
    Serialised(Serialisation),
    /// Compressed bytes that were really decompressed.
    Compressed(Compression),
    /// Random, encrypted or compressed in an unknown way.
    Random,
    /// Nothing is known.
    Bytes,
}

/// How often a part is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// Up to the end of the field.
    ToEnd,
    /// As a field of the same layout says, of [`Meaning::Count`].
    By {
        /// Which.
        field: usize,
    },
}

/// How a number is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number {
    /// In binary, or as a number of variable length.
    pub form: Form,
    /// Which byte is first.
    pub order: Order,
    /// Whether it can be negative.
    pub is_signed: bool,
}

/// The form of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// So many bytes, 1 to 8.
    Binary(u8),
    /// Seven bits a byte, the lowest first (LEB128).
    Leb128,
    /// Seven bits a byte, the highest first (VLQ).
    Vlq,
}

/// Which byte of a number is first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Order {
    /// The most significant.
    Big,
    /// The least significant.
    Little,
}

/// Among which messages a number rises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Among {
    /// Those of one side of a conversation.
    Side,
    /// Those of a conversation.
    Talk,
    /// All.
    All,
}

/// What a time counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// Units of a second since the Unix epoch: 1, 1,000, 1,000,000 or 1,000,000,000 each.
    Unix(u64),
    /// Seconds since the Unix epoch, a floating-point number of 8 bytes.
    UnixFloat,
    /// NTP: 4 bytes seconds since 1900 and 4 bytes fraction.
    Ntp,
    /// Seconds since 1900 in 4 bytes.
    NtpSeconds,
    /// Tenths of microseconds since 1601 (Windows FILETIME).
    FileTime,
    /// Tenths of microseconds since the year 1 (.NET ticks).
    Ticks,
    /// Units of a second since an event that is not known: so many each.
    Elapsed(u64),
}

/// The encoding of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// 7 bits.
    Ascii,
    /// Of bytes over 127 as well.
    Utf8,
    /// 2 bytes a character.
    Utf16(Order),
}

/// A known way to write values as bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Serialisation {
    /// RFC 8259.
    Json,
    /// Protocol Buffers, without the schema.
    Protobuf,
    /// MessagePack.
    MessagePack,
    /// RFC 8949.
    Cbor,
    /// Binary JSON of MongoDB.
    Bson,
    /// ASN.1 in the Basic Encoding Rules.
    Ber,
    /// Thrift's binary protocol.
    Thrift,
    /// Thrift's compact protocol.
    ThriftCompact,
    /// Cap'n Proto, with its table of segments.
    CapnProto,
    /// Python's pickle, of protocol 2 and newer.
    Pickle,
    /// Action Message Format, version 0.
    Amf,
}

/// A known compression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// RFC 1950.
    Zlib,
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
    /// LZ4 frames.
    Lz4,
    /// Snappy, with its frames or without.
    Snappy,
}

/// From which end of a message a place is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// Bytes before it.
    Start,
    /// Bytes from its first byte to the end of the message: 4 for the last four bytes.
    End,
}

/// Bytes of each message that are explained already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// From where `offset` counts.
    pub edge: Edge,
    /// Where they begin.
    pub offset: usize,
    /// How many they are.
    pub length: usize,
}

impl Number {
    /// An unsigned number in binary.
    pub fn binary(width: usize, order: Order) -> Number {
        let width = u8::try_from(width).unwrap_or(u8::MAX);
        Number { form: Form::Binary(width), order, is_signed: false }
    }
}

impl Layout {
    /// The fields, those of repeated parts among them.
    pub fn claims(&self) -> Vec<&Field> {
        let mut all = Vec::new();
        let mut open = vec![self];
        while let Some(layout) = open.pop() {
            for field in &layout.fields {
                all.push(field);
                if let Meaning::Repeated { element, .. } | Meaning::Fields(element) = &field.meaning {
                    open.push(element);
                }
            }
        }
        all
    }
}
