//! Changes streams of Missive as frames, not as bytes: so that most of what a fuzzer tries gets past the checks that
//! come before everything else, and the rest does not.
//!
//! What comes out is wire bytes, like what goes in: every find of the fuzzer is traffic, and opens as such.

mod piece;
mod simpler;

use framescope_parser::missive::Header;

use crate::random::Random;
use piece::{Frame, Piece, pieces};
pub(crate) use simpler::simpler_frames;

/// The longest stream that is generated, and the usual length: what two frames do to each other takes no more, and is
/// tried more often.
const LONGEST: usize = 64 << 10;
const SHORT: usize = 384;

/// Changes the stream in `data[..size]` and returns its new length, at most `max_size`. `bytes` is the fuzzer's own way
/// to change some bytes: it gets bytes, their length and how long they may become. The same `seed` makes the same
/// change.
pub fn mutate_frames(
    data: &mut [u8],
    size: usize,
    max_size: usize,
    seed: u32,
    bytes: &mut dyn FnMut(&mut [u8], usize, usize) -> usize,
) -> usize {
    let mut random = Random::new(seed);
    // Sometimes the bytes themselves: they may become what no changed frame would.
    if random.one_in(16) {
        return bytes(data, size, max_size);
    }
    let mut pieces = pieces(data.get(..size).unwrap_or(data));
    heal(&mut pieces, &mut random);
    for _ in 0..=random.below(3) {
        change(&mut pieces, &mut random, bytes);
    }
    if !random.one_in(6) {
        shorten(&mut pieces, &mut random);
    }
    let mut out = Vec::with_capacity(size + 64);
    for piece in &pieces {
        piece.write(&mut random, &mut out);
    }
    store(&out, data, max_size.min(LONGEST))
}

/// Replaces `data` with the result, as far as there is room, and returns its length.
pub(crate) fn store(made: &[u8], data: &mut [u8], most: usize) -> usize {
    let length = made.len().min(most).min(data.len());
    if let (Some(place), Some(made)) = (data.get_mut(..length), made.get(..length)) {
        place.copy_from_slice(made);
    }
    length
}

/// Damage does not accumulate: what is kept because of one fault is changed on the way to another one.
fn heal(pieces: &mut Vec<Piece>, random: &mut Random) {
    pieces.retain(|piece| matches!(piece, Piece::Frame(_)) || !random.one_in(2));
    for piece in pieces.iter_mut() {
        let Piece::Frame(frame) = piece else { continue };
        if random.one_in(2) {
            frame.header.version = 1;
            frame.header.flags.0 &= 0x000F;
            frame.header.kind.0 = if random.one_in(3) { 3 } else { frame.header.kind.0 };
        }
        if random.one_in(4) {
            frame.extensions.clear();
        }
        if random.one_in(4) {
            frame.typed(random);
        }
    }
    // At least two frames, mostly: the effect of one on the next is of interest.
    let frames = pieces.iter().filter(|piece| matches!(piece, Piece::Frame(_))).count();
    for _ in frames..if random.one_in(4) { 1 } else { 2 } {
        pieces.push(Piece::Frame(Frame::new(random)));
    }
}

/// Drops pieces until the stream is short, or is one piece.
fn shorten(pieces: &mut Vec<Piece>, random: &mut Random) {
    let length = |piece: &Piece| match piece {
        Piece::Bytes(bytes) => bytes.len(),
        Piece::Frame(frame) => Header::LENGTH + frame.extensions.len() + frame.payload.len(),
    };
    let mut all: usize = pieces.iter().map(length).sum();
    while all > SHORT && pieces.len() > 1 {
        all -= length(&pieces.remove(random.below(pieces.len())));
    }
}

fn change(
    pieces: &mut Vec<Piece>,
    random: &mut Random,
    bytes: &mut dyn FnMut(&mut [u8], usize, usize) -> usize,
) {
    if pieces.is_empty() || random.one_in(12) {
        let at = random.below(pieces.len() + 1);
        pieces.insert(at, Piece::Frame(Frame::new(random)));
        return;
    }
    let at = random.below(pieces.len());
    match random.below(12) {
        way @ ..3 if rearrange(pieces, at, way, random) => {}
        3 => {
            let length = random.below(24);
            let garbage = (0..length).map(|_| random.byte()).collect();
            pieces.insert(at, Piece::Bytes(garbage));
        }
        4 => splice(pieces, at, random),
        _ => match pieces.get_mut(at) {
            Some(Piece::Frame(frame)) => frame.change(random, bytes),
            Some(Piece::Bytes(garbage)) => *garbage = changed(garbage, 64, bytes),
            None => {}
        },
    }
}

/// Doubles, swaps or drops a piece. False if it can't be done: at least one is left.
pub(crate) fn rearrange<T: Clone>(pieces: &mut Vec<T>, at: usize, way: usize, random: &mut Random) -> bool {
    if at >= pieces.len() {
        return false;
    }
    match way {
        0 => {
            let Some(again) = pieces.get(at).cloned() else { return false };
            pieces.insert(random.below(pieces.len() + 1), again);
        }
        1 => {
            let other = random.below(pieces.len());
            pieces.swap(at, other);
        }
        _ if pieces.len() > 1 => drop(pieces.remove(at)),
        _ => return false,
    }
    true
}

/// The beginning of a frame and the end of another become one; or a frame is put into the payload of another.
fn splice(pieces: &mut [Piece], at: usize, random: &mut Random) {
    let other = random.below(pieces.len());
    let Some(Piece::Frame(theirs)) = pieces.get(other).cloned() else { return };
    let Some(Piece::Frame(frame)) = pieces.get_mut(at) else { return };
    if random.one_in(3) {
        let mut inner = Vec::new();
        Piece::Frame(theirs).write(random, &mut inner);
        let at = random.below(frame.payload.len() + 1);
        frame.payload.splice(at..at, inner);
    } else {
        frame.payload.truncate(random.below(frame.payload.len() + 1));
        let from = random.below(theirs.payload.len() + 1);
        frame.payload.extend(theirs.payload.into_iter().skip(from));
        if random.one_in(2) {
            frame.extensions = theirs.extensions;
        }
    }
}

/// Bytes as the fuzzer would change them.
fn changed(old: &[u8], room: usize, bytes: &mut dyn FnMut(&mut [u8], usize, usize) -> usize) -> Vec<u8> {
    let most = old.len() + room;
    let mut new = old.to_vec();
    new.resize(most, 0);
    let length = bytes(&mut new, old.len(), most).min(most);
    new.truncate(length);
    new
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]

    use super::*;
    use crate::random::havoc;
    use crate::spans::spans;
    use framescope_parser::missive::Missive;
    use framescope_parser::{Code, CodeSet, Dissection, SpanType};

    /// Runs of a fuzzer that keeps everything, as if each result were new.
    fn runs(count: u32, mut each: impl FnMut(&[u8])) {
        let mut kept = vec![b"\xF5M\x01\x01".to_vec()];
        for seed in 0..count {
            let mut data = kept[seed as usize % kept.len()].clone();
            let size = data.len();
            data.resize(2048, 0);
            let length = mutate_frames(&mut data, size, 2048, seed, &mut havoc(seed));
            data.truncate(length);
            each(&data);
            if kept.len() < 200 {
                kept.push(data);
            } else {
                kept[seed as usize % 200] = data;
            }
        }
    }

    #[test]
    fn most_of_what_is_made_reaches_a_typed_payload_and_some_breaks_every_check() {
        let missive = Missive::default();
        let (mut reached, mut all, mut codes) = (0, 0, CodeSet::EMPTY);
        runs(4000, |data| {
            all += 1;
            let mut has_payload = false;
            for (span, bytes) in spans(&missive, data) {
                match span.span_type {
                    SpanType::Message => {
                        let dissection = Dissection::of(&missive, bytes);
                        dissection.problems.iter().for_each(|problem| codes.insert(problem.code));
                        has_payload |=
                            dissection.field("payload").is_some_and(|field| !field.fields.is_empty());
                    }
                    SpanType::Skipped(code) => codes.insert(code),
                    _ => {}
                }
            }
            reached += usize::from(has_payload);
        });
        let percent = reached * 100 / all;
        assert!(percent > 80, "{percent} % reach a typed payload");
        for name in [
            "not-a-frame",
            "header-check-mismatch",
            "payload-too-long",
            "length-suspect",
            "checksum-mismatch",
            "extension-overrun",
            "extension-size",
            "payload-overrun",
            "invalid-utf8",
            "critical-extension",
            "unknown-version",
            "unknown-kind",
            "reserved-flags",
            "payload-trailing",
            "ping-too-long",
            "tag-unverified",
            "unknown-extension",
        ] {
            let code = Code::from_name(name).unwrap();
            assert!(codes.contains(code), "{name} was never made");
        }
    }

    #[test]
    fn the_same_seed_makes_the_same_change_within_its_room() {
        let seed = b"\xF5M\x01\x03 no frame".to_vec();
        for number in 0..500 {
            let run = |most: usize| {
                let mut data = seed.clone();
                data.resize(most.max(seed.len()), 0);
                let length = mutate_frames(&mut data, seed.len(), most, number, &mut havoc(number));
                data.truncate(length);
                data
            };
            for most in [0, 1, 10, 64, 4096] {
                let made = run(most);
                assert!(made.len() <= most);
                assert_eq!(made, run(most));
            }
        }
    }
}
