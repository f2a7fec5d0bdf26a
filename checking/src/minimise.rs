//! The smallest input that still shows a fault, as far as removing frames and bytes finds it.

use crate::frames::simpler_frames;
use crate::{Piece, Transcript};

/// Removes frames from `data`, and parts of frames, as long as `fails` says that the fault is still there; then bytes,
/// in ever smaller stretches; and then puts zeros in the place of bytes that do not matter. At most `tries` inputs are
/// tried.
///
/// ```
/// let fails = |data: &[u8]| data.contains(&0xF5) && data.len() >= 3;
/// assert_eq!(framescope_checking::minimise(b"some \xF5M\x01 bytes", &mut { fails }, 1000), b"\0\0\xF5");
/// ```
pub fn minimise(data: &[u8], fails: &mut dyn FnMut(&[u8]) -> bool, tries: usize) -> Vec<u8> {
    let mut best = data.to_vec();
    let mut left = tries;
    let mut still_fails = |candidate: &[u8]| {
        let may = left > 0;
        left = left.saturating_sub(1);
        may && fails(candidate)
    };
    // Whole frames first: a byte removed from one breaks its check.
    while let Some(simpler) =
        simpler_frames(&best, &mut |simpler| is_simpler(simpler, &best) && still_fails(simpler))
    {
        best = simpler;
    }
    remove(&mut best, &mut still_fails);
    zero(&mut best, &mut still_fails);
    best
}

/// Removes from a conversation what `fails` shows to be needless: pieces, the borders between them, and then bytes. At most
/// `tries` conversations are tried.
pub fn minimise_conversation(
    transcript: &Transcript,
    fails: &mut dyn FnMut(&Transcript) -> bool,
    tries: usize,
) -> Transcript {
    let mut pieces = transcript.pieces().to_vec();
    let mut left = tries;
    let mut still_fails = |candidate: &[Piece]| {
        let may = left > 0;
        left = left.saturating_sub(1);
        may && fails(&Transcript::new(candidate.iter().cloned()))
    };
    remove(&mut pieces, &mut still_fails);
    let mut at = 0;
    while let Some([first, second]) = pieces.get(at..at + 2) {
        let (Piece::Segment(role, before), Piece::Segment(other, after)) = (first, second) else {
            at += 1;
            continue;
        };
        let joined = Piece::Segment(*role, [&before[..], after].concat());
        let mut candidate = pieces.clone();
        candidate.splice(at..at + 2, [joined]);
        if role == other && still_fails(&candidate) {
            pieces = candidate;
        } else {
            at += 1;
        }
    }
    for at in 0..pieces.len() {
        let Some(Piece::Segment(role, bytes)) = pieces.get(at).cloned() else { continue };
        let with = |bytes: &[u8]| {
            let mut candidate = pieces.clone();
            candidate
                .iter_mut()
                .skip(at)
                .take(1)
                .for_each(|piece| *piece = Piece::Segment(role, bytes.to_vec()));
            candidate
        };
        let mut small = bytes;
        remove(&mut small, &mut |bytes| still_fails(&with(bytes)));
        zero(&mut small, &mut |bytes| still_fails(&with(bytes)));
        pieces = with(&small);
    }
    Transcript::new(pieces)
}

/// Removes what is not needed, in stretches of half, a quarter, and so on down to one.
fn remove<T: Clone>(best: &mut Vec<T>, still_fails: &mut dyn FnMut(&[T]) -> bool) {
    let mut stretch = best.len().div_ceil(2);
    while stretch > 0 {
        let mut at = 0;
        while at < best.len() {
            let end = (at + stretch).min(best.len());
            let mut candidate = best.clone();
            candidate.drain(at..end);
            if still_fails(&candidate) {
                *best = candidate;
            } else {
                at = end;
            }
        }
        stretch /= 2;
    }
}

/// Puts zeros in the place of bytes that do not matter.
fn zero(best: &mut Vec<u8>, still_fails: &mut dyn FnMut(&[u8]) -> bool) {
    for at in 0..best.len() {
        if best.get(at).is_none_or(|&byte| byte == 0) {
            continue;
        }
        let mut candidate = best.clone();
        candidate.iter_mut().skip(at).take(1).for_each(|byte| *byte = 0);
        if still_fails(&candidate) {
            *best = candidate;
        }
    }
}

/// Shorter, or as long with more zeros: so that taking the simpler one again and again ends.
fn is_simpler(one: &[u8], other: &[u8]) -> bool {
    let weight = |bytes: &[u8]| (bytes.len(), bytes.iter().filter(|&&byte| byte != 0).count());
    weight(one) < weight(other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use framescope_parser::missive::{Flags, FrameBuf, Kind, Missive};

    #[test]
    fn frames_become_smaller_as_frames() {
        let frame = |sequence: u32| {
            let frame = FrameBuf::new(Kind::ERROR).flags(Flags::CHECKSUM | Flags::REPLY).sequence(sequence);
            frame.channel(7).payload(format!("\0\x05 number {sequence}")).to_bytes().unwrap()
        };
        let stream: Vec<u8> = (1..20).flat_map(frame).collect();
        let missive = Missive::default();
        let mut fails = |data: &[u8]| {
            let mut frames = missive.frames(data).filter_map(|one| one.into_frame().ok());
            frames.any(|frame| frame.payload.contains(&b'7') && frame.flags.contains(Flags::CHECKSUM))
        };
        let found = minimise(&stream, &mut fails, 5000);
        let expected = FrameBuf::new(Kind::ERROR).flags(Flags::CHECKSUM).payload("7").to_bytes().unwrap();
        assert_eq!(found.len(), expected.len(), "{found:02x?}");
    }

    #[test]
    fn a_conversation_becomes_what_both_sides_have_to_say() {
        use framescope_parser::Role::{Client, Server};

        let said = |role, text: &str| Piece::Segment(role, text.as_bytes().to_vec());
        let long = [
            said(Server, "welcome"),
            said(Client, "he"),
            said(Client, "llo there"),
            Piece::Gap(Client, 9),
            said(Server, "well, "),
            said(Client, "thanks"),
            said(Server, "come in"),
            Piece::End(Client),
        ];
        let mut fails = |transcript: &Transcript| {
            let has =
                |role, text: &[u8]| transcript.said_by(role).windows(text.len()).any(|part| part == text);
            has(Client, b"lo t") && has(Server, b"come")
        };
        let small = minimise_conversation(&Transcript::new(long), &mut fails, 1000);
        let expected = [said(Client, "lo t"), said(Server, "come")];
        assert!(
            small.pieces().len() == 2 && expected.iter().all(|one| small.pieces().contains(one)),
            "{small:?}"
        );
        let mut tried = 0;
        let mut never = |_: &Transcript| {
            tried += 1;
            false
        };
        assert_eq!((minimise_conversation(&small, &mut never, 7), tried), (small, 7));
    }

    #[test]
    fn what_matters_stays_and_the_tries_are_bounded() {
        let data: Vec<u8> = (0..=255).collect();
        let mut tried = 0;
        let found = minimise(
            &data,
            &mut |data| {
                tried += 1;
                data.windows(2).any(|two| two == [7, 8]) && data.contains(&200)
            },
            10_000,
        );
        assert_eq!(found, [7, 8, 200]);
        assert!(tried < 1000, "{tried}");
        let mut tried = 0;
        let same = minimise(
            &data,
            &mut |_| {
                tried += 1;
                false
            },
            50,
        );
        assert_eq!((same, tried), (data, 50));
        assert!(minimise(b"", &mut |_| true, 10).is_empty());
    }
}
