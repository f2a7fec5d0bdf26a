//! The smallest input that still shows a fault, as far as removing frames and bytes finds it.

use crate::frames::simpler_frames;

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
    remove_bytes(&mut best, &mut still_fails);
    for at in 0..best.len() {
        if best.get(at).is_none_or(|&byte| byte == 0) {
            continue;
        }
        let mut candidate = best.clone();
        candidate.iter_mut().skip(at).take(1).for_each(|byte| *byte = 0);
        if still_fails(&candidate) {
            best = candidate;
        }
    }
    best
}

/// Removes what is not needed, in stretches of half, a quarter, and so on down to a byte.
fn remove_bytes(best: &mut Vec<u8>, still_fails: &mut dyn FnMut(&[u8]) -> bool) {
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
