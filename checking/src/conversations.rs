//! Conversations of a described protocol: generated from nothing, and changed as conversations: a field of a message is
//! another, or a message is added in the state that its side is in, and all that follow are written again with what was said
//! before them.

use framescope_ksy::Described;
use framescope_parser::{Captured, Context, Conversation, Dissection, Protocol, Role, SpanType};

use crate::frames::{rearrange, store};
use crate::messages::{change_field, generate_in};
use crate::random::Random;
use crate::{BROKEN, Piece, Transcript};

/// The longest conversation that is generated, in bytes.
const LONGEST: usize = 4096;
/// How many conversations are kept to be changed further.
const KEPT: usize = 200;

/// Endless conversations of a described protocol; the same for the same `seed`. `known` are conversations to begin with. About
/// half of them are valid; in the others a message is damaged, or one of another state, or not where it belongs.
pub fn conversations<'p>(
    protocol: &'p Described,
    known: Vec<Transcript>,
    seed: u32,
) -> impl Iterator<Item = Transcript> + 'p {
    let mut kept = known;
    kept.retain(|known| known.length() <= LONGEST);
    let first = seed.wrapping_mul(1_000_003);
    (0..).map(move |number: u32| {
        let mut random = Random::new(first.wrapping_add(number).wrapping_mul(0x9E37_79B9));
        let at = random.below(kept.len());
        let known = kept.get(at).filter(|_| !random.one_in(3)).cloned().unwrap_or_default();
        let mut made = changed(protocol, &known, &mut random);
        if made.length() > LONGEST {
            made = changed(protocol, &Transcript::default(), &mut random);
        }
        if kept.len() < KEPT {
            kept.push(made.clone());
        } else if let Some(old) = kept.get_mut(at) {
            old.clone_from(&made);
        }
        made
    })
}

/// Changes the [`Transcript`] in `data[..size]` and returns its new length, at most `max_size`. `bytes` is the fuzzer's own way
/// to change some bytes: one change in eight is left to it. Where nothing is said yet, a conversation is generated from the
/// description. The same `seed` makes the same change.
pub fn mutate_conversation(
    protocol: &Described,
    data: &mut [u8],
    size: usize,
    max_size: usize,
    seed: u32,
    bytes: &mut dyn FnMut(&mut [u8], usize, usize) -> usize,
) -> usize {
    let mut random = Random::new(seed);
    if random.one_in(BROKEN) {
        return bytes(data, size, max_size);
    }
    let known = Transcript::from_bytes(data.get(..size).unwrap_or(data));
    let mut made = changed(protocol, &known, &mut random);
    if random.one_in(BROKEN) {
        made = with_loss(&made, &mut random);
    }
    store(&made.to_bytes(), data, max_size)
}

/// What is said, by one side at a time.
#[derive(Clone, Debug)]
enum Line<'t> {
    /// A message that was read in a stage.
    Message { role: Role, stage: u16, message: Dissection<'t>, bytes: &'t [u8] },
    /// Bytes that are none, and what is no bytes.
    Other(Piece),
    /// A message to be generated: of a stage, or of the one that its side is in.
    New { role: Role, stage: Option<u16> },
}

fn changed(protocol: &Described, known: &Transcript, random: &mut Random) -> Transcript {
    let streams = Role::BOTH.map(|role| known.said_by(role));
    let mut lines = lines(protocol, known, &streams);
    // Damage does not accumulate: half the time, what is not a message is removed.
    let with_damage = random.one_in(2);
    lines.retain(|line| with_damage || !matches!(line, Line::Other(_)));
    if lines.is_empty() {
        let mut role = random.one_of(&[Some(Role::Client), Some(Role::Server)]).unwrap_or(Role::Client);
        for _ in 0..1 + random.below(8) {
            lines.push(Line::New { role, stage: None });
            role = if random.one_in(3) { role } else { role.reverse() };
        }
    } else {
        for _ in 0..=random.below(3) {
            change(protocol, &mut lines, random);
        }
    }
    let mut said = written(protocol, &lines, random);
    if random.one_in(BROKEN) {
        damage(&mut said, random);
    }
    Transcript::new(in_segments(said, random))
}

/// The messages of a conversation, and what is between them.
fn lines<'t>(protocol: &'t Described, known: &Transcript, streams: &'t [Vec<u8>; 2]) -> Vec<Line<'t>> {
    let ([client, server], mut places, mut lines) = (streams, [0; 2], Vec::new());
    known.read(protocol, &[], &mut |role, span, bytes| {
        let of = |sides: [usize; 2]| if role == Role::Client { sides[0] } else { sides[1] };
        let stream = if role == Role::Client { client } else { server };
        let length = match span.span_type {
            SpanType::Gap => 0,
            _ => usize::try_from(span.length).unwrap_or(usize::MAX).saturating_sub(bytes.missing_bytes()),
        };
        let start = of(places);
        let Some(said) = stream.get(start..start.saturating_add(length)) else { return };
        if let Some(place) = places.get_mut(role.index()) {
            *place += length;
        }
        let stage = bytes.context().map_or(0, |context| context.stage);
        lines.push(match (span.span_type, protocol.in_stage(stage)) {
            (SpanType::Gap, _) => Line::Other(Piece::Gap(role, span.length)),
            (SpanType::Message, Some(own)) if bytes.is_whole() => {
                let mut message = Dissection::default();
                Captured::whole(said).in_context(bytes.context()).dissect(own, &mut message);
                Line::Message { role, stage, message, bytes: said }
            }
            _ => Line::Other(Piece::Segment(role, said.to_vec())),
        });
    });
    lines
}

fn change(protocol: &Described, lines: &mut Vec<Line<'_>>, random: &mut Random) {
    let at = random.below(lines.len());
    let role = if random.one_in(2) { Role::Client } else { Role::Server };
    match random.below(8) {
        0 | 1 => lines.push(Line::New { role, stage: None }),
        2 => lines.insert(at, Line::New { role, stage: None }),
        3 => {
            let stage = u16::try_from(random.below(protocol.stages().len())).ok();
            lines.insert(at, Line::New { role, stage });
        }
        4 => {
            let way = random.below(3);
            rearrange(lines, at, way, random);
        }
        5 => lines.truncate(at + 1),
        _ => {
            if let Some(Line::Message { message, .. }) = lines.get_mut(at) {
                change_field(message, random);
            }
        }
    }
}

/// Writes each message with what those before it said.
fn written(protocol: &Described, lines: &[Line<'_>], random: &mut Random) -> Vec<Piece> {
    let Some(mut conversation) = protocol.conversation() else { return Vec::new() };
    let mut said = Vec::new();
    for line in lines {
        let (role, stage, bytes) = match line {
            Line::Other(piece) => {
                said.push(piece.clone());
                continue;
            }
            Line::New { role, stage } => {
                let stage = stage.unwrap_or_else(|| stage_of_next(&mut *conversation, *role, random));
                let bytes = match protocol.in_stage(stage) {
                    Some(own) => generate_in(own, Some(&context(&*conversation, *role, stage)), random),
                    // Another protocol is spoken here.
                    None => Some(random.text()),
                };
                (*role, stage, bytes)
            }
            Line::Message { role, stage, message, bytes } => {
                let (mut out, context) = (Vec::new(), context(&*conversation, *role, *stage));
                let is_written = protocol.encode_in(&context, message, &mut out, &mut Vec::new()).is_ok();
                (*role, *stage, Some(if is_written { out } else { bytes.to_vec() }))
            }
        };
        let Some(bytes) = bytes else { continue };
        conversation.continue_in(role, stage);
        conversation.message(role, Captured::whole(&bytes));
        said.push(Piece::Segment(role, bytes));
    }
    said
}

fn context(conversation: &dyn Conversation, role: Role, stage: u16) -> Context<'_> {
    Context { stage, role: Some(role), variables: conversation.variables(), ..Context::default() }
}

/// The stage of a side's next message; of messages that may be absent some are.
fn stage_of_next(conversation: &mut dyn Conversation, role: Role, random: &mut Random) -> u16 {
    let mut stage = conversation.stage(role);
    while random.one_in(2) {
        conversation.continue_in(role, stage);
        if !conversation.absent(role) {
            break;
        }
        stage = conversation.stage(role);
    }
    stage
}

/// Changes a bit of a message, or cuts off its end.
fn damage(said: &mut [Piece], random: &mut Random) {
    let at = random.below(said.len());
    let Some(Piece::Segment(_, bytes)) = said.get_mut(at) else { return };
    if random.one_in(2) {
        random.flip(bytes);
    } else {
        bytes.truncate(random.below(bytes.len()));
    }
}

/// The same, with some segments joined and some cut.
fn in_segments(said: Vec<Piece>, random: &mut Random) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    for piece in said {
        let Piece::Segment(role, bytes) = piece else {
            pieces.push(piece);
            continue;
        };
        match pieces.last_mut() {
            Some(Piece::Segment(last, before)) if *last == role && random.one_in(3) => before.extend(bytes),
            _ => pieces.push(Piece::Segment(role, bytes)),
        }
        while random.one_in(4)
            && let Some(Piece::Segment(_, bytes)) = pieces.last_mut()
        {
            let rest = bytes.split_off(random.below(bytes.len()));
            pieces.push(Piece::Segment(role, rest));
        }
    }
    pieces
}

/// The same, with some bytes lost, or the beginning of a direction.
fn with_loss(said: &Transcript, random: &mut Random) -> Transcript {
    let mut pieces = said.pieces().to_vec();
    let at = random.below(pieces.len());
    let role = if random.one_in(2) { Role::Client } else { Role::Server };
    match pieces.get_mut(at) {
        Some(piece) if random.one_in(2) => *piece = Piece::Gap(piece.role(), piece.length()),
        Some(_) if random.one_in(2) => pieces.insert(at, Piece::Gap(role, 1 + random.below(64) as u64)),
        _ => pieces.insert(0, Piece::Inside(role)),
    }
    Transcript::new(pieces)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::{Verdict, havoc, hear};
    use framescope_parser::with_built_in;

    fn described() -> impl Iterator<Item = (String, Described)> {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/formats");
        let mut paths: Vec<_> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "ksy"));
        paths.sort();
        let named = |path: &std::path::PathBuf| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, Described::from_file(path).unwrap())
        };
        let all: Vec<_> = paths.iter().map(named).filter(|(_, one)| !one.stages().is_empty()).collect();
        assert!(all.len() >= 5, "the descriptions are not there");
        all.into_iter()
    }

    /// Whether a conversation is valid to its end, and how many of its messages are.
    fn heard(protocol: &Described, said: &Transcript) -> (bool, usize) {
        let (mut is_valid, mut messages) = (true, 0);
        hear(said, protocol, &with_built_in(Vec::new()), &mut |heard| match heard.verdict {
            Verdict::Valid(_) => messages += 1,
            _ => is_valid = false,
        });
        (is_valid, messages)
    }

    #[test]
    fn conversations_are_the_same_for_the_same_seed_and_of_every_sort() {
        for (name, protocol) in described() {
            let made: Vec<Transcript> = conversations(&protocol, Vec::new(), 7).take(30).collect();
            assert!(conversations(&protocol, Vec::new(), 7).take(5).eq(made.iter().take(5).cloned()));
            let all: Vec<(bool, usize)> = made.iter().map(|said| heard(&protocol, said)).collect();
            let valid = all.iter().filter(|(is_valid, messages)| *is_valid && *messages > 1).count();
            let long = all.iter().filter(|(_, messages)| *messages > 3).count();
            assert!(
                (12..28).contains(&valid) && long >= 10,
                "{name}: {valid} of 30 are valid, {long} are long"
            );
        }
    }

    #[test]
    fn a_mutation_is_a_conversation_and_the_same_for_the_same_seed() {
        for (name, protocol) in described() {
            let mut data = vec![0; 3000];
            let mut size = 0;
            for seed in 0..10 {
                let mut again = data.clone();
                let (length, before) = (3000, size);
                size = mutate_conversation(&protocol, &mut data, before, length, seed, &mut havoc(seed));
                let same = mutate_conversation(&protocol, &mut again, before, length, seed, &mut havoc(seed));
                assert!(size == same && data == again, "{name} with {seed}");
            }
            assert!(!Transcript::from_bytes(&data[..size]).pieces().is_empty(), "{name}");
        }
    }
}
