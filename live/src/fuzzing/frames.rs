//! Conversations of Missive in the order that its sessions want, mostly: a LOGIN first, numbers that count up.

use std::collections::HashMap;

use framescope_checking::Random;
use framescope_parser::missive::{ExtensionValue, Flags, FrameBuf, Kind, Missive, Payload, Tag};

/// The most frames that a conversation has.
const MOST: usize = 12;

/// A generated conversation.
pub(super) fn conversation(random: &mut Random) -> Vec<Vec<u8>> {
    let channel = random.one_of(&[0, 0, 1, 2]);
    let mut frames = Vec::new();
    if !random.one_in(6) {
        frames.push(Some(frame(Kind::LOGIN, channel, random)));
    }
    for _ in 0..random.below(6) {
        frames.push(Some(any(channel, random)));
    }
    written(frames, &[], random)
}

/// Another conversation, much like this one.
pub(super) fn changed(says: &[Vec<u8>], random: &mut Random) -> Vec<Vec<u8>> {
    let missive = Missive::default();
    let read = |bytes: &Vec<u8>| missive.decode(bytes).ok().map(|(frame, _)| frame.to_frame_buf());
    let mut frames: Vec<Option<FrameBuf>> = says.iter().map(read).collect();
    let mut raw = says.to_vec();
    for _ in 0..=random.below(3) {
        let at = random.below(frames.len() + 1);
        let channel = frames.iter().flatten().next().map_or(0, |frame| frame.channel);
        match random.below(8) {
            0..3 => {
                frames.insert(at, Some(any(channel, random)));
                raw.insert(at, Vec::new());
            }
            3 if at < frames.len() => {
                frames.remove(at);
                raw.remove(at);
            }
            4 if at < frames.len() => {
                let (again, bytes) =
                    (frames.get(at).cloned().flatten(), raw.get(at).cloned().unwrap_or_default());
                let to = random.below(frames.len() + 1);
                frames.insert(to, again);
                raw.insert(to, bytes);
            }
            5 if at < frames.len() => {
                let other = random.below(frames.len());
                frames.swap(at, other);
                raw.swap(at, other);
            }
            _ => {
                if let Some(Some(frame)) = frames.get_mut(at) {
                    change(frame, random);
                }
            }
        }
    }
    frames.truncate(MOST);
    written(frames, &raw, random)
}

/// A frame that may come at any time, on a channel or on another.
fn any(channel: u16, random: &mut Random) -> FrameBuf {
    let channel = if random.one_in(8) { random.one_of(&[0, 1, 2]) } else { channel };
    let kind = Kind(random.one_of(&[3, 3, 3, 3, 6, 2, 1, 0x80]));
    frame(kind, channel, random)
}

fn frame(kind: Kind, channel: u16, random: &mut Random) -> FrameBuf {
    let text = if random.one_in(12) { "x".repeat(random.length()) } else { text(random) };
    let credential = random.text();
    let login = FrameBuf::of(Payload::Login { user: &text, credential: &credential });
    let mut frame = match kind {
        Kind::LOGIN => login.unwrap_or_else(|_| FrameBuf::new(kind)),
        _ => FrameBuf::new(kind).payload(text),
    };
    frame.channel = channel;
    if random.one_in(3) {
        frame.flags.0 |= Flags::CHECKSUM.0;
    }
    if kind == Kind::DATA && random.one_in(5) {
        frame.flags.0 |= Flags::MORE.0;
    }
    if random.one_in(4) {
        frame = extended(frame, random);
    }
    frame
}

fn change(frame: &mut FrameBuf, random: &mut Random) {
    match random.below(6) {
        0 => frame.flags.0 ^= random.one_of(&[1, 4, 8, 8]),
        1 => frame.channel = random.one_of(&[0, 1, 2, u16::MAX]),
        2 => *frame = extended(frame.clone(), random),
        3 => frame.kind = Kind(random.one_of(&[0, 1, 2, 3, 6, 0x80])),
        _ => *frame = FrameBuf { flags: frame.flags, ..self::frame(frame.kind, frame.channel, random) },
    }
}

fn extended(frame: FrameBuf, random: &mut Random) -> FrameBuf {
    let text = text(random);
    let more = match random.below(5) {
        0 => frame.clone().with(ExtensionValue::Sender(&text)),
        1 => frame.clone().with(ExtensionValue::ContentType("application/json")),
        2 => frame.clone().with(ExtensionValue::Timestamp(random.next())),
        3 => frame.clone().extension(Tag(0x40 + random.byte() % 8), false, b""),
        _ => frame.clone().extension(Tag(0x40 + random.byte() % 8), random.one_in(4), text.as_bytes()),
    };
    more.unwrap_or(frame)
}

fn text(random: &mut Random) -> String {
    String::from_utf8_lossy(&random.text()).into_owned()
}

/// The bytes of all, numbered as their sessions want in most conversations. What could not be read is as it was.
fn written(frames: Vec<Option<FrameBuf>>, raw: &[Vec<u8>], random: &mut Random) -> Vec<Vec<u8>> {
    let is_numbered = !random.one_in(8);
    let mut next: HashMap<u16, u32> = HashMap::new();
    let bytes = |(at, frame): (usize, Option<FrameBuf>)| {
        let Some(mut frame) = frame else { return raw.get(at).cloned().unwrap_or_default() };
        if is_numbered && !frame.flags.contains(Flags::REPLY) {
            let next = next.entry(frame.channel).or_default();
            frame.sequence = *next;
            *next = next.wrapping_add(1);
        }
        frame.to_bytes().unwrap_or_default()
    };
    let written: Vec<Vec<u8>> = frames.into_iter().enumerate().map(bytes).collect();
    written.into_iter().filter(|bytes| !bytes.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use framescope_parser::Role;

    #[test]
    fn most_conversations_are_in_order_and_the_same_for_the_same_seed() {
        let mut valid = 0;
        for seed in 0..200 {
            let says = changed(&conversation(&mut Random::new(seed)), &mut Random::new(seed + 1));
            assert_eq!(says, changed(&conversation(&mut Random::new(seed)), &mut Random::new(seed + 1)));
            let missive = Missive::default();
            let mut reader = super::super::reading::Reader::new(&missive, &[]);
            says.iter().for_each(|says| reader.said(Role::Client, says));
            let rows = reader.finish();
            valid += usize::from(rows.iter().all(|row| row.refused.is_none() && row.misplaced.is_none()));
        }
        assert!((40..190).contains(&valid), "{valid} of 200 are valid");
    }
}
