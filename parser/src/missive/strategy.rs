//! Strategies for property tests: frames as peers send them, and streams with noise between them.
//!
//! ```
//! use framescope_parser::missive::{Missive, strategy};
//! use proptest::prelude::*;
//!
//! proptest!(|(frame in strategy::frame())| {
//!     let bytes = frame.to_bytes()?;
//!     let (read, _) = Missive::default().decode(&bytes)?;
//!     // Here stands what must hold for every message of your program.
//!     prop_assert_eq!(read, frame);
//! });
//! ```

use alloc::string::String;
use alloc::vec::Vec;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::extension::Tag;
use super::frame::FrameBuf;
use super::header::{Flags, Header, Kind};
use super::payload::{Content, Payload};

/// A well-formed frame of any kind that the specification names or leaves to applications, without AUTH.
///
/// ```
/// use framescope_parser::missive::{Missive, strategy};
/// use proptest::prelude::*;
///
/// proptest!(|(frame in strategy::frame())| {
///     prop_assert!(Missive::default().decode(&frame.to_bytes()?)?.0.read_payload().is_ok());
/// });
/// ```
pub fn frame() -> impl Strategy<Value = FrameBuf> {
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    let numbers = (any::<u32>(), prop_oneof![4 => 0..4u16, 1 => any::<u16>()]);
    (valid_payload(), flags, numbers, extensions()).prop_map(
        |(frame, (checksum, reply, more), (sequence, channel), extensions)| {
            let set = |on: bool, flag: Flags| if on { flag } else { Flags::default() };
            let more = set(more && frame.kind == Kind::DATA, Flags::MORE);
            let flags = set(checksum, Flags::CHECKSUM) | set(reply, Flags::REPLY) | more;
            let extensions = [frame.extensions.as_slice(), &extensions].concat();
            FrameBuf { extensions, ..frame }.flags(flags).sequence(sequence).channel(channel)
        },
    )
}

/// A frame with a valid payload.
fn valid_payload() -> impl Strategy<Value = FrameBuf> {
    let bytes = |most| vec(any::<u8>(), 0..=most);
    // Nothing generated here is longer than its length can say.
    let of = |payload: Payload<'_>| FrameBuf::of(payload).unwrap_or_else(|_| FrameBuf::new(payload.kind()));
    prop_oneof![
        4 => text(200).prop_map(move |text| of(Payload::Data { content: Content::Text(&text) })),
        1 => bytes(300).prop_map(move |bytes| of(Payload::Data { content: Content::Bytes(&bytes) })),
        1 => (text(20), bytes(40)).prop_map(move |(user, credential)| {
            of(Payload::Login { user: &user, credential: &credential })
        }),
        1 => text(40).prop_map(move |reason| of(Payload::Logout { reason: &reason })),
        2 => text(40).prop_map(move |note| of(Payload::Ack { note: &note })),
        1 => (any::<u16>(), text(40)).prop_map(move |(code, text)| of(Payload::Error { code, text: &text })),
        1 => bytes(Payload::PING_LIMIT).prop_map(move |bytes| of(Payload::Ping { bytes: &bytes })),
        1 => bytes(Payload::PING_LIMIT).prop_map(move |bytes| of(Payload::Pong { bytes: &bytes })),
        1 => (0x80..=0xFFu8, bytes(300)).prop_map(move |(kind, bytes)| {
            of(Payload::Other { kind: Kind(kind), bytes: &bytes })
        }),
    ]
}

/// Text of up to this many characters, from all of Unicode.
fn text(length: usize) -> impl Strategy<Value = String> {
    vec(any::<char>(), 0..=length).prop_map(|characters| characters.into_iter().collect())
}

/// A valid extensions area: each extension at most once, some of them critical, and some that only an application
/// knows.
///
/// ```
/// use framescope_parser::missive::{Extensions, strategy};
/// use proptest::prelude::*;
///
/// proptest!(|(area in strategy::extensions())| {
///     prop_assert!(Extensions::new(&area).all(|extension| extension.value().is_ok()));
/// });
/// ```
pub fn extensions() -> impl Strategy<Value = Vec<u8>> {
    let known =
        (option::of(any::<u64>()), option::of(text(20)), option::of(any::<[u8; 16]>()), any::<bool>());
    let own = option::of((0x40..=0x7Fu8, vec(any::<u8>(), 0..20)));
    (known, own).prop_map(|((timestamp, sender, trace_id, critical), own)| {
        let mut frame = FrameBuf::new(Kind::DATA);
        let values = [
            timestamp.map(|micros| (Tag::TIMESTAMP, critical, micros.to_be_bytes().to_vec())),
            sender.map(|sender| (Tag::SENDER, false, sender.into_bytes())),
            trace_id.map(|id| (Tag::TRACE_ID, critical, id.to_vec())),
            own.map(|(tag, bytes)| (Tag(tag), false, bytes)),
        ];
        for (tag, critical, bytes) in values.into_iter().flatten() {
            // None of these is longer than its length can say.
            frame = frame.clone().extension(tag, critical, &bytes).unwrap_or(frame);
        }
        frame.extensions
    })
}

/// A stretch of a [`stream`].
///
/// ```
/// use framescope_parser::missive::strategy::Stretch;
///
/// assert_eq!(Stretch::Noise(b"noise".to_vec()).bytes(), b"noise");
/// ```
#[derive(Clone, Debug)]
pub enum Stretch {
    /// A well-formed frame.
    Frame(FrameBuf),
    /// Bytes in which no frame begins.
    Noise(Vec<u8>),
}

impl Stretch {
    /// The bytes on the wire.
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            // The strategy generates no frame with AUTH, the only one that can't be written.
            Stretch::Frame(frame) => frame.to_bytes().unwrap_or_default(),
            Stretch::Noise(bytes) => bytes.clone(),
        }
    }
}

/// Frames with noise between some of them. The noise holds beginnings of magics and whole ones, but no header.
///
/// ```
/// use framescope_parser::missive::{Item, Missive, strategy::{Stretch, stream}};
/// use proptest::prelude::*;
///
/// proptest!(|(stretches in stream())| {
///     let bytes: Vec<u8> = stretches.iter().flat_map(Stretch::bytes).collect();
///     let sent = stretches.iter().filter(|stretch| matches!(stretch, Stretch::Frame(_))).count();
///     let missive = Missive::default();
///     let found = missive.frames(&bytes).filter(|one| matches!(one.item, Item::Frame(_))).count();
///     prop_assert_eq!(found, sent);
/// });
/// ```
pub fn stream() -> impl Strategy<Value = Vec<Stretch>> {
    let piece = prop_oneof![
        4 => vec(any::<u8>(), 1..60),
        1 => Just(alloc::vec![0xF5]),
        1 => Just(alloc::vec![0xF5, 0x4D]),
        1 => vec(any::<u8>(), 18).prop_map(|mut bytes| {
            bytes.splice(0..0, [0xF5, 0x4D]);
            bytes
        }),
    ];
    let noise = vec(piece, 1..4).prop_map(|pieces| Stretch::Noise(pieces.concat()));
    vec(prop_oneof![3 => frame().prop_map(Stretch::Frame), 1 => noise], 0..12).prop_map(without_headers)
}

/// One in 65,536 headers of noise holds by chance, perhaps with bytes of what follows: such noise becomes zeros.
fn without_headers(mut stretches: Vec<Stretch>) -> Vec<Stretch> {
    let mut behind: Vec<u8> = Vec::new();
    for stretch in stretches.iter_mut().rev() {
        if let Stretch::Noise(noise) = stretch {
            let bytes = [&noise[..], &behind].concat();
            let begins = |at: usize| bytes.get(at..).is_some_and(|rest| Header::read(rest).is_ok());
            if (0..noise.len()).any(begins) {
                noise.fill(0);
            }
        }
        behind.splice(0..0, stretch.bytes());
        behind.truncate(Header::LENGTH);
    }
    stretches
}
